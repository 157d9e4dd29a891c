//! A seeded generator of both logs, for tests, benchmarks and demonstrations.
//!
//! The same [`SynthOptions`] give the same bytes on every machine, so that a measurement or a failing test can be
//! repeated from its seed alone. Output is produced as a stream: memory stays constant whatever the size asked for.
//!
//! - [`Generator`] yields records, one access-log line or one CloudTrail JSON object at a time.
//! - [`write_to`] writes one undivided log to any writer.
//! - [`write_files`] writes a folder as AWS delivers it: many small access-log objects, or gzip files of CloudTrail
//!   in the `AWSLogs/ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/` layout.
//! - [`write_trail`] writes CloudTrail's log files with the signed digests that list them.
//!
//! Everything in the data is made up: account ids, addresses (documentation and benchmark ranges) and bucket names
//! (`amzn-s3-demo-…`) belong to nobody.

mod access_line;
mod access_log;
mod access_ops;
mod agents;
mod calendar;
mod cloudtrail;
mod events;
mod files;
mod generator;
mod hostile;
mod identity;
mod json;
mod keys;
mod options;
mod random;
pub mod scenario;
mod signing;
mod trail;
mod world;

#[cfg(test)]
mod tests;

pub use files::{SynthSummary, write_files, write_to};
pub use generator::Generator;
pub use options::{FieldEra, SynthLog, SynthOptions};
pub use random::Random;
pub use signing::{SigningKey, sha256};
pub use trail::{
    DeliveredLog, DigestWriter, TrailNames, TrailObject, TrailOptions, trail, write_object, write_trail,
};
