//! Writes ten days of a made-up company, with attacks: `cargo run --example scenario -- --seed 1 OUT_DIR`.

use anyhow::Context as _;
use clap::Parser;
use s3sleuth::synth::scenario::{ScenarioOptions, scenario};
use std::path::PathBuf;

/// Write the logs of a made-up company and the configuration for them below OUT_DIR.
#[derive(Parser)]
struct Arguments {
    /// Start of the random sequences.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// About how many benign records.
    #[arg(long, default_value_t = 120_000)]
    events: u64,
    /// Without incidents.
    #[arg(long)]
    benign: bool,
    /// Folder to write to.
    out_dir: PathBuf,
}

#[expect(clippy::print_stderr, reason = "an example reports on the terminal")]
fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let (seed, events) = (arguments.seed, arguments.events);
    let options = if arguments.benign {
        ScenarioOptions::benign(seed, events)
    } else {
        ScenarioOptions { seed, events, ..ScenarioOptions::default() }
    };
    let told = scenario(&options);
    let write = |path: PathBuf, content: &[u8]| {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&path, content).with_context(|| format!("could not write {}", path.display()))
    };
    for (path, content) in &told.files {
        write(arguments.out_dir.join("logs").join(path), content)?;
    }
    write(arguments.out_dir.join("config.toml"), told.config_toml.as_bytes())?;
    eprintln!(
        "{} files, {} benign records and {} of incidents",
        told.files.len(),
        told.benign_events,
        told.incident_events
    );
    for incident in &told.incidents {
        eprintln!("{incident:?}");
    }
    Ok(())
}
