//! KMS-001: AWS KMS refuses calls because there are too many.

use super::{samples, take};
use crate::activity::outcome;
use crate::detect::alert::{Alert, Outcome, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::Codes;
use crate::detect::entities::{Entities, EntityKey, State};
use crate::detect::evidence::EvidenceColumns;
use crate::detect::facts::Facts;
use crate::detect::kms_quota::{Parameters, SYMMETRIC};
use crate::detect::kms_use::{FailedBucket, Load, QuotaOf, explain, is_refused};
use crate::detect::minutes::{EvidenceByTime, MINUTE_MS, Measure, Series, Stretch, Totals, log_index};
use crate::detect::text_column::TextColumn;
use crate::detect::{
    Config, DetectBatch, Detector, Evidence, Findings, Form, Rule, Shared, Threshold, restore, saved,
};
use crate::parse::{LogType, time::DAY_MS};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};

/// Refusals less than this apart are one alert.
const EPISODE_MINUTES: i64 = 60;

/// KMS-001 `kms-throttled`.
pub static RULE: Rule = Rule {
    id: "KMS-001",
    name: "kms-throttled",
    title: "AWS KMS refused calls because there were too many",
    severity: Severity::Info,
    attack: &["T1499"],
    looks_for: "CloudTrail events of KMS that failed with a code for too many requests, such as ThrottlingException \
        or LimitExceededException, or with the message that the rate was exceeded at which you may call KMS; and S3 \
        requests, in either log, that failed with such a code of KMS, with KMS. before it. KMS \
        events are counted by account, region, caller and request quota (cryptographic operations share one by the kind \
        of key, others have their own), S3 requests by bucket; refusals less than an hour apart are one alert. The level is info for any; \
        medium when a minute has many; high when a minute has very many, or when several minutes next to each other \
        each have as many as medium asks for. Minutes are whole minutes of the clock: a burst that \
        straddles two of them is counted in two parts. The alert says how many requests a second the account made at \
        most and what the quota is, which keys, callers, buckets and prefixes (up to the first slash) had most calls \
        in the clock hours concerned, which S3 requests failed in the same minutes, by bucket, and what S3 Bucket \
        Keys would have saved.",
    why: "S3 cannot read or write objects under SSE-KMS while KMS refuses, so a quota that is used up is an outage. \
        It can be a job that runs wild, or somebody who encrypts or decrypts a whole bucket.",
    cannot_see: "KMS events that the trail excludes, and callers of other accounts whose events are in another trail: \
        then the alert says that the log does not show the quota used up. Quotas that AWS changed for the account, \
        unless KMS-002 is configured with them. Buckets of calls that programs make with a context of their own.",
    false_positives: "Load tests and backfills.",
    next_steps: &[
        "Look at what the caller does: a bulk copy or re-encryption of objects, or a legitimate job.",
        "Turn on S3 Bucket Keys for the buckets concerned, which cuts calls to KMS by up to 99 %.",
        "Ask for a higher request quota of KMS if the load is wanted.",
    ],
    thresholds: &[
        Threshold { name: "a_minute_medium", default: 10, source: "proposal, to be tuned on real data" },
        Threshold { name: "a_minute_high", default: 100, source: "proposal, to be tuned on real data" },
        Threshold {
            name: "consecutive_minutes_high",
            default: 3,
            source: "proposal: the SDKs' default retries are through by then, \
                <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>",
        },
    ],
    activity_columns: &["service", "error_code", "bucket_name", "principal"],
    s3_access_columns: &[],
    cloudtrail_columns: &["aws_region", "error_message", "recipient_account_id", "request_parameters"],
    needs: &[Evidence::KmsEvents, Evidence::AccessLines, Evidence::DataEvents],
    samples: samples!("KMS-001":
        "fires" CloudTrail "json" true,
        "fires_access" S3Access "log" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" S3Access "log" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(|config| Box::new(KmsThrottled::new(config))),
};

struct KmsThrottled {
    a_minute_medium: u64,
    a_minute_high: u64,
    consecutive_minutes_high: u64,
    /// By account, region, kind of operation and caller; or by bucket alone.
    /// And by day, so that over the budget whole days are left out and those left are exact.
    refusals: Entities<Refusals>,
    key: EntityKey,
}

/// Bytes of a detector.
const BUDGET: usize = 20 << 20;

/// Bytes of a minute: a table is at worst 7/16 full.
const MINUTE_BYTES: usize = 32;

/// What is refused on one day.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Refusals {
    /// By minute since 1970, in each log.
    minutes: HashMap<u32, [u32; 2]>,
    evidence: EvidenceByTime,
    facts: Facts,
}

