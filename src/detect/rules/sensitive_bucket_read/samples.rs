//! A sensitive bucket with a usual reader.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;
use crate::parse::time::DAY_MS;

const NEW: Reads =
    Reads { requester: "arn:aws:iam::111122223333:user/bob", bucket: "payroll", count: 5, ..Reads::USUAL };

/// The configuration of the samples.
pub(in crate::detect::rules) const CONFIG: &str = "sensitive_buckets = ['payroll']\n";

/// What the baseline of the samples learned from.
pub(in crate::detect::rules) fn past() -> String {
    let from_ms = NEW.from_ms - 10 * DAY_MS;
    Reads { bucket: "payroll", from_ms, every_ms: DAY_MS, count: 8, ..Reads::USUAL }.lines()
}

pub(super) static SAMPLES: [Sample; 4] = [
    Sample { name: "fires", logs: Logs::Made(|| vec![(S3Access, NEW.lines().into())]), fires: true },
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| vec![(S3Access, Reads { count: 4, ..NEW }.lines().into())]),
        fires: false,
    },
    // The usual reader.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| {
            vec![(S3Access, Reads { bucket: "payroll", count: 50, ..Reads::USUAL }.lines().into())]
        }),
        fires: false,
    },
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| vec![(S3Access, Reads { done: false, ..NEW }.lines().into())]),
        fires: false,
    },
];
