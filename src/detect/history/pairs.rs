//! Which requests both logs show: those count once.

use crate::detect::key_sample::is_sampled;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// Requests remembered; over it a sample of them is.
const MOST: usize = (1 << 15) / 8 * 7;

/// Requests by fingerprint, as each log shows them. Over the cap those whose fingerprint is not below a falling
/// threshold are left out, which depends on the requests alone.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Pairs {
    requests: HashMap<u64, [Option<Shown>; 2]>,
    #[serde(deserialize_with = "crate::detect::key_sample::read_halvings")]
    halvings: u32,
}

/// A request as one log shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Shown {
    entity: u64,
    minute: u32,
    /// Bytes, if it is a read.
    read: Option<u64>,
}

/// A request that both logs show, as it stands in CloudTrail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Both {
    /// Minute in CloudTrail.
    pub minute: u32,
    /// Bytes that CloudTrail says were sent, if it is a read.
    pub read: Option<u64>,
}

impl Pairs {
    /// Takes a request; of several rows of one log with the same fingerprint the smallest stands.
    pub fn see(&mut self, request: u64, log: usize, entity: u64, minute: u32, read: Option<u64>) {
        if is_sampled(request, self.halvings) {
            let mut shown = [None; 2];
            shown[log] = Some(Shown { entity, minute, read });
            self.add(request, shown);
        }
    }

    fn add(&mut self, request: u64, shown: [Option<Shown>; 2]) {
        let mine = self.requests.entry(request).or_default();
        for (mine, theirs) in mine.iter_mut().zip(shown) {
            *mine = mine.iter().copied().chain(theirs).min();
        }
        while self.requests.len() > MOST {
            self.halve_to(self.halvings + 1);
        }
    }

    fn halve_to(&mut self, halvings: u32) {
        self.halvings = halvings;
        self.requests.retain(|request, _| is_sampled(*request, halvings));
    }

    /// Joins two.
    pub fn merge(&mut self, other: Pairs) {
        if other.halvings > self.halvings {
            self.halve_to(other.halvings);
        }
        for (request, shown) in other.requests {
            if is_sampled(request, self.halvings) {
                self.add(request, shown);
            }
        }
    }

    /// The requests that both logs show, by the entity that CloudTrail names.
    pub fn both(&self) -> HashMap<u64, Vec<Both>> {
        let mut both: HashMap<u64, Vec<Both>> = HashMap::new();
        for shown in self.requests.values() {
            if let [Some(access), Some(trail)] = shown
                && access.entity == trail.entity
            {
                both.entry(trail.entity).or_default().push(Both { minute: trail.minute, read: trail.read });
            }
        }
        both
    }

    /// How often the share of the requests was halved.
    pub fn halvings(&self) -> u32 {
        self.halvings
    }

    /// Bytes of the table.
    pub fn bytes(&self) -> usize {
        self.requests.allocation_size()
    }
}
