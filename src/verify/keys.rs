//! The public keys that digests are signed with, as `aws cloudtrail list-public-keys` prints them, or as PEM.

use super::digest::SIGNATURE_ALGORITHM;
use crate::parse::time::{format_iso, iso_time};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde::Deserialize;

/// Keys are listed for the hours of a digest and two more
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-custom-validation.html>).
const VALIDITY_SLACK_MS: i64 = 2 * 3_600_000;

/// Public keys, by fingerprint.
#[derive(Clone, Debug, Default)]
pub struct PublicKeys {
    keys: Vec<PublicKey>,
}

#[derive(Clone, Debug)]
struct PublicKey {
    /// None: a key that came without, and is tried on all.
    fingerprint: Option<String>,
    /// PKCS#1, DER.
    der: Vec<u8>,
    start_ms: Option<i64>,
    end_ms: Option<i64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Document {
    List(PublicKeyList),
    Keys(Vec<PublicKeyText>),
    Lists(Vec<PublicKeyList>),
}

#[derive(Deserialize)]
struct PublicKeyList {
    #[serde(rename = "PublicKeyList")]
    keys: Vec<PublicKeyText>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PublicKeyText {
    value: String,
    fingerprint: String,
    validity_start_time: Option<Time>,
    validity_end_time: Option<Time>,
}

/// As text, or in seconds since 1970: the two major versions of the AWS CLI differ.
#[derive(Deserialize)]
#[serde(untagged)]
enum Time {
    Text(String),
    Seconds(f64),
}

impl Time {
    fn instant(&self) -> Result<i64, String> {
        match self {
            Time::Text(text) => iso_time(text.as_bytes()).ok_or_else(|| format!("{text} is no time")),
            Time::Seconds(seconds) => Ok((seconds * 1000.0) as i64),
        }
    }
}

/// Why a document is no list of keys. That it has none of the forms is no help: it says what they are.
fn unexpected(error: &serde_json::Error) -> String {
    let expected = "expected what `aws cloudtrail list-public-keys` prints: \
        {\"PublicKeyList\": [{\"Value\": …, \"Fingerprint\": …, \"ValidityStartTime\": …, \"ValidityEndTime\": …}]}";
    if error.is_data() {
        return format!("it is JSON of another form; {expected}");
    }
    format!("it is no JSON ({error}); {expected}")
}

impl PublicKeys {
    /// Reads one or more lists, one behind the other (one a region), or a key in PEM or base64.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<PublicKeys, String> {
        let text = text.trim_start_matches('\u{feff}').trim();
        let mut keys = Vec::new();
        if !text.starts_with(['{', '[']) {
            let der = der_of(text)?;
            return Ok(PublicKeys {
                keys: vec![PublicKey { fingerprint: None, der, start_ms: None, end_ms: None }],
            });
        }
        for document in serde_json::Deserializer::from_str(text).into_iter::<Document>() {
            let listed = match document.map_err(|error| unexpected(&error))? {
                Document::List(list) => list.keys,
                Document::Keys(keys) => keys,
                Document::Lists(lists) => lists.into_iter().flat_map(|list| list.keys).collect(),
            };
            for key in listed {
                let named = |reason: String| format!("key {}: {reason}", key.fingerprint);
                let instant = |time: &Option<Time>| time.as_ref().map(Time::instant).transpose().map_err(named);
                keys.push(PublicKey {
                    der: der_of(&key.value).map_err(named)?,
                    start_ms: instant(&key.validity_start_time)?,
                    end_ms: instant(&key.validity_end_time)?,
                    fingerprint: Some(key.fingerprint),
                });
            }
        }
        if keys.is_empty() {
            return Err(
                "it lists no key: ask list-public-keys for the time of the digests, in their region".to_owned()
            );
        }
        Ok(PublicKeys { keys })
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Can signatures of that kind be checked?
    ///
    /// # Errors
    /// Why not.
    pub fn can_check(&self, fingerprint: &str, algorithm: Option<&str>) -> Result<(), String> {
        if self.is_empty() {
            return Err("no public keys were given (--public-keys)".to_owned());
        }
        if let Some(other) = algorithm.filter(|name| *name != SIGNATURE_ALGORITHM) {
            return Err(format!("it is signed by an algorithm that is not known here: {other}"));
        }
        self.of(fingerprint).next().map(|_| ()).ok_or_else(|| {
            format!(
                "--public-keys has no key with the fingerprint {fingerprint}: list those of its region and time"
            )
        })
    }

