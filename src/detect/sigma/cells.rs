//! The values of fields in some rows of a table: columns are made when the first rule asks for them.

use super::fields::{Field, FieldKind, other_spellings};
use crate::batch::{Column, TextCells};
use crate::parse::FieldTable;
use crate::parse::json::{self, Cursor, Kind};
use hashbrown::HashMap;
use memchr::memmem::find;
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

/// Some rows of a table.
pub struct CellTable<'a> {
    table: &'a FieldTable,
    rows: &'a [u32],
    columns: RefCell<Vec<(&'static Column, Rc<Cells<'a>>)>>,
}

/// A column of text, a cell a row: what the log says lies in the block, and only what is composed has a buffer of its own.
pub struct Cells<'a> {
    texts: TextCells<'a>,
    rows: &'a [u32],
    distinct: OnceCell<Distinct>,
}

/// The values that a column has, once each.
pub struct Distinct {
    /// For each row the number of its value.
    pub numbers: Vec<u32>,
    /// A row for each value.
    pub rows: Vec<u32>,
}

impl Cells<'_> {
    /// The cell of a row, which is valid UTF-8; `None` is null.
    pub fn get(&self, row: usize) -> Option<&[u8]> {
        self.texts.bytes(self.rows, row)
    }

    /// The values once each; of values that were composed once for many rows some may come again.
    pub fn distinct(&self) -> &Distinct {
        self.distinct.get_or_init(|| match &self.texts {
            TextCells::Shared { places, numbers, .. } => {
                let mut rows = vec![0; places.len()];
                (0..).zip(numbers).for_each(|(row, number)| rows[*number as usize] = row);
                Distinct { numbers: numbers.clone(), rows }
            }
            TextCells::Field { .. } | TextCells::Made { .. } => {
                let mut known: HashMap<Option<&[u8]>, u32> = HashMap::new();
                let (mut numbers, mut rows) = (Vec::with_capacity(self.rows.len()), Vec::new());
                for row in 0..self.rows.len() {
                    let number = *known.entry(self.get(row)).or_insert_with(|| {
                        rows.push(row as u32);
                        rows.len() as u32 - 1
                    });
                    numbers.push(number);
                }
                Distinct { numbers, rows }
            }
        })
    }

    /// Is it known without looking at the cells which rows have the same value?
    pub fn is_shared(&self) -> bool {
        matches!(self.texts, TextCells::Shared { .. })
    }
}

impl<'a> CellTable<'a> {
    /// The rows with these numbers.
    pub fn new(table: &'a FieldTable, rows: &'a [u32]) -> CellTable<'a> {
        CellTable { table, rows, columns: RefCell::default() }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// None?
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table.
    pub fn table(&self) -> &'a FieldTable {
        self.table
    }

    /// The numbers of some of the rows in their table.
    pub fn table_rows(&self, rows: &[u32]) -> Vec<u32> {
        rows.iter().map(|row| self.rows[*row as usize]).collect()
    }

    /// A column.
    pub fn column(&self, column: &'static Column) -> Rc<Cells<'a>> {
        let known =
            self.columns.borrow().iter().find(|(known, _)| std::ptr::eq(*known, column)).map(|it| it.1.clone());
        known.unwrap_or_else(|| {
            let texts = TextCells::of(&column.cells, self.table, self.rows);
            let cells = Rc::new(Cells { texts, rows: self.rows, distinct: OnceCell::new() });
            self.columns.borrow_mut().push((column, Rc::clone(&cells)));
            cells
        })
    }

    /// The first value of a field in a row.
    pub fn first_value(&self, field: &Field, row: usize) -> Option<String> {
        let mut first = None;
        let cells = self.column(field.column);
        values(field, cells.get(row), &mut |value| {
            first = value.map(|value| String::from_utf8_lossy(value).into_owned());
            true
        });
        first
    }
}

