//! DEL-006: objects are deleted, and a note is left.

use crate::detect::after::{After, AfterDetector, Deleted};
use crate::detect::alert::{Alert, Severity, counted};
use crate::detect::key_sample::{about, crosses, share};
use crate::detect::minutes::MINUTE_MS;
use crate::detect::{Config, Evidence, Form, Rule, Shared, Threshold};
use serde_json::json;

/// DEL-006 `deleted-then-note`.
pub static RULE: Rule = Rule {
    id: "DEL-006",
    name: "deleted-then-note",
    title: "Objects were deleted, and a note was left",
    severity: Severity::Critical,
    attack: &["T1485", "T1486"],
    looks_for: "An alert of RAN-009 about a file that is named like a ransom note, where the same caller deleted at least \
        deleted_keys different keys of the same bucket (done, in either log) in the 60 minutes before, or by the last \
        such file. A request whose keys no log names counts as one. There is one alert for each of RAN-009, and it tells \
        of it.",
    why: "The name of a file may mean nothing, and deletes may be wanted. Together they are what extortion looks like.",
    cannot_see: "Notes under other names, and objects that are replaced by encrypted ones instead of deleted.",
    false_positives: "A site that is built anew, with a page about how to get files back.",
    next_steps: &[
        "Stop the caller: deactivate its credentials, and deny deletes in the bucket policy.",
        "Keep lifecycle rules from expiring old versions, and remove the delete markers.",
        "Read the note, without opening it in a browser.",
    ],
    thresholds: &[Threshold {
        name: "deleted_keys",
        default: 10,
        source: "proposal (10 in the hour before the note), to be tuned on real data",
    }],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(AfterDetector::<DeletedThenNote>::of),
};

mod samples;

struct DeletedThenNote {
    deleted_keys: u64,
}

impl After for DeletedThenNote {
    const RULE: &'static Rule = &RULE;
    const OF: &'static str = "RAN-009";

    fn new(config: &Config) -> Self {
        DeletedThenNote { deleted_keys: config.threshold(&RULE, "deleted_keys") }
    }

    fn judge(&self, note: &Alert, shared: &Shared<'_>) -> Option<Alert> {
        let bucket = note.bucket.as_deref()?;
        let callers = shared.deletions.of_bucket(bucket).iter();
        let callers = callers.filter(|caller| caller.principal == note.principal.as_deref());
        let span = (note.first_seen_ms?.saturating_sub(60 * MINUTE_MS), note.last_seen_ms?);
        let deleted = Deleted::of(shared.deletions, callers, span);
        if !crosses(deleted.keys >> deleted.halvings, deleted.halvings, self.deleted_keys) {
            return None;
        }
        let mut alert = deleted.alert(&RULE, note);
        alert.remote_ip.clone_from(&note.remote_ip);
        alert.window_seconds = 3600;
        alert.summary = format!(
            "{} deleted {}{} of {bucket} and left what is named like a ransom note.",
            note.principal.as_deref().unwrap_or("An unknown caller"),
            about(deleted.halvings),
            counted(deleted.keys, "object", "objects"),
        );
        alert.reasons = vec!["The same caller did both within about an hour.".to_owned()];
        alert.observed =
            [("deleted_keys", json!(deleted.keys)), ("sampled_share", json!(share(deleted.halvings)))].into();
        alert.expected = [("deleted_keys", json!(self.deleted_keys))].into();
        Some(alert)
    }
}
