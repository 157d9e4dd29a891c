//! Rows as text for people: a table where its columns have room, else a block a row, as `psql` does it (`\x auto`).
//!
//! Columns that are empty in all rows are left out. In a table no word is torn apart: long ones are shortened in their
//! middle, as names, ARNs and keys differ at both ends. In blocks nothing is.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, TableComponent, Width, presets};
use std::borrow::Cow;

/// Cells up to this are left whole on one line: it is the length of an instant, such as `2026-03-04T09:12:00Z`.
const WHOLE: usize = 20;

/// Words are not shortened below this. Where columns have less room, rows become blocks.
const SHORTEST: usize = 16;

/// Prose is not wrapped to less, unless its words are shorter still.
const NARROWEST: usize = 12;

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

impl LaidOut {
    /// What is to be said below, if texts were shortened: in which other form they are whole.
    pub fn shortened(&self, format: &str) -> Option<String> {
        self.is_shortened.then(|| told_of_shortened(format))
    }
}

/// The same where some of several parts were.
pub fn told_of_shortened(format: &str) -> String {
    format!("… stands for the middle of a long value; a wider terminal or --format {format} shows it")
}

/// Lays out rows of a cell a name, made harmless before; a cell can have several lines.
pub fn lay_out(names: &[&str], rows: &[Vec<String>], width: u16) -> LaidOut {
    let is_filled = |column: &usize| rows.is_empty() || rows.iter().any(|row| !row[*column].is_empty());
    let columns: Vec<Column> =
        (0..names.len()).filter(is_filled).map(|index| Column::of(index, names[index], rows)).collect();
    match widths(&columns, width.into()) {
        Some(widths) => table(names, rows, &columns, &widths),
        None => LaidOut { text: blocks(names, rows, width), is_shortened: false },
    }
}

/// A column that has something to show, and the characters that it takes.
struct Column {
    /// Its place in a row.
    index: usize,
    /// The longest line of its cells.
    longest_line: usize,
    /// The longest word of its cells.
    longest_word: usize,
    /// Its name on one line.
    name: usize,
    /// The longest word of its name.
    word_of_name: usize,
}

impl Column {
    fn of(index: usize, name: &str, rows: &[Vec<String>]) -> Column {
        let length = |text: &str| text.chars().count();
        let lines = rows.iter().flat_map(|row| row[index].lines());
        let words = lines.clone().flat_map(|line| line.split(' '));
        Column {
            index,
            longest_line: lines.map(length).max().unwrap_or(0),
            longest_word: words.map(length).max().unwrap_or(0),
            name: length(name),
            word_of_name: name.split(' ').map(length).max().unwrap_or(0),
        }
    }

    /// How wide it is where lines have so many characters at most.
    fn width(&self, most: usize) -> usize {
        let most = if self.longest_line <= WHOLE { WHOLE } else { most.max(self.longest_word.min(SHORTEST)) };
        most.min(self.longest_line).max(self.word_of_name)
    }
}

/// How wide the columns are, so that all have room; `None` if some would be too narrow.
fn widths(columns: &[Column], width: usize) -> Option<Vec<usize>> {
    let room = (width + 1).checked_sub(AROUND * columns.len())?;
    let whole: Vec<usize> = columns.iter().map(|column| column.longest_line.max(column.name)).collect();
    if whole.iter().sum::<usize>() <= room {
        return Some(whole);
    }
    let at = |most: usize| columns.iter().map(|column| column.width(most)).collect::<Vec<_>>();
    let mut widths = (NARROWEST..=width).rev().map(at).find(|widths| widths.iter().sum::<usize>() <= room)?;
    // What is left makes those whole that lack least.
    let mut left = room - widths.iter().sum::<usize>();
    let lacks = |number: usize, width: usize| columns[number].longest_line.saturating_sub(width);
    let mut by_lack: Vec<usize> = (0..columns.len()).collect();
    by_lack.sort_by_key(|number| lacks(*number, widths[*number]));
    for number in by_lack {
        let more = lacks(number, widths[number]).min(left);
        widths[number] += more;
        left -= more;
    }
    Some(widths)
}

