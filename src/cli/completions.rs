//! Completions and the manual pages, from the same definition as the arguments.

use super::exit::ExitStatus;
use super::output::Output;
use clap::{Args, Command};
use clap_mangen::Man;
use s3sleuth::error::Error;
use std::io::Write;
use std::path::PathBuf;

/// Arguments of `completions`.
#[derive(Args)]
pub struct Arguments {
    /// The shell
    shell: clap_complete::Shell,
}

/// Prints completions.
pub fn run(arguments: &Arguments, command: &mut Command) -> anyhow::Result<ExitStatus> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, command, "s3sleuth", &mut script);
    print(&script)
}

/// Arguments of `man`.
#[derive(Args)]
pub struct ManArguments {
    /// Folder for a page of each command, s3sleuth-timeline.1 and so on, which replace those that are there; without it they
    /// are printed one after the other
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Writes or prints the manual pages of the program and of each command.
pub fn man(arguments: &ManArguments, command: Command) -> anyhow::Result<ExitStatus> {
    // Pages name each other: there is none of `help`.
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let Some(folder) = &arguments.folder else {
        let mut text = Vec::new();
        for page in pages(command) {
            page.render(&mut text)?;
        }
        return print(&text);
    };
    std::fs::create_dir_all(folder).map_err(|error| Error::output(folder, error))?;
    for page in pages(command) {
        page.generate_to(folder).map_err(|error| Error::output(folder.join(page.get_filename()), error))?;
    }
    Ok(ExitStatus::Done)
}

/// The page of a command, then those of its subcommands.
fn pages(command: Command) -> Vec<Man> {
    let below: Vec<Man> =
        command.get_subcommands().filter(|below| !below.is_hide_set()).cloned().flat_map(pages).collect();
    std::iter::once(Man::new(command)).chain(below).collect()
}

fn print(text: &[u8]) -> anyhow::Result<ExitStatus> {
    let mut output = Output::stdout();
    output.write_all(text).map_err(|error| Error::output("stdout", error))?;
    output.finish()?;
    Ok(ExitStatus::Done)
}
