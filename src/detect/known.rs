//! What all detectors need to know about the input as a whole and can know only at its end: which buckets hold logs,
//! which accounts are the owner's, which keys a bucket has.

mod accounts;
mod buckets;

pub use accounts::{Accounts, is_account_id, is_canonical_id};
pub use buckets::{LogBucket, Why, is_delivering};

use super::batch::{cell, runs};
use super::codes::{Act, Codes, Ended};
use super::entities::{Entities, State, field};
use super::key_sample::{KeySample, fingerprint};
use super::{Config, DetectBatch};
use crate::parse::LogType;
use buckets::Signs;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// Keys remembered a bucket, to say which share of them was deleted or read; the estimate beyond is good to about 2 %.
/// Halved at each level.
const MOST_KEYS: usize = 4096;

/// CloudTrail events remembered; beyond it a sample.
const MOST_EVENTS: usize = 1 << 14;

/// Bytes for buckets.
const BUCKETS_BUDGET: usize = 6 << 20;

/// What is known about the input; its state merges and does not depend on order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Known {
    buckets: Entities<Bucket>,
    /// The accounts.
    pub accounts: Accounts,
    /// CloudTrail events, to tell whether two parts hold the same.
    events: KeySample,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Bucket {
    keys: KeySample,
    signs: Signs,
}

impl State for Bucket {
    const LEVELS: u32 = 6;

    fn weight(&self, level: u32) -> usize {
        self.keys.weight(MOST_KEYS >> level)
    }

    fn cut(&mut self, level: u32) {
        self.keys.lower(MOST_KEYS >> level);
    }

    fn merge(&mut self, other: Self, level: u32) {
        self.keys.merge(MOST_KEYS >> level, &other.keys);
        self.signs.merge(other.signs);
    }
}

impl Default for Known {
    fn default() -> Known {
        Known {
            buckets: Entities::with_budget(BUCKETS_BUDGET),
            accounts: Accounts::default(),
            events: KeySample::default(),
        }
    }
}

impl Known {
    /// Columns of `activity` beside those of [`Codes`].
    pub const COLUMNS: [&'static str; 4] = ["bucket_name", "principal", "invoked_by", "event_id"];
    /// Columns of `s3_access`.
    pub const S3_ACCESS_COLUMNS: [&'static str; 1] = ["bucket_owner"];
    /// Columns of `cloudtrail`.
    pub const CLOUDTRAIL_COLUMNS: [&'static str; 2] = ["recipient_account_id", "request_parameters"];

    /// Takes all rows of a batch.
    pub fn observe(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        self.accounts.observe(batch);
        let (principals, invoked_by) = (batch.text("principal"), batch.text("invoked_by"));
        let mut by_bucket: HashMap<&str, Vec<u32>> = HashMap::new();
        for (bucket, rows) in runs(batch.text("bucket_name")) {
            by_bucket.entry(bucket).or_default().extend(rows.start as u32..rows.end as u32);
        }
        for (bucket, rows) in by_bucket {
            self.buckets.observe(&field(bucket), rows.len() as u64, |state, level| {
                for row in rows.into_iter().map(|row| row as usize) {
                    if codes.ended[row] != Ended::Done {
                        continue;
                    }
                    if codes.key[row] != 0 {
                        state.keys.insert(MOST_KEYS >> level, codes.key[row]);
                    }
                    let principal = || cell(principals, row);
                    let invoked_by = || cell(invoked_by, row);
                    state.signs.observe(codes, row, principal, invoked_by);
                }
            });
        }
        if batch.log == LogType::CloudTrail {
            self.observe_settings(batch, codes);
            let ids = batch.text("event_id");
            for id in (0..batch.len()).filter_map(|row| cell(ids, row)) {
                self.events.insert(MOST_EVENTS, fingerprint(id));
            }
        }
    }

    /// Settings that name a log bucket: the bucket is not that of the request.
    fn observe_settings(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        let [action, service] = ["operation", "service"].map(|name| batch.text(name));
        let parameters = batch.native_text("request_parameters");
        for row in 0..batch.len() {
            let is_setting = matches!(codes.act[row], Act::OtherS3 | Act::OtherService);
            if !is_setting || codes.ended[row] != Ended::Done {
                continue;
            }
            let (Some(service), Some(action), Some(parameters)) =
                (cell(service, row), cell(action, row), cell(parameters, row))
            else {
                continue;
            };
            if let Some(bucket) = buckets::named_in_settings(service, action, parameters) {
                self.buckets.observe(&field(&bucket), 0, |state, _| state.signs.add(Why::Setting));
            }
        }
    }

    /// Takes over what another part of the input showed.
    pub fn merge(&mut self, other: Known) {
        self.buckets.merge(other.buckets);
        self.accounts.merge(other.accounts);
        self.events.merge(MOST_EVENTS, &other.events);
    }

    /// How many CloudTrail events both hold, about.
    pub fn events_in_both(&self, other: &Known) -> u64 {
        self.events.distinct_in_both(&other.events)
    }

    /// Why a bucket counts as one that holds logs, if it does.
    pub fn log_bucket(&self, config: &Config, bucket: &str) -> Option<LogBucket> {
        let signs = self.buckets.get(&field(bucket)).map(|state| state.signs).unwrap_or_default();
        signs.verdict(config.log_buckets.contains(bucket))
    }

    /// How many keys successful requests name in a bucket, and the halvings of the sample if that is an estimate.
    pub fn keys(&self, bucket: &str) -> (u64, u32) {
        let keys = self.buckets.get(&field(bucket)).map(|state| &state.keys);
        keys.map_or((0, 0), |keys| (keys.distinct(), keys.halvings()))
    }

    /// The buckets that count as log buckets by their signs alone.
    pub fn inferred_log_buckets(&self, config: &Config) -> Vec<String> {
        let buckets = self
            .buckets
            .sorted()
            .into_iter()
            .filter(|(_, state)| state.signs.verdict(false).is_some_and(|bucket| !bucket.is_planted_easily()));
        buckets.map(|(name, _)| name.to_owned()).filter(|name| !config.log_buckets.contains(name)).collect()
    }

    /// A sentence about what was left out, if anything was.
    pub fn note(&self) -> Option<String> {
        self.buckets.note()
    }

    /// Bytes of the tables.
    pub fn bytes(&self) -> usize {
        self.buckets.bytes()
    }
}
