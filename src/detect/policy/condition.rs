//! Which conditions of a statement hold it to somebody, so that it is not public.

use super::json::texts;
use crate::detect::known::is_account_id;
use serde_json::Value;
use std::borrow::Cow;
use std::net::IpAddr;

/// One key under one operator.
#[derive(Clone, Debug)]
pub struct Condition<'a> {
    /// Such as `stringequals`, without what stands before and behind it.
    pub operator: String,
    /// `ForAnyValue` or `ForAllValues`, if given.
    quantifier: Option<Quantifier>,
    /// Does it hold too if the request has no such key?
    if_exists: bool,
    /// In lower case.
    pub key: String,
    /// The values: one is enough.
    pub values: Vec<Cow<'a, str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    Any,
    All,
}

/// Whom a condition holds a statement to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeldTo {
    /// These accounts.
    Accounts(Vec<String>),
    /// These organisations.
    Organisations(Vec<String>),
    /// A network, a VPC, a resource or a service.
    Place,
}

/// Values of a condition that are read; a policy of 20 KB has fewer.
const MOST_VALUES: usize = 1024;

/// The conditions of a statement: operators, in each of them keys.
pub fn of_statement(conditions: &Value) -> Vec<Condition<'_>> {
    let Some(operators) = conditions.as_object() else { return Vec::new() };
    let operators = operators.iter().flat_map(|(operator, keys)| {
        let keys = keys.as_object().into_iter().flatten();
        keys.map(move |(key, values)| Condition::new(operator, key, values))
    });
    operators.take(256).collect()
}

