//! SEQ-008: a key is made of material from outside, and the material is taken away.

use super::attack_samples::made;
use super::byok_key_used::IMPORT;
use crate::activity::evidence::Evidence;
use crate::detect::alert::Severity;
use crate::detect::sample_calls::Calls;
use crate::detect::sequence::{By, Sequence, SequenceDetector, Step, WINDOW_HOURS};
use crate::detect::{Form, Rule, Sample, Threshold};

/// SEQ-008 `byok-ransom`.
pub static RULE: Rule = Rule {
    id: "SEQ-008",
    name: "byok-ransom",
    title: "A key was made of material from outside, and then taken away",
    severity: Severity::Critical,
    attack: &["T1486", "T1485"],
    looks_for: "An alert about a KMS key or a key store of material that AWS does not hold (RAN-007), and afterwards, within \
        window_hours, one about imported material that was deleted (RAN-008), a key that was disabled or is to be deleted \
        (KMS-004) or a key store that was disconnected (KMS-016): by the same caller, the roles that the caller took on \
        included, or from the same address. Attempts that failed are no step.",
    why: "Once the material is gone nobody can read what was encrypted with it but who holds a copy. Made and taken away \
        within days it is no rotation.",
    cannot_see: "Whether both are about the same key. Material that expires by itself. Steps of callers that neither a role \
        nor an address connects.",
    false_positives: "A test of imported keys by an administrator.",
    next_steps: &[
        "Cancel the deletion of the key, enable it, and import its material again if you have it.",
        "Stop the caller: deactivate its credentials, and those of the sessions it opened.",
        "Look for the objects that were encrypted with the key, and for their former versions.",
    ],
    thresholds: &[Threshold {
        name: WINDOW_HOURS,
        default: 168,
        source: "proposal: a week, the shortest waiting period for the deletion of a key, \
            <https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html>",
    }],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::KmsEvents],
    samples: &SAMPLES,
    form: Form::Code(|config| SequenceDetector::of(&SEQUENCE, config)),
};

static SEQUENCE: Sequence = Sequence {
    rule: &RULE,
    steps: &[
        Step::new("a key of material from outside", &["RAN-007"], Severity::Medium),
        Step::new("the key taken away", &["RAN-008", "KMS-004", "KMS-016"], Severity::Medium),
    ],
    ordered: true,
    least_rules: 1,
    by: &[By::Principal, By::Address],
};

const DELETE: Calls = Calls {
    name: "DeleteImportedKeyMaterial",
    parameters: r#"{"keyId":"arn:aws:kms:eu-west-1:111122223333:key/9f8e7d6c-5b4a-4321-8765-0123456789ab"}"#,
    ..IMPORT.after_days(2)
};
const DISABLE: Calls = Calls { name: "DisableKey", ..DELETE };

static SAMPLES: [Sample; 6] = [
    made!("fires": IMPORT, DELETE),
    made!("fires_disabled": IMPORT, DISABLE, DELETE),
    made!("near_miss_1": IMPORT, DELETE.by_bob()),
    made!("near_miss_2": IMPORT, DELETE.after_days(6)),
    made!("near_miss_3": DELETE, IMPORT.after_days(5)),
    made!("denied_twin": IMPORT, DELETE.refused()),
];
