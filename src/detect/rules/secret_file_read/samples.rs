//! Names of credentials, and names that look like some.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;

/// One read of that key.
fn read(key: &str, reads: Reads) -> String {
    reads.lines().replace("reports/0", key)
}

pub(super) static SAMPLES: [Sample; 5] = [
    Sample {
        name: "fires",
        logs: Logs::Made(|| vec![(S3Access, read("app/.env", Reads::USUAL).into())]),
        fires: true,
    },
    Sample {
        name: "fires_state",
        logs: Logs::Made(|| vec![(S3Access, read("prod/terraform.tfstate", Reads::USUAL).into())]),
        fires: true,
    },
    // The public half.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| vec![(S3Access, read("home/id_rsa.pub", Reads::USUAL).into())]),
        fires: false,
    },
    // Not the one of AWS.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| vec![(S3Access, read("docs/credentials", Reads::USUAL).into())]),
        fires: false,
    },
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| vec![(S3Access, read("app/.env", Reads { done: false, ..Reads::USUAL }).into())]),
        fires: false,
    },
];