impl State for Refusals {
    const LEVELS: u32 = EvidenceByTime::LEVELS;

    fn weight(&self, _level: u32) -> usize {
        self.evidence.weight() + self.facts.weight() + (self.minutes.len() + 4) * MINUTE_BYTES
    }

    fn cut(&mut self, level: u32) {
        self.evidence.cut(level);
    }

    fn merge(&mut self, other: Self, level: u32) {
        for (minute, records) in other.minutes {
            let mine = self.minutes.entry(minute).or_default();
            mine.iter_mut().zip(records).for_each(|(mine, theirs)| *mine = mine.saturating_add(theirs));
        }
        self.evidence.merge(other.evidence, level);
        self.facts.merge(&other.facts);
    }
}

fn is_throttling_behind_s3(code: &str) -> bool {
    code.strip_prefix("KMS.").is_some_and(|code| outcome::is_throttling(code, true))
}

impl KmsThrottled {
    fn new(config: &Config) -> KmsThrottled {
        let threshold = |name| config.threshold(&RULE, name);
        KmsThrottled {
            a_minute_medium: threshold("a_minute_medium"),
            a_minute_high: threshold("a_minute_high"),
            consecutive_minutes_high: threshold("consecutive_minutes_high"),
            refusals: Entities::with_budget(BUDGET),
            key: EntityKey::default(),
        }
    }

    fn alert(
        &self,
        fields: &[Option<&str>],
        (evidence, facts): (&EvidenceByTime, &Facts),
        series: &Series,
        stretch: &Stretch,
        shared: &Shared<'_>,
    ) -> Option<Alert> {
        let &[account, region, class, principal, bucket] = fields else { return None };
        let peak = series.peak_minute(&stretch.minutes);
        let run = series.longest_run(&stretch.minutes, self.a_minute_medium.max(1));
        let totals = series.totals(&stretch.minutes);
        let count = count(&totals, bucket, stretch, shared);
        let mut alert = Alert::of(&RULE, fields, Some(stretch.minutes.start() * MINUTE_MS));
        let evidence = evidence.over(stretch, self.refusals.state_level(), &totals);
        alert.set_evidence([&evidence[0], &evidence[1]]);
        alert.severity = if peak >= self.a_minute_high || run >= self.consecutive_minutes_high {
            Severity::High
        } else if peak >= self.a_minute_medium {
            Severity::Medium
        } else {
            Severity::Info
        };
        alert.outcome = Outcome::Denied;
        alert.window_seconds = 60;
        let owned = |field: Option<&str>| field.map(str::to_owned);
        (alert.account_id, alert.region) = (owned(account), owned(region));
        (alert.principal, alert.bucket) = (owned(principal), owned(bucket));
        facts.tell(&mut alert);
        alert.count = count;
        let what = match bucket {
            Some(bucket) => format!("{} for {bucket}", counted(count, "S3 request", "S3 requests")),
            None => format!(
                "{count} {} {} of {} in {}",
                class.unwrap_or("unnamed"),
                if count == 1 { "call" } else { "calls" },
                principal.unwrap_or("an unknown caller"),
                region.unwrap_or("an unknown region")
            ),
        };
        alert.summary = format!(
            "KMS refused {what} because there were too many: up to {peak} a minute, and {} with at least \
             {}.",
            counted(run, "minute", "minutes in a row"),
            self.a_minute_medium
        );
        alert.reasons = vec![match bucket {
            Some(_) => "S3 passed on a refusal by KMS (error code KMS.…).".to_owned(),
            None => "KMS answered with an error for too many requests.".to_owned(),
        }];
        alert.observed =
            [("refused", json!(count)), ("peak_a_minute", json!(peak)), ("consecutive_minutes", json!(run))]
                .into();
        alert.expected = [
            ("a_minute_medium", json!(self.a_minute_medium)),
            ("a_minute_high", json!(self.a_minute_high)),
            ("consecutive_minutes_high", json!(self.consecutive_minutes_high)),
        ]
        .into();
        match (bucket, class) {
            (Some(bucket), _) => explain_requests(&mut alert, bucket, stretch, shared),
            (None, Some(quota)) => {
                explain_calls(&mut alert, &QuotaOf { account, region, quota }, stretch, shared);
            }
            (None, None) => {}
        }
        Some(alert)
    }
}

