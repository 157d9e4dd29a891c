//! Joins the stages: threads, bounded queues, order and the ledger.

pub mod run;
pub mod stage;
pub mod tally;

mod both;
mod dedup;
mod first;
pub mod in_order;
mod origins;
mod refused;
mod reject_lines;
mod turn;

pub use both::Both;
pub use run::{Report, Settings, on_threads, run};
pub use stage::Stage;
pub use tally::Tally;
