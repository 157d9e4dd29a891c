//! LOG-003: lifecycle removes log objects, the younger the worse.

use super::samples;
use crate::detect::alert::{Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Among, Codes, Ended};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict, what};
use crate::detect::key_sample::about;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared, Threshold};
use crate::parse::time::{DAY_MS, iso_date, iso_time};
use arrow::array::Array;
use serde_json::json;

/// LOG-003 `log-object-expired`.
pub static RULE: Rule = Rule {
    id: "LOG-003",
    name: "log-object-expired",
    title: "Lifecycle removed log files",
    severity: Severity::High,
    attack: &["T1485.001"],
    looks_for: "S3.EXPIRE.OBJECT and S3.CREATE.DELETEMARKER in access logs for keys that have the shape of a log file, \
        in a bucket that holds logs (LOG-001 tells what makes one). The age of a file is the time from the date in its \
        key to its removal: the time in the name of a file of CloudTrail, S3 or CloudFront, else the folders \
        YYYY/MM/DD. There is one alert for a bucket and a UTC day: critical if a file was younger than fresh_log_days, \
        high if one was younger than min_log_retention_days, else info. Where the bucket is known by the shape of its \
        keys alone, which a caller can plant, confidence is low and the level at most medium.",
    why: "A lifecycle rule that expires logs within days is the quiet way to destroy them: no caller appears in any \
        delete.",
    cannot_see: "Keys without a date, which are not counted, and files whose date lies more than a day ahead of their \
        removal. Who set the rule, which LOG-004 shows. CloudTrail records no lifecycle actions. S3 may remove \
        objects days after they have expired.",
    false_positives: "A short retention that is wanted: set min_log_retention_days to it. Copies of logs in a bucket \
        of analysts. Old versions that expire after their file was written again.",
    next_steps: &[
        "Read the lifecycle rules of the bucket, and who changed them (LOG-004).",
        "Suspend the rule: S3 stops removing after a small delay.",
        "Restore the versions if the bucket has versioning: remove the delete markers before old versions expire.",
    ],
    thresholds: &[
        Threshold {
            name: "fresh_log_days",
            default: 7,
            source: "Panther's rule about short lifecycles of log buckets (7 days)",
        },
        Threshold {
            name: "min_log_retention_days",
            default: 90,
            source: "proposal: as long as CloudTrail's event history, \
                <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html>",
        },
    ],
    activity_columns: &["bucket_name"],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines],
    samples: samples!("LOG-003":
        "fires" S3Access "log" true,
        "fires_access_logs" S3Access "log" true,
        "near_miss_1" S3Access "log" false,
        "near_miss_2" S3Access "log" false,
        "denied_twin" S3Access "log" false,
    ),
    form: Form::Code(HitDetector::<LogObjectExpired>::of),
};

/// Index of a kind of hit.
const FRESH: usize = 0;
const SHORT: usize = 1;

struct LogObjectExpired {
    fresh_days: u64,
    retention_days: u64,
}

impl Pattern for LogObjectExpired {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Acts(&[Act::Expire]);

    fn new(config: &Config) -> Self {
        let threshold = |name| config.threshold(&RULE, name);
        let retention_days = threshold("min_log_retention_days");
        LogObjectExpired { fresh_days: threshold("fresh_log_days").min(retention_days), retention_days }
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        if codes.act[row] != Act::Expire || codes.ended[row] != Ended::Done || codes.shape[row].is_none() {
            return None;
        }
        let (bucket, key) = (cell(batch.text("bucket_name"), row)?, cell(batch.text("object_key"), row)?);
        let times = batch.event_time();
        let time_ms = times.is_valid(row).then(|| times.value(row))?;
        let age_ms = time_ms.checked_sub(time_in_key(key)?).filter(|age_ms| *age_ms >= -DAY_MS)?;
        let is_younger = |days: u64| age_ms.max(0) as u64 / (DAY_MS as u64) < days;
        let kinds =
            u8::from(is_younger(self.fresh_days)) << FRESH | u8::from(is_younger(self.retention_days)) << SHORT;
        let what = what(cell(batch.text("request_id"), row), codes.key[row]);
        Some(Hit { entity: [None, Some(bucket), None, None], what, kinds })
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let (fresh, short) = (group.of_kind(FRESH), group.of_kind(SHORT));
        let level = match (fresh, short) {
            (1.., _) => Severity::Critical,
            (0, 1..) => Severity::High,
            _ => Severity::Info,
        };
        let Some(mut alert) = group.log_bucket_alert(&RULE, level, shared) else { return Verdict::Nothing };
        let about = about(group.halvings());
        alert.summary = format!(
            "Lifecycle removed {about}{} from the log bucket {}, {about}{fresh} younger than {} and {about}{short} \
             younger than {}.",
            counted(group.count(), "log file", "log files"),
            group.entity[1].unwrap_or_default(),
            counted(self.fresh_days, "day", "days"),
            counted(self.retention_days, "day", "days"),
        );
        alert.observed.insert("younger_than_fresh_log_days", json!(fresh));
        alert.observed.insert("younger_than_min_log_retention_days", json!(short));
        alert.expected =
            [("fresh_log_days", json!(self.fresh_days)), ("min_log_retention_days", json!(self.retention_days))]
                .into();
        Verdict::Alert(alert)
    }
}

/// The time that the key of a log file names, in milliseconds.
fn time_in_key(key: &str) -> Option<i64> {
    let name = key.rsplit('/').next().unwrap_or_default();
    let in_name = || name.split('_').find_map(compact_time);
    let in_folders = || {
        let folders: Vec<&str> = key.split('/').collect();
        folders.windows(3).find_map(|days| iso_date(days.join("-").as_bytes()))
    };
    access_log_time(name).or_else(in_name).or_else(|| cloudfront_time(name)).or_else(in_folders)
}

