//! Which alerts a selection leaves: those that do not contradict it.

use super::pattern::Pattern;
use super::selection::{Conditions, Selection, fits};
use crate::activity::principal::arn_of_session;
use crate::detect::Alert;

impl Selection {
    /// Does an alert contradict nothing that is asked for? What it does not name contradicts nothing.
    pub fn allows(&self, alert: &Alert) -> bool {
        let is_of_alerts = || self.alerts.iter().any(|conditions| conditions.allows(alert));
        self.options.allows(alert) && (self.alerts.is_empty() || is_of_alerts())
    }
}

impl Conditions {
    fn allows(&self, alert: &Alert) -> bool {
        let name = |asked: &[Pattern], name: &Option<String>| {
            asked.is_empty() || name.as_ref().is_none_or(|name| fits(asked, name))
        };
        let is_from = |ip: &String| self.addresses.iter().any(|address| address.matches(ip));
        self.alert_ids.contains(&alert.alert_id)
            || self.is_of_its_time(alert)
                && name(&self.buckets, &alert.bucket)
                && name(&self.keys, &alert.object_key)
                && (self.addresses.is_empty() || alert.remote_ip.as_ref().is_none_or(is_from))
                && self.allows_caller(alert)
    }

    /// Is a part of the alert's window in the time that is asked for?
    fn is_of_its_time(&self, alert: &Alert) -> bool {
        let is_before = self.since_ms.zip(alert.last_seen_ms).is_some_and(|(since, last)| last < since);
        let is_after = self.until_ms.zip(alert.first_seen_ms).is_some_and(|(until, first)| first >= until);
        !is_before && !is_after
    }

    /// Can the caller be one who is asked for, or what such a one took on? An alert that names no access key is told by
    /// the names under which the keys that are asked for were used.
    fn allows_caller(&self, alert: &Alert) -> bool {
        let (name, key) = (alert.principal.as_deref(), alert.access_key_id.as_deref());
        let by_name = self.principals.is_empty() || name.is_none_or(|name| self.asks_for_caller(name));
        let by_key = match key {
            _ if self.access_keys.is_empty() => true,
            Some(key) => self.access_keys.iter().any(|asked| asked == key),
            None => name.is_none_or(|name| self.chain.is_a_caller(name)),
        };
        by_name && by_key || self.chain.can_be(name, key)
    }

    /// Is a caller asked for by the whole name, by what stands behind its last slash, or by a session of the role? An
    /// alert does not name sessions; of which role one is that is asked for by its name alone, its grant tells.
    fn asks_for_caller(&self, name: &str) -> bool {
        let short = name.rsplit_once('/').map(|(_, short)| short);
        // What the ARNs of all sessions of the role begin with.
        let sessions = arn_of_session(name, "");
        let asks_for_session = |pattern: &Pattern| {
            sessions.as_deref().is_some_and(|sessions| {
                let role = sessions.split_once(":assumed-role/").map_or("", |(_, role)| role);
                asks_for_arn_of_session(pattern, sessions) || pattern.beginning().0.starts_with(role)
            })
        };
        self.chain.has_session_asked_for(name)
            || self.principals.iter().any(|pattern| {
                pattern.matches(name)
                    || short.is_some_and(|short| pattern.matches(short))
                    || asks_for_session(pattern)
            })
    }
}

