//! Requests that fail while KMS refuses calls, and what only looks like them.

use crate::detect::sample_lines::{KmsCalls, Reads};
use crate::detect::{Logs, Sample};
use crate::parse::LogType::{CloudTrail, S3Access};

/// Twelve reads that S3 answers with 503 within a minute.
const FAILED: Reads = Reads { every_ms: 4_000, count: 12, bytes: 0, ..Reads::USUAL };

/// Calls for the same bucket that KMS refuses in that minute.
const REFUSED: KmsCalls = KmsCalls { count: 5, error_code: "ThrottlingException", ..KmsCalls::USUAL };

/// Reads that end with another status and code.
fn reads(reads: Reads, answer: &str) -> String {
    reads.lines().replace("\" 200 - 0 0 ", &format!("\" {answer} 300 - "))
}

pub(super) static SAMPLES: [Sample; 6] = [
    Sample {
        name: "fires",
        logs: Logs::Made(|| {
            vec![(S3Access, reads(FAILED, "503 SlowDown").into()), (CloudTrail, REFUSED.file().into())]
        }),
        fires: true,
    },
    // S3 itself says that it was KMS.
    Sample {
        name: "fires_access",
        logs: Logs::Made(|| vec![(S3Access, reads(FAILED, "503 KMS.ThrottlingException").into())]),
        fires: true,
    },
    // S3 cannot keep up, and KMS refused nothing.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| {
            let done = KmsCalls { error_code: "", ..REFUSED };
            vec![(S3Access, reads(FAILED, "503 SlowDown").into()), (CloudTrail, done.file().into())]
        }),
        fires: false,
    },
    // KMS refused calls in another region.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| {
            let elsewhere = KmsCalls { region: "us-east-1", ..REFUSED };
            vec![(S3Access, reads(FAILED, "503 SlowDown").into()), (CloudTrail, elsewhere.file().into())]
        }),
        fires: false,
    },
    // KMS refused calls an hour before.
    Sample {
        name: "near_miss_3",
        logs: Logs::Made(|| {
            let before = KmsCalls { from_ms: KmsCalls::USUAL.from_ms - 3_600_000, ..REFUSED };
            vec![(S3Access, reads(FAILED, "503 SlowDown").into()), (CloudTrail, before.file().into())]
        }),
        fires: false,
    },
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| {
            vec![(S3Access, reads(FAILED, "403 AccessDenied").into()), (CloudTrail, REFUSED.file().into())]
        }),
        fires: false,
    },
];
