//! DEL-005: one caller reads objects and then deletes them.

use crate::detect::alert::{Alert, Confidence, Severity, counted};
use crate::detect::deletions::Deleter;
use crate::detect::history::{CallerView, View};
use crate::detect::key_sample::{about, crosses, is_sampled, share};
use crate::detect::minutes::{MINUTE_MS, Stretch};
use crate::detect::reading::{DAY_MINUTES, Reading, ReadingDetector};
use crate::detect::{Config, Evidence, Findings, Form, Rule, Shared, Threshold};
use hashbrown::{HashMap, HashSet};
use serde_json::json;
use std::collections::BTreeMap;

/// DEL-005 `read-then-deleted`.
pub static RULE: Rule = Rule {
    id: "DEL-005",
    name: "read-then-deleted",
    title: "A caller read objects and then deleted them",
    severity: Severity::High,
    attack: &["T1530", "T1485", "T1657"],
    looks_for: "Keys that one caller read (GetObject, done) and then deleted (done) in the same bucket, at most 24 hours \
        later, in either log. There is one alert for a caller, a bucket and the UTC day of the deletes, from stolen_keys \
        different keys on. A caller who does so on other days too is none, unless it is half as much again as on any of \
        them (days next to it do not count). The level is high if the logs show the bucket for history_days before, and \
        medium if they are too short to say what is usual. Copies are no reads: an object that is moved within S3 is \
        copied and deleted. AWS services and callers under readers and iac_roles are left out, the latter counted.",
    why: "A copy that is taken before the original is destroyed is what extortion needs.",
    cannot_see: "Reads by one caller and deletes by another. Deletes whose keys no log names. Reads and deletes of which \
        the order within a minute is not known count as in order.",
    false_positives: "Programs that take work from a bucket: they read an object, and delete it when it is done. On their \
        first day they look the same. Files that a person moves to their own machine.",
    next_steps: &[
        "Ask the owner of the principal whether it was planned.",
        "Stop the principal: deny deletes in the bucket policy, or deactivate its access key.",
        "Bring back what versions or copies hold, and treat what was read as known to others.",
        "Look for a note in the bucket (RAN-009).",
    ],
    thresholds: &[
        Threshold {
            name: "stolen_keys",
            default: 10,
            source: "Panther's rule about exfiltration with deletion (10 copies and 10 deletes in 30 hours)",
        },
        Threshold {
            name: "history_days",
            default: 3,
            source: "proposal: a job that runs every night has run three times",
        },
    ],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(ReadingDetector::<ReadThenDeleted>::of),
};

mod samples;

struct ReadThenDeleted {
    stolen_keys: u64,
    history_days: u64,
}

/// Deletes of one day whose keys were read before: the minutes of the first and the last, and the keys.
#[derive(Default)]
struct Day {
    minutes: Option<(u32, u32)>,
    keys: HashSet<u64>,
}

/// The keys that were read and then deleted, by day of the deletes; of a sample after so many halvings.
fn days(caller: &CallerView<'_>, deleted: &[(u32, u64)], halvings: u32) -> BTreeMap<u32, Day> {
    let deleted = || deleted.iter().filter(|(_, key)| is_sampled(*key, halvings));
    // Most of what is read is never deleted, and the other way round.
    let mut reads: HashMap<u64, Vec<u32>> = deleted().map(|(_, key)| (*key, Vec::new())).collect();
    for (minute, key) in caller.series.keys() {
        reads.get_mut(key).into_iter().for_each(|minutes| minutes.push(*minute));
    }
    let mut days: BTreeMap<u32, Day> = BTreeMap::new();
    for (minute, key) in deleted() {
        let was_read = |reads: &Vec<u32>| {
            let last = reads.partition_point(|read| read <= minute).checked_sub(1).map(|at| reads[at]);
            last.is_some_and(|read| read >= minute.saturating_sub(DAY_MINUTES))
        };
        if reads.get(key).is_some_and(was_read) {
            let day = days.entry(minute / DAY_MINUTES).or_default();
            let (first, last) = day.minutes.unwrap_or((*minute, *minute));
            day.minutes = Some((first.min(*minute), last.max(*minute)));
            day.keys.insert(*key);
        }
    }
    days
}

