//! s3sleuth reads S3 server access logs and CloudTrail, raises alerts and writes Athena-ready Parquet.
//!
//! The modules stand in the order in which the data meets them:
//!
//! ```text
//! source ──► decode ──► parse ──► batch ──► activity ──► detect       alerts ──► eval    held against what happened
//!  paths      blocks     records   Arrow     one view ├► coverage     what is there and what is missing
//!                                                     ├► overview     who did how much, when and where
//!                                                     ├► export       Parquet, JSONL, CSV, Arrow
//!                                                     └► investigate  rows of both logs, joined
//! ```

pub mod source;

pub mod decode;

pub mod parse;

pub mod batch;

pub mod activity;

pub mod detect;

pub mod eval;

pub mod coverage;

pub mod overview;

pub mod export;

pub mod investigate;

pub mod lint;

pub mod verify;

pub mod case;

pub mod pipeline;

pub mod report;

pub mod error;
pub mod ledger;

pub mod synth;
