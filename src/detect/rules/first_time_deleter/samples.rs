//! A caller who deletes for the first time in a bucket that is known, and others.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;

const DAY_MS: i64 = 86_400_000;

/// A read a day, for ten days, by somebody.
const PAST: Reads =
    Reads { requester: "arn:aws:iam::111122223333:user/bob", every_ms: DAY_MS, count: 10, ..Reads::USUAL };

/// Six deletes, days after the first read.
const fn deletes(days: i64) -> Reads {
    Reads { from_ms: Reads::USUAL.from_ms + days * DAY_MS, prefix: "other/", count: 6, ..Reads::USUAL }
}

pub(super) static SAMPLES: [Sample; 6] = [
    Sample {
        name: "fires",
        logs: Logs::Made(|| vec![(S3Access, (PAST.lines() + &deletes(9).deletes()).into())]),
        fires: true,
    },
    // The bucket is not known for a week.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| vec![(S3Access, (PAST.lines() + &deletes(3).deletes()).into())]),
        fires: false,
    },
    // Not for the first time.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| {
            let once = Reads { count: 1, ..deletes(1) };
            vec![(S3Access, (PAST.lines() + &once.deletes() + &deletes(9).deletes()).into())]
        }),
        fires: false,
    },
    // Too few.
    Sample {
        name: "near_miss_3",
        logs: Logs::Made(|| {
            let few = Reads { count: 3, ..deletes(9) };
            vec![(S3Access, (PAST.lines() + &few.deletes()).into())]
        }),
        fires: false,
    },
    // A job of a data engine.
    Sample {
        name: "near_miss_4",
        logs: Logs::Made(|| {
            let temporary = Reads { prefix: "lake/_temporary/0/", ..deletes(9) };
            vec![(S3Access, (PAST.lines() + &temporary.deletes()).into())]
        }),
        fires: false,
    },
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| {
            let refused = Reads { done: false, ..deletes(9) };
            vec![(S3Access, (PAST.lines() + &refused.deletes()).into())]
        }),
        fires: false,
    },
];