/// `2026-03-01-01-02-03-…`
fn access_log_time(name: &str) -> Option<i64> {
    let (date, clock) = (name.get(..10)?, name.get(11..19)?);
    let separators = [10, 13, 16, 19].map(|at| name.as_bytes().get(at) == Some(&b'-'));
    separators.iter().all(|is| *is).then(|| iso_time(format!("{date}T{}Z", clock.replace('-', ":")).as_bytes()))?
}

/// `DISTRIBUTION.2026-03-01-02.HASH.gz`
fn cloudfront_time(name: &str) -> Option<i64> {
    let hour = name.split('.').nth(1).filter(|hour| hour.len() == 13)?;
    let (date, hour) = (hour.get(..10)?, hour.get(10..)?.strip_prefix('-')?);
    iso_time(format!("{date}T{hour}:00:00Z").as_bytes())
}

/// `20260301T0102Z` or `20260301T010203Z`, with anything after it.
fn compact_time(part: &str) -> Option<i64> {
    let [year, month, day, t, hour, minute] =
        [part.get(..4)?, part.get(4..6)?, part.get(6..8)?, part.get(8..9)?, part.get(9..11)?, part.get(11..13)?];
    let seconds = part.get(13..15).filter(|seconds| !seconds.starts_with('Z')).unwrap_or("00");
    (t == "T").then(|| iso_time(format!("{year}-{month}-{day}T{hour}:{minute}:{seconds}Z").as_bytes()))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::alert::Confidence;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::S3Access;

    const TRAIL: &str =
        "AWSLogs/111122223333/CloudTrail/eu-west-1/1970/01/01/1_CloudTrail_eu-west-1_19700101T0000Z_x.gz";

    fn expired(key: &str, age_days: i64) -> Activity {
        Activity {
            operation: "S3.EXPIRE.OBJECT",
            action: "ExpireObject",
            principal: "AmazonS3",
            kind: "service",
            status: None,
            key: Some(key.to_owned()),
            time_ms: Some(age_days * DAY_MS),
            line: age_days,
            ..Activity::default()
        }
    }

    #[test]
    fn the_time_of_a_file_stands_in_its_key() {
        let day = 1_772_323_200_000;
        for (key, expected) in [
            ("a/2026/03/01/1_CloudTrail_eu-west-1_20260301T0105Z_x.json.gz", Some(day + 3_900_000)),
            (
                "a/2026/03/01/1_CloudTrail-Digest_eu-west-1_t_eu-west-1_20260301T010500Z.json.gz",
                Some(day + 3_900_000),
            ),
            ("logs/2026-03-01-01-05-00-0123456789ABCDEF", Some(day + 3_900_000)),
            ("cdn/E2NWXYZ1ABCDEF.2026-03-01-01.0a1b2c3d.gz", Some(day + 3_600_000)),
            ("a/2026/03/01/events.json", Some(day)),
            ("a/2026/13/01/events.json", None),
            ("a/1_CloudTrail_eu-west-1_20261301T0105Z_x.json.gz", None),
            ("a/äöü_äöüäöüäöüäöüä_2026.gz", None),
            ("", None),
        ] {
            assert_eq!(time_in_key(key), expected, "{key}");
        }
    }

    #[test]
    fn the_younger_the_worse_and_planted_ones_are_medium() {
        for (config, age_days, expected) in [
            ("log_buckets = ['bucket']", 6, Severity::Critical),
            ("log_buckets = ['bucket']", 7, Severity::High),
            ("log_buckets = ['bucket']", 89, Severity::High),
            ("log_buckets = ['bucket']", 90, Severity::Info),
            ("log_buckets = ['bucket']\n[thresholds.LOG-003]\nmin_log_retention_days = 3", 4, Severity::Info),
            ("log_buckets = ['bucket']\n[thresholds.LOG-003]\nmin_log_retention_days = 3", 2, Severity::Critical),
            ("", 1, Severity::Medium),
            ("", 400, Severity::Info),
        ] {
            let found =
                detect(&RULE, &Config::from_toml(config).unwrap(), &[(S3Access, expired(TRAIL, age_days))]);
            let [alert] = &found.alerts[..] else { panic!("{} alerts", found.alerts.len()) };
            assert_eq!((alert.severity, alert.confidence == Confidence::Low), (expected, config.is_empty()));
        }
    }

    #[test]
    fn a_day_of_a_bucket_is_one_alert_and_keys_without_date_or_shape_are_not_counted() {
        let mut rows = [TRAIL, "a/1970/01/01/x", "AWSLogs/111122223333/CloudTrail/x", TRAIL, TRAIL, TRAIL]
            .map(|key| (S3Access, expired(key, 9)))
            .to_vec();
        rows[3].1.outcome = "denied";
        rows[4].1.operation = "REST.DELETE.OBJECT";
        (rows[5].1.operation, rows[5].1.request) = ("S3.CREATE.DELETEMARKER", "R2".to_owned());
        let config = Config::from_toml("log_buckets = ['bucket']").unwrap();
        let found = detect(&RULE, &config, &rows);
        let seen: Vec<_> = found.alerts.iter().map(|it| (it.count, it.severity, it.principal.clone())).collect();
        assert_eq!(seen, [(2, Severity::High, None)]);
        let ahead = [(S3Access, expired(&TRAIL.replace("19700101T", "19800101T"), 9))];
        assert!(detect(&RULE, &config, &ahead).alerts.is_empty());
    }
}
