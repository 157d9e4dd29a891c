//! The chain of sessions: what a caller took on acts for the caller.
//!
//! The answer of a call that grants a session names the access key of the session; what uses that key afterwards is
//! the caller's doing, also what it takes on in turn. Access lines name no key, so they are told by role, session
//! name and the session's time. So are those of an access key that is asked for itself, if the logs hold the call that
//! granted it.

use super::grant::{Grant, SESSION_OF_ONES_OWN, Session, followed, grant};
use super::selection::{Conditions, Facts, Selection, Verdict, fits_session};
use crate::error::Error;
use crate::parse::{FieldTable, LogType, time};
use crate::pipeline::Stage;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most grants that are kept of the callers asked for, and as many of sessions that may turn out to be theirs; the
/// first by time.
const MOST_GRANTS: usize = 150_000;

/// Bytes of the names of as many; enough for usual ones.
const MOST_GRANT_BYTES: usize = 64 << 20;

/// Most names under which access keys asked for were used, and most roles of sessions asked for.
const MOST_CALLERS: usize = 10_000;

/// Steps that are told of each end of a chain.
const SHOWN_STEPS: usize = 8;

/// Conditions of a selection that can be told apart in [`Grant::asked_for`].
pub const MOST_CONDITIONS: usize = u64::BITS as usize;

/// What the callers of one set of conditions took on.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    /// The grants, each with the one whose access key the caller used.
    links: Vec<(Arc<Grant>, Option<usize>)>,
    /// What the callers took on.
    taken: Sessions,
    /// What the access keys that are asked for were granted as.
    own: Sessions,
    /// The roles of the sessions that were taken on.
    roles: HashSet<String>,
    /// Names under which the access keys that are asked for were used, each with its sessions, `""` for none.
    callers: BTreeMap<String, BTreeSet<String>>,
    /// Roles of sessions that are asked for by their names.
    asked_roles: BTreeSet<String>,
    /// Access keys that are asked for, and of which no record shows who used them.
    unknown_keys: Vec<String>,
    /// Which bit of [`Grant::asked_for`] is meant.
    number: usize,
}

/// Sessions, by number of their grants, by what the logs tell them by.
#[derive(Clone, Debug, Default)]
struct Sessions {
    /// By access key.
    by_key: HashMap<Arc<str>, usize>,
    /// By role and session name, in order of time.
    by_session: HashMap<Arc<Session>, Vec<usize>>,
}

impl Sessions {
    /// Adds that of a grant, unless its access key is there.
    fn add(&mut self, grant: &Grant, number: usize) -> bool {
        let Entry::Vacant(key) = self.by_key.entry(Arc::clone(&grant.access_key_id)) else { return false };
        key.insert(number);
        if let Some(session) = &grant.session {
            self.by_session.entry(Arc::clone(session)).or_default().push(number);
        }
        true
    }

    /// The session that a row is of. An access key decides where the log has it.
    fn of(&self, row: &Facts<'_>, links: &[(Arc<Grant>, Option<usize>)]) -> Option<(usize, Verdict)> {
        if self.by_key.is_empty() {
            return None;
        }
        let key = row.access_key();
        if let Some(number) = key.as_ref().and_then(|key| self.by_key.get(key.as_str())) {
            return Some((*number, Verdict::Yes));
        }
        let is_kms = row.kms_object().is_some();
        if self.by_session.is_empty() || !(is_kms || key.is_none() && row.is_access_line()) {
            return None;
        }
        let session = (row.principal_name()?, row.session_name()?.to_owned());
        let time = row.time_ms()?;
        let is_then = |number: &&usize| {
            let grant = &links[**number].0;
            (grant.time_ms..=grant.until_ms).contains(&time)
        };
        let number = self.by_session.get(&session)?.iter().find(is_then)?;
        Some((*number, if is_kms { Verdict::Perhaps } else { Verdict::Yes }))
    }
}

