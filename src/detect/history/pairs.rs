//! Which requests both logs show: those count once.

use crate::detect::capped::{cap_of, keep, make_room};
use crate::detect::key_sample::is_sampled;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// Requests remembered of both logs together; over it a sample of them is.
const MOST: usize = cap_of(1 << 15);

/// Requests of each log by fingerprint. Over the cap those whose fingerprint is not below a falling
/// threshold are left out, which depends on the requests alone.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Pairs {
    requests: [HashMap<u64, Shown>; 2],
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
            self.add(log, request, Shown { entity, minute, read });
        }
    }

    fn add(&mut self, log: usize, request: u64, shown: Shown) {
        make_room(&mut self.requests[log], MOST);
        let mine = self.requests[log].entry(request).or_insert(shown);
        *mine = shown.min(*mine);
        while self.requests.iter().map(HashMap::len).sum::<usize>() > MOST {
            self.halve_to(self.halvings + 1);
        }
    }

    fn halve_to(&mut self, halvings: u32) {
        self.halvings = halvings;
        for requests in &mut self.requests {
            keep(requests, |request| is_sampled(*request, halvings));
        }
    }

    /// Joins two.
    pub fn merge(&mut self, other: Pairs) {
        if other.halvings > self.halvings {
            self.halve_to(other.halvings);
        }
        for (log, requests) in other.requests.into_iter().enumerate() {
            for (request, shown) in requests {
                if is_sampled(request, self.halvings) {
                    self.add(log, request, shown);
                }
            }
        }
    }

    /// The requests that both logs show, by the entity that CloudTrail names.
    pub fn both(&self) -> HashMap<u64, Vec<Both>> {
        let mut both: HashMap<u64, Vec<Both>> = HashMap::new();
        let [access, trail] = &self.requests;
        for (request, trail) in trail {
            if access.get(request).is_some_and(|access| access.entity == trail.entity) {
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
        self.requests.iter().map(HashMap::allocation_size).sum()
    }
}
