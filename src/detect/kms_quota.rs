//! How many requests a second AWS KMS takes from an account in a region.
//!
//! The numbers are AWS's defaults as of 2026, all of
//! <https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html>; an account may have had them changed.

use serde::Deserialize;
use std::borrow::Cow;

/// Where the numbers are from.
pub const SOURCE: &str = "https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html";

/// The quota that nearly all calls for data share, also those that S3 makes.
pub const SYMMETRIC: &str = "Cryptographic operations (symmetric)";
const RSA: &str = "Cryptographic operations (RSA)";
const ECC: &str = "Cryptographic operations (ECC and SM2)";
const ML_DSA: &str = "Cryptographic operations (ML-DSA)";

/// [`SYMMETRIC`] by region; other regions have one default, which is configured.
pub static SYMMETRIC_BY_REGION: [(&str, u64); 9] = [
    ("us-east-1", 100_000),
    ("us-west-2", 100_000),
    ("eu-west-1", 100_000),
    ("us-east-2", 20_000),
    ("ap-southeast-1", 20_000),
    ("ap-southeast-2", 20_000),
    ("ap-northeast-1", 20_000),
    ("eu-central-1", 20_000),
    ("eu-west-2", 20_000),
];

/// Every other quota, by its name in AWS's table without "request rate". Those of one request a second or less are left
/// out, as any call is all of them; those of RSA key pairs do not hold in Chinese regions, where they are such.
pub static OTHERS: [(&str, u64); 51] = [
    (RSA, 1000),
    (ECC, 1000),
    (ML_DSA, 1000),
    ("CancelKeyDeletion", 5),
    ("ConnectCustomKeyStore", 5),
    ("CreateAlias", 5),
    ("CreateCustomKeyStore", 5),
    ("CreateGrant", 50),
    ("CreateKey", 5),
    ("DeleteAlias", 15),
    ("DeleteCustomKeyStore", 5),
    ("DeleteImportedKeyMaterial", 15),
    ("DescribeCustomKeyStores", 5),
    ("DescribeKey", 2000),
    ("DisableKey", 5),
    ("DisableKeyRotation", 5),
    ("DisconnectCustomKeyStore", 5),
    ("EnableKey", 5),
    ("EnableKeyRotation", 15),
    ("GenerateDataKeyPair (ECC_NIST_P256)", 100),
    ("GenerateDataKeyPair (ECC_NIST_P384)", 100),
    ("GenerateDataKeyPair (ECC_NIST_P521)", 100),
    ("GenerateDataKeyPair (ECC_SECG_P256K1)", 100),
    ("GenerateDataKeyPair (ECC_NIST_EDWARDS25519)", 100),
    ("GenerateDataKeyPair (RSA_2048)", 20),
    ("GenerateDataKeyPair (RSA_3072)", 4),
    ("GenerateDataKeyPair (SM2)", 25),
    ("GetKeyLastUsage", 5),
    ("GetKeyPolicy", 1000),
    ("GetKeyRotationStatus", 1000),
    ("GetPublicKey", 2000),
    ("ImportKeyMaterial", 15),
    ("ListAliases", 500),
    ("ListGrants", 100),
    ("ListKeyPolicies", 100),
    ("ListKeys", 500),
    ("ListKeyRotations", 100),
    ("ListResourceTags", 2000),
    ("ListRetirableGrants", 100),
    ("PutKeyPolicy", 15),
    ("ReplicateKey", 5),
    ("RetireGrant", 50),
    ("RevokeGrant", 50),
    ("RotateKeyOnDemand", 5),
    ("ScheduleKeyDeletion", 15),
    ("TagResource", 10),
    ("UntagResource", 5),
    ("UpdateAlias", 5),
    ("UpdateCustomKeyStore", 5),
    ("UpdateKeyDescription", 5),
    ("UpdatePrimaryRegion", 5),
];

/// What a site may say about the quota [`SYMMETRIC`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symmetric {
    /// Requests a second in regions that AWS's table does not name.
    pub elsewhere: u64,
    /// Requests a second in every region, if AWS granted another number; 0 if not.
    pub granted: u64,
}

