//! How much of AWS KMS is used: by account, region and quota, when, and by whom for what; and which requests of S3
//! failed as they do when KMS refuses.
//!
//! Calls that were refused for want of permission are left out: AWS does not say that they count against a quota, and
//! they are no use of a key.

mod calls;
pub mod explain;
mod failures;
mod tally;

pub use calls::{Drivers, Load, SPARED_PERCENT, Saving};
pub use failures::{Failed, FailedBucket, is_failure_of_kms};
pub use tally::{Tally, Uses};

use super::DetectBatch;
use super::batch::cell;
use super::codes::{Act, Codes, Ended};
use super::entities::{Entities, EntityKey};
use super::evidence::{EvidenceColumns, EvidenceRows};
use super::facts::Facts;
use super::kms_quota::{Parameters, SYMMETRIC};
use super::minutes::{EvidenceByTime, MINUTE_MS, Stretch, Totals};
use crate::activity::outcome;
use crate::parse::{LogType, time::DAY_MS};
use calls::{Call, CallDay};
use failures::FailedDay;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Bytes for calls: sixty busy days of an account and region to the second.
const CALLS_BUDGET: usize = 16 << 20;

/// Bytes for failures.
const FAILURES_BUDGET: usize = 4 << 20;

/// Minutes of a day.
const DAY_MINUTES: i64 = 24 * 60;

/// What a message of KMS about too many calls says
/// (<https://docs.aws.amazon.com/kms/latest/developerguide/throttling.html>).
const MESSAGE: &str = "exceeded the rate at which you may call KMS";

/// Does an event of KMS say that there were too many calls?
pub fn is_refused(code: Option<&str>, message: Option<&str>) -> bool {
    code.is_some_and(|code| outcome::is_throttling(code, true))
        || message.is_some_and(|message| message.contains(MESSAGE))
}

/// Whose quota: account, region and the name of the quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuotaOf<'a> {
    /// 12 digits.
    pub account: Option<&'a str>,
    /// Region.
    pub region: Option<&'a str>,
    /// See [`Parameters::quota`].
    pub quota: &'a str,
}

/// The use of KMS; the state merges and does not depend on order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KmsUse {
    /// By account, region, quota and day.
    calls: Entities<CallDay>,
    /// By bucket and day.
    failures: Entities<FailedDay>,
}

impl Default for KmsUse {
    fn default() -> KmsUse {
        KmsUse { calls: Entities::with_budget(CALLS_BUDGET), failures: Entities::with_budget(FAILURES_BUDGET) }
    }
}

