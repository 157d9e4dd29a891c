//! Who is let in: what policies and ACLs come down to.

use super::Access;
use crate::detect::known::{is_account_id, is_canonical_id};
use std::collections::BTreeMap;

/// Somebody who is let in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grantee {
    /// Anybody, without credentials.
    Everybody,
    /// Anybody with an account of AWS.
    Authenticated,
    /// An account, by its 12 digits or its canonical id.
    Account(String),
    /// Whoever has that e-mail address.
    Email(String),
    /// All accounts of an organisation.
    Organisation(String),
    /// An origin access identity of CloudFront.
    CloudFront,
    /// An AWS service.
    Service(String),
    /// Somebody whose account is not told: a federation, or the unique id of a principal that was deleted.
    Other(String),
}

impl Grantee {
    /// The value of a principal in a policy. The one of `Service` and of `Federated` is known by its name.
    pub fn of_principal(kind: &str, value: &str) -> Grantee {
        let value = value.trim();
        if kind.eq_ignore_ascii_case("Service") {
            return Grantee::Service(cut(value));
        }
        let account = if value.starts_with("arn:") { value.split(':').nth(4).unwrap_or_default() } else { value };
        if value == "*" {
            Grantee::Everybody
        } else if account == "cloudfront" {
            Grantee::CloudFront
        } else if is_account_id(account) || is_canonical_id(account) {
            Grantee::Account(account.to_owned())
        } else {
            Grantee::Other(cut(value))
        }
    }

    /// The name, without what could be taken for more than one.
    pub fn name(&self) -> &str {
        match self {
            Grantee::Everybody => "everybody",
            Grantee::Authenticated => "authenticated",
            Grantee::CloudFront => "cloudfront",
            Grantee::Account(name)
            | Grantee::Email(name)
            | Grantee::Organisation(name)
            | Grantee::Service(name)
            | Grantee::Other(name) => name,
        }
    }

    /// Is it somebody by name outside of AWS, who may be of another account?
    pub fn is_by_name(&self) -> bool {
        !matches!(self, Grantee::Everybody | Grantee::Authenticated | Grantee::Service(_) | Grantee::Other(_))
    }
}

/// A name that a caller wrote: so long and no longer, without the signs between names.
pub(super) fn cut(name: &str) -> String {
    name.chars().filter(|sign| !matches!(sign, ';' | '=' | '|') && !sign.is_control()).take(200).collect()
}

/// Somebody, and what conditions hold it to a place or an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// Who.
    pub grantee: Grantee,
    /// Keys of conditions that hold it, in order; empty where it stands open.
    pub conditions: Vec<String>,
}

/// What is granted, by grant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    grants: BTreeMap<Grant, Access>,
    /// Were there more than are kept?
    pub are_more: bool,
}

/// Grants that are kept; a policy of 20 KB seldom names so many accounts.
const MOST: usize = 512;

impl Grants {
    /// Adds a grant.
    pub fn add(&mut self, grantee: Grantee, conditions: Vec<String>, access: Access) {
        if access.is_none() {
            return;
        }
        let grant = Grant { grantee, conditions };
        if self.grants.len() >= MOST && !self.grants.contains_key(&grant) {
            self.are_more = true;
            return;
        }
        let known = self.grants.entry(grant).or_default();
        *known = known.and(access);
    }

