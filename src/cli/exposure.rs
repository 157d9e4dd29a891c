//! `s3sleuth exposure`.

use super::exit::ExitStatus;
use super::input::InputArguments;
use super::selection::{SelectionArguments, none_of_selection};
use super::table::TableArguments;
use super::timeline::{joined, unattributed};
use clap::{Args, ValueEnum};
use s3sleuth::activity::evidence::{Evidence, EvidenceCounts};
use s3sleuth::investigate::blind_spots::blind_spots;
use s3sleuth::investigate::exposure::{Exposure, ExposureOptions, Level, MOST_DEPTH, is_exposure};
use s3sleuth::investigate::exposure_columns::{cells, columns};
use s3sleuth::investigate::object_requests::ObjectRequests;
use s3sleuth::parse::time::format_iso;
use s3sleuth::pipeline::on_threads;
use s3sleuth::report::count::{counted, grouped, of_number};
use std::path::Path;

/// Arguments of `exposure`.
#[derive(Args)]
#[command(after_help = "Examples:
  s3sleuth exposure logs/ --principal backup-admin                which objects a caller read, and how much of each
  s3sleuth exposure logs/ --access-key AKIAEXAMPLELEAKED001 --level prefix
  s3sleuth exposure logs/ --alerts alerts.jsonl --alert 5f0c9e1d2b3a4c55 --format csv -o exposure.csv
  s3sleuth exposure logs/ --principal anonymous --level request --format jsonl")]
pub struct Arguments {
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    selection: SelectionArguments,
    #[command(flatten)]
    table: TableArguments,
    /// The last level of rows: each level stands behind the one before
    #[arg(long, value_name = "LEVEL", default_value = "object")]
    level: LevelName,
    /// Folders of a key that make a prefix; 0 sums by bucket
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u8).range(0..=MOST_DEPTH as i64))]
    depth: u8,
}

/// Levels by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LevelName {
    /// The total alone.
    Total,
    /// Sums below each prefix.
    Prefix,
    /// Each object and version.
    Object,
    /// Each request, with the place of every record.
    Request,
}

/// Prints what was reached.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    let Arguments { input, selection: asked, table, .. } = arguments;
    input.check_paths()?;
    let mut selection = asked.selection()?;
    let read: Vec<&Path> = asked.alerts_file().into_iter().collect();
    let inputs = input.inputs(&table.output, &[], &read)?;
    let output = table.open(input.force)?;
    let (not_followed, status) = asked.follow(&mut selection, input, &inputs)?;
    let stage = ObjectRequests::new(&selection, is_exposure);
    let (worker, mut told) = input.run(&inputs, None, &stage)?;
    let level = match arguments.level {
        LevelName::Total => Level::Total,
        LevelName::Prefix => Level::Prefix,
        LevelName::Object => Level::Object,
        LevelName::Request => Level::Request,
    };
    let options = ExposureOptions { level, depth: arguments.depth.into() };
    let mut exposure = on_threads(input.threads(), || Exposure::new(stage, worker, &selection, options))??;
    let mut rows = table.rows(output, columns())?;
    while let Some(row) = exposure.next_row()? {
        rows.write(&cells(&row))?;
    }
    let counts = rows.finish()?;
    told.inferred = match exposure.total.sums.requests {
        0 if !selection.is_everything() => vec![none_of_selection("read, copy or list")],
        _ => found(&exposure),
    };
    told.inferred.extend(counts.truncation());
    let evidence = &told.report.tally.evidence;
    let mut notes = blind_spots(evidence);
    notes.extend(limits(&exposure, evidence));
    notes.extend(unattributed(exposure.tally, 0));
    told.incomplete.clone_from(&not_followed);
    notes.extend(not_followed);
    Ok(input.tell(told, 0, &notes)?.max(status))
}

/// The numbers, in sentences.
fn found(exposure: &Exposure) -> Vec<String> {
    let (row, sums) = (&exposure.total, &exposure.total.sums);
    let mut found = vec![format!(
        "{}: {} read in full, {} in part, {} in part or in full, metadata alone of {}, attempted only {}",
        counted(sums.objects, "object"),
        grouped(sums.objects_full),
        grouped(sums.objects_part),
        grouped(sums.objects_part_or_full),
        grouped(sums.objects_metadata),
        grouped(sums.objects_attempted),
    )];
    let most =
        if sums.without_bound > 0 { "an unknown number".to_owned() } else { grouped(sums.unique_bytes_max) };
    found.push(format!(
        "{} sent, {} copied inside S3; different bytes: at least {}, at most {most}",
        counted(sums.bytes_sent, "byte"),
        grouped(sums.bytes_copied),
        grouped(sums.unique_bytes_min),
    ));
    found.push(format!(
        "{} by {} from {} {}: {} denied, {} failed, {} of names, {} through presigned URLs, {} without credentials",
        counted(sums.requests, "request"),
        counted(row.principals_count, "caller"),
        grouped(row.remote_ips_count),
        of_number(row.remote_ips_count, "address", "addresses"),
        grouped(sums.denied),
        grouped(sums.failed),
        counted(sums.listings, "list"),
        grouped(sums.presigned),
        grouped(sums.anonymous),
    ));
    if let (Some(first), Some(last)) = (sums.first_ms, sums.last_ms) {
        found.push(format!("first at {}, last at {}", format_iso(first), format_iso(last)));
    }
    found.extend(joined("request", exposure.tally.in_both, exposure.tally.copies));
    found
}

/// What the logs cannot show of an exposure.
fn limits(exposure: &Exposure, evidence: &EvidenceCounts) -> Vec<String> {
    let sums = &exposure.total.sums;
    let mut limits = Vec::new();
    if sums.objects_part_or_full > 0 {
        limits.push(format!(
            "whether {} read in full: access lines show no ranges, and CloudTrail no sizes",
            counted(sums.objects_part_or_full, "object")
                + if sums.objects_part_or_full == 1 { " was" } else { " were" }
        ));
    }
    if evidence.of(Evidence::AccessLines) == 0 && sums.reads > 0 {
        limits.push("sizes of objects, and with them shares: CloudTrail does not log them".to_owned());
    }
    limits.push(
        "contents replaced by others of the same size between two reads count as one; what left S3 by replication, by \
         other services or from copies is not followed"
            .to_owned(),
    );
    limits
}
