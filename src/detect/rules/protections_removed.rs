//! RAN-015: several protections of a bucket are removed in a row.

use super::attack_samples::{EXPIRE_IN_A_WEEK, REMOVE_REPLICATION, SUSPEND_VERSIONING, made};
use crate::activity::evidence::Evidence;
use crate::detect::alert::Severity;
use crate::detect::sample_calls::Calls;
use crate::detect::sequence::{By, Sequence, SequenceDetector, Step, WINDOW_MINUTES};
use crate::detect::{Form, Rule, Sample, Threshold};

/// RAN-015 `protections-removed`.
pub static RULE: Rule = Rule {
    id: "RAN-015",
    name: "protections-removed",
    title: "Several protections were removed in a row",
    severity: Severity::Critical,
    attack: &["T1490", "T1562.001", "T1685"],
    looks_for: "Alerts of at least two of these rules within window_minutes, by one caller, the roles that the caller took \
        on included, or in one bucket: versioning suspended (RAN-010), MFA Delete disabled (RAN-011), Object Lock weakened \
        (RAN-012), a short lifecycle (RAN-013), replication or backup removed (RAN-014), access logging disabled \
        (LOG-011), default encryption weakened (ENC-009), Block Public Access weakened (EXP-001). Each must be of level \
        medium or higher. Attempts that failed do not count.",
    why: "Each change alone has innocent explanations. Who takes away several ways back within an hour and a half is about \
        to need that there is none.",
    cannot_see: "Changes by roles in iac_roles, which are kept quiet. Protections that were removed on different days.",
    false_positives: "Teardown of an environment by hand.",
    next_steps: &[
        "Take the alerts in related in the order of their times, and put the settings back.",
        "Ask the owner of the caller; if nobody knows of it, deactivate its credentials, and those of the sessions it \
         opened.",
        "Look for deletes and copies in the bucket from then on.",
    ],
    thresholds: &[Threshold {
        name: WINDOW_MINUTES,
        default: 90,
        source: "Panther's rule about several security controls disabled (2 in 90 minutes)",
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
    steps: &[Step::new(
        "protections removed",
        &["RAN-010", "RAN-011", "RAN-012", "RAN-013", "RAN-014", "LOG-011", "ENC-009", "EXP-001"],
        Severity::Medium,
    )],
    ordered: false,
    least_rules: 2,
    by: &[By::Principal, By::Bucket],
};

const OTHER_BUCKET: Calls = Calls {
    parameters: r#"{"bucketName":"finance","versioning":"","VersioningConfiguration":{"Status":"Suspended"}}"#,
    ..SUSPEND_VERSIONING
};

static SAMPLES: [Sample; 6] = [
    made!("fires": SUSPEND_VERSIONING, REMOVE_REPLICATION.after_minutes(80), EXPIRE_IN_A_WEEK.after_minutes(81)),
    made!("fires_bucket": SUSPEND_VERSIONING, REMOVE_REPLICATION.after_minutes(20).by_bob()),
    made!("near_miss_1": SUSPEND_VERSIONING, SUSPEND_VERSIONING.after_minutes(20), OTHER_BUCKET.after_minutes(30)),
    made!("near_miss_2": SUSPEND_VERSIONING, REMOVE_REPLICATION.after_minutes(91)),
    made!("near_miss_3": OTHER_BUCKET, REMOVE_REPLICATION.after_minutes(20).by_bob()),
    made!("denied_twin": SUSPEND_VERSIONING, REMOVE_REPLICATION.after_minutes(20).refused()),
];
