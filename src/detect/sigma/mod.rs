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
mod older;
mod program;

pub use cells::CellTable;
pub use detector::{Data, Matched};
pub use expression::Filter;
pub use load::{Complaint, Loaded};
pub(super) use program::{Asking, Program};

/// The conditions of rules of our own, for as long as the program runs.
///
/// # Panics
/// If one cannot be read; a test walks all rules.
pub fn conditions(text: &str) -> &'static [&'static Filter] {
    let (filters, complaints) = load::filters(text);
    assert!(complaints.is_empty(), "{complaints:?}");
    Vec::leak(filters.into_iter().map(|filter| &*Box::leak(Box::new(filter))).collect())
}
