//! What goes on in the company every day.

mod apps;
mod delivery;
mod jobs;
mod lifecycle;
mod people;
mod public;
mod terraform;

use super::timeline::Timeline;

pub(super) use apps::{machine, scan_size};
pub(super) use people::OFFICE;
pub(super) use public::PAGES;

/// Least number of records of the applications and the web together.
const LEAST_TRAFFIC: u64 = 10_000;

/// Fills the ten days with about `events` records.
pub(super) fn fill(timeline: &mut Timeline, events: u64) {
    delivery::fill(timeline);
    lifecycle::fill(timeline);
    jobs::fill(timeline);
    people::fill(timeline);
    terraform::fill(timeline);
    // What is left of the number is traffic that grows with the company.
    let left = events.saturating_sub(timeline.records()).max(LEAST_TRAFFIC);
    apps::fill(timeline, left * 65 / 100);
    public::fill(timeline, left * 35 / 100);
}
