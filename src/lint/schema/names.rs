//! Checks 6 to 8: names that Hive and Athena take without quotes and tell apart.

use super::reserved::is_reserved;
use super::{Annotation, annotation, walk};
use crate::lint::check::Check;
use crate::lint::report::Notebook;
use crate::lint::time_column::OCSF_CLASS;
use parquet::schema::types::Type;
use std::collections::BTreeSet;

/// 6.
pub const PLAIN_NAMES: Check = Check {
    number: 6,
    name: "plain-names",
    asserts: "Names of columns and members are `[a-z][a-z0-9_]*`, at most 255 characters.",
    why: "Athena folds names to lower case and takes no other characters than letters, digits and underscores in \
          most places; a name that does not begin with a letter needs quotes.",
    link: "https://docs.aws.amazon.com/athena/latest/ug/tables-databases-columns-names.html",
    next: "Rename the column before it is written; a view can show the old name.",
};

/// 7.
pub const NOT_RESERVED: Check = Check {
    number: 7,
    name: "not-reserved",
    asserts: "No column, member or partition key is a reserved word, but for `time` and `user` in tables of OCSF (those \
              with its `class_uid`), which gives these names as Security Lake demands them.",
    why: "In DDL it must stand in backticks, in queries in double quotes: who forgets it gets a syntax error.",
    link: "https://docs.aws.amazon.com/athena/latest/ug/reserved-words.html",
    next: "Rename it, such as time to event_time, or quote it everywhere.",
};

/// 8.
pub const DISTINCT_NAMES: Check = Check {
    number: 8,
    name: "distinct-names",
    asserts: "No two columns of a table, or members of a struct, differ in nothing but case, and no column is \
              also a partition key.",
    why: "Athena does not tell case apart: the table has a column twice (HIVE_INVALID_METADATA), or one hides \
          the other.",
    link: "https://docs.aws.amazon.com/athena/latest/ug/troubleshooting-athena.html",
    next: "Rename one. The value of a partition key stands in the name of the folder and need not be in the file.",
};

/// Reserved words that OCSF gives to attributes of events (<https://schema.ocsf.io/1.3.0/classes/api_activity>): tables of
/// OCSF must have them.
const OCSF_NAMES: [&str; 2] = ["time", "user"];

/// Longest name in Glue (<https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html>).
const NAME_CHARACTERS: usize = 255;

pub(super) fn check(schema: &Type, path: &str, notebook: &mut Notebook) {
    for check in [&PLAIN_NAMES, &NOT_RESERVED, &DISTINCT_NAMES] {
        notebook.evaluated(check);
    }
    twice(schema, "", path, notebook);
    let is_ocsf = schema.get_fields().iter().any(|column| column.name() == OCSF_CLASS);
    let mut inside_list: BTreeSet<String> = BTreeSet::new();
    walk(schema, "", &mut |column, node| {
        let is_level = inside_list.contains(column);
        // The levels of a list or map are no names that anybody writes.
        if matches!(annotation(node), Annotation::List | Annotation::Map) && node.is_group() {
            for inner in node.get_fields().iter().filter(|inner| inner.is_group()) {
                let inner_path = format!("{column}.{}", inner.name());
                let levels = inner.get_fields().iter().map(|level| format!("{inner_path}.{}", level.name()));
                inside_list.extend(levels);
                inside_list.insert(inner_path);
            }
        }
        if !is_level {
            let is_given = is_ocsf && OCSF_NAMES.contains(&node.name());
            name(node.name(), is_given, column, path, notebook);
        }
        if node.is_group() && !(matches!(annotation(node), Annotation::List | Annotation::Map)) {
            twice(node, column, path, notebook);
        }
    });
}

/// `is_given`: a standard wants it so.
fn name(name: &str, is_given: bool, column: &str, path: &str, notebook: &mut Notebook) {
    let characters = name.chars().count();
    let is_letter_or_digit = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let finding = if characters > NAME_CHARACTERS {
        Some(PLAIN_NAMES.error(path, format!("a name of {characters} characters")))
    } else if name.is_empty() || !name.chars().all(is_letter_or_digit) {
        Some(PLAIN_NAMES.error(path, format!("the name {name:?} has other characters than letters, digits and _")))
    } else if name.chars().any(|char| char.is_ascii_uppercase()) {
        Some(PLAIN_NAMES.warning(path, format!("the name {name:?} has capitals, which Athena folds")))
    } else if !name.starts_with(|char: char| char.is_ascii_lowercase()) {
        Some(PLAIN_NAMES.warning(path, format!("the name {name:?} does not begin with a letter and needs quotes")))
    } else {
        None
    };
    // A hostile name may be as long as a footer.
    let column: String = column.chars().take(NAME_CHARACTERS * 2).collect();
    if let Some(finding) = finding {
        notebook.report(finding.in_column(&column));
    }
    if is_reserved(name) && !is_given {
        notebook.report(NOT_RESERVED.warning(path, format!("{name:?} is a reserved word")).in_column(column));
    }
}

/// Children of one node whose names are the same to Athena.
fn twice(node: &Type, parent: &str, path: &str, notebook: &mut Notebook) {
    let mut seen = BTreeSet::new();
    for child in node.get_fields() {
        if !seen.insert(child.name().to_lowercase()) {
            let column =
                if parent.is_empty() { child.name().to_owned() } else { format!("{parent}.{}", child.name()) };
            notebook
                .report(DISTINCT_NAMES.error(path, "another one has this name too, to Athena").in_column(column));
        }
    }
}

/// The names of the partition keys of a table, against its columns and the reserved words.
pub(in crate::lint) fn check_keys(keys: &[String], schema: &Type, path: &str, notebook: &mut Notebook) {
    for key in keys {
        if is_reserved(key) {
            notebook.report(NOT_RESERVED.warning(path, format!("the partition key {key:?} is a reserved word")));
        }
        if schema.get_fields().iter().any(|column| column.name().eq_ignore_ascii_case(key)) {
            let found = "a partition key has this name too";
            notebook.report(DISTINCT_NAMES.error(path, found).in_column(key));
        }
    }
}
