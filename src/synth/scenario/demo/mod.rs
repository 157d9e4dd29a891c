//! Two days of a small company with one incident in them, to try the program on: a copy of its log bucket, with access
//! logs, CloudTrail and its signed digests, and what somebody who investigates must find out.

mod benign;
mod files;
mod incident;

use super::clock::{DAY, HOUR, START};
use super::timeline::Timeline;
use crate::synth::signing::SigningKey;

/// The copy of the bucket is made when the second day ends; of its last hour nothing is delivered yet.
const END: i64 = START + 2 * DAY;
/// The end of the last hour that the logs show.
const LAST: i64 = END - HOUR;
/// The days.
const DAYS: i64 = 2;

/// The files of the demonstration and what is to be found in them.
#[derive(Clone, Debug)]
pub struct Demo {
    /// Key in the log bucket, and content, in the order of keys.
    pub logs: Vec<(String, Vec<u8>)>,
    /// The public key of the digests as `aws cloudtrail list-public-keys` prints it.
    pub public_keys: String,
    /// What happened.
    pub answer: Answer,
}

/// What there is to be found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whose credentials they are.
    pub principal: String,
    /// Which ones.
    pub access_key: String,
    /// From where they are used that once.
    pub address: String,
    /// When for the first time, in milliseconds since 1970 UTC.
    pub first_access_ms: i64,
    /// Bucket and key of each object whose content was read.
    pub read: Vec<(String, String)>,
    /// The bucket in which backups are deleted.
    pub bucket: String,
    /// Keys of backups that lie under a delete marker: they can be restored.
    pub restorable: Vec<String>,
    /// Keys of backups whose only version is gone.
    pub lost: Vec<String>,
    /// Key of the file of CloudTrail that another one was put in place of.
    pub replaced_log: String,
    /// Key of the file of CloudTrail that is gone.
    pub removed_log: String,
}

/// Makes the demonstration; the same seed gives the same bytes.
pub fn demo(seed: u64) -> Demo {
    let mut timeline = Timeline::new(seed);
    let backups = benign::fill(&mut timeline);
    timeline.turn_to_incidents();
    let answer = incident::weave(&mut timeline, &backups);
    let key = SigningKey::organisation();
    let public_keys = key.public_key_list(START - 30 * DAY, START + 60 * DAY).to_string();
    Demo { logs: files::of(timeline, &answer, &key), public_keys, answer }
}

#[cfg(test)]
mod tests {
    use super::demo;
    use std::collections::BTreeSet;

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_every_seed_an_incident() {
        let (first, again) = (demo(1), demo(1));
        assert!(first.logs == again.logs && first.answer == again.answer);
        assert!(first.logs != demo(2).logs);
        for seed in 0..8 {
            let told = demo(seed);
            let keys: BTreeSet<&str> = told.logs.iter().map(|(key, _)| key.as_str()).collect();
            assert!(
                keys.contains(told.answer.replaced_log.as_str())
                    && !keys.contains(told.answer.removed_log.as_str())
            );
            assert_eq!(keys.len(), told.logs.len());
            let bytes: usize = told.logs.iter().map(|(_, content)| content.len()).sum();
            assert!(bytes < 8 << 20, "{bytes}");
            assert!(told.answer.restorable.len() > 60 && told.answer.lost.len() > 20);
            assert!(told.answer.restorable.iter().all(|key| !told.answer.lost.contains(key)));
        }
    }
}
