//! What a policy comes down to as a text that can be kept, and what is looser in one than in another.

use super::{Access, Policy};
use std::collections::{BTreeMap, BTreeSet};

/// What is kept of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// By who and the keys of conditions that hold it, `,` between them.
    openings: BTreeMap<(String, String), Access>,
    /// What it denies.
    guards: BTreeSet<String>,
    /// Does it refuse connections without TLS?
    pub asks_for_tls: bool,
}

/// What is looser.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loosened {
    /// Statements that deny and are gone, without those for TLS.
    pub guards: Vec<String>,
    /// Who is let in with fewer conditions than before.
    pub conditions: Vec<Opening>,
    /// Who is let in under conditions to do what was not allowed before.
    pub openings: Vec<Opening>,
}

/// Who, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// As [`super::Grantee::name`].
    pub whom: String,
    /// What is new.
    pub access: Access,
    /// Keys of conditions that hold it, `,` between them.
    pub conditions: String,
}

impl Outline {
    /// Of a policy.
    pub fn of(policy: &Policy) -> Outline {
        let grants = policy
            .grants
            .iter()
            .map(|(grant, access)| ((grant.grantee.name().to_owned(), grant.conditions.join(",")), access));
        let guards = policy.guards.iter().filter(|guard| !guard.is_for_tls);
        Outline {
            openings: grants.collect(),
            guards: guards.map(|guard| guard.text.clone()).collect(),
            asks_for_tls: policy.guards.iter().any(|guard| guard.is_for_tls),
        }
    }

    /// As lines; never empty.
    pub fn text(&self) -> String {
        let mut text = String::from(if self.asks_for_tls { "policy with tls" } else { "policy" });
        for ((whom, conditions), access) in &self.openings {
            text.push_str(&format!("\n+{whom}|{conditions}|{}", access.text()));
        }
        for guard in &self.guards {
            text.push_str(&format!("\n-{guard}"));
        }
        text
    }

    /// From [`Outline::text`]; `None` if it is none.
    pub fn parse(text: &str) -> Option<Outline> {
        let mut lines = text.lines();
        let asks_for_tls = match lines.next()? {
            "policy with tls" => true,
            "policy" => false,
            _ => return None,
        };
        let mut outline = Outline { asks_for_tls, ..Outline::default() };
        for line in lines {
            if let Some(guard) = line.strip_prefix('-') {
                outline.guards.insert(guard.to_owned());
            } else if let Some([whom, conditions, access]) = line.strip_prefix('+').and_then(fields) {
                outline.openings.insert((whom.to_owned(), conditions.to_owned()), Access::parse(access));
            }
        }
        Some(outline)
    }

    /// Does it deny anything beside connections without TLS?
    pub fn denies(&self) -> bool {
        !self.guards.is_empty()
    }

    /// What is looser here than it was there.
    pub fn loosened_since(&self, before: &Outline) -> Loosened {
        let guards = before.guards.difference(&self.guards).cloned().collect();
        let mut loosened = Loosened { guards, ..Loosened::default() };
        for ((whom, conditions), access) in &self.openings {
            let keys: BTreeSet<&str> = keys(conditions);
            // What was allowed to them, or to everybody, under no more conditions.
            let allowed = before.allowed(whom, |other| other.is_subset(&keys));
            let new = access.without(allowed);
            if new.is_none() {
                continue;
            }
            let opening = |access| Opening { whom: whom.clone(), access, conditions: conditions.clone() };
            let held = before.allowed(whom, |other| other.is_superset(&keys));
            let [dropped, added] = [new.without(new.without(held)), new.without(held)];
            loosened.conditions.extend((!dropped.is_none()).then(|| opening(dropped)));
            loosened.openings.extend((!added.is_none()).then(|| opening(added)));
        }
        loosened
    }

    fn allowed(&self, whom: &str, fits: impl Fn(&BTreeSet<&str>) -> bool) -> Access {
        let of = |((other, conditions), access): (&(String, String), &Access)| {
            ((other == whom || other == "everybody") && fits(&keys(conditions))).then_some(*access)
        };
        self.openings.iter().filter_map(of).fold(Access::NONE, Access::and)
    }
}

fn keys(conditions: &str) -> BTreeSet<&str> {
    conditions.split(',').filter(|key| !key.is_empty()).collect()
}

fn fields(line: &str) -> Option<[&str; 3]> {
    let mut fields = line.splitn(3, '|');
    Some([fields.next()?, fields.next()?, fields.next()?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn outline(statements: &str) -> Outline {
        let value = json!(format!(r#"{{"Statement":[{statements}]}}"#));
        let outline = Outline::of(&Policy::of(&value).unwrap());
        assert_eq!(Outline::parse(&outline.text()), Some(outline.clone()));
        outline
    }

    const READ: &str = r#"{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:GetObject"}"#;
    const OPEN: &str = r#"{"Effect":"Allow","Principal":"*","Action":"s3:GetObject"}"#;
    const HELD: &str = r#"{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}"#;
    const TLS: &str = r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}"#;
    const DENY: &str = r#"{"Effect":"Deny","Principal":"*","Action":"s3:DeleteObject"}"#;

    #[test]
    fn what_is_looser_is_told_and_what_is_stricter_is_not() {
        let tell = |before: &str, after: &str| {
            let loosened = outline(after).loosened_since(&outline(before));
            let whom =
                |openings: &[Opening]| openings.iter().map(|it| it.whom.clone()).collect::<Vec<_>>().join(" ");
            (loosened.guards.len(), whom(&loosened.conditions), whom(&loosened.openings))
        };
        let two = |left: &str, right: &str| format!("{left},{right}");
        for (before, after, expected) in [
            (READ.to_owned(), READ.to_owned(), (0, "", "")),
            (two(READ, DENY), READ.to_owned(), (1, "", "")),
            (READ.to_owned(), two(READ, DENY), (0, "", "")),
            (two(READ, TLS), READ.to_owned(), (0, "", "")),
            (HELD.to_owned(), OPEN.to_owned(), (0, "everybody", "")),
            (OPEN.to_owned(), HELD.to_owned(), (0, "", "")),
            (READ.to_owned(), two(READ, HELD), (0, "", "everybody")),
            (READ.to_owned(), READ.replace("GetObject", "*"), (0, "", "111122223333")),
            (OPEN.to_owned(), two(OPEN, READ), (0, "", "")),
        ] {
            let found = tell(&before, &after);
            assert_eq!((found.0, &*found.1, &*found.2), expected, "{before} to {after}");
        }
        assert!(outline(TLS).asks_for_tls && !outline(DENY).asks_for_tls);
        assert!(outline(DENY).denies() && !outline(TLS).denies() && Outline::parse("deleted").is_none());
    }
}