    /// Is it a signature of the text by the key of that fingerprint?
    pub fn check(&self, fingerprint: &str, text: &str, signature: &[u8]) -> bool {
        let is_of = |key: &PublicKey| {
            let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key.der);
            key.verify(text.as_bytes(), signature).is_ok()
        };
        self.of(fingerprint).any(is_of)
    }

    /// Was the key of that fingerprint valid then?
    ///
    /// # Errors
    /// When it was.
    pub fn check_validity(&self, fingerprint: &str, signed_ms: i64) -> Result<(), String> {
        let outcomes = self.of(fingerprint).map(|key| key.covers(signed_ms));
        outcomes.reduce(Result::or).unwrap_or(Ok(()))
    }

    fn of<'a>(&'a self, fingerprint: &'a str) -> impl Iterator<Item = &'a PublicKey> {
        self.keys.iter().filter(move |key| key.fingerprint.as_deref().is_none_or(|name| name == fingerprint))
    }
}

impl PublicKey {
    fn covers(&self, signed_ms: i64) -> Result<(), String> {
        let early = self.start_ms.is_some_and(|start| signed_ms < start.saturating_sub(VALIDITY_SLACK_MS));
        let late = self.end_ms.is_some_and(|end| signed_ms > end.saturating_add(VALIDITY_SLACK_MS));
        if !early && !late {
            return Ok(());
        }
        let name = self.fingerprint.as_deref().unwrap_or_default();
        let time = |time: Option<i64>| time.map_or("…".to_owned(), format_iso);
        let (start, end) = (time(self.start_ms), time(self.end_ms));
        Err(format!(
            "key {name} is valid from {start} to {end}, and the digest was signed at {}",
            format_iso(signed_ms)
        ))
    }
}

/// The PKCS#1 key in PEM or in base64 of DER, also inside the wrapping that other tools expect (SPKI).
fn der_of(text: &str) -> Result<Vec<u8>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("-----"));
    let base64: String = lines.flat_map(str::chars).filter(|character| !character.is_whitespace()).collect();
    let der = STANDARD.decode(&base64).map_err(|error| format!("the key is no base64: {error}"))?;
    match unwrapped(&der) {
        Some(key) => Ok(key.to_vec()),
        None => Err("the key is neither an RSA key of PKCS#1 nor of SPKI, in DER".to_owned()),
    }
}

/// What every SPKI of an RSA key begins with: the algorithm's identifier and no parameters (RFC 3279, 2.3.1).
const RSA_ENCRYPTION: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

fn unwrapped(der: &[u8]) -> Option<&[u8]> {
    let (inside, rest) = element(der, SEQUENCE)?;
    if !rest.is_empty() {
        return None;
    }
    let Some(wrapped) = inside.strip_prefix(RSA_ENCRYPTION) else {
        return (inside.first() == Some(&INTEGER)).then_some(der);
    };
    // The first byte of a bit string tells how many of its last bits are none.
    let (key, rest) = element(wrapped, BIT_STRING)?;
    let key = key.strip_prefix(&[0])?;
    (rest.is_empty() && element(key, SEQUENCE)?.1.is_empty()).then_some(key)
}

