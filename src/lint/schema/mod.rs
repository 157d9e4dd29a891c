//! Checks of the columns: their types, nesting and names, and that all files of a table agree.

mod annotation;
pub(super) mod lists;
pub(super) mod names;
mod reserved;
pub(super) mod same;
pub(super) mod types;

pub(super) use annotation::{Annotation, TimestampUnit, annotation};

use super::report::Notebook;
use parquet::basic::Repetition;
use parquet::schema::types::Type;

/// Checks 1 to 7 and the first half of 8, of one schema. `path` is a file that has it.
pub(super) fn check(schema: &Type, path: &str, notebook: &mut Notebook) {
    types::check(schema, path, notebook);
    lists::check(schema, path, notebook);
    names::check(schema, path, notebook);
}

/// Calls back with every node below the root: its path with dots, and itself. The depth of schemas is bounded
/// where footers are read.
fn walk<'a>(node: &'a Type, path: &str, visit: &mut impl FnMut(&str, &'a Type)) {
    if !node.is_group() {
        return;
    }
    for child in node.get_fields() {
        let child_path =
            if path.is_empty() { child.name().to_owned() } else { format!("{path}.{}", child.name()) };
        visit(&child_path, child);
        walk(child, &child_path, visit);
    }
}

fn is_repeated(node: &Type) -> bool {
    let info = node.get_basic_info();
    info.has_repetition() && info.repetition() == Repetition::REPEATED
}
