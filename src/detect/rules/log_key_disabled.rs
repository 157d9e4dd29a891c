//! LOG-023: a key of KMS that encrypts logs is taken away.

use super::{samples, take};
use crate::detect::alert::{Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Codes, Ended, Who};
use crate::detect::evidence::EvidenceColumns;
use crate::detect::hits::{Group, Hit, HitGroups, Verdict, what};
use crate::detect::key_sample::{KeySample, fingerprint};
use crate::detect::marks::Marks;
use crate::detect::text_column::TextColumn;
use crate::detect::{DetectBatch, Detector, Evidence, Findings, Form, Rule, Shared, restore, saved};
use crate::parse::LogType;
use serde_json::{Value, json};
use std::any::Any;

/// LOG-023 `log-key-disabled`.
pub static RULE: Rule = Rule {
    id: "LOG-023",
    name: "log-key-disabled",
    title: "A key of KMS that encrypts logs was taken away",
    severity: Severity::Critical,
    attack: &["T1485", "T1685.002"],
    looks_for: "DisableKey and ScheduleKeyDeletion of KMS that were done, for a key that encrypts logs, which is critical; \
        and PutKeyPolicy for such a key with a policy that does not name cloudtrail.amazonaws.com, for a key of a trail, \
        which is high. A key encrypts logs if CreateTrail or UpdateTrail names it, by id or ARN, if CloudTrail calls KMS \
        with it, or if S3 says in data events that a delivered log file is encrypted with it. There is one alert for a \
        caller, a key and a UTC day. AWS services are left out; iac_roles are not.",
    why: "No log is deleted, and yet nobody can read one any more, nor will new ones be delivered.",
    cannot_see: "What a key encrypts whose use the input does not show. Keys that a trail names by an alias. A policy that \
        names CloudTrail and denies it.",
    false_positives: "An old key that is given up after a new one took its place: the logs under it are lost with it all \
        the same.",
    next_steps: &[
        "Cancel the deletion with CancelKeyDeletion, enable the key, or put its former policy back.",
        "Look for gaps in the delivery since then.",
        "Ask the owner of the principal; if nobody knows of it, deactivate its credentials.",
    ],
    thresholds: &[],
    activity_columns: &["service", "action", "principal"],
    s3_access_columns: &[],
    cloudtrail_columns: &["request_parameters", "response_elements", "kms_key_arn"],
    needs: &[Evidence::KmsEvents],
    samples: samples!("LOG-023":
        "fires" CloudTrail "json" true,
        "fires_trail" CloudTrail "json" true,
        "fires_delivery" CloudTrail "json" true,
        "fires_policy" CloudTrail "json" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" CloudTrail "json" false,
        "near_miss_3" CloudTrail "json" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(|_| Box::new(LogKeyDisabled::default())),
};

/// Keys that are remembered; beyond it a sample.
const MOST_KEYS: usize = 1 << 14;

/// Index of a kind of hit.
const POLICY: usize = 0;
const SCHEDULED: usize = 1;

#[derive(Default)]
struct LogKeyDisabled {
    calls: HitGroups,
    /// Keys of trails, by the fingerprint of their id.
    of_trails: KeySample,
    /// Keys of delivered log files.
    of_files: KeySample,
}

/// The id in an ARN or by itself: `1234abcd-…` or `mrk-…`; `None` for an alias.
fn key_id(text: &str) -> Option<&str> {
    let id = text.rsplit("key/").next().unwrap_or_default();
    (!id.is_empty() && !id.contains("alias/")).then_some(id)
}

/// A text member of an object in JSON.
fn member(json: Option<&str>, name: &str) -> Option<String> {
    let parsed: Value = serde_json::from_str(json?).ok()?;
    parsed.get(name)?.as_str().map(str::to_owned)
}

impl LogKeyDisabled {
    fn judge(&self, group: &Group<'_>) -> Verdict {
        let [principal, _, key, _] = group.entity;
        let Some(key) = key else { return Verdict::Nothing };
        let hash = fingerprint(key);
        let is_of_trail = self.of_trails.contains(hash);
        let policies = group.of_kind(POLICY);
        // A policy need not name CloudTrail for files that others deliver.
        if !is_of_trail && (policies == group.count() || !self.of_files.contains(hash)) {
            return Verdict::Nothing;
        }
        let mut alert = group.alert(&RULE);
        let done = match (policies == group.count(), group.of_kind(SCHEDULED) > 0) {
            (true, _) => "took CloudTrail out of the policy of",
            (_, true) => "scheduled the deletion of",
            _ => "disabled",
        };
        alert.severity = if policies == group.count() { Severity::High } else { Severity::Critical };
        alert.summary = format!(
            "{} {done} the key {key}, which encrypts logs, in {}.",
            principal.unwrap_or("An unknown caller"),
            counted(group.count(), "call", "calls"),
        );
        alert.reasons.push(if is_of_trail {
            "CloudTrail uses the key for a trail.".to_owned()
        } else {
            "S3 says that delivered log files are encrypted with the key.".to_owned()
        });
        alert.reasons.extend(group.estimate());
        alert.observed.insert("key", json!(key));
        alert.observed.remove("keys");
        alert.expected = [("requests", json!(0))].into();
        Verdict::Alert(alert)
    }

    fn observe_row(&mut self, batch: &DetectBatch<'_>, columns: &Columns<'_>, codes: &Codes, row: usize) {
        let key = || cell(columns.keys, row).and_then(key_id);
        if codes.marks[row].has(Marks::TOLD_DELIVERY) {
            key().iter().for_each(|key| self.of_files.insert(MOST_KEYS, fingerprint(key)));
        }
        if codes.act[row] != Act::OtherService || codes.ended[row] != Ended::Done {
            return;
        }
        let parameters = || cell(columns.parameters, row);
        match (cell(columns.services, row).unwrap_or_default(), cell(columns.actions, row).unwrap_or_default()) {
            ("cloudtrail", "CreateTrail" | "UpdateTrail") => {
                let answer = cell(batch.native_text("response_elements"), row);
                for named in [parameters(), answer].map(|json| member(json, "kmsKeyId")).iter().flatten() {
                    key_id(named).iter().for_each(|key| self.of_trails.insert(MOST_KEYS, fingerprint(key)));
                }
            }
            ("kms", action) if codes.who[row] == Who::Service => {
                let is_for_trail = action.starts_with("GenerateDataKey")
                    && parameters().is_some_and(|text| text.contains("\"aws:cloudtrail:arn\""));
                key().filter(|_| is_for_trail).iter().for_each(|key| {
                    self.of_trails.insert(MOST_KEYS, fingerprint(key));
                });
            }
            ("kms", "DisableKey" | "ScheduleKeyDeletion" | "PutKeyPolicy") => self.take_call(batch, columns, row),
            _ => {}
        }
    }

    fn take_call(&mut self, batch: &DetectBatch<'_>, columns: &Columns<'_>, row: usize) {
        let (action, parameters) = (cell(columns.actions, row), cell(columns.parameters, row));
        let named = member(parameters, "keyId");
        let key = cell(columns.keys, row).and_then(key_id).or_else(|| named.as_deref().and_then(key_id));
        let Some(key) = key else { return };
        let is_policy = action == Some("PutKeyPolicy");
        let policy = if is_policy { member(parameters, "policy") } else { None };
        if is_policy && policy.is_none_or(|policy| policy.contains("cloudtrail.amazonaws.com")) {
            return;
        }
        let is_scheduled = action == Some("ScheduleKeyDeletion");
        let kinds = u8::from(is_policy) << POLICY | u8::from(is_scheduled) << SCHEDULED;
        let what = what(cell(batch.text("request_id"), row), 0);
        let hit = Hit { entity: [cell(batch.text("principal"), row), None, Some(key), None], what, kinds };
        self.calls.take((&EvidenceColumns::of(batch), row), 0, hit, true);
    }
}

/// What is asked of each call of KMS, found by name once a batch.
struct Columns<'a> {
    services: &'a TextColumn<'a>,
    actions: &'a TextColumn<'a>,
    parameters: &'a TextColumn<'a>,
    keys: &'a TextColumn<'a>,
}

