//! Joins the stages: threads, bounded queues, order and the ledger.

pub mod run;
pub mod stage;
pub mod tally;

mod dedup;
mod first;
mod reject_lines;
pub mod in_order;
mod turn;

pub use run::{Report, Settings, run};
pub use stage::Stage;
pub use tally::Tally;