impl ReadThenDeleted {
    fn alert(
        &self,
        caller: &Deleter<'_>,
        (keys, halvings): (u64, u32),
        most: u64,
        shared: &Shared<'_>,
        minutes: (u32, u32),
    ) -> Alert {
        let stretch = Stretch { minutes: minutes.0.into()..=minutes.1.into(), peak: keys };
        let evidence = caller.evidence(&shared.deletions.series(caller), &stretch);
        let start_ms = i64::from(minutes.0 / DAY_MINUTES * DAY_MINUTES) * MINUTE_MS;
        let mut alert = Alert::of(&RULE, &[caller.principal, Some(caller.bucket)], Some(start_ms));
        alert.set_evidence([&evidence[0], &evidence[1]]);
        let (before, _) = shared.history.before(caller.bucket, minutes.0);
        let is_known = before >= self.history_days.saturating_mul(u64::from(DAY_MINUTES));
        alert.severity = if is_known { Severity::High } else { Severity::Medium };
        alert.confidence = if is_known && halvings == 0 { Confidence::High } else { Confidence::Medium };
        alert.window_seconds = 86_400;
        alert.bucket = Some(caller.bucket.to_owned());
        alert.principal = caller.principal.map(str::to_owned);
        caller.facts().tell(&mut alert);
        alert.count = keys;
        alert.summary = format!(
            "{} read {}{} of {} and deleted them within a day.",
            caller.name(),
            about(halvings),
            counted(keys, "object", "objects"),
            caller.bucket,
        );
        alert.reasons = vec![match (is_known, most) {
            (false, _) => "The logs are too short to say what is usual.".to_owned(),
            (true, 0) => "The caller does so on no other day.".to_owned(),
            (true, most) => format!("On other days it is at most {most}."),
        }];
        alert.observed = [
            ("keys", json!(keys)),
            ("keys_on_other_days", json!(most)),
            ("sampled_share", json!(share(halvings))),
        ]
        .into();
        alert.expected =
            [("stolen_keys", json!(self.stolen_keys)), ("history_days", json!(self.history_days))].into();
        alert
    }
}

impl Reading for ReadThenDeleted {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        let threshold = |name| config.threshold(&RULE, name);
        ReadThenDeleted { stolen_keys: threshold("stolen_keys"), history_days: threshold("history_days") }
    }

    fn judge(&self, history: &View<'_>, shared: &Shared<'_>, findings: &mut Findings) {
        let readers: HashMap<_, &CallerView<'_>> =
            history.callers().iter().map(|caller| ((caller.bucket, caller.principal), caller)).collect();
        for caller in shared.deletions.callers().iter().filter(|caller| !caller.is_temporary) {
            let deleted = shared.deletions.keys(caller);
            let Some(reader) = readers.get(&(caller.bucket, caller.principal)) else { continue };
            let halvings = shared.deletions.halvings().max(reader.series.key_halvings());
            let days = days(reader, &deleted, halvings);
            for (number, day) in &days {
                let sampled = day.keys.len() as u64;
                let Some(minutes) = day.minutes.filter(|_| crosses(sampled, halvings, self.stolen_keys)) else {
                    continue;
                };
                let others = days.iter().filter(|(other, _)| other.abs_diff(*number) > 1);
                let most = others.map(|(_, other)| other.keys.len() as u64).max().unwrap_or(0);
                if sampled * 2 < most * 3 {
                    continue;
                }
                let alert = self.alert(caller, (sampled << halvings, halvings), most << halvings, shared, minutes);
                let config = shared.config;
                let is_wanted = caller
                    .principal
                    .is_some_and(|name| config.iac_roles.contains(name) || config.readers.contains(name));
                if is_wanted { findings.suppressed.push(alert) } else { findings.alerts.push(alert) }
            }
        }
    }
}