/// Requests a second under a quota in a region; `None` if there is none that is known.
pub fn a_second(quota: &str, region: Option<&str>, symmetric: Symmetric) -> Option<u64> {
    if quota == SYMMETRIC {
        let listed = SYMMETRIC_BY_REGION.iter().find(|(name, _)| region == Some(name));
        return Some(match symmetric.granted {
            0 => listed.map_or(symmetric.elsewhere, |(_, quota)| *quota),
            granted => granted,
        });
    }
    let is_in_china = region.is_some_and(|region| region.starts_with("cn-"));
    let is_unknown = is_in_china && quota.starts_with("GenerateDataKeyPair (RSA");
    OTHERS.iter().find(|(name, _)| *name == quota).filter(|_| !is_unknown).map(|(_, quota)| *quota)
}

/// What the parameters of a call say about its quota and its data; absent where they are no JSON object.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Parameters<'a> {
    #[serde(borrow)]
    encryption_algorithm: Option<Cow<'a, str>>,
    #[serde(borrow)]
    signing_algorithm: Option<Cow<'a, str>>,
    #[serde(borrow)]
    key_pair_spec: Option<Cow<'a, str>>,
    #[serde(borrow)]
    encryption_context: Option<Context<'a>>,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Context<'a> {
    #[serde(borrow, rename = "aws:s3:arn")]
    s3_arn: Option<Cow<'a, str>>,
}

