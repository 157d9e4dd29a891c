//! What LOG-006 and LOG-007 share: calls of CloudTrail itself, done or attempted.

use crate::detect::alert::{Alert, Outcome, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Codes, Ended, Who};
use crate::detect::hits::{Group, Hit, what};
use crate::detect::key_sample::about;
use crate::detect::{DetectBatch, Rule};
use crate::parse::LogType;
use serde::Deserialize;
use serde_json::json;

/// Columns of `activity` that [`select`] reads.
pub const COLUMNS: &[&str] = &["service", "operation", "principal"];
/// Columns of `cloudtrail` that [`select`] reads.
pub const CLOUDTRAIL_COLUMNS: &[&str] = &["request_parameters"];

/// What a call is made on; each call names one of these, or nothing if it was refused.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters<'a> {
    #[serde(borrow)]
    name: Option<&'a str>,
    event_data_store: Option<&'a str>,
    channel: Option<&'a str>,
}

/// A call of CloudTrail by one of these names that no AWS service made. The entity is caller, no bucket, what it is
/// made on, and the name of the call with [`ATTEMPT`] if it failed.
pub fn select<'a>(
    (batch, codes, row): (&DetectBatch<'a>, &Codes, usize),
    calls: &[(&str, [&'static str; 2])],
) -> Option<Hit<'a>> {
    if codes.act[row] != Act::OtherService || codes.who[row] == Who::Service || batch.log != LogType::CloudTrail {
        return None;
    }
    if cell(batch.text("service"), row) != Some("cloudtrail") {
        return None;
    }
    let operation = cell(batch.text("operation"), row)?;
    let (_, [done, attempted]) = calls.iter().find(|(name, _)| *name == operation)?;
    let call = if codes.ended[row] == Ended::Done { *done } else { *attempted };
    let parameters = cell(batch.native_text("request_parameters"), row);
    let parameters = parameters.and_then(|text| serde_json::from_str::<Parameters<'_>>(text).ok());
    let target = parameters.and_then(|it| it.name.or(it.event_data_store).or(it.channel));
    let what = what(cell(batch.text("request_id"), row), 0);
    Some(Hit { entity: [cell(batch.text("principal"), row), None, target, Some(call)], what, kinds: 0 })
}

/// How the fourth field of the entity of a failed call ends.
pub const ATTEMPT: &str = " attempt";

/// The alert about a group of [`select`]: critical if done, and high with other words if not.
pub fn alert(rule: &Rule, attempt_title: &'static str, group: &Group<'_>) -> Alert {
    let [principal, _, target, call] = group.entity;
    let call = call.unwrap_or_default();
    let attempted = call.strip_suffix(ATTEMPT);
    let mut alert = group.alert(rule);
    let principal = principal.unwrap_or("An unknown caller");
    let target = target.map(|target| format!(" on {target}")).unwrap_or_default();
    let times = format!("{}{}", about(group.halvings()), counted(group.count(), "time", "times"));
    if let Some(call) = attempted {
        (alert.severity, alert.outcome, alert.title) = (Severity::High, Outcome::Denied, attempt_title);
        alert.summary = format!("{principal} made the attempt to call {call}{target} {times}, and failed.");
        alert.reasons.push("It is an attempt: the calls failed, and nothing was changed.".to_owned());
    } else {
        alert.severity = Severity::Critical;
        alert.summary = format!("{principal} called {call}{target} {times}.");
        alert.reasons.push("The calls were done.".to_owned());
    }
    alert.reasons.extend(group.estimate());
    alert.observed.remove("keys");
    alert.observed.insert("call", json!(attempted.unwrap_or(call)));
    alert.expected = [("requests", json!(0))].into();
    alert
}
