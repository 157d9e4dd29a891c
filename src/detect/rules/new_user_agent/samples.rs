//! A caller with another program.

use crate::detect::rules::news_samples::{TODAY, YOUNG};
use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;

/// The lines with another user agent.
fn with(reads: Reads, agent: &str) -> String {
    reads.lines().replace("aws-cli/2.15", agent)
}

pub(super) static SAMPLES: [Sample; 5] = [
    Sample {
        name: "fires",
        logs: Logs::Made(|| vec![(S3Access, with(TODAY, "rclone/v1.65.0").into())]),
        fires: true,
    },
    // Another version.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| vec![(S3Access, with(TODAY, "aws-cli/2.31").into())]),
        fires: false,
    },
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| vec![(S3Access, with(Reads { count: 2, ..TODAY }, "rclone/v1.65.0").into())]),
        fires: false,
    },
    // A caller with too short a past.
    Sample {
        name: "near_miss_3",
        logs: Logs::Made(|| vec![(S3Access, with(YOUNG, "rclone/v1.65.0").into())]),
        fires: false,
    },
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| vec![(S3Access, with(Reads { done: false, ..TODAY }, "rclone/v1.65.0").into())]),
        fires: false,
    },
];
