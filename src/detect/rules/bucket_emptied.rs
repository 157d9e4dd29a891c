//! DEL-008: a bucket is emptied and then deleted.

use crate::detect::after::{After, AfterDetector, Deleted};
use crate::detect::alert::{Alert, Severity, counted};
use crate::detect::key_sample::{about, crosses, share};
use crate::detect::{Config, Evidence, Form, Rule, Shared, Threshold};
use crate::parse::time::DAY_MS;
use serde_json::json;

/// DEL-008 `bucket-emptied`.
pub static RULE: Rule = Rule {
    id: "DEL-008",
    name: "bucket-emptied",
    title: "A bucket was emptied and deleted",
    severity: Severity::High,
    attack: &["T1485"],
    looks_for: "An alert of DEL-007 about a bucket that was deleted, where callers deleted at least deleted_keys different \
        keys of it (done, in either log) in the 24 hours before. A request whose keys no log names counts as one. There is \
        one alert for each of DEL-007, and it tells of it; what DEL-007 keeps quiet is kept quiet here.",
    why: "An empty bucket that goes is tidying up. One that was in use the day before, with data, is a loss.",
    cannot_see: "What lifecycle removed before, which nobody is named for.",
    false_positives: "The end of an environment: list the role that does it under iac_roles.",
    next_steps: &[
        "Ask the owner of the principal whether it was planned; if nobody knows of it, deactivate its credentials.",
        "Look for copies of the data: replicas, backups, other buckets.",
        "Create the bucket again if others still write to its name, before somebody else does.",
    ],
    thresholds: &[Threshold {
        name: "deleted_keys",
        default: 10,
        source: "proposal (10 in the day before), to be tuned on real data",
    }],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(AfterDetector::<BucketEmptied>::of),
};

mod samples;

struct BucketEmptied {
    deleted_keys: u64,
}

impl After for BucketEmptied {
    const RULE: &'static Rule = &RULE;
    const OF: &'static str = "DEL-007";

    fn new(config: &Config) -> Self {
        BucketEmptied { deleted_keys: config.threshold(&RULE, "deleted_keys") }
    }

    fn judge(&self, end: &Alert, shared: &Shared<'_>) -> Option<Alert> {
        let bucket = end.bucket.as_deref()?;
        let until_ms = end.first_seen_ms?;
        let span = (until_ms.saturating_sub(DAY_MS), until_ms);
        let deleted = Deleted::of(shared.deletions, shared.deletions.of_bucket(bucket).iter(), span);
        if !crosses(deleted.keys >> deleted.halvings, deleted.halvings, self.deleted_keys) {
            return None;
        }
        let mut alert = deleted.alert(&RULE, end);
        alert.remote_ip.clone_from(&end.remote_ip);
        alert.window_seconds = 86_400;
        alert.summary = format!(
            "{} deleted the bucket {bucket}, from which {}{} had been deleted in the 24 hours before.",
            end.principal.as_deref().unwrap_or("An unknown caller"),
            about(deleted.halvings),
            counted(deleted.keys, "object", "objects"),
        );
        alert.reasons = vec!["The bucket held data until shortly before its end.".to_owned()];
        alert.observed =
            [("deleted_keys", json!(deleted.keys)), ("sampled_share", json!(share(deleted.halvings)))].into();
        alert.expected = [("deleted_keys", json!(self.deleted_keys))].into();
        Some(alert)
    }
}