/// Says how much of the quota was used over all callers, by whom for what, and what failed with it.
fn explain_calls(alert: &mut Alert, of: &QuotaOf<'_>, stretch: &Stretch, shared: &Shared<'_>) {
    let (mut load, mut refused) = (Load::default(), BTreeSet::new());
    for (minute, one) in shared.kms.loads(of, stretch.minutes.clone()) {
        load.add(minute, &one);
        if one.refused > 0 {
            refused.insert(minute);
        }
    }
    if load.requests == 0 {
        return;
    }
    explain::load(alert, of, &load, explain::quota(shared.config, of).as_ref());
    explain::drivers(alert, &shared.kms.drivers(of, &stretch.minutes));
    if of.quota == SYMMETRIC {
        let is_wanted = |bucket: &FailedBucket<'_>, minute| refused.contains(&minute) && bucket.fits(of);
        explain::failed(alert, &shared.kms.failed(stretch.minutes.clone(), is_wanted));
    }
}

/// How many requests were refused. Calls of KMS are in CloudTrail alone; of requests to a bucket, what both logs show is
/// one, as far as the failures of the bucket tell.
fn count(totals: &[Totals; 2], bucket: Option<&str>, stretch: &Stretch, shared: &Shared<'_>) -> u64 {
    let [left, right] = [totals[0].records, totals[1].records];
    let joined = bucket.and_then(|bucket| {
        let failed = shared.kms.failed(stretch.minutes.clone(), |failed, _| failed.bucket == bucket);
        failed.get(bucket).map(|failed| failed.by_kms)
    });
    joined.unwrap_or(0).clamp(left.max(right), left + right)
}

/// Says what else failed for the bucket.
fn explain_requests(alert: &mut Alert, bucket: &str, stretch: &Stretch, shared: &Shared<'_>) {
    let is_wanted = |failed: &FailedBucket<'_>, _| failed.bucket == bucket;
    explain::failed(alert, &shared.kms.failed(stretch.minutes.clone(), is_wanted));
}

