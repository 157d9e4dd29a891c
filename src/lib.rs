//! s3sleuth reads S3 server access logs and CloudTrail, raises alerts and writes Athena-ready Parquet.
//!
//! The modules stand in the order in which the data meets them:
//!
//! ```text
//! source ──► decode ──► parse ──► batch ──► activity ──► detect
//!  paths      blocks     records   Arrow     one view        alerts
//!                                     └────► export      Parquet, JSONL, CSV, Arrow
//! ```

pub mod decode;
pub mod ledger;
pub mod parse;
pub mod source;
