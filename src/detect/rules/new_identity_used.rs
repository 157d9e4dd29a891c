//! SEQ-007: somebody makes an identity, and it does harm at once.

use super::attack_samples::{OPEN, SUSPEND_VERSIONING, made};
use crate::activity::evidence::Evidence;
use crate::detect::alert::{Alert, Outcome, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Codes, Ended, Who};
use crate::detect::evidence::{EvidenceColumns, of_alerts};
use crate::detect::hits::{Hit, HitGroups, Verdict, what};
use crate::detect::sample_calls::Calls;
use crate::detect::sequence::{By, WINDOW_HOURS, about, of_actors};
use crate::detect::{Config, DetectBatch, Detector, Findings, Form, Rule, Sample, Shared, Threshold};
use crate::parse::LogType;
use crate::parse::time::HOUR_MS;
use serde_json::{Value, json};
use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// SEQ-007 `new-identity-used`.
pub static RULE: Rule = Rule {
    id: "SEQ-007",
    name: "new-identity-used",
    title: "Somebody made an identity, and it did harm at once",
    severity: Severity::High,
    attack: &["T1136.003", "T1098.001", "T1485"],
    looks_for: "CreateUser, CreateRole, and CreateAccessKey and CreateLoginProfile for another user, that were done by \
        anybody but an AWS service, and afterwards, within window_hours, an alert of level medium or higher about deletes, \
        encryption, logging or exposure (all rules of DEL, RAN, LOG and EXP) by that user or role, or by roles that it took \
        on. Attempts that failed are no step. Identities that callers in iac_roles make are left out.",
    why: "An identity of one's own survives the deactivation of a stolen key. Nobody makes one for a colleague who deletes \
        buckets on the first day.",
    cannot_see: "Steps whose own rule raised no alert. Identities that were made in another account, by federation or in \
        IAM Identity Center. A second key that a user makes for itself.",
    false_positives: "An administrator who makes a role for a clean-up and runs it the same day.",
    next_steps: &[
        "Deactivate the keys of the new identity, and those of the caller who made it.",
        "Look for other identities, keys and policies that the same caller made.",
        "Take the alerts in related in the order of their times: they are the incident's timeline.",
    ],
    thresholds: &[Threshold {
        name: WINDOW_HOURS,
        default: 24,
        source: "proposal: as long as GuardDuty's rolling window of attack sequences, \
            <https://docs.aws.amazon.com/guardduty/latest/ug/guardduty-extended-threat-detection.html>",
    }],
    activity_columns: &["service", "principal"],
    s3_access_columns: &[],
    cloudtrail_columns: &["request_parameters", "recipient_account_id"],
    needs: &[Evidence::ManagementEvents],
    samples: &SAMPLES,
    form: Form::Code(|config| Box::new(NewIdentityUsed::new(config))),
};

