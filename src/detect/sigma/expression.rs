//! A condition over fields, and the rows it holds for.

use super::cells::{CellTable, values};
use super::fields::{Field, Source};
use super::matcher::{Matcher, folded};
use crate::batch::{Column, Variety};
use chrono::{DateTime, Datelike, Timelike};
use memchr::memmem::find;

/// What a row must be.
#[derive(Debug)]
pub enum Expression {
    /// All of these.
    All(Vec<Expression>),
    /// At least one of these.
    Any(Vec<Expression>),
    /// At least so many of these.
    AtLeast(u64, Vec<Expression>),
    /// Not this.
    Not(Box<Expression>),
    /// This.
    Test(Box<Test>),
}

/// A question about a field.
#[derive(Debug)]
pub struct Test {
    /// The field.
    pub field: Field,
    /// The question.
    pub question: Question,
}

/// What is asked of a field.
#[derive(Debug)]
pub enum Question {
    /// Does any of its values match?
    Matches(Matcher),
    /// Does a part of its time match?
    TimePart(TimePart, Matcher),
    /// Has it a value?
    Exists,
    /// Has it a value in common with another field, or one that holds one of the other?
    SameAs {
        /// The other field.
        other: Field,
        /// How the value of the other field stands in that of this one.
        place: Place,
        /// Does upper and lower case count?
        is_cased: bool,
    },
}

/// Where a text stands in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It is the whole.
    Whole,
    /// Anywhere.
    Anywhere,
    /// At the beginning.
    Start,
    /// At the end.
    End,
}

/// A part of a time in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimePart {
    /// Of the hour.
    Minute,
    /// Of the day.
    Hour,
    /// Of the month.
    Day,
    /// Of the year, as ISO 8601 counts.
    Week,
    /// From 1.
    Month,
    /// Four digits.
    Year,
}

impl TimePart {
    fn of(self, text: &[u8]) -> Option<u32> {
        let time = DateTime::parse_from_rfc3339(std::str::from_utf8(text).ok()?).ok()?.to_utc();
        Some(match self {
            TimePart::Minute => time.minute(),
            TimePart::Hour => time.hour(),
            TimePart::Day => time.day(),
            TimePart::Week => time.iso_week().week(),
            TimePart::Month => time.month(),
            TimePart::Year => time.year().unsigned_abs(),
        })
    }
}

/// A detection rule as a condition over the rows of a source.
#[derive(Debug)]
pub struct Filter {
    /// Whose rows.
    pub source: Source,
    /// What they must be.
    pub expression: Expression,
}

impl Filter {
    /// Those of the rows that match, in their order.
    pub fn select(&self, cells: &CellTable<'_>, rows: &[u32]) -> Vec<u32> {
        if self.source.takes(cells.table().log) { self.expression.select(cells, rows) } else { Vec::new() }
    }

