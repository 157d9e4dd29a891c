//! Reads that both logs show, and one of them not all the time.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::{CloudTrail, S3Access};
use crate::parse::time::format_iso;

/// A read every two minutes for five hours.
const READS: Reads = Reads { every_ms: 120_000, count: 150, ..Reads::USUAL };

/// The same reads as data events, but for those with these numbers; and something else first.
fn events(silent: std::ops::Range<i64>, before: &str) -> String {
    let event = |number: i64| {
        let time = format_iso(READS.from_ms + number * READS.every_ms);
        let event = include_str!("../../samples/ENC-002/event.json");
        let event = event.trim().trim_start_matches("{\"Records\":[").trim_end_matches("]}").trim();
        let event = event.replace("2026-03-01T01:02:03Z", &time).replace("\"reports\"", "\"example-data\"");
        event
            .replace("3E57427F3F000001", &format!("{number:016X}"))
            .replace("000000000001\"", &format!("{number:012}\""))
    };
    let events: Vec<String> = (0..150).filter(|number| !silent.contains(number)).map(event).collect();
    format!("{{\"Records\":[{before}{}]}}", events.join(","))
}

/// A trail is stopped, at the time of that read.
fn stopped(number: i64) -> String {
    let event = include_str!("../../samples/LOG-006/fires.json");
    let event = event.trim().trim_start_matches("{\"Records\":[").trim_end_matches("]}").trim();
    event.replace("2026-03-01T01:02:03Z", &format_iso(READS.from_ms + number * READS.every_ms)) + ","
}

pub(super) static SAMPLES: [Sample; 6] = [
    Sample {
        name: "fires",
        logs: Logs::Made(|| vec![(S3Access, READS.lines().into()), (CloudTrail, events(60..110, "").into())]),
        fires: true,
    },
    Sample {
        name: "fires_after_stop",
        logs: Logs::Made(|| {
            vec![(S3Access, READS.lines().into()), (CloudTrail, events(60..150, &stopped(60)).into())]
        }),
        fires: true,
    },
    // Both are silent at that time.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| {
            let late = Reads { from_ms: READS.from_ms + 110 * READS.every_ms, count: 40, ..READS };
            let lines = Reads { count: 60, ..READS }.lines() + &late.lines();
            vec![(S3Access, lines.into()), (CloudTrail, events(60..110, "").into())]
        }),
        fires: false,
    },
    // Too short.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| vec![(S3Access, READS.lines().into()), (CloudTrail, events(60..85, "").into())]),
        fires: false,
    },
    // The trail has no data events of the bucket.
    Sample {
        name: "near_miss_3",
        logs: Logs::Made(|| vec![(S3Access, READS.lines().into()), (CloudTrail, events(3..150, "").into())]),
        fires: false,
    },
    // What was refused is no read.
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| {
            let refused = Reads { done: false, ..READS }.lines();
            vec![(S3Access, refused.into()), (CloudTrail, events(60..110, "").into())]
        }),
        fires: false,
    },
];