impl Chain {
    /// Makes the chain of the grants, in order of time: first those of the callers who are asked for, then what was
    /// taken on with the keys of those, and so on.
    pub fn follow(&mut self, grants: &[Arc<Grant>]) {
        let mut by_caller: HashMap<&str, Vec<&Arc<Grant>>> = HashMap::new();
        for grant in grants {
            if let Some(key) = &grant.caller_key {
                by_caller.entry(key).or_default().push(grant);
            }
        }
        let is_ours = |conditions: u64| conditions >> self.number & 1 == 1;
        for grant in grants.iter().filter(|grant| is_ours(grant.gives_asked)) {
            if self.own.add(grant, self.links.len()) {
                self.links.push((Arc::clone(grant), None));
            }
        }
        // Of such a key, the way to what was taken on with it begins with its own grant.
        let own_of = |grant: &Grant| grant.caller_key.as_ref().and_then(|key| self.own.by_key.get(key.as_str()));
        let direct = grants.iter().filter(|grant| is_ours(grant.asked_for));
        let mut waiting: VecDeque<(&Arc<Grant>, Option<usize>)> =
            direct.map(|grant| (grant, own_of(grant).copied())).collect();
        while let Some((grant, parent)) = waiting.pop_front() {
            let number = self.links.len();
            if !self.taken.add(grant, number) {
                continue;
            }
            self.links.push((Arc::clone(grant), parent));
            if let Some(session) = &grant.session
                && !self.roles.contains(&session.0)
            {
                self.roles.insert(session.0.clone());
            }
            let later = by_caller.get(&*grant.access_key_id).into_iter().flatten();
            waiting.extend(later.map(|grant| (*grant, Some(number))));
        }
        for (grant, _) in self.own.by_key.values().map(|number| &self.links[*number]) {
            let name = match &grant.session {
                Some(session) => session.as_ref().clone(),
                // It acts under the name of who called.
                None if grant.action == SESSION_OF_ONES_OWN => (grant.caller.clone(), String::new()),
                None => continue,
            };
            self.callers.entry(name.0).or_default().insert(name.1);
            self.unknown_keys.retain(|key| **key != *grant.access_key_id);
        }
    }

    /// The session that a row is of, if one of the callers took it on.
    pub fn session_of(&self, row: &Facts<'_>) -> Option<(usize, Verdict)> {
        self.taken.of(row, &self.links)
    }

    /// The session that a row is of, if an access key that is asked for is that of a session whose grant is logged.
    pub fn own_session_of(&self, row: &Facts<'_>) -> Option<(usize, Verdict)> {
        self.own.of(row, &self.links)
    }

    /// Was an access key that is asked for used under this name, in any session?
    pub fn is_a_caller(&self, name: &str) -> bool {
        self.callers.contains_key(name)
    }

    /// Was one used by the caller of a row, in this session if the row names one?
    pub fn has_used_a_key(&self, row: &Facts<'_>) -> bool {
        if self.callers.is_empty() {
            return false;
        }
        let sessions = row.principal_name().and_then(|name| self.callers.get(&name));
        sessions.is_some_and(|sessions| row.session_name().is_none_or(|session| sessions.contains(session)))
    }

    /// Is a session of this role asked for by its name?
    pub fn has_session_asked_for(&self, role: &str) -> bool {
        self.asked_roles.contains(role)
    }

    /// Access keys that are asked for, and of which no record shows who used them, if there are lines of access logs:
    /// these name no keys.
    pub fn unknown_keys(&self) -> &[String] {
        &self.unknown_keys
    }

    /// Can what is told of one caller be of a session that was taken on? An access key decides where it is known; else a
    /// role of which there is such a session will do.
    pub fn can_be(&self, name: Option<&str>, access_key: Option<&str>) -> bool {
        match access_key {
            Some(key) => self.taken.by_key.contains_key(key),
            None => name.is_some_and(|name| self.roles.contains(name)),
        }
    }

    /// The way from the caller who is asked for to this session, a sentence a step; of a long one both ends.
    pub fn steps(&self, number: usize) -> Vec<String> {
        let parent = |number: &usize| self.links.get(*number).and_then(|(_, parent)| *parent);
        let way: Vec<usize> = std::iter::successors(Some(number), parent).collect();
        let mut steps: Vec<String> = Vec::new();
        for (index, number) in way.iter().rev().enumerate() {
            let to_end = way.len() - index;
            if index < SHOWN_STEPS || to_end <= SHOWN_STEPS {
                steps.extend(self.links.get(*number).map(|(grant, _)| step(grant)));
            } else if index == SHOWN_STEPS {
                steps.push(format!("… {} more steps", way.len() - 2 * SHOWN_STEPS));
            }
        }
        steps
    }
}

/// `CALLER → ROLE/SESSION, key ASIA…: AssumeRole at 2026-…, FILE:LINE`
fn step(grant: &Grant) -> String {
    let taken = grant.session.as_deref().map(|(role, session)| format!("{role}, session {session}, "));
    let Grant { caller, access_key_id, action, place: (file, line), .. } = grant;
    let taken = taken.unwrap_or_default();
    let when = time::format_iso(grant.time_ms);
    format!("{caller} → {taken}key {access_key_id}: {action} at {when}, {file}:{line}")
}