    /// The same of rows of whose known columns all that this asks for are known to fit ([`Filter::may_match`]).
    pub fn select_known(&self, cells: &CellTable<'_>, rows: &[u32], known: &[&'static Column]) -> Vec<u32> {
        if !self.source.takes(cells.table().log) {
            return Vec::new();
        }
        self.expression.select_known(cells, rows, known)
    }

    /// Could a row match of which only these columns are known?
    pub fn may_match(&self, known: &[(&'static Column, String)]) -> bool {
        self.expression.outlook(known) != Some(false)
    }
}

impl Expression {
    /// Puts cheap questions first.
    pub fn sort_by_cost(&mut self) {
        match self {
            Expression::All(all) | Expression::Any(all) | Expression::AtLeast(_, all) => {
                all.iter_mut().for_each(Expression::sort_by_cost);
                all.sort_by_key(Expression::cost);
            }
            Expression::Not(one) => one.sort_by_cost(),
            Expression::Test(_) => {}
        }
    }

    fn cost(&self) -> u32 {
        match self {
            Expression::All(all) | Expression::Any(all) | Expression::AtLeast(_, all) => {
                all.iter().map(Expression::cost).fold(0, u32::saturating_add)
            }
            Expression::Not(one) => one.cost(),
            Expression::Test(test) => {
                let is_costly = matches!(&test.question, Question::Matches(matcher) if matcher.is_costly());
                1 + 4 * u32::from(is_costly) + 8 * u32::from(!test.field.is_column())
            }
        }
    }

    fn select(&self, cells: &CellTable<'_>, rows: &[u32]) -> Vec<u32> {
        match self {
            Expression::Test(test) => test.select(cells, rows),
            Expression::Not(one) => without(rows, &one.select(cells, rows)),
            Expression::All(all) => {
                let mut left = rows.to_vec();
                for one in all {
                    if left.is_empty() {
                        break;
                    }
                    left = one.select(cells, &left);
                }
                left
            }
            Expression::Any(all) => {
                let mut left = rows.to_vec();
                for one in all {
                    if left.is_empty() {
                        break;
                    }
                    left = without(&left, &one.select(cells, &left));
                }
                without(rows, &left)
            }
            Expression::AtLeast(least, all) => {
                let mut counts = vec![0_u64; cells.len()];
                for one in all {
                    one.select(cells, rows).iter().for_each(|row| counts[*row as usize] += 1);
                }
                rows.iter().copied().filter(|row| counts[*row as usize] >= *least).collect()
            }
        }
    }

    /// Where all must hold, what is asked of known columns does.
    fn select_known(&self, cells: &CellTable<'_>, rows: &[u32], known: &[&'static Column]) -> Vec<u32> {
        match self {
            Expression::All(all) => {
                let mut left = rows.to_vec();
                for one in all {
                    if left.is_empty() {
                        break;
                    }
                    left = one.select_known(cells, &left, known);
                }
                left
            }
            Expression::Test(test) if test.is_of(known) => rows.to_vec(),
            Expression::Not(one) if matches!(&**one, Expression::Test(test) if test.is_of(known)) => rows.to_vec(),
            _ => self.select(cells, rows),
        }
    }

    /// The answer for all rows of which only these columns are known; `None` if it depends on more.
    fn outlook(&self, known: &[(&'static Column, String)]) -> Option<bool> {
        let count = |all: &[Expression]| {
            let answers = all.iter().map(|one| one.outlook(known));
            answers.fold((0, 0), |(yes, maybe), answer| match answer {
                Some(true) => (yes + 1, maybe),
                Some(false) => (yes, maybe),
                None => (yes, maybe + 1),
            })
        };
        let at_least = |least: u64, all: &[Expression]| {
            let (yes, maybe): (u64, u64) = count(all);
            if yes >= least {
                Some(true)
            } else if yes + maybe < least {
                Some(false)
            } else {
                None
            }
        };
        match self {
            Expression::All(all) => at_least(all.len() as u64, all),
            Expression::Any(all) => at_least(1, all),
            Expression::AtLeast(least, all) => at_least(*least, all),
            Expression::Not(one) => one.outlook(known).map(|answer| !answer),
            Expression::Test(test) => {
                let (_, value) = known.iter().find(|(column, _)| std::ptr::eq(*column, test.field.column))?;
                match &test.question {
                    _ if !test.field.is_column() => None,
                    Question::Matches(matcher) => {
                        Some(values(&test.field, Some(value.as_bytes()), &mut |value| matcher.matches(value)))
                    }
                    Question::Exists => Some(true),
                    _ => None,
                }
            }
        }
    }
}

/// `rows` without `others`; both ascend.
fn without(rows: &[u32], others: &[u32]) -> Vec<u32> {
    let mut others = others.iter().copied().peekable();
    let is_left = |row: &u32| {
        while others.next_if(|other| other < row).is_some() {}
        others.next_if_eq(row).is_none()
    };
    rows.iter().copied().filter(is_left).collect()
}

/// Rows from which on it pays to find the values of a column that are there, and to ask once a value.
const MANY_ROWS: usize = 32;

impl Test {
    /// Do these columns alone answer it?
    fn is_of(&self, known: &[&'static Column]) -> bool {
        self.field.is_column()
            && matches!(self.question, Question::Matches(_) | Question::Exists)
            && known.iter().any(|column| std::ptr::eq(*column, self.field.column))
    }

    fn select(&self, cells: &CellTable<'_>, rows: &[u32]) -> Vec<u32> {
        let column = cells.column(self.field.column);
        let answer = |row: usize| self.holds(cells, column.get(row), row);
        let is_costly = match &self.question {
            Question::Matches(matcher) => matcher.is_costly() || !self.field.is_column(),
            Question::TimePart(..) => true,
            Question::Exists => false,
            Question::SameAs { .. } => return rows.iter().copied().filter(|row| answer(*row as usize)).collect(),
        };
        let pays = column.is_shared() || is_costly && self.field.column.variety == Variety::Few;
        if !pays || rows.len() < MANY_ROWS {
            return rows.iter().copied().filter(|row| answer(*row as usize)).collect();
        }
        let distinct = column.distinct();
        let mut answers: Vec<Option<bool>> = vec![None; distinct.rows.len()];
        let holds = |row: &u32| {
            let number = distinct.numbers[*row as usize] as usize;
            *answers[number].get_or_insert_with(|| answer(distinct.rows[number] as usize))
        };
        rows.iter().copied().filter(holds).collect()
    }

    fn holds(&self, cells: &CellTable<'_>, text: Option<&[u8]>, row: usize) -> bool {
        match &self.question {
            Question::Matches(matcher) => values(&self.field, text, &mut |value| matcher.matches(value)),
            Question::TimePart(part, matcher) => values(&self.field, text, &mut |value| {
                let part = value.and_then(|value| part.of(value)).map(|part| part.to_string());
                matcher.matches(part.as_deref().map(str::as_bytes))
            }),
            Question::Exists => values(&self.field, text, &mut |value| value.is_some()),
            Question::SameAs { other, place, is_cased } => {
                let column = cells.column(other.column);
                values(&self.field, text, &mut |value| {
                    let Some(value) = value else { return false };
                    values(other, column.get(row), &mut |other| {
                        other.is_some_and(|other| place.holds(value, other, *is_cased))
                    })
                })
            }
        }
    }
}

impl Place {
    fn holds(self, text: &[u8], other: &[u8], is_cased: bool) -> bool {
        let (text, other) = if is_cased { (text.into(), other.into()) } else { (folded(text), folded(other)) };
        match self {
            Place::Whole => text == other,
            Place::Anywhere => find(&text, &other).is_some(),
            Place::Start => text.starts_with(&other),
            Place::End => text.ends_with(&other),
        }
    }
}
