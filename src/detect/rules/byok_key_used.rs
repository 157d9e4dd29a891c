//! RAN-007: a KMS key is made of material from outside, and S3 encrypts with it.

use super::attack_samples::made;
use super::setting_calls;
use crate::detect::alert::{Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Codes, Ended, Who};
use crate::detect::entities::{Entities, State, field};
use crate::detect::evidence::EvidenceColumns;
use crate::detect::hits::{Group, Hit, HitGroups, Verdict, what};
use crate::detect::sample_calls::Calls;
use crate::detect::{
    Config, DetectBatch, Detector, Evidence, Findings, Form, Rule, Sample, Shared, Threshold, restore, saved,
};
use crate::parse::LogType;
use crate::parse::time::{DAY_MS, format_iso};
use hashbrown::HashMap;
use memchr::memmem::find;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::any::Any;

/// RAN-007 `byok-key-used`.
pub static RULE: Rule = Rule {
    id: "RAN-007",
    name: "byok-key-used",
    title: "A KMS key was made of material that AWS does not hold",
    severity: Severity::Medium,
    attack: &["T1486"],
    looks_for: "CreateKey with the origin EXTERNAL or EXTERNAL_KEY_STORE, ImportKeyMaterial, and CreateCustomKeyStore of an \
        external key store, that were done by anybody but an AWS service. It is medium, and critical if S3 first asks for a \
        data key of that KMS key (GenerateDataKey with the context of a bucket or an object) within used_within_days after \
        it, and did not in the logs before. There is one alert for a caller and a key. Callers in iac_roles are kept quiet \
        and counted.",
    why: "Who brings the material of a key can take it away: then nobody reads what S3 encrypted with it. Keys of one's own \
        are the way to do that without any malware, and regulated companies work with them every day.",
    cannot_see: "Use of the key where events of KMS are left out of the trail. Whose material it is. Use by other services.",
    false_positives: "Companies that must bring their own keys: list the role that imports them under iac_roles.",
    next_steps: &[
        "Ask the owner of the caller whether the key is the company's own.",
        "Copy the objects under a key of AWS's while the other one still works.",
        "Deny kms:DeleteImportedKeyMaterial, kms:DisableKey and kms:DisconnectCustomKeyStore, and look for them.",
    ],
    thresholds: &[Threshold {
        name: WITHIN,
        default: 7,
        source: "proposal: as the window of SEQ-008, in which the material is taken away",
    }],
    activity_columns: &["service", "bucket_name", "principal", "invoked_by"],
    s3_access_columns: &[],
    cloudtrail_columns: &["kms_key_arn", "request_parameters"],
    needs: &[Evidence::KmsEvents],
    samples: &SAMPLES,
    form: Form::Code(|config| Box::new(ByokKeyUsed::new(config))),
};

const WITHIN: &str = "used_within_days";

