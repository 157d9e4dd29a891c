//! Alerts and summaries for people.

pub mod alerts;
pub mod count;
pub mod lint;
pub mod markdown;
pub mod ocsf;
pub mod redact;
pub mod safe;
pub mod table_formats;
pub mod verify;
