//! Deletes and a note, and one without the other.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;

/// Twelve deletes, a key a minute.
const DELETES: Reads = Reads { count: 12, ..Reads::USUAL };

/// A file that is written, minutes after the first delete.
fn written(name: &str, minutes: i64, requester: &'static str) -> String {
    let write = Reads { from_ms: DELETES.from_ms + minutes * 60_000, count: 1, requester, ..DELETES };
    let line = write.lines().replace("REST.GET.OBJECT", "REST.PUT.OBJECT").replace("\"GET /", "\"PUT /");
    line.replace("reports/0", name)
}

const NOTE: &str = "HOW_TO_RECOVER_YOUR_FILES.txt";

pub(super) static SAMPLES: [Sample; 6] = [
    Sample {
        name: "fires",
        logs: Logs::Made(|| vec![(S3Access, (DELETES.deletes() + &written(NOTE, 20, DELETES.requester)).into())]),
        fires: true,
    },
    // An ordinary file.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| {
            vec![(S3Access, (DELETES.deletes() + &written("index.html", 20, DELETES.requester)).into())]
        }),
        fires: false,
    },
    // Hours later.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| vec![(S3Access, (DELETES.deletes() + &written(NOTE, 300, DELETES.requester)).into())]),
        fires: false,
    },
    // By somebody else.
    Sample {
        name: "near_miss_3",
        logs: Logs::Made(|| {
            let bob = "arn:aws:iam::111122223333:user/bob";
            vec![(S3Access, (DELETES.deletes() + &written(NOTE, 20, bob)).into())]
        }),
        fires: false,
    },
    // Too few.
    Sample {
        name: "near_miss_4",
        logs: Logs::Made(|| {
            let few = Reads { count: 5, ..DELETES };
            vec![(S3Access, (few.deletes() + &written(NOTE, 20, few.requester)).into())]
        }),
        fires: false,
    },
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| {
            let refused = Reads { done: false, ..DELETES };
            vec![(S3Access, (refused.deletes() + &written(NOTE, 20, refused.requester)).into())]
        }),
        fires: false,
    },
];
