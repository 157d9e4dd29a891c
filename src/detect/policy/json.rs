//! Reading members of JSON that a caller wrote: any of it may be missing, or of another form.

use serde_json::Value;
use std::borrow::Cow;

/// Longest text of parameters that is read. A bucket policy has at most 20 KB
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html>), and escapes can double it.
const MOST_BYTES: usize = 1 << 16;

/// A text as JSON, if it is some and not too long. serde_json limits the depth.
pub fn parse(text: &str) -> Option<Value> {
    if text.len() > MOST_BYTES { None } else { serde_json::from_str(text).ok() }
}

/// A member by its name in any case, as IAM reads them.
pub fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let members = value.as_object()?;
    members.get(name).or_else(|| Some(members.iter().find(|(other, _)| other.eq_ignore_ascii_case(name))?.1))
}

/// A member, or a member of a member: S3 Control wraps parameters into an object named after the request.
pub fn member_within<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let direct = value.get(name);
    direct.or_else(|| value.as_object()?.values().find_map(|inner| inner.get(name)))
}

/// One value or several: one is no list, in policies as in XML that became JSON.
pub fn each(value: &Value) -> &[Value] {
    match value {
        Value::Array(values) => values,
        value => std::slice::from_ref(value),
    }
}

/// The texts of one value or several; numbers and truth values as they would be written.
pub fn texts(value: &Value) -> impl Iterator<Item = Cow<'_, str>> {
    each(value).iter().filter_map(|value| match value {
        Value::String(text) => Some(Cow::Borrowed(text.as_str())),
        Value::Bool(_) | Value::Number(_) => Some(Cow::Owned(value.to_string())),
        _ => None,
    })
}

/// The first of [`texts`].
pub fn first_text(value: &Value) -> Option<Cow<'_, str>> {
    texts(value).next()
}

/// Is it true, as a truth value or as text?
pub fn is_true(value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("true")))
}

/// A document that is an object, or a text that holds one.
pub fn document(value: &Value) -> Option<Cow<'_, Value>> {
    match value {
        Value::Object(_) => Some(Cow::Borrowed(value)),
        Value::String(text) => Some(Cow::Owned(parse(text).filter(Value::is_object)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_too_long_or_too_deep_is_none() {
        assert!(parse("{}").is_some() && parse("{").is_none());
        assert!(parse(&format!("\"{}\"", "a".repeat(MOST_BYTES))).is_none());
        assert!(parse(&"[".repeat(30_000)).is_none());
    }

    #[test]
    fn one_and_several_are_alike_and_other_forms_are_left_out() {
        let read = |value: &Value| texts(value).map(Cow::into_owned).collect::<Vec<_>>();
        assert_eq!(read(&json!("a")), ["a"]);
        assert_eq!(read(&json!(["a", 7, false, null, {"b": 1}, ["c"]])), ["a", "7", "false"]);
        assert!(read(&json!(null)).is_empty());
        assert!(document(&json!("{\"a\":1}")).is_some() && document(&json!("[1]")).is_none());
        assert_eq!(member(&json!({"effect": 1}), "Effect"), Some(&json!(1)));
        assert_eq!(member_within(&json!({"Request": {"Policy": "p"}, "x": 1}), "Policy"), Some(&json!("p")));
    }
}
