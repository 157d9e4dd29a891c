//! What all detectors need to know about the input as a whole and can know only at its end: which buckets hold logs,
//! which accounts are the owner's, which keys a bucket has.

mod accounts;
mod assumed_roles;
mod buckets;

pub use accounts::{Accounts, is_account_id, is_canonical_id};
pub use assumed_roles::AssumedRoles;
pub use buckets::{LogBucket, Why, is_delivering};

use super::Config;
use super::capped::cap_of;
use super::codes::{Ended, Who};
use super::entities::{Entities, State, field};
use super::key_sample::{KeySample, is_sampled};
use super::names::Names;
use super::sight::Sight;
use buckets::Signs;
use serde::{Deserialize, Serialize};

/// Keys remembered a bucket, to say which share of them was deleted or read; the estimate beyond is good to about 2 %.
/// Halved at each level.
const MOST_KEYS: usize = cap_of(1 << 12);

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
    /// Who took on which role.
    pub assumed_roles: AssumedRoles,
    /// CloudTrail events, to tell whether two parts hold the same.
    events: KeySample,
    /// What is not yet in `buckets`.
    #[serde(skip)]
    recent: Recent,
}

/// What some rows hold, by the number of their bucket.
#[derive(Clone, Debug, Default)]
struct Recent {
    buckets: Vec<Part>,
    /// Keys gathered over all buckets.
    keys: usize,
}

/// Keys that are gathered before they are taken over.
const MOST_RECENT_KEYS: usize = 1 << 15;

/// What some rows hold of one bucket.
#[derive(Clone, Debug, Default)]
struct Part {
    keys: Vec<u64>,
    /// Keys that need not be gathered: the halvings of the sample that they would go to.
    halvings: u32,
    signs: Signs,
    rows: u64,
}

impl Recent {
    fn see(&mut self, bucket: u32, sight: &Sight<'_>) {
        let bucket = bucket as usize;
        if self.buckets.len() <= bucket {
            self.buckets.resize_with(bucket + 1, Part::default);
        }
        let part = &mut self.buckets[bucket];
        part.rows += 1;
        if sight.ended == Ended::Done {
            if sight.key != 0 && is_sampled(sight.key, part.halvings) {
                part.keys.push(sight.key);
                self.keys += 1;
            }
            part.signs.see(sight);
        }
    }
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
            assumed_roles: AssumedRoles::default(),
            events: KeySample::default(),
            recent: Recent::default(),
        }
    }
}

impl Known {
    /// Takes a row; `names` are those of its numbers.
    pub fn see(&mut self, sight: &Sight<'_>, names: &Names) {
        if let Some(account) = sight.account {
            self.accounts.see(sight.log, account);
        }
        if let Some((bucket, _)) = sight.bucket {
            self.recent.see(bucket, sight);
        }
        if sight.event != 0 {
            self.events.insert(MOST_EVENTS, sight.event);
        }
        // Settings name a log bucket that is not that of the request.
        if let Some([service, action, parameters]) = sight.setting
            && let Some(bucket) = buckets::named_in_settings(service, action, parameters)
        {
            self.buckets.observe(&field(&bucket), 0, |state, _| state.signs.add(Why::Setting));
        }
        if let (Some(["sts", "AssumeRole", parameters]), Some(time_ms)) = (sight.setting, sight.time_ms)
            && sight.who != Who::Service
            && let Some(caller) = &names.callers.name(sight.caller).text
        {
            self.assumed_roles.see(caller, parameters, time_ms);
        }
        if self.recent.keys >= MOST_RECENT_KEYS {
            self.settle(names);
        }
    }

    /// Takes over what was gathered; before names are forgotten, and before anything is read or saved.
    pub fn settle(&mut self, names: &Names) {
        for (number, part) in (0..).zip(&mut self.recent.buckets).filter(|(_, part)| part.rows > 0) {
            let Some(bucket) = &names.buckets.name(number).text else { continue };
            let halvings = &mut part.halvings;
            self.buckets.observe(bucket, part.rows, |state, level| {
                part.keys.drain(..).for_each(|key| state.keys.insert(MOST_KEYS >> level, key));
                state.signs.merge(part.signs);
                *halvings = state.keys.halvings();
            });
            // What a bucket that is left out would have taken.
            part.keys.clear();
            part.rows = 0;
        }
        self.recent.keys = 0;
    }

    /// Names are given anew: what was gathered under their numbers has been taken over.
    pub fn forget(&mut self) {
        self.recent = Recent::default();
    }

    /// Takes over what another part of the input showed.
    pub fn merge(&mut self, other: Known) {
        self.buckets.merge(other.buckets);
        self.accounts.merge(other.accounts);
        self.assumed_roles.merge(other.assumed_roles);
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

    /// Keys that successful requests name in a bucket.
    pub fn key_sample(&self, bucket: &str) -> Option<&KeySample> {
        self.buckets.get(&field(bucket)).map(|state| &state.keys)
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
        self.buckets.bytes() + self.assumed_roles.bytes()
    }
}
