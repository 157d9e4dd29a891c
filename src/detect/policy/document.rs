//! A policy document of IAM or S3, read statement by statement.

use super::access::{Access, of_all_but, of_pattern};
use super::condition::{self, Condition, HeldTo};
use super::grants::{Grantee, Grants};
use super::json::{document, each, member, texts};
use serde_json::Value;
use std::borrow::Cow;

/// Statements that are read. A policy of 20 KB has a few hundred at most.
const MOST_STATEMENTS: usize = 1024;

/// Actions, principals and resources of a statement that are read.
const MOST_VALUES: usize = 1024;

/// What a policy comes down to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Whom it lets in. Statements that deny take nothing away here.
    pub grants: Grants,
    /// What it denies, one text a statement, in order and each once.
    pub guards: Vec<Guard>,
    /// Does a statement deny everything to all but fixed callers? What is granted to everybody is then not open.
    pub is_narrowed: bool,
}

/// A statement that denies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Guard {
    /// Such as `everybody: write+delete if bool aws:securetransport`.
    pub text: String,
    /// Does it refuse connections without TLS?
    pub is_for_tls: bool,
}

/// One statement, as far as it is understood.
pub struct Statement<'a> {
    value: &'a Value,
}

impl Policy {
    /// The policy in a value: an object, or a text that holds one. `None`: it is none.
    pub fn of(value: &Value) -> Option<Policy> {
        let document = document(value)?;
        let mut policy = Policy::default();
        for statement in statements(&document)? {
            statement.add_to(&mut policy);
        }
        policy.guards.sort_unstable();
        policy.guards.dedup();
        Some(policy)
    }
}

/// The statements of a document, of which one need be no list. `None`: it has none.
pub fn statements(document: &Value) -> Option<impl Iterator<Item = Statement<'_>>> {
    let list = each(member(document, "Statement")?).iter().take(MOST_STATEMENTS);
    Some(list.filter(|value| value.is_object()).map(|value| Statement { value }))
}

impl<'a> Statement<'a> {
    fn list(&self, name: &str) -> Option<Vec<Cow<'a, str>>> {
        member(self.value, name).map(|value| texts(value).take(MOST_VALUES).collect())
    }

    /// Does it allow, or deny? `None`: neither, so that it has no effect.
    pub fn allows(&self) -> Option<bool> {
        let effect = member(self.value, "Effect")?.as_str()?;
        [("allow", true), ("deny", false)]
            .into_iter()
            .find(|(name, _)| effect.eq_ignore_ascii_case(name))
            .map(|(_, allows)| allows)
    }

    /// The patterns of actions that it names, not those that it excepts.
    pub fn actions(&self) -> Vec<Cow<'a, str>> {
        self.list("Action").unwrap_or_default()
    }

    /// Does it name its actions by those that it excepts?
    pub fn excepts_actions(&self) -> bool {
        member(self.value, "NotAction").is_some()
    }

    /// Is it about every resource?
    pub fn is_for_all_resources(&self) -> bool {
        let every = |name: &str| matches!(name, "*" | "arn:aws:s3:::*" | "arn:*:s3:::*" | "arn:aws:s3:::*/*");
        match self.list("Resource") {
            Some(names) => names.iter().any(|name| every(name)),
            // All but some are as good as every one.
            None => member(self.value, "NotResource").is_some(),
        }
    }

    /// Its conditions.
    pub fn conditions(&self) -> Vec<Condition<'a>> {
        member(self.value, "Condition").map(condition::of_statement).unwrap_or_default()
    }

    /// What of S3 it is about.
    pub fn access(&self) -> Access {
        match self.list("NotAction") {
            Some(patterns) => of_all_but(patterns.iter().map(|pattern| &**pattern)),
            None => {
                let actions = self.actions();
                let mut access = Access::NONE;
                for pattern in &actions {
                    access = access.and(of_pattern(pattern));
                    if access == Access::ALL {
                        break;
                    }
                }
                access
            }
        }
    }

    /// Whom it is about. All but some are everybody.
    fn principals(&self) -> Vec<Grantee> {
        if member(self.value, "NotPrincipal").is_some() {
            return vec![Grantee::Everybody];
        }
        match member(self.value, "Principal") {
            Some(Value::Object(kinds)) => {
                let of_kind = |(kind, value): (&String, &'a Value)| {
                    let kind = kind.clone();
                    texts(value).take(MOST_VALUES).map(move |name| Grantee::of_principal(&kind, &name))
                };
                kinds.iter().take(16).flat_map(of_kind).collect()
            }
            Some(value) => {
                texts(value).take(MOST_VALUES).map(|name| Grantee::of_principal("AWS", &name)).collect()
            }
            None => Vec::new(),
        }
    }

    fn add_to(&self, policy: &mut Policy) {
        match self.allows() {
            Some(true) => self.grant(&mut policy.grants),
            Some(false) => {
                policy.is_narrowed |= self.leaves_only_fixed();
                policy.guards.extend((policy.guards.len() < MOST_STATEMENTS).then(|| self.guard()));
            }
            None => {}
        }
    }

    fn grant(&self, grants: &mut Grants) {
        let access = self.access();
        let held: Vec<(String, HeldTo)> =
            self.conditions().iter().filter_map(|it| Some((it.key.clone(), it.held_to()?))).collect();
        let mut keys: Vec<String> = held.iter().map(|(key, _)| key.clone()).collect();
        keys.sort_unstable();
        keys.dedup();
        let named: Vec<Grantee> = held.into_iter().flat_map(|(_, held)| grantees(held)).collect();
        for grantee in self.principals() {
            // Everybody of an account is that account.
            if grantee == Grantee::Everybody && !named.is_empty() {
                named.iter().for_each(|named| grants.add(named.clone(), keys.clone(), access));
            } else {
                grants.add(grantee, keys.clone(), access);
            }
        }
    }

    /// A Deny of everything that S3 does to everybody, with one condition that spares fixed callers.
    fn leaves_only_fixed(&self) -> bool {
        let conditions = self.conditions();
        let [condition] = &conditions[..] else { return false };
        self.access() == Access::ALL
            && self.principals() == [Grantee::Everybody]
            && member(self.value, "NotPrincipal").is_none()
            && condition.spares_fixed()
    }

    fn guard(&self) -> Guard {
        let conditions = self.conditions();
        let mut names: Vec<String> =
            conditions.iter().map(|it| super::grants::cut(&format!("{} {}", it.operator, it.key))).collect();
        names.sort_unstable();
        names.dedup();
        let whom = match &self.principals()[..] {
            [Grantee::Everybody] => "everybody",
            _ => "some",
        };
        let access = self.access();
        let what = if access.is_none() { "other".to_owned() } else { access.text() };
        let when = if names.is_empty() { String::new() } else { format!(" if {}", names.join(" and ")) };
        Guard {
            text: super::grants::cut(&format!("{whom}: {what}{when}")),
            is_for_tls: conditions.iter().any(Condition::asks_for_no_tls),
        }
    }
}

