//! SEQ-006: a bucket is opened, and then read from outside.

use super::attack_samples::{OPEN, READ_BY_ANYBODY, made};
use crate::activity::evidence::Evidence;
use crate::detect::alert::Severity;
use crate::detect::sequence::{By, Sequence, SequenceDetector, Step, WINDOW_HOURS};
use crate::detect::{Form, Rule, Sample, Threshold};

/// SEQ-006 `open-then-leak`.
pub static RULE: Rule = Rule {
    id: "SEQ-006",
    name: "open-then-leak",
    title: "A bucket was opened, and then read from outside",
    severity: Severity::Critical,
    attack: &["T1530"],
    looks_for: "An alert about a setting that opens a bucket (EXP-001 to EXP-010) and afterwards, within window_hours, one \
        about reads without credentials or by another account (GET-014, GET-015, GET-016) in the same bucket, all of level \
        medium or higher. Attempts that failed are no step. EXP-012 is about the change and the first access that it let \
        in; this is about the bucket, also where it was opened step by step, by the deletion of a policy, by ACLs or an \
        access point, and names all alerts of the time.",
    why: "From here on it is no longer a risk: what was read is out.",
    cannot_see: "Settings of the account as a whole (EXP-002), which name no bucket. Whether the change is what let the \
        caller in. Buckets in public_buckets and callers that are partners, whose alerts are kept quiet.",
    false_positives: "Open data and sites that go live: list their buckets under public_buckets.",
    next_steps: &[
        "Close the bucket: put the former setting back, or turn on Block Public Access.",
        "List the keys that were read since, and treat secrets among them as known to others.",
        "Ask the owner of the principal who made the change; if nobody knows of it, deactivate its credentials.",
    ],
    thresholds: &[Threshold {
        name: WINDOW_HOURS,
        default: 168,
        source: "proposal: as used_within_days of EXP-012, since scanners find an open bucket within days",
    }],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &SAMPLES,
    form: Form::Code(|config| SequenceDetector::of(&SEQUENCE, config)),
};

static SEQUENCE: Sequence = Sequence {
    rule: &RULE,
    steps: &[
        Step::new(
            "a bucket opened",
            &["EXP-001", "EXP-003", "EXP-004", "EXP-005", "EXP-006", "EXP-007", "EXP-008", "EXP-009", "EXP-010"],
            Severity::Medium,
        ),
        Step::new("read from outside", &["GET-014", "GET-015", "GET-016"], Severity::Medium),
    ],
    ordered: true,
    least_rules: 1,
    by: &[By::Bucket],
};

static SAMPLES: [Sample; 6] = [
    made!("fires": OPEN, READ_BY_ANYBODY.after_days(3)),
    made!("fires_again": OPEN, OPEN.after_minutes(5), READ_BY_ANYBODY.after_minutes(1), READ_BY_ANYBODY.after_days(2)),
    made!("near_miss_1": READ_BY_ANYBODY, OPEN.after_days(1)),
    made!("near_miss_2": OPEN, READ_BY_ANYBODY.after_days(8)),
    made!("near_miss_3": OPEN.refused(), READ_BY_ANYBODY.after_days(3)),
    made!("denied_twin": OPEN, READ_BY_ANYBODY.after_days(3).refused()),
];
