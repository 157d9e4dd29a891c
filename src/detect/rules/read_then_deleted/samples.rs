//! Objects that are read and deleted, and what only looks like that.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;

const READS: Reads = Reads { count: 12, ..Reads::USUAL };

/// The same keys, hours later.
const fn later(hours: i64) -> Reads {
    Reads { from_ms: READS.from_ms + hours * 3_600_000, ..READS }
}

pub(super) static SAMPLES: [Sample; 7] = [
    Sample {
        name: "fires",
        logs: Logs::Made(|| vec![(S3Access, (READS.lines() + &later(2).deletes()).into())]),
        fires: true,
    },
    // Deleted first.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| vec![(S3Access, (READS.deletes() + &later(2).lines()).into())]),
        fires: false,
    },
    // Two days later.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| vec![(S3Access, (READS.lines() + &later(48).deletes()).into())]),
        fires: false,
    },
    // By somebody else.
    Sample {
        name: "near_miss_3",
        logs: Logs::Made(|| {
            let other = Reads { requester: "arn:aws:iam::111122223333:user/bob", ..later(2) };
            vec![(S3Access, (READS.lines() + &other.deletes()).into())]
        }),
        fires: false,
    },
    // A job that takes its work from the bucket, every other day.
    Sample {
        name: "near_miss_4",
        logs: Logs::Made(|| {
            let days = (0..4).map(|day| later(48 * day).lines() + &later(48 * day + 1).deletes());
            vec![(S3Access, days.collect::<String>().into())]
        }),
        fires: false,
    },
    // An object that is moved within S3 is copied.
    Sample {
        name: "near_miss_5",
        logs: Logs::Made(|| {
            let copies = READS.lines().replace("REST.GET.OBJECT", "REST.COPY.OBJECT_GET");
            vec![(S3Access, (copies + &later(1).deletes()).into())]
        }),
        fires: false,
    },
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| {
            vec![(S3Access, (READS.lines() + &Reads { done: false, ..later(2) }.deletes()).into())]
        }),
        fires: false,
    },
];