fn grantees(held: HeldTo) -> Vec<Grantee> {
    match held {
        HeldTo::Accounts(accounts) => {
            accounts.iter().map(|account| Grantee::of_principal("AWS", account)).collect()
        }
        HeldTo::Organisations(ids) => ids.iter().map(|id| Grantee::Organisation(super::grants::cut(id))).collect(),
        HeldTo::Place => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What a policy of one statement grants: `everybody=read`, with `?` behind what a condition holds.
    fn granted(statement: &Value) -> String {
        let policy = Policy::of(&json!({"Version": "2012-10-17", "Statement": statement})).unwrap();
        let of = |(grant, access): (&super::super::Grant, Access)| {
            let held = if grant.conditions.is_empty() { "" } else { "?" };
            format!("{}={}{held}", grant.grantee.name(), access.text())
        };
        policy.grants.iter().map(of).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn who_is_let_in_is_told_statement_by_statement() {
        let read = |rest: Value| {
            let mut statement = json!({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::b/*"});
            rest.as_object().unwrap().iter().for_each(|(name, value)| statement[name] = value.clone());
            statement
        };
        for (statement, expected) in [
            (read(json!({})), "everybody=read"),
            (json!([read(json!({}))]), "everybody=read"),
            (read(json!({"Principal": {"AWS": "*"}})), "everybody=read"),
            (read(json!({"Principal": {"AWS": ["*"]}})), "everybody=read"),
            (read(json!({"Principal": {"AWS": ["111122223333", "*"]}})), "everybody=read 111122223333=read"),
            (
                json!({"Effect": "Allow", "NotPrincipal": {"AWS": "111122223333"}, "Action": "s3:*", "Resource": "*"}),
                "everybody=read+list+write+delete+permissions",
            ),
            (
                json!({"Effect": "Allow", "Principal": "*", "NotAction": "s3:Get*", "Resource": "*"}),
                "everybody=list+write+delete+permissions",
            ),
            (read(json!({"Effect": "Deny"})), ""),
            (read(json!({"Effect": "Perhaps"})), ""),
            (read(json!({"Action": "ec2:*"})), ""),
            (read(json!({"Principal": {"Service": "cloudtrail.amazonaws.com"}})), "cloudtrail.amazonaws.com=read"),
            (read(json!({"Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}})), "everybody=read?"),
            (read(json!({"Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}})), "everybody=read"),
            (read(json!({"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3"}}})), "o-a1b2c3=read?"),
            (
                read(json!({"Condition": {"StringEquals": {"aws:PrincipalAccount": ["444455556666"]}}})),
                "444455556666=read?",
            ),
            (
                read(json!({"Condition": {"StringLike": {"aws:Referer": "https://x/*"},
                    "StringEquals": {"aws:SourceVpc": "vpc-1"}}})),
                "everybody=read?",
            ),
            (read(json!({"Condition": {"StringLike": {"aws:Referer": "https://x/*"}}})), "everybody=read"),
            (read(json!({"Condition": "nonsense"})), "everybody=read"),
            (read(json!({"Principal": {"AWS": "arn:aws:iam::444455556666:role/r"}})), "444455556666=read"),
            (
                read(
                    json!({"Principal": {"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E"}}),
                ),
                "cloudfront=read",
            ),
            (json!({"effect": "allow", "principal": "*", "action": "s3:ListBucket"}), "everybody=list"),
            (json!(["x", 7, null]), ""),
        ] {
            assert_eq!(granted(&statement), expected, "{statement}");
        }
    }

    #[test]
    fn the_policies_of_the_page_about_public_access_are_public_or_not_as_it_says() {
        let page = |condition: Value| {
            json!({"Principal": "*", "Resource": "*", "Action": "s3:PutObject", "Effect": "Allow",
                "Condition": condition})
        };
        assert_eq!(granted(&page(json!({"StringLike": {"aws:SourceVpc": "vpc-*"}}))), "everybody=write");
        assert_eq!(granted(&page(json!({"StringEquals": {"aws:SourceVpc": "vpc-91237329"}}))), "everybody=write?");
    }

    #[test]
    fn a_document_comes_as_object_or_text_and_what_is_none_is_told() {
        let text = r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*"}}"#;
        let policy = Policy::of(&json!(text)).unwrap();
        assert_eq!(policy.grants.open_to(&Grantee::Everybody), Access::ALL);
        for value in [json!("{"), json!(7), json!([]), json!({"Version": "x"}), json!(null)] {
            assert!(Policy::of(&value).is_none(), "{value}");
        }
    }

    #[test]
    fn denials_are_guards_and_some_narrow_what_is_allowed() {
        let deny = |rest: Value| {
            let mut statement = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"});
            rest.as_object().unwrap().iter().for_each(|(name, value)| statement[name] = value.clone());
            Policy::of(&json!({"Statement": [statement]})).unwrap()
        };
        let tls = deny(json!({"Condition": {"Bool": {"aws:SecureTransport": "false"}}}));
        let all = Access::ALL.text();
        assert_eq!(tls.guards[0].text, format!("everybody: {all} if bool aws:securetransport"));
        assert!(tls.guards[0].is_for_tls && !tls.is_narrowed && tls.grants.is_empty());
        for (rest, expected) in [
            (json!({"Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}}), true),
            (json!({"Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-*"}}}), false),
            (
                json!({"Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}, "Action": "s3:PutObject"}),
                false,
            ),
            (
                json!({"Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}, "Principal": {"AWS": "4"}}),
                false,
            ),
            (json!({}), false),
        ] {
            assert_eq!(deny(rest.clone()).is_narrowed, expected, "{rest}");
        }
    }

    #[test]
    fn hostile_documents_are_read_in_bounded_time_and_memory() {
        let actions = format!("\"s3:{}\",", "*a".repeat(30)).repeat(900);
        let text = format!(r#"{{"Statement":{{"Effect":"Allow","Principal":"*","Action":[{actions}"x"]}}}}"#);
        assert!(text.len() < 1 << 16 && Policy::of(&json!(text)).is_some_and(|it| it.grants.is_empty()));
        let deny = json!({"Effect": "Deny", "Principal": "x".repeat(9000), "Action": "s3:Get*"});
        let policy = Policy::of(&json!({"Statement": vec![deny; 3000]})).unwrap();
        assert!(policy.guards.len() == 1 && policy.grants.is_empty());
        let allow =
            json!({"Effect": "Allow", "Principal": {"AWS": "*", "x": {}}, "Action": [[], {}, "s3:GetObject"]});
        assert_eq!(granted(&json!([allow, {"Statement": []}, "*"])), "everybody=read");
    }
}
