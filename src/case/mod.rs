//! The evidence of a case: a manifest of every file with its SHA-256, what has changed since, and a log of what was run.
//!
//! ```text
//! folder ──► hashing ──► manifest          evidence is written down
//!   │           ▲            │
//!   └───────────┴── check ◄──┘             and held against it later
//! ```
//!
//! A manifest may come from somebody else: it is bounded, opens no file that its roots do not hold, and no link or pipe.
//! Its own hash shows that it was changed by accident or carelessly. It is no signature: who can write the manifest can
//! write its hash.

mod catalogue;
mod check;
mod folder;
mod hashing;
mod log;
mod manifest;

#[cfg(test)]
mod tests;

pub use catalogue::{catalogue_sha256, program_sha256};
pub use check::{FileCheck, Held, Recorded, Verdict, check, hold};
pub use folder::{Left, roots};
pub use log::{LOG, Run, append};
pub use manifest::{Case, MANIFEST, MOST_BYTES, Taking, Written, write};
