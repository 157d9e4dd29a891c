//! A caller from elsewhere.

use crate::detect::rules::news_samples::{TODAY, YOUNG};
use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;
use crate::parse::time::DAY_MS;

const ELSEWHERE: Reads = Reads { address: "198.51.100.7", ..TODAY };

/// The configuration of the samples.
pub(in crate::detect::rules) const CONFIG: &str = "
ip_ranges = 'ip-ranges.json'
[[networks]]
name = 'office'
kind = 'corporate'
cidrs = ['198.51.100.128/25']
";

pub(super) static SAMPLES: [Sample; 7] = [
    Sample { name: "fires", logs: Logs::Made(|| vec![(S3Access, ELSEWHERE.lines().into())]), fires: true },
    // On two days there is still one alert.
    Sample {
        name: "fires_two_days",
        logs: Logs::Made(|| {
            let next = Reads { from_ms: ELSEWHERE.from_ms + DAY_MS, address: "198.51.100.9", ..ELSEWHERE };
            vec![(S3Access, (ELSEWHERE.lines() + &next.lines()).into())]
        }),
        fires: true,
    },
    // Another address of the usual network.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| vec![(S3Access, Reads { address: "192.0.2.200", ..TODAY }.lines().into())]),
        fires: false,
    },
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| vec![(S3Access, Reads { count: 2, ..ELSEWHERE }.lines().into())]),
        fires: false,
    },
    // A caller with too short a past.
    Sample {
        name: "near_miss_3",
        logs: Logs::Made(|| vec![(S3Access, Reads { address: "203.0.113.9", ..YOUNG }.lines().into())]),
        fires: false,
    },
    // The office.
    Sample {
        name: "near_miss_4",
        logs: Logs::Made(|| vec![(S3Access, Reads { address: "198.51.100.200", ..TODAY }.lines().into())]),
        fires: false,
    },
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| vec![(S3Access, Reads { done: false, ..ELSEWHERE }.lines().into())]),
        fires: false,
    },
];
