//! Investigation without SQL: what is asked for is found in both logs at once, each row with its places.
//!
//! ```text
//! selection ──► chain ──────────► events ──────► joined ──────► kms ──────► timeline
//!  who, where    what callers      selected       two rows of    keys used    rows in
//!  and when      took on           rows, spilled  one request    for it       order of time
//!                   │
//!                   └────────────► object_requests ──► accesses ──► exposure
//!                                  requests for         what was     sums by object,
//!                                  objects, joined      got          prefix and in all
//!                                       │
//!                                       └──────────► key_history ──► recover
//!                                                    changes of an   what is gone and
//!                                                    object, fate    what brings it back
//! ```

pub mod selection;

pub mod alert_file;
pub mod alerts;
pub mod blind_spots;
pub mod pattern;

pub mod chain;
pub mod grant;

pub mod event;
pub mod events;
pub mod in_parallel;
pub mod sorted;
pub mod spill_sort;

pub mod joined;
pub mod kms;

pub mod parties;
pub mod timeline;

pub mod object_record;
pub mod object_requests;

pub mod accesses;
pub mod exposure;
pub mod exposure_columns;
pub mod extent;

pub mod key_history;
pub mod recover;
pub mod recover_columns;
pub mod versioning;

pub use selection::{Conditions, Selection};
