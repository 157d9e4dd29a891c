//! Deletes in a bucket with versions, and in one without.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;

/// A hundred and ten keys in five minutes.
const DELETES: Reads = Reads { every_ms: 2_500, count: 110, ..Reads::USUAL };

/// Somebody else deletes a version, which tells that the bucket has some.
fn version() -> String {
    Reads { requester: "arn:aws:iam::111122223333:user/bob", prefix: "other/", ..Reads::USUAL }
        .deletes_of_versions()
}

pub(super) static SAMPLES: [Sample; 5] = [
    Sample {
        name: "fires",
        logs: Logs::Made(|| vec![(S3Access, (DELETES.deletes() + &version()).into())]),
        fires: true,
    },
    // Nothing shows versions.
    Sample { name: "near_miss_1", logs: Logs::Made(|| vec![(S3Access, DELETES.deletes().into())]), fires: false },
    // Versions are deleted: nothing brings them back.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| vec![(S3Access, DELETES.deletes_of_versions().into())]),
        fires: false,
    },
    // Too few in ten minutes.
    Sample {
        name: "near_miss_3",
        logs: Logs::Made(|| {
            let slow = Reads { every_ms: 10_000, ..DELETES };
            vec![(S3Access, (slow.deletes() + &version()).into())]
        }),
        fires: false,
    },
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| vec![(S3Access, (Reads { done: false, ..DELETES }.deletes() + &version()).into())]),
        fires: false,
    },
];
