//! DSC-016: strangers ask for a bucket whose name can be guessed.

use super::probes::{address, is_refused_bucket};
use crate::detect::alert::{Confidence, Outcome, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::Codes;
use crate::detect::key_sample::{about, fingerprint};
use crate::detect::repeats::{Actor, Count, Repeat, RepeatDetector};
use crate::detect::sample_lines::{Asks, made};
use crate::detect::{Config, DetectBatch, Evidence, Findings, Form, Rule, Sample, Shared};
use serde_json::json;

/// DSC-016 `guessable-name`.
pub static RULE: Rule = Rule {
    id: "DSC-016",
    name: "guessable-name",
    title: "A bucket whose name can be guessed was asked for by strangers",
    severity: Severity::Info,
    attack: &["T1580"],
    looks_for: "Buckets at which callers without credentials were refused (as DSC-015), and whose names are what scanners \
        try: two to four words, of which one is a word of their lists, such as backup, logs or prod, and none looks \
        random. One alert for a bucket, with the number of addresses that asked for it. A report on names, not on an attack.",
    why: "A name that is a company's with -backup behind it is found by machines within days. A name with a random part is \
        not, and what is wrong with the bucket is not found either.",
    cannot_see: "Guesses at names that do not exist. Whether the name was guessed or known, for example from a link.",
    false_positives: "Buckets that are meant to be known.",
    next_steps: &[
        "Give new buckets names with a random part, \
         <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>.",
        "Turn on S3 Block Public Access for the account, so that a name is of no use.",
    ],
    thresholds: &[],
    activity_columns: &["bucket_name", "remote_ip"],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &SAMPLES,
    form: Form::Code(RepeatDetector::<GuessableName>::of),
};

/// Words that scanners put before or behind a name, as bucket-stream does
/// (<https://github.com/eth0izzle/bucket-stream/tree/master/permutations>): those for what a bucket holds or which
/// environment it is of.
const WORDS: [&str; 44] = [
    "admin",
    "alpha",
    "archive",
    "artifacts",
    "assets",
    "audit",
    "backup",
    "backups",
    "beta",
    "billing",
    "builds",
    "cdn",
    "data",
    "database",
    "dev",
    "development",
    "downloads",
    "dumps",
    "exports",
    "files",
    "images",
    "infra",
    "internal",
    "logs",
    "media",
    "private",
    "prod",
    "production",
    "public",
    "qa",
    "reports",
    "share",
    "stage",
    "staging",
    "state",
    "static",
    "storage",
    "temp",
    "terraform",
    "test",
    "tmp",
    "uploads",
    "web",
    "www",
];

/// Parts of a name that a list of words makes.
const MOST_PARTS: usize = 4;

/// Longest word of a name.
const MOST_WORD: usize = 14;

/// Would scanners try this name?
fn is_guessable(bucket: &str) -> bool {
    let parts: Vec<&str> = bucket.split(['-', '.', '_']).collect();
    let is_word = |part: &&str| {
        let digits = part.bytes().filter(u8::is_ascii_digit).count();
        (1..=MOST_WORD).contains(&part.len()) && digits <= 2 && !is_random(part)
    };
    (2..=MOST_PARTS).contains(&parts.len())
        && parts.iter().all(is_word)
        && parts.iter().any(|part| WORDS.contains(part))
}

/// Letters without a vowel are no word; short ones may be an abbreviation.
fn is_random(part: &str) -> bool {
    part.len() > 5 && !part.bytes().any(|byte| b"aeiouy".contains(&byte))
}

struct GuessableName;

impl Repeat for GuessableName {
    const RULE: &'static Rule = &RULE;

    fn new(_: &Config) -> Self {
        GuessableName
    }

    fn select(&self, batch: &DetectBatch<'_>, codes: &Codes, row: usize, count: &mut Count<'_>) {
        if !is_refused_bucket(codes, row) {
            return;
        }
        let (Some(bucket), Some(address)) = (cell(batch.text("bucket_name"), row), address(batch, row)) else {
            return;
        };
        if is_guessable(bucket) {
            count([None, Some(bucket), None, None], fingerprint(address));
        }
    }

    fn judge(&self, actors: &[Actor<'_>], shared: &Shared<'_>, findings: &mut Findings) {
        for actor in actors {
            let [_, Some(bucket), ..] = actor.fields else { continue };
            if shared.config.public_buckets.contains(bucket) {
                continue;
            }
            // All time is one stretch.
            for stretch in actor.stretches(u64::from(u32::MAX), 1) {
                let mut alert = actor.alert(&RULE, &stretch);
                alert.confidence = Confidence::Low;
                alert.outcome = Outcome::Denied;
                alert.bucket = Some(bucket.to_owned());
                let word = bucket.split(['-', '.', '_']).find(|part| WORDS.contains(part)).unwrap_or_default();
                alert.summary = format!(
                    "{}{} asked for {bucket}, whose name is made of words that scanners try.",
                    about(actor.series.halvings()),
                    counted(alert.count, "address", "addresses"),
                );
                alert
                    .reasons
                    .push(format!("\"{word}\" is in scanners' lists, and no part of the name is random."));
                alert.observed = [("addresses", json!(alert.count)), ("word", json!(word))].into();
                alert.expected = [("addresses", json!(0))].into();
                findings.alerts.push(alert);
            }
        }
    }
}

const HEAD: Asks = Asks {
    bucket: "example-backup",
    operation: "REST.HEAD.BUCKET",
    key: "-",
    answer: (403, "AccessDenied"),
    address: "203.0.113.{}",
    every_ms: 24 * 3_600_000,
    count: 3,
    ..Asks::USUAL
};

static SAMPLES: [Sample; 4] = [
    made!("fires", true, HEAD.lines()),
    made!("near_miss_1", false, Asks { bucket: "example-backup-7f3k9q2m", ..HEAD }.lines()),
    made!("near_miss_2", false, Asks { answer: (200, "-"), ..HEAD }.lines()),
    made!("denied_twin", false, Asks { bucket: "northwind-orders", ..HEAD }.lines()),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_words_can_be_guessed_and_random_ones_not() {
        for (bucket, expected) in [
            ("acme-backup", true),
            ("acme.prod.logs", true),
            ("backup", false),
            ("acme-orders", false),
            ("acme-backup-111122223333", false),
            ("acme-backup-xkcdqwrt", false),
            ("acme-eu-west-1-backup-a", false),
            ("prod2-acme", false),
            ("acme-prod-01", true),
        ] {
            assert_eq!(is_guessable(bucket), expected, "{bucket}");
        }
    }
}
