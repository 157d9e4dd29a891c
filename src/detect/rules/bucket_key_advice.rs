//! KMS-013: S3 asks KMS for every object of a bucket, which S3 Bucket Keys would spare.

use super::take;
use crate::detect::alert::{Alert, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Codes, Ended};
use crate::detect::entities::{Entities, EntityKey, State};
use crate::detect::evidence::{EVIDENCE_ROWS, EvidenceColumns, EvidenceRows};
use crate::detect::facts::Facts;
use crate::detect::key_sample::{KeySample, about, fingerprint, share};
use crate::detect::kms_quota::Parameters;
use crate::detect::kms_use::SPARED_PERCENT;
use crate::detect::{
    Config, DetectBatch, Detector, Evidence, Findings, Form, Rule, Shared, Threshold, restore, saved,
};
use crate::parse::{LogType, time::DAY_MS};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::any::Any;

/// KMS-013 `bucket-key-advice`.
pub static RULE: Rule = Rule {
    id: "KMS-013",
    name: "bucket-key-advice",
    title: "S3 Bucket Keys would spare most calls to KMS",
    severity: Severity::Info,
    attack: &["T1499"],
    looks_for: "GenerateDataKey and Decrypt calls that were done and whose encryption context names an object of a \
        bucket (aws:s3:arn with a key). With S3 Bucket Keys the context names the bucket. Calls are counted by \
        bucket and clock hour of UTC; a day with an hour of many is one alert, which estimates what Bucket Keys would \
        have saved: one call a caller and hour would be left, and AWS says up to 99 % are spared.",
    why: "Every call counts against the request quota that KMS-001 sees exceeded, and costs money.",
    cannot_see: "Calls in trails that exclude KMS events. Objects whose applications set their own context.",
    false_positives: "None known: it is advice, not an attack.",
    next_steps: &[
        "Turn on S3 Bucket Keys for the bucket (https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html).",
        "Copy existing objects onto themselves, as the setting is for new objects only.",
        "Check key policies that use the encryption context of objects first: it becomes that of the bucket.",
    ],
    thresholds: &[Threshold {
        name: "calls_an_hour",
        default: 1000,
        source: "proposal: below it the bill is small and the quota far",
    }],
    activity_columns: &["service", "principal"],
    s3_access_columns: &[],
    cloudtrail_columns: &["request_parameters", "recipient_account_id", "aws_region"],
    needs: &[Evidence::KmsEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(|config| Box::new(BucketKeyAdvice::new(config))),
};

mod samples;

/// Objects and callers remembered a day; beyond it estimates. Halved at each level.
const MOST: usize = 1024;

/// Bytes of the detector.
const BUDGET: usize = 4 << 20;

struct BucketKeyAdvice {
    calls_an_hour: u64,
    /// By account, region, bucket and day.
    days: Entities<Day>,
    key: EntityKey,
}

/// Calls for the objects of a bucket on one day.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Day {
    hours: [u32; 24],
    objects: KeySample,
    /// Of callers and hours.
    callers: KeySample,
    rows: EvidenceRows,
    facts: Facts,
}

impl State for Day {
    const LEVELS: u32 = 6;

    fn weight(&self, level: u32) -> usize {
        let samples = self.objects.weight(MOST >> level) + self.callers.weight(MOST >> level);
        samples + self.rows.weight(EVIDENCE_ROWS) + self.facts.weight()
    }

    fn cut(&mut self, level: u32) {
        self.objects.lower(MOST >> level);
        self.callers.lower(MOST >> level);
    }

    fn merge(&mut self, other: Self, level: u32) {
        self.hours.iter_mut().zip(other.hours).for_each(|(mine, theirs)| *mine = mine.saturating_add(theirs));
        self.objects.merge(MOST >> level, &other.objects);
        self.callers.merge(MOST >> level, &other.callers);
        self.rows.merge(EVIDENCE_ROWS, other.rows);
        self.facts.merge(&other.facts);
    }
}

/// Bucket and key of the object that the parameters of a KMS call name as its context.
fn object_of(parameters: &str) -> Option<(String, String)> {
    // Most parameters name none and need not be read.
    let parameters = parameters.contains("aws:s3:arn").then(|| Parameters::of(Some(parameters)))?;
    let (bucket, key) = parameters.data()?;
    Some((bucket.to_owned(), key?.to_owned()))
}

impl BucketKeyAdvice {
    fn new(config: &Config) -> BucketKeyAdvice {
        BucketKeyAdvice {
            calls_an_hour: config.threshold(&RULE, "calls_an_hour"),
            days: Entities::with_budget(BUDGET),
            key: EntityKey::default(),
        }
    }