impl Detector for KmsThrottled {
    fn observe(&mut self, batch: &DetectBatch<'_>, _codes: &Codes) {
        let codes = batch.text("error_code");
        let messages = (batch.log == LogType::CloudTrail).then(|| batch.native_text("error_message"));
        let names = |column: &TextColumn<'_>, row: &usize| !column.is_null(*row);
        let is_refusal = |row: &usize| names(codes, row) || messages.is_some_and(|messages| names(messages, row));
        let mut rows = (0..batch.len()).filter(is_refusal).peekable();
        if rows.peek().is_none() {
            return;
        }
        let columns = EvidenceColumns::of(batch);
        let [service, action, principal, bucket] =
            ["service", "action", "principal", "bucket_name"].map(|name| batch.text(name));
        for row in rows {
            let code = cell(codes, row);
            let message = messages.and_then(|messages| cell(messages, row));
            let is_kms = batch.log == LogType::CloudTrail && service.is_at("kms", row);
            let Some(time_ms) = columns.event_time_ms(row) else { continue };
            let Ok(minute) = u32::try_from(time_ms.div_euclid(MINUTE_MS)) else { continue };
            let day = time_ms.div_euclid(DAY_MS).to_string();
            let entity = if is_kms && is_refused(code, message) {
                let parameters = Parameters::of(cell(batch.native_text("request_parameters"), row));
                let class = parameters.quota(cell(action, row).unwrap_or_default());
                let [account, region] =
                    ["recipient_account_id", "aws_region"].map(|name| cell(batch.native_text(name), row));
                let principal = cell(principal, row);
                self.key.set(&[account, region, Some(&class), principal, None, Some(&day)])
            } else if service.is_at("s3", row) && code.is_some_and(is_throttling_behind_s3) {
                let Some(bucket) = cell(bucket, row) else { continue };
                self.key.set(&[None, None, None, None, Some(bucket), Some(&day)])
            } else {
                continue;
            };
            self.refusals.observe(entity, 1, |state, level| {
                let records = &mut state.minutes.entry(minute).or_default()[log_index(batch.log)];
                *records = records.saturating_add(1);
                state.evidence.observe(level, batch.log, &columns, row);
                state.facts.observe(&columns, row);
            });
        }
    }

    fn merge(&mut self, other: Box<dyn Detector>) {
        let other: KmsThrottled = take(other);
        self.refusals.merge(other.refusals);
    }

