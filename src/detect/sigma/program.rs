//! The conditions of a run, and which of them a row could match by the name of its action, by how it ended and by who called.

use super::cells::CellTable;
use super::expression::Filter;
use super::fields::{known_of, known_of_ending};
use crate::activity::outcome::Outcome;
use crate::activity::principal::PrincipalKind;
use crate::batch::Column;
use crate::detect::Rule;
use crate::detect::codes::Who;
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
        let is_complete = known.iter().all(|known| known.len() == columns_of_action(log).len());
        let all = (0..self.filters.len() as u16).map(|number| Wanted { number, is_sure: is_complete });
        self.those_that_fit(all.filter(|wanted| self.filter(*wanted).source.takes(log)), &known)
    }

    /// Those of the conditions that a row could match too by how it ended and who called.
    fn narrowed(&self, set: &[Wanted], outcome: Option<Outcome>, who: Who) -> Vec<Wanted> {
        let known = known_of_ending(outcome, kinds(who));
        let all = set.iter().map(|wanted| Wanted { is_sure: wanted.is_sure && outcome.is_some(), ..*wanted });
        self.those_that_fit(all, &known)
    }

    fn those_that_fit(
        &self,
        all: impl Iterator<Item = Wanted>,
        possible: &[Vec<(&'static Column, String)>],
    ) -> Vec<Wanted> {
        let fitting = |wanted: Wanted| {
            let may_match = possible.iter().filter(|known| self.filter(wanted).may_match(known)).count();
            let is_sure = wanted.is_sure && may_match == possible.len();
            (may_match > 0).then_some(Wanted { is_sure, ..wanted })
        };
        all.filter_map(fitting).collect()
    }

    fn filter(&self, wanted: Wanted) -> &'static Filter {
        self.filters[usize::from(wanted.number)]
    }
}

/// The kinds of callers that detectors do not tell apart.
fn kinds(who: Who) -> &'static [PrincipalKind] {
    match who {
        Who::Anonymous => &[PrincipalKind::Anonymous],
        Who::Service => &[PrincipalKind::Service],
        Who::Principal => &[
            PrincipalKind::User,
            PrincipalKind::Role,
            PrincipalKind::Root,
            PrincipalKind::Account,
            PrincipalKind::Federated,
            PrincipalKind::Unknown,
        ],
    }
}

/// A condition that a row could match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Wanted {
    number: u16,
    /// Is all that it asks of what the row does, of how it ended and of who called known to fit?
    is_sure: bool,
}

/// The columns that are known by what a row does.
fn columns_of_action(log: LogType) -> &'static [&'static Column] {
    static COLUMNS: LazyLock<[Vec<&'static Column>; 2]> = LazyLock::new(|| {
        LogType::ALL.map(|log| columns(known_of(log, "s3.amazonaws.com", "REST.GET.OBJECT").swap_remove(0)))
    });
    &COLUMNS[log_index(log)]
}

/// These, and those that are known by how it ended and who called.
fn known_columns(log: LogType) -> &'static [&'static Column] {
    static COLUMNS: LazyLock<[Vec<&'static Column>; 2]> = LazyLock::new(|| {
        let ending = columns(known_of_ending(Some(Outcome::Success), kinds(Who::Service)).swap_remove(0));
        LogType::ALL.map(|log| [columns_of_action(log), &ending[..]].concat())
    });
    &COLUMNS[log_index(log)]
}

fn columns(known: Vec<(&'static Column, String)>) -> Vec<&'static Column> {
    known.into_iter().map(|(column, _)| column).collect()
}

/// What one thread knows of which actions are asked for.
#[derive(Debug)]
pub struct Asking {
    program: Arc<Program>,
    /// Sets of conditions: the first is empty, the second holds all.
    sets: Vec<Arc<[Wanted]>>,
    numbers: HashMap<Arc<[Wanted]>, u32>,
    /// What is left of a set by how a row ended and who called.
    narrowed: HashMap<(u32, Option<Outcome>, Who), u32>,
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
            narrowed: HashMap::new(),
            candidates: vec![(Vec::new(), true); program.filters.len()],
        }
    }

    /// The number of the set of conditions that a row could match by what it does; 0 is none.
    pub fn set_of(&mut self, log: LogType, event_source: &str, operation: &str) -> u32 {
        self.number(self.program.wanted(log, event_source, operation)).unwrap_or(ALL)
    }

    /// The number of the set that is left of one for a row that ended so, if it is a call, by such a caller.
    pub fn narrowed(&mut self, set: u32, outcome: Option<Outcome>, who: Who) -> u32 {
        if set == 0 {
            return 0;
        }
        if let Some(known) = self.narrowed.get(&(set, outcome, who)) {
            return *known;
        }
        let left = self.program.narrowed(&self.sets[set as usize], outcome, who);
        let number = self.number(left).unwrap_or(set);
        self.narrowed.insert((set, outcome, who), number);
        number
    }

    /// The number of a set; `None` if there are too many.
    fn number(&mut self, set: Vec<Wanted>) -> Option<u32> {
        let set: Arc<[Wanted]> = set.into();
        if self.sets.len() > MOST_SETS && !self.numbers.contains_key(&set) {
            return None;
        }
        let number = *self.numbers.entry(set).or_insert_with_key(|set| {
            self.sets.push(Arc::clone(set));
            self.sets.len() as u32 - 1
        });
        Some(number)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::RULES;

    /// The rules whose conditions a row could match, and whether all that they ask of what is known is sure to fit.
    fn asking(operation: &str, outcome: Option<Outcome>, who: Who) -> Vec<(&'static str, bool)> {
        let rules: Vec<&'static Rule> = RULES.iter().copied().filter(|rule| rule.id == "RAN-009").collect();
        let mut asking = Asking::of(&Arc::new(Program::of(&rules)));
        let set = asking.set_of(LogType::S3Access, "", operation);
        let number = asking.narrowed(set, outcome, who);
        assert_eq!(number, asking.narrowed(set, outcome, who));
        let rule = |wanted: &Wanted| rules[asking.program.receivers[usize::from(wanted.number)][0].0].id;
        asking.sets[number as usize].iter().map(|wanted| (rule(wanted), wanted.is_sure)).collect()
    }

    #[test]
    fn conditions_are_told_by_action_ending_and_caller() {
        let done = Some(Outcome::Success);
        for (operation, outcome, who, expected) in [
            ("REST.PUT.OBJECT", done, Who::Principal, vec![("RAN-009", true)]),
            ("REST.PUT.OBJECT", done, Who::Anonymous, vec![("RAN-009", true)]),
            ("REST.PUT.OBJECT", done, Who::Service, vec![]),
            ("REST.PUT.OBJECT", Some(Outcome::Denied), Who::Principal, vec![]),
            // Whether it is a call is not known here.
            ("REST.PUT.OBJECT", None, Who::Principal, vec![("RAN-009", false)]),
            ("REST.GET.OBJECT", done, Who::Principal, vec![]),
        ] {
            assert_eq!(asking(operation, outcome, who), expected, "{operation} {outcome:?} {who:?}");
        }
    }
}
