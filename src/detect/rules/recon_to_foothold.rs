//! SEQ-009: an address tries names, and then gets in.

use super::attack_samples::{ANONYMOUS_STORM, READ_BY_ANYBODY, made};
use crate::activity::evidence::Evidence;
use crate::detect::alert::Severity;
use crate::detect::sample_calls::Calls;
use crate::detect::sequence::{By, Sequence, SequenceDetector, Step, WINDOW_HOURS};
use crate::detect::{Form, Rule, Sample, Threshold};

/// SEQ-009 `recon-to-foothold`.
pub static RULE: Rule = Rule {
    id: "SEQ-009",
    name: "recon-to-foothold",
    title: "An address tried names, and then got in",
    severity: Severity::High,
    attack: &["T1595.003", "T1619", "T1530"],
    looks_for: "An alert about an address that tries buckets or keys (DSC-001, DSC-002, DSC-003), and afterwards, within \
        window_hours, any alert about reads, writes or deletes that were done from the same address (all rules of GET, DEL, \
        RAN and LOG, EXP-014, of any level). Attempts that failed are a first step alone.",
    why: "Noise from the internet is refused, and ends there. Here somebody came through.",
    cannot_see: "Reads and writes from the address that no rule raises an alert about, and other addresses of the same \
        network. GET-014 tells of every object that is read without credentials, but of callers with credentials only what \
        is unusual is told.",
    false_positives: "An application that is refused by a mistake in a policy, and works after that is mended.",
    next_steps: &[
        "Find out what the address could read, and whether it should.",
        "If it came with a credential, deactivate it.",
        "Close what let it in: a public bucket, a policy, a presigned URL.",
    ],
    thresholds: &[Threshold {
        name: WINDOW_HOURS,
        default: 72,
        source: "proposal: who finds a name comes back within days",
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
        Step { attempts: true, ..Step::new("names tried", &["DSC-001", "DSC-002", "DSC-003"], Severity::Low) },
        Step::new("got in", &["GET-*", "DEL-*", "RAN-*", "LOG-*", "EXP-014"], Severity::Info),
    ],
    ordered: true,
    least_rules: 1,
    by: &[By::Address],
};

const ELSEWHERE: Calls = Calls { address: "198.51.100.200", ..READ_BY_ANYBODY };

static SAMPLES: [Sample; 5] = [
    made!("fires": ANONYMOUS_STORM, READ_BY_ANYBODY.after_hours(30)),
    made!("near_miss_1": ANONYMOUS_STORM, ELSEWHERE.after_hours(30)),
    made!("near_miss_2": READ_BY_ANYBODY.after_hours(-30), ANONYMOUS_STORM),
    made!("near_miss_3": ANONYMOUS_STORM, READ_BY_ANYBODY.after_hours(74)),
    made!("denied_twin": ANONYMOUS_STORM, READ_BY_ANYBODY.after_hours(30).refused()),
];
