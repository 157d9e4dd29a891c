//! LOG-015: somebody who does not deliver logs writes a log file into a log bucket.

use super::samples;
use crate::detect::alert::{Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Among, Codes, Ended, Who};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict, what};
use crate::detect::key_sample::about;
use crate::detect::known::is_delivering;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};
use serde_json::json;

/// LOG-015 `log-object-forged`.
pub static RULE: Rule = Rule {
    id: "LOG-015",
    name: "log-object-forged",
    title: "Log files were written by a caller that does not deliver logs",
    severity: Severity::High,
    attack: &["T1565.001", "T1070"],
    looks_for: "PutObject, CopyObject, PostObject and CompleteMultipartUpload that were done for a key with the shape \
        of a log file, in a bucket that holds logs (LOG-001 tells what makes one), by a caller that is no AWS service \
        and on whose behalf none delivers. There is one alert for a caller, a bucket and a UTC day. A write that both \
        logs show, by request and key, is one. The level is high. Where the bucket is known by the shape of its keys \
        alone, which this caller may have planted, confidence is low and the level at most medium.",
    why: "Who overwrites or adds a log file changes what the log says happened. Only AWS services write such files.",
    cannot_see: "Whether the key existed before, so whether a log file was added or replaced. What was written. Log \
        files under custom names.",
    false_positives: "Replication of logs, which writes under a role of its own. Backfills and copies of logs into \
        another bucket, by analysts or by a SIEM. readers and iac_roles keep nothing quiet here.",
    next_steps: &[
        "Validate the digest chain of the trail: it tells whether a CloudTrail file was added or changed.",
        "Compare the object with its former versions if the bucket has versioning.",
        "Ask the owner of the principal whether the writes were planned.",
    ],
    thresholds: &[],
    activity_columns: &["bucket_name", "principal", "invoked_by"],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: samples!("LOG-015":
        "fires" S3Access "log" true,
        "fires_cloudtrail" CloudTrail "json" true,
        "near_miss_1" S3Access "log" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" S3Access "log" false,
    ),
    form: Form::Code(HitDetector::<LogObjectForged>::of),
};

/// Writes that make an object; parts of an upload make none.
const WRITES: [&str; 4] = ["PutObject", "CopyObject", "PostObject", "CompleteMultipartUpload"];

struct LogObjectForged;

impl Pattern for LogObjectForged {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Acts(&[Act::Write]);

    fn new(_: &Config) -> Self {
        LogObjectForged
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        let is_log_write = codes.act[row] == Act::Write && codes.shape[row].is_some();
        if !is_log_write || codes.ended[row] != Ended::Done || codes.who[row] == Who::Service {
            return None;
        }
        let principal = cell(batch.text("principal"), row);
        if [principal, cell(batch.text("invoked_by"), row)].into_iter().flatten().any(is_delivering) {
            return None;
        }
        if !WRITES.contains(&cell(batch.text("action"), row)?) {
            return None;
        }
        let bucket = cell(batch.text("bucket_name"), row)?;
        let what = what(cell(batch.text("request_id"), row), codes.key[row]);
        Some(Hit { entity: [principal, Some(bucket), None, None], what, kinds: 0 })
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let Some(mut alert) = group.log_bucket_alert(&RULE, RULE.severity, shared) else {
            return Verdict::Nothing;
        };
        alert.summary = format!(
            "{} wrote {}{} into the log bucket {}, which only AWS services do.",
            group.entity[0].unwrap_or("An unknown caller"),
            about(group.halvings()),
            counted(group.count(), "log file", "log files"),
            group.entity[1].unwrap_or_default(),
        );
        alert.expected = [("requests", json!(0))].into();
        Verdict::Alert(alert)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::alert::Confidence;
    use crate::detect::names::Names;
    use crate::detect::testing::{Activity, sights};
    use crate::parse::LogType::{self, CloudTrail, S3Access};

    fn write(log: LogType, number: i64) -> (LogType, Activity) {
        let row = Activity {
            action: "PutObject",
            operation: "REST.PUT.OBJECT",
            key: Some(format!("AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/01/{number}.json.gz")),
            request: format!("R{number}"),
            line: number,
            ..Activity::default()
        };
        (log, row)
    }

    fn found(config: &str, rows: &[(LogType, Activity)]) -> Vec<(Severity, Confidence, u64)> {
        let found = crate::detect::testing::detect(&RULE, &Config::from_toml(config).unwrap(), rows);
        found.alerts.iter().map(|alert| (alert.severity, alert.confidence, alert.count)).collect()
    }

    #[test]
    fn a_write_in_both_logs_is_one_and_what_may_be_planted_is_medium() {
        let rows: Vec<_> =
            [(S3Access, 1), (CloudTrail, 1), (S3Access, 2), (CloudTrail, 3)].map(|(log, n)| write(log, n)).into();
        assert_eq!(found("log_buckets = ['bucket']", &rows), [(Severity::High, Confidence::High, 3)]);
        assert_eq!(found("", &rows), [(Severity::Medium, Confidence::Low, 3)]);
        let mut delivery = write(S3Access, 9);
        (delivery.1.principal, delivery.1.kind) = ("cloudtrail.amazonaws.com", "service");
        assert_eq!(found("", &[rows, vec![delivery]].concat()), [(Severity::High, Confidence::High, 3)]);
    }

    #[test]
    fn deliveries_refusals_parts_and_other_keys_are_none() {
        for (change, expected) in [
            ((|_| ()) as fn(&mut Activity), 1),
            (|row| row.outcome = "denied", 0),
            (|row| row.kind = "service", 0),
            (|row| row.principal = "c4c1ede66af53448b93c283ce9448c4ba468c9432aa01d700d3878632f77d2d0", 0),
            (|row| row.invoked_by = Some("cloudtrail.amazonaws.com"), 0),
            (|row| row.invoked_by = Some("lambda.amazonaws.com"), 1),
            (|row| row.key = Some("results.csv".to_owned()), 0),
            (|row| (row.action, row.operation) = ("UploadPart", "REST.PUT.PART"), 0),
            (|row| (row.action, row.operation) = ("CopyObject", "REST.COPY.OBJECT"), 1),
            (|row| (row.action, row.operation) = ("CompleteMultipartUpload", "REST.POST.UPLOAD"), 1),
            (|row| (row.kind, row.principal) = ("anonymous", "anonymous"), 1),
        ] {
            let mut row = write(S3Access, 1);
            change(&mut row.1);
            assert_eq!(found("log_buckets = ['bucket']", &[row.clone()]).len(), expected, "{row:?}");
        }
        let routine = Activity::batch(S3Access, &[write(S3Access, 1).1], |batch| {
            sights(batch, &mut Names::default())[0].is_routine()
        });
        assert!(!routine, "writes of log files are looked at");
    }
}
