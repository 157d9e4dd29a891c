//! SEQ-004: data is read, deleted, and a note is left.

use super::attack_samples::{DELETE_VERSIONS, NOTE, READ_MUCH, made};
use crate::activity::evidence::Evidence;
use crate::detect::alert::Severity;
use crate::detect::sequence::{By, Sequence, SequenceDetector, Step, WINDOW_HOURS};
use crate::detect::{Form, Rule, Sample, Threshold};

/// SEQ-004 `double-extortion`.
pub static RULE: Rule = Rule {
    id: "SEQ-004",
    name: "double-extortion",
    title: "Data was read in bulk and deleted, and a ransom note was left",
    severity: Severity::Critical,
    attack: &["T1530", "T1485", "T1657"],
    looks_for: "An alert about reading in bulk (GET-001 to GET-004, of any level) or copying to another account's bucket \
        (GET-025), one about deleting in bulk (DEL-001, DEL-002; medium or higher) and one about a file that is named \
        like a ransom note (RAN-009), in any order within window_hours: by the same caller, the roles that the caller \
        took on included, or from the same address. Attempts that failed are no step.",
    why: "Who has a copy can ask twice: for the data, and for not publishing it. By themselves a backup reads, a cleaner \
        deletes and a page of help is named like a note; one caller that does all three is none of these.",
    cannot_see: "Steps whose own rule raised no alert, such as a note of another name. Steps of callers that neither a \
        role nor an address connects.",
    false_positives: "A migration that copies, deletes and leaves a page of help behind.",
    next_steps: &[
        "Stop the caller: deactivate its credentials, and those of the sessions it opened.",
        "Restore what was deleted if the bucket has versioning, and keep lifecycle rules from expiring it.",
        "List the keys that were read: they must count as known to others.",
    ],
    thresholds: &[Threshold {
        name: WINDOW_HOURS,
        default: 48,
        source: "proposal: a night and a working day more than Panther's rule about exfiltration with deletion (30 hours)",
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
        Step::new("data read or copied", &["GET-001", "GET-002", "GET-003", "GET-004", "GET-025"], Severity::Info),
        Step::new("objects deleted", &["DEL-001", "DEL-002"], Severity::Medium),
        Step::new("a ransom note", &["RAN-009"], Severity::Medium),
    ],
    ordered: false,
    least_rules: 1,
    by: &[By::Principal, By::Address],
};

static SAMPLES: [Sample; 6] = [
    made!("fires": READ_MUCH, DELETE_VERSIONS.after_hours(20), NOTE.after_hours(21)),
    made!("near_miss_1": READ_MUCH, DELETE_VERSIONS.after_hours(20)),
    made!("near_miss_2": READ_MUCH, DELETE_VERSIONS.after_hours(20), NOTE.after_hours(50)),
    made!("near_miss_3": READ_MUCH, DELETE_VERSIONS.after_hours(20), NOTE.after_hours(21).by_bob()),
    made!("near_miss_4": DELETE_VERSIONS, NOTE.after_hours(1)),
    made!("denied_twin": READ_MUCH, DELETE_VERSIONS.after_hours(20).refused(), NOTE.after_hours(21)),
];
