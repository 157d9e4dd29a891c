//! Alerts and summaries for people.

pub mod alerts;
pub mod count;
pub mod lint;
pub mod ocsf;
pub mod safe;
pub mod verify;