const MAKE_USER: Calls = Calls {
    source: "iam.amazonaws.com",
    name: "CreateUser",
    parameters: r#"{"userName":"bob","path":"/ops/"}"#,
    ..Calls::USUAL
};
const MAKE_KEY: Calls = Calls { name: "CreateAccessKey", parameters: r#"{"userName":"bob"}"#, ..MAKE_USER };
const OWN_KEY: Calls = Calls { user: "bob", parameters: "null", ..MAKE_KEY };
const MAKE_OTHER: Calls = Calls { parameters: r#"{"userName":"eve"}"#, ..MAKE_USER };

static SAMPLES: [Sample; 7] = [
    made!("fires": MAKE_USER, MAKE_KEY.after_minutes(1), SUSPEND_VERSIONING.by_bob().after_minutes(30), OPEN.by_bob().after_hours(2)),
    made!("fires_key": MAKE_KEY, OPEN.by_bob().after_hours(20)),
    made!("near_miss_1": MAKE_KEY, OPEN.by_bob().after_hours(25)),
    made!("near_miss_2": OPEN.by_bob(), MAKE_KEY.after_minutes(5)),
    made!("near_miss_3": MAKE_OTHER, OWN_KEY, OPEN.by_bob().after_minutes(30)),
    made!("near_miss_4": MAKE_KEY, OPEN.by_bob().after_minutes(30).refused()),
    made!("denied_twin": MAKE_KEY.refused(), OPEN.by_bob().after_minutes(30)),
];

/// Families of rules whose alerts are harm.
const HARM: [&str; 4] = ["DEL-", "RAN-", "LOG-", "EXP-"];

struct NewIdentityUsed {
    window_ms: i64,
    /// By the caller that made it, the identity (`user/NAME` or `role/NAME`), its account, and day.
    made: HitGroups,
}

/// What a call of IAM makes: `user/NAME` or `role/NAME`.
fn identity(action: &str, parameters: &str) -> Option<String> {
    let (kind, member) = match action {
        "CreateUser" | "CreateAccessKey" | "CreateLoginProfile" => ("user", "userName"),
        "CreateRole" => ("role", "roleName"),
        _ => return None,
    };
    let parameters: Value = serde_json::from_str(parameters).ok()?;
    Some(format!("{kind}/{}", parameters.get(member)?.as_str()?))
}

/// Account and identity of a caller: names are unique in an account, whatever their path
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
fn of_principal(principal: &str) -> Option<(&str, String)> {
    let mut parts = principal.splitn(6, ':');
    let (Some("arn"), Some(_), Some("iam"), Some(_)) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let (account, path) = (parts.next()?, parts.next()?);
    let (kind, name) = (path.split('/').next()?, path.rsplit('/').next()?);
    Some((account, format!("{kind}/{name}")))
}

impl NewIdentityUsed {
    fn new(config: &Config) -> NewIdentityUsed {
        let hours = config.threshold(&RULE, WINDOW_HOURS);
        let window_ms = i64::try_from(hours).unwrap_or(i64::MAX).saturating_mul(HOUR_MS);
        NewIdentityUsed { window_ms, made: HitGroups::default() }
    }

    /// The identities that were made, each with alerts about their making, in the order of time.
    fn made(&self, config: &Config) -> BTreeMap<(String, String), Vec<Alert>> {
        let found: RefCell<BTreeMap<(String, String), Vec<Alert>>> = RefCell::default();
        self.made.finish(RULE.id, |group| {
            if let [maker, _, Some(identity), Some(account)] = group.entity
                && !maker.is_some_and(|maker| config.iac_roles.contains(maker))
            {
                let mut found = found.borrow_mut();
                found.entry((account.to_owned(), identity.to_owned())).or_default().push(group.alert(&RULE));
            }
            Verdict::Nothing
        });
        let mut found = found.into_inner();
        found
            .values_mut()
            .for_each(|made| made.sort_by_key(|alert| (alert.first_seen_ms, alert.alert_id.clone())));
        found
    }

    fn alert(&self, principal: &str, made: &Alert, harm: &[&Alert]) -> Alert {
        let mut alert = about(&RULE, By::Principal, principal, harm);
        let rules: BTreeSet<&str> = harm.iter().map(|alert| alert.rule_id).collect();
        let within = counted((self.window_ms / HOUR_MS).unsigned_abs().max(1), "hour", "hours");
        let maker = made.principal.as_deref().unwrap_or("An unknown caller");
        alert.summary = format!(
            "{maker} made {principal} or a key of it, and within {within} that caused {}.",
            rules.into_iter().collect::<Vec<_>>().join(", ")
        );
        alert.set_seen(made.first_seen_ms, alert.last_seen_ms);
        alert.window_seconds = u64::try_from(self.window_ms / 1000).unwrap_or(0);
        let all = [made].into_iter().chain(harm.iter().copied());
        alert.evidence = of_alerts(all.map(|alert| &alert.evidence[..]));
        alert.evidence_total += made.evidence_total;
        alert.observed.insert("made_by", json!(made.principal));
        alert.observed.insert("made_at", json!(made.first_seen));
        alert.expected = [(WINDOW_HOURS, json!(self.window_ms / HOUR_MS))].into();
        alert
    }
}

impl Detector for NewIdentityUsed {
    fn observe(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        if batch.log != LogType::CloudTrail {
            return;
        }
        let services = batch.text("service");
        let is_call = |row: &usize| {
            codes.act[*row] == Act::OtherService
                && codes.ended[*row] == Ended::Done
                && codes.who[*row] != Who::Service
                && services.is_at("iam", *row)
        };
        for row in (0..batch.len()).filter(is_call) {
            let (Some(action), Some(parameters)) =
                (cell(batch.text("action"), row), cell(batch.native_text("request_parameters"), row))
            else {
                continue;
            };
            let Some(identity) = identity(action, parameters) else { continue };
            let account = cell(batch.native_text("recipient_account_id"), row);
            let entity = [cell(batch.text("principal"), row), None, Some(&*identity), account];
            let hit = Hit { entity, what: what(cell(batch.text("request_id"), row), 0), kinds: 0 };
            self.made.take((&EvidenceColumns::of(batch), row), 0, hit, true);
        }
    }

    fn merge(&mut self, other: Box<dyn Detector>) {
        let other: NewIdentityUsed = super::take(other);
        self.made.merge(other.made);
    }

    fn finish(self: Box<Self>, _: &Shared<'_>) -> Findings {
        Findings::default()
    }

    fn is_made_of(&self, id: &str) -> bool {
        HARM.iter().any(|family| id.starts_with(family))
    }

    fn finish_over(&self, alerts: &[Alert], shared: &Shared<'_>) -> Vec<Alert> {
        let made = self.made(shared.config);
        if made.is_empty() {
            return Vec::new();
        }
        let is_harm = |alert: &&Alert| {
            let is_done = alert.outcome != Outcome::Denied && alert.severity >= Severity::Medium;
            is_done && self.is_made_of(alert.rule_id)
        };
        let of_actors = of_actors(alerts.iter().filter(is_harm), &[By::Principal], &shared.known.assumed_roles);
        let mut found = Vec::new();
        for ((_, principal), harm) in &of_actors {
            let made =
                of_principal(principal).and_then(|(account, identity)| made.get(&(account.to_owned(), identity)));
            let mut told_until_ms = i64::MIN;
            for made in made.into_iter().flatten() {
                let Some(made_ms) = made.first_seen_ms.filter(|made_ms| *made_ms > told_until_ms) else {
                    continue;
                };
                let end_ms = made_ms.saturating_add(self.window_ms);
                let is_after =
                    |alert: &&&Alert| alert.first_seen_ms.is_some_and(|ms| (made_ms..=end_ms).contains(&ms));
                let harm: Vec<&Alert> = harm.iter().filter(is_after).copied().collect();
                if !harm.is_empty() {
                    found.push(self.alert(principal, made, &harm));
                    told_until_ms = end_ms;
                }
            }
        }
        found
    }

    fn notes_over(&self) -> Vec<String> {
        self.made.note(RULE.id).into_iter().collect()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn save(&self) -> Vec<u8> {
        self.made.save()
    }

    fn load(&mut self, state: &[u8]) -> Result<(), String> {
        self.made.load(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_and_what_is_made_meet_under_one_name() {
        for (action, parameters, expected) in [
            ("CreateUser", r#"{"userName":"bob","path":"/ops/"}"#, Some("user/bob")),
            ("CreateLoginProfile", r#"{"userName":"bob"}"#, Some("user/bob")),
            ("CreateRole", r#"{"roleName":"ops"}"#, Some("role/ops")),
            ("CreateAccessKey", "null", None),
            ("CreateAccessKey", "{", None),
            ("DeleteUser", r#"{"userName":"bob"}"#, None),
        ] {
            assert_eq!(identity(action, parameters).as_deref(), expected, "{action}");
        }
        for (principal, expected) in [
            ("arn:aws:iam::111122223333:user/ops/bob", Some(("111122223333", "user/bob".to_owned()))),
            ("arn:aws-cn:iam::111122223333:role/ops", Some(("111122223333", "role/ops".to_owned()))),
            ("arn:aws:sts::111122223333:assumed-role/ops/s", None),
            ("444455556666", None),
        ] {
            assert_eq!(of_principal(principal), expected, "{principal}");
        }
    }
}
