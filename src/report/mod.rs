//! Alerts and summaries for people.

pub mod alerts;
pub mod ocsf;
pub mod safe;
