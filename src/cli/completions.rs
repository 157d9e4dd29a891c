//! Completions and the manual page, from the same definition as the arguments.

use super::exit::ExitStatus;
use super::output::Output;
use clap::{Args, Command};
use s3sleuth::error::Error;
use std::io::Write;

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

/// Prints the manual page of the program and of each command.
pub fn man(mut command: Command) -> anyhow::Result<ExitStatus> {
    command.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
        let man = clap_mangen::Man::new(subcommand.clone());
        man.render_synopsis_section(&mut page)?;
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
    }
    print(&page)
}

fn print(text: &[u8]) -> anyhow::Result<ExitStatus> {
    let mut output = Output::stdout();
    output.write_all(text).map_err(|error| Error::output("stdout", error))?;
    output.finish()?;
    Ok(ExitStatus::Done)
}
