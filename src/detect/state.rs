//! The state of a run as bytes: runs over parts of the data are merged into what one run over all of it would be.
//!
//! The form: a line that names it, the BLAKE3 hash of the rest, and zstd of postcard. It is read by the same version of
//! the program only.

use super::known::Known;
use super::stage::{DetectStage, DetectWorker};
use crate::pipeline::Tally;
use serde::{Deserialize, Serialize};
use std::io::Read;

/// First line of a state.
const MAGIC: &[u8] = b"s3sleuth.state.v4\n";

/// Bytes of a hash.
const HASH: usize = blake3::OUT_LEN;

/// Most bytes that a state expands to: twice what the budgets of all detectors hold.
const MOST_BYTES: u64 = 1 << 30;

/// Why bytes are not a state that can be taken up.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Something else.
    #[error("this is no state that --save-state wrote")]
    Other,
    /// The hash does not fit.
    #[error("the state is damaged or cut short: its checksum does not fit; save it again")]
    Damaged,
    /// By another version, with other tables.
    #[error("the state was saved by s3sleuth {0}, this is {version}; save it again with this version", version = env!("CARGO_PKG_VERSION"))]
    Version(String),
    /// By a run with other rules.
    #[error(
        "the state was saved with the rules {0}; run with the same --rule and --rules options, and the same files"
    )]
    Rules(String),
}

#[derive(Serialize, Deserialize)]
struct Saved {
    version: String,
    rules: Vec<(String, Vec<u8>)>,
    known: Known,
    history: Vec<u8>,
    kms: Vec<u8>,
    deletions: Vec<u8>,
    tally: Tally,
}

impl DetectStage<'_> {
    /// The state of a run, with what was read.
    pub fn save(&self, worker: &mut DetectWorker, tally: &Tally) -> Vec<u8> {
        worker.settle();
        let detectors = self.rules().iter().zip(worker.common.detectors());
        let saved = Saved {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            rules: detectors
                .map(|(rule, detector)| {
                    (rule.state_name(), detector.as_ref().map(|it| it.save()).unwrap_or_default())
                })
                .collect(),
            known: worker.known.clone(),
            history: super::saved(&*worker.history.history()),
            kms: super::saved(&*worker.common.kms()),
            deletions: super::saved(&*worker.common.deletions()),
            tally: tally.clone(),
        };
        let packed = zstd::encode_all(super::saved(&saved).as_slice(), 1).expect("memory can be read and written");
        [MAGIC, blake3::hash(&packed).as_bytes(), &packed].concat()
    }

    /// Takes up a saved state.
    ///
    /// # Errors
    /// Why the bytes cannot be taken up.
    pub fn load(&self, bytes: &[u8]) -> Result<(DetectWorker, Tally), StateError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(StateError::Other)?;
        let (hash, packed) = rest.split_at_checked(HASH).ok_or(StateError::Damaged)?;
        if blake3::hash(packed).as_bytes() != hash {
            return Err(StateError::Damaged);
        }
        let mut plain = Vec::new();
        let decoder = zstd::Decoder::new(packed).map_err(|_| StateError::Damaged)?;
        decoder.take(MOST_BYTES).read_to_end(&mut plain).map_err(|_| StateError::Damaged)?;
        // The version stands first, so that it can be told also where the rest has changed.
        let (version, _) = postcard::take_from_bytes::<String>(&plain).map_err(|_| StateError::Damaged)?;
        if version != env!("CARGO_PKG_VERSION") {
            return Err(StateError::Version(version));
        }
        let saved: Saved = super::restore(&plain).map_err(|_| StateError::Damaged)?;
        let ids = || saved.rules.iter().map(|(id, _)| id.as_str());
        if !ids().eq(self.rules().iter().map(|rule| rule.state_name())) {
            return Err(StateError::Rules(ids().collect::<Vec<_>>().join(", ")));
        }
        let mut worker = self.worker_apart();
        for (mut detector, (_, state)) in worker.common.detectors().zip(&saved.rules) {
            detector.as_mut().map_or(Ok(()), |it| it.load(state)).map_err(|_| StateError::Damaged)?;
        }
        worker.known = saved.known;
        *worker.history.history() = super::restore(&saved.history).map_err(|_| StateError::Damaged)?;
        *worker.common.kms() = super::restore(&saved.kms).map_err(|_| StateError::Damaged)?;
        *worker.common.deletions() = super::restore(&saved.deletions).map_err(|_| StateError::Damaged)?;
        Ok((worker, saved.tally))
    }

    /// How many CloudTrail events two runs over parts both read, about: they are counted twice.
    pub fn in_both(&self, left: &DetectWorker, right: &DetectWorker) -> u64 {
        left.known.events_in_both(&right.known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{Config, RULES};
    use crate::pipeline::stage::Stage;

    fn resealed(state: &[u8], change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
        let mut plain = zstd::decode_all(&state[MAGIC.len() + HASH..]).unwrap();
        change(&mut plain);
        let packed = zstd::encode_all(plain.as_slice(), 1).unwrap();
        [MAGIC, blake3::hash(&packed).as_bytes(), &packed].concat()
    }

    #[test]
    fn a_state_is_taken_up_or_refused_with_the_reason() {
        let config = Config::default();
        let stage = DetectStage::new(&RULES, &config);
        let state = stage.save(&mut stage.worker(), &Tally { lines: 7, ..Tally::default() });
        assert_eq!(stage.load(&state).map(|(_, tally)| tally.lines).ok(), Some(7));
        let reason = |bytes: &[u8]| stage.load(bytes).err();
        assert_eq!(reason(b"{}"), Some(StateError::Other));
        assert_eq!(reason(&state[..state.len() - 1]), Some(StateError::Damaged));
        assert_eq!(reason(MAGIC), Some(StateError::Damaged));
        let other = resealed(&state, |plain| plain[1] = b'9');
        assert!(matches!(reason(&other), Some(StateError::Version(_))));
        let few = DetectStage::new(&RULES[..1], &config);
        assert!(matches!(few.load(&state).err(), Some(StateError::Rules(_))));
    }

    #[test]
    fn no_bytes_of_a_state_can_make_it_panic() {
        let config = Config::default();
        let stage = DetectStage::new(&RULES, &config);
        let state = stage.save(&mut stage.worker(), &Tally::default());
        let length = zstd::decode_all(&state[MAGIC.len() + HASH..]).unwrap().len();
        for at in 0..length {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let changed = resealed(&state, |plain| plain[at] = value);
                if let Ok((worker, _)) = stage.load(&changed) {
                    stage.finish(stage.merge(stage.worker(), worker));
                }
            }
            assert!(stage.load(&resealed(&state, |plain| plain.truncate(at))).is_err());
        }
    }
}
