//! `s3sleuth timeline`.

use super::exit::ExitStatus;
use super::input::InputArguments;
use super::selection::{SelectionArguments, none_of_selection};
use super::table::TableArguments;
use clap::{Args, ValueEnum};
use s3sleuth::error::Error;
use s3sleuth::investigate::blind_spots::blind_spots;
use s3sleuth::investigate::event::Event;
use s3sleuth::investigate::events::SelectedEvents;
use s3sleuth::investigate::joined::JoinTally;
use s3sleuth::investigate::kms::KmsTally;
use s3sleuth::investigate::parties::Parties;
use s3sleuth::investigate::timeline::{Profile, Timeline};
use s3sleuth::pipeline::on_threads;
use s3sleuth::report::count::{counted, of_number};
use s3sleuth::report::table_formats::{Page, TableFormat};
use std::path::Path;

/// Arguments of `timeline`.
#[derive(Args)]
#[command(after_help = "Examples:
  s3sleuth timeline logs/ --principal backup-admin                what a caller did, and through which roles
  s3sleuth timeline logs/ --bucket amzn-s3-demo-data --key 'backups/*' --since 2026-03-04
  s3sleuth timeline logs/ --alerts alerts.jsonl --alert 5f0c9e1d2b3a4c55 --format md -o alert.md
  s3sleuth timeline logs/ --ip 203.0.113.0/24 --profile timesketch --format csv -o timesketch.csv")]
pub struct Arguments {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    selection: SelectionArguments,
    #[command(flatten)]
    table: TableArguments,
    /// What the rows hold
    #[arg(long, value_name = "NAME", default_value = "standard")]
    profile: ProfileName,
}

/// Profiles by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ProfileName {
    /// The columns of docs/investigate.md.
    Standard,
    /// Ready for an import into Timesketch: jsonl or csv.
    Timesketch,
}

/// Prints the timeline.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    let Arguments { input, selection: asked, table, .. } = arguments;
    let profile = profile(arguments)?;
    input.check_paths()?;
    let mut selection = asked.selection()?;
    let read: Vec<&Path> = asked.alerts_file().into_iter().collect();
    let inputs = input.inputs(&table.output, &[], &read)?;
    let output = table.open(input.force)?;
    let (not_followed, status) = asked.follow(&mut selection, input, &inputs)?;
    let stage = SelectedEvents::new(&selection);
    let (worker, mut told) = input.run(&inputs, None, &stage)?;
    let mut rows = table.rows(output, profile.columns())?;
    let (form, mut parties, mut without_time) = (rows.form(), Parties::default(), 0);
    let see = |shown: &mut Shown, event: &Event<'_>| {
        shown.parties.see(event);
        match profile.cells(event) {
            Some(cells) => form.row(&mut shown.page, &cells),
            None => shown.without_time += 1,
        }
    };
    let take = |shown: Shown| {
        parties.merge(shown.parties);
        without_time += shown.without_time;
        rows.write_page(shown.page)
    };
    let (tally, kms_tally) = on_threads(input.threads(), || Timeline::new(stage, worker)?.show(see, take))??;
    let counts = rows.finish()?;
    told.inferred = match counts.all {
        0 if !selection.is_everything() => vec![none_of_selection("record")],
        rows => vec![found(tally, kms_tally, rows)],
    };
    told.inferred.extend(parties.told());
    told.inferred.extend(counts.truncation());
    let mut notes = blind_spots(&told.report.tally.evidence);
    notes.extend(unattributed(tally, kms_tally.unattributed_calls));
    if without_time > 0 {
        let (events, them) = (counted(without_time, "event"), of_number(without_time, "it", "them"));
        notes.push(format!("{events} without a time: Timesketch takes none; --profile standard shows {them}"));
    }
    told.incomplete.clone_from(&not_followed);
    notes.extend(not_followed);
    Ok(input.tell(told, 0, &notes)?.max(status))
}

/// Some rows as they are shown, and who takes part in them.
#[derive(Default)]
struct Shown {
    page: Page,
    parties: Parties,
    without_time: u64,
}

fn profile(arguments: &Arguments) -> Result<Profile, Error> {
    match arguments.profile {
        ProfileName::Standard => Ok(Profile::Standard),
        ProfileName::Timesketch if matches!(arguments.table.format(), TableFormat::Jsonl | TableFormat::Csv) => {
            Ok(Profile::Timesketch)
        }
        ProfileName::Timesketch => {
            Err(Error::Usage("Timesketch imports jsonl and csv: add --format jsonl or --format csv".to_owned()))
        }
    }
}

/// What was found, a sentence.
fn found(tally: JoinTally, kms_tally: KmsTally, rows: u64) -> String {
    let rows = counted(rows, "row");
    let calls = (kms_tally.joined_calls, "KMS call", "joined to requests");
    let joined = numbers(&[(tally.in_both, "request", "in both logs"), calls, (tally.copies, REPEATED, LEFT_OUT)]);
    [Some(rows), joined].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What was joined of things of that name, a sentence; none if nothing was.
pub fn joined(noun: &str, in_both: u64, copies: u64) -> Option<String> {
    numbers(&[(in_both, noun, "in both logs"), (copies, REPEATED, LEFT_OUT)])
}

const REPEATED: &str = "repeated record";
const LEFT_OUT: &str = "left out";

/// `3 requests in both logs, 1 repeated record left out`: those that are not 0.
fn numbers(all: &[(u64, &str, &str)]) -> Option<String> {
    let told: Vec<String> = all
        .iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, noun, what)| format!("{} {what}", counted(*number, noun)))
        .collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// What may belong to the selection and is not shown.
pub fn unattributed(tally: JoinTally, kms_calls: u64) -> Vec<String> {
    let lines = (
        tally.unattributed_lines,
        "access-log line",
        "what was asked for (an access key, the key of a deletion, a name behind a canonical id) is not said there, \
        nor by a CloudTrail event of the same request",
    );
    let events = (
        tally.unattributed_events,
        "CloudTrail event",
        "what was asked for (an access key, the key of a deletion, a name behind an account) is not said there, nor by \
        an access-log line of the same request",
    );
    let calls = (
        kms_calls,
        "KMS call",
        "what was asked for (an address, the access key that called S3) is not said there, and no request that was \
        asked for is for the same object, by the same caller in the same second",
    );
    let told = [lines, events, calls].into_iter().filter(|(number, ..)| *number > 0);
    told.map(|(number, what, why)| format!("{} that may belong here: {why}", counted(number, what))).collect()
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn what_there_is_none_of_is_not_told() {
        for (in_both, copies, expected) in [
            (2, 1, Some("2 changes in both logs, 1 repeated record left out")),
            (1, 0, Some("1 change in both logs")),
            (0, 3, Some("3 repeated records left out")),
            (0, 0, None),
        ] {
            assert_eq!(joined("change", in_both, copies).as_deref(), expected);
        }
    }
}
