//! A call that gave a caller an access key, as CloudTrail logs it.

use super::selection::Facts;
use crate::activity::principal;
use crate::parse::LogType;
use crate::parse::cloudtrail::field as trail;
use crate::parse::json::{self, Kind};
use std::borrow::Cow;
use std::sync::Arc;

/// Longest name that is followed, in bytes: an ARN has 2048 at most, an access key 128
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html>).
pub(super) const MOST_NAME: usize = 2048;

/// How long a session lasts if the call does not say
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>).
const USUAL_DURATION_S: i64 = 3600;

/// The longest that a call can ask for (`GetFederationToken`).
const MOST_DURATION_S: i64 = 129_600;

/// Calls whose answers name credentials, with the service they are of.
const GRANTING: [(&str, &str); 7] = [
    ("sts.amazonaws.com", "AssumeRole"),
    ("sts.amazonaws.com", "AssumeRoleWithSAML"),
    ("sts.amazonaws.com", "AssumeRoleWithWebIdentity"),
    ("sts.amazonaws.com", "AssumeRoot"),
    ("sts.amazonaws.com", "GetFederationToken"),
    ("sts.amazonaws.com", "GetSessionToken"),
    ("iam.amazonaws.com", "CreateAccessKey"),
];

/// The one of them whose session acts under the name of who called.
pub(super) const SESSION_OF_ONES_OWN: &str = "GetSessionToken";

/// A role as the column `principal` has it, and the name of a session of it.
pub(super) type Session = (String, String);

/// A call that gave a caller an access key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// When, in milliseconds.
    pub time_ms: i64,
    /// The access key that was given.
    pub access_key_id: Arc<str>,
    /// Role and session name that go with it, if it is of a role.
    pub session: Option<Arc<Session>>,
    /// Until when the session lasts, in milliseconds.
    pub until_ms: i64,
    /// Who called, as the column `principal` has it.
    pub caller: String,
    /// With which access key.
    pub caller_key: Option<String>,
    /// The call.
    pub action: &'static str,
    /// File and record.
    pub place: (Arc<str>, i64),
    /// For each of the selection's conditions (as bits): was it a caller who is asked for?
    pub asked_for: u64,
    /// Likewise: is the access key asked for that was given?
    pub gives_asked: u64,
}

impl Grant {
    /// Bytes of the names in it.
    pub(super) fn name_bytes(&self) -> usize {
        let session = self.session.as_deref().map_or(0, |(role, session)| role.len() + session.len());
        self.access_key_id.len() + session + self.caller.len() + self.caller_key.as_ref().map_or(0, String::len)
    }
}

/// What a call granted.
pub(super) fn grant(row: &Facts<'_>) -> Option<Grant> {
    let (table, number) = (row.table, row.row);
    if table.log != LogType::CloudTrail {
        return None;
    }
    let text = |field| table.text(number, field);
    let call = (text(trail::EVENT_SOURCE)?, text(trail::EVENT_NAME)?);
    let (_, action) = GRANTING.into_iter().find(|granting| *granting == call)?;
    let answer = Answer::read(table.bytes(number, trail::RESPONSE_ELEMENTS)?);
    let time_ms = row.time_ms()?;
    let duration_s = text(trail::REQUEST_PARAMETERS).and_then(duration_s).unwrap_or(USUAL_DURATION_S);
    Some(Grant {
        time_ms,
        access_key_id: answer.access_key_id.and_then(followed)?.into(),
        session: answer.session_arn.as_deref().and_then(role_session).map(Arc::new),
        until_ms: time_ms.saturating_add(duration_s.clamp(0, MOST_DURATION_S) * 1000),
        caller: row.principal_name().and_then(followed).unwrap_or_else(|| "unknown".to_owned()),
        caller_key: row.access_key().and_then(followed),
        action,
        place: (Arc::clone(table.source_file(number)), row.line()),
        asked_for: 0,
        gives_asked: 0,
    })
}

/// A name, unless it is longer than any is: what a log claims to be one is not kept.
pub(super) fn followed(name: String) -> Option<String> {
    (name.len() <= MOST_NAME).then_some(name)
}

/// What the answer says.
#[derive(Default)]
struct Answer {
    access_key_id: Option<String>,
    session_arn: Option<String>,
}

impl Answer {
    /// Of `{"credentials":{"accessKeyId":…},"assumedRoleUser":{"arn":…}}` and `{"accessKey":{"accessKeyId":…}}`.
    fn read(response: &[u8]) -> Answer {
        let mut answer = Answer::default();
        let _no_object = json::members(response, |key, value| {
            let (member, into): (&[u8], _) = match &*key.name() {
                b"credentials" | b"accessKey" => (b"accessKeyId", &mut answer.access_key_id),
                b"assumedRoleUser" => (b"arn", &mut answer.session_arn),
                _ => return,
            };
            if value.kind == Kind::Object {
                *into = text_member(value.raw, member).filter(|text| !text.is_empty()).or(into.take());
            }
        });
        answer
    }
}

