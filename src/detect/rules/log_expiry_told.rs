//! LOG-005: S3 says of delivered log files that they expire soon.

use super::samples;
use crate::detect::alert::{Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Among, Codes};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict, what};
use crate::detect::key_sample::about;
use crate::detect::marks::Marks;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared, Threshold};
use crate::parse::time::{DAY_MS, iso_time};
use arrow::array::Array;
use serde_json::{Value, json};

/// LOG-005 `log-expiry-told`.
pub static RULE: Rule = Rule {
    id: "LOG-005",
    name: "log-expiry-told",
    title: "Delivered log files expire soon",
    severity: Severity::Medium,
    attack: &["T1485.001"],
    looks_for: "PutObject in CloudTrail data events by AWS services that deliver logs, where the answer says when the file \
        will expire (x-amz-expiration) and that is less than min_log_retention_days ahead. There is one alert for a \
        bucket and a rule of its lifecycle, over the whole input: high if it is less than fresh_log_days.",
    why: "It shows a short lifecycle also where it was set before the logs begin, before anything is lost.",
    cannot_see: "Buckets without data events. What is not delivered by AWS. Rules about old versions, of which S3 says \
        nothing in its answers.",
    false_positives: "A short retention that is wanted: set min_log_retention_days to it. A bucket from which the files \
        are copied elsewhere.",
    next_steps: &[
        "Read the lifecycle rule of that name, and who set it (LOG-004).",
        "Suspend it if nobody wants it, before the first files expire.",
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
    cloudtrail_columns: &["response_elements"],
    needs: &[Evidence::DataEvents],
    samples: samples!("LOG-005":
        "fires" CloudTrail "json" true,
        "fires_fresh" CloudTrail "json" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(HitDetector::<LogExpiryTold>::of),
};

/// Index of a kind of hit.
const FRESH: usize = 0;

struct LogExpiryTold {
    fresh_days: u64,
    retention_days: u64,
}

impl Pattern for LogExpiryTold {
    const RULE: &'static Rule = &RULE;
    const BY_DAY: bool = false;
    const AMONG: Among = Among::Marked;

    fn new(config: &Config) -> Self {
        let threshold = |name| config.threshold(&RULE, name);
        LogExpiryTold {
            fresh_days: threshold("fresh_log_days"),
            retention_days: threshold("min_log_retention_days"),
        }
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        if !codes.marks[row].has(Marks::TOLD_DELIVERY) {
            return None;
        }
        let (expires_ms, rule) = expiration(cell(batch.native_text("response_elements"), row)?)?;
        let times = batch.event_time();
        let time_ms = times.is_valid(row).then(|| times.value(row))?;
        let is_within = |days: u64| expires_ms.saturating_sub(time_ms).max(0) as u64 / (DAY_MS as u64) < days;
        if !is_within(self.retention_days) {
            return None;
        }
        let what = what(cell(batch.text("request_id"), row), codes.key[row]);
        let kinds = u8::from(is_within(self.fresh_days)) << FRESH;
        Some(Hit { entity: [None, cell(batch.text("bucket_name"), row), rule, None], what, kinds })
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let fresh = group.of_kind(FRESH);
        let severity = if fresh > 0 { Severity::High } else { RULE.severity };
        let Some(mut alert) = group.log_bucket_alert(&RULE, severity, shared) else { return Verdict::Nothing };
        alert.window_seconds = 0;
        let days = if fresh > 0 { self.fresh_days } else { self.retention_days };
        let rule = group.entity[2].unwrap_or("without a name");
        alert.summary = format!(
            "{}{} delivered into the log bucket {} expire within less than {} by the lifecycle rule {rule}.",
            about(group.halvings()),
            counted(group.count(), "file that was", "files that were"),
            group.entity[1].unwrap_or_default(),
            counted(days, "day", "days"),
        );
        alert.observed.insert("rule", json!(group.entity[2]));
        alert.observed.insert("within_fresh_log_days", json!(fresh));
        alert.expected =
            [("fresh_log_days", json!(self.fresh_days)), ("min_log_retention_days", json!(self.retention_days))]
                .into();
        Verdict::Alert(alert)
    }
}

/// When an object expires, in milliseconds, and by which rule: of the header x-amz-expiration in an answer, such as
/// `expiry-date="Sat, 07 Mar 2026 00:00:00 GMT", rule-id="tidy"`
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>). The rule is told only if it is written plainly.
fn expiration(answer: &str) -> Option<(i64, Option<&str>)> {
    let parsed: Value = serde_json::from_str(answer).ok()?;
    let header = parsed.get("x-amz-expiration")?.as_str()?;
    let quoted = |name: &str| header.split_once(name)?.1.strip_prefix("=\"")?.split('"').next();
    let rule = quoted("rule-id").and_then(|rule| {
        let at = answer.find(rule)?;
        answer.get(at..at + rule.len()).filter(|rule| !rule.is_empty())
    });
    Some((http_date(quoted("expiry-date")?)?, rule))
}

/// `Sat, 07 Mar 2026 00:00:00 GMT`, in milliseconds.
fn http_date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = text.split(' ').collect();
    let [_, day, month, year, clock, "GMT"] = words[..] else { return None };
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    iso_time(format!("{year}-{month:02}-{day:0>2}T{clock}Z").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_tells_when_and_by_which_rule() {
        let answer = |header: &str| json!({ "x-amz-expiration": header }).to_string();
        let day = 1_772_841_600_000;
        for (header, expected) in [
            (r#"expiry-date="Sat, 07 Mar 2026 00:00:00 GMT", rule-id="tidy""#, Some((day, Some("tidy")))),
            (r#"expiry-date="Sat, 7 Mar 2026 00:00:00 GMT", rule-id="""#, Some((day, None))),
            (r#"expiry-date="Sat, 07 Mar 2026 00:00:00 GMT""#, Some((day, None))),
            (r#"expiry-date="07 Mar 2026", rule-id="tidy""#, None),
            (r#"expiry-date="Sat, 07 Foo 2026 00:00:00 GMT""#, None),
            (r#"rule-id="tidy""#, None),
            ("", None),
        ] {
            assert_eq!(expiration(&answer(header)), expected, "{header}");
        }
        assert_eq!(expiration("{}"), None);
        assert_eq!(expiration("not json"), None);
    }
}
