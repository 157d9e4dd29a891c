//! Conditions that count, as Sigma had them before correlations: `selection | count(field) by group > 5`.
//!
//! Such a rule is taken for the two that one writes today: a detection, and a correlation that counts what it finds.
//! Source: <https://github.com/SigmaHQ/sigma-specification/blob/version_1/Sigma_specification.md>, "Aggregation
//! expression", and "timeframe".

use serde_json::json;
use yaml_serde::Value;

/// Without a timeframe all records count together: the longest timespan of a correlation.
const NO_TIMEFRAME: &str = "3660d";

/// A rule in two.
#[derive(Debug)]
pub struct Split {
    /// YAML of the detection and of the correlation.
    pub text: String,
    /// Does the rule say in which time?
    pub has_timeframe: bool,
}

/// Splits a rule whose condition counts; `None` if it does not. The detection gets the name.
///
/// # Errors
/// What it does instead of counting.
pub fn split(rule: &Value, name: &str) -> Result<Option<Split>, String> {
    let member = |name: &str| rule.get("detection").and_then(|detection| detection.get(name));
    let condition = member("condition").and_then(Value::as_str);
    let Some((condition, aggregation)) = condition.and_then(|text| text.split_once('|')) else { return Ok(None) };
    let counted = Counted::parse(aggregation).ok_or_else(|| {
        let shown: String = aggregation.trim().chars().take(80).collect();
        format!(
            "the aggregation | {shown} is not supported, only | count(field) by group > 5: write a correlation"
        )
    })?;
    let timeframe = member("timeframe").or_else(|| rule.get("timeframe")).and_then(Value::as_str);
    let (mut detection, mut correlation) = (rule.clone(), rule.clone());
    if let Some(old) = detection.get_mut("detection").and_then(|detection| detection.get_mut("condition")) {
        *old = condition.trim().into();
    }
    if let (Value::Mapping(detection), Value::Mapping(correlation)) = (&mut detection, &mut correlation) {
        detection.insert("name".into(), name.into());
        for member in ["detection", "logsource", "timeframe"] {
            correlation.remove(member);
        }
        let counted = counted.correlation(name, timeframe.unwrap_or(NO_TIMEFRAME));
        correlation.insert("correlation".into(), yaml_serde::to_value(counted).map_err(|it| it.to_string())?);
    }
    let text = |value: &Value| yaml_serde::to_string(value).map_err(|error| error.to_string());
    let text = format!("{}---\n{}", text(&detection)?, text(&correlation)?);
    Ok(Some(Split { text, has_timeframe: timeframe.is_some() }))
}

/// `count(field) by group > 5`
#[derive(Debug, PartialEq, Eq)]
struct Counted<'a> {
    /// Whose different values are counted; records if there is none.
    field: Option<&'a str>,
    group_by: Vec<&'a str>,
    operator: &'static str,
    bound: u64,
}

impl<'a> Counted<'a> {
    fn parse(text: &'a str) -> Option<Counted<'a>> {
        let (field, rest) = text.trim().strip_prefix("count")?.trim_start().strip_prefix('(')?.split_once(')')?;
        let (groups, comparison) = rest.split_at(rest.find(['<', '>', '='])?);
        let bound = comparison.trim_start_matches(['<', '>', '=']);
        let operator = match &comparison[..comparison.len() - bound.len()] {
            ">" => "gt",
            ">=" => "gte",
            "<" => "lt",
            "<=" => "lte",
            "=" | "==" => "eq",
            _ => return None,
        };
        let group_by = match groups.trim() {
            "" => Vec::new(),
            groups => groups.strip_prefix("by ")?.split(',').map(str::trim).collect(),
        };
        let field = Some(field.trim()).filter(|field| !field.is_empty());
        Some(Counted { field, group_by, operator, bound: bound.trim().parse().ok()? })
    }

    fn correlation(&self, rule: &str, timespan: &str) -> serde_json::Value {
        let mut condition = json!({ self.operator: self.bound });
        if let Some(field) = self.field {
            condition["field"] = json!(field);
        }
        json!({
            "type": if self.field.is_some() { "value_count" } else { "event_count" },
            "rules": [rule],
            "group-by": self.group_by,
            "timespan": timespan,
            "condition": condition,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_read() {
        let counted = |field, group_by: &[&'static str], operator, bound| {
            Some(Counted { field, group_by: group_by.to_vec(), operator, bound })
        };
        for (text, expected) in [
            (" count() > 5", counted(None, &[], "gt", 5)),
            ("count( ) by userIdentity.arn>=20 ", counted(None, &["userIdentity.arn"], "gte", 20)),
            ("count(eventName) by a, b < 3", counted(Some("eventName"), &["a", "b"], "lt", 3)),
            ("count (x) == 1", counted(Some("x"), &[], "eq", 1)),
            ("count() <= 0", counted(None, &[], "lte", 0)),
            ("count() >< 5", None),
            ("count() > many", None),
            ("count()", None),
            ("count() for a > 5", None),
            ("max(x) > 5", None),
            ("near b", None),
        ] {
            assert_eq!(Counted::parse(text), expected, "{text}");
        }
    }
}
