//! DEL-009: a caller deletes in a bucket for the first time.

use crate::detect::alert::{Alert, Confidence, Severity, counted};
use crate::detect::deletions::Deleter;
use crate::detect::history::View;
use crate::detect::key_sample::{about, crosses, is_sampled, share};
use crate::detect::minutes::{MINUTE_MS, Stretch};
use crate::detect::reading::{DAY_MINUTES, Reading, ReadingDetector};
use crate::detect::{Config, Evidence, Findings, Form, Rule, Shared, Threshold};
use serde_json::json;
use std::collections::HashSet;

/// DEL-009 `first-time-deleter`.
pub static RULE: Rule = Rule {
    id: "DEL-009",
    name: "first-time-deleter",
    title: "A caller deleted in a bucket for the first time",
    severity: Severity::Medium,
    attack: &["T1485"],
    looks_for: "A caller's first deletes in a bucket (done, in either log), where the logs or the baseline show the bucket \
        for history_days before: at least new_deleted_keys different keys in the 24 hours from the first on. There is one \
        alert for a caller and a bucket. Keys in folders that data engines empty themselves are left out, and so are \
        lifecycle actions and AWS services; callers under iac_roles are kept quiet and counted.",
    why: "Few callers delete in a bucket, and mostly the same. A credential that only ever read or wrote and now deletes \
        was taken over, or lent.",
    cannot_see: "Deletes before the logs begin, also those that a baseline was made of. Deletes whose keys no log names.",
    false_positives: "A new role for deployments. Jobs that clean up once a month.",
    next_steps: &[
        "Ask the owner of the principal whether the deletes were planned.",
        "Look at what else the caller did for the first time on that day.",
        "Bring back what versions or copies hold.",
    ],
    thresholds: &[
        Threshold { name: "new_deleted_keys", default: 5, source: "proposal, to be tuned on real data" },
        Threshold {
            name: "history_days",
            default: 7,
            source: "proposal: a week holds every day of the week once",
        },
    ],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(ReadingDetector::<FirstTimeDeleter>::of),
};

mod samples;

struct FirstTimeDeleter {
    new_deleted_keys: u64,
    history_days: u64,
}

impl FirstTimeDeleter {
    fn alert(&self, caller: &Deleter<'_>, shared: &Shared<'_>) -> Option<Alert> {
        let (deletions, keys) = (shared.deletions, shared.deletions.keys(caller));
        let first = keys.iter().map(|(minute, _)| *minute).min()?;
        let (before, _) = shared.history.before(caller.bucket, first);
        if before < self.history_days.saturating_mul(u64::from(DAY_MINUTES)) {
            return None;
        }
        let halvings = deletions.halvings();
        let until = first.saturating_add(DAY_MINUTES);
        let of_day = keys.iter().filter(|(minute, key)| *minute <= until && is_sampled(*key, halvings));
        let different: HashSet<u64> = of_day.map(|(_, key)| *key).collect();
        if !crosses(different.len() as u64, halvings, self.new_deleted_keys) {
            return None;
        }
        let count = (different.len() as u64) << halvings;
        let stretch = Stretch { minutes: first.into()..=until.into(), peak: count };
        let evidence = caller.evidence(&deletions.series(caller), &stretch);
        let mut alert =
            Alert::of(&RULE, &[caller.principal, Some(caller.bucket)], Some(i64::from(first) * MINUTE_MS));
        alert.set_evidence([&evidence[0], &evidence[1]]);
        alert.confidence = Confidence::Medium;
        alert.window_seconds = 86_400;
        alert.bucket = Some(caller.bucket.to_owned());
        alert.principal = caller.principal.map(str::to_owned);
        caller.facts().tell(&mut alert);
        alert.count = count;
        let days = before / u64::from(DAY_MINUTES);
        alert.summary = format!(
            "{} deleted in {} for the first time: {}{} in a day.",
            caller.name(),
            caller.bucket,
            about(halvings),
            counted(count, "key", "keys"),
        );
        alert.reasons = vec![format!("The bucket is known for {} before.", counted(days, "day", "days"))];
        alert.observed = [
            ("deleted_keys", json!(count)),
            ("days_before", json!(days)),
            ("sampled_share", json!(share(halvings))),
        ]
        .into();
        alert.expected =
            [("new_deleted_keys", json!(self.new_deleted_keys)), ("history_days", json!(self.history_days))]
                .into();
        Some(alert)
    }
}

impl Reading for FirstTimeDeleter {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        let threshold = |name| config.threshold(&RULE, name);
        FirstTimeDeleter {
            new_deleted_keys: threshold("new_deleted_keys"),
            history_days: threshold("history_days"),
        }
    }

    fn judge(&self, _: &View<'_>, shared: &Shared<'_>, findings: &mut Findings) {
        for caller in shared.deletions.callers().iter().filter(|caller| !caller.is_temporary) {
            let Some(alert) = self.alert(caller, shared) else { continue };
            let is_of_iac = caller.principal.is_some_and(|name| shared.config.iac_roles.contains(name));
            if is_of_iac { findings.suppressed.push(alert) } else { findings.alerts.push(alert) }
        }
    }
}
