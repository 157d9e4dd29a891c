//! SEQ-003: objects are encrypted with keys of the caller's own, and a lifecycle sets a deadline.

use super::attack_samples::{COPY_SSE_C, EXPIRE_IN_A_WEEK, NOTE, made};
use crate::activity::evidence::Evidence;
use crate::detect::alert::Severity;
use crate::detect::sample_calls::Calls;
use crate::detect::sequence::{By, Sequence, SequenceDetector, Step, WINDOW_HOURS};
use crate::detect::{Form, Rule, Sample, Threshold};

/// SEQ-003 `encrypt-and-expire`.
pub static RULE: Rule = Rule {
    id: "SEQ-003",
    name: "encrypt-and-expire",
    title: "Objects were encrypted with a caller's own keys, and a lifecycle will soon delete them",
    severity: Severity::Critical,
    attack: &["T1486", "T1485.001"],
    looks_for: "An alert about encryption with keys that callers send (RAN-001, RAN-002, or RAN-003, which allows it) and \
        one about a short lifecycle (RAN-013, or LOG-004 in a bucket that holds logs), both of level medium or higher, in \
        any order within window_hours: by the same caller, the roles that the caller took on included, or in the same \
        bucket. A ransom note (RAN-009) is named along with them. Attempts that failed are no step.",
    why: "It is how buckets were held to ransom without any malware: the objects can be read only with the attacker's \
        key, and are gone after a deadline.",
    cannot_see: "Steps whose own rule raised no alert, and those of roles in iac_roles, which are kept quiet. Whether the \
        lifecycle covers the encrypted objects.",
    false_positives: "An application that begins to use SSE-C while its bucket gets a lifecycle.",
    next_steps: &[
        "Take the lifecycle away now: what has expired is gone.",
        "Stop the caller: deactivate its credentials, and deny s3:PutObject with SSE-C.",
        "Look for former versions of the objects, and copy them elsewhere.",
    ],
    thresholds: &[Threshold {
        name: WINDOW_HOURS,
        default: 24,
        source: "proposal: as long as GuardDuty's rolling window of attack sequences, \
            <https://docs.aws.amazon.com/guardduty/latest/ug/guardduty-extended-threat-detection.html>; the order of \
            steps is that of Codefinger, \
            <https://www.halcyon.ai/blog/abusing-aws-native-services-ransomware-encrypting-s3-buckets-with-sse-c>",
    }],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::ManagementEvents],
    samples: &SAMPLES,
    form: Form::Code(|config| SequenceDetector::of(&SEQUENCE, config)),
};

static SEQUENCE: Sequence = Sequence {
    rule: &RULE,
    steps: &[
        Step::new("encryption with a caller's own keys", &["RAN-001", "RAN-002", "RAN-003"], Severity::Medium),
        Step::new("a short lifecycle", &["RAN-013", "LOG-004"], Severity::Medium),
        Step { optional: true, ..Step::new("a ransom note", &["RAN-009"], Severity::Medium) },
    ],
    ordered: false,
    least_rules: 1,
    by: &[By::Principal, By::Bucket],
};

const ROTATION: Calls = Calls {
    parameters: r#"{"bucketName":"reports","key":"2026/a.csv","x-amz-copy-source":"reports/2026/a.csv","x-amz-server-side-encryption-customer-algorithm":"AES256","x-amz-copy-source-server-side-encryption-customer-algorithm":"AES256"}"#,
    ..COPY_SSE_C
};

static SAMPLES: [Sample; 6] = [
    made!("fires": COPY_SSE_C, EXPIRE_IN_A_WEEK.after_minutes(20), NOTE.after_minutes(21)),
    made!("fires_bucket": EXPIRE_IN_A_WEEK.by_bob(), COPY_SSE_C.after_hours(3)),
    made!("near_miss_1": ROTATION, EXPIRE_IN_A_WEEK.after_minutes(20), NOTE.after_minutes(21)),
    made!("near_miss_2": COPY_SSE_C, EXPIRE_IN_A_WEEK.after_hours(25)),
    made!("near_miss_3": COPY_SSE_C, NOTE.after_minutes(21)),
    made!("denied_twin": COPY_SSE_C.refused(), EXPIRE_IN_A_WEEK.after_minutes(20)),
];
