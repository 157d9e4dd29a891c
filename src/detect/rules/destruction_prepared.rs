//! SEQ-005: versions are looked up, a protection is removed, and versions are deleted.

use super::attack_samples::{DELETE_VERSIONS, LIST_VERSIONS, REMOVE_REPLICATION, SUSPEND_VERSIONING, made};
use crate::activity::evidence::Evidence;
use crate::detect::alert::Severity;
use crate::detect::sequence::{By, Sequence, SequenceDetector, Step, WINDOW_HOURS};
use crate::detect::sigma::{Filter, conditions};
use crate::detect::{Form, Rule, Sample, Threshold};
use std::sync::LazyLock;

/// SEQ-005 `destruction-prepared`.
pub static RULE: Rule = Rule {
    id: "SEQ-005",
    name: "destruction-prepared",
    title: "Versions were looked up, a protection was removed, and versions were deleted",
    severity: Severity::Critical,
    attack: &["T1619", "T1490", "T1485"],
    looks_for: "ListObjectVersions that was done, in either log, by anybody but an AWS service, an alert about a protection \
        that was removed (RAN-010, RAN-011, RAN-012, RAN-014) and one about versions that were deleted (DEL-002), both of \
        level medium or higher, in any order within window_hours: by the same caller, the roles that the caller took on \
        included, or in the same bucket. Attempts that failed are no step.",
    why: "Whoever looks for the way back, blocks it and deletes what is left of it wants that nothing can be restored.",
    cannot_see: "Steps whose own rule raised no alert. Protections that were removed by roles in iac_roles, which are kept \
        quiet.",
    false_positives: "A bucket that is emptied by hand to be deleted.",
    next_steps: &[
        "Stop the caller: deactivate its credentials, and those of the sessions it opened.",
        "Put the protection back, and copy what versions are left.",
        "Look for replicas and backups elsewhere, and for what the caller did to them.",
    ],
    thresholds: &[Threshold {
        name: WINDOW_HOURS,
        default: 24,
        source: "proposal: as long as GuardDuty's rolling window of attack sequences, \
            <https://docs.aws.amazon.com/guardduty/latest/ug/guardduty-extended-threat-detection.html>",
    }],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::ManagementEvents],
    samples: &SAMPLES,
    form: Form::Rows(|| *CONDITIONS, |config| SequenceDetector::of(&SEQUENCE, config)),
};

static CONDITIONS: LazyLock<&'static [&'static Filter]> = LazyLock::new(|| {
    conditions(
        "
title: Former versions are looked up
logsource: {category: s3_activity}
detection:
  call: {action: ListObjectVersions, outcome: success}
  service: {principal_kind: service}
  condition: call and not service
",
    )
});

static SEQUENCE: Sequence = Sequence {
    rule: &RULE,
    steps: &[
        Step::new("versions looked up", &["SEQ-005"], Severity::Info),
        Step::new("a protection removed", &["RAN-010", "RAN-011", "RAN-012", "RAN-014"], Severity::Medium),
        Step::new("versions deleted", &["DEL-002"], Severity::Medium),
    ],
    ordered: false,
    least_rules: 1,
    by: &[By::Principal, By::Bucket],
};

static SAMPLES: [Sample; 5] = [
    made!("fires": LIST_VERSIONS, SUSPEND_VERSIONING.after_minutes(9), DELETE_VERSIONS.after_hours(3)),
    made!("near_miss_1": SUSPEND_VERSIONING.after_minutes(9), DELETE_VERSIONS.after_hours(3)),
    made!("near_miss_2": LIST_VERSIONS, DELETE_VERSIONS.after_hours(3)),
    made!("near_miss_3": LIST_VERSIONS, REMOVE_REPLICATION.after_minutes(9), DELETE_VERSIONS.after_hours(26)),
    made!("denied_twin": LIST_VERSIONS, SUSPEND_VERSIONING.after_minutes(9).refused(), DELETE_VERSIONS.after_hours(3)),
];
