//! EXP-016: a new policy of a bucket is looser than the one before.

use super::bucket_policy_deleted::policy_change;
use super::{samples, setting_calls};
use crate::detect::alert::{Alert, Confidence, Severity};
use crate::detect::changes::{ChangeDetector, Setting, Step};
use crate::detect::codes::Codes;
use crate::detect::hits::Verdict;
use crate::detect::known::{is_account_id, is_canonical_id};
use crate::detect::policy::difference::{Opening, Outline};
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};
use serde_json::json;

/// EXP-016 `bucket-policy-loosened`.
pub static RULE: Rule = Rule {
    id: "EXP-016",
    name: "bucket-policy-loosened",
    title: "A new policy of a bucket is looser than the one before",
    severity: Severity::Medium,
    attack: &["T1098"],
    looks_for: "PutBucketPolicy that was done where the data shows an earlier policy of the bucket, and that lacks a \
        statement that denies (high), lets somebody in with fewer of the conditions that hold a statement to fixed \
        callers (high for everybody and other accounts, else medium), or lets everybody in from a network or a place \
        from which they were not let in before (medium). Statements are compared by what they allow or deny, to whom, \
        and by the operators and keys of their conditions. A policy that was deleted in between still counts as the one \
        before. REST.PUT.BUCKETPOLICY of an access log that CloudTrail does not show is low. There is one alert a change. \
        What only newly lets in everybody or another account without such \
        conditions is told by EXP-003 and EXP-004, and a Deny for TLS that is gone by ENC-011. Callers in iac_roles are \
        kept quiet and counted. Calls of AWS services, and in their name, are left out.",
    why: "The statement that is missing is the one that nobody reads. A policy that was replaced as a whole shows what \
        went only when it is laid beside the former one.",
    cannot_see: "The policy before the first one in the logs. Values of conditions and resources: a longer list of \
        networks is the same. New grants to accounts and roles of the owner and to services. Refused calls are none.",
    false_positives: "Work on the policy: list the role of the deployment under iac_roles.",
    next_steps: &[
        "Read both policies; the records shown are the later one, the earlier is in the log before it.",
        "Ask the owner of the principal why the statement or the condition went.",
        "Put the former policy back if nobody knows.",
    ],
    thresholds: &[],
    activity_columns: setting_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: setting_calls::CLOUDTRAIL_COLUMNS,
    needs: &[Evidence::ManagementEvents, Evidence::AccessLines],
    samples: samples!("EXP-016":
        "fires_access" S3Access "log" true,
        "fires" CloudTrail "json" true,
        "fires_condition" CloudTrail "json" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(ChangeDetector::<BucketPolicyLoosened>::of),
};

struct BucketPolicyLoosened;

/// The outline of a policy, and that of the policy before it.
pub(super) fn with_before(steps: &[Step], at: usize) -> Option<(Outline, Outline)> {
    let after = Outline::parse(&steps[at].after)?;
    let before = steps[..at].iter().rev().find_map(|step| Outline::parse(&step.after))?;
    Some((after, before))
}

impl Setting for BucketPolicyLoosened {
    const RULE: &'static Rule = &RULE;

    fn new(_: &Config) -> Self {
        BucketPolicyLoosened
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<(&'a str, String)> {
        policy_change(batch, codes, row)
    }

    fn judge(&self, bucket: &str, steps: &[Step], at: usize, shared: &Shared<'_>) -> Verdict {
        if steps[at].after.is_empty() && steps[at].is_of_access_log() {
            return setting_calls::verdict(not_shown(&steps[at], bucket), shared, false);
        }
        let Some((after, before)) = with_before(steps, at) else { return Verdict::Nothing };
        let loosened = after.loosened_since(&before);
        let is_foreign = |whom: &str| {
            let is_account = is_account_id(whom) || is_canonical_id(whom);
            is_account && shared.known.accounts.is_owned(shared.config, whom) != Some(true)
        };
        let is_strange = |opening: &&Opening| opening.whom == "everybody" || is_foreign(&opening.whom);
        let held: Vec<&Opening> =
            loosened.openings.iter().filter(|it| it.whom == "everybody" && !it.conditions.is_empty()).collect();
        let severity = if !loosened.guards.is_empty() || loosened.conditions.iter().any(|it| is_strange(&it)) {
            Severity::High
        } else if !loosened.conditions.is_empty() || !held.is_empty() {
            Severity::Medium
        } else {
            return Verdict::Nothing;
        };
        let step = &steps[at];
        let mut alert = step.alert(&RULE, bucket);
        alert.severity = severity;
        alert.summary =
            format!("{} set a policy of the bucket {bucket} that is looser than the former one.", step.name());
        let reasons = loosened.guards.iter().map(|guard| format!("A statement that denies is gone: {guard}."));
        let told = |opening: &Opening, how: &str| {
            let held = if opening.conditions.is_empty() { "no condition" } else { &opening.conditions };
            format!("{} may {} {how}: {held}.", opening.whom, opening.access.in_words())
        };
        let conditions = loosened.conditions.iter().map(|it| told(it, "under fewer conditions than before, now"));
        let openings = held.iter().map(|it| told(it, "and could not before, held by"));
        alert.reasons.extend(reasons.chain(conditions).chain(openings).take(10));
        let observed = [
            ("denials_gone", loosened.guards.len()),
            ("conditions_gone", loosened.conditions.len()),
            ("openings", held.len()),
        ];
        alert.observed = observed.map(|(name, count)| (name, json!(count))).into();
        setting_calls::verdict(alert, shared, false)
    }
}

/// The alert about a policy of which only the access log tells.
fn not_shown(step: &Step, bucket: &str) -> Alert {
    let mut alert = step.alert(&RULE, bucket);
    (alert.severity, alert.confidence) = (Severity::Low, Confidence::Low);
    alert.title = "A policy of a bucket was set";
    alert.summary =
        format!("{} set a policy of the bucket {bucket}, which only the access log tells.", step.name());
    alert.reasons.push("Access logs do not show the policy, which may be stricter than before.".to_owned());
    alert
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::{self, CloudTrail, S3Access};
    use Severity::{High, Low, Medium};

    fn put(second: i64, statements: &str) -> (LogType, Activity) {
        let text = format!(r#"{{"bucketPolicy":{{"Statement":[{statements}]}}}}"#);
        let row = Activity {
            time_ms: Some(second * 1000),
            action: if statements.is_empty() { "DeleteBucketPolicy" } else { "PutBucketPolicy" },
            request: format!("R{second}"),
            key: None,
            parameters: Some(Box::leak(text.into_boxed_str())),
            ..Activity::default()
        };
        (CloudTrail, row)
    }

    #[test]
    fn a_policy_is_held_against_the_one_before() {
        let held = r#"{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}"#;
        let own = r#"{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:GetObject"}"#;
        let own_held = own.replace(
            r#""s3:GetObject""#,
            r#""s3:GetObject","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-1"}}"#,
        );
        let open = r#"{"Effect":"Allow","Principal":"*","Action":"s3:GetObject"}"#;
        let deny = r#"{"Effect":"Deny","Principal":"*","Action":"s3:Delete*"}"#;
        let tls = r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}"#;
        let two = |left: &str, right: &str| format!("{left},{right}");
        for (policies, expected) in [
            (vec![two(own, deny), own.to_owned()], vec![High]),
            (vec![two(own, deny), String::new(), own.to_owned()], vec![High]),
            (vec![own.to_owned(), two(own, deny)], vec![]),
            (vec![held.to_owned(), open.to_owned()], vec![High]),
            (vec![own_held, own.to_owned()], vec![Medium]),
            (vec![own.to_owned(), two(own, held)], vec![Medium]),
            (vec![own.to_owned(), two(own, open)], vec![]),
            (vec![two(own, tls), own.to_owned()], vec![]),
            (vec![own.to_owned()], vec![]),
        ] {
            let rows: Vec<_> = (0..).zip(&policies).map(|(number, policy)| put(number * 100, policy)).collect();
            let found = detect(&RULE, &Config::default(), &rows);
            assert_eq!(found.alerts.iter().map(|it| it.severity).collect::<Vec<_>>(), expected, "{policies:?}");
            assert!(found.alerts.iter().all(|alert| !alert.reasons.is_empty() && alert.count == 1));
        }
    }

    #[test]
    fn a_policy_that_only_the_access_log_tells_is_low() {
        let in_access = |row: (LogType, Activity)| {
            (S3Access, Activity { operation: "REST.PUT.BUCKETPOLICY", parameters: None, ..row.1 })
        };
        let own = put(0, r#"{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:GetObject"}"#);
        for (rows, expected) in [
            (vec![in_access(own.clone())], vec![Low]),
            (vec![in_access(own.clone()), own.clone()], vec![]),
            (vec![own], vec![]),
        ] {
            let found = detect(&RULE, &Config::default(), &rows);
            assert_eq!(found.alerts.iter().map(|it| it.severity).collect::<Vec<_>>(), expected, "{rows:?}");
        }
    }
}
