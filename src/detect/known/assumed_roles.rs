//! Who took on which role, and when.

use crate::activity::principal::of_arn;
use crate::detect::entities::{Entities, EntityKey, State};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Bytes for pairs of caller and role.
const BUDGET: usize = 2 << 20;

/// A session lasts at most 12 hours
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>).
const LONGEST_SESSION_MS: i64 = 12 * 3_600_000;

/// A role that more callers take on than this is everybody's: what its sessions do is nobody's in particular.
const MOST_CALLERS: usize = 3;

/// Successful calls of AssumeRole, by caller and role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AssumedRoles {
    pairs: Entities<Span>,
}

/// From the first to the last time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Span {
    ms: Option<(i64, i64)>,
}

impl State for Span {
    const LEVELS: u32 = 0;

    fn weight(&self, _: u32) -> usize {
        0
    }

    fn cut(&mut self, _: u32) {}

    fn merge(&mut self, other: Self, _: u32) {
        if let Some((first_ms, last_ms)) = other.ms {
            self.see(first_ms);
            self.see(last_ms);
        }
    }
}

impl Span {
    fn see(&mut self, time_ms: i64) {
        let (first_ms, last_ms) = self.ms.unwrap_or((time_ms, time_ms));
        self.ms = Some((first_ms.min(time_ms), last_ms.max(time_ms)));
    }
}

impl Default for AssumedRoles {
    fn default() -> AssumedRoles {
        AssumedRoles { pairs: Entities::with_budget(BUDGET) }
    }
}

impl AssumedRoles {
    /// Takes a call of AssumeRole that was done, by a caller that is no service.
    pub fn see(&mut self, caller: &str, parameters: &str, time_ms: i64) {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Parameters {
            role_arn: String,
        }
        let Ok(Parameters { role_arn }) = serde_json::from_str(parameters) else { return };
        let mut role = Vec::new();
        if !of_arn(&role_arn).is_some_and(|role_of| role_of.name.write(&mut role)) {
            return;
        }
        let role = String::from_utf8_lossy(&role);
        if role != caller {
            let mut key = EntityKey::default();
            self.pairs.observe(key.set(&[Some(&role), Some(caller)]), 1, |span, _| span.see(time_ms));
        }
    }

    /// The same by role, to be asked.
    pub fn callers(&self) -> Callers<'_> {
        let mut by_role: BTreeMap<&str, Vec<(&str, i64, i64)>> = BTreeMap::new();
        for (pair, span) in self.pairs.sorted() {
            if let ([Some(role), Some(caller)], Some((from_ms, until_ms))) =
                (&EntityKey::fields(pair)[..], span.ms)
            {
                by_role.entry(*role).or_default().push((*caller, from_ms, until_ms));
            }
        }
        Callers { by_role }
    }

    /// A sentence about what was left out, if anything was.
    pub fn note(&self) -> Option<String> {
        self.pairs.note().map(|note| format!("Roles that were taken on: {note}"))
    }

    /// Bytes of the table.
    pub fn bytes(&self) -> usize {
        self.pairs.bytes()
    }

    /// Takes over what another part of the input showed.
    pub fn merge(&mut self, other: AssumedRoles) {
        self.pairs.merge(other.pairs);
    }
}

/// Callers by the role that they took on.
pub struct Callers<'a> {
    by_role: BTreeMap<&'a str, Vec<(&'a str, i64, i64)>>,
}

impl Callers<'_> {
    /// Who may have acted as a role at that time, directly: nobody where too many could.
    pub fn of(&self, role: &str, first_ms: i64, last_ms: i64) -> impl Iterator<Item = &str> {
        let callers = self.by_role.get(role).filter(|callers| callers.len() <= MOST_CALLERS);
        let may_be = move |from_ms: i64, until_ms: i64| {
            from_ms <= last_ms && until_ms.saturating_add(LONGEST_SESSION_MS) >= first_ms
        };
        callers
            .into_iter()
            .flatten()
            .filter(move |(_, from_ms, until_ms)| may_be(*from_ms, *until_ms))
            .map(|(caller, ..)| *caller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::111122223333:role/ops";

    fn assumed(calls: &[(&str, i64)]) -> AssumedRoles {
        let mut assumed = AssumedRoles::default();
        for (caller, time_ms) in calls {
            assumed.see(
                caller,
                r#"{"roleArn":"arn:aws:iam::111122223333:role/path/ops","roleSessionName":"s"}"#,
                *time_ms,
            );
        }
        assumed
    }

    #[test]
    fn a_session_is_followed_to_its_caller_while_it_can_last() {
        let assumed = assumed(&[("ann", 1000), ("ann", 2000), ("bob", 5_000_000_000)]);
        let callers = assumed.callers();
        for (first_ms, last_ms, expected) in [
            (1500, 1500, &["ann"][..]),
            (0, 999, &[]),
            (2000 + LONGEST_SESSION_MS, i64::MAX, &["ann", "bob"]),
            (2001 + LONGEST_SESSION_MS, 4_000_000_000, &[]),
        ] {
            assert_eq!(callers.of(ROLE, first_ms, last_ms).collect::<Vec<_>>(), expected, "{first_ms} {last_ms}");
        }
        assert_eq!(callers.of("arn:aws:iam::111122223333:role/other", 0, i64::MAX).count(), 0);
    }

    #[test]
    fn a_role_that_many_take_on_is_nobodys() {
        let calls: Vec<(&str, i64)> = ["a", "b", "c", "d"].into_iter().map(|caller| (caller, 1)).collect();
        assert_eq!(assumed(&calls[..3]).callers().of(ROLE, 1, 1).count(), 3);
        assert_eq!(assumed(&calls).callers().of(ROLE, 1, 1).count(), 0);
    }

    #[test]
    fn what_is_no_role_is_passed_over() {
        let mut assumed = AssumedRoles::default();
        for parameters in ["null", "{", r#"{"roleArn":"x"}"#, r#"{"roleArn":3}"#] {
            assumed.see("ann", parameters, 1);
        }
        assert!(assumed.callers().by_role.is_empty());
    }
}
