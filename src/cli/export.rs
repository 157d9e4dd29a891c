//! `s3sleuth export`.

use super::detectors::DetectorArguments;
use super::exit::ExitStatus;
use super::input::InputArguments;
use super::output::{self, Output};
use super::values;
use clap::{Args, ValueEnum};
use s3sleuth::batch::Dataset;
use s3sleuth::detect::DetectStage;
use s3sleuth::error::Error;
use s3sleuth::export::{
    self, Compression, ExportSettings, ExportStage, ExportSummary, Format, Opened, PageEncoding, PartitionKey,
    SortScope, Target,
};
use s3sleuth::parse::LogType;
use s3sleuth::pipeline::Both;
use s3sleuth::report::count::{counted, of_number};
use s3sleuth::source::Inputs;
use std::path::{Path, PathBuf};

/// Arguments of `export`.
#[derive(Args)]
#[command(after_help = "Examples:
  s3sleuth export logs/ -o lake/                          Parquet: lake/s3_access/event_date=…/part-0000-00000.parquet
  s3sleuth export logs/ -o lake/ --append                 adds the files that lake/ does not have yet
  s3sleuth export logs/ --format jsonl -o - | jq .        one JSON object a row
  s3sleuth export logs/ -o lake/ --detect --alerts alerts.jsonl    the alerts of the same rows, in the same pass
  s3sleuth export logs/ --log activity --columns event_time,action,principal --format csv -o activity.csv

Every form holds what was logged: signatures and tokens of presigned URLs are left in, also in JSONL and CSV. timeline,
exposure and recover replace them.")]
pub struct Arguments {
    #[command(flatten)]
    input: InputArguments,
    /// Folder (Parquet) or file; - for stdout
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// parquet, jsonl, csv or arrow
    #[arg(long, default_value = "parquet")]
    format: Format,
    /// s3_access, cloudtrail or activity (rows of both logs in one vocabulary) [default: each log found]
    #[arg(long, value_name = "DATASET", value_parser = export::parse_dataset)]
    log: Option<Dataset>,
    /// native, or ocsf: rows of both logs as API Activity (6003) of OCSF 1.3, in the folders of a custom source of Security
    /// Lake; --log picks one log
    #[arg(long, default_value = "native")]
    schema: Schema,
    /// Only these columns, in this order
    #[arg(long, value_name = "A,B,C", value_delimiter = ',', value_parser = values::column)]
    columns: Vec<String>,
    /// Parquet: any of account_id, region, bucket and event_date, or of accountId and eventDay as Security Lake has them,
    /// outermost folder first [default: event_date; with --schema ocsf region,accountId,eventDay]
    #[arg(long, value_name = "KEY,KEY", value_delimiter = ',')]
    partition_by: Vec<PartitionKey>,
    /// Parquet: rows in the order of event_time inside each row-group, or from file to file of a partition, which takes
    /// longer: plain access logs are read twice, and rows of other logs are put on the disk of OUT first, with up to as
    /// many bytes as these have decompressed [default: row-group]
    #[arg(long, value_name = "SCOPE")]
    sort: Option<SortScope>,
    /// Parquet pages: zstd:LEVEL, snappy, gzip or none [default: zstd]
    #[arg(long)]
    compression: Option<Compression>,
    /// Parquet values: compatible (every reader) or fast (lengths apart from texts; newer readers) [default: compatible]
    #[arg(long)]
    encoding: Option<PageEncoding>,
    /// Parquet: no Bloom filters on ids, object keys and access keys; the files are about 3 % smaller
    #[arg(long)]
    no_bloom_filters: bool,
    /// Parquet: add inputs that the folder does not have
    #[arg(long, conflicts_with = "force")]
    append: bool,
    /// Parquet: refuse a folder that holds an export, also one of the same inputs with the same settings
    #[arg(long, conflicts_with = "append")]
    no_resume: bool,
    /// Parquet: know plain inputs again by XXH3, which saves a twentieth of the time and can be forged, instead of BLAKE3
    #[arg(long)]
    quick_hash: bool,
    /// CSV: do not guard cells that a spreadsheet would take for a formula
    #[arg(long)]
    csv_raw: bool,
    /// Run the detectors over the exported rows in the same pass
    #[arg(long)]
    detect: bool,
    /// With --detect: file for the alerts; - for stdout
    #[arg(long, value_name = "FILE", requires = "detect", default_value = "-")]
    alerts: PathBuf,
    #[command(flatten)]
    detectors: DetectorArguments,
}