impl<'a> Condition<'a> {
    fn new(operator: &str, key: &str, values: &'a Value) -> Condition<'a> {
        let operator = operator.trim().to_ascii_lowercase();
        let (quantifier, operator) = match operator.split_once(':') {
            Some(("foranyvalue", operator)) => (Some(Quantifier::Any), operator),
            Some((_, operator)) => (Some(Quantifier::All), operator),
            None => (None, &*operator),
        };
        let plain = operator.strip_suffix("ifexists");
        Condition {
            operator: plain.unwrap_or(operator).to_owned(),
            quantifier,
            if_exists: plain.is_some(),
            key: key.trim().to_ascii_lowercase(),
            values: texts(values).take(MOST_VALUES).collect(),
        }
    }

    /// Is it a comparison that must be met, and by a request that has the key? `ForAllValues` holds where there is
    /// none, and so does every operator with `IfExists`.
    fn must_be_met(&self) -> bool {
        const OPERATORS: [&str; 6] =
            ["stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress"];
        !self.if_exists && self.quantifier != Some(Quantifier::All) && OPERATORS.contains(&&*self.operator)
    }

    /// Whom it holds an Allow to, if all its values are fixed; else `None`.
    pub fn held_to(&self) -> Option<HeldTo> {
        if !self.must_be_met() || self.values.is_empty() {
            return None;
        }
        self.fixed()
    }

    /// Is it the reverse, under which a Deny leaves only fixed callers: `StringNotEquals` and the like?
    pub fn spares_fixed(&self) -> bool {
        const OPERATORS: [(&str, &str); 6] = [
            ("stringnotequals", "stringequals"),
            ("stringnotequalsignorecase", "stringequals"),
            ("stringnotlike", "stringlike"),
            ("arnnotequals", "arnequals"),
            ("arnnotlike", "arnlike"),
            ("notipaddress", "ipaddress"),
        ];
        let met = OPERATORS.iter().find(|(operator, _)| *operator == self.operator);
        let Some((_, operator)) = met.filter(|_| self.quantifier.is_none()) else { return false };
        // What lacks the key is denied by the negated operators, unless IfExists spares it.
        let reverse = Condition { operator: (*operator).to_owned(), ..self.clone() };
        reverse.held_to().is_some()
    }

    /// Does it ask for a connection without TLS, or for an old one?
    pub fn asks_for_no_tls(&self) -> bool {
        match &*self.key {
            "aws:securetransport" => {
                self.operator != "null" && self.values.iter().any(|value| value.eq_ignore_ascii_case("false"))
            }
            "s3:tlsversion" => self.operator.starts_with("numericlessthan"),
            _ => false,
        }
    }

    fn fixed(&self) -> Option<HeldTo> {
        let all = |fits: fn(&str) -> bool| self.values.iter().all(|value| fits(value)).then_some(HeldTo::Place);
        match &*self.key {
            "aws:sourceip" if self.operator == "ipaddress" => all(is_narrow_range),
            "aws:sourcevpc"
            | "aws:sourcevpce"
            | "aws:sourcevpcarn"
            | "aws:userid"
            | "aws:sourceowner"
            | "aws:principalservicename" => all(is_fixed),
            "aws:principalorgid" | "aws:sourceorgid" | "aws:vpceorgid" => {
                all(is_fixed).map(|_| HeldTo::Organisations(self.owned_values(str::to_owned)))
            }
            "aws:principalorgpaths" | "aws:sourceorgpaths" | "aws:vpceorgpaths" => {
                all(is_fixed_path).map(|_| HeldTo::Organisations(self.owned_values(organisation_of_path)))
            }
            "aws:principalaccount" | "aws:sourceaccount" | "s3:dataaccesspointaccount" | "aws:vpceaccount" => {
                all(is_fixed).map(|_| HeldTo::Accounts(self.owned_values(str::to_owned)))
            }
            "aws:principalarn" | "aws:sourcearn" => all(is_fixed).map(|_| self.accounts_of_arns()),
            // Any access point will do as long as it is of a fixed account, says AWS.
            "s3:dataaccesspointarn" => all(has_fixed_account).map(|_| self.accounts_of_arns()),
            _ => None,
        }
    }

    fn owned_values(&self, of: fn(&str) -> String) -> Vec<String> {
        self.values.iter().map(|value| of(value)).collect()
    }

    /// ARNs of S3 name no account.
    fn accounts_of_arns(&self) -> HeldTo {
        let accounts = self.values.iter().filter_map(|arn| arn.split(':').nth(4));
        let accounts: Vec<String> = accounts.filter(|account| is_account_id(account)).map(str::to_owned).collect();
        if accounts.is_empty() { HeldTo::Place } else { HeldTo::Accounts(accounts) }
    }
}

/// Has it no wildcard and no policy variable?
fn is_fixed(value: &str) -> bool {
    !value.is_empty() && !value.contains(['*', '?']) && !value.contains("${")
}

/// `o-EXAMPLE/r-EXAMPLE/*`: AWS takes a path for fixed if its organisation is.
fn is_fixed_path(value: &str) -> bool {
    value.split_once('/').is_some_and(|(organisation, _)| is_fixed(organisation))
}

fn organisation_of_path(path: &str) -> String {
    path.split('/').next().unwrap_or_default().to_owned()
}

fn has_fixed_account(arn: &str) -> bool {
    let mut fields = arn.splitn(6, ':');
    fields.nth(4).is_some_and(is_account_id)
}

/// Is it a range that AWS does not take for the whole world: from /8 of IPv4 or /32 of IPv6 on?
fn is_narrow_range(value: &str) -> bool {
    let (address, length) = value.split_once('/').unwrap_or((value, ""));
    let Ok(address) = address.trim().parse::<IpAddr>() else { return false };
    let (whole, least) = if address.is_ipv4() { (32, 8) } else { (128, 32) };
    let length = if length.is_empty() { Some(whole) } else { length.parse::<u8>().ok() };
    length.is_some_and(|length| (least..=whole).contains(&length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held_to(text: &str) -> Option<HeldTo> {
        let value: Value = serde_json::from_str(text).unwrap();
        let conditions = of_statement(&value);
        assert_eq!(conditions.len(), 1, "{text}");
        conditions[0].held_to()
    }

    #[test]
    fn fixed_values_of_the_keys_that_aws_names_hold_a_statement() {
        for text in [
            r#"{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#,
            r#"{"IpAddress":{"aws:SourceIp":["203.0.113.7","2001:db8::/32"]}}"#,
            r#"{"IpAddress":{"AWS:SOURCEIP":"10.0.0.0/8"}}"#,
            r#"{"StringEquals":{"aws:SourceVpc":"vpc-91237329"}}"#,
            r#"{"stringlike":{"aws:SourceVpce":["vpce-1","vpce-2"]}}"#,
            r#"{"ForAnyValue:StringEquals":{"aws:SourceVpce":"vpce-1"}}"#,
            r#"{"ArnEquals":{"aws:SourceArn":"arn:aws:s3:::source"}}"#,
            r#"{"StringEquals":{"aws:userid":"AIDAEXAMPLE"}}"#,
        ] {
            assert_eq!(held_to(text), Some(HeldTo::Place), "{text}");
        }
        let accounts = Some(HeldTo::Accounts(vec!["444455556666".to_owned()]));
        for text in [
            r#"{"StringEquals":{"aws:PrincipalAccount":"444455556666"}}"#,
            r#"{"StringEquals":{"aws:SourceAccount":444455556666}}"#,
            r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::444455556666:role/reader"}}"#,
            r#"{"ArnEquals":{"aws:SourceArn":"arn:aws:sns:eu-west-1:444455556666:topic"}}"#,
            r#"{"StringEquals":{"s3:DataAccessPointAccount":"444455556666"}}"#,
            r#"{"ArnLike":{"s3:DataAccessPointArn":"arn:aws:s3:us-west-2:444455556666:accesspoint/*"}}"#,
        ] {
            assert_eq!(held_to(text), accounts, "{text}");
        }
        let organisation = Some(HeldTo::Organisations(vec!["o-a1b2c3".to_owned()]));
        for text in [
            r#"{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3"}}"#,
            r#"{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-a1b2c3/r-1/*"}}"#,
        ] {
            assert_eq!(held_to(text), organisation, "{text}");
        }
    }

    #[test]
    fn all_others_hold_nobody() {
        for text in [
            r#"{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#,
            r#"{"IpAddress":{"aws:SourceIp":"::/0"}}"#,
            r#"{"IpAddress":{"aws:SourceIp":"0.0.0.0/1"}}"#,
            r#"{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","0.0.0.0/0"]}}"#,
            r#"{"IpAddress":{"aws:SourceIp":"everywhere"}}"#,
            r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/99"}}"#,
            r#"{"StringEquals":{"aws:SourceIp":"203.0.113.7"}}"#,
            r#"{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#,
            r#"{"IpAddressIfExists":{"aws:SourceIp":"203.0.113.0/24"}}"#,
            r#"{"StringLike":{"aws:SourceVpc":"vpc-*"}}"#,
            r#"{"StringLike":{"aws:SourceVpc":["vpc-1","*"]}}"#,
            r#"{"StringNotEquals":{"aws:SourceVpc":"vpc-1"}}"#,
            r#"{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-a1b2c3"}}"#,
            r#"{"ForAllValues:StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3"}}"#,
            r#"{"StringEquals":{"aws:PrincipalAccount":"${aws:ResourceAccount}"}}"#,
            r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/reader"}}"#,
            r#"{"ArnLike":{"s3:DataAccessPointArn":"arn:aws:s3:us-west-2:*:accesspoint/a"}}"#,
            r#"{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"*/r-1/*"}}"#,
            r#"{"StringEquals":{"aws:PrincipalOrgID":[]}}"#,
            r#"{"Null":{"aws:PrincipalOrgID":"false"}}"#,
            r#"{"Bool":{"aws:SecureTransport":"true"}}"#,
            r#"{"StringLike":{"aws:Referer":"https://example.com/x"}}"#,
            r#"{"StringEquals":{"aws:UserAgent":"secret"}}"#,
            r#"{"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control"}}"#,
            r#"{"StringEquals":{"aws:PrincipalTag/team":"data"}}"#,
        ] {
            assert_eq!(held_to(text), None, "{text}");
        }
    }

    #[test]
    fn a_deny_spares_fixed_callers_by_a_negated_operator() {
        for (text, expected) in [
            (r#"{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}"#, true),
            (r#"{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#, true),
            (r#"{"StringNotEqualsIfExists":{"aws:SourceVpce":"vpce-1"}}"#, false),
            (r#"{"StringNotLike":{"aws:SourceVpce":"vpce-*"}}"#, false),
            (r#"{"StringEquals":{"aws:SourceVpce":"vpce-1"}}"#, false),
            (r#"{"Bool":{"aws:SecureTransport":"false"}}"#, false),
        ] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(of_statement(&value)[0].spares_fixed(), expected, "{text}");
        }
    }

    #[test]
    fn conditions_that_ask_for_tls_are_known_in_each_form() {
        for (text, expected) in [
            (r#"{"Bool":{"aws:SecureTransport":"false"}}"#, true),
            (r#"{"Bool":{"aws:securetransport":[false]}}"#, true),
            (r#"{"BoolIfExists":{"aws:SecureTransport":false}}"#, true),
            (r#"{"NumericLessThan":{"s3:TlsVersion":1.2}}"#, true),
            (r#"{"Bool":{"aws:SecureTransport":"true"}}"#, false),
            (r#"{"Null":{"aws:SecureTransport":"false"}}"#, false),
        ] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(of_statement(&value)[0].asks_for_no_tls(), expected, "{text}");
        }
        assert!(
            of_statement(&serde_json::json!("x")).is_empty() && of_statement(&serde_json::json!(null)).is_empty()
        );
    }
}
