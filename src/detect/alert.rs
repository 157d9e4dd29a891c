//! placeholder
/// s
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// i
    Info,
}
/// a
#[derive(Debug)]
pub struct Alert;
