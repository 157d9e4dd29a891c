//! The committed figures, and how new ones are held to them.

use crate::stages::STAGES;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions/budget.toml");

/// What a figure may be exceeded by.
const SLACK_PERCENT: u64 = 3;

/// Instructions a row, by stage.
type Stages = BTreeMap<String, u64>;

/// The content of `budget.toml`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Budget {
    /// Other versions may give other figures.
    pub measured_with: Tools,
    #[serde(rename = "s3_access")]
    pub s3_access: Stages,
    pub cloudtrail: Stages,
}

/// Versions.
#[derive(Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default)]
pub struct Tools {
    pub rustc: String,
    pub valgrind: String,
}

/// What came of a comparison.
pub struct Comparison {
    /// For people.
    pub table: String,
    /// Is every figure within its budget?
    pub kept: bool,
}

impl Budget {
    /// The committed figures.
    ///
    /// # Errors
    /// A file that cannot be read, as a sentence.
    pub fn read() -> Result<Budget, String> {
        let text = std::fs::read_to_string(PATH).map_err(|error| format!("{PATH}: {error}"))?;
        toml::from_str(&text).map_err(|error| format!("{PATH}: {error}"))
    }

    /// Puts these figures under the comment at the head of the file, and returns what is in it now.
    ///
    /// # Errors
    /// A file that cannot be written, as a sentence.
    pub fn write(&self) -> Result<Budget, String> {
        let old = std::fs::read_to_string(PATH).map_err(|error| format!("{PATH}: {error}"))?;
        let head = old.lines().take_while(|line| line.starts_with('#'));
        let mut text: String = head.flat_map(|line| [line, "\n"]).collect();
        let Tools { rustc, valgrind } = &self.measured_with;
        let _ = write!(text, "\n[measured-with]\nrustc = \"{rustc}\"\nvalgrind = \"{valgrind}\"\n");
        for (log, stages) in self.logs() {
            let _ = write!(text, "\n[{log}]\n");
            for stage in STAGES {
                let _ = writeln!(text, "{stage} = {}", stages[stage]);
            }
        }
        std::fs::write(PATH, text).map_err(|error| format!("{PATH}: {error}"))?;
        Budget::read()
    }

    /// Holds the figures of a run to these.
    pub fn compare(&self, measured: &Budget) -> Comparison {
        let mut table =
            format!("{:<11} {:<11} {:>8} {:>8}  instructions a row\n", "log", "stage", "budget", "now");
        let mut kept = true;
        for ((log, allowed), (_, now)) in self.logs().into_iter().zip(measured.logs()) {
            for stage in STAGES {
                // A stage that has no figure yet has no room.
                let (allowed, now) = (allowed.get(stage).copied().unwrap_or(0), now[stage]);
                let verdict = if now * 100 > allowed * (100 + SLACK_PERCENT) {
                    kept = false;
                    "over budget"
                } else if now * (100 + SLACK_PERCENT) < allowed * 100 {
                    "cheaper: lower its budget"
                } else {
                    "kept"
                };
                let _ = writeln!(table, "{log:<11} {stage:<11} {allowed:>8} {now:>8}  {verdict}");
            }
        }
        if self.measured_with != measured.measured_with {
            let (then, now) = (&self.measured_with, &measured.measured_with);
            let _ = writeln!(table, "the budget was measured with {then:?}, this is {now:?}");
        }
        Comparison { table, kept }
    }

    fn logs(&self) -> [(&'static str, &Stages); 2] {
        [("s3_access", &self.s3_access), ("cloudtrail", &self.cloudtrail)]
    }
}
