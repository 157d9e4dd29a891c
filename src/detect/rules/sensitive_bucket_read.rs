//! GET-033: a sensitive bucket is read by somebody who does not usually read it.

use super::marked_calls::{self, caller, hit};
use crate::detect::alert::{Severity, counted};
use crate::detect::baseline::{DAY_HOURS, Dimension, Known, hour_of};
use crate::detect::codes::{Act, Among, Codes, Ended};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::key_sample::about;
use crate::detect::marks::Marks;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared, Threshold};
use serde_json::json;

/// GET-033 `sensitive-bucket-read`.
pub static RULE: Rule = Rule {
    id: "GET-033",
    name: "sensitive-bucket-read",
    title: "Objects of a sensitive bucket were read",
    severity: Severity::Medium,
    attack: &["T1530"],
    looks_for: "GetObject that was done on a bucket that the configuration lists under sensitive_buckets, in either log, \
        by a caller that is not one of the configured readers: a number of requests on one UTC day. A caller that the \
        baseline knows in the bucket on days before is left out; without a baseline every caller counts. There is one \
        alert for a caller, a bucket and a day.",
    why: "Of such buckets it is known who reads them; anybody else is worth a look long before the volume is.",
    cannot_see: "What a usual reader takes beyond its work: GET-001, GET-002 and GET-010 look at that.",
    false_positives: "New applications and colleagues. Without a baseline also the usual readers: list them under readers.",
    next_steps: &[
        "Ask the owner of the bucket whether the caller is expected.",
        "List the keys that were read (s3sleuth timeline --principal --bucket).",
        "If it is a usual reader, list it under readers or learn the baseline again.",
    ],
    thresholds: &[Threshold {
        name: "reads_a_day",
        default: 5,
        source: "detector catalogue: 5 reads, as AWS's guide asks for a low threshold",
    }],
    activity_columns: marked_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(HitDetector::<SensitiveBucketRead>::of),
};

mod samples;

pub(super) use samples::{CONFIG, past};

struct SensitiveBucketRead {
    reads: u64,
}

impl Pattern for SensitiveBucketRead {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Marked;

    fn new(config: &Config) -> Self {
        SensitiveBucketRead { reads: config.threshold(&RULE, "reads_a_day") }
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        let is_read = codes.act[row] == Act::Read && codes.ended[row] == Ended::Done;
        (is_read && codes.marks[row].has(Marks::SENSITIVE)).then(|| hit(batch, codes, row, true, None))
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        if group.count() < self.reads || is_usual(group, shared) {
            return Verdict::Nothing;
        }
        let mut alert = marked_calls::alert(&RULE, group, Severity::Medium);
        alert.summary = format!(
            "{} read {}{} of the sensitive bucket {} on one day.",
            caller(group),
            about(group.halvings()),
            counted(group.keys().max(1), "object", "different objects"),
            group.entity[1].unwrap_or_default(),
        );
        alert.reasons.push(match shared.config.baseline {
            Some(_) => "The baseline does not know the caller in this bucket.".to_owned(),
            None => {
                "No baseline tells who usually reads the bucket, and the caller is none of the readers.".to_owned()
            }
        });
        alert.reasons.extend(group.estimate());
        alert.expected = [("reads_a_day", json!(self.reads))].into();
        match group.entity[0].is_some_and(|principal| shared.config.readers.contains(principal)) {
            true => Verdict::Suppressed(alert),
            false => Verdict::Alert(alert),
        }
    }
}

/// Does the baseline know the caller in the bucket before that day?
fn is_usual(group: &Group<'_>, shared: &Shared<'_>) -> bool {
    let (Some(learned), [Some(principal), Some(bucket), ..]) = (&shared.config.baseline, group.entity) else {
        return false;
    };
    let day = group.seen_ms().0.and_then(hour_of).map_or(0, |hour| hour / DAY_HOURS * DAY_HOURS);
    match learned.entry(Dimension::PrincipalBucket, &[principal, bucket]) {
        Known::Seen(entry) => entry.total_before(day).reads > 0,
        Known::Never | Known::Unsaid => false,
    }
}
