//! Joins the stages: threads, bounded queues, order and the ledger.

pub mod dedup;
pub mod in_order;
pub mod stage;
pub mod turn;
