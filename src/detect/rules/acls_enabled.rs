//! EXP-009: ACLs of a bucket are enabled again.

use super::{samples, setting_calls};
use crate::detect::alert::{Confidence, Severity};
use crate::detect::codes::{Act, Among, Codes};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::policy::{Call, call::text};
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};
use serde_json::json;

/// EXP-009 `acls-enabled`.
pub static RULE: Rule = Rule {
    id: "EXP-009",
    name: "acls-enabled",
    title: "ACLs of a bucket were enabled",
    severity: Severity::Low,
    attack: &["T1562", "T1685"],
    looks_for: "PutBucketOwnershipControls that was done with ObjectWriter or BucketOwnerPreferred, and \
        DeleteBucketOwnershipControls in either log. The level is low. Access logs show \
        REST.PUT.OWNERSHIP_CONTROLS without its value: where CloudTrail does not show it either, the level is info. \
        There is one alert for a caller, a bucket and a UTC day. Callers in iac_roles are kept quiet and counted. Calls \
        of AWS services, and in their name, are left out.",
    why: "With BucketOwnerEnforced, the default, ACLs have no effect. To open a bucket by ACL they must be enabled first.",
    cannot_see: "What the value was before. A bucket that was created with ACLs enabled. Refused calls are none.",
    false_positives: "Old applications that need ACLs.",
    next_steps: &[
        "Look for a public ACL set afterwards (EXP-006, EXP-007, EXP-008).",
        "Set the ownership to BucketOwnerEnforced unless an application needs ACLs.",
    ],
    thresholds: &[],
    activity_columns: setting_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: setting_calls::CLOUDTRAIL_COLUMNS,
    needs: &[Evidence::ManagementEvents, Evidence::AccessLines],
    samples: samples!("EXP-009":
        "fires" CloudTrail "json" true,
        "fires_access" S3Access "log" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(HitDetector::<AclsEnabled>::of),
};

/// Index of a kind of hit.
const REMOVED: usize = 0;
const ENABLED: usize = 1;
/// The log shows the value.
const KNOWN: usize = 2;

struct AclsEnabled;

impl Pattern for AclsEnabled {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Acts(&[Act::OtherS3]);

    fn new(_: &Config) -> Self {
        AclsEnabled
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        let kinds = match setting_calls::setting(batch, codes, row)? {
            "DeleteBucketOwnershipControls" => 1 << REMOVED,
            "PutBucketOwnershipControls" => match batch.call(row).and_then(ownership) {
                Some("ObjectWriter" | "BucketOwnerPreferred") => 1 << KNOWN | 1 << ENABLED,
                Some(_) => 1 << KNOWN,
                None => 0,
            },
            _ => return None,
        };
        Some(setting_calls::hit(batch, row, [None; 2], kinds))
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let [removed, enabled] = [REMOVED, ENABLED].map(|kind| group.of_kind(kind));
        let (caller, bucket) = setting_calls::names(group);
        let (severity, summary) = match (removed, enabled) {
            (1.., _) => {
                (Severity::Low, format!("{caller} removed the ownership controls of the bucket {bucket}."))
            }
            (_, 1..) => (Severity::Low, format!("{caller} enabled ACLs of the bucket {bucket}.")),
            _ if setting_calls::are_all_shown(group, KNOWN) => return Verdict::Nothing,
            _ => (
                Severity::Info,
                format!("{caller} set the ownership of objects of the bucket {bucket}; its value is not shown."),
            ),
        };
        let mut alert = setting_calls::alert(&RULE, group, severity, summary);
        if severity == Severity::Info {
            alert.confidence = Confidence::Low;
            alert.reasons.push("The logs do not show the value, which may disable ACLs.".to_owned());
        }
        alert.observed.insert("removed", json!(removed));
        alert.observed.insert("enabled", json!(enabled));
        setting_calls::verdict(alert, shared, false)
    }
}

fn ownership(call: &Call) -> Option<&str> {
    text(call.parameters.get("OwnershipControls")?, "ObjectOwnership")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::{self, CloudTrail, S3Access};

    #[test]
    fn the_value_decides_where_it_is_shown() {
        let put = |log: LogType, parameters| {
            let (action, operation) = ("PutBucketOwnershipControls", "REST.PUT.OWNERSHIP_CONTROLS");
            (log, Activity { action, operation, key: None, parameters, ..Activity::default() })
        };
        let value = |name: &str| -> Option<&'static str> {
            let text = format!(r#"{{"OwnershipControls":{{"xmlns":"x","Rule":{{"ObjectOwnership":"{name}"}}}}}}"#);
            Some(Box::leak(text.into_boxed_str()))
        };
        for (rows, expected) in [
            (vec![put(CloudTrail, value("ObjectWriter"))], vec![Severity::Low]),
            (vec![put(CloudTrail, value("BucketOwnerPreferred")), put(S3Access, None)], vec![Severity::Low]),
            (vec![put(CloudTrail, value("BucketOwnerEnforced")), put(S3Access, None)], vec![]),
            (vec![put(S3Access, None)], vec![Severity::Info]),
            (vec![put(CloudTrail, Some("[]"))], vec![Severity::Info]),
        ] {
            let found = detect(&RULE, &Config::default(), &rows);
            assert_eq!(found.alerts.iter().map(|it| it.severity).collect::<Vec<_>>(), expected, "{rows:?}");
        }
    }
}