impl Detector for LogKeyDisabled {
    fn observe(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        if batch.log == LogType::S3Access {
            return;
        }
        let [services, actions] = ["service", "action"].map(|name| batch.text(name));
        let [parameters, keys] = ["request_parameters", "kms_key_arn"].map(|name| batch.native_text(name));
        let columns = Columns { services, actions, parameters, keys };
        (0..batch.len()).for_each(|row| self.observe_row(batch, &columns, codes, row));
    }

    fn merge(&mut self, other: Box<dyn Detector>) {
        let other: LogKeyDisabled = take(other);
        self.calls.merge(other.calls);
        self.of_trails.merge(MOST_KEYS, &other.of_trails);
        self.of_files.merge(MOST_KEYS, &other.of_files);
    }

    fn finish(self: Box<Self>, _: &Shared<'_>) -> Findings {
        self.calls.finish(RULE.id, |group| self.judge(group))
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn save(&self) -> Vec<u8> {
        let calls = self.calls.save();
        saved(&(&calls, &self.of_trails, &self.of_files))
    }

    fn load(&mut self, state: &[u8]) -> Result<(), String> {
        let calls: Vec<u8>;
        (calls, self.of_trails, self.of_files) = restore(state)?;
        self.calls.load(&calls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Config;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::CloudTrail;

    #[test]
    fn a_key_is_told_by_its_id_in_each_form() {
        for (text, expected) in [
            ("arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab", Some("1234abcd-12ab")),
            ("1234abcd-12ab", Some("1234abcd-12ab")),
            ("arn:aws:kms:eu-west-1:111122223333:key/mrk-12ab", Some("mrk-12ab")),
            ("alias/logs", None),
            ("arn:aws:kms:eu-west-1:111122223333:alias/logs", None),
            ("", None),
        ] {
            assert_eq!(key_id(text), expected, "{text}");
        }
    }

    #[test]
    fn only_keys_that_are_seen_to_encrypt_logs_count_whenever_that_is_seen() {
        const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab";
        let trail = |key: &'static str| Activity {
            service: "cloudtrail",
            action: "CreateTrail",
            bucket: None,
            parameters: Some(key),
            time_ms: Some(9_000),
            ..Activity::default()
        };
        let call = |action| Activity {
            service: "kms",
            action,
            bucket: None,
            kms_key: Some(KEY),
            parameters: Some(r#"{"keyId":"1234abcd-12ab","policy":"{}"}"#),
            ..Activity::default()
        };
        let named = trail(r#"{"name":"main","kmsKeyId":"1234abcd-12ab"}"#);
        let other = trail(r#"{"name":"main","kmsKeyId":"alias/logs"}"#);
        for (rows, expected) in [
            (vec![named.clone(), call("DisableKey")], vec![Severity::Critical]),
            (vec![named.clone(), call("PutKeyPolicy")], vec![Severity::High]),
            (vec![named.clone(), call("EnableKey")], vec![]),
            (vec![named.clone(), Activity { outcome: "denied", ..call("DisableKey") }], vec![]),
            (vec![named, Activity { kind: "service", ..call("DisableKey") }], vec![]),
            (vec![other, call("DisableKey")], vec![]),
            (vec![call("ScheduleKeyDeletion")], vec![]),
        ] {
            let rows: Vec<_> = rows.into_iter().map(|row| (CloudTrail, row)).collect();
            let found = detect(&RULE, &Config::default(), &rows).alerts;
            assert_eq!(found.iter().map(|alert| alert.severity).collect::<Vec<_>>(), expected, "{rows:?}");
        }
    }
}
