//! Alerts as OCSF Detection Findings, class 2004 of OCSF 1.3
//! (<https://schema.ocsf.io/1.3.0/classes/detection_finding>).
//!
//! What OCSF has no attribute for stands in `unmapped`, under the names of the alert's own JSON. The profile `cloud`
//! adds `cloud`. Names that were deprecated or added after 1.3 are not used, as Security Lake takes 1.3 at most
//! (<https://docs.aws.amazon.com/security-lake/latest/userguide/custom-sources.html>).

use super::safe::printable_json;
use crate::activity::ocsf::VERSION;
use crate::detect::Alert;
use crate::detect::alert::{Confidence, Outcome, Severity};
use crate::detect::evidence::EvidenceRow;
use crate::parse::time::iso_time;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use serde_json::{Map, Value, json};

/// Findings: the category, the class, and `Create`, the only activity of an alert that is told once.
const CATEGORY_UID: u64 = 2;
const CLASS_UID: u64 = 2004;
const CREATE: u64 = 1;

/// `analytic.type_id` of a rule, and `status_id` of a finding that nobody has looked at.
const RULE: u64 = 1;
const NEW: u64 = 1;

/// One JSON object a line.
pub fn jsonl(alerts: &[Alert]) -> String {
    let line = |alert: &Alert| printable_json(&detection_finding(alert).to_string()).into_owned() + "\n";
    alerts.par_iter().map(line).collect()
}

/// An alert as a Detection Finding. Members that are not known are left out.
pub fn detection_finding(alert: &Alert) -> Value {
    let last_seen_ms = alert.last_seen.as_deref().and_then(|time| iso_time(time.as_bytes()));
    let (severity_id, severity) = severity(alert.severity);
    let (confidence_id, confidence) = confidence(alert.confidence);
    let mut finding = json!({
        "activity_id": CREATE,
        "activity_name": "Create",
        "category_uid": CATEGORY_UID,
        "category_name": "Findings",
        "class_uid": CLASS_UID,
        "class_name": "Detection Finding",
        "type_uid": CLASS_UID * 100 + CREATE,
        "type_name": "Detection Finding: Create",
        // Required, also where no record has a time; `unmapped.first_seen` is null then.
        "time": last_seen_ms.or(alert.first_seen_ms).unwrap_or(0),
        "severity_id": severity_id,
        "severity": severity,
        "confidence_id": confidence_id,
        "confidence": confidence,
        "status_id": NEW,
        "status": "New",
        "message": alert.summary,
        "metadata": {
            "version": VERSION,
            "profiles": ["cloud"],
            "uid": alert.alert_id,
            "product": { "name": "s3sleuth", "vendor_name": "s3sleuth", "version": env!("CARGO_PKG_VERSION") },
        },
        "cloud": { "provider": "AWS", "region": alert.region, "account": { "uid": alert.account_id } },
        "finding_info": {
            "uid": alert.alert_id,
            "title": alert.title,
            "desc": alert.summary,
            "types": [alert.rule_name],
            "data_sources": alert.logs,
            "first_seen_time": alert.first_seen_ms,
            "last_seen_time": last_seen_ms,
            "analytic": { "uid": alert.rule_id, "name": alert.rule_name, "type_id": RULE, "type": "Rule" },
            "attacks": alert.attack.iter().map(|technique| attack(technique)).collect::<Vec<_>>(),
            "related_events": alert.related.iter().map(|id| json!({ "uid": id })).collect::<Vec<_>>(),
        },
        "resources": resources(alert),
        "evidences": alert.evidence.iter().map(|row| evidence(alert, row)).collect::<Vec<_>>(),
        "remediation": { "desc": alert.next_steps.join(" ") },
    });
    prune(&mut finding);
    // What is not known is told here, as in the alert's own form.
    finding["unmapped"] = json!({
        "schema": alert.schema,
        "outcome": outcome(alert.outcome),
        "first_seen": alert.first_seen,
        "window_seconds": alert.window_seconds,
        "access_key_id": alert.access_key_id,
        "count": alert.count,
        "reasons": alert.reasons,
        "observed": alert.observed,
        "expected": alert.expected,
        "evidence_total": alert.evidence_total,
    });
    finding
}

fn severity(severity: Severity) -> (u64, &'static str) {
    match severity {
        Severity::Info => (1, "Informational"),
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    }
}

fn confidence(confidence: Confidence) -> (u64, &'static str) {
    match confidence {
        Confidence::Low => (1, "Low"),
        Confidence::Medium => (2, "Medium"),
        Confidence::High => (3, "High"),
    }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "success",
        Outcome::Denied => "denied",
        Outcome::Mixed => "mixed",
    }
}

/// `T1562.008` is a sub-technique of `T1562`.
fn attack(technique: &str) -> Value {
    match technique.split_once('.') {
        Some((parent, _)) => json!({ "technique": { "uid": parent }, "sub_technique": { "uid": technique } }),
        None => json!({ "technique": { "uid": technique } }),
    }
}