    fn finish(self: Box<Self>, shared: &Shared<'_>) -> Findings {
        let mut findings = Findings::default();
        let mut entities: BTreeMap<Vec<Option<&str>>, Vec<&Refusals>> = BTreeMap::new();
        for (entity, day) in self.refusals.sorted() {
            let mut fields = EntityKey::fields(entity);
            fields.pop();
            entities.entry(fields).or_default().push(day);
        }
        for (fields, days) in entities {
            let minutes =
                days.iter().flat_map(|day| day.minutes.iter().map(|(minute, records)| (*minute, *records)));
            let series = Series::of_records(minutes);
            let mut evidence = EvidenceByTime::default();
            let mut facts = Facts::default();
            for day in days {
                evidence.merge(day.evidence.clone(), self.refusals.state_level());
                facts.merge(&day.facts);
            }
            for stretch in series.stretches(EPISODE_MINUTES, 1, Measure::Records) {
                findings.alerts.extend(self.alert(&fields, (&evidence, &facts), &series, &stretch, shared));
            }
        }
        findings.notes = self.refusals.note().map(|note| format!("{}: {note}", RULE.id)).into_iter().collect();
        findings.note_limits();
        findings
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn save(&self) -> Vec<u8> {
        saved(&self.refusals)
    }

    fn load(&mut self, state: &[u8]) -> Result<(), String> {
        self.refusals = restore(state)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect, flood};
    use LogType::{CloudTrail, S3Access};

    /// Refusals, so many in each minute.
    fn refusals(a_minute: &[i64]) -> Vec<(LogType, Activity)> {
        let refusal = |minute: i64, number: i64| Activity {
            service: "kms",
            action: if number % 2 == 0 { "Decrypt" } else { "GenerateDataKeyWithoutPlaintext" },
            error_code: Some("ThrottlingException"),
            outcome: "throttled",
            bucket: None,
            time_ms: Some(minute * MINUTE_MS),
            line: minute * 1000 + number,
            ..Activity::default()
        };
        let minutes = a_minute.iter().zip(0..);
        minutes
            .flat_map(|(count, minute)| (0..*count).map(move |number| (CloudTrail, refusal(minute, number))))
            .collect()
    }

    fn levels(rows: &[(LogType, Activity)]) -> Vec<Severity> {
        detect(&RULE, &Config::default(), rows).alerts.iter().map(|alert| alert.severity).collect()
    }

    #[test]
    fn the_level_follows_from_refusals_a_minute_and_minutes_in_a_row() {
        for (a_minute, expected) in [
            (vec![1], Severity::Info),
            (vec![9, 9, 9, 9], Severity::Info),
            (vec![10], Severity::Medium),
            (vec![10, 10, 9, 10], Severity::Medium),
            (vec![10, 10, 10], Severity::High),
            (vec![0, 100], Severity::High),
        ] {
            assert_eq!(levels(&refusals(&a_minute)), [expected], "{a_minute:?}");
        }
    }

    #[test]
    fn only_throttling_by_kms_counts() {
        let changed = |log, change: fn(&mut Activity)| {
            let mut row = refusals(&[1]).remove(0).1;
            change(&mut row);
            levels(&[(log, row)]).len()
        };
        assert_eq!(changed(CloudTrail, |_| ()), 1);
        assert_eq!(changed(CloudTrail, |row| row.service = "ssm"), 0);
        assert_eq!(changed(CloudTrail, |row| row.error_code = Some("AccessDenied")), 0);
        assert_eq!(changed(CloudTrail, |row| row.error_code = None), 0);
        assert_eq!(
            changed(CloudTrail, |row| {
                row.error_code = Some("UnknownError");
                row.error_message = Some("You have exceeded the rate at which you may call KMS. Reduce");
            }),
            1
        );
        for (code, expected) in [
            ("KMS.ThrottlingException", 1),
            ("KMS.LimitExceededException", 1),
            ("KMS.DisabledException", 0),
            ("SlowDown", 0),
        ] {
            for log in LogType::ALL {
                let row = Activity { error_code: Some(code), outcome: "throttled", ..Activity::default() };
                assert_eq!(levels(&[(log, row)]).len(), expected, "{code} in {}", log.name());
            }
        }
    }

    #[test]
    fn callers_and_kinds_of_operation_are_alerts_of_their_own_and_so_are_refusals_hours_apart() {
        let mut rows = refusals(&[4]);
        rows[0].1.principal = "somebody else";
        rows[1].1.action = "DescribeKey";
        rows[2].1.time_ms = Some(3 * 60 * MINUTE_MS);
        assert_eq!(levels(&rows).len(), 4);
        assert_eq!(levels(&refusals(&[4])).len(), 1);
    }

    #[test]
    fn a_request_in_both_logs_counts_once() {
        let code = Some("KMS.ThrottlingException");
        let row = Activity { error_code: code, outcome: "throttled", ..Activity::default() };
        let found = detect(&RULE, &Config::default(), &[(S3Access, row.clone()), (CloudTrail, row)]);
        assert_eq!((found.alerts.len(), found.alerts[0].count, found.alerts[0].evidence_total), (1, 1, 2));
    }

    #[test]
    fn a_request_in_one_log_only_still_counts() {
        let row = |log, request: &str| {
            let code = Some("KMS.ThrottlingException");
            (
                log,
                Activity {
                    error_code: code,
                    outcome: "throttled",
                    request: request.to_owned(),
                    ..Activity::default()
                },
            )
        };
        let rows = [row(S3Access, "R1"), row(S3Access, "R2"), row(CloudTrail, "R2"), row(CloudTrail, "R3")];
        let found = detect(&RULE, &Config::default(), &rows);
        assert_eq!((found.alerts.len(), found.alerts[0].count), (1, 3));
    }

    #[test]
    fn many_callers_stay_in_the_budget() {
        let row = refusals(&[1]).remove(0).1;
        flood(|| KmsThrottled::new(&Config::default()), |detector| detector.refusals.bytes(), CloudTrail, &row);
    }
}
