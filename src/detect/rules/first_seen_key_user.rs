//! KMS-009: a caller decrypts with a key that it was never seen to use.

use super::take;
use crate::detect::alert::{Alert, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Codes, Ended, Who};
use crate::detect::entities::{Entities, EntityKey, State};
use crate::detect::evidence::{EVIDENCE_ROWS, EvidenceColumns, EvidenceRows};
use crate::detect::facts::Facts;
use crate::detect::{
    Config, DetectBatch, Detector, Evidence, Findings, Form, Rule, Shared, Threshold, restore, saved,
};
use crate::parse::time::DAY_MS;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::any::Any;

/// KMS-009 `first-seen-key-user`.
pub static RULE: Rule = Rule {
    id: "KMS-009",
    name: "first-seen-key-user",
    title: "A caller decrypted with a key for the first time",
    severity: Severity::Low,
    attack: &["T1530"],
    looks_for: "Decrypt of KMS that was done, by a caller itself and not by a service in its name, with a key that others \
        have used so for at least history_days before and this caller has not, as far as the logs show. There is one alert \
        for a caller and a key, with how often it decrypted since.",
    why: "Who decrypts is a small circle for most keys. Somebody new in it holds data from elsewhere, or tries what a \
        stolen role may do.",
    cannot_see: "Callers who used the key before the logs begin, and seldom. Reads through S3 and other services, which \
        GET-005 tells of. Keys that are used for less than history_days.",
    false_positives: "A new application, or a new role of an old one.",
    next_steps: &[
        "Ask the owner of the key who the caller is.",
        "Look at what else the caller read in the hours before.",
    ],
    thresholds: &[Threshold {
        name: "history_days",
        default: 7,
        source: "proposal: a week holds every day of the week once",
    }],
    activity_columns: &["service", "action", "principal", "invoked_by"],
    s3_access_columns: &[],
    cloudtrail_columns: &["kms_key_arn"],
    needs: &[Evidence::KmsEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(|config| Box::new(FirstSeenKeyUser::new(config))),
};

mod samples;

/// Bytes of the detector.
const BUDGET: usize = 6 << 20;

struct FirstSeenKeyUser {
    history_days: u64,
    /// By key and caller.
    uses: Entities<Use>,
    key: EntityKey,
}

/// What one caller decrypted with one key.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Use {
    rows: EvidenceRows,
    facts: Facts,
}

fn rows_at(level: u32) -> usize {
    if level == 0 { EVIDENCE_ROWS } else { 1 }
}

impl State for Use {
    const LEVELS: u32 = 1;

    fn weight(&self, level: u32) -> usize {
        self.rows.weight(rows_at(level)) + self.facts.weight()
    }

    fn cut(&mut self, level: u32) {
        self.rows.keep_at_most(rows_at(level));
    }

    fn merge(&mut self, other: Self, level: u32) {
        self.rows.merge(rows_at(level), other.rows);
        self.facts.merge(&other.facts);
    }
}

impl FirstSeenKeyUser {
    fn new(config: &Config) -> FirstSeenKeyUser {
        let (uses, key) = (Entities::with_budget(BUDGET), EntityKey::default());
        FirstSeenKeyUser { history_days: config.threshold(&RULE, "history_days"), uses, key }
    }

    fn alert(&self, (key, principal): (&str, Option<&str>), used: &Use, days: u64) -> Alert {
        let mut alert = Alert::of(&RULE, &[principal, Some(key)], None);
        alert.set_evidence([&EvidenceRows::default(), &used.rows]);
        alert.principal = principal.map(str::to_owned);
        used.facts.tell(&mut alert);
        alert.count = used.rows.total();
        alert.summary = format!(
            "{} decrypted with the key {key} for the first time, {} in all.",
            principal.unwrap_or("An unknown caller"),
            counted(alert.count, "time", "times"),
        );
        alert.reasons =
            vec![format!("Others decrypted with the key for {} before.", counted(days, "day", "days"))];
        alert.observed =
            [("key", json!(key)), ("requests", json!(alert.count)), ("days_before", json!(days))].into();
        alert.expected = [("history_days", json!(self.history_days))].into();
        alert
    }
}

impl Detector for FirstSeenKeyUser {
    fn observe(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        let services = batch.text("service");
        let is_asked = |row: &usize| {
            codes.act[*row] == Act::OtherService
                && codes.ended[*row] == Ended::Done
                && codes.who[*row] == Who::Principal
                && services.is_at("kms", *row)
        };
        let mut rows = (0..batch.len()).filter(is_asked).peekable();
        if rows.peek().is_none() {
            return;
        }
        let columns = EvidenceColumns::of(batch);
        let [actions, principals, invokers] = ["action", "principal", "invoked_by"].map(|name| batch.text(name));
        let keys = batch.native_text("kms_key_arn");
        for row in rows {
            let is_own = cell(invokers, row).is_none() && columns.event_time_ms(row).is_some();
            let Some(key) = cell(keys, row).filter(|_| is_own && cell(actions, row) == Some("Decrypt")) else {
                continue;
            };
            let entity = self.key.set(&[Some(key), cell(principals, row)]);
            self.uses.observe(entity, 1, |used, level| {
                used.rows.observe(rows_at(level), &columns, row);
                used.facts.observe(&columns, row);
            });
        }
    }

