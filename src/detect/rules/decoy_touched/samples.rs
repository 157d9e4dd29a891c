//! A bucket of decoys, and a prefix of them.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;

const TOUCH: Reads = Reads { bucket: "honey", count: 2, ..Reads::USUAL };

/// The configuration of the samples.
pub(in crate::detect::rules) const CONFIG: &str = "decoys = ['honey', 'example-data/backup/']\n";

pub(super) static SAMPLES: [Sample; 6] = [
    Sample { name: "fires", logs: Logs::Made(|| vec![(S3Access, TOUCH.lines().into())]), fires: true },
    Sample {
        name: "fires_prefix",
        logs: Logs::Made(|| vec![(S3Access, Reads { prefix: "backup/", ..Reads::USUAL }.lines().into())]),
        fires: true,
    },
    // What was refused is an attempt, and an alert too.
    Sample {
        name: "fires_denied",
        logs: Logs::Made(|| vec![(S3Access, Reads { done: false, ..TOUCH }.lines().into())]),
        fires: true,
    },
    // Beside the prefix.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| vec![(S3Access, Reads { prefix: "backups/", ..Reads::USUAL }.lines().into())]),
        fires: false,
    },
    // A service.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| {
            vec![(S3Access, Reads { requester: "svc:delivery.logs.amazonaws.com", ..TOUCH }.lines().into())]
        }),
        fires: false,
    },
    // Refused beside the prefix.
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| vec![(S3Access, Reads { done: false, ..Reads::USUAL }.lines().into())]),
        fires: false,
    },
];
