//! SEQ-002: a credential is used oddly, looks around, and takes or destroys data.

use super::attack_samples::{DELETE_VERSIONS, DENIED_STORM, made};
use crate::activity::evidence::Evidence;
use crate::detect::alert::Severity;
use crate::detect::sample_calls::Calls;
use crate::detect::sequence::{By, Sequence, SequenceDetector, Step, WINDOW_HOURS};
use crate::detect::{Form, Rule, Sample, Threshold};

/// SEQ-002 `credential-misused`.
pub static RULE: Rule = Rule {
    id: "SEQ-002",
    name: "credential-misused",
    title: "A credential was used oddly, looked around, and data was taken or destroyed",
    severity: Severity::Critical,
    attack: &["T1078.004", "T1619", "T1530", "T1485", "T1486"],
    looks_for: "An alert about a credential that is not used as it was (GET-006, GET-007, GET-017, GET-018, GET-019, GET-034; low \
        or higher), one about looking around (all rules of DSC; low or higher) and one about reading in bulk, \
        deleting or encrypting (GET-001 to GET-004, GET-009, GET-010, GET-013, GET-016, GET-025, GET-026, GET-032, GET-033, \
        all rules of DEL and RAN; medium or higher), in any order within window_hours: by the same caller, the roles that the \
        caller took on included, or from the same address. Attempts that failed count for looking around alone.",
    why: "It is what the misuse of a stolen key looks like. A new laptop explains the first, an audit the second, a job the \
        third; hardly anything explains all of them on one day.",
    cannot_see: "Steps whose own rule raised no alert: GET-006, GET-007, GET-017, GET-019 and GET-034 need a baseline or \
        a configuration. Steps of callers that neither a role nor an address connects.",
    false_positives: "A test of the defences. An administrator in a new place during an incident.",
    next_steps: &[
        "Deactivate the credential, and those of the sessions it opened.",
        "Take the alerts in related in the order of their times: they are the incident's timeline.",
        "Ask the owner where the key was kept, and look for it in code and logs.",
    ],
    thresholds: &[Threshold {
        name: WINDOW_HOURS,
        default: 24,
        source: "proposal: as long as GuardDuty's rolling window of attack sequences \
            (AttackSequence:S3/CompromisedData), \
            <https://docs.aws.amazon.com/guardduty/latest/ug/guardduty-extended-threat-detection.html>",
    }],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::DataEvents, Evidence::AccessLines],
    samples: &SAMPLES,
    form: Form::Code(|config| SequenceDetector::of(&SEQUENCE, config)),
};

/// No rule stands in two steps: one alert must not be two.
static SEQUENCE: Sequence = Sequence {
    rule: &RULE,
    steps: &[
        Step::new(
            "a credential used oddly",
            &["GET-006", "GET-007", "GET-017", "GET-018", "GET-019", "GET-034"],
            Severity::Low,
        ),
        Step { attempts: true, ..Step::new("looking around", &["DSC-*"], Severity::Low) },
        Step::new(
            "data taken or destroyed",
            &[
                "GET-001", "GET-002", "GET-003", "GET-004", "GET-009", "GET-010", "GET-013", "GET-016", "GET-025",
                "GET-026", "GET-032", "GET-033", "DEL-*", "RAN-*",
            ],
            Severity::Medium,
        ),
    ],
    ordered: false,
    least_rules: 1,
    by: &[By::Principal, By::Address],
};

/// Of the samples: the address of the attacker is on a list.
pub const CONFIG: &str =
    "[[networks]]\nname = \"example\"\nkind = \"threat\"\ncidrs = [\"203.0.113.66/32\"]\nas_of = \"2026-03-01\"\n";

const BAD: &str = "203.0.113.66";
const STORM: Calls = Calls { address: BAD, ..DENIED_STORM };
const FEW: Calls = Calls { count: 3, ..STORM };
const DELETES: Calls = Calls { address: BAD, ..DELETE_VERSIONS.after_hours(3) };
const USUAL_DELETES: Calls = DELETE_VERSIONS.after_hours(25);

static SAMPLES: [Sample; 5] = [
    made!("fires": STORM, DELETES),
    made!("near_miss_1": DENIED_STORM, DELETE_VERSIONS.after_hours(3)),
    made!("near_miss_2": FEW, DELETES),
    made!("near_miss_3": STORM, USUAL_DELETES),
    made!("denied_twin": STORM, DELETES.refused()),
];
