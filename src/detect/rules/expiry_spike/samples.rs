//! What lifecycle removes of a bucket day by day.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;

const DAY_MS: i64 = 86_400_000;

/// A read a day, for ten days: the bucket is known.
const PAST: Reads = Reads { every_ms: DAY_MS, count: 10, ..Reads::USUAL };

/// So many removals, days after the first read.
fn expired(days: i64, count: u32) -> String {
    let from_ms = PAST.from_ms + days * DAY_MS;
    let reads = Reads { requester: "AmazonS3", prefix: "old/", from_ms, every_ms: 20_000, count, ..Reads::USUAL };
    reads.lines().replace("REST.GET.OBJECT", "S3.EXPIRE.OBJECT").replace("\" 200 - ", "\" - - ")
}

/// Somebody sets a lifecycle, or is refused.
fn change(days: i64, done: bool) -> String {
    let from_ms = PAST.from_ms + days * DAY_MS;
    let line = Reads { from_ms, count: 1, done, ..Reads::USUAL }.lines();
    line.replace("REST.GET.OBJECT reports/0", "REST.PUT.LIFECYCLE -")
        .replace("\"GET /reports/0 ", "\"PUT /?lifecycle ")
}

pub(super) static SAMPLES: [Sample; 6] = [
    Sample {
        name: "fires",
        logs: Logs::Made(|| vec![(S3Access, (PAST.lines() + &expired(9, 3000)).into())]),
        fires: true,
    },
    Sample {
        name: "fires_after_change",
        logs: Logs::Made(|| vec![(S3Access, (PAST.lines() + &change(8, true) + &expired(9, 3000)).into())]),
        fires: true,
    },
    // As on the days before.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| {
            let days = (0..10).map(|day| expired(day, 2500));
            vec![(S3Access, (PAST.lines() + &days.collect::<String>()).into())]
        }),
        fires: false,
    },
    // The bucket is not known for a week.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| vec![(S3Access, (PAST.lines() + &expired(3, 3000)).into())]),
        fires: false,
    },
    // Too few.
    Sample {
        name: "near_miss_3",
        logs: Logs::Made(|| vec![(S3Access, (PAST.lines() + &expired(9, 500)).into())]),
        fires: false,
    },
    // A lifecycle that was not set, and removes nothing.
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| vec![(S3Access, (PAST.lines() + &change(8, false)).into())]),
        fires: false,
    },
];
