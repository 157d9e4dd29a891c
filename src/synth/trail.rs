//! A trail as CloudTrail delivers it: log files, and each hour a signed digest of them.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::calendar::formatted;
use super::generator::Generator;
use super::options::{SynthLog, SynthOptions};
use super::random::{Random, mix};
use super::signing::{SigningKey, sha256};
use super::world::{ACCOUNT, text};

const HOUR: i64 = 3_600;

/// CloudTrail names files by times that are multiples of five minutes.
const DELIVERY: i64 = 300;

/// What a trail is and where it delivers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailNames {
    /// The bucket.
    pub bucket: String,
    /// What keys begin with, with a slash at the end; mostly empty.
    pub prefix: String,
    /// The organization whose trail it is.
    pub organization_id: Option<String>,
    /// The account whose events it holds.
    pub account_id: String,
    /// Their region, also the home of the trail.
    pub region: String,
    /// The name of the trail.
    pub trail: String,
}

impl Default for TrailNames {
    fn default() -> TrailNames {
        TrailNames {
            bucket: "amzn-s3-demo-trail".to_owned(),
            prefix: String::new(),
            organization_id: None,
            account_id: ACCOUNT.to_owned(),
            region: "us-east-1".to_owned(),
            trail: "management-events".to_owned(),
        }
    }
}

impl TrailNames {
    fn folder(&self, kind: &str, time: i64) -> String {
        let organization = self.organization_id.as_ref().map_or(String::new(), |id| format!("{id}/"));
        let (prefix, account, region) = (&self.prefix, &self.account_id, &self.region);
        format!("{prefix}AWSLogs/{organization}{account}/{kind}/{region}/{}", formatted(time, "%Y/%m/%d"))
    }

    /// The key of a log file that was made at that time, in seconds since 1970.
    pub fn log_key(&self, time: i64, unique: &str) -> String {
        let (account, region) = (&self.account_id, &self.region);
        let minute = formatted(time, "%Y%m%dT%H%MZ");
        format!("{}/{account}_CloudTrail_{region}_{minute}_{unique}.json.gz", self.folder("CloudTrail", time))
    }

    /// The key of the digest of the hour that ends then.
    pub fn digest_key(&self, end: i64) -> String {
        let (account, region, trail) = (&self.account_id, &self.region, &self.trail);
        let folder = self.folder("CloudTrail-Digest", end);
        let second = formatted(end, "%Y%m%dT%H%M%SZ");
        format!("{folder}/{account}_CloudTrail-Digest_{region}_{trail}_{region}_{second}.json.gz")
    }
}

/// A log file that a digest lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveredLog {
    /// Its key.
    pub s3_object: String,
    /// The SHA-256 of its text, in hexadecimal digits.
    pub sha256: String,
    /// The times of its first and its last event, in seconds since 1970.
    pub events: (i64, i64),
}

/// An object of a trail before compression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailObject {
    /// Its key.
    pub s3_object: String,
    /// Its text.
    pub text: Vec<u8>,
    /// Of a digest: the metadata of the object.
    pub metadata: Option<Value>,
}

/// Writes one digest after the other, each with the hash and the signature of the one before.
pub struct DigestWriter<'k> {
    names: TrailNames,
    key: &'k SigningKey,
    previous: Option<(String, String, String)>,
}

impl<'k> DigestWriter<'k> {
    /// The first will be the first of its trail.
    pub fn new(names: &TrailNames, key: &'k SigningKey) -> DigestWriter<'k> {
        DigestWriter { names: names.clone(), key, previous: None }
    }

    /// The digest of the time between, in seconds since 1970.
    pub fn digest(&mut self, (start, end): (i64, i64), logs: &[DeliveredLog]) -> TrailObject {
        let s3_object = self.names.digest_key(end);
        let digest = self.signed(s3_object, (start, end), logs, self.previous.as_ref());
        let signature = digest.metadata.as_ref().and_then(|metadata| metadata["signature"].as_str());
        let signature = signature.unwrap_or_default().to_owned();
        self.previous = Some((digest.s3_object.clone(), sha256(&digest.text), signature));
        digest
    }

    /// A digest of log files that were digested late: it is in no chain.
    pub fn backfill(&self, (start, end): (i64, i64), logs: &[DeliveredLog], generated: i64) -> TrailObject {
        let s3_object = self.names.digest_key(end).replace(".json.gz", "_backfill.json.gz");
        let mut digest = self.signed(s3_object, (start, end), logs, None);
        if let Some(metadata) = &mut digest.metadata {
            metadata["backfill-generation-timestamp"] = iso(generated).into();
        }
        digest
    }

    fn signed(
        &self,
        s3_object: String,
        (start, end): (i64, i64),
        logs: &[DeliveredLog],
        previous: Option<&(String, String, String)>,
    ) -> TrailObject {
        let bucket = &self.names.bucket;
        let log = |log: &DeliveredLog| {
            json!({
                "s3Bucket": bucket, "s3Object": log.s3_object, "hashValue": log.sha256, "hashAlgorithm": "SHA-256",
                "newestEventTime": iso(log.events.1), "oldestEventTime": iso(log.events.0),
            })
        };
        let digest = json!({
            "awsAccountId": self.names.account_id, "digestStartTime": iso(start), "digestEndTime": iso(end),
            "digestS3Bucket": bucket, "digestS3Object": s3_object,
            "digestPublicKeyFingerprint": self.key.fingerprint(), "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": logs.iter().map(|log| log.events.1).max().map(iso),
            "oldestEventTime": logs.iter().map(|log| log.events.0).min().map(iso),
            "previousDigestS3Bucket": previous.map(|_| bucket),
            "previousDigestS3Object": previous.map(|previous| &previous.0),
            "previousDigestHashValue": previous.map(|previous| &previous.1),
            "previousDigestHashAlgorithm": previous.map(|_| "SHA-256"),
            "previousDigestSignature": previous.map(|previous| &previous.2),
            "logFiles": logs.iter().map(log).collect::<Vec<Value>>(),
        });
        let text = digest.to_string().into_bytes();
        let signature = self.key.sign_digest(&text);
        let metadata = json!({"signature": signature, "signature-algorithm": "SHA256withRSA"});
        TrailObject { s3_object, text, metadata: Some(metadata) }
    }
}

fn iso(seconds: i64) -> String {
    formatted(seconds, "%Y-%m-%dT%H:%M:%SZ")
}

/// How large a trail is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailOptions {
    /// Start of the random sequence.
    pub seed: u64,
    /// What it is called.
    pub names: TrailNames,
    /// The begin of its first hour, in seconds since 1970.
    pub start: i64,
    /// Hours, each with a digest.
    pub hours: u32,
    /// Log files; one hour in seven has none.
    pub logs: u32,
    /// Bytes of a log file before compression, about.
    pub log_bytes: u64,
}

