//! Versions that are listed and deleted, and one without the other.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;

/// Twenty-five versions, one every ten seconds.
const DELETES: Reads = Reads { every_ms: 10_000, count: 25, ..Reads::USUAL };

/// A list, minutes before the first delete.
fn list(minutes: i64, requester: &'static str, operation: &str) -> String {
    let list = Reads { from_ms: DELETES.from_ms - minutes * 60_000, count: 1, requester, ..DELETES };
    let line = list.lines().replace("REST.GET.OBJECT reports/0", &format!("{operation} -"));
    line.replace("/reports/0 HTTP", "/?versions HTTP")
}

const VERSIONS: &str = "REST.GET.BUCKETVERSIONS";

pub(super) static SAMPLES: [Sample; 6] = [
    Sample {
        name: "fires",
        logs: Logs::Made(|| {
            vec![(S3Access, (list(5, DELETES.requester, VERSIONS) + &DELETES.deletes_of_versions()).into())]
        }),
        fires: true,
    },
    // Hours before.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| {
            vec![(S3Access, (list(300, DELETES.requester, VERSIONS) + &DELETES.deletes_of_versions()).into())]
        }),
        fires: false,
    },
    // Another list.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| {
            let objects = list(5, DELETES.requester, "REST.GET.BUCKET");
            vec![(S3Access, (objects + &DELETES.deletes_of_versions()).into())]
        }),
        fires: false,
    },
    // By somebody else.
    Sample {
        name: "near_miss_3",
        logs: Logs::Made(|| {
            let bob = list(5, "arn:aws:iam::111122223333:user/bob", VERSIONS);
            vec![(S3Access, (bob + &DELETES.deletes_of_versions()).into())]
        }),
        fires: false,
    },
    // Deletes that name no version.
    Sample {
        name: "near_miss_4",
        logs: Logs::Made(|| vec![(S3Access, (list(5, DELETES.requester, VERSIONS) + &DELETES.deletes()).into())]),
        fires: false,
    },
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| {
            let refused = Reads { done: false, ..DELETES };
            vec![(S3Access, (list(5, DELETES.requester, VERSIONS) + &refused.deletes_of_versions()).into())]
        }),
        fires: false,
    },
];
