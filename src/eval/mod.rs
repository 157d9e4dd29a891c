//! How well detectors do: their alerts held against a list of what happened.
//!
//! [`labels`] reads the list, [`mod@score`] holds the alerts against it. Neither knows files or threads.

pub mod labels;
pub mod score;

pub use labels::{Label, parse};
pub use score::{Benign, IncidentScore, RuleScore, Scores, Scoring, Totals, score};
