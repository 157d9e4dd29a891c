//! Callers of KMS, of whom one comes later than the others.

use crate::detect::sample_lines::KmsCalls;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::CloudTrail;

/// A call of its own by that role, days after the first.
fn decrypt(role: &str, days: i64, error_code: &'static str) -> String {
    let from_ms = KmsCalls::USUAL.from_ms + days * 86_400_000;
    let file = KmsCalls { from_ms, error_code, ..KmsCalls::USUAL }.file();
    let file = file.replace("assumed-role/reports/", &format!("assumed-role/{role}/"));
    let file =
        file.replace(",\"invokedBy\":\"s3.amazonaws.com\"", "").replace("\"s3.amazonaws.com\"", "\"192.0.2.10\"");
    let key = "\"resources\":[{\"accountId\":\"111122223333\",\"type\":\"AWS::KMS::Key\",\
        \"ARN\":\"arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab\"}],";
    file.replace("\"readOnly\":true,", &format!("\"readOnly\":true,{key}"))
}

/// The files as one.
fn calls(files: &[String]) -> String {
    let records = files.iter().map(|file| file.trim_start_matches("{\"Records\":[").trim_end_matches("]}"));
    format!("{{\"Records\":[{}]}}", records.collect::<Vec<_>>().join(","))
}

pub(super) static SAMPLES: [Sample; 4] = [
    Sample {
        name: "fires",
        logs: Logs::Made(|| {
            let files = [decrypt("reports", 0, ""), decrypt("reports", 8, ""), decrypt("other", 8, "")];
            vec![(CloudTrail, calls(&files).into())]
        }),
        fires: true,
    },
    // Not a week after the first.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| {
            vec![(CloudTrail, calls(&[decrypt("reports", 0, ""), decrypt("other", 3, "")]).into())]
        }),
        fires: false,
    },
    // The same caller all along.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| {
            vec![(CloudTrail, calls(&[decrypt("reports", 0, ""), decrypt("reports", 8, "")]).into())]
        }),
        fires: false,
    },
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| {
            let files = [decrypt("reports", 0, ""), decrypt("other", 8, "AccessDeniedException")];
            vec![(CloudTrail, calls(&files).into())]
        }),
        fires: false,
    },
];