    fn alert(&self, fields: &[Option<&str>], day: &Day) -> Option<Alert> {
        let &[account, region, Some(bucket), start] = fields else { return None };
        let calls: u64 = day.hours.iter().map(|calls| u64::from(*calls)).sum();
        let peak = u64::from(day.hours.iter().copied().max().unwrap_or(0));
        if peak < self.calls_an_hour {
            return None;
        }
        let start = start.and_then(|start| start.parse::<i64>().ok()).map(|start| start.saturating_mul(DAY_MS));
        let halvings = day.objects.halvings().max(day.callers.halvings());
        let left = day.callers.distinct().max(calls * (100 - SPARED_PERCENT) / 100).clamp(1, calls.max(1));
        let percent = (calls - left.min(calls)) * 100 / calls.max(1);
        let mut alert = Alert::of(&RULE, &[account, region, Some(bucket)], start);
        alert.set_evidence([&EvidenceRows::default(), &day.rows]);
        alert.window_seconds = 3600;
        alert.account_id = account.map(str::to_owned);
        alert.region = region.map(str::to_owned);
        alert.bucket = Some(bucket.to_owned());
        day.facts.tell(&mut alert);
        alert.count = calls;
        alert.summary = format!(
            "S3 made {calls} calls to KMS for {}{} of {bucket}, up to {peak} an hour; with S3 Bucket Keys some {left} \
             would be left, {percent} % fewer.",
            about(halvings),
            counted(day.objects.distinct().min(calls), "object", "objects"),
        );
        alert.reasons = vec!["The encryption context names objects, so the bucket has no Bucket Key.".to_owned()];
        alert.observed = [
            ("calls", json!(calls)),
            ("calls_an_hour", json!(peak)),
            ("objects", json!(day.objects.distinct().min(calls))),
            ("calls_with_bucket_keys", json!(left)),
            ("spared_percent", json!(percent)),
            ("sampled_share", json!(share(halvings))),
        ]
        .into();
        alert.expected = [("calls_an_hour", json!(self.calls_an_hour))].into();
        Some(alert)
    }
}

impl Detector for BucketKeyAdvice {
    fn observe(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        if batch.log != LogType::CloudTrail {
            return;
        }
        let columns = EvidenceColumns::of(batch);
        let [service, action, principal] = ["service", "action", "principal"].map(|name| batch.text(name));
        let [parameters, account, region] =
            ["request_parameters", "recipient_account_id", "aws_region"].map(|name| batch.native_text(name));
        for row in 0..batch.len() {
            if !service.is_at("kms", row) || codes.ended[row] != Ended::Done {
                continue;
            }
            let is_for_data = cell(action, row)
                .is_some_and(|action| action == "Decrypt" || action.starts_with("GenerateDataKey"));
            let object = cell(parameters, row).filter(|_| is_for_data).and_then(object_of);
            let (Some((bucket, key)), Some(time_ms)) = (object, columns.event_time_ms(row)) else { continue };
            let day = time_ms.div_euclid(DAY_MS).to_string();
            let hour = time_ms.rem_euclid(DAY_MS) / 3_600_000;
            let entity = self.key.set(&[cell(account, row), cell(region, row), Some(&bucket), Some(&day)]);
            let caller = fingerprint(cell(principal, row).unwrap_or_default()).rotate_left(hour as u32);
            self.days.observe(entity, 1, |state, level| {
                let calls = &mut state.hours[hour as usize];
                *calls = calls.saturating_add(1);
                state.objects.insert(MOST >> level, fingerprint(&key));
                state.callers.insert(MOST >> level, caller);
                state.rows.observe(EVIDENCE_ROWS, &columns, row);
                state.facts.observe(&columns, row);
            });
        }
    }

    fn merge(&mut self, other: Box<dyn Detector>) {
        let other: BucketKeyAdvice = take(other);
        self.days.merge(other.days);
    }

    fn finish(self: Box<Self>, _shared: &Shared<'_>) -> Findings {
        let mut findings = Findings::default();
        for (entity, day) in self.days.sorted() {
            findings.alerts.extend(self.alert(&EntityKey::fields(entity), day));
        }
        findings.notes = self.days.note().map(|note| format!("{}: {note}", RULE.id)).into_iter().collect();
        findings.note_limits();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::CloudTrail;

    #[test]
    fn the_object_is_read_from_the_context() {
        let context = |arn: &str| format!(r#"{{"encryptionContext":{{"aws:s3:arn":"{arn}"}},"keyId":"k"}}"#);
        let of = |arn| object_of(&context(arn));
        assert_eq!(of("arn:aws:s3:::b/a/k"), Some(("b".to_owned(), "a/k".to_owned())));
        assert_eq!(of("arn:aws:s3:::b/a:k"), Some(("b".to_owned(), "a:k".to_owned())));
        assert_eq!((of("arn:aws:s3:::b"), of("arn:aws:s3:::b/"), of("b/k"), of("")), (None, None, None, None));
        assert_eq!((object_of("{aws:s3:arn"), object_of("null")), (None, None));
    }

    #[test]
    fn an_hour_of_a_thousand_calls_is_one_alert_and_spread_over_a_day_they_are_none() {
        let rows = |every_ms: i64| -> Vec<(LogType, Activity)> {
            let row = |number: i64| Activity {
                service: "kms",
                action: "Decrypt",
                bucket: None,
                time_ms: Some(number * every_ms),
                line: number,
                parameters: Some(r#"{"encryptionContext":{"aws:s3:arn":"arn:aws:s3:::b/k"}}"#),
                ..Activity::default()
            };
            (0..1000).map(|number| (CloudTrail, row(number))).collect()
        };
        let found = detect(&RULE, &Config::default(), &rows(3_000));
        assert_eq!(
            (found.alerts.len(), found.alerts[0].count, found.alerts[0].bucket.as_deref()),
            (1, 1000, Some("b"))
        );
        assert_eq!(found.alerts[0].observed["spared_percent"], json!(99));
        assert!(detect(&RULE, &Config::default(), &rows(30_000)).alerts.is_empty());
    }
}