impl KmsUse {
    /// Columns of `activity` beside those of [`Codes`] and [`EvidenceColumns`].
    pub const COLUMNS: [&'static str; 5] = ["service", "http_status", "error_code", "bucket_name", "principal"];
    /// Columns of `cloudtrail`.
    pub const CLOUDTRAIL_COLUMNS: [&'static str; 5] =
        ["error_message", "recipient_account_id", "aws_region", "request_parameters", "kms_key_arn"];

    /// Takes the rows that are not routine.
    pub fn observe(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        if batch.log == LogType::CloudTrail {
            self.observe_calls(batch, codes);
        }
        self.observe_failures(batch, codes);
    }

    fn observe_calls(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        let services = batch.text("service");
        let is_call = |row: &usize| services.is_at("kms", *row) && codes.ended[*row] != Ended::Denied;
        let mut rows = (0..batch.len()).filter(is_call).peekable();
        if rows.peek().is_none() {
            return;
        }
        let columns = EvidenceColumns::of(batch);
        let [actions, error_codes, principals] =
            ["action", "error_code", "principal"].map(|name| batch.text(name));
        let [accounts, regions, parameters, messages, keys] =
            ["recipient_account_id", "aws_region", "request_parameters", "error_message", "kms_key_arn"]
                .map(|name| batch.native_text(name));
        let mut key = EntityKey::default();
        let mut days: HashMap<String, Vec<Call<'_>>> = HashMap::new();
        for row in rows {
            let Some((day, second)) = columns.event_time_ms(row).and_then(day_and_second) else { continue };
            let Some(action) = cell(actions, row) else { continue };
            let parameters = Parameters::of(cell(parameters, row));
            let quota = parameters.quota(action);
            let day = day.to_string();
            let entity = key.set(&[cell(accounts, row), cell(regions, row), Some(&quota), Some(&day)]);
            let call = Call {
                row,
                second,
                is_refused: is_refused(cell(error_codes, row), cell(messages, row)),
                key: cell(keys, row),
                caller: cell(principals, row),
                data: parameters.data().map(|(bucket, key)| (bucket.to_owned(), key.map(str::to_owned))),
            };
            days.entry_ref(entity).or_default().push(call);
        }
        for (entity, calls) in days {
            self.calls.observe(&entity, calls.len() as u64, |state, level| {
                calls.iter().for_each(|call| state.observe(level, call, &columns));
            });
        }
    }

    fn observe_failures(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        let is_s3_failure = |row: &usize| {
            codes.act[*row] != Act::OtherService && matches!(codes.ended[*row], Ended::Throttled | Ended::Failed)
        };
        let mut rows = (0..batch.len()).filter(is_s3_failure).peekable();
        if rows.peek().is_none() {
            return;
        }
        let columns = EvidenceColumns::of(batch);
        let [error_codes, buckets, requests] =
            ["error_code", "bucket_name", "request_id"].map(|name| batch.text(name));
        let status = batch.http_status();
        let mut key = EntityKey::default();
        let mut days: HashMap<String, Vec<(usize, u32, bool, u64)>> = HashMap::new();
        for row in rows {
            let Some(is_by_kms) = is_failure_of_kms(cell(error_codes, row), Some(status.value(row))) else {
                continue;
            };
            let Some(bucket) = cell(buckets, row) else { continue };
            let Some((day, second)) = columns.event_time_ms(row).and_then(day_and_second) else { continue };
            let what = super::hits::what(cell(requests, row), codes.key[row]);
            let entity = key.set(&[Some(bucket), Some(&day.to_string())]);
            days.entry_ref(entity).or_default().push((row, second, is_by_kms, what));
        }
        for (entity, failures) in days {
            self.failures.observe(&entity, failures.len() as u64, |state, level| {
                for (row, second, is_by_kms, what) in failures {
                    state.observe(level, (batch.log, second / 60, is_by_kms, what), &columns, row);
                }
            });
        }
    }

    /// Takes over what another part of the input showed.
    pub fn merge(&mut self, other: KmsUse) {
        self.calls.merge(other.calls);
        self.failures.merge(other.failures);
    }

    /// All, to be read.
    pub fn view(&self) -> KmsView<'_> {
        let mut calls: BTreeMap<QuotaOf<'_>, BTreeMap<i64, &CallDay>> = BTreeMap::new();
        for (entity, state) in self.calls.sorted() {
            let &[account, region, Some(quota), Some(day)] = &EntityKey::fields(entity)[..] else { continue };
            let Ok(day) = day.parse() else { continue };
            calls.entry(QuotaOf { account, region, quota }).or_default().insert(day, state);
        }
        let mut days: BTreeMap<&str, BTreeMap<i64, &FailedDay>> = BTreeMap::new();
        for (entity, state) in self.failures.sorted() {
            let &[Some(bucket), Some(day)] = &EntityKey::fields(entity)[..] else { continue };
            let Ok(day) = day.parse() else { continue };
            days.entry(bucket).or_default().insert(day, state);
        }
        let level = self.failures.state_level();
        let failed: Vec<FailedBucket<'_>> =
            days.into_iter().map(|(bucket, days)| FailedBucket::of(bucket, days, level)).collect();
        let mut failed_minutes: BTreeMap<i64, Vec<(usize, Failed)>> = BTreeMap::new();
        for (at, bucket) in failed.iter().enumerate() {
            for (minute, failed) in &bucket.minutes {
                failed_minutes.entry(*minute).or_default().push((at, *failed));
            }
        }
        KmsView { calls, level: self.calls.state_level(), failed, failed_minutes }
    }

    /// Sentences about what was left out, if anything was.
    pub fn notes(&self) -> impl Iterator<Item = String> {
        let notes = [("calls of KMS", self.calls.note()), ("failed requests of S3", self.failures.note())];
        notes.into_iter().filter_map(|(what, note)| Some(format!("{what}: {}", note?)))
    }

    /// Bytes of the tables.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        self.calls.bytes() + self.failures.bytes()
    }
}

/// Days since 1970 and the second of the day; none before.
fn day_and_second(time_ms: i64) -> Option<(i64, u32)> {
    (time_ms >= 0).then(|| (time_ms.div_euclid(DAY_MS), (time_ms.rem_euclid(DAY_MS) / 1000) as u32))
}

/// The use of KMS, to be read at the end.
pub struct KmsView<'a> {
    calls: BTreeMap<QuotaOf<'a>, BTreeMap<i64, &'a CallDay>>,
    /// How far the states of calls are cut.
    level: u32,
    failed: Vec<FailedBucket<'a>>,
    /// The failures of each minute since 1970, with their places in `failed`.
    failed_minutes: BTreeMap<i64, Vec<(usize, Failed)>>,
}

