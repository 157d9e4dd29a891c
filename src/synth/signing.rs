//! Signs made-up digests. The keys are published here, so they protect nothing: what they sign is made up.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::Value;

use super::calendar::formatted;

/// A key pair that signs as CloudTrail does: RSASSA-PKCS1-v1_5 with SHA-256.
pub struct SigningKey {
    pair: RsaKeyPair,
}

impl SigningKey {
    /// The key of the made-up organisation.
    pub fn organisation() -> SigningKey {
        SigningKey::new(ORGANISATION)
    }

    /// A key of somebody else.
    pub fn stranger() -> SigningKey {
        SigningKey::new(STRANGER)
    }

    fn new(base64: &str) -> SigningKey {
        let der = STANDARD.decode(base64).expect("the key stands below");
        SigningKey { pair: RsaKeyPair::from_pkcs8(&der).expect("the key stands below") }
    }

    /// The name of its public key.
    pub fn fingerprint(&self) -> String {
        hexadecimal(&digest(&SHA256, self.pair.public().as_ref()).as_ref()[..16])
    }

    /// The public key as `aws cloudtrail list-public-keys` prints it, valid between two times in seconds since 1970.
    pub fn public_key_list(&self, start: i64, end: i64) -> Value {
        serde_json::json!({"PublicKeyList": [{
            "Value": STANDARD.encode(self.pair.public()),
            "ValidityStartTime": formatted(start, "%Y-%m-%dT%H:%M:%S+00:00"),
            "ValidityEndTime": formatted(end, "%Y-%m-%dT%H:%M:%S+00:00"),
            "Fingerprint": self.fingerprint(),
        }]})
    }

    /// The signature of a text, in hexadecimal digits. The same text has the same signature.
    pub fn sign(&self, text: &str) -> String {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        let signed = self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature);
        signed.expect("the signature has the length of the key");
        hexadecimal(&signature)
    }

    /// The signature of a digest file, which is of some of its fields and of the hash of its text.
    pub fn sign_digest(&self, digest_text: &[u8]) -> String {
        let fields: Value = serde_json::from_slice(digest_text).unwrap_or_default();
        let field = |name: &str| fields[name].as_str().unwrap_or("null").to_owned();
        let (bucket, key) = (field("digestS3Bucket"), field("digestS3Object"));
        let (end, previous) = (field("digestEndTime"), field("previousDigestSignature"));
        self.sign(&format!("{end}\n{bucket}/{key}\n{}\n{previous}", sha256(digest_text)))
    }
}

/// The SHA-256 of bytes in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(digest(&SHA256, bytes).as_ref())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// PKCS#8, made with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048`.
const ORGANISATION: &str = "\
    MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDWCD0yvQO7DCmM55TuEjls+wS+jwhcGJdFwcHF5rNxXkUirUSN\
    M+77D9QsNfvDr00j6QG1kLDm/axp3taQ9lD3h5oPTnYLZKcAETK3y5O5B80nglMKjCr6St6HG/7Ds+9HWlYPMf4Ti4mgG416ifka\
    gWfpDD+5EMSwx0tmpBqcw2mwCN8h6poU4LmfxXoFlo6GqKPdsKsdx9ltVOUXagKvRKCIkoyzrKlN+SFe1tfJLbfSDJxQzouDC/8c\
    RXY/uKlB7zgBpAry/8nETh8LamtqDhjQHV3DugNkg9WZPG8avCGI6ZsQKulvYitYXz1wSjYsYIBu+xAo8eH0F1P6U03ZAgMBAAEC\
    ggEAGPjBXib+NU/GFcfrwQqci13ut+aDis4+MQ/6EiNYdp7ReWomnERtyrpWLpnWT+anPQw5rDPPZgX9HKWYmnV4rSazt3s3q9zg\
    nLIE/Tt59u3Fdol+s5V2yrjbRX+DThVTcrtkHNX//0sJocXxL/XC3AAy7daFZUvi7P61qgo1xioSbpkpA8MGnZ88p4D6RC3popjb\
    Vnl0W8r8iJV7eZKVKe3Q1LicA8czCTgl/x4WhXLwimKFdqXHNJTJ4r4oTv+oIS5XKele02e5BcK0HN2qtGrS/FdOB6Y4Cw/pz97a\
    gragsCJyGayqzcqzHHn3brfHpxaJpvkZZd1I6qCqOqykUQKBgQDqsJk9wZrv/oFb7mKzPeqnfiezle6vXT1FA+cfZQztJvmnQNRE\
    m9dkQmkgMTl+5yTIbU8w0qtITvqsEDpH0df3iN4wDQzq7ZMuaQRn7qeeThzWttO9t1QjHuVKAKxGGz8ukLyN4R6g5Pf2i3fob57Y\
    oIcrHJNVVfZvH+u0T25jqQKBgQDpd3M5xnUByYqCFw9YBv84IkERyFk3wJ0Mullm5YGmGSlBROqOGnZjwM7pCvXIsBnVn8ErqFkL\
    Z8taPF3GTBj+qkpTGMslGdUzVtgjj1HiNhOjDzip30ReaBAwT9OfOdSgwC9JayKuoXURzcaURPC9eZADOX7/mw1Vi4/yZtz2sQKB\
    gQCqaCQ8xTEdBa0j9UnRYCncCCwHp9wxlQAB9r2A/DyQjfZETTxTvNx+vgHbECLxVCBPL5+Kkc0wqbg162qF74ZjBAxg03kHtA1k\
    a3h5hr5KoekqtoG0hUMgZTSTsT1lgi80Pn/KfSViKh8p80bTjQjHvnenBA6urcZMFd9tgydiUQKBgAo0x5vB+kF+vwha27fcbnHU\
    xYVyfbv7NqJkzx25cMaDGROaYKqfq4dG2YTEjuQcFrUJC9fNvz7JZdFnDC5sCzeu2Brz3YWcsH5TEJXVYR4DgS5CrxZ2BTYfVH3Y\
    L4cpbwsr+6U5AsYhls2VclXvAZs24j3R2KRx8c5IkJ1nM8exAoGAGxB8RAbWRao0f2zwUFducVHN4/0o9zw5uxpzOT8tTPRgW1qj\
    Wnm62+6auN/xSzp7mXpIb2jLa4bMJf4/Bmzcp+awdfyON8Ssc5I8fSn3ISjAoJRWZfxxch31vBv6em3jMDA5LJY5kEcOIdIzMkiV\
    vXEsZK/BQ2BEBmSTcEI+2yk=";

