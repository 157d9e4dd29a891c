//! What goes on in the company every day.

mod apps;
mod delivery;
mod jobs;
mod lifecycle;
mod people;
mod public;
mod teams;
mod terraform;

use super::timeline::Timeline;

pub(super) use apps::{PICTURES, customers, machine, scan_size, sessions, shop};
pub(super) use delivery::deliver;
pub(super) use jobs::EXPORTS;
pub(super) use people::{OFFICE, workday};
pub(super) use teams::{DUMP_DAYS, DUMPS_A_DAY, FILES, INVOICE_COUNT, MEASUREMENTS, MODEL_SHARDS};

/// Least number of records of the applications and the web together.
const LEAST_TRAFFIC: u64 = 10_000;

/// Fills the ten days with about `events` records.
pub(super) fn fill(timeline: &mut Timeline, events: u64) {
    delivery::fill(timeline);
    lifecycle::fill(timeline);
    jobs::fill(timeline);
    people::fill(timeline);
    teams::fill(timeline);
    terraform::fill(timeline);
    // What is left of the number is traffic that grows with the company.
    let left = events.saturating_sub(timeline.records()).max(LEAST_TRAFFIC);
    apps::fill(timeline, left * 65 / 100);
    public::fill(timeline, left * 35 / 100);
}