/// Looks for what callers took on, before the rows are selected.
pub struct ChainStage<'a> {
    selection: &'a Selection,
    /// All threads add to one: such calls are few, and what is kept of them is bounded.
    found: Mutex<Found>,
}

/// What was found, whatever the order of the rows.
#[derive(Default)]
pub struct Found {
    /// Of callers who are asked for.
    direct: Grants,
    /// Of others with an access key: it may be of a session that is asked for.
    later: Grants,
    /// For each condition whose its access keys and sessions are.
    owners: Vec<Owners>,
    has_lines: bool,
}

/// Whose the access keys and sessions are that a condition names.
#[derive(Clone, Default)]
struct Owners {
    /// Names under which the access keys were used, with the session or `""`.
    callers: BTreeSet<(String, String)>,
    /// Which of the keys were.
    used_keys: BTreeSet<String>,
    /// Roles of the sessions.
    roles: BTreeSet<String>,
}

#[derive(Default)]
struct Grants {
    first: BTreeSet<Grant>,
    /// Of the names in them.
    bytes: usize,
    dropped: bool,
}

impl Grants {
    fn add(&mut self, grant: Grant) {
        let bytes = grant.name_bytes();
        if self.first.insert(grant) {
            self.bytes += bytes;
        }
        while self.first.len() > MOST_GRANTS || self.bytes > MOST_GRANT_BYTES {
            let Some(last) = self.first.pop_last() else { break };
            self.bytes -= last.name_bytes();
            self.dropped = true;
        }
    }
}

