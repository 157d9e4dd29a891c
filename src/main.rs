//! The s3sleuth program.
fn main() {}
