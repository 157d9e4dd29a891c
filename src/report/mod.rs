//! Alerts and summaries for people.

pub mod alerts;
pub mod baseline;
pub mod case;
pub mod count;
pub mod coverage;
pub mod csv;
pub mod eval;
pub mod html;
mod layout;
pub mod lint;
pub mod markdown;
pub mod numbers;
pub mod ocsf;
pub mod reasons;
pub mod redact;
pub mod restore_script;
pub mod safe;
mod sheet;
pub mod table_formats;
pub mod verify;