/// The minutes since 1970 in which KMS refused calls: whose, and how many.
pub type Refusals<'a> = BTreeMap<i64, Vec<(QuotaOf<'a>, u64)>>;

/// The days that minutes since 1970 lie in.
fn days_of(minutes: &RangeInclusive<i64>) -> RangeInclusive<i64> {
    minutes.start().div_euclid(DAY_MINUTES)..=minutes.end().div_euclid(DAY_MINUTES)
}

impl<'a> KmsView<'a> {
    /// Every quota that a call counted against, in the order of accounts, regions and names.
    pub fn quotas(&self) -> impl Iterator<Item = QuotaOf<'a>> + '_ {
        self.calls.keys().copied()
    }

    fn days<'b>(
        &'b self,
        of: &QuotaOf<'b>,
        days: RangeInclusive<i64>,
    ) -> impl Iterator<Item = (i64, &'b CallDay)> {
        let found = self.calls.get(of).into_iter();
        found.flat_map(move |all| all.range(days.clone())).map(|(day, state)| (*day, *state))
    }

    /// The calls of a quota by minute since 1970, in a range of them.
    pub fn loads<'b>(
        &'b self,
        of: &QuotaOf<'b>,
        minutes: RangeInclusive<i64>,
    ) -> impl Iterator<Item = (i64, Load)> {
        let loads = self.days(of, days_of(&minutes)).flat_map(|(day, state)| {
            state.loads().map(move |(minute, load)| (day * DAY_MINUTES + i64::from(minute), load))
        });
        loads.filter(move |(minute, _)| minutes.contains(minute))
    }

    /// Who called for what in the hours of a range of minutes.
    pub fn drivers(&self, of: &QuotaOf<'_>, minutes: &RangeInclusive<i64>) -> Drivers {
        let mut all = Drivers::default();
        for (day, state) in self.days(of, days_of(minutes)) {
            state.add_drivers(&mut all, |hour| {
                let first = day * DAY_MINUTES + i64::from(hour) * 60;
                first <= *minutes.end() && first + 59 >= *minutes.start()
            });
        }
        all
    }

    /// The first calls of a quota in a stretch, with so many in all, and what the calls of its days agree on.
    pub fn evidence(&self, of: &QuotaOf<'_>, stretch: &Stretch, total: u64) -> (EvidenceRows, Facts) {
        let (mut rows, mut facts) = (EvidenceByTime::default(), Facts::default());
        for (_, state) in self.days(of, days_of(&stretch.minutes)) {
            state.add_evidence(self.level, &mut rows, &mut facts);
        }
        let totals = [0, total].map(|records| Totals { records });
        let [_, of_trail] = rows.over(stretch, calls::evidence_level(self.level), &totals);
        (of_trail.with_total(total), facts)
    }

    /// When KMS refused calls against the quota that S3 uses.
    pub fn refusals(&self) -> Refusals<'a> {
        let mut minutes = Refusals::new();
        for of in self.quotas().filter(|of| of.quota == SYMMETRIC) {
            for (minute, load) in self.loads(&of, i64::MIN..=i64::MAX).filter(|(_, load)| load.refused > 0) {
                minutes.entry(minute).or_default().push((of, load.refused));
            }
        }
        minutes
    }

    /// The buckets of which requests failed, in the order of their names.
    pub fn failed_buckets(&self) -> &[FailedBucket<'a>] {
        &self.failed
    }

    /// How many requests failed in a range of minutes, by bucket; of the buckets and minutes that are wanted.
    pub fn failed(
        &self,
        minutes: RangeInclusive<i64>,
        is_wanted: impl Fn(&FailedBucket<'_>, i64) -> bool,
    ) -> BTreeMap<&str, Failed> {
        let mut found: BTreeMap<&str, Failed> = BTreeMap::new();
        for (minute, failures) in self.failed_minutes.range(minutes) {
            for (at, failed) in failures {
                let bucket = &self.failed[*at];
                if is_wanted(bucket, *minute) {
                    found.entry(bucket.bucket).or_default().add(failed);
                }
            }
        }
        found
    }
}

/// Milliseconds of a second of the day in a minute since 1970.
fn second_ms(minute: i64, second: u8) -> i64 {
    minute * MINUTE_MS + i64::from(second) * 1000
}

#[cfg(test)]
mod tests;
