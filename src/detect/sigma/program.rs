//! The conditions of a run, and which of them a row could match by the name of its action alone.

use super::cells::CellTable;
use super::expression::Filter;
use super::fields::known_of;
use crate::batch::Column;
use crate::detect::Rule;
use crate::detect::minutes::log_index;
use crate::parse::LogType;
use hashbrown::HashMap;
use std::sync::{Arc, LazyLock};

/// The conditions of all rules of a run, each once.
#[derive(Debug, Default)]
pub struct Program {
    filters: Vec<&'static Filter>,
    /// For each condition the rules that ask for its rows: index of the rule, and number of the condition in it.
    receivers: Vec<Vec<(usize, usize)>>,
}

impl Program {
    /// Of these rules; those that are code have none.
    pub fn of(rules: &[&'static Rule]) -> Program {
        let mut program = Program::default();
        for (index, rule) in rules.iter().enumerate() {
            for (part, filter) in rule.filters().iter().enumerate() {
                let known = program.filters.iter().position(|known| std::ptr::eq(*known, *filter));
                let number = known.unwrap_or_else(|| {
                    program.filters.push(filter);
                    program.receivers.push(Vec::new());
                    program.filters.len() - 1
                });
                program.receivers[number].push((index, part));
            }
        }
        program
    }

    /// No conditions?
    pub fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// The conditions that a row could match, by what it does.
    fn wanted(&self, log: LogType, event_source: &str, operation: &str) -> Vec<Wanted> {
        let known = known_of(log, event_source, operation);
        let is_complete = known.iter().all(|known| known.len() == known_columns(log).len());
        let wanted = |(number, filter): (u16, &&Filter)| {
            let may_match = known.iter().filter(|known| filter.may_match(known)).count();
            let is_sure = is_complete && may_match == known.len();
            (filter.source.takes(log) && may_match > 0).then_some(Wanted { number, is_sure })
        };
        (0..).zip(&self.filters).filter_map(wanted).collect()
    }
}

/// A condition that a row could match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Wanted {
    number: u16,
    /// Is all that it asks of what the row does known to fit?
    is_sure: bool,
}

/// The columns that are known by what a row does.
fn known_columns(log: LogType) -> &'static [&'static Column] {
    static COLUMNS: LazyLock<[Vec<&'static Column>; 2]> = LazyLock::new(|| {
        LogType::ALL.map(|log| {
            let known = known_of(log, "s3.amazonaws.com", "REST.GET.OBJECT").swap_remove(0);
            known.into_iter().map(|(column, _)| column).collect()
        })
    });
    &COLUMNS[log_index(log)]
}

/// What one thread knows of which actions are asked for.
#[derive(Debug)]
pub struct Asking {
    program: Arc<Program>,
    /// Sets of conditions: the first is empty, the second holds all.
    sets: Vec<Arc<[Wanted]>>,
    numbers: HashMap<Arc<[Wanted]>, u32>,
    /// For each condition the rows in hand that it could match, and whether it is sure of them; buffers that are used again.
    candidates: Vec<(Vec<u32>, bool)>,
}

/// Most sets of conditions. A log can name actions in any way: beyond it a row is held against all conditions.
const MOST_SETS: usize = 4096;

/// Number of the set of all conditions.
const ALL: u32 = 1;

/// Rows that match a condition, for those who asked.
pub type Matches<'a> = (&'a [(usize, usize)], Vec<u32>);

impl Asking {
    /// Of a program.
    pub fn of(program: &Arc<Program>) -> Asking {
        let none: Arc<[Wanted]> = Arc::new([]);
        let all = (0..program.filters.len() as u16).map(|number| Wanted { number, is_sure: false }).collect();
        Asking {
            program: Arc::clone(program),
            sets: vec![Arc::clone(&none), all],
            numbers: [(none, 0)].into(),
            candidates: vec![(Vec::new(), true); program.filters.len()],
        }
    }

    /// The number of the set of conditions that a row could match; 0 is none.
    pub fn set_of(&mut self, log: LogType, event_source: &str, operation: &str) -> u32 {
        let set: Arc<[Wanted]> = self.program.wanted(log, event_source, operation).into();
        if self.sets.len() > MOST_SETS && !self.numbers.contains_key(&set) {
            return ALL;
        }
        *self.numbers.entry(set).or_insert_with_key(|set| {
            self.sets.push(Arc::clone(set));
            self.sets.len() as u32 - 1
        })
    }

    /// The rows that match, condition by condition; `sets` holds for each row the number of its set.
    pub fn matches(&mut self, cells: &CellTable<'_>, sets: &[u32]) -> Vec<Matches<'_>> {
        for (row, set) in (0..).zip(sets) {
            for wanted in &*self.sets[*set as usize] {
                let (rows, is_sure) = &mut self.candidates[usize::from(wanted.number)];
                rows.push(row);
                *is_sure &= wanted.is_sure;
            }
        }
        let known = known_columns(cells.table().log);
        let mut matches = Vec::new();
        let filters = self.program.filters.iter().zip(&self.program.receivers);
        for ((filter, receivers), (rows, is_sure)) in filters.zip(&mut self.candidates) {
            if !rows.is_empty() {
                let matched = match *is_sure {
                    true => filter.select_known(cells, rows, known),
                    false => filter.select(cells, rows),
                };
                rows.clear();
                *is_sure = true;
                if !matched.is_empty() {
                    matches.push((&receivers[..], matched));
                }
            }
        }
        matches
    }
}