    /// All, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&Grant, Access)> {
        self.grants.iter().map(|(grant, access)| (grant, *access))
    }

    /// None?
    pub fn is_empty(&self) -> bool {
        self.grants.is_empty()
    }

    /// What stands open to somebody, whatever the conditions of other grants are.
    pub fn open_to(&self, grantee: &Grantee) -> Access {
        let open = self.iter().filter(|(grant, _)| grant.grantee == *grantee && grant.conditions.is_empty());
        open.fold(Access::NONE, |sum, (_, access)| sum.and(access))
    }

    /// Those who are let in by name, with their access: `444455556666=read+list;o-a1b2c3=read`, cut to so many bytes.
    pub fn by_name(&self, most: usize) -> String {
        let mut found: BTreeMap<&str, Access> = BTreeMap::new();
        for (grant, access) in self.iter().filter(|(grant, _)| grant.grantee.is_by_name()) {
            let known = found.entry(grant.grantee.name()).or_default();
            *known = known.and(access);
        }
        let mut text = String::new();
        for (name, access) in found {
            let entry = format!("{name}={}", access.text());
            if text.len() + entry.len() + MORE.len() + 1 > most {
                text.push_str(MORE);
                return text;
            }
            if !text.is_empty() {
                text.push(';');
            }
            text.push_str(&entry);
        }
        if self.are_more {
            text.push_str(MORE);
        }
        text
    }
}

/// How [`Grants::by_name`] ends if not all are told.
const MORE: &str = ";…";

/// The entries of [`Grants::by_name`], and whether there are more.
pub fn read_by_name(text: &str) -> (Vec<(&str, Access)>, bool) {
    let (entries, are_more) = text.strip_suffix(MORE).map_or((text, false), |entries| (entries, true));
    let entries = entries.split(';').filter_map(|entry| entry.split_once('='));
    (entries.map(|(name, access)| (name, Access::parse(access))).collect(), are_more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_are_told_by_their_form() {
        let canonical = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be";
        for (kind, value, expected) in [
            ("AWS", "*", Grantee::Everybody),
            ("AWS", "444455556666", Grantee::Account("444455556666".into())),
            ("aws", "arn:aws:iam::444455556666:root", Grantee::Account("444455556666".into())),
            ("AWS", "arn:aws-cn:sts::444455556666:assumed-role/a/b", Grantee::Account("444455556666".into())),
            ("CanonicalUser", canonical, Grantee::Account(canonical.into())),
            (
                "AWS",
                "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E2EXAMPLE",
                Grantee::CloudFront,
            ),
            ("AWS", "AIDAEXAMPLE", Grantee::Other("AIDAEXAMPLE".into())),
            ("Service", "cloudtrail.amazonaws.com", Grantee::Service("cloudtrail.amazonaws.com".into())),
            ("Service", "*", Grantee::Service("*".into())),
            (
                "Federated",
                "cognito-identity.amazonaws.com",
                Grantee::Other("cognito-identity.amazonaws.com".into()),
            ),
        ] {
            assert_eq!(Grantee::of_principal(kind, value), expected, "{value}");
        }
    }

    #[test]
    fn those_by_name_are_written_and_read_alike() {
        let mut grants = Grants::default();
        grants.add(Grantee::Everybody, vec![], Access::READ);
        grants.add(Grantee::Account("444455556666".into()), vec!["aws:sourceip".into()], Access::READ);
        grants.add(Grantee::Account("444455556666".into()), vec![], Access::LIST);
        grants.add(Grantee::Email(cut("a=b;c@example.com")), vec![], Access::ALL);
        let text = grants.by_name(900);
        assert_eq!(text, "444455556666=read+list;abc@example.com=read+list+write+delete+permissions");
        let (entries, are_more) = read_by_name(&text);
        assert_eq!(
            (entries[0], entries.len(), are_more),
            (("444455556666", Access::READ.and(Access::LIST)), 2, false)
        );
        assert_eq!(read_by_name(&grants.by_name(40)).0.len(), 1);
        assert!(read_by_name(&grants.by_name(40)).1 && read_by_name("").0.is_empty());
        assert_eq!(grants.open_to(&Grantee::Account("444455556666".into())), Access::LIST);
    }

    #[test]
    fn a_flood_of_grants_is_cut_and_says_so() {
        let mut grants = Grants::default();
        (0..2000).for_each(|number| grants.add(Grantee::Account(format!("{number:012}")), vec![], Access::READ));
        assert!(grants.are_more && grants.iter().count() == MOST && grants.by_name(900).len() <= 900);
    }
}
