//! Check 9: all files of a table have the same columns.

use super::walk;
use crate::lint::check::Check;
use crate::lint::report::Notebook;
use crate::report::count::counted;
use parquet::basic::Repetition;
use parquet::schema::types::Type;
use std::collections::BTreeMap;

/// 9.
pub const SAME_SCHEMA: Check = Check {
    number: 9,
    name: "same-schema",
    asserts: "All files of a table have the same columns, of the same types, in the same order.",
    why: "A table has one list of columns: a file of another type fails the query (HIVE_BAD_DATA or \
          HIVE_PARTITION_SCHEMA_MISMATCH), a column that a file lacks is null there, and crawlers split the \
          table.",
    link: "https://docs.aws.amazon.com/athena/latest/ug/handling-schema-updates-chapter.html",
    next: "Write the files again with one schema; absent columns as nulls.",
};

/// One of the schemas of a table.
pub(in crate::lint) struct SchemaOfFiles<'a> {
    pub(in crate::lint) schema: &'a Type,
    /// The first file that has it, below the folder that is checked.
    pub(in crate::lint) path: &'a str,
    /// How many files have it.
    pub(in crate::lint) files: u64,
}

/// `schemas` without repeats, in the order of their first files. The one that most files have is taken for the
/// right one.
pub(in crate::lint) fn check(schemas: &[SchemaOfFiles<'_>], notebook: &mut Notebook) {
    notebook.evaluated(&SAME_SCHEMA);
    // Of several the first; max_by_key would take the last.
    let Some(most) = schemas.iter().rev().max_by_key(|schema| schema.files) else { return };
    let expected = columns(most.schema);
    for schema in schemas.iter().filter(|schema| !std::ptr::eq(*schema, most)) {
        let found = columns(schema.schema);
        let suffix = match schema.files {
            1 => format!("; other than {}", most.path),
            files => format!("; other than {}, in {}", most.path, counted(files, "file")),
        };
        let mut is_told = false;
        for (name, kind) in &found {
            match expected.get(name) {
                Some(other) if other == kind => continue,
                Some(other) => {
                    let found = format!("{kind}, elsewhere {other}{suffix}");
                    notebook.report(SAME_SCHEMA.error(schema.path, found).in_column(name));
                }
                None => {
                    let found = format!("a column that other files lack{suffix}");
                    notebook.report(SAME_SCHEMA.warning(schema.path, found).in_column(name));
                }
            }
            is_told = true;
        }
        for name in expected.keys().filter(|name| !found.contains_key(*name)) {
            let found = format!("the column is missing{suffix}");
            notebook.report(SAME_SCHEMA.warning(schema.path, found).in_column(name));
            is_told = true;
        }
        if !is_told {
            notebook.report(SAME_SCHEMA.warning(schema.path, format!("the columns are in another order{suffix}")));
        }
    }
}

/// Path and type of every node.
fn columns(schema: &Type) -> BTreeMap<String, String> {
    let mut columns = BTreeMap::new();
    walk(schema, "", &mut |path, node| {
        columns.insert(path.to_owned(), kind(node));
    });
    columns
}

/// The type as text. Nullable or not makes no difference to a table.
fn kind(node: &Type) -> String {
    let info = node.get_basic_info();
    let repeated =
        if info.has_repetition() && info.repetition() == Repetition::REPEATED { "repeated " } else { "" };
    let physical = if node.is_primitive() { node.get_physical_type().to_string() } else { "group".to_owned() };
    match super::annotation(node) {
        super::Annotation::None => format!("{repeated}{physical}"),
        annotation => format!("{repeated}{physical} ({annotation:?})"),
    }
}

/// What tells schemas apart: two files of the same text have the same columns.
pub(in crate::lint) fn text(schema: &Type) -> String {
    let mut text = String::new();
    walk(schema, "", &mut |path, node| {
        text += path;
        text.push('\0');
        text += &kind(node);
        text.push('\0');
    });
    text
}
