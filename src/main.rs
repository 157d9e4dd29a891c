//! The s3sleuth program: arguments to settings, a run, an exit code.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