/// Vocabularies of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Schema {
    /// The columns of each log.
    Native,
    /// OCSF.
    Ocsf,
}

/// Exports.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    check_format(arguments)?;
    let settings = ExportSettings {
        format: arguments.format,
        compression: arguments.compression.unwrap_or_default(),
        encoding: arguments.encoding.unwrap_or_default(),
        bloom_filters: !arguments.no_bloom_filters,
        sort: arguments.sort.unwrap_or_default(),
        datasets: datasets(arguments)?,
        columns: arguments.columns.clone(),
        partition_by: partition_by(arguments),
        force: arguments.input.force,
        resume: !arguments.no_resume,
        append: arguments.append,
        blake3: !arguments.quick_hash,
        filter: arguments.input.row_filter(only(arguments)),
        csv_raw: arguments.csv_raw,
        threads: arguments.input.threads(),
        ..ExportSettings::default()
    };
    let target = if arguments.output == Path::new("-") {
        Target::Stream(output::stdout_stream())
    } else {
        Target::Path(arguments.output.clone())
    };
    let alerts = check_detection(arguments)?;
    arguments.input.check_paths()?;
    let others: Vec<&Path> = alerts.into_iter().chain(arguments.detectors.suppressed.as_deref()).collect();
    let read: Vec<&Path> = arguments.detectors.read().map(|(path, _)| path).collect();
    let inputs = arguments.input.inputs(&arguments.output, &others, &read)?;
    let Opened { stage, inputs, done, notes, warnings } = export::open_for(&settings, target, inputs)?;
    warnings.iter().chain(&notes).for_each(|text| arguments.input.say(text));
    let folder = if warnings.is_empty() { ExitStatus::Done } else { ExitStatus::Incomplete };
    if let Some(alerts) = alerts {
        let status = export_and_detect(arguments, &inputs, stage, alerts, done)?;
        return Ok(status.max(folder));
    }
    let ((), mut told) = arguments.input.run(&inputs, only(arguments), &stage)?;
    let summary = stage.finish(())?;
    // What was there before is not looked at again, so nothing can be said of all logs.
    let missing = if done > 0 { Vec::new() } else { told.report.tally.evidence.missing() };
    told.is_rest = done > 0;
    let status = arguments.input.tell(told, 0, &missing)?;
    say(arguments, &summary, &inputs, done);
    Ok(status.max(folder))
}

/// Options of one format say nothing with another: who gives them expects something else.
fn check_format(arguments: &Arguments) -> Result<(), Error> {
    let of_parquet = [
        ("--partition-by", !arguments.partition_by.is_empty()),
        ("--sort", arguments.sort.is_some()),
        ("--compression", arguments.compression.is_some()),
        ("--encoding", arguments.encoding.is_some()),
        ("--no-bloom-filters", arguments.no_bloom_filters),
        ("--append", arguments.append),
        ("--no-resume", arguments.no_resume),
        ("--quick-hash", arguments.quick_hash),
    ];
    let of_csv = [("--csv-raw", arguments.csv_raw)];
    for (format, options) in [(Format::Parquet, &of_parquet[..]), (Format::Csv, &of_csv)] {
        let given = options.iter().find(|(_, is_given)| *is_given && arguments.format != format);
        if let Some((option, _)) = given {
            let (other, format) = (arguments.format.name(), format.name());
            return Err(Error::Usage(format!("{option} is for --format {format}: {other} has no such choice")));
        }
    }
    Ok(())
}

/// The datasets that are asked for; none: those of the logs found.
fn datasets(arguments: &Arguments) -> Result<Vec<Dataset>, Error> {
    match (arguments.schema, arguments.log) {
        (Schema::Native, log) => Ok(log.into_iter().collect()),
        (Schema::Ocsf, Some(Dataset::Activity)) => {
            let reason =
                "--schema ocsf takes rows of both logs; --log s3_access or cloudtrail picks one".to_owned();
            Err(Error::Usage(reason))
        }
        (Schema::Ocsf, _) => Ok(vec![Dataset::Ocsf]),
    }
}