impl<'a> Parameters<'a> {
    /// Of the text of `request_parameters`.
    pub fn of(text: Option<&'a str>) -> Parameters<'a> {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// Bucket that S3 asks for, and the key of the object if it asks for one, which it does where there is no S3 Bucket
    /// Key (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html>).
    pub fn data(&self) -> Option<(&str, Option<&str>)> {
        let arn = self.encryption_context.as_ref()?.s3_arn.as_deref()?;
        let resource = arn.splitn(6, ':').nth(5).filter(|resource| !resource.is_empty())?;
        match resource.split_once('/') {
            Some(("", _)) => None,
            Some((bucket, key)) => Some((bucket, Some(key).filter(|key| !key.is_empty()))),
            None => Some((resource, None)),
        }
    }

    /// The name of the quota that a call counts against; that of the operation if it shares none.
    pub fn quota(&self, action: &'a str) -> Cow<'a, str> {
        let algorithm = match action {
            "Sign" | "Verify" => self.signing_algorithm.as_deref(),
            "Decrypt" | "Encrypt" | "ReEncrypt" => self.encryption_algorithm.as_deref(),
            _ => None,
        };
        let shared = match (action, algorithm) {
            ("DeriveSharedSecret", _) => ECC,
            (_, Some(name)) if name.starts_with("RSA") => RSA,
            (_, Some(name)) if name.starts_with("ML_DSA") => ML_DSA,
            (_, Some(name)) if ["ECDSA", "ED25519", "SM2"].iter().any(|start| name.starts_with(start)) => ECC,
            (
                "Decrypt"
                | "Encrypt"
                | "GenerateDataKey"
                | "GenerateDataKeyWithoutPlaintext"
                | "GenerateMac"
                | "GenerateRandom"
                | "ReEncrypt"
                | "VerifyMac",
                _,
            ) => SYMMETRIC,
            ("GenerateDataKeyPair" | "GenerateDataKeyPairWithoutPlaintext", _) => {
                let spec = self.key_pair_spec.as_deref().unwrap_or("of an unknown kind");
                return format!("GenerateDataKeyPair ({spec})").into();
            }
            _ => return action.into(),
        };
        shared.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Symmetric = Symmetric { elsewhere: 5000, granted: 0 };

    #[test]
    fn quotas_are_those_of_the_region_or_one_default() {
        let raised = Symmetric { granted: 300_000, ..USUAL };
        for (quota, region, symmetric, expected) in [
            (SYMMETRIC, Some("us-east-1"), USUAL, Some(100_000)),
            (SYMMETRIC, Some("ap-southeast-2"), USUAL, Some(20_000)),
            (SYMMETRIC, Some("eu-north-1"), USUAL, Some(5000)),
            (SYMMETRIC, None, USUAL, Some(5000)),
            (SYMMETRIC, Some("eu-north-1"), raised, Some(300_000)),
            (SYMMETRIC, Some("us-east-1"), raised, Some(300_000)),
            (RSA, Some("us-east-1"), raised, Some(1000)),
            ("CreateGrant", Some("eu-west-1"), USUAL, Some(50)),
            ("GenerateDataKeyPair (RSA_2048)", Some("eu-west-1"), USUAL, Some(20)),
            ("GenerateDataKeyPair (RSA_2048)", Some("cn-north-1"), USUAL, None),
            ("Sign", Some("eu-west-1"), USUAL, None),
        ] {
            assert_eq!(a_second(quota, region, symmetric), expected, "{quota} {region:?}");
        }
        for (index, (name, quota)) in OTHERS.iter().enumerate() {
            assert!(*quota > 1 && !OTHERS[..index].iter().any(|(other, _)| other == name), "{name}");
        }
    }

    #[test]
    fn a_call_counts_against_the_quota_of_its_operation_and_kind_of_key() {
        for (action, parameters, expected) in [
            ("Decrypt", None, SYMMETRIC),
            ("Decrypt", Some("null"), SYMMETRIC),
            ("Decrypt", Some(r#"{"encryptionAlgorithm":"SYMMETRIC_DEFAULT"}"#), SYMMETRIC),
            ("Decrypt", Some(r#"{"encryptionAlgorithm":"RSAES_OAEP_SHA_256"}"#), RSA),
            ("Decrypt", Some(r#"{"encryptionContext":{"encryptionAlgorithm":"RSAES_OAEP_SHA_256"}}"#), SYMMETRIC),
            ("GenerateDataKeyWithoutPlaintext", Some("{}"), SYMMETRIC),
            ("VerifyMac", Some("{}"), SYMMETRIC),
            ("Sign", Some(r#"{"signingAlgorithm":"RSASSA_PSS_SHA_512"}"#), RSA),
            ("Verify", Some(r#"{"signingAlgorithm":"ECDSA_SHA_256"}"#), ECC),
            ("Sign", Some(r#"{"signingAlgorithm":"ML_DSA_SHAKE_256"}"#), ML_DSA),
            ("Sign", Some("{}"), "Sign"),
            ("GenerateDataKeyPair", Some(r#"{"keyPairSpec":"RSA_3072"}"#), "GenerateDataKeyPair (RSA_3072)"),
            ("CreateKey", Some(r#"{"keySpec":7}"#), "CreateKey"),
        ] {
            assert_eq!(Parameters::of(parameters).quota(action), expected, "{action} {parameters:?}");
        }
    }

    #[test]
    fn the_data_is_read_from_the_context() {
        let of = |arn: &str| {
            let text = format!(r#"{{"encryptionContext":{{"aws:s3:arn":"{arn}","a":7}},"keyId":"k"}}"#);
            Parameters::of(Some(&text)).data().map(|(bucket, key)| (bucket.to_owned(), key.map(str::to_owned)))
        };
        let object = |key: &str| Some(("b".to_owned(), Some(key.to_owned())));
        assert_eq!(of("arn:aws:s3:::b/a/k"), object("a/k"));
        assert_eq!(of("arn:aws:s3:::b/a:k"), object("a:k"));
        assert_eq!(
            (of("arn:aws:s3:::b"), of("arn:aws:s3:::b/")),
            (Some(("b".to_owned(), None)), Some(("b".to_owned(), None)))
        );
        assert_eq!((of("arn:aws:s3:::/k"), of("b/k"), of("")), (None, None, None));
        assert_eq!(Parameters::of(Some("{aws:s3:arn")), Parameters::default());
    }
}