const STRANGER: &str = "\
    MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQCglHxnjWDchRyTUCiBT9Lc02sZsqkm6BoFRvBbQ2r6zuwjM2uX\
    t9pXnVF+p57DkbkDWwb0mu2tcE3wJoqyPp2YsgWm8bCe8lPJHdcDE3G05+wBxhY+LbYes13Dx2vXBu+vlbdLt/fMM3PwxkdpztiA\
    lulSjitgbPIaagAyUvOwljd29FGzsYNMFpnjEFyRv4SqlPRaSwYlSUXPQQLxlRZhBVtjMaeR3cT/hVTpf/Irhsd7tApqdZqV0DoT\
    I1Ou2igySSJit6sBUzC8zIUVoTPlEs7SP5S97lZubrFcUIbQ/V+D0KUzxD5MG2ygMbtO2Fc9bzsfwNvuh1jBdxgezKczAgMBAAEC\
    ggEABepCUa9jBh+yVEWlIFJLUnTiCPtl5x5KN+Lx+QkMOHq4nXlU7GAXRZfwoXY7zzkGDcOwh2a3lgAN8IH/voSEJwfgiAXdVPvy\
    YY7dImqScZc2pqZ50xOGL5S5QckN32KMuYHBBtbn5IujdZb2mKt7M41oWqQ/08vF+HqEHfAK58VdAEl7zbf7mVYCwQJ7ac/6ZfP4\
    x+OEy9CLaihN6dEtEeVJVU9BQF/oP/0S5laMbTMesc5R9lD+SkjEyefiOSk+rlTmafYvb5xF/e7jlGWR20AdI5PxGz7QnJkIsyDs\
    nZyzNC0GnHLsMnmpliPpc8vk8/rOr94S07pV4hgyUNNrOQKBgQDbNLHlxf7MFUIti3hty7lPVk83P1NEjdqpjwotXJRaiaPBGhzq\
    gX6LlTt7t9pauG9Cllx1Q00f2nfXSh4U+GKndVXdpMWZFJYMf3I9ZilhXN4tm15LmCVKcZqhI+YumBSZbV7E9nfYb4xrW9c5zDgS\
    1NCCZTo4+JMK6ZGBoi52mQKBgQC7iKGz69q5XWhNWqIUIh/Dgly2+u6bMz+Q97MUAfa+7iHbVURFfGnjwOm7Tz/FsKqfnbqxxTBp\
    Kaq134agMaaHXkl/lvQTEgtDgCmFEKQnUopAId08jQxjnDJQsuocp1oh/Ne+K5ieAFTYFFDgv0cvb5zLjdUsTvCEY5cdTDdHqwKB\
    gGKj9MWz8jN+AXijQT8PJMVpzl3LFjpMJzCT2H2PIocXVuQHTynLudkv/0Nt+UlHo3FwXgy6i1MhKTps9Np051f5ufjyM6TuGZNo\
    Kk0s0sQoWSZmuukDfwxf0Lhggi1HbEWabMHvMwDnOWX6PwCYQEdhEq8KxEdsvCZ18m9GPuhJAoGACqCpmUqqcIrMmGWkfcOZTTkc\
    C/qYfw8ecRa4fU/HLfbM0GM6pT1xush59nV9RbTHVphXti9YmP0VgY0TUgy+RTmgrKxfVJ1XKhIfSD0zME9LKmtA4GeV5ic56rzY\
    65rITtjHWS2bTojyRfSQyMvOOu/2UMrO493tX3NNYwmosFUCgYBzCcGACuZiBNc6PsINitSsCocrqacVTYHCOoQsBZSHvv3a4D4U\
    p04iR/LSkstiupH52y91tBaFfsCpEz5etf7JXHKbKwAlIh0tdCcH7D9CjgeAzUmc6O1sDOg9XbC4XthT8mLj138tttnetCvX4tYZ\
    /jaqAPv5kmy2cCLviphn1w==";
