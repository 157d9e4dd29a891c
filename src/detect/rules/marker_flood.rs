//! DEL-003: one caller puts delete markers over many objects of a versioned bucket.

use crate::detect::alert::{Alert, Confidence, Severity, counted};
use crate::detect::deletions::Deleter;
use crate::detect::history::View;
use crate::detect::key_sample::{about, share};
use crate::detect::minutes::{MINUTE_MS, Measure, Series, Stretch};
use crate::detect::reading::{Reading, ReadingDetector};
use crate::detect::{Config, Evidence, Findings, Form, Rule, Shared, Threshold};
use serde_json::json;

/// Length of the window: minutes are counted whole, and ten minutes that begin within one touch eleven of them.
const WINDOW_MINUTES: i64 = 11;

/// DEL-003 `marker-flood`.
pub static RULE: Rule = Rule {
    id: "DEL-003",
    name: "marker-flood",
    title: "Many objects of a versioned bucket were deleted, and can be brought back",
    severity: Severity::Low,
    attack: &["T1485"],
    looks_for: "Deletes that were done by a caller who names no version in the bucket, of which the logs show that it has \
        versions: a delete there names one, or S3 answers that it left a marker. Different keys are counted within 10 \
        minutes, wherever they begin; stretches that overlap are one alert. The level is low, since DEL-001 judges the \
        same deletes: this alert tells that there is a way back. Keys in folders that data engines empty themselves are \
        left out, and so are lifecycle actions and AWS services.",
    why: "Old versions lie under the markers until a lifecycle rule expires them: it is the time that counts now.",
    cannot_see: "Whether versioning was on at that time. Whether a lifecycle rule is about to remove the old versions. \
        Records without a time.",
    false_positives: "sync --delete, and jobs that clean up.",
    next_steps: &[
        "Suspend lifecycle rules that expire old versions.",
        "Remove the delete markers: `s3sleuth recover` lists what can be brought back.",
        "Ask the owner of the principal whether the deletes were planned.",
    ],
    thresholds: &[Threshold {
        name: "deleted_keys",
        default: 100,
        source: "proposal (100 in 10 minutes), to be tuned on real data",
    }],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(ReadingDetector::<MarkerFlood>::of),
};

mod samples;

struct MarkerFlood {
    deleted_keys: u64,
}

impl MarkerFlood {
    fn alert(&self, caller: &Deleter<'_>, series: &Series, stretch: &Stretch) -> Alert {
        let evidence = caller.evidence(series, stretch);
        let halvings = series.halvings();
        let rows = evidence[0].total() + evidence[1].total();
        let keys = series.different(&stretch.minutes).keys;
        let keys = if halvings > 0 { keys.min(rows) } else { keys };
        let start_ms = stretch.minutes.start() * MINUTE_MS;
        let mut alert = Alert::of(&RULE, &[caller.principal, Some(caller.bucket)], Some(start_ms));
        alert.set_evidence([&evidence[0], &evidence[1]]);
        alert.confidence = if halvings > 0 { Confidence::Medium } else { Confidence::High };
        alert.window_seconds = WINDOW_MINUTES as u64 * 60;
        alert.bucket = Some(caller.bucket.to_owned());
        alert.principal = caller.principal.map(str::to_owned);
        caller.facts().tell(&mut alert);
        alert.count = keys;
        alert.summary = format!(
            "{} put delete markers over {}{} of {}, up to {} in about 10 minutes; they can be brought back.",
            caller.name(),
            about(halvings),
            counted(keys, "object", "objects"),
            caller.bucket,
            stretch.peak.min(keys),
        );
        alert.reasons = vec!["The bucket has versions, and the caller names none.".to_owned()];
        alert.observed = [("deleted_keys", json!(keys)), ("sampled_share", json!(share(halvings)))].into();
        alert.expected = [("deleted_keys", json!(self.deleted_keys))].into();
        alert
    }
}

impl Reading for MarkerFlood {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        MarkerFlood { deleted_keys: config.threshold(&RULE, "deleted_keys") }
    }

    fn judge(&self, _: &View<'_>, shared: &Shared<'_>, findings: &mut Findings) {
        let deletions = shared.deletions;
        let is_asked = |caller: &&Deleter<'_>| {
            !caller.is_temporary && !caller.names_versions() && deletions.is_versioned(caller.bucket)
        };
        for caller in deletions.callers().iter().filter(is_asked) {
            let series = deletions.series(caller);
            for stretch in series.stretches(WINDOW_MINUTES, self.deleted_keys, Measure::Keys) {
                findings.alerts.push(self.alert(caller, &series, &stretch));
            }
        }
    }
}
