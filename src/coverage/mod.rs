//! What logs are there and what is missing: by account, region, bucket and day.
//!
//! Each row is counted under its account, region, bucket and day ([`days`]); requests of a bucket are sampled by their id
//! in both logs ([`requests`]). Both merge and do not depend on order, under a budget. At the end lines of access logs
//! that do not tell their account get the one that CloudTrail names ([`resolve`]), and what was seen is judged: hours
//! without rows against the log's own rhythm ([`rhythm`]), one log against the other ([`loss`]), and what could not be
//! evaluated for want of a log ([`facts`]).
//!
//! A selection of callers, addresses, keys or alerts chooses places: whatever place a row of it names is told with all of
//! its rows, as without a selection.

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

use crate::parse::LogType;
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
    /// The records that chose the places; `None` if nothing but buckets was asked for.
    pub selected: Option<Selected>,
    /// What the memory did not hold, a sentence each.
    pub left_out: Vec<String>,
}

/// The records of a selection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selected {
    /// How many there are.
    pub records: u64,
    /// The first and the last of them, in milliseconds.
    pub span_ms: Option<(i64, i64)>,
    /// Records of each log, in the order of [`LogType::ALL`], that do not say what is asked for: they belong to the
    /// selection if another record of the same request does, and are not among the above.
    pub may_belong: [u64; LogType::ALL.len()],
}

impl Selected {
    fn add(&mut self, other: &Selected) {
        self.records += other.records;
        self.span_ms = days::joined(self.span_ms, other.span_ms);
        self.may_belong.iter_mut().zip(other.may_belong).for_each(|(mine, theirs)| *mine += theirs);
    }
}