/// Is the pattern that of a session's ARN, and can it be of these sessions?
fn asks_for_arn_of_session(pattern: &Pattern, sessions: &str) -> bool {
    let (beginning, goes_on) = pattern.beginning();
    beginning.starts_with("arn:")
        && (beginning.starts_with(sessions) || goes_on && sessions.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::super::chain::ChainStage;
    use super::super::pattern::Address;
    use super::*;
    use crate::decode::Segment;
    use crate::detect::RULES;
    use crate::parse::cloudtrail::parse_record;
    use crate::pipeline::Stage;

    const ROLE: &str = "arn:aws:iam::111122223333:role/app";

    fn alert() -> Alert {
        let mut alert = Alert::of(RULES[0], &[], None);
        alert.set_seen(Some(5_000), Some(9_000));
        alert
    }

    /// About everything that can be asked for.
    fn full() -> Alert {
        let some = |text: &str| Some(text.to_owned());
        Alert {
            bucket: some("b"),
            object_key: some("logs/a"),
            principal: some(ROLE),
            access_key_id: some("ASIA1"),
            remote_ip: some("192.0.2.7"),
            ..alert()
        }
    }

    fn allows(options: Conditions, alert: &Alert) -> bool {
        Selection { options, alerts: Vec::new() }.allows(alert)
    }

    #[test]
    fn what_an_alert_names_must_fit_and_what_it_does_not_name_does_no_harm() {
        let none = Conditions::default;
        let patterns = |text: &str| vec![Pattern::new(text)];
        let who = |text| Conditions { principals: patterns(text), ..none() };
        let ip = |text| Conditions { addresses: vec![Address::parse(text).unwrap()], ..none() };
        let key = |text: &str| Conditions { access_keys: vec![text.to_owned()], ..none() };
        for (conditions, is_allowed) in [
            (none(), true),
            (Conditions { buckets: patterns("b*"), ..none() }, true),
            (Conditions { buckets: patterns("c"), ..none() }, false),
            (Conditions { keys: patterns("logs/*"), ..none() }, true),
            (Conditions { keys: patterns("logs"), ..none() }, false),
            (ip("192.0.2.0/24"), true),
            (ip("198.51.100.7"), false),
            (key("ASIA1"), true),
            (key("ASIA2"), false),
            (who("app"), true),
            (who(ROLE), true),
            (who("arn:aws:sts::111122223333:assumed-role/app/i-1"), true),
            (who("arn:aws:sts::111122223333:assumed-role/app/*"), true),
            (who("arn:aws:sts::111122223333:assumed-role/a*1"), true),
            (who("arn:aws:sts::111122223333:assumed-role/app"), false),
            (who("arn:aws:sts::111122223333:assumed-role/other/i-1"), false),
            (who("app/i-1"), true),
            (who("app/*"), true),
            (who("ap/i-1"), false),
            (who("*admin"), false),
            (who("ann"), false),
            (Conditions { since_ms: Some(9_000), ..none() }, true),
            (Conditions { since_ms: Some(9_001), ..none() }, false),
            (Conditions { until_ms: Some(5_001), ..none() }, true),
            (Conditions { until_ms: Some(5_000), ..none() }, false),
            (Conditions { buckets: patterns("b"), ..who("ann") }, false),
        ] {
            assert_eq!(allows(conditions.clone(), &full()), is_allowed, "{conditions:?}");
            let without_time = Alert { first_seen_ms: None, last_seen_ms: None, ..alert() };
            assert!(allows(conditions, &without_time), "it names nothing");
        }
    }

    #[test]
    fn what_a_caller_took_on_and_the_names_of_a_key_are_followed() {
        let record =
            br#"{"eventTime":"2026-03-04T09:00:01Z","eventSource":"sts.amazonaws.com","eventName":"AssumeRole",
            "userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/ann","accessKeyId":"AKIA1"},
            "responseElements":{"credentials":{"accessKeyId":"ASIA1"},
            "assumedRoleUser":{"arn":"arn:aws:sts::111122223333:assumed-role/app/i-1"}}}"#;
        let mut table = parse_record(record).unwrap();
        table.segments = vec![Segment { file: "f".into(), start: 0, first_number: 1, first_offset: 0 }];
        let by_name = || Conditions { principals: vec![Pattern::new("ann")], ..Conditions::default() };
        let by_key = || Conditions { access_keys: vec!["AKIA1".to_owned()], ..Conditions::default() };
        let both = || Conditions { access_keys: vec!["AKIA1".to_owned()], ..by_name() };
        for options in [by_name(), by_key(), both()] {
            let mut selection = Selection { options, alerts: Vec::new() };
            let stage = ChainStage::new(&selection);
            stage.observe(&mut (), 0, &table, &[0]).unwrap();
            assert!(stage.into_found().complete(&mut selection).is_empty());
            let asks_for_names = !selection.options.principals.is_empty();
            for (name, key, is_allowed) in [
                (Some("arn:aws:iam::111122223333:user/ann"), Some("AKIA1"), true),
                (Some("arn:aws:iam::111122223333:user/ann"), None, true),
                (Some("arn:aws:iam::111122223333:user/bob"), None, false),
                (Some("arn:aws:iam::111122223333:user/bob"), Some("AKIA1"), !asks_for_names),
                (Some(ROLE), None, true),
                (Some(ROLE), Some("ASIA1"), true),
                (Some(ROLE), Some("ASIA2"), false),
                (Some("arn:aws:iam::111122223333:role/other"), None, false),
                (None, Some("ASIA1"), true),
                (None, None, true),
            ] {
                let [principal, access_key_id] = [name, key].map(|text| text.map(str::to_owned));
                let alert = Alert { principal, access_key_id, ..alert() };
                assert_eq!(selection.allows(&alert), is_allowed, "{:?} {name:?} {key:?}", selection.options);
            }
        }
    }

    #[test]
    fn the_role_of_a_session_that_is_asked_for_by_its_name_is_known_by_the_grant() {
        let record =
            br#"{"eventTime":"2026-03-04T09:00:01Z","eventSource":"sts.amazonaws.com","eventName":"AssumeRole",
            "responseElements":{"credentials":{"accessKeyId":"ASIA1"},
            "assumedRoleUser":{"arn":"arn:aws:sts::111122223333:assumed-role/app/i-1"}}}"#;
        let mut table = parse_record(record).unwrap();
        table.segments = vec![Segment { file: "f".into(), start: 0, first_number: 1, first_offset: 0 }];
        for (session, is_allowed) in [("i-1", true), ("*-1", true), ("i-2", false)] {
            let options = Conditions { principals: vec![Pattern::new(session)], ..Conditions::default() };
            let mut selection = Selection { options, alerts: Vec::new() };
            let stage = ChainStage::new(&selection);
            stage.observe(&mut (), 0, &table, &[0]).unwrap();
            assert!(stage.into_found().complete(&mut selection).is_empty());
            for (name, is_allowed) in [(ROLE, is_allowed), ("arn:aws:iam::111122223333:role/other", false)] {
                let alert = Alert { principal: Some(name.to_owned()), ..alert() };
                assert_eq!(selection.allows(&alert), is_allowed, "{session} {name}");
            }
        }
    }

    #[test]
    fn an_alert_is_that_of_the_file_or_belongs_with_it_or_fits_its_conditions() {
        let of_alert = |options: &str| {
            let patterns = |text: &str| vec![Pattern::new(text)];
            let ids = ["one", "two"].map(str::to_owned).into();
            let conditions = Conditions { buckets: patterns("b"), alert_ids: ids, ..Conditions::default() };
            let options = Conditions { buckets: patterns(options), ..Conditions::default() };
            Selection { options, alerts: vec![conditions] }
        };
        for (options, id, bucket, is_allowed) in [
            ("*", "one", "other", true),
            ("*", "two", "other", true),
            ("*", "three", "other", false),
            ("*", "three", "b", true),
            ("b", "one", "other", false),
        ] {
            let alert = Alert { alert_id: id.to_owned(), bucket: Some(bucket.to_owned()), ..alert() };
            assert_eq!(of_alert(options).allows(&alert), is_allowed, "{options} {id} {bucket}");
        }
    }
}
