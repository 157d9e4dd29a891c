//! `s3sleuth ddl`.

use super::exit::ExitStatus;
use super::output::Output;
use clap::Args;
use s3sleuth::error::Error;
use s3sleuth::export::ddl::{self, Engine};
use s3sleuth::export::lake::Lake;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Arguments of `ddl`.
#[derive(Args)]
#[command(after_help = "Examples:
  s3sleuth ddl lake/ --location s3://amzn-s3-demo-bucket/lake/     paste into Athena
  s3sleuth ddl lake/ --engine duckdb | duckdb case.db              query the folder where it lies")]
pub struct Arguments {
    /// Folder that export has written
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Where the engine finds the folder, such as s3://BUCKET/PREFIX/ [default: DIR itself, not for athena]
    #[arg(long, value_name = "URI")]
    location: Option<String>,
    /// athena, spark or duckdb
    #[arg(long, default_value = "athena")]
    engine: Engine,
}

/// Prints the statements.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    let here = || std::path::absolute(&arguments.folder).unwrap_or_else(|_| arguments.folder.clone());
    check_folder(&arguments.folder)?;
    let location = match (&arguments.location, arguments.engine) {
        (Some(location), _) => location.clone(),
        (None, Engine::Athena) => {
            let reason = "--location is missing: where will the folder lie, s3://BUCKET/PREFIX/?".to_owned();
            return Err(Error::Usage(reason).into());
        }
        (None, _) => here().to_string_lossy().into_owned(),
    };
    let warnings = Lake::audit(&arguments.folder)?.warnings();
    warnings.iter().for_each(|warning| super::say(warning));
    let tables = ddl::tables(&arguments.folder)?;
    let statements = ddl::statements(&tables, &location, arguments.engine)?;
    let mut output = Output::stdout();
    output.write_all(statements.as_bytes()).map_err(|error| Error::output("stdout", error))?;
    output.finish()?;
    Ok(if warnings.is_empty() { ExitStatus::Done } else { ExitStatus::Incomplete })
}

/// What is wrong with the folder is told before what is missing of the options.
fn check_folder(folder: &Path) -> Result<(), Error> {
    let failed = |reason: String| Err(Error::Input { path: folder.display().to_string(), reason });
    match std::fs::metadata(folder) {
        Err(error) => failed(error.to_string()),
        Ok(found) if !found.is_dir() => failed("it is no folder; name the one that export wrote".to_owned()),
        Ok(_) => Ok(()),
    }
}
