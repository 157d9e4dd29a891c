//! `--case`: every command that reads logs may hold them against the manifest of a case before it does.

use super::case::command_line;
use super::exit::ExitStatus;
use clap::{Args, ValueEnum};
use s3sleuth::case::{self, Case, Held, LOG, Run};
use s3sleuth::error::Error;
use s3sleuth::report::case::told;
use s3sleuth::report::count::counted;
use s3sleuth::source::Inputs;
use std::path::PathBuf;
use std::sync::OnceLock;

/// Options of a case.
#[derive(Args)]
pub struct EvidenceArguments {
    /// Folder of a case (case init): inputs are held against its manifest before anything is read, and the run is written to
    /// its log
    #[arg(long = "case", value_name = "DIR")]
    folder: Option<PathBuf>,
    /// What to do with evidence that has changed, is missing or is not in the manifest
    #[arg(long, value_name = "WHAT", requires = "folder", default_value = "refuse")]
    case_changed: Changed,
    /// The inputs and the manifest, once they were held against it.
    #[arg(skip)]
    held: OnceLock<Box<Held>>,
}

/// What to do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Changed {
    /// Read nothing, exit 5.
    Refuse,
    /// Say so and go on; exit 5 at the end, or 3, 4 or 6 if what changed or something else calls for it.
    Flag,
}

/// Files that are named.
const NAMED: usize = 10;

impl EvidenceArguments {
    /// Holds inputs against the manifest, if a case was named.
    ///
    /// # Errors
    /// The manifest cannot be used; evidence that is not as it says, unless that is only to be flagged.
    pub fn hold(&self, paths: &[PathBuf], inputs: &Inputs) -> Result<(), Error> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let case = Case::open(folder, &[])?;
        let held = case::hold(&case, paths, inputs);
        let is_intact = held.bad.is_empty();
        let went_on = is_intact || self.case_changed == Changed::Flag;
        self.write_down(&case, inputs, held.bad.len(), went_on);
        if !went_on {
            let next = "read nothing; s3sleuth case check tells all, --case-changed flag goes on all the same";
            return Err(Error::Evidence(format!("{}\n{next}", violation(&held))));
        }
        if !is_intact {
            super::complain(&violation(&held));
        }
        let _only_once = self.held.set(Box::new(held));
        Ok(())
    }

    /// A folder of a case may be write-protected.
    fn write_down(&self, case: &Case, inputs: &Inputs, violations: usize, went_on: bool) {
        let (arguments, inputs) = (command_line(), inputs.files.len());
        let run = Run { arguments: &arguments, manifest_sha256: &case.sha256, inputs, violations, went_on };
        if let Err(error) = case::append(&case.folder, &run) {
            super::complain(&format!(
                "this run is not written down in {}: {error}",
                case.folder.join(LOG).display()
            ));
        }
    }

    /// What was flagged, for the summary.
    pub fn flagged(&self) -> Option<String> {
        self.held().filter(|held| !held.bad.is_empty()).map(not_as_it_says)
    }

    /// The inputs and the manifest, if a case was named.
    pub fn held(&self) -> Option<&Held> {
        self.held.get().map(|held| &**held)
    }

    /// How the run is to end for it.
    pub fn status(&self) -> ExitStatus {
        if self.flagged().is_some() { ExitStatus::Violation } else { ExitStatus::Done }
    }
}

fn not_as_it_says(held: &Held) -> String {
    let files = counted(held.bad.len() as u64, "file");
    format!("the evidence is not as the manifest of {} says: {files}", held.folder.display())
}

fn violation(held: &Held) -> String {
    let bad = &held.bad;
    let mut lines = vec![not_as_it_says(held)];
    lines.extend(bad.iter().take(NAMED).map(|check| format!("  {} {}", check.verdict.name(), told(check))));
    if bad.len() > NAMED {
        lines.push(format!("  … and {} more", bad.len() - NAMED));
    }
    lines.join("\n")
}