/// The bucket, and the object if it is only one.
fn resources(alert: &Alert) -> Vec<Value> {
    let bucket = alert.bucket.iter().map(|bucket| {
        let (uid, kind) = (format!("arn:aws:s3:::{bucket}"), "AWS::S3::Bucket");
        json!({ "type": kind, "uid": uid, "name": bucket, "region": alert.region })
    });
    let object = alert.bucket.iter().zip(&alert.object_key).map(|(bucket, key)| {
        json!({ "type": "AWS::S3::Object", "uid": format!("arn:aws:s3:::{bucket}/{key}"), "name": key })
    });
    bucket.chain(object).collect()
}

fn evidence(alert: &Alert, row: &EvidenceRow) -> Value {
    json!({
        "actor": { "user": { "uid": alert.principal, "credential_uid": alert.access_key_id } },
        "api": { "operation": row.action().unwrap_or("unknown"), "request": { "uid": row.request_id() } },
        "src_endpoint": { "ip": alert.remote_ip },
        "data": {
            "log": row.log.name(),
            "source_file": row.source_file(),
            "source_line": row.source_line,
            "event_time_ms": row.event_time_ms,
            "object_key": row.object_key(),
        },
    })
}

/// Takes out members without a value, and objects and lists that are empty then.
fn prune(value: &mut Value) {
    if let Value::Object(members) = value {
        let known = std::mem::take(members).into_iter().filter_map(|(name, mut value)| {
            prune(&mut value);
            (!is_empty(&value)).then_some((name, value))
        });
        *members = known.collect::<Map<_, _>>();
    } else if let Value::Array(elements) = value {
        elements.iter_mut().for_each(prune);
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(members) => members.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{RULES, Rule, sample_run};

    /// Required attributes of the class, of what it includes and of its objects, in OCSF 1.3.0
    /// (<https://github.com/ocsf/ocsf-schema/tree/1.3.0>: events/findings/detection_finding.json, finding.json,
    /// base_event.json, objects/*.json, profiles/cloud.json).
    const REQUIRED: [&str; 15] = [
        "/activity_id",
        "/category_uid",
        "/class_uid",
        "/type_uid",
        "/time",
        "/severity_id",
        "/metadata/version",
        "/metadata/product/vendor_name",
        "/finding_info/uid",
        "/finding_info/title",
        "/finding_info/analytic/type_id",
        "/cloud/provider",
        "/remediation/desc",
        "/evidences/0/api/operation",
        "/evidences/0/api/request/uid",
    ];

    fn alert() -> Alert {
        let mut alert = Alert::of(RULES[0], &[Some("ann")], Some(0));
        alert.bucket = Some("b".to_owned());
        alert.principal = Some("ann".to_owned());
        alert.first_seen_ms = Some(1_772_617_090_000);
        alert.last_seen = Some("2026-03-04T09:38:10Z".to_owned());
        alert.attack = vec!["T1485", "T1562.008"];
        alert
    }

    /// What a rule says of its first sample.
    fn alert_of(rule: &'static Rule) -> Alert {
        let tables = sample_run::tables(&rule.samples[0]).unwrap();
        sample_run::run(rule, &tables, usize::MAX).alerts.remove(0)
    }

    #[test]
    fn every_required_attribute_stands_and_the_numbers_are_those_of_the_schema() {
        for rule in RULES.iter() {
            let alert = alert_of(rule);
            let finding = detection_finding(&alert);
            // Numbers that are not of single records are the evidence of some alerts.
            let is_due = |pointer: &str| !alert.evidence.is_empty() || !pointer.starts_with("/evidences");
            for pointer in REQUIRED.into_iter().filter(|pointer| is_due(pointer)) {
                assert!(finding.pointer(pointer).is_some_and(|value| !value.is_null()), "{pointer} in {finding}");
            }
        }
        let finding = detection_finding(&alert());
        for (pointer, expected) in [
            ("/class_uid", json!(2004)),
            ("/type_uid", json!(200_401)),
            ("/category_uid", json!(2)),
            ("/metadata/version", json!("1.3.0")),
            ("/finding_info/attacks/1/technique/uid", json!("T1562")),
            ("/finding_info/attacks/1/sub_technique/uid", json!("T1562.008")),
            ("/resources/0/uid", json!("arn:aws:s3:::b")),
        ] {
            assert_eq!(finding.pointer(pointer), Some(&expected), "{pointer}");
        }
    }

    #[test]
    fn severities_and_confidences_rise_as_ours_do() {
        let ids: Vec<u64> = Severity::ALL.into_iter().map(|level| severity(level).0).collect();
        assert_eq!(ids, [1, 2, 3, 4, 5]);
        let levels = [Confidence::Low, Confidence::Medium, Confidence::High];
        assert_eq!(levels.map(|level| confidence(level).0), [1, 2, 3]);
    }

    #[test]
    fn what_is_not_known_is_left_out_and_text_from_logs_is_inert() {
        let mut alert = Alert::of(RULES[0], &[], None);
        alert.summary = "\u{1b}[2J".to_owned();
        let line = jsonl(&[alert]);
        assert!(!line.contains('\u{1b}') && line.ends_with("}\n"));
        let finding: Value = serde_json::from_str(&line).unwrap();
        assert!(finding.get("resources").is_none() && finding["cloud"] == json!({ "provider": "AWS" }));
        assert_eq!((&finding["time"], &finding["unmapped"]["first_seen"]), (&json!(0), &Value::Null));
    }
}