/// RAN-007: material is imported, and S3 encrypts with it.
pub const IMPORT: Calls = Calls {
    source: "kms.amazonaws.com",
    name: "ImportKeyMaterial",
    parameters: r#"{"keyId":"arn:aws:kms:eu-west-1:111122223333:key/9f8e7d6c-5b4a-4321-8765-0123456789ab","expirationModel":"KEY_MATERIAL_DOES_NOT_EXPIRE"}"#,
    ..Calls::USUAL
};
const CREATE: Calls = Calls {
    name: "CreateKey",
    parameters: r#"{"origin":"EXTERNAL","keyUsage":"ENCRYPT_DECRYPT","keySpec":"SYMMETRIC_DEFAULT"}"#,
    ..IMPORT
};
const CREATE_USUAL: Calls = Calls { parameters: r#"{"origin":"AWS_KMS","keyUsage":"ENCRYPT_DECRYPT"}"#, ..CREATE };
const USE: Calls = Calls {
    name: "GenerateDataKey",
    parameters: r#"{"keyId":"arn:aws:kms:eu-west-1:111122223333:key/9f8e7d6c-5b4a-4321-8765-0123456789ab","keySpec":"AES_256","encryptionContext":{"aws:s3:arn":"arn:aws:s3:::reports"}}"#,
    ..IMPORT.after_minutes(40)
};
const STORE: Calls = Calls {
    name: "CreateCustomKeyStore",
    parameters: r#"{"customKeyStoreName":"outside","customKeyStoreType":"EXTERNAL_KEY_STORE"}"#,
    ..IMPORT
};
const HSM_STORE: Calls =
    Calls { parameters: r#"{"customKeyStoreName":"hsm","cloudHsmClusterId":"cluster-1"}"#, ..STORE };

static SAMPLES: [Sample; 7] = [
    made!("fires": IMPORT, USE, USE.after_minutes(1)),
    made!("fires_import": IMPORT),
    made!("fires_store": STORE),
    made!("fires_create": CREATE),
    made!("near_miss_1": CREATE_USUAL, USE),
    made!("near_miss_2": HSM_STORE, Calls { name: "GetParametersForImport", ..IMPORT }),
    made!("denied_twin": IMPORT.refused(), STORE.refused(), CREATE.refused()),
];

/// Bytes for the uses of keys.
const BUDGET: usize = 2 << 20;

/// When S3 first asked for a data key of a KMS key, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct FirstUse(Option<i64>);

impl State for FirstUse {
    const LEVELS: u32 = 0;

    fn weight(&self, _: u32) -> usize {
        0
    }

    fn cut(&mut self, _: u32) {}

    fn merge(&mut self, other: Self, _: u32) {
        self.0 = self.0.into_iter().chain(other.0).min();
    }
}

struct ByokKeyUsed {
    used_within_days: u64,
    made: HitGroups,
    /// By the id of the key.
    uses: Entities<FirstUse>,
}

/// The id at the end of an ARN.
fn id_of(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

/// What a call of KMS makes of material from outside: a key, given by its id, or a key store, given by its name.
fn made_outside(action: &str, key: Option<&str>, parameters: &str) -> Option<String> {
    if !matches!(action, "CreateKey" | "ImportKeyMaterial" | "CreateCustomKeyStore") {
        return None;
    }
    let parameters: Value = serde_json::from_str(parameters).ok()?;
    let text = |name: &str| parameters.get(name).and_then(Value::as_str);
    let id = || key.or_else(|| text("keyId")).map_or("a new key", id_of).to_owned();
    match action {
        "CreateKey" => matches!(text("origin"), Some("EXTERNAL" | "EXTERNAL_KEY_STORE")).then(id),
        "ImportKeyMaterial" => Some(id()),
        _ => (text("customKeyStoreType") == Some("EXTERNAL_KEY_STORE"))
            .then(|| format!("the key store {}", text("customKeyStoreName").unwrap_or_default())),
    }
}

impl ByokKeyUsed {
    fn new(config: &Config) -> ByokKeyUsed {
        ByokKeyUsed {
            used_within_days: config.threshold(&RULE, WITHIN),
            made: HitGroups::default(),
            uses: Entities::with_budget(BUDGET),
        }
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let [principal, _, Some(made), _] = group.entity else { return Verdict::Nothing };
        let Some(made_ms) = group.seen_ms().0 else { return Verdict::Nothing };
        let within_ms = i64::try_from(self.used_within_days).unwrap_or(i64::MAX).saturating_mul(DAY_MS);
        let first_use_ms = self.uses.get(made).and_then(|first| first.0);
        let is_used =
            first_use_ms.is_some_and(|use_ms| (made_ms..=made_ms.saturating_add(within_ms)).contains(&use_ms));
        let severity = if is_used { Severity::Critical } else { Severity::Medium };
        let what = if made.starts_with("the key store") { made.to_owned() } else { format!("the KMS key {made}") };
        let caller = principal.unwrap_or("An unknown caller");
        let used = if is_used { ", and S3 encrypts with it" } else { "" };
        let summary = format!("{caller} made {what} of material that AWS does not hold{used}.");
        let mut alert = setting_calls::alert(&RULE, group, severity, summary);
        let reason = match first_use_ms {
            Some(use_ms) if use_ms < made_ms => "S3 used the key before: its material was renewed.".to_owned(),
            Some(use_ms) => format!("S3 first asked for a data key of it at {}.", format_iso(use_ms)),
            None => "The logs do not show that S3 uses it.".to_owned(),
        };
        alert.reasons.push(reason);
        alert.observed.remove("addresses");
        alert.expected = [(WITHIN, json!(self.used_within_days))].into();
        alert.reasons.extend(is_used.then(|| {
            let days = counted(self.used_within_days, "day", "days");
            format!("That is within {days}, and for the first time in the logs.")
        }));
        setting_calls::verdict(alert, shared, false)
    }
}

impl Detector for ByokKeyUsed {
    fn observe(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        if batch.log != LogType::CloudTrail {
            return;
        }
        let services = batch.text("service");
        let is_call = |row: &usize| {
            codes.act[*row] == Act::OtherService && codes.ended[*row] == Ended::Done && services.is_at("kms", *row)
        };
        let mut rows = (0..batch.len()).filter(is_call).peekable();
        if rows.peek().is_none() {
            return;
        }
        let columns = EvidenceColumns::of(batch);
        let [actions, principals, requests] = ["action", "principal", "request_id"].map(|name| batch.text(name));
        let [keys, parameters] = ["kms_key_arn", "request_parameters"].map(|name| batch.native_text(name));
        // Calls for one key come in runs.
        let mut used: HashMap<&str, i64> = HashMap::new();
        for row in rows {
            let (Some(action), Some(parameters)) = (cell(actions, row), cell(parameters, row)) else { continue };
            if action.starts_with("GenerateDataKey") {
                let (Some(key), Some(time_ms)) = (cell(keys, row), columns.event_time_ms(row)) else { continue };
                // Other services name their own resources.
                if find(parameters.as_bytes(), b"\"aws:s3:arn\"").is_some() {
                    let first_ms = used.entry(id_of(key)).or_insert(time_ms);
                    *first_ms = time_ms.min(*first_ms);
                }
            } else if codes.who[row] != Who::Service
                && batch.text("invoked_by").is_null(row)
                && let Some(made) = made_outside(action, cell(keys, row), parameters)
            {
                let entity = [cell(principals, row), None, Some(&*made), None];
                let hit = Hit { entity, what: what(cell(requests, row), 0), kinds: 0 };
                self.made.take((&columns, row), 0, hit, false);
            }
        }
        for (key, first_ms) in used {
            self.uses.observe(&field(key), 1, |first, level| first.merge(FirstUse(Some(first_ms)), level));
        }
    }

    fn merge(&mut self, other: Box<dyn Detector>) {
        let other: ByokKeyUsed = super::take(other);
        self.made.merge(other.made);
        self.uses.merge(other.uses);
    }

    fn finish(self: Box<Self>, shared: &Shared<'_>) -> Findings {
        let mut findings = self.made.finish(RULE.id, |group| self.judge(group, shared));
        findings.notes.extend(self.uses.note().map(|note| format!("{}: {note}", RULE.id)));
        findings.limited = !findings.notes.is_empty();
        findings
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn save(&self) -> Vec<u8> {
        saved(&(self.made.save(), &self.uses))
    }

    fn load(&mut self, state: &[u8]) -> Result<(), String> {
        let (made, uses): (Vec<u8>, _) = restore(state)?;
        self.uses = uses;
        self.made.load(&made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::sample_run::{run, tables};

    #[test]
    fn only_the_first_use_after_the_import_makes_it_critical() {
        use Severity::{Critical, Medium};
        for (sample, expected) in [
            (made!("a": IMPORT, USE), &[Critical][..]),
            (made!("a": USE.after_days(-3), IMPORT, USE), &[Medium]),
            (made!("a": IMPORT, USE.after_days(8)), &[Medium]),
            (made!("a": IMPORT, IMPORT.by_bob().after_minutes(1), USE), &[Critical, Critical]),
            (made!("a": IMPORT, STORE), &[Medium, Medium]),
        ] {
            for cut in [usize::MAX, 1] {
                let found = run(&RULE, &tables(&sample).unwrap(), cut);
                let levels: Vec<Severity> = found.alerts.iter().map(|alert| alert.severity).collect();
                assert_eq!(levels, expected);
            }
        }
    }

    #[test]
    fn what_is_made_is_told_by_its_id_or_name() {
        let arn = Some("arn:aws:kms:eu-west-1:111122223333:key/k1");
        for (action, key, parameters, expected) in [
            ("CreateKey", arn, r#"{"origin":"EXTERNAL_KEY_STORE"}"#, Some("k1")),
            ("CreateKey", arn, r#"{}"#, None),
            ("ImportKeyMaterial", None, r#"{"keyId":"k2"}"#, Some("k2")),
            ("CreateCustomKeyStore", None, r#"{"customKeyStoreName":"s"}"#, None),
            ("DescribeKey", arn, r#"{"origin":"EXTERNAL"}"#, None),
            ("CreateKey", arn, "{", None),
        ] {
            assert_eq!(made_outside(action, key, parameters).as_deref(), expected, "{action} {parameters}");
        }
    }
}
