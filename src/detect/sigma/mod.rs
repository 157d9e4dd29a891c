//! Rules as data: Sigma, compiled to predicates over columns.
//!
//! [`load::load`] reads files that may be hostile into rules of the same form as the others. A rule's condition is an
//! `expression::Expression` over [`fields::Field`]s; `program::Program` holds those of a run, and tells from the
//! name of an action alone which of them a row could match, so that the others cost it nothing.

mod cells;
pub mod correlation;
pub mod detector;
mod expression;
pub mod fields;
pub mod guard;
mod item;
pub mod load;
mod matcher;
mod metadata;
mod program;

pub use cells::CellTable;
pub use detector::{Data, Matched};
pub use expression::Filter;
pub use load::{Complaint, Loaded};
pub(super) use program::{Asking, Program};