    fn merge(&mut self, other: Box<dyn Detector>) {
        let other: FirstSeenKeyUser = take(other);
        self.uses.merge(other.uses);
    }

    fn finish(self: Box<Self>, _: &Shared<'_>) -> Findings {
        let mut findings = Findings::default();
        let mut uses: Vec<(&str, Option<&str>, i64, &Use)> = Vec::new();
        for (entity, used) in self.uses.sorted() {
            let fields = EntityKey::fields(entity);
            let (&[Some(key), principal], Some(first_ms)) = (&fields[..], used.rows.first_seen_ms()) else {
                continue;
            };
            uses.push((key, principal, first_ms, used));
        }
        uses.sort_by_key(|(key, principal, first_ms, _)| (*key, *first_ms, *principal));
        for users in uses.chunk_by(|left, right| left.0 == right.0) {
            for (key, principal, first_ms, used) in users {
                let days = u64::try_from(first_ms.saturating_sub(users[0].2) / DAY_MS).unwrap_or(0);
                if days >= self.history_days.max(1) {
                    findings.alerts.push(self.alert((key, *principal), used, days));
                }
            }
        }
        findings.notes = self.uses.note().map(|note| format!("{}: {note}", RULE.id)).into_iter().collect();
        findings.note_limits();
        let times = || {
            uses.iter()
                .flat_map(|(.., used)| used.rows.first_seen_ms().into_iter().chain(used.rows.last_seen_ms()))
        };
        if let (Some(first_ms), Some(last_ms)) = (times().min(), times().max()) {
            let days = u64::try_from(last_ms.saturating_sub(first_ms) / DAY_MS).unwrap_or(0);
            if days < self.history_days {
                let known = counted(days, "day", "days");
                findings.notes.push(format!("{}: history of {known}: nobody can be told to be new.", RULE.id));
            }
        }
        findings
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn save(&self) -> Vec<u8> {
        saved(&self.uses)
    }

    fn load(&mut self, state: &[u8]) -> Result<(), String> {
        self.uses = restore(state)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect, flood};
    use crate::parse::LogType::{self, CloudTrail};

    fn decrypt(principal: &'static str, day: i64) -> (LogType, Activity) {
        let row = Activity {
            service: "kms",
            action: "Decrypt",
            kms_key: Some("arn:aws:kms:eu-west-1:111122223333:key/k"),
            bucket: None,
            key: None,
            principal,
            time_ms: Some(day * DAY_MS),
            line: day,
            ..Activity::default()
        };
        (CloudTrail, row)
    }

    #[test]
    fn a_caller_who_comes_a_week_after_the_others_is_new() {
        for (rows, expected) in [
            (vec![decrypt("a", 0), decrypt("b", 7)], vec![("b", 1)]),
            (vec![decrypt("a", 0), decrypt("b", 7), decrypt("b", 8)], vec![("b", 2)]),
            (vec![decrypt("a", 0), decrypt("b", 6)], vec![]),
            (vec![decrypt("a", 0), decrypt("a", 9)], vec![]),
            (vec![decrypt("b", 0), decrypt("a", 3), decrypt("b", 12)], vec![]),
        ] {
            let found = detect(&RULE, &Config::default(), &rows).alerts;
            let found: Vec<_> = found.iter().map(|it| (it.principal.as_deref().unwrap(), it.count)).collect();
            assert_eq!(found, expected, "{rows:?}");
        }
    }

    #[test]
    fn only_what_callers_decrypt_themselves_counts() {
        type Change = fn(&mut Activity);
        for (change, expected) in [
            ((|_| ()) as Change, 1),
            (|row| row.invoked_by = Some("s3.amazonaws.com"), 0),
            (|row| row.kind = "service", 0),
            (|row| row.action = "GenerateDataKey", 0),
            (|row| row.outcome = "denied", 0),
            (|row| row.service = "ssm", 0),
            (|row| row.kms_key = None, 0),
        ] {
            let mut rows = vec![decrypt("a", 0), decrypt("b", 9)];
            change(&mut rows[1].1);
            assert_eq!(detect(&RULE, &Config::default(), &rows).alerts.len(), expected, "{:?}", rows[1]);
        }
    }

    #[test]
    fn three_hundred_thousand_callers_stay_in_the_budget_whatever_the_order() {
        let fresh = || FirstSeenKeyUser::new(&Config::default());
        flood(fresh, |detector| detector.uses.bytes(), CloudTrail, &decrypt("a", 0).1);
    }
}
