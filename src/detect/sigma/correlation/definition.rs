//! What a correlation says: which rules, grouped by what, in how long a window, and what makes it count.

use crate::detect::sigma::fields::{Field, Source};
use rsigma_parser::{
    ConditionExpr, ConditionOperator, CorrelationCondition, CorrelationRule, CorrelationType, Quantifier,
    WindowMode,
};

/// A correlation over some rules.
#[derive(Debug)]
pub struct Correlation {
    pub(super) kind: Kind,
    /// Names of the fields that make a group.
    pub(super) group_by: Vec<String>,
    pub(super) parts: Vec<PartFields>,
    pub(super) timespan_seconds: i64,
}

/// What one of the rules gives.
#[derive(Debug)]
pub(super) struct PartFields {
    pub(super) title: String,
    /// The fields that make a group.
    pub(super) group: Vec<Field>,
    /// The field whose values are counted.
    pub(super) value: Option<Field>,
}

/// What makes a window count.
#[derive(Debug)]
pub(super) enum Kind {
    /// How many records.
    EventCount(Vec<(ConditionOperator, u64)>),
    /// How many different values.
    ValueCount(Vec<(ConditionOperator, u64)>),
    /// Records of all rules.
    Temporal,
    /// The same in the order of the rules.
    Ordered,
    /// Records of some rules and not of others.
    Presence(Presence),
}

/// Which rules must have records.
#[derive(Debug)]
pub(super) enum Presence {
    Of(usize),
    All(Vec<Presence>),
    AtLeast(u64, Vec<Presence>),
    Not(Box<Presence>),
}

/// Longest window: ten years.
const MOST_SECONDS: u64 = 10 * 366 * 86_400;

/// Most rules of a correlation, and most fields of a group.
const MOST_PARTS: usize = 100;

impl Correlation {
    /// Of a rule; for each rule that it names the source, how it is named, and its title.
    ///
    /// # Errors
    /// What cannot be expressed.
    pub fn of(rule: &CorrelationRule, named: &[(Source, &str, &str)]) -> Result<Correlation, String> {
        if named.is_empty() || named.len() > MOST_PARTS || rule.group_by.len() > MOST_PARTS {
            return Err(format!("it must name 1 to {MOST_PARTS} rules"));
        }
        if rule.window != WindowMode::Sliding {
            return Err(format!("windows that are {} are not supported", rule.window.as_str()));
        }
        if rule.timespan.seconds > MOST_SECONDS {
            return Err("its timespan is longer than ten years".to_owned());
        }
        let (kind, value) = kind(rule, named)?;
        let field_of = |name: &str, (source, reference, _): &(Source, &str, &str)| {
            let alias = rule.aliases.iter().find(|alias| alias.alias == name);
            let name = match alias {
                Some(alias) => alias.mapping.get(*reference).ok_or_else(|| {
                    format!("the alias {name} does not say which field it is in the rule {reference}")
                })?,
                None => name,
            };
            Field::named(*source, name)
        };
        let part = |part: &(Source, &str, &str)| {
            Ok(PartFields {
                title: part.2.to_owned(),
                group: rule.group_by.iter().map(|name| field_of(name, part)).collect::<Result<_, String>>()?,
                value: value.as_ref().map(|name| field_of(name, part)).transpose()?,
            })
        };
        Ok(Correlation {
            kind,
            group_by: rule.group_by.clone(),
            parts: named.iter().map(part).collect::<Result<_, String>>()?,
            timespan_seconds: i64::try_from(rule.timespan.seconds).unwrap_or(i64::MAX),
        })
    }
}

/// The kind of a correlation, and the name of the field whose values it counts.
fn kind(rule: &CorrelationRule, named: &[(Source, &str, &str)]) -> Result<(Kind, Option<String>), String> {
    let kind = rule.correlation_type;
    match (kind, &rule.condition) {
        (CorrelationType::EventCount, CorrelationCondition::Threshold { predicates, .. }) => {
            Ok((Kind::EventCount(predicates.clone()), None))
        }
        (CorrelationType::ValueCount, CorrelationCondition::Threshold { predicates, field, .. }) => {
            match field.as_deref() {
                Some([field]) => Ok((Kind::ValueCount(predicates.clone()), Some(field.clone()))),
                _ => Err("value_count needs one field in its condition".to_owned()),
            }
        }
        (CorrelationType::Temporal, CorrelationCondition::Threshold { .. }) => Ok((Kind::Temporal, None)),
        (CorrelationType::TemporalOrdered, CorrelationCondition::Threshold { .. }) => Ok((Kind::Ordered, None)),
        (CorrelationType::Temporal, CorrelationCondition::Extended(condition)) => {
            presence(condition, named).map(|presence| (Kind::Presence(presence), None))
        }
        (_, CorrelationCondition::Extended(_)) => {
            Err(format!("{} with a condition of and, or, not is not supported", kind.as_str()))
        }
        _ => Err(format!("correlations of the type {} are not supported", kind.as_str())),
    }
}

fn presence(condition: &ConditionExpr, named: &[(Source, &str, &str)]) -> Result<Presence, String> {
    let all = |conditions: &[ConditionExpr]| {
        conditions.iter().map(|one| presence(one, named)).collect::<Result<Vec<_>, String>>()
    };
    Ok(match condition {
        ConditionExpr::And(conditions) => Presence::All(all(conditions)?),
        ConditionExpr::Or(conditions) => Presence::AtLeast(1, all(conditions)?),
        ConditionExpr::Not(one) => Presence::Not(Box::new(presence(one, named)?)),
        ConditionExpr::Identifier(name) => {
            let number = named.iter().position(|(_, reference, _)| reference == name);
            Presence::Of(number.ok_or_else(|| format!("its condition names {name}, which is none of its rules"))?)
        }
        ConditionExpr::Selector { quantifier, pattern } => {
            let chosen = named.iter().enumerate().filter(|(_, (_, name, _))| pattern.matches_detection_name(name));
            let chosen: Vec<Presence> = chosen.map(|(number, _)| Presence::Of(number)).collect();
            if chosen.is_empty() {
                return Err(format!("its condition names {pattern}, which is none of its rules"));
            }
            match quantifier {
                Quantifier::Any => Presence::AtLeast(1, chosen),
                Quantifier::All => Presence::All(chosen),
                Quantifier::Count(least) => Presence::AtLeast(*least, chosen),
            }
        }
    })
}

impl Presence {
    /// Do these numbers of records, by rule, meet it?
    pub(super) fn holds(&self, counts: &[u64]) -> bool {
        let count = |all: &[Presence]| all.iter().filter(|one| one.holds(counts)).count() as u64;
        match self {
            Presence::Of(number) => counts[*number] > 0,
            Presence::All(all) => count(all) == all.len() as u64,
            Presence::AtLeast(least, all) => count(all) >= *least,
            Presence::Not(one) => !one.holds(counts),
        }
    }
}
