//! Writes ten days of a made-up company, with attacks: `cargo run --example scenario -- --seed 1 OUT_DIR`, and then
//! `s3sleuth eval OUT_DIR/logs --labels OUT_DIR/labels.jsonl --config OUT_DIR/config.toml`.

use anyhow::Context as _;
use clap::Parser;
use s3sleuth::synth::scenario::{IncidentKind, Intensity, ScenarioOptions, scenario};
use std::path::PathBuf;

/// Write the logs of a made-up company to OUT_DIR/logs, the configuration for them to OUT_DIR/config.toml, and what
/// happened to OUT_DIR/labels.jsonl.
#[derive(Parser)]
struct Arguments {
    /// Start of the random sequences: 1 to 9 for tuning, 101 to 105 to prove it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// About how many benign records.
    #[arg(long, default_value_t = 140_000)]
    events: u64,
    /// Without incidents.
    #[arg(long, conflicts_with = "kind")]
    benign: bool,
    /// Only incidents of this kind, such as log_deletion; repeatable.
    #[arg(long, value_parser = kind)]
    kind: Vec<IncidentKind>,
    /// How plain the incidents are: high, medium, low.
    #[arg(long, default_value = "high", value_parser = intensity)]
    intensity: Intensity,
    /// Write the labels to this file instead.
    #[arg(long)]
    labels: Option<PathBuf>,
    /// Folder to write to.
    out_dir: PathBuf,
}

fn kind(text: &str) -> Result<IncidentKind, String> {
    let names = || IncidentKind::ALL.map(IncidentKind::name).join(", ");
    IncidentKind::parse(text).ok_or_else(|| format!("expected one of {}", names()))
}

fn intensity(text: &str) -> Result<Intensity, String> {
    Intensity::parse(text).ok_or_else(|| "expected high, medium or low".to_owned())
}

#[expect(clippy::print_stderr, reason = "an example reports on the terminal")]
fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let incidents = match (arguments.benign, arguments.kind.is_empty()) {
        (true, _) => Vec::new(),
        (false, true) => IncidentKind::ALL.to_vec(),
        (false, false) => arguments.kind,
    };
    let options = ScenarioOptions {
        seed: arguments.seed,
        events: arguments.events,
        incidents,
        intensity: arguments.intensity,
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
    let labels = arguments.labels.unwrap_or_else(|| arguments.out_dir.join("labels.jsonl"));
    write(labels, told.labels_jsonl().as_bytes())?;
    eprintln!(
        "{} files, {} benign records and {} of {} incidents",
        told.files.len(),
        told.benign_events,
        told.incident_events,
        told.labels.len()
    );
    Ok(())
}