/// The content of the DER element of that tag at the begin, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let [first, length, rest @ ..] = der else { return None };
    if *first != tag {
        return None;
    }
    let (length, rest) = if *length < 0x80 {
        (usize::from(*length), rest)
    } else {
        let (digits, rest) =
            rest.split_at_checked(usize::from(*length - 0x80)).filter(|(digits, _)| digits.len() <= 2)?;
        (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::SigningKey;

    /// The key in PKCS#1.
    fn pkcs1() -> Vec<u8> {
        let list = SigningKey::organisation().public_key_list(0, 1);
        STANDARD.decode(list["PublicKeyList"][0]["Value"].as_str().unwrap()).unwrap()
    }

    fn spki() -> Vec<u8> {
        let key = pkcs1();
        let length = |content: usize| [0x82, (content >> 8) as u8, content as u8];
        let bits = [&[BIT_STRING][..], &length(key.len() + 1), &[0], &key].concat();
        [&[SEQUENCE][..], &length(RSA_ENCRYPTION.len() + bits.len()), RSA_ENCRYPTION, &bits].concat()
    }

    #[test]
    fn every_form_of_a_key_checks_the_same_signature() {
        let key = SigningKey::organisation();
        let list = key.public_key_list(0, 4_000_000_000);
        let pem = |der: &[u8]| {
            let base64 = STANDARD.encode(der);
            let lines: Vec<&str> =
                base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
            format!("-----BEGIN KEY-----\r\n{}\r\n-----END KEY-----\n", lines.join("\r\n"))
        };
        let in_list = |value: String| {
            let mut list = list.clone();
            list["PublicKeyList"][0]["Value"] = value.into();
            list.to_string()
        };
        let other = SigningKey::stranger().public_key_list(0, 4_000_000_000);
        let signature = super::super::digest::bytes_of(&key.sign("text")).unwrap();
        for text in [
            list.to_string(),
            format!("\u{feff}{other}\n{list}"),
            format!("[{other}, {list}]"),
            list["PublicKeyList"].to_string(),
            in_list(pem(&spki())),
            in_list(STANDARD.encode(spki())),
            pem(&pkcs1()),
            pem(&spki()),
            STANDARD.encode(spki()),
        ] {
            let keys = PublicKeys::parse(&text).unwrap_or_else(|reason| panic!("{reason}: {text}"));
            assert_eq!(keys.can_check(&key.fingerprint(), None), Ok(()));
            assert!(keys.check(&key.fingerprint(), "text", &signature), "{text}");
            assert!(!keys.check(&key.fingerprint(), "another text", &signature), "{text}");
            assert!(!keys.check(&key.fingerprint(), "text", &signature[1..]), "{text}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let mut long = spki();
        long.push(0);
        for text in [
            "",
            "{}",
            "[]",
            "not base64!",
            "AAAA",
            "{\"PublicKeyList\": [{\"Value\": \"AAAA\", \"Fingerprint\": \"f\"}]}",
            "{\"PublicKeyList\": [{\"Fingerprint\": \"f\"}]}",
            "{\"PublicKeyList\": []}",
            "{\"PublicKeyList\": ",
            &STANDARD.encode(&long),
            &STANDARD.encode(&spki()[..100]),
            &STANDARD.encode([SEQUENCE, 0x84, 0xff, 0xff, 0xff, 0xff]),
            &STANDARD.encode([SEQUENCE, 0x80]),
        ] {
            assert!(PublicKeys::parse(text).is_err(), "{text}");
        }
        for (text, why) in
            [("{\"Records\": []}", "JSON of another form"), ("{\"PublicKeyList\": ", "no JSON (EOF")]
        {
            let reason = PublicKeys::parse(text).unwrap_err();
            assert!(reason.contains(why) && reason.contains("{\"PublicKeyList\": [{\"Value\""), "{reason}");
            assert!(!reason.contains("untagged"), "{reason}");
        }
    }

    #[test]
    fn it_is_told_why_nothing_can_be_checked() {
        let key = SigningKey::organisation();
        let keys = PublicKeys::parse(&key.public_key_list(100_000, 200_000).to_string()).unwrap();
        let name = key.fingerprint();
        for (fingerprint, algorithm, expected) in [
            (&*name, Some("SHA256withRSA"), None),
            (&*name, None, None),
            (&*name, Some("SHA1withRSA"), Some("SHA1withRSA")),
            ("other", None, Some("no key with the fingerprint other")),
        ] {
            let reason = keys.can_check(fingerprint, algorithm).err();
            assert_eq!(reason.is_some(), expected.is_some(), "{reason:?}");
            assert!(reason.unwrap_or_default().contains(expected.unwrap_or_default()));
        }
        for (signed_ms, is_valid) in [
            (150_000_000, true),
            (200_000_000 + VALIDITY_SLACK_MS, true),
            (200_000_001 + VALIDITY_SLACK_MS, false),
            (100_000_000 - VALIDITY_SLACK_MS, true),
            (99_999_999 - VALIDITY_SLACK_MS, false),
        ] {
            assert_eq!(keys.check_validity(&name, signed_ms).is_ok(), is_valid, "{signed_ms}");
        }
        let none = PublicKeys::default().can_check(&name, None);
        assert!(none.is_err_and(|reason| reason.contains("--public-keys")));
    }
}
