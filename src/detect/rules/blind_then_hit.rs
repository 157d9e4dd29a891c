//! SEQ-001: logging was tampered with, and then something was done.

use super::samples;
use crate::activity::evidence::Evidence;
use crate::detect::alert::Severity;
use crate::detect::sequence::{By, Sequence, SequenceDetector, Step, WINDOW_HOURS};
use crate::detect::{Form, Rule, Threshold};

/// SEQ-001 `blind-then-hit`.
pub static RULE: Rule = Rule {
    id: "SEQ-001",
    name: "blind-then-hit",
    title: "Logging was tampered with, and then data was read, deleted or encrypted",
    severity: Severity::Critical,
    attack: &["T1562.008", "T1685.002", "T1485", "T1530"],
    looks_for: "An alert about logging that was switched off, cut down or redirected (LOG-006 to LOG-013, LOG-017, \
        LOG-021), and afterwards, within window_hours, an alert of level medium or higher about deletes, reads or \
        encryption (all rules of DEL, GET and RAN): by the same caller, the roles that the caller took on included, or \
        from the same address. Attempts that failed are no step. Of the same alerts there is one sequence, named by \
        the caller rather than by the address.",
    why: "Each step alone has innocent explanations. Together, in this order, they have hardly any.",
    cannot_see: "Steps whose own rule raised no alert, and steps of callers that neither a role nor an address \
        connects. Roles that more than three callers take on are not followed.",
    false_positives: "A migration that replaces a trail while it moves data.",
    next_steps: &[
        "Take the alerts in related in the order of their times: they are the incident's timeline.",
        "Deactivate the credentials of the caller, and those of the sessions it opened.",
        "Start logging again, and look in CloudTrail's event history for what the trail did not record.",
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
    samples: samples!("SEQ-001":
        "fires" CloudTrail "json" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(|config| SequenceDetector::of(&SEQUENCE, config)),
};

static SEQUENCE: Sequence = Sequence {
    rule: &RULE,
    steps: &[
        Step::new(
            "logging tampered with",
            &[
                "LOG-006", "LOG-007", "LOG-008", "LOG-009", "LOG-010", "LOG-011", "LOG-012", "LOG-013", "LOG-017",
                "LOG-021",
            ],
            Severity::Medium,
        ),
        Step::new("data read, deleted or encrypted", &["DEL-*", "GET-*", "RAN-*"], Severity::Medium),
    ],
    ordered: true,
    least_rules: 1,
    by: &[By::Principal, By::Address],
};