impl<'a> ChainStage<'a> {
    /// Of the callers of a selection.
    pub fn new(selection: &'a Selection) -> ChainStage<'a> {
        let owners = vec![Owners::default(); selection.all().count()];
        ChainStage { selection, found: Mutex::new(Found { owners, ..Found::default() }) }
    }

    /// What was found.
    pub fn into_found(self) -> Found {
        self.found.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn see(&self, row: &Facts<'_>, asks_for_keys: bool) {
        if asks_for_keys {
            self.see_caller(row);
        }
        let Some(mut grant) = grant(row) else { return };
        for (number, conditions) in self.selection.all().enumerate().take(MOST_CONDITIONS) {
            grant.asked_for |= u64::from(conditions.is_caller(row)) << number;
            let gives_asked = conditions.access_keys.iter().any(|key| **key == *grant.access_key_id);
            grant.gives_asked |= u64::from(gives_asked) << number;
            self.see_session(number, conditions, &grant);
        }
        if grant.asked_for | grant.gives_asked != 0 {
            self.found().direct.add(grant);
        } else if grant.caller_key.is_some() {
            self.found().later.add(grant);
        }
    }

    /// A session that is asked for by its name tells its role.
    fn see_session(&self, number: usize, conditions: &Conditions, grant: &Grant) {
        let principals = &conditions.principals;
        let Some((role, session)) = grant.session.as_deref().filter(|_| !principals.is_empty()) else { return };
        if fits_session(principals, role, session) {
            insert_bounded(&mut self.found().owners[number].roles, role.clone());
        }
    }

    fn see_caller(&self, row: &Facts<'_>) {
        let Some(key) = row.access_key() else { return };
        for (number, conditions) in self.selection.all().enumerate() {
            let name = conditions.access_keys.contains(&key).then(|| row.principal_name()).flatten();
            let Some(name) = name.and_then(followed) else { continue };
            let session = row.session_name().map_or(Some(String::new()), |session| followed(session.to_owned()));
            let owners = &mut self.found().owners[number];
            owners.used_keys.insert(key.clone());
            insert_bounded(&mut owners.callers, (name, session.unwrap_or_default()));
        }
    }
}

/// Of more than are kept the first stay.
fn insert_bounded<T: Ord>(set: &mut BTreeSet<T>, value: T) {
    set.insert(value);
    if set.len() > MOST_CALLERS {
        set.pop_last();
    }
}

impl Stage for ChainStage<'_> {
    type Worker = ();

    fn worker(&self) {}

    fn observe(&self, (): &mut (), _: u64, table: &FieldTable, rows: &[u32]) -> Result<(), Error> {
        let asks_for_keys = self.selection.all().any(|conditions| !conditions.access_keys.is_empty());
        if table.log == LogType::S3Access && asks_for_keys && !rows.is_empty() {
            self.found().has_lines = true;
        }
        if table.log == LogType::CloudTrail || asks_for_keys {
            rows.iter().for_each(|row| self.see(&Facts::new(table, *row as usize), asks_for_keys));
        }
        Ok(())
    }

    fn unit_done(&self, (): &mut (), _: u64) -> Result<(), Error> {
        Ok(())
    }

    fn merge(&self, (): (), (): ()) {}
}

impl Found {
    /// Completes the selection by what was found; says what could not be followed.
    pub fn complete(self, selection: &mut Selection) -> Vec<String> {
        let mut notes = Vec::new();
        if self.direct.dropped || self.later.dropped {
            notes.push(format!(
                "sessions that callers took on beyond the first {MOST_GRANTS}, or {} MiB of names: ask for fewer callers",
                MOST_GRANT_BYTES >> 20
            ));
        }
        if selection.alerts.len() >= MOST_CONDITIONS {
            notes.push(format!("sessions taken on by callers of more than {} alerts", MOST_CONDITIONS - 1));
        }
        let mut by_time = self.direct.first;
        by_time.extend(self.later.first);
        let grants: Vec<Arc<Grant>> = by_time.into_iter().map(Arc::new).collect();
        for (number, (conditions, owners)) in selection.all_mut().zip(self.owners).enumerate() {
            let Owners { callers: names, used_keys, roles: asked_roles } = owners;
            let mut callers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for (name, session) in names {
                callers.entry(name).or_default().insert(session);
            }
            let keys = conditions.access_keys.iter();
            let unknown_keys = keys.filter(|key| self.has_lines && !used_keys.contains(*key)).cloned().collect();
            conditions.chain = Chain { number, callers, asked_roles, unknown_keys, ..Chain::default() };
            if number < MOST_CONDITIONS {
                conditions.chain.follow(&grants);
            }
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::super::grant::MOST_NAME;
    use super::super::grant::testing::{assume, assuming, table};
    use super::*;
    use crate::investigate::pattern::Pattern;

    fn by(key: &str) -> String {
        format!(
            r#"{{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/x/y","accessKeyId":"{key}"}}"#
        )
    }

    #[test]
    fn what_is_taken_on_is_followed_from_link_to_link_whatever_the_order() {
        let ann = r#"{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/ann","accessKeyId":"AKIA1"}"#;
        let bob = r#"{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/bob","accessKeyId":"AKIA2"}"#;
        let mut tables = vec![
            assume(1, ann, "one", "ASIA1"),
            assume(2, &by("ASIA1"), "two", "ASIA2"),
            assume(2, &by("ASIA2"), "three", "ASIA3"),
            assume(3, bob, "four", "ASIA4"),
            assume(4, &by("ASIA4"), "five", "ASIA5"),
            // A loop that no log can hold.
            assume(5, &by("ASIA3"), "one", "ASIA1"),
        ];
        for _ in 0..2 {
            let options = Conditions { principals: vec![Pattern::new("ann")], ..Conditions::default() };
            let mut selection = Selection { options, alerts: Vec::new() };
            let stage = ChainStage::new(&selection);
            for table in &tables {
                stage.observe(&mut (), 0, table, &[0]).unwrap();
            }
            assert_eq!(stage.into_found().complete(&mut selection), Vec::<String>::new());
            let chain = &selection.options.chain;
            let mut keys: Vec<&str> = chain.taken.by_key.keys().map(|key| &**key).collect();
            keys.sort();
            assert_eq!(keys, ["ASIA1", "ASIA2", "ASIA3"]);
            let steps = chain.steps(chain.taken.by_key["ASIA3"]);
            assert_eq!(steps.len(), 3);
            assert_eq!(
                steps[0],
                "arn:aws:iam::111122223333:user/ann → arn:aws:iam::111122223333:role/one, session s, key ASIA1: \
                 AssumeRole at 2026-03-04T09:00:01Z, f:0"
            );
            assert!(steps[2].contains("role/three"), "{}", steps[2]);
            let role = |name: &str| format!("arn:aws:iam::111122223333:role/{name}");
            for (name, key, expected) in [
                (Some(role("three")), None, true),
                (Some(role("four")), None, false),
                (Some(role("three")), Some("ASIA3"), true),
                (Some(role("three")), Some("ASIA5"), false),
                (None, Some("ASIA2"), true),
                (None, None, false),
            ] {
                assert_eq!(chain.can_be(name.as_deref(), key), expected, "{name:?} {key:?}");
            }
            tables.reverse();
        }
    }

    #[test]
    fn a_key_that_is_asked_for_is_known_by_its_own_grant() {
        let ann = r#"{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/ann","accessKeyId":"AKIA1"}"#;
        let token = assuming(3, ann, "x", "ASIA3").replace("AssumeRole", "GetSessionToken");
        let mut tables = vec![
            assume(1, ann, "one", "ASIA1"),
            assume(2, &by("ASIA1"), "two", "ASIA2"),
            table(&token.replace("assumedRoleUser", "-")),
            // A loop that no log can hold.
            assume(5, &by("ASIA2"), "one", "ASIA1"),
        ];
        let role = |name: &str| format!("arn:aws:iam::111122223333:role/{name}");
        for _ in 0..2 {
            let access_keys = ["ASIA1", "ASIA3", "ASIA9"].map(str::to_owned).into();
            let options = Conditions { access_keys, ..Conditions::default() };
            let mut selection = Selection { options, alerts: Vec::new() };
            let stage = ChainStage::new(&selection);
            stage.found().has_lines = true;
            for table in &tables {
                stage.observe(&mut (), 0, table, &[0]).unwrap();
            }
            assert_eq!(stage.into_found().complete(&mut selection), Vec::<String>::new());
            let chain = &selection.options.chain;
            let keys =
                |sessions: &Sessions| sessions.by_key.keys().map(|key| key.to_string()).collect::<BTreeSet<_>>();
            assert_eq!(keys(&chain.own), BTreeSet::from(["ASIA1", "ASIA3"].map(str::to_owned)));
            assert_eq!(keys(&chain.taken), BTreeSet::from(["ASIA1", "ASIA2"].map(str::to_owned)));
            let steps = chain.steps(chain.taken.by_key["ASIA2"]);
            assert_eq!(steps.len(), 2, "{steps:?}");
            assert!(steps[0].contains("user/ann → ") && steps[0].contains("key ASIA1: "), "{steps:?}");
            assert!(chain.is_a_caller(&role("one")) && !chain.is_a_caller(&role("two")));
            assert!(chain.is_a_caller("arn:aws:iam::111122223333:user/ann"), "by GetSessionToken");
            assert_eq!(chain.unknown_keys(), ["ASIA9"]);
            tables.reverse();
        }
    }

    #[test]
    fn names_longer_than_any_are_no_callers() {
        let ann = |name: &str| format!(r#"{{"type":"IAMUser","arn":"{name}","accessKeyId":"AKIA1"}}"#);
        let (most, long) = ("n".repeat(MOST_NAME), "n".repeat(MOST_NAME + 1));
        let options = Conditions { access_keys: vec!["AKIA1".to_owned()], ..Conditions::default() };
        let selection = Selection { options, alerts: Vec::new() };
        let stage = ChainStage::new(&selection);
        for name in [&most, &long] {
            stage.observe(&mut (), 0, &assume(1, &ann(name), "r", "ASIA1"), &[0]).unwrap();
        }
        assert_eq!(stage.into_found().owners[0].callers, BTreeSet::from([(most, String::new())]));
    }

    #[test]
    fn of_more_names_than_memory_is_for_the_first_by_time_are_kept() {
        let of = |second: u32| {
            let ann = format!(r#"{{"type":"IAMUser","arn":"{}"}}"#, "n".repeat(MOST_NAME));
            grant(&Facts::new(&assume(second, &ann, "r", &"k".repeat(2000)), 0)).unwrap()
        };
        let (late, early) = (of(2), of(1));
        let count = (MOST_GRANT_BYTES / late.name_bytes() + 2) as u32;
        let mut grants = Grants::default();
        for key in 0..count {
            let access_key_id = format!("{key}{}", "k".repeat(2000)).into();
            grants.add(Grant { access_key_id, ..late.clone() });
        }
        grants.add(early.clone());
        grants.add(early.clone());
        assert!(grants.dropped && grants.bytes <= MOST_GRANT_BYTES);
        assert_eq!(grants.bytes, grants.first.iter().map(Grant::name_bytes).sum::<usize>());
        assert_eq!(grants.first.first(), Some(&early));
    }

    #[test]
    fn alerts_about_one_caller_share_what_it_took_on() {
        let ann = r#"{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/ann","accessKeyId":"AKIA1"}"#;
        let of_ann = || Conditions { principals: vec![Pattern::new("ann")], ..Conditions::default() };
        let mut selection = Selection { options: Conditions::default(), alerts: vec![of_ann(), of_ann()] };
        let stage = ChainStage::new(&selection);
        stage.observe(&mut (), 0, &assume(1, ann, "one", "ASIA1"), &[0]).unwrap();
        assert_eq!(stage.into_found().complete(&mut selection), Vec::<String>::new());
        let [first, second] = &selection.alerts[..] else { panic!("two alerts") };
        assert!(Arc::ptr_eq(&first.chain.links[0].0, &second.chain.links[0].0));
    }
}
