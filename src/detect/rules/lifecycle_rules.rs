//! What the rules about lifecycles share: a lifecycle configuration as CloudTrail shows it.

use crate::parse::time::{DAY_MS, iso_date, iso_time};
use serde_json::Value;

/// The rules: one is an object, several are a list.
pub fn rules_of(parameters: &Value) -> Option<&[Value]> {
    match parameters.get("LifecycleConfiguration")?.get("Rule")? {
        Value::Array(rules) => Some(rules),
        rule => Some(std::slice::from_ref(rule)),
    }
}

/// In how many days an enabled rule removes something.
pub fn shortest_days(rule: &Value, time_ms: Option<i64>) -> Option<u64> {
    if rule.get("Status")?.as_str()? != "Enabled" {
        return None;
    }
    let at = |path: [&str; 2]| path.iter().try_fold(rule, |value, member| value.get(member));
    let days = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
    let until = |date: &Value| {
        let date = date.as_str()?.as_bytes();
        let left_ms = iso_time(date).or_else(|| iso_date(date))?.saturating_sub(time_ms?);
        Some(left_ms.max(0) as u64 / DAY_MS as u64)
    };
    [
        at(["Expiration", "Days"]).and_then(days),
        at(["Expiration", "Date"]).and_then(until),
        at(["NoncurrentVersionExpiration", "NoncurrentDays"]).and_then(days),
    ]
    .into_iter()
    .flatten()
    .min()
}

/// Does a rule cover only a part of the bucket: by a prefix, a tag or a size?
pub fn is_of_a_part(rule: &Value) -> bool {
    let says = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(members) => {
            members.iter().any(|(name, value)| name != "Prefix" || value.as_str() != Some(""))
        }
        _ => true,
    };
    ["Filter", "Prefix"].iter().filter_map(|name| rule.get(*name)).any(says)
}
