//! The guard of speed in CI: instructions a row of each stage, held to `budget.toml`.
//!
//! Time varies on a shared machine; the number of instructions of one thread on a fixed input repeats within a
//! thousandth (tables are seeded anew in each run, which moves a few probes). The program starts itself under
//! `valgrind --tool=callgrind`, which sees its own processor: with AVX2 if this machine has it, never with AVX-512.

mod budget;
mod callgrind;
#[path = "../input/mod.rs"]
mod input;
mod stages;

use budget::Budget;
use std::process::ExitCode;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a bench reports on the terminal")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == callgrind::INSIDE) {
        // Read by the process outside.
        println!("{}", stages::run());
        return ExitCode::SUCCESS;
    }
    let done = callgrind::measure().and_then(|measured| {
        let write = arguments.iter().any(|argument| argument == "--write");
        let budget = if write { measured.write()? } else { Budget::read()? };
        Ok(budget.compare(&measured))
    });
    match done {
        Ok(comparison) => {
            println!("{}", comparison.table);
            if comparison.kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(reason) => {
            eprintln!("instructions: {reason}");
            ExitCode::FAILURE
        }
    }
}
