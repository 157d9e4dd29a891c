//! Alerts and summaries for people.

pub mod safe;
