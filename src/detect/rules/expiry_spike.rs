//! DEL-012: lifecycle removes far more of a bucket than on the days before.

use super::take;
use crate::detect::alert::{Alert, Confidence, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Codes, Ended, Who};
use crate::detect::entities::{DayField, Entities, EntityKey, State};
use crate::detect::evidence::{EVIDENCE_ROWS, EvidenceColumns, EvidenceRows};
use crate::detect::facts::Fact;
use crate::detect::key_sample::{crosses, is_sampled, share};
use crate::detect::reading::DAY_MINUTES;
use crate::detect::sight::EXPIRED_HALVINGS;
use crate::detect::statistics::median;
use crate::detect::{
    Config, DetectBatch, Detector, Evidence, Findings, Form, Rule, Shared, Threshold, restore, saved,
};
use crate::parse::time::DAY_MS;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::any::Any;
use std::collections::BTreeMap;

/// DEL-012 `expiry-spike`.
pub static RULE: Rule = Rule {
    id: "DEL-012",
    name: "expiry-spike",
    title: "Lifecycle removed far more than before",
    severity: Severity::Medium,
    attack: &["T1485.001"],
    looks_for: "S3.EXPIRE.OBJECT and S3.CREATE.DELETEMARKER in access logs, by bucket and UTC day: at least expired_keys \
        on a day, and more than five times the median of the seven days before, where the logs or the baseline show the \
        bucket for these days. One key in 16 is looked at, so numbers are estimates. Of days one after the other there is \
        one alert, about the first. The level is medium; it is high if a caller who is not under iac_roles changed the \
        bucket's lifecycle on that day or the two before, in either log.",
    why: "A lifecycle rule destroys a whole bucket, and no caller appears in any delete.",
    cannot_see: "CloudTrail records no lifecycle actions. Buckets without access logs, or that are known for less than a \
        week. S3 may remove objects days after they have expired. Log files are told by LOG-003 as well.",
    false_positives: "A new retention that is wanted. A month's data that expires on one day.",
    next_steps: &[
        "Read the lifecycle rules of the bucket, and who changed them.",
        "Suspend the rule: S3 stops removing after a small delay.",
        "Remove the delete markers if the bucket has versioning, before old versions expire too.",
    ],
    thresholds: &[
        Threshold { name: "expired_keys", default: 1000, source: "proposal, to be tuned on real data" },
        Threshold { name: "times_the_median", default: 5, source: "proposal, to be tuned on real data" },
    ],
    activity_columns: &["bucket_name", "principal", "action"],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines],
    samples: &samples::SAMPLES,
    form: Form::Code(|config| Box::new(ExpirySpike::new(config))),
};

mod samples;

/// Bytes of the detector.
const BUDGET: usize = 4 << 20;

/// Days that a day is held against.
const PAST_DAYS: i64 = 7;

/// Days after a change in which what lifecycle removes is put down to it. S3 acts once a day.
const CHANGE_DAYS: i64 = 2;

/// Names of the call that sets a lifecycle.
const CHANGES: [&str; 2] = ["PutBucketLifecycle", "PutBucketLifecycleConfiguration"];

struct ExpirySpike {
    expired_keys: u64,
    times_the_median: u64,
    /// By bucket and day.
    days: Entities<Day>,
    key: EntityKey,
    day: DayField,
}

/// What is in a day of a bucket.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Day {
    /// Removals of the keys that are looked at.
    expired: EvidenceRows,
    /// Who changed the lifecycle.
    changed_by: Fact,
    changes: u64,
}

fn rows_at(level: u32) -> usize {
    if level == 0 { EVIDENCE_ROWS } else { 1 }
}

impl State for Day {
    const LEVELS: u32 = 1;

    fn weight(&self, level: u32) -> usize {
        self.expired.weight(rows_at(level)) + self.changed_by.weight()
    }

    fn cut(&mut self, level: u32) {
        self.expired.keep_at_most(rows_at(level));
    }

    fn merge(&mut self, other: Self, level: u32) {
        self.expired.merge(rows_at(level), other.expired);
        self.changed_by.merge(&other.changed_by);
        self.changes += other.changes;
    }
}

impl ExpirySpike {
    fn new(config: &Config) -> ExpirySpike {
        let threshold = |name| config.threshold(&RULE, name);
        ExpirySpike {
            expired_keys: threshold("expired_keys"),
            times_the_median: threshold("times_the_median"),
            days: Entities::with_budget(BUDGET),
            key: EntityKey::default(),
            day: DayField::default(),
        }
    }

    /// The median of the days before, if the day is a spike against it.
    fn spike(&self, days: &BTreeMap<i64, &Day>, day: i64) -> Option<u64> {
        let removed = |day: i64| days.get(&day).map_or(0, |it| it.expired.total());
        let mut past: Vec<u64> = (1..=PAST_DAYS).map(|before| removed(day - before)).collect();
        past.sort_unstable();
        let usual = median(&past) << EXPIRED_HALVINGS;
        let least = usual.saturating_mul(self.times_the_median).max(self.expired_keys);
        crosses(removed(day), EXPIRED_HALVINGS, least).then_some(usual)
    }

