//! An export or a merge that is killed at any moment and run again gives the rows of one that was not. `S3SLEUTH_KILLS` sets how often
//! (200 in `.ci/long kills`).
#![allow(clippy::unwrap_used)]

mod support;

use s3sleuth::synth::{SynthLog, SynthOptions, write_files};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::tables::{Rows, rows};
use support::{program, quick_folder, text};

/// Kills where nobody asks for more.
const KILLS: u64 = 10;

/// What is done to a folder.
struct Work {
    name: &'static str,
    /// The folder before, if there is one.
    before: Option<PathBuf>,
    arguments: Vec<String>,
}

impl Work {
    fn command(&self, out: &Path) -> Command {
        let mut command = program();
        command.args(self.arguments.iter().map(|argument| argument.replace("OUT", text(out))));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    fn prepare(&self, out: &Path) {
        let _not_there = fs::remove_dir_all(out);
        if let Some(before) = &self.before {
            copy(before, out);
        }
    }

    fn run(&self, out: &Path) {
        let done = self.command(out).output().unwrap();
        assert_eq!(done.status.code(), Some(0), "{}: {}", self.name, String::from_utf8_lossy(&done.stderr));
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The same numbers in every run: splitmix64.
fn random(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// Into the run, as a share of what it takes: half of the kills fall into its last part, where the files get their names.
fn moment(kill: u64, attempt: i32, whole: Duration) -> Duration {
    let share = (random(kill) % 1000) as f64 / 1000.0;
    whole.mul_f64(if kill.is_multiple_of(2) { share } else { 0.7 + share * 0.3 }).mul_f64(0.9_f64.powi(attempt))
}

/// Runs the work and kills it; earlier in each attempt, until it does not end before.
fn kill(work: &Work, out: &Path, number: u64, whole: Duration) {
    for attempt in 0..100 {
        work.prepare(out);
        let mut child = work.command(out).spawn().unwrap();
        std::thread::sleep(moment(number, attempt, whole));
        child.kill().unwrap();
        if child.wait().unwrap().code().is_none() {
            return;
        }
    }
    panic!("kill {number}, {}: it always ended before", work.name);
}

fn works(folder: &Path) -> Vec<Work> {
    let logs = |name: &str, log, seed| {
        let options = SynthOptions { log, bytes: 3 << 20, seed, ..SynthOptions::default() };
        write_files(&options, &folder.join(name)).unwrap();
    };
    logs("first/access", SynthLog::S3Access, 1);
    logs("first/trail", SynthLog::CloudTrail, 2);
    copy(&folder.join("first"), &folder.join("both"));
    logs("both/more", SynthLog::S3Access, 3);
    let arguments = |input: &str, more: &[&str]| {
        let input = folder.join(input);
        let all = [&["export", text(&input), "-o", "OUT", "-q", "--threads", "2"], more].concat();
        all.into_iter().map(str::to_owned).collect::<Vec<String>>()
    };
    let fresh = Work { name: "fresh", before: None, arguments: arguments("first", &[]) };
    let former = folder.join("former");
    fresh.run(&former);
    let many = folder.join("many");
    copy(&former, &many);
    for seed in 4..8 {
        let name = format!("more-{seed}");
        logs(&name, SynthLog::S3Access, seed);
        Work { name: "more", before: None, arguments: arguments(&name, &["--append"]) }.run(&many);
    }
    let before = Some(former);
    let compact = ["compact", "OUT", "-q"].map(str::to_owned).to_vec();
    vec![
        fresh,
        Work { name: "compact", before: Some(many), arguments: compact },
        Work {
            name: "by bucket",
            before: None,
            arguments: arguments("first", &["--partition-by", "region,bucket,event_date"]),
        },
        Work { name: "sorted by file", before: None, arguments: arguments("first", &["--sort", "file"]) },
        Work { name: "append", before: before.clone(), arguments: arguments("both", &["--append"]) },
        Work { name: "force", before, arguments: arguments("both", &["--force", "--compression", "snappy"]) },
    ]
}

#[test]
fn a_killed_run_that_is_run_again_gives_the_same_rows() {
    let kills: u64 = std::env::var("S3SLEUTH_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    let folder = quick_folder();
    let out = folder.path().join("out");
    let works = works(folder.path());
    let undisturbed: Vec<(BTreeMap<String, Rows>, Duration)> = works
        .iter()
        .map(|work| {
            work.prepare(&out);
            let start = Instant::now();
            work.run(&out);
            (rows(&out), start.elapsed())
        })
        .collect();
    for number in 0..kills {
        let at = (number % works.len() as u64) as usize;
        let (work, (expected, whole)) = (&works[at], &undisturbed[at]);
        kill(work, &out, number, *whole);
        work.run(&out);
        assert!(rows(&out) == *expected, "kill {number}, {}", work.name);
        let hidden = support::tables::files(&out).into_keys().find(|path| text(path).contains(".tmp-"));
        assert_eq!(hidden, None, "kill {number}, {}", work.name);
    }
}