impl Default for TrailOptions {
    fn default() -> TrailOptions {
        TrailOptions {
            seed: 1,
            names: TrailNames::default(),
            start: SynthOptions::default().start,
            hours: 48,
            logs: 500,
            log_bytes: 8 << 10,
        }
    }
}

/// The objects of a trail, each log file before the digest that lists it.
pub fn trail(options: &TrailOptions, key: &SigningKey, each: &mut dyn FnMut(TrailObject)) {
    let mut generator = Generator::new(&SynthOptions {
        seed: options.seed,
        log: SynthLog::CloudTrail,
        bytes: u64::from(options.logs) * options.log_bytes,
        start: options.start,
        days: options.hours.div_ceil(24),
        ..SynthOptions::default()
    });
    let mut random = Random::new(mix(options.seed ^ 0x7472_6169_6c73));
    let mut digests = DigestWriter::new(&options.names, key);
    let mut made = 0;
    for hour in 0..options.hours {
        let start = options.start + i64::from(hour) * HOUR;
        let is_quiet = hour % 7 == 3 && hour + 1 < options.hours;
        let until = if is_quiet { made } else { share(options.logs, hour + 1, options.hours) };
        let mut listed = Vec::new();
        while made < until {
            let time = start + random.below(11) as i64 * DELIVERY;
            let unique = text(&mut random, |random, out| random.alnum(out, 16));
            let log = log_text(&mut generator, options.log_bytes);
            let s3_object = options.names.log_key(time, &unique);
            let delivered = DeliveredLog { s3_object, sha256: sha256(&log), events: (time - DELIVERY, time) };
            each(TrailObject { s3_object: delivered.s3_object.clone(), text: log, metadata: None });
            listed.push(delivered);
            made += 1;
        }
        each(digests.digest((start, start + HOUR), &listed));
    }
}

/// How many of `all` come in the first `part` of `parts`.
fn share(all: u32, part: u32, parts: u32) -> u32 {
    (u64::from(all) * u64::from(part) / u64::from(parts.max(1))) as u32
}

fn log_text(generator: &mut Generator, bytes: u64) -> Vec<u8> {
    let mut log = b"{\"Records\":[".to_vec();
    let start = log.len();
    loop {
        generator.append(&mut log);
        if (log.len() - start) as u64 >= bytes {
            break;
        }
        log.push(b',');
    }
    log.extend_from_slice(b"]}");
    log
}

/// Writes the objects of a trail below `folder`, each under its key, digests with their metadata in `KEY.meta.json`.
///
/// # Errors
/// What the file system reports.
pub fn write_trail(options: &TrailOptions, key: &SigningKey, folder: &Path) -> io::Result<()> {
    let mut outcome = Ok(());
    trail(options, key, &mut |object| {
        if outcome.is_ok() {
            outcome = write_object(&object, folder);
        }
    });
    outcome
}

/// Writes an object below `folder` under its key, and its metadata beside it.
///
/// # Errors
/// What the file system reports.
pub fn write_object(object: &TrailObject, folder: &Path) -> io::Result<()> {
    let path = folder.join(&object.s3_object);
    fs::create_dir_all(path.parent().unwrap_or(folder))?;
    let mut encoder = GzEncoder::new(fs::File::create(&path)?, Compression::fast());
    encoder.write_all(&object.text)?;
    encoder.finish()?;
    match &object.metadata {
        Some(metadata) => fs::write(folder.join(format!("{}.meta.json", object.s3_object)), metadata.to_string()),
        None => Ok(()),
    }
}