/// Calls with each value of a field until it answers `true`, and tells if it did. A field that has none is called with
/// `None`; of lists each element is a value.
pub fn values(field: &Field, cell: Option<&[u8]>, test: &mut dyn FnMut(Option<&[u8]>) -> bool) -> bool {
    let Some(text) = cell else { return test(None) };
    if !field.is_column() {
        let mut search = Search { is_found: false, is_matched: false, test };
        search.walk_text(text, &field.path);
        return if search.is_found { search.is_matched } else { test(None) };
    }
    let mut any = test(Some(text));
    if field.kind == FieldKind::ActionName && !any {
        let name = std::str::from_utf8(text).unwrap_or_default();
        any = other_spellings(name).any(|name| test(Some(name.as_bytes())));
    }
    // Rules quote a document inside a text, such as a policy, as it is: without the escapes of the text around it.
    if field.kind == FieldKind::Json && !any && find(text, b"\\\"").is_some() {
        any = test(Some(String::from_utf8_lossy(text).replace("\\\"", "\"").as_bytes()));
    }
    any
}

/// A walk along a path in JSON.
struct Search<'a> {
    is_found: bool,
    is_matched: bool,
    test: &'a mut dyn FnMut(Option<&[u8]>) -> bool,
}

impl Search<'_> {
    /// Text that is no JSON has no members. Its depth was bounded when the record was parsed.
    fn walk_text(&mut self, text: &[u8], path: &[Box<str>]) {
        // Most often the member is not there; a name with an escape is not found by its letters.
        let has_name = path.first().is_none_or(|name| find(text, name.as_bytes()).is_some());
        if !has_name && memchr::memchr(b'\\', text).is_none() {
            return;
        }
        match text.trim_ascii_start().first() {
            Some(b'{') => self.walk(Kind::Object, text, path),
            Some(b'[') => self.walk(Kind::Array, text, path),
            _ => {}
        }
    }

    fn walk(&mut self, kind: Kind, raw: &[u8], path: &[Box<str>]) {
        if self.is_matched {
            return;
        }
        match (kind, path) {
            (Kind::Array, _) => {
                let _checked = Cursor::new(raw).elements(|cursor| {
                    let element = cursor.value()?;
                    self.walk_value(&element, path);
                    Ok(())
                });
            }
            (Kind::Object, [first, rest @ ..]) => {
                let _checked = json::members(raw, |key, member| {
                    let name = key.name();
                    if *name == *first.as_bytes() {
                        self.walk_value(&member, rest);
                    } else if !rest.is_empty() && is_path(&name, path) {
                        self.walk_value(&member, &[]);
                    }
                });
            }
            _ => {}
        }
    }

    fn walk_value(&mut self, value: &json::Value<'_>, path: &[Box<str>]) {
        if !path.is_empty() || value.kind == Kind::Array {
            self.walk(value.kind, value.raw, path);
        } else if let (Some(text), false) = (value.text(), self.is_matched) {
            self.is_found = true;
            self.is_matched = (self.test)(Some(&text));
        }
    }
}

/// Is it the whole path, with dots? Names of headers and tags may have some.
fn is_path(name: &[u8], path: &[Box<str>]) -> bool {
    name.contains(&b'.') && name.split(|byte| *byte == b'.').eq(path.iter().map(|part| part.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::super::fields::Source;
    use super::*;

    #[test]
    fn paths_lead_through_objects_and_lists() {
        let text = r#"{"a":{"b":["x",{"c":1}],"n":null,"t":true},"l":[{"k":"1"},{"k":["2","3"]}],"d.e":"dot","q":"\"é\""}"#;
        for (path, expected) in [
            ("a.b", vec![Some("x"), Some(r#"{"c":1}"#)]),
            ("a.b.c", vec![Some("1")]),
            ("a.n", vec![None]),
            ("a.t", vec![Some("true")]),
            ("a.missing", vec![None]),
            ("l.k", vec![Some("1"), Some("2"), Some("3")]),
            ("d.e", vec![Some("dot")]),
            ("q", vec![Some("\"é\"")]),
        ] {
            let field = Field::named(Source::CloudTrail, &format!("requestParameters.{path}")).unwrap();
            let mut seen = Vec::new();
            values(&field, Some(text.as_bytes()), &mut |value| {
                seen.push(value.map(|value| String::from_utf8(value.to_vec()).unwrap()));
                false
            });
            let seen: Vec<Option<&str>> = seen.iter().map(Option::as_deref).collect();
            assert_eq!(seen, expected, "{path}");
        }
        let field = Field::named(Source::CloudTrail, "requestParameters.a").unwrap();
        for text in [None, Some("no json"), Some("[[[["), Some("")] {
            assert!(values(&field, text.map(str::as_bytes), &mut |value| value.is_none()), "{text:?}");
        }
    }
}
