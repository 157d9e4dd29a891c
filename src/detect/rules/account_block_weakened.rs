//! EXP-002: Block Public Access of an account is weakened.

use super::{samples, setting_calls};
use crate::detect::alert::{Confidence, Severity};
use crate::detect::codes::{Act, Among, Codes};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};
use crate::parse::LogType;
use serde_json::json;

/// EXP-002 `account-block-weakened`.
pub static RULE: Rule = Rule {
    id: "EXP-002",
    name: "account-block-weakened",
    title: "Block Public Access of an account was weakened",
    severity: Severity::High,
    attack: &["T1562.007", "T1686.001", "T1578"],
    looks_for: "PutAccountPublicAccessBlock that was done with one of the four settings false or not given, which \
        counts as false, and DeleteAccountPublicAccessBlock. The level is high; it is medium if the log does not show \
        the settings. There is one alert for a caller, the settings and a UTC day. Callers in iac_roles are kept quiet \
        and counted. Calls of AWS services, and in their name, are left out.",
    why: "From then on each bucket of the account, old or new, can be opened by its own policy or ACL.",
    cannot_see: "What the settings were before. Which buckets become public by it: look for their policies and ACLs. \
        Refused calls are none.",
    false_positives: "An account that is meant for public data.",
    next_steps: &[
        "Turn all four settings on again for the account.",
        "List the buckets of the account that are public now, with IAM Access Analyzer or the S3 console.",
        "Ask the owner of the principal; if nobody knows of it, deactivate its credentials.",
    ],
    thresholds: &[],
    activity_columns: setting_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: setting_calls::CLOUDTRAIL_COLUMNS,
    needs: &[Evidence::ManagementEvents],
    samples: samples!("EXP-002":
        "fires" CloudTrail "json" true,
        "fires_removed" CloudTrail "json" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(HitDetector::<AccountBlockWeakened>::of),
};

/// What stands in the entity where no settings do.
const REMOVED: &str = "removed";
const HIDDEN: &str = "not shown";

struct AccountBlockWeakened;

impl Pattern for AccountBlockWeakened {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Acts(&[Act::OtherS3]);

    fn new(_: &Config) -> Self {
        AccountBlockWeakened
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        if batch.log != LogType::CloudTrail {
            return None;
        }
        let (settings, is_of_account) = match setting_calls::setting(batch, codes, row)? {
            "DeleteAccountPublicAccessBlock" => (REMOVED, true),
            "DeletePublicAccessBlock" => (REMOVED, false),
            action @ ("PutAccountPublicAccessBlock" | "PutPublicAccessBlock") => {
                let block = batch.call(row).and_then(|call| call.block.as_ref());
                (block.map_or(HIDDEN, |block| &block.weak), action == "PutAccountPublicAccessBlock")
            }
            _ => return None,
        };
        let hit = setting_calls::hit(batch, row, [Some(settings), None], 0);
        // The shorter names are those of buckets too.
        (!settings.is_empty() && (is_of_account || hit.entity[1].is_none())).then_some(hit)
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let settings = group.entity[2].unwrap_or_default();
        let (caller, _) = setting_calls::names(group);
        let summary = match settings {
            REMOVED => format!("{caller} removed Block Public Access of the account."),
            HIDDEN => format!("{caller} set Block Public Access of the account; its settings are not shown."),
            settings => {
                let settings = settings.replace('+', ", ");
                format!("{caller} turned off settings of Block Public Access of the account: {settings}.")
            }
        };
        let severity = if settings == HIDDEN { Severity::Medium } else { Severity::High };
        let mut alert = setting_calls::alert(&RULE, group, severity, summary);
        if settings == HIDDEN {
            alert.confidence = Confidence::Low;
            alert.reasons.push("The log does not show the settings, which may be harmless.".to_owned());
        } else {
            alert.reasons.push("It holds for all buckets of the account.".to_owned());
        }
        alert.observed.insert("settings_off", json!(settings));
        setting_calls::verdict(alert, shared, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::CloudTrail;

    const WEAK: &str = r#"{"accountId":"111122223333","PublicAccessBlockConfiguration":{"BlockPublicAcls":true}}"#;

    #[test]
    fn calls_on_the_account_count_under_either_name() {
        use Severity::{High, Medium};
        for (change, expected) in [
            ((|_| ()) as fn(&mut Activity), Some(High)),
            (|row| row.action = "DeleteAccountPublicAccessBlock", Some(High)),
            (|row| row.action = "PutPublicAccessBlock", Some(High)),
            (|row| (row.action, row.bucket) = ("PutPublicAccessBlock", Some("bucket")), None),
            (|row| row.parameters = None, Some(Medium)),
            (|row| row.parameters = Some(r#"{"PublicAccessBlockConfiguration":{}}"#), Some(High)),
            (|row| row.action = "GetAccountPublicAccessBlock", None),
            (|row| row.outcome = "denied", None),
            (|row| row.invoked_by = Some("controltower.amazonaws.com"), None),
        ] {
            let (action, parameters) = ("PutAccountPublicAccessBlock", Some(WEAK));
            let mut row = Activity { action, parameters, bucket: None, key: None, ..Activity::default() };
            change(&mut row);
            let found = detect(&RULE, &Config::default(), &[(CloudTrail, row.clone())]);
            let levels: Vec<Severity> = found.alerts.iter().map(|alert| alert.severity).collect();
            assert_eq!(levels, expected.into_iter().collect::<Vec<_>>(), "{row:?}");
        }
    }
}
