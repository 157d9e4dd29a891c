//! Events as they are collected, before they are put into order.

use super::company::Encryption;
use super::event::{Action, Call, Caller, Event, Outcome, Request, Sse, What};
use crate::synth::random::{Random, mix};

/// Collects events and counts their records.
pub(super) struct Timeline {
    seed: u64,
    ids: Random,
    pub(super) events: Vec<Event>,
    records: u64,
}

impl Timeline {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, ids: Random::new(mix(seed ^ 0x6964)), events: Vec::new(), records: 0 }
    }

    /// The events that follow take their ids from another sequence, so that benign ones do not depend on them.
    pub(super) fn turn_to_incidents(&mut self) {
        self.ids = Random::new(mix(self.seed ^ 0x696E_6369));
    }

    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// A random sequence of its own for what is named.
    pub(super) fn random(&self, name: &str) -> Random {
        Random::new(name.bytes().fold(self.seed, |hash, byte| mix(hash ^ u64::from(byte))))
    }

    /// Number of records so far.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    fn push(&mut self, time: i64, what: What, records: u64) {
        self.records += records;
        let id = self.ids.next_u64();
        self.events.push(Event { time, id, what });
    }

    /// Adds a call.
    pub(super) fn call(&mut self, time: i64, call: Call) {
        self.push(time, What::Call(call), 1);
    }

    /// Adds a request and, where the bucket's encryption makes S3 ask KMS for it, that call.
    pub(super) fn request(&mut self, time: i64, request: Request) {
        let write = request.is_write();
        let asks =
            (write || request.action == Action::Get) && matches!(request.outcome, Outcome::Done | Outcome::Part);
        let bucket = request.bucket;
        let own_key = match (request.sse, bucket.encryption) {
            (Sse::Key(key), _) => Some(key.to_owned()),
            (Sse::Bucket, Encryption::ObjectKeys) => Some(bucket.key_arn()),
            _ => None,
        };
        if let Some(key) = own_key.filter(|_| asks) {
            let context = format!("{}/{}", bucket.arn(), request.key);
            self.call(time, Call::Kms { caller: request.caller, key, context, write, throttled: false });
        } else if asks && asks_for_many(&request) && self.ids.chance(60_000) {
            self.bucket_key(time, request.caller, &request, false);
        }
        let records = request.records();
        self.push(time, What::Request(request), records);
    }

    /// Adds a call of KMS in the context of a request's bucket.
    pub(super) fn bucket_key(&mut self, time: i64, caller: Caller, request: &Request, throttled: bool) {
        let (bucket, write) = (request.bucket, request.is_write());
        self.call(time, Call::Kms { caller, key: bucket.key_arn(), context: bucket.arn(), write, throttled });
    }

    /// The events in order of time.
    pub(super) fn in_order(mut self) -> Vec<Event> {
        self.events.sort_by_key(|event| event.time);
        self.events
    }
}

/// Does one call of KMS do for this request and others?
fn asks_for_many(request: &Request) -> bool {
    request.sse == Sse::Bucket && request.bucket.encryption == Encryption::BucketKey
}
