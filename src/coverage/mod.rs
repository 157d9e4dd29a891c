//! What logs are there and what is missing: by account, region, bucket and day.
//!
//! Each row is counted under its account, region, bucket and day ([`days`]); requests of a bucket are sampled by their id
//! in both logs ([`requests`]). Both merge and do not depend on order, under a budget. At the end lines of access logs
//! that do not tell their account get the one that CloudTrail names ([`resolve`]), and what was seen is judged: hours
//! without rows against the log's own rhythm ([`rhythm`]), one log against the other ([`loss`]), and what could not be
//! evaluated for want of a log ([`facts`]).

pub mod days;
pub mod delay;
pub mod facts;
pub mod gaps;
pub mod kind;
pub mod loss;
pub mod place;
pub mod requests;
pub mod resolve;
pub mod rhythm;
pub mod stage;
#[cfg(test)]
mod tests;

pub use facts::{DayRow, Judge, PlaceRow};
pub use gaps::GapRow;
pub use stage::CoverageStage;

use days::PlaceDays;
use loss::Losses;

/// An account and region as a whole, or a bucket in them.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// Account whose log it is, as records or paths tell.
    pub account_id: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// The bucket; `None` for account and region as a whole, with all that names no bucket.
    pub bucket: Option<String>,
    /// What was seen.
    pub days: PlaceDays,
    /// What both logs of the bucket miss of each other.
    pub losses: Losses,
}

/// All that was seen.
#[derive(Debug, Default)]
pub struct Coverage {
    /// Accounts and regions, each before its buckets; what is not known comes last.
    pub places: Vec<Place>,
    /// The first and the last event of all, in milliseconds.
    pub span_ms: Option<(i64, i64)>,
    /// What the memory did not hold, a sentence each.
    pub left_out: Vec<String>,
}
