//! A caller that deletes for the first time.

use crate::detect::rules::news_samples::{TODAY, YOUNG};
use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;

/// The lines as deletions.
fn deletions(reads: Reads) -> String {
    let status = if reads.done { "204 -" } else { "403 AccessDenied" };
    let lines = reads.lines().replace("REST.GET.OBJECT", "REST.DELETE.OBJECT").replace("\"GET", "\"DELETE");
    lines.replace("200 -", status)
}

pub(super) static SAMPLES: [Sample; 4] = [
    Sample { name: "fires", logs: Logs::Made(|| vec![(S3Access, deletions(TODAY).into())]), fires: true },
    // What it always does.
    Sample { name: "near_miss_1", logs: Logs::Made(|| vec![(S3Access, TODAY.lines().into())]), fires: false },
    // A caller with too short a past.
    Sample { name: "near_miss_2", logs: Logs::Made(|| vec![(S3Access, deletions(YOUNG).into())]), fires: false },
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| vec![(S3Access, deletions(Reads { done: false, ..TODAY }).into())]),
        fires: false,
    },
];
