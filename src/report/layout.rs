//! Rows as text for people: a table where its columns have room, else a block a row, as `psql` does it (`\x auto`).
//!
//! Columns that are empty in all rows are left out. In a table long words are shortened in their middle, as names, ARNs and
//! keys differ at both ends; in blocks nothing is.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use std::borrow::Cow;

/// Words are not shortened below this: it is the length of an instant, such as `2026-03-04T09:12:00Z`. Where columns have
/// less room, rows become blocks.
const SHORTEST: usize = 20;

/// Spaces around a column, and between it and the next.
const AROUND: usize = 3;

/// Rows laid out.
#[derive(Debug)]
pub struct LaidOut {
    /// Lines, each with its end.
    pub text: String,
    /// Was a word shortened?
    pub is_shortened: bool,
}

/// Lays out rows of a cell a name, made harmless before; a cell can have several lines.
pub fn lay_out(names: &[&str], rows: &[Vec<String>], width: u16) -> LaidOut {
    let columns: Vec<usize> =
        (0..names.len()).filter(|column| rows.iter().any(|row| !row[*column].is_empty())).collect();
    match longest_word(names, rows, &columns, width.into()) {
        Some(longest) => table(names, rows, &columns, (width, longest)),
        None => LaidOut { text: blocks(names, rows, width), is_shortened: false },
    }
}

/// The most characters of a column so that all have room; `None` if they would be too few.
fn longest_word(names: &[&str], rows: &[Vec<String>], columns: &[usize], width: usize) -> Option<usize> {
    let longest_line = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
    let natural = |column: &usize| {
        let cells = rows.iter().map(|row| longest_line(&row[*column])).max().unwrap_or(0);
        cells.max(names[*column].len())
    };
    let natural: Vec<usize> = columns.iter().map(natural).collect();
    let room = width.checked_sub(AROUND * columns.len())?;
    let needed = |most: usize| natural.iter().map(|natural| most.min(*natural)).sum::<usize>();
    (SHORTEST..=width).rev().find(|most| needed(*most) <= room)
}

fn table(names: &[&str], rows: &[Vec<String>], columns: &[usize], (width, longest): (u16, usize)) -> LaidOut {
    let mut is_shortened = false;
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(width);
    table.set_header(columns.iter().map(|column| names[*column]));
    for row in rows {
        table.add_row(columns.iter().map(|column| {
            let cell = shortened(&row[*column], longest);
            is_shortened |= matches!(cell, Cow::Owned(_));
            cell
        }));
    }
    let most = Width::Fixed(u16::try_from(longest + 2).unwrap_or(u16::MAX));
    table.column_iter_mut().for_each(|column| {
        column.set_constraint(ColumnConstraint::UpperBoundary(most));
    });
    LaidOut { text: format!("{table}\n"), is_shortened }
}

/// A text without words that are longer: what is taken out of their middle is `…`.
fn shortened(text: &str, longest: usize) -> Cow<'_, str> {
    let is_long = |word: &str| word.chars().count() > longest;
    if !text.split([' ', '\n']).any(is_long) {
        return Cow::Borrowed(text);
    }
    let word = |word: &str| {
        if !is_long(word) {
            return word.to_owned();
        }
        // The end tells more: of an ARN the name, of a key the file.
        let head = (longest - 1) / 3;
        let tail = word.chars().count() - (longest - 1 - head);
        word.chars().take(head).chain(['…']).chain(word.chars().skip(tail)).collect()
    };
    let line = |line: &str| line.split(' ').map(word).collect::<Vec<String>>().join(" ");
    Cow::Owned(text.split('\n').map(line).collect::<Vec<String>>().join("\n"))
}

/// A line a cell that is not empty, and an empty line between rows.
fn blocks(names: &[&str], rows: &[Vec<String>], width: u16) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    for row in rows {
        let cells = names.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
        table.add_rows(cells.map(|(name, cell)| [*name, cell]));
        table.add_row(["", ""]);
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["time", "who", "empty", "key"];

    fn row(key: &str) -> Vec<String> {
        ["2026-03-04T09:12:00Z", "arn:aws:iam::111122223333:user/ann", "", key].map(str::to_owned).to_vec()
    }

    #[test]
    fn a_table_has_room_or_becomes_blocks() {
        let key = "backups/2026/03/04/database.sql.zst";
        let at = |width| lay_out(&NAMES, &[row(key), row("k")], width);
        let wide = at(120);
        assert!(wide.text.contains(key) && !wide.is_shortened && !wide.text.contains("empty"), "{}", wide.text);
        let narrow = at(80);
        assert!(narrow.is_shortened, "{}", narrow.text);
        for text in ["2026-03-04T09:12:00Z", "arn:aws:…", "33:user/ann", "database.sql.zst"] {
            assert!(narrow.text.contains(text), "{text} in {}", narrow.text);
        }
        assert!(narrow.text.lines().all(|line| line.chars().count() <= 80), "{}", narrow.text);
        let blocks = at(60);
        let expected =
            format!(" time  2026-03-04T09:12:00Z\n who   arn:aws:iam::111122223333:user/ann\n key   {key}\n\n");
        assert!(blocks.text.starts_with(&expected) && !blocks.is_shortened, "{}", blocks.text);
        // Whatever the width, it ends.
        (0..30).for_each(|width| assert!(!at(width).text.is_empty(), "{width}"));
    }

    #[test]
    fn words_lose_their_middle_and_prose_is_left() {
        for (text, expected) in [
            ("short", "short"),
            ("exactly-twenty-chars", "exactly-twenty-chars"),
            ("exactly-twenty-chars!", "exactl…twenty-chars!"),
            ("many short words in a long sentence", "many short words in a long sentence"),
            ("ééééééééééééééééééééé", "éééééé…ééééééééééééé"),
            ("a\nexactly-twenty-chars!", "a\nexactl…twenty-chars!"),
        ] {
            assert_eq!(shortened(text, 20), expected);
        }
    }
}