/// The keys of the partitions; of OCSF they are by default those of a custom source of Security Lake.
fn partition_by(arguments: &Arguments) -> Vec<PartitionKey> {
    match (&arguments.partition_by[..], arguments.schema) {
        ([], Schema::Native) => vec![PartitionKey::EventDate],
        ([], Schema::Ocsf) => PartitionKey::SECURITY_LAKE.to_vec(),
        (asked, _) => asked.to_vec(),
    }
}

/// The log whose rows alone are asked for.
fn only(arguments: &Arguments) -> Option<LogType> {
    match arguments.log {
        Some(Dataset::S3Access) => Some(LogType::S3Access),
        Some(Dataset::CloudTrail) => Some(LogType::CloudTrail),
        Some(Dataset::Activity | Dataset::Ocsf) | None => None,
    }
}

/// Where alerts go, if they are asked for.
fn check_detection(arguments: &Arguments) -> Result<Option<&Path>, Error> {
    if arguments.detect {
        let both_to_stdout = arguments.output == Path::new("-") && arguments.alerts == Path::new("-");
        let reason = "rows and alerts would both go to stdout: name a file with --alerts FILE";
        return if both_to_stdout { Err(Error::Usage(reason.to_owned())) } else { Ok(Some(&arguments.alerts)) };
    }
    match arguments.detectors.first_given() {
        Some(option) => Err(Error::Usage(format!("{option} needs --detect"))),
        None => Ok(None),
    }
}

fn export_and_detect(
    arguments: &Arguments,
    inputs: &Inputs,
    stage: ExportStage,
    alerts: &Path,
    done: usize,
) -> anyhow::Result<ExitStatus> {
    let Arguments { input, detectors, .. } = arguments;
    let config = detectors.read_config()?;
    let chosen = detectors.rules(&config)?;
    let (output, suppressed) = (Output::open(alerts, input.force)?, detectors.open_suppressed(input.force)?);
    let detection = DetectStage::new(&chosen.rules, &config);
    // Detection first: it touches little memory, so the block is still in the cache when it is exported.
    let ((worker, ()), mut told) = input.run(inputs, only(arguments), &Both(&detection, &stage))?;
    told.is_rest = done > 0;
    let threads = input.threads();
    // While the last files are written and synced the processors have time.
    let (summary, found) = std::thread::scope(|scope| {
        let writing = scope.spawn(|| stage.finish(()));
        let found = detectors.finish(&detection, worker, (&mut told, &chosen.not_read), threads);
        (writing.join(), found)
    });
    let summary = summary.map_err(|_| Error::Bug("the end of the export".to_owned()))??;
    let found = found?;
    detectors.write(&found, output, (alerts, None), suppressed, threads)?;
    let status = input.tell(told, found.suppressed(), &found.notes)?;
    say(arguments, &summary, inputs, done);
    input.say(&counted(found.alerts() as u64, "alert"));
    let status = status.max(detectors.status(&found));
    if done == 0 {
        return Ok(status);
    }
    input.say("these are of what was read now; s3sleuth detect finds those of all inputs");
    Ok(status.max(ExitStatus::Incomplete))
}

/// What was written; `done` inputs were there already.
fn say(arguments: &Arguments, summary: &ExportSummary, inputs: &Inputs, done: usize) {
    let output = arguments.output.display();
    if done > 0 && inputs.files.is_empty() {
        let every = if done == 1 { "the input is" } else { "all inputs are" };
        arguments.input.say(&format!("{every} in {output} already: nothing was written"));
    } else if arguments.output != Path::new("-") {
        if done > 0 {
            let (inputs, are) = (counted(done as u64, "more input"), of_number(done as u64, "is", "are"));
            arguments.input.say(&format!("{inputs} {are} in {output} already"));
        }
        let (rows, files) = (counted(summary.rows, "row"), counted(summary.files.len() as u64, "file"));
        arguments.input.say(&match arguments.format {
            Format::Parquet => format!("wrote {rows} to {files} under {output}"),
            _ => format!("wrote {rows} to {output}"),
        });
        summary.notes.iter().for_each(|note| arguments.input.say(note));
    }
}
