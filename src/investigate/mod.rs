//! Investigation without SQL: what is asked for is found in both logs at once, each row with its places.
//!
//! ```text
//! selection ──► chain ──────────► events ──────► joined ──────► kms ──────► timeline
//!  who, where    what callers      selected       two rows of    keys used    rows in
//!  and when      took on           rows, spilled  one request    for it       order of time
//! ```

pub mod selection;

pub mod alert_file;
pub mod blind_spots;
pub mod pattern;

pub mod chain;

pub mod event;
pub mod events;
pub mod spill_sort;

pub mod joined;
pub mod kms;

pub mod timeline;

pub use selection::{Conditions, Selection};
