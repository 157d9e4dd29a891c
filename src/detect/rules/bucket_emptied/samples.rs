//! A bucket that is emptied and deleted, and one without the other.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;

/// Twelve deletes, a key a minute.
const DELETES: Reads = Reads { count: 12, ..Reads::USUAL };

/// The bucket is deleted, minutes after the first delete.
fn end(minutes: i64, done: bool) -> String {
    let end = Reads { from_ms: DELETES.from_ms + minutes * 60_000, count: 1, done, ..DELETES };
    end.deletes()
        .replace("REST.DELETE.OBJECT reports/0", "REST.DELETE.BUCKET -")
        .replace("/reports/0 HTTP", "/ HTTP")
}

pub(super) static SAMPLES: [Sample; 5] = [
    Sample {
        name: "fires",
        logs: Logs::Made(|| vec![(S3Access, (DELETES.deletes() + &end(60, true)).into())]),
        fires: true,
    },
    // Two days later.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| vec![(S3Access, (DELETES.deletes() + &end(2 * 24 * 60, true)).into())]),
        fires: false,
    },
    // Nearly empty.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| vec![(S3Access, (Reads { count: 3, ..DELETES }.deletes() + &end(60, true)).into())]),
        fires: false,
    },
    // Another bucket.
    Sample {
        name: "near_miss_3",
        logs: Logs::Made(|| {
            let other = Reads { bucket: "other-data", ..DELETES };
            vec![(S3Access, (other.deletes() + &end(60, true)).into())]
        }),
        fires: false,
    },
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| vec![(S3Access, (DELETES.deletes() + &end(60, false)).into())]),
        fires: false,
    },
];
