//! `s3sleuth recover`.

use super::exit::ExitStatus;
use super::input::InputArguments;
use super::output::Output;
use super::selection::{SelectionArguments, none_of_selection};
use super::table::TableArguments;
use super::timeline::{joined, unattributed};
use clap::Args;
use s3sleuth::error::Error;
use s3sleuth::investigate::Selection;
use s3sleuth::investigate::blind_spots::blind_spots;
use s3sleuth::investigate::recover::{RecoverStage, RecoverTally, Recovery};
use s3sleuth::investigate::recover_columns::{ToldRow, cells, columns};
use s3sleuth::investigate::versioning::MOST_MARKS;
use s3sleuth::pipeline::on_threads;
use s3sleuth::report::count::{counted, grouped, of_number};
use s3sleuth::report::restore_script::ScriptWriter;
use std::path::Path;

/// Arguments of `recover`.
#[derive(Args)]
#[command(after_help = "Examples:
  s3sleuth recover logs/                                          every deletion and overwrite that the logs show
  s3sleuth recover logs/ --principal backup-admin --since 2026-03-04
  s3sleuth recover logs/ --alerts alerts.jsonl --alert 5f0c9e1d2b3a4c55 --script -o restore.sh")]
pub struct Arguments {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    selection: SelectionArguments,
    #[command(flatten)]
    table: TableArguments,
    /// Print a script of aws s3api commands that bring the objects back, for review; nothing is ever run
    #[arg(long, conflicts_with_all = ["format", "limit", "csv_raw"])]
    script: bool,
}

/// Prints what can be recovered.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    let Arguments { input, selection: asked, table, .. } = arguments;
    input.check_paths()?;
    let mut selection = asked.selection()?;
    let read: Vec<&Path> = asked.alerts_file().into_iter().collect();
    let inputs = input.inputs(&table.output, &[], &read)?;
    let output = table.open(input.force)?;
    let (not_followed, followed) = asked.follow(&mut selection, input, &inputs)?;
    // Records of other times tell what was there before.
    (selection.options.since_ms, selection.options.until_ms) = input.time_range();
    let stage = RecoverStage::new(&selection);
    let (worker, mut told) = input.run_over_all_times(&inputs, &stage)?;
    let mut recovery = on_threads(input.threads(), || Recovery::new(stage, worker, &selection))??;
    told.inferred = match recovery.tally.changes {
        0 if !selection.is_everything() => vec![none_of_selection("deletion or overwrite")],
        _ => found(&recovery.tally),
    };
    told.inferred.extend(if arguments.script {
        write_script(&mut recovery, table, output)?
    } else {
        write_rows(&mut recovery, &selection, table, output)?
    });
    let mut notes = blind_spots(&told.report.tally.evidence);
    notes.extend(limits(&recovery.tally));
    notes.extend(unattributed(recovery.tally.joined, 0));
    told.incomplete.clone_from(&not_followed);
    notes.extend(not_followed);
    let limited = if recovery.tally.left_out { ExitStatus::Limit } else { ExitStatus::Done };
    Ok(input.tell(told, 0, &notes)?.max(followed).max(limited))
}

fn write_rows(
    recovery: &mut Recovery,
    selection: &Selection,
    table: &TableArguments,
    output: Output,
) -> Result<Option<String>, Error> {
    let mut rows = table.rows(output, columns())?;
    while let Some(row) = recovery.next_row()? {
        let chain = row.record.through.map(|through| selection.steps(through)).unwrap_or_default();
        rows.write(&cells(&ToldRow::new(row, chain)))?;
    }
    Ok(rows.finish()?.truncation())
}

fn write_script(recovery: &mut Recovery, table: &TableArguments, output: Output) -> Result<Option<String>, Error> {
    let failed = |error| Error::output(&table.output, error);
    let mut script = ScriptWriter::new(output, table.no_redact).map_err(failed)?;
    while let Some(row) = recovery.next_row()? {
        script.row(&row).map_err(failed)?;
    }
    let commands = script.commands;
    script.finish().map_err(failed)?.finish()?;
    Ok(Some(format!("{} printed, none run: review them", counted(commands, "command"))))
}

/// The numbers, in sentences.
fn found(tally: &RecoverTally) -> Vec<String> {
    let mut found = vec![format!(
        "{} {}: {} under a delete marker, {} kept as a version, {} permanent, {} unknown, {} without loss",
        grouped(tally.changes),
        of_number(tally.changes, "deletion or overwrite", "deletions and overwrites"),
        grouped(tally.delete_markers),
        grouped(tally.versions_kept),
        grouped(tally.permanent),
        grouped(tally.unknown),
        grouped(tally.harmless),
    )];
    found.push(format!("{} with a version that the logs name to restore", counted(tally.restorable, "object")));
    found.extend(joined("change", tally.in_both, tally.joined.copies));
    found
}

/// What the logs cannot show of deletions and overwrites.
fn limits(tally: &RecoverTally) -> Vec<String> {
    let mut limits = Vec::new();
    if tally.without_keys > 0 {
        limits.push(format!(
            "the keys of {} of many objects: CloudTrail does not name them and no access lines do",
            counted(tally.without_keys, "deletion")
        ));
    }
    if tally.doubtful_writes > 0 {
        limits.push(format!(
            "whether {} replaced an object: nothing in the logs shows that there was one before",
            counted(tally.doubtful_writes, "write")
        ));
    }
    if tally.unknown > 0 {
        limits.push(format!(
            "what became of the content of {}: no version id, answer or setting in the logs shows it",
            counted(tally.unknown, "change")
        ));
    }
    if tally.left_out {
        let most = grouped(MOST_MARKS as u64);
        limits.push(format!("versioning of some buckets: there are more than {most} pieces of evidence"));
    }
    limits.push(
        "changes that no log tells of, such as those before it begins, and what the bucket holds now".to_owned(),
    );
    limits
}
