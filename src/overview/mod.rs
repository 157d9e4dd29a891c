//! What happened as a whole, for people: requests and bytes over time, who made them, from where, with which programs, in
//! which buckets.
//!
//! Each row is added up under its minute ([`periods`]) and under its caller, address, user agent, caller and bucket, caller
//! and quarter of an hour ([`sampled`]). All are sums, minima and maxima under a budget: they merge, and neither the order of rows nor
//! the number of threads shows in them.

pub mod counts;
pub mod periods;
pub mod sampled;
pub mod stage;

pub use counts::{Counts, PerLog};
pub use stage::OverviewStage;

use periods::Periods;
use sampled::{Named, Sampled};

/// Milliseconds of a quarter of an hour.
pub const QUARTER_MS: i64 = 15 * periods::MINUTE_MS;

/// All that was seen.
#[derive(Debug)]
pub struct Overview {
    /// Requests over time.
    pub periods: Periods,
    /// By caller.
    pub principals: Top,
    /// By address.
    pub addresses: Top,
    /// By user agent.
    pub user_agents: Top,
    /// By bucket.
    pub buckets: Top,
    /// By caller and bucket.
    pub places: Sampled,
    /// By caller and quarter of an hour since 1970.
    pub quarters: Sampled,
    /// Different objects that were named, and whether that is an estimate.
    pub objects: (u64, bool),
    /// Rows that have no time.
    pub without_time: u64,
}

/// Names of one kind, with what was seen of each.
#[derive(Debug)]
pub struct Top {
    /// The names, the busiest first.
    pub names: Vec<Named>,
    /// How many there are in all; what is not logged is none.
    pub distinct: u64,
    /// Is that an estimate?
    pub is_estimate: bool,
    /// One of so many rows was counted; 1 is all.
    pub one_in: u64,
}