fn text_member(object: &[u8], name: &[u8]) -> Option<String> {
    let mut text = None;
    let _checked_before = json::members(object, |key, value| {
        if *key.name() == *name {
            text = value.text().map(|text: Cow<'_, [u8]>| String::from_utf8_lossy(&text).into_owned());
        }
    });
    text
}

fn duration_s(parameters: &str) -> Option<i64> {
    text_member(parameters.as_bytes(), b"durationSeconds")?.parse().ok()
}

/// `arn:aws:sts::1:assumed-role/ROLE/SESSION` → the role as the column `principal` has it, and the session.
fn role_session(arn: &str) -> Option<Session> {
    let principal = principal::of_arn(arn)?;
    let session = followed(principal.session_name?.to_owned())?;
    let mut role = Vec::new();
    principal.name.write(&mut role);
    Some((followed(String::from_utf8(role).ok()?)?, session))
}

/// Records of such calls for tests.
#[cfg(test)]
pub(super) mod testing {
    use crate::decode::Segment;
    use crate::parse::FieldTable;
    use crate::parse::cloudtrail::parse_record;

    pub fn assume(second: u32, caller: &str, role: &str, key: &str) -> FieldTable {
        table(&assuming(second, caller, role, key))
    }

    pub fn assuming(second: u32, caller: &str, role: &str, key: &str) -> String {
        format!(
            r#"{{"eventTime":"2026-03-04T09:00:{second:02}Z","eventSource":"sts.amazonaws.com","eventName":"AssumeRole",
            "userIdentity":{caller},"requestParameters":{{"durationSeconds":900}},
            "responseElements":{{"credentials":{{"accessKeyId":"{key}","expiration":"x"}},
            "assumedRoleUser":{{"arn":"arn:aws:sts::111122223333:assumed-role/{role}/s"}}}}}}"#
        )
    }

    pub fn table(record: &str) -> FieldTable {
        let mut table = parse_record(record.as_bytes()).unwrap();
        table.segments = vec![Segment { file: "f".into(), start: 0, first_number: 1, first_offset: 0 }];
        table
    }
}

#[cfg(test)]
mod tests {
    use super::testing::assume;
    use super::*;

    #[test]
    fn hostile_answers_grant_nothing() {
        for response in
            ["null", "[]", "{\"credentials\":[]}", "{\"credentials\":{\"accessKeyId\":\"\"}}", "{\"x", ""]
        {
            assert!(Answer::read(response.as_bytes()).access_key_id.is_none(), "{response}");
        }
        assert_eq!(role_session("arn:aws:sts::1:assumed-role/r"), None);
        assert_eq!(role_session("arn:aws:iam::1:role/path/r"), None);
    }

    #[test]
    fn a_session_is_called_what_its_rows_are_called() {
        for arn in
            ["arn:aws:sts::111122223333:assumed-role/r/s", "arn:aws-cn:sts:x:111122223333:assumed-role/r/s/t"]
        {
            let user = format!(r#"{{"type":"AssumedRole","arn":"{arn}"}}"#);
            let table = assume(1, &user, "other", "ASIA1");
            let row = Facts::new(&table, 0);
            let told = row.principal_name().zip(row.session_name().map(str::to_owned));
            assert!(told.is_some() && told == role_session(arn), "{arn}: {told:?}");
        }
    }

    #[test]
    fn names_longer_than_any_are_not_kept() {
        let ann = |name: &str, key: &str| format!(r#"{{"type":"IAMUser","arn":"{name}","accessKeyId":"{key}"}}"#);
        let granted = |caller: &str, role: &str, key: &str| grant(&Facts::new(&assume(1, caller, role, key), 0));
        let (most, long) = ("n".repeat(MOST_NAME), "n".repeat(MOST_NAME + 1));
        let kept = granted(&ann(&most, &most), "r", &most).unwrap();
        assert_eq!(
            (&*kept.access_key_id, &*kept.caller, kept.caller_key.as_deref()),
            (&*most, &*most, Some(&*most))
        );
        assert!(kept.session.is_some());
        let kept = granted(&ann(&long, &long), &long, "ASIA1").unwrap();
        assert_eq!((&*kept.caller, &kept.caller_key, &kept.session), ("unknown", &None, &None));
        assert_eq!(granted(&ann("a", "AKIA1"), "r", &long), None);
        assert_eq!(role_session(&format!("arn:aws:sts::1:assumed-role/r/{long}")), None);
    }
}
