//! OPS-013: a new identity writes to S3.

use crate::detect::alert::{Confidence, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Codes, Ended, Who};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict, what};
use crate::detect::minutes::MINUTE_MS;
use crate::detect::reading::DAY_MINUTES;
use crate::detect::rules::samples;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Severity, Shared, Threshold};
use serde_json::json;

/// OPS-013 `new-identity-writes`.
pub static RULE: Rule = Rule {
    id: "OPS-013",
    name: "new-identity-writes",
    title: "A user or role that was just made wrote to S3",
    severity: Severity::Low,
    attack: &["T1136.003", "T1098.001"],
    looks_for: "CreateUser, CreateRole and CreateAccessKey that were done, in CloudTrail, and objects that the new user or \
        role, or the user with the new key, writes in either log within a day, though it sent no request to that bucket \
        before. There is one alert for who made it, the identity and all time, with the bucket into which it wrote most. \
        Callers in iac_roles are kept quiet and counted.",
    why: "Who has got in makes an identity of its own, so as to stay when the way in is closed.",
    cannot_see: "Roles that are taken on for the first time without being made. Identities that only read (GET-005) or delete.",
    false_positives: "New colleagues and new applications.",
    next_steps: &[
        "Ask who made the identity whether they did, and what for.",
        "Deactivate it if nobody knows of it, and look for what else its maker did.",
    ],
    thresholds: &[
        Threshold { name: "within_hours", default: 24, source: "proposal of the detector catalogue" },
        Threshold { name: "writes", default: 1, source: "proposal of the detector catalogue" },
    ],
    activity_columns: &["principal", "action", "service", "request_id"],
    s3_access_columns: &[],
    cloudtrail_columns: &["response_elements"],
    needs: &[Evidence::ManagementEvents],
    samples: samples!("OPS-013":
        "fires" CloudTrail "json" true,
        "fires_on_a_role" CloudTrail "json" true,
        "fires_on_a_key" CloudTrail "json" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" CloudTrail "json" false,
        "near_miss_3" CloudTrail "json" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(HitDetector::<NewIdentityWrites>::of),
};

/// Fourth field of hits that name a user and not its ARN.
const BY_NAME: &str = "by name";

struct NewIdentityWrites {
    within_hours: u64,
    writes: u64,
}

impl Pattern for NewIdentityWrites {
    const RULE: &'static Rule = &RULE;
    const BY_DAY: bool = false;

    fn new(config: &Config) -> Self {
        NewIdentityWrites {
            within_hours: config.threshold(&RULE, "within_hours"),
            writes: config.threshold(&RULE, "writes").max(1),
        }
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        let is_call = codes.act[row] == Act::OtherService
            && codes.ended[row] == Ended::Done
            && codes.who[row] == Who::Principal
            && cell(batch.text("service"), row) == Some("iam");
        if !is_call || !batch.native.has("response_elements") {
            return None;
        }
        let response = || cell(batch.native_text("response_elements"), row);
        let (identity, by_name) = match cell(batch.text("action"), row)? {
            "CreateUser" | "CreateRole" => (text_of(response()?, "\"arn\":\"")?, None),
            "CreateAccessKey" => (text_of(response()?, "\"userName\":\"")?, Some(BY_NAME)),
            _ => return None,
        };
        let what = what(cell(batch.text("request_id"), row), 0);
        Some(Hit { entity: [cell(batch.text("principal"), row), None, Some(identity), by_name], what, kinds: 0 })
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let [maker, _, Some(identity), by_name] = group.entity else { return Verdict::Nothing };
        let Some(made) = group.seen_ms().0.and_then(|time_ms| u32::try_from(time_ms / MINUTE_MS).ok()) else {
            return Verdict::Nothing;
        };
        let end = made.saturating_add(u32::try_from(self.within_hours.saturating_mul(60)).unwrap_or(DAY_MINUTES));
        let is_it = |principal: &str| match by_name {
            Some(_) => {
                principal.split_once(":user/").is_some_and(|(_, path)| path.rsplit('/').next() == Some(identity))
            }
            None => principal == without_path(identity),
        };
        let callers = shared.history.callers().iter();
        let mut found: Vec<(u64, &str, &str)> = callers
            .filter(|caller| caller.principal.is_some_and(is_it))
            .filter(|caller| caller.series.span().is_some_and(|span| *span.start() >= made))
            .filter_map(|caller| {
                let writes = caller.series.within(&(made..=end)).writes;
                Some((writes, caller.bucket, caller.principal?))
            })
            .filter(|(writes, ..)| *writes >= self.writes)
            .collect();
        found.sort_unstable_by_key(|(writes, bucket, _)| (std::cmp::Reverse(*writes), *bucket));
        let Some((writes, bucket, principal)) = found.first().copied() else { return Verdict::Nothing };
        let mut alert = group.alert(&RULE);
        alert.confidence = Confidence::Medium;
        alert.window_seconds = self.within_hours.saturating_mul(3600);
        alert.principal = Some(principal.to_owned());
        alert.bucket = Some(bucket.to_owned());
        alert.count = writes;
        let maker = maker.unwrap_or("an unknown caller");
        alert.summary = format!(
            "{principal}, {} {maker}, wrote {} into {bucket} within {} hours.",
            if by_name.is_some() { "who got an access key from" } else { "made by" },
            counted(writes, "object", "objects"),
            self.within_hours,
        );
        alert.reasons.push(
            "The records are those that made the identity; it sent no request to the bucket before.".to_owned(),
        );
        alert.observed =
            [("writes", json!(writes)), ("buckets", json!(found.len())), ("made_by", json!(maker))].into();
        alert.expected = [("writes", json!(self.writes)), ("within_hours", json!(self.within_hours))].into();
        match shared.config.iac_roles.contains(maker) {
            true => Verdict::Suppressed(alert),
            false => Verdict::Alert(alert),
        }
    }
}

/// The text of a member of JSON as CloudTrail writes it, without spaces; names of IAM hold nothing that is escaped.
fn text_of<'a>(json: &'a str, member: &str) -> Option<&'a str> {
    let (_, rest) = json.split_once(member)?;
    rest.split('"').next().filter(|text| !text.is_empty())
}

/// The ARN of a role as both logs name its sessions: without its path.
fn without_path(arn: &str) -> String {
    match arn.split_once(":role/") {
        Some((head, path)) => format!("{head}:role/{}", path.rsplit('/').next().unwrap_or(path)),
        None => arn.to_owned(),
    }
}