    fn alert(&self, bucket: &str, days: &BTreeMap<i64, &Day>, day: i64, usual: u64, shared: &Shared<'_>) -> Alert {
        let state = days[&day];
        let mut alert = Alert::of(&RULE, &[Some(bucket)], Some(day.saturating_mul(DAY_MS)));
        alert.set_evidence([&state.expired, &EvidenceRows::default()]);
        alert.confidence = Confidence::Medium;
        alert.window_seconds = 86_400;
        alert.bucket = Some(bucket.to_owned());
        alert.count = state.expired.total() << EXPIRED_HALVINGS;
        alert.summary = format!(
            "Lifecycle removed about {} of {bucket} on a day, after about {usual} a day before.",
            counted(alert.count, "key", "keys"),
        );
        let mut changes = (day - CHANGE_DAYS..=day).filter_map(|day| days.get(&day)).filter(|it| it.changes > 0);
        let is_of_iac = |it: &&Day| it.changed_by.only().is_some_and(|who| shared.config.iac_roles.contains(who));
        if let Some(change) = changes.find(|it| !is_of_iac(it)) {
            alert.severity = Severity::High;
            alert.principal = change.changed_by.only().map(str::to_owned);
            let who = change.changed_by.only().unwrap_or("More than one caller");
            alert.reasons.push(format!("{who} changed the bucket's lifecycle in the days before."));
        }
        alert
            .reasons
            .push(format!("The numbers are estimates from a sample of {} keys.", share(EXPIRED_HALVINGS)));
        alert.observed = [
            ("expired_keys", json!(alert.count)),
            ("median_of_days_before", json!(usual)),
            ("sampled_share", json!(share(EXPIRED_HALVINGS))),
        ]
        .into();
        alert.expected =
            [("expired_keys", json!(self.expired_keys)), ("times_the_median", json!(self.times_the_median))]
                .into();
        alert
    }
}

impl Detector for ExpirySpike {
    fn observe(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        for row in 0..batch.len() {
            if codes.ended[row] != Ended::Done {
                continue;
            }
            let is_expiry = codes.act[row] == Act::Expire && is_sampled(codes.key[row], EXPIRED_HALVINGS);
            let is_change = codes.act[row] == Act::OtherS3
                && codes.who[row] != Who::Service
                && cell(batch.text("action"), row).is_some_and(|action| CHANGES.contains(&action));
            if !is_expiry && !is_change {
                continue;
            }
            let columns = EvidenceColumns::of(batch);
            let day = self.day.of(columns.event_time_ms(row));
            let (Some(bucket), Some(day)) = (cell(batch.text("bucket_name"), row), day) else { continue };
            self.days.observe(self.key.set(&[Some(bucket), Some(day)]), 1, |state, level| {
                if is_expiry {
                    state.expired.observe(rows_at(level), &columns, row);
                } else {
                    state.changes += 1;
                    state.changed_by.see_text(cell(batch.text("principal"), row).unwrap_or_default());
                }
            });
        }
    }

    fn merge(&mut self, other: Box<dyn Detector>) {
        let other: ExpirySpike = take(other);
        self.days.merge(other.days);
    }

    fn finish(self: Box<Self>, shared: &Shared<'_>) -> Findings {
        let mut findings = Findings::default();
        let mut buckets: BTreeMap<String, BTreeMap<i64, &Day>> = BTreeMap::new();
        for (entity, state) in self.days.sorted() {
            let &[Some(bucket), Some(day)] = &EntityKey::fields(entity)[..] else { continue };
            let Ok(day) = day.parse() else { continue };
            buckets.entry(bucket.to_owned()).or_default().insert(day, state);
        }
        let mut unknown = 0;
        for (bucket, days) in &buckets {
            for day in days.keys().copied() {
                let minute = u32::try_from(day.saturating_mul(DAY_MINUTES.into())).unwrap_or(0);
                let is_known =
                    shared.history.before(bucket, minute).0 >= PAST_DAYS as u64 * u64::from(DAY_MINUTES);
                match self.spike(days, day).filter(|_| self.spike(days, day - 1).is_none()) {
                    Some(usual) if is_known => findings.alerts.push(self.alert(bucket, days, day, usual, shared)),
                    Some(_) => unknown += 1,
                    None => {}
                }
            }
        }
        findings.notes = self.days.note().map(|note| format!("{}: {note}", RULE.id)).into_iter().collect();
        findings.note_limits();
        findings.notes.extend((unknown > 0).then(|| {
            let days = counted(unknown, "day", "days");
            format!("{}: {days} of buckets that are known for less than {PAST_DAYS} days: not evaluated.", RULE.id)
        }));
        findings
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn save(&self) -> Vec<u8> {
        saved(&self.days)
    }

    fn load(&mut self, state: &[u8]) -> Result<(), String> {
        self.days = restore(state)?;
        Ok(())
    }
}
