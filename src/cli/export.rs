//! `s3sleuth export`.

use super::exit::ExitStatus;
use super::input::InputArguments;
use super::output;
use clap::Args;
use s3sleuth::batch::Dataset;
use s3sleuth::export::{self, Compression, ExportSettings, Format, PageEncoding, Target};
use s3sleuth::parse::LogType;
use std::path::{Path, PathBuf};

/// Arguments of `export`.
#[derive(Args)]
#[command(after_help = "Examples:
  s3sleuth export logs/ -o lake/                          Parquet: lake/s3_access/event_date=…/part-00000.parquet
  s3sleuth export logs/ --format jsonl -o - | jq .        one JSON object a row
  s3sleuth export logs/ --log activity --columns event_time,action,principal --format csv -o activity.csv")]
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
    /// Only these columns, in this order
    #[arg(long, value_name = "A,B,C", value_delimiter = ',')]
    columns: Vec<String>,
    /// Parquet pages: zstd:LEVEL, snappy, gzip or none
    #[arg(long, default_value = "zstd")]
    compression: Compression,
    /// Parquet values: compatible (every reader) or fast (lengths apart from texts; newer readers)
    #[arg(long, default_value = "compatible")]
    encoding: PageEncoding,
    /// CSV: do not guard cells that a spreadsheet would take for a formula
    #[arg(long)]
    csv_raw: bool,
}

/// Exports.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    let settings = ExportSettings {
        format: arguments.format,
        compression: arguments.compression,
        encoding: arguments.encoding,
        datasets: arguments.log.into_iter().collect(),
        columns: arguments.columns.clone(),
        force: arguments.input.force,
        csv_raw: arguments.csv_raw,
        threads: arguments.input.threads(),
        ..ExportSettings::default()
    };
    let target = if arguments.output == Path::new("-") {
        Target::Stream(output::stdout_stream())
    } else {
        Target::Path(arguments.output.clone())
    };
    let inputs = arguments.input.inputs(&arguments.output, &[])?;
    let stage = export::open(&settings, target)?;
    let only = match arguments.log {
        Some(Dataset::S3Access) => Some(LogType::S3Access),
        Some(Dataset::CloudTrail) => Some(LogType::CloudTrail),
        Some(Dataset::Activity) | None => None,
    };
    let ((), told) = arguments.input.run(&inputs, only, &stage)?;
    let summary = stage.finish(())?;
    let missing = told.report.tally.evidence.missing();
    let status = arguments.input.tell(told, 0, &missing)?;
    if arguments.output != Path::new("-") {
        let files = summary.files.len();
        arguments.input.say(&format!(
            "wrote {} rows to {files} file{} under {}",
            summary.rows,
            if files == 1 { "" } else { "s" },
            arguments.output.display()
        ));
    }
    Ok(status)
}
