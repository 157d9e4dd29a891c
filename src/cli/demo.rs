//! `s3sleuth demo`.

use super::exit::ExitStatus;
use super::output::Output;
use clap::Args;
use s3sleuth::error::Error;
use s3sleuth::synth::scenario::{Demo, demo};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Arguments of `demo`.
#[derive(Args)]
#[command(after_help = "Examples:
  s3sleuth demo demo/                            writes the logs, and prints five commands that tell what happened
  s3sleuth demo other/ --seed 7                  the same kind of incident: other documents, another address")]
pub struct Arguments {
    /// Folder to write to; it must be empty or not exist
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Start of the random sequences: the same number gives the same files
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// The copy of the log bucket, below the folder.
const LOGS: &str = "logs";

/// The public keys of its digests, beside it.
const PUBLIC_KEYS: &str = "keys.json";

/// Writes the demonstration and prints the commands.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitStatus> {
    let folder = &arguments.folder;
    let Some(name) = folder.to_str() else {
        let reason = "is no UTF-8, so that the commands could not be printed: name another folder";
        return Err(Error::Usage(format!("{} {reason}", folder.display())).into());
    };
    check_empty(folder)?;
    let told = demo(arguments.seed);
    write(&told, folder)?;
    let mut output = Output::stdout();
    output.write_all(commands(&told, name).as_bytes()).map_err(|error| Error::output("stdout", error))?;
    output.finish()?;
    let files = told.logs.len() + 1;
    super::say(&format!("{files} files written below {}; run the commands in this order", folder.display()));
    Ok(ExitStatus::Done)
}

fn check_empty(folder: &Path) -> Result<(), Error> {
    let refused = |reason: &str| Err(Error::Usage(format!("{} {reason}", folder.display())));
    match std::fs::read_dir(folder).map(|mut entries| entries.next().is_some()) {
        Ok(true) => refused("is not empty: name a new folder"),
        Ok(false) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => refused(&format!("cannot be used: {error}; name a new folder")),
    }
}

fn write(told: &Demo, folder: &Path) -> Result<(), Error> {
    let logs = told.logs.iter().map(|(key, content)| (folder.join(LOGS).join(key), content.as_slice()));
    for (path, content) in logs.chain([(folder.join(PUBLIC_KEYS), told.public_keys.as_bytes())]) {
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        let created = made.and_then(|()| std::fs::File::create_new(&path));
        created.and_then(|mut file| file.write_all(content)).map_err(|error| Error::output(&path, error))?;
    }
    Ok(())
}

/// Each with what it answers, as comments and commands of a shell.
fn commands(told: &Demo, folder: &str) -> String {
    // A name that begins with a dash would be an option.
    let folder = if folder.starts_with('-') { format!("./{folder}") } else { folder.to_owned() };
    let path = |name: &str| word(&format!("{}/{name}", folder.trim_end_matches('/')));
    let (logs, keys, address) = (path(LOGS), path(PUBLIC_KEYS), word(&told.answer.address));
    [
        ("Are the logs as they were delivered?", format!("verify {logs} --public-keys {keys}")),
        ("What happened, and who was it?", format!("detect {logs}")),
        ("Since when, with which key, and what else?", format!("timeline {logs} --ip {address}")),
        ("What was read?", format!("exposure {logs} --ip {address}")),
        ("What was deleted, and what can be brought back?", format!("recover {logs} --ip {address}")),
    ]
    .iter()
    .map(|(question, command)| format!("# {question}\ns3sleuth {command}\n"))
    .collect()
}

/// A text as one word of a POSIX shell.
fn word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    match text.bytes().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}
