//! A bucket for a VPC.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;

const DIRECT: Reads = Reads { bucket: "internal", ..Reads::USUAL };

/// The configuration of the samples.
pub(in crate::detect::rules) const CONFIG: &str = "vpc_only_buckets = ['internal']\n";

pub(super) static SAMPLES: [Sample; 5] = [
    Sample { name: "fires", logs: Logs::Made(|| vec![(S3Access, DIRECT.lines().into())]), fires: true },
    // What was refused is an attempt, and an alert of a low level.
    Sample {
        name: "fires_denied",
        logs: Logs::Made(|| vec![(S3Access, Reads { done: false, ..DIRECT }.lines().into())]),
        fires: true,
    },
    // From a private address, through an endpoint.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| vec![(S3Access, Reads { address: "10.0.4.7", ..DIRECT }.lines().into())]),
        fires: false,
    },
    // Another bucket.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| vec![(S3Access, Reads::USUAL.lines().into())]),
        fires: false,
    },
    // Refused through an endpoint.
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| vec![(S3Access, Reads { done: false, address: "10.0.4.7", ..DIRECT }.lines().into())]),
        fires: false,
    },
];
