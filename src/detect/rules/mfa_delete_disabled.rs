//! RAN-011: MFA Delete of a bucket is disabled.

use super::setting_calls;
use crate::detect::alert::{Confidence, Severity};
use crate::detect::batch::cell;
use crate::detect::changes::{ChangeDetector, Setting, Step, known_before};
use crate::detect::codes::{Act, Codes, Ended, Who};
use crate::detect::hits::Verdict;
use crate::detect::sample_calls::{Calls, trail};
use crate::detect::{Config, DetectBatch, Evidence, Form, Logs, Rule, Sample, Shared};
use crate::parse::LogType;
use serde_json::Value;

/// RAN-011 `mfa-delete-disabled`.
pub static RULE: Rule = Rule {
    id: "RAN-011",
    name: "mfa-delete-disabled",
    title: "MFA Delete of a bucket was disabled",
    severity: Severity::High,
    attack: &["T1490"],
    looks_for: "PutBucketVersioning in CloudTrail that was done with MfaDelete Disabled, where the data shows that it was \
        enabled before, or does not show what it was and the caller is the root of the account, who alone can change it. \
        In the second case confidence is medium. A call by anybody else succeeds only where MFA Delete was not enabled, \
        and is none. There is one alert a change.",
    why: "MFA Delete keeps a stolen password or key from deleting versions. Whoever takes it away has root and its MFA \
        device, or is about to empty the bucket.",
    cannot_see: "The state before the first change in the logs. Access logs show REST.PUT.VERSIONING without MfaDelete, \
        so they are not looked at.",
    false_positives: "Maintenance by the root of the account, such as before a bucket gets a lifecycle, which cannot be \
        together with MFA Delete.",
    next_steps: &[
        "Ask who used the root of the account; if nobody knows of it, change its password and its MFA device.",
        "Enable MFA Delete again.",
        "Look for deletes of versions from then on (DEL-002).",
    ],
    thresholds: &[],
    activity_columns: setting_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: setting_calls::CLOUDTRAIL_COLUMNS,
    needs: &[Evidence::ManagementEvents],
    samples: &SAMPLES,
    form: Form::Code(ChangeDetector::<MfaDeleteDisabled>::of),
};

const ENABLED: Calls = Calls {
    user: "root",
    name: "PutBucketVersioning",
    parameters: r#"{"bucketName":"reports","versioning":"","VersioningConfiguration":{"Status":"Enabled","MfaDelete":"Enabled"}}"#,
    ..Calls::USUAL
};
const DISABLED: Calls = Calls {
    parameters: r#"{"bucketName":"reports","versioning":"","VersioningConfiguration":{"Status":"Enabled","MfaDelete":"Disabled"}}"#,
    ..ENABLED.after_minutes(9)
};
const AGAIN: Calls = DISABLED.after_minutes(20);
const SUSPENDED: Calls = Calls {
    user: "ann",
    parameters: r#"{"bucketName":"reports","versioning":"","VersioningConfiguration":{"Status":"Suspended"}}"#,
    ..ENABLED
};

static SAMPLES: [Sample; 6] = [
    Sample { name: "fires", logs: Logs::Made(|| trail(&[ENABLED, DISABLED, AGAIN])), fires: true },
    Sample { name: "fires_root", logs: Logs::Made(|| trail(&[DISABLED])), fires: true },
    Sample { name: "near_miss_1", logs: Logs::Made(|| trail(&[ENABLED, SUSPENDED])), fires: false },
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| trail(&[Calls { user: "ann", ..DISABLED }, AGAIN])),
        fires: false,
    },
    Sample {
        name: "near_miss_3",
        logs: Logs::Made(|| trail(&[Calls { name: "GetBucketVersioning", ..DISABLED }])),
        fires: false,
    },
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| trail(&[ENABLED, Calls { error_code: "AccessDenied", ..DISABLED }])),
        fires: false,
    },
];

struct MfaDeleteDisabled;

/// What the setting is.
const ON: &str = "Enabled";
const OFF: &str = "Disabled";

impl Setting for MfaDeleteDisabled {
    const RULE: &'static Rule = &RULE;

    fn new(_: &Config) -> Self {
        MfaDeleteDisabled
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<(&'a str, String)> {
        let is_setting =
            codes.act[row] == Act::OtherS3 && codes.ended[row] == Ended::Done && codes.who[row] != Who::Service;
        let is_put = || cell(batch.text("action"), row) == Some("PutBucketVersioning");
        if !is_setting || batch.log != LogType::CloudTrail || !is_put() {
            return None;
        }
        let parameters: Value = serde_json::from_str(cell(batch.native_text("request_parameters"), row)?).ok()?;
        let after = parameters.get("VersioningConfiguration")?.get("MfaDelete")?.as_str()?;
        let after = [ON, OFF].into_iter().find(|known| *known == after)?;
        Some((cell(batch.text("bucket_name"), row)?, after.to_owned()))
    }

    fn judge(&self, bucket: &str, steps: &[Step], at: usize, shared: &Shared<'_>) -> Verdict {
        let step = &steps[at];
        let before = known_before(steps, at).map(|step| &*step.after);
        let is_root = step.name().ends_with(":root");
        if *step.after != *OFF || before == Some(OFF) || before.is_none() && !is_root {
            return Verdict::Nothing;
        }
        let mut alert = step.alert(&RULE, bucket);
        alert.summary = format!("{} disabled MFA Delete of the bucket {bucket}.", step.name());
        alert.reasons.push(match before {
            Some(_) => "The data shows that it was enabled before.".to_owned(),
            None => {
                "The data does not show what it was before; only the root of the account can change it.".to_owned()
            }
        });
        if before.is_none() {
            alert.confidence = Confidence::Medium;
        }
        setting_calls::verdict(alert, shared, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::sample_run::try_rule;
    use crate::detect::testing::{Activity, detect};

    #[test]
    fn it_is_one_alert_a_change_and_surer_where_it_was_seen_enabled() {
        let put = |second: i64, principal: &'static str, mfa: &str| {
            let text = format!(r#"{{"VersioningConfiguration":{{"MfaDelete":"{mfa}"}}}}"#);
            let row = Activity {
                time_ms: Some(second * 1000),
                request: format!("R{second}"),
                action: "PutBucketVersioning",
                key: None,
                principal,
                parameters: Some(Box::leak(text.into_boxed_str())),
                ..Activity::default()
            };
            (LogType::CloudTrail, row)
        };
        let (root, ann) = ("arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:user/ann");
        let found = |rows: &[(LogType, Activity)]| {
            let found = detect(&RULE, &Config::default(), rows);
            found.alerts.iter().map(|alert| (alert.first_seen_ms, alert.confidence)).collect::<Vec<_>>()
        };
        use Confidence::{High, Medium};
        assert_eq!(found(&[put(1, root, OFF)]), [(Some(1000), Medium)]);
        assert_eq!(found(&[put(1, ann, OFF)]), []);
        // Whoever it is, if it was enabled.
        assert_eq!(found(&[put(1, root, ON), put(2, ann, OFF)]), [(Some(2000), High)]);
        let again = [put(1, root, ON), put(2, root, OFF), put(3, root, OFF), put(4, root, ON), put(5, root, OFF)];
        assert_eq!(found(&again), [(Some(2000), High), (Some(5000), High)]);
        assert_eq!(try_rule(&RULE).violations, [""; 0]);
    }
}