fn table(names: &[&str], rows: &[Vec<String>], columns: &[Column], widths: &[usize]) -> LaidOut {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::MAX);
    table.set_header(columns.iter().map(|column| names[column.index]));
    let (mut is_shortened, mut is_wrapped) = (false, false);
    for row in rows {
        table.add_row(columns.iter().zip(widths).map(|(column, width)| {
            let cell = shortened(&row[column.index], *width);
            is_shortened |= matches!(cell, Cow::Owned(_));
            is_wrapped |= cell.lines().any(|line| line.chars().count() > *width);
            cell
        }));
    }
    // Where no line is wrapped there is no need to part rows.
    if !is_wrapped {
        table.remove_style(TableComponent::HorizontalLines).remove_style(TableComponent::MiddleIntersections);
        table.remove_style(TableComponent::LeftBorderIntersections);
        table.remove_style(TableComponent::RightBorderIntersections);
    }
    table.column_iter_mut().zip(widths).for_each(|(column, width)| {
        let with_padding = Width::Fixed(u16::try_from(width + 2).unwrap_or(u16::MAX));
        column.set_constraint(ColumnConstraint::Absolute(with_padding));
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
        // What is short is whole; what is long has the rest.
        let narrower = at(64);
        assert!(narrower.text.contains("2026-03-04T09:12:00Z") && narrower.is_shortened, "{}", narrower.text);
        assert!(narrower.text.lines().all(|line| line.chars().count() <= 64), "{}", narrower.text);
        let blocks = at(59);
        let expected =
            format!(" time  2026-03-04T09:12:00Z\n who   arn:aws:iam::111122223333:user/ann\n key   {key}\n\n");
        assert!(blocks.text.starts_with(&expected) && !blocks.is_shortened, "{}", blocks.text);
        // Whatever the width, it ends.
        (0..30).for_each(|width| assert!(!at(width).text.is_empty(), "{width}"));
    }

    #[test]
    fn room_that_is_left_makes_columns_whole() {
        let names = ["rule", "who", "place"];
        let rows =
            [["log-bucket-lifecycle-shortened", &"w".repeat(60), &"p".repeat(60)].map(str::to_owned).to_vec()];
        for (width, is_whole) in [(95, false), (96, true)] {
            let text = lay_out(&names, &rows, width).text;
            assert_eq!(text.contains("log-bucket-lifecycle-shortened"), is_whole, "{text}");
            assert!(text.lines().all(|line| line.chars().count() <= width.into()), "{text}");
        }
    }

    #[test]
    fn no_word_is_torn_apart() {
        let names = ["access log after", "what", "place"];
        let prose = "Address 203.0.113.81 reached a score of 420 out of 9 alerts of 4 kinds";
        let rows = [["57 min", prose, "logs/AWSLogs/2026/03/a.json.gz:33"].map(str::to_owned).to_vec()];
        for width in 58..200 {
            let LaidOut { text, is_shortened } = lay_out(&names, &rows, width);
            assert!(prose.split(' ').all(|word| text.contains(word)), "{width}: {text}");
            assert!(text.lines().all(|line| line.chars().count() <= width.into()), "{width}: {text}");
            // Blocks have all, and a table says what it has not.
            let place = text.contains("logs/AWSLogs/2026/03/a.json.gz:33");
            assert!(place != is_shortened, "{width}: {text}");
        }
        let lines = |width| lay_out(&names, &rows, width).text.lines().count();
        assert_eq!((lines(200), lines(60)), (5, 10), "{}", lay_out(&names, &rows, 60).text);
    }

    #[test]
    fn one_long_key_makes_no_blocks_of_a_table() {
        let key = format!("AWSLogs/111122223333/CloudTrail/{}/key.json.gz", "é".repeat(80));
        for (names, cells) in [
            (
                [
                    "event_time",
                    "action",
                    "outcome",
                    "principal",
                    "remote_ip",
                    "bucket_name",
                    "object_key",
                    "sources",
                ]
                .as_slice(),
                [
                    "2026-03-04T09:12:00Z",
                    "GetCallerIdentity",
                    "success",
                    "arn:aws:iam::111122223333:user/ci-deploy",
                ]
                .iter()
                .chain(&["203.0.113.81", "example-customer-data", &key, "2026-03-02-22-00-00-P8RNHQT9Y1WS5T62:27"])
                .map(|cell| (*cell).to_owned())
                .collect::<Vec<_>>(),
            ),
            (
                [
                    "level",
                    "bucket",
                    "key",
                    "extent",
                    "share",
                    "bytes_sent",
                    "requests",
                    "first",
                    "last",
                    "sources",
                ]
                .as_slice(),
                ["object", "example-customer-data", &key, "224 full, 1 attempted", "100 %", "1005805543", "229"]
                    .iter()
                    .chain(&[
                        "2026-03-02T21:36:59Z",
                        "2026-03-03T03:07:58Z",
                        "2026-03-02-22-00-00-P8RNHQT9Y1WS5T62:27",
                    ])
                    .map(|cell| (*cell).to_owned())
                    .collect::<Vec<_>>(),
            ),
        ] {
            let LaidOut { text, is_shortened } = lay_out(names, std::slice::from_ref(&cells), 160);
            assert!(
                is_shortened && text.lines().any(|line| names.iter().all(|name| line.contains(name))),
                "{text}"
            );
            assert!(text.lines().all(|line| line.chars().count() <= 160), "{text}");
            assert!(text.contains("AWSL") && text.contains(".json.gz") && text.contains("T62:27"), "{text}");
            let LaidOut { text, is_shortened } = lay_out(names, &[cells], 80);
            assert!(!is_shortened && !text.contains('…'), "{text}");
        }
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
