//! Checks 4 and 5: nesting in the one form that all readers know.

use super::{Annotation, annotation, is_repeated, walk};
use crate::lint::check::{Check, Finding};
use crate::lint::report::Notebook;
use parquet::schema::types::Type;

/// 4.
pub const THREE_LEVEL_LISTS: Check = Check {
    number: 4,
    name: "three-level-lists",
    asserts: "A list is a group of one repeated group `list` of one field `element`; a map, of one repeated group \
              `key_value` of `key` and `value`.",
    why: "Readers guess at other forms, and not alike: a level may be taken for a struct, or elements come back \
          null.",
    link: "https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#lists",
    next: "Write three levels. arrow-rs: coerce_types; pyarrow: use_compliant_nested_type (the default); Spark: \
           spark.sql.parquet.writeLegacyFormat=false.",
};

/// 5.
pub const NO_EMPTY_STRUCT: Check = Check {
    number: 5,
    name: "no-empty-struct",
    asserts: "Every struct has a field, and the table has a column.",
    why: "struct<> is no type of Hive: the table cannot be created.",
    link: "https://docs.aws.amazon.com/athena/latest/ug/data-types.html",
    next: "Leave the column out, or write its JSON as text.",
};

pub(super) fn check(schema: &Type, path: &str, notebook: &mut Notebook) {
    notebook.evaluated(&THREE_LEVEL_LISTS);
    notebook.evaluated(&NO_EMPTY_STRUCT);
    if schema.get_fields().is_empty() {
        notebook.report(NO_EMPTY_STRUCT.error(path, "the schema has no column"));
    }
    // Repeated nodes that belong to a list or map above them.
    let mut known: Vec<*const Type> = Vec::new();
    walk(schema, "", &mut |column, node| {
        if node.is_group() && node.get_fields().is_empty() {
            notebook.report(NO_EMPTY_STRUCT.error(path, "a struct without fields").in_column(column));
            return;
        }
        let inner = match (node.is_group(), annotation(node)) {
            (true, Annotation::List | Annotation::Map) => {
                node.get_fields().first().filter(|inner| is_repeated(inner))
            }
            _ => None,
        };
        known.extend(inner.map(|inner| std::ptr::from_ref::<Type>(inner)));
        let finding = match annotation(node) {
            Annotation::List => list(node, path),
            Annotation::Map if !is_repeated(node) => map(node, path),
            _ if is_repeated(node) && !known.contains(&std::ptr::from_ref(node)) => {
                Some(THREE_LEVEL_LISTS.error(path, "a repeated field that is part of no list or map"))
            }
            _ => None,
        };
        if let Some(finding) = finding {
            notebook.report(finding.in_column(column));
        }
    });
}

/// The only child of a list or map, if it is a repeated group.
fn repeated_group(node: &Type) -> Option<&Type> {
    match node.is_group().then(|| node.get_fields()) {
        Some([inner]) if inner.is_group() && is_repeated(inner) => Some(inner),
        _ => None,
    }
}

fn list(node: &Type, path: &str) -> Option<Finding> {
    let Some(inner) = repeated_group(node).filter(|inner| inner.get_fields().len() == 1) else {
        return Some(THREE_LEVEL_LISTS.error(path, "a list of two levels"));
    };
    let element = &inner.get_fields()[0];
    if is_repeated(element) {
        return Some(THREE_LEVEL_LISTS.error(path, "the element of the list is repeated itself"));
    }
    let names = (inner.name(), element.name());
    (names != ("list", "element")).then(|| {
        THREE_LEVEL_LISTS
            .warning(path, format!("the levels of the list are called {:?} and {:?}", names.0, names.1))
    })
}

fn map(node: &Type, path: &str) -> Option<Finding> {
    let Some(inner) = repeated_group(node).filter(|inner| inner.get_fields().len() == 2) else {
        return Some(THREE_LEVEL_LISTS.error(path, "a map without a repeated group of key and value"));
    };
    let fields = inner.get_fields();
    let names = (inner.name(), fields[0].name(), fields[1].name());
    (names != ("key_value", "key", "value")).then(|| {
        THREE_LEVEL_LISTS.warning(
            path,
            format!("the levels of the map are called {:?}, {:?} and {:?}", names.0, names.1, names.2),
        )
    })
}
