//! What is seen of each row before any column is built: what it is, who did it and where.
//!
//! Most rows are routine. They are counted from their sight alone; only the others become columns.

use super::codes::{Act, Codes, Ended, Who, act};
use super::key_sample::{fingerprint_of, is_sampled};
use super::key_shape::{KeyShape, KeyShapes};
use super::marks::Marks;
use super::memo::Memo;
use super::names::Names;
use super::sigma::{Asking, Program};
use crate::activity::outcome::{self, Outcome};
use crate::activity::principal::{Principal, PrincipalKind, is_of_role, session_of_trail};
use crate::activity::{self, short_service};
use crate::parse::scalar::integer;
use crate::parse::{FieldTable, LogType, cloudtrail::field as trail, s3_access::field as access};
use memchr::memmem::{Finder, find};
use std::sync::{Arc, LazyLock};

/// Of what lifecycle removes, one in 16 keys is looked at: there may be millions a day, and all are alike.
pub const EXPIRED_HALVINGS: u32 = 4;

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight<'a> {
    /// The log.
    pub log: LogType,
    /// When it happened, milliseconds since 1970 UTC.
    pub time_ms: Option<i64>,
    /// What is done.
    pub act: Act,
    /// How it ended.
    pub ended: Ended,
    /// Who called, by kind.
    pub who: Who,
    /// Who called, by number ([`Names::callers`]).
    pub caller: u32,
    /// Bucket, by number ([`Names::buckets`]), and the caller in it, by number ([`Names::place`]).
    pub bucket: Option<(u32, u32)>,
    /// Fingerprint of the object's key; 0 where none is named.
    pub key: u64,
    /// Shape of the key.
    pub shape: Option<KeyShape>,
    /// Bytes sent; 0 for all but objects that were read.
    pub bytes_out: u64,
    /// Fingerprint of the request id; 0 where none is named.
    pub request: u64,
    /// Is the caller, or the service in whose name it calls, one that delivers logs?
    pub by_delivery: bool,
    /// Did it fail because of KMS or of too much load?
    pub is_strained: bool,
    /// Address of a caller without credentials.
    pub address: Option<&'a [u8]>,
    /// Account whose log this is: owner of the bucket (canonical id) or recipient of the event.
    pub account: Option<&'a [u8]>,
    /// Fingerprint of CloudTrail's event id; 0 where none is named.
    pub event: u64,
    /// Is it a write that grants something by an ACL to others than the owner of the bucket?
    pub grants: bool,
    /// Is the caller an account, and not the one whose log this is?
    pub is_foreign: bool,
    /// Is it a delete whose request names a version?
    pub names_version: bool,
    /// Service, name and parameters of a CloudTrail event that changed a setting.
    pub setting: Option<[&'a str; 3]>,
    /// The conditions of rules that are data which it could match, by number of their set; 0 is none.
    pub asked: u32,
    /// What the configuration and the baseline make of it.
    pub marks: Marks,
}

impl Sight<'_> {
    /// Is this a row that no detector asks for: an everyday request, or one that failed for reasons of its own?
    pub fn is_routine(&self) -> bool {
        if !self.marks.is_empty() {
            return false;
        }
        let is_done = matches!(self.ended, Ended::Done | Ended::Unchanged);
        match self.act {
            Act::Read | Act::CopySource | Act::List | Act::ListObjects if is_done => self.who != Who::Anonymous,
            Act::ListVersions if is_done => self.who == Who::Service,
            Act::Read | Act::CopySource | Act::List | Act::ListObjects | Act::ListVersions => {
                !self.is_strained && !self.is_refused()
            }
            Act::Settings => self.who == Who::Service,
            Act::Write if is_done => {
                let is_of_service = self.who == Who::Service || self.by_delivery;
                let is_of_note = self.grants || self.is_foreign || self.shape.is_some();
                is_of_service || self.who != Who::Anonymous && !is_of_note
            }
            Act::Write => !self.is_strained && !self.by_delivery && !self.is_refused(),
            Act::Expire => is_done && self.shape.is_none() && !is_sampled(self.key, EXPIRED_HALVINGS),
            Act::Delete | Act::DeleteMany | Act::OtherS3 | Act::OtherService => false,
        }
    }

    /// Was somebody refused who is no service, or did somebody without credentials ask for what is not there?
    fn is_refused(&self) -> bool {
        match self.who {
            Who::Service => false,
            Who::Principal => self.ended == Ended::Denied,
            Who::Anonymous => matches!(self.ended, Ended::Denied | Ended::Failed),
        }
    }
}

/// Sees the rows of tables; remembers what repeats.
#[derive(Debug, Default)]
pub struct Seer {
    /// The names behind the numbers.
    pub names: Names,
    shapes: KeyShapes,
    /// What an action is, and which conditions ask for it.
    acts: Memo<(Act, u32)>,
    /// Which conditions of rules that are data ask for which actions.
    pub(super) asking: Option<Asking>,
    /// Callers of access logs as logged.
    requesters: Memo<(u32, Who)>,
    /// Roles of CloudTrail, by the ARN of the session.
    sessions: Memo<(u32, Who)>,
    /// For composed texts.
    text: Vec<u8>,
}

impl Seer {
    /// One for a run with these conditions of rules that are data.
    pub fn asking(program: &Arc<Program>) -> Seer {
        Seer { asking: (!program.is_empty()).then(|| Asking::of(program)), ..Seer::default() }
    }

    /// Forgets all names: their numbers are given anew.
    pub fn forget(&mut self) {
        self.names = Names::default();
        self.requesters.clear();
        self.sessions.clear();
    }

    /// A row of a table.
    pub fn see<'a>(&mut self, table: &'a FieldTable, row: usize) -> Sight<'a> {
        match table.log {
            LogType::S3Access => self.see_access(table, row),
            LogType::CloudTrail => self.see_trail(table, row),
        }
    }

    fn see_access<'a>(&mut self, table: &'a FieldTable, row: usize) -> Sight<'a> {
        let (caller, who) = self.requester(table, row);
        let key = table.bytes(row, access::OBJECT_KEY);
        let code = table.bytes(row, access::ERROR_CODE);
        let status = table.bytes(row, access::HTTP_STATUS);
        let account = table.bytes(row, access::BUCKET_OWNER);
        let operation = table.bytes(row, access::OPERATION).unwrap_or_default();
        let (act, asked) = self.act(LogType::S3Access, b"", operation);
        let outcome = outcome::of(table, row);
        let ended = ended(outcome, status);
        Sight {
            act,
            ended,
            who,
            caller,
            bucket: self.bucket(caller, table.bytes(row, access::BUCKET_NAME)),
            key: key.map_or(0, fingerprint_of),
            shape: key.and_then(|key| self.shapes.of(key)),
            bytes_out: bytes_out((act, ended), table.bytes(row, access::BYTES_SENT)),
            request: table.bytes(row, access::REQUEST_ID).map_or(0, fingerprint_of),
            by_delivery: self.names.callers.name(caller).delivers,
            is_strained: matches!(status, Some([b'5', ..])) || code.is_some_and(is_strained),
            address: table.bytes(row, access::REMOTE_IP).filter(|_| who == Who::Anonymous),
            account,
            event: 0,
            grants: false,
            names_version: act == Act::Delete && names_version(table, row),
            is_foreign: self.names.callers.name(caller).is_other_account(account),
            setting: None,
            asked: self.narrowed(asked, Some(outcome), who),
            marks: Marks::default(),
            log: LogType::S3Access,
            time_ms: table.rows[row].event_time_ms(),
        }
    }

    fn see_trail<'a>(&mut self, table: &'a FieldTable, row: usize) -> Sight<'a> {
        let (caller, who) = self.caller(table, row);
        let event_source = table.text(row, trail::EVENT_SOURCE).unwrap_or_default();
        let service = short_service(event_source);
        let operation = table.text(row, trail::EVENT_NAME).unwrap_or_default();
        let (act, asked) = self.act(LogType::CloudTrail, event_source.as_bytes(), operation.as_bytes());
        let outcome = activity::is_api_call(table, row).then(|| outcome::of(table, row));
        let ended = outcome.map_or(Ended::Failed, |outcome| ended(outcome, None));
        let key = table.bytes(row, trail::S3_KEY);
        let parameters = || table.text(row, trail::REQUEST_PARAMETERS);
        let is_setting = matches!(act, Act::OtherS3 | Act::OtherService) && ended == Ended::Done;
        let invoked_by = table.text(row, trail::INVOKED_BY);
        let account = table.bytes(row, trail::RECIPIENT_ACCOUNT_ID);
        Sight {
            log: LogType::CloudTrail,
            time_ms: table.rows[row].event_time_ms(),
            act,
            ended,
            who,
            caller,
            bucket: self.bucket(caller, table.bytes(row, trail::S3_BUCKET)),
            key: key.map_or(0, fingerprint_of),
            shape: key.and_then(|key| self.shapes.of(key)),
            bytes_out: bytes_out((act, ended), table.bytes(row, trail::S3_BYTES_OUT)),
            request: table.bytes(row, trail::REQUEST_ID).map_or(0, fingerprint_of),
            by_delivery: self.names.callers.name(caller).delivers
                || invoked_by.is_some_and(super::known::is_delivering),
            is_strained: table.bytes(row, trail::ERROR_CODE).is_some_and(is_strained),
            address: table.bytes(row, trail::SOURCE_IP_ADDRESS).filter(|_| who == Who::Anonymous),
            account,
            is_foreign: self.names.callers.name(caller).is_other_account(account),
            event: table.bytes(row, trail::EVENT_ID).map_or(0, fingerprint_of),
            grants: act == Act::Write && table.bytes(row, trail::REQUEST_PARAMETERS).is_some_and(grants_by_acl),
            marks: Marks::default(),
            names_version: act == Act::Delete && table.bytes(row, trail::S3_VERSION_ID).is_some(),
            setting: is_setting.then(parameters).flatten().map(|parameters| [service, operation, parameters]),
            asked: self.narrowed(asked, outcome, who),
        }
    }

    /// What is left of a set of conditions, by how the row ended, if it is a call, and who called.
    fn narrowed(&mut self, asked: u32, outcome: Option<Outcome>, who: Who) -> u32 {
        self.asking.as_mut().map_or(0, |asking| asking.narrowed(asked, outcome, who))
    }

    fn bucket(&mut self, caller: u32, bucket: Option<&[u8]>) -> Option<(u32, u32)> {
        let number = self.names.buckets.number(Some(bucket?));
        Some((number, self.names.place(caller, number)))
    }

    fn requester(&mut self, table: &FieldTable, row: usize) -> (u32, Who) {
        let logged = table.bytes(row, access::REQUESTER).unwrap_or_default();
        if let Some(known) = self.requesters.get(logged) {
            return known;
        }
        let seen = self.number(&activity::principal(table, row));
        self.requesters.set(logged, seen);
        seen
    }

    /// The caller of a CloudTrail row. Most are sessions of roles, each of which makes many calls.
    fn caller(&mut self, table: &FieldTable, row: usize) -> (u32, Who) {
        let session = session_of_trail(table, row);
        if let Some(known) = session.and_then(|arn| self.sessions.get(arn)) {
            return known;
        }
        let seen = self.number(&activity::principal(table, row));
        if let Some(arn) = session.filter(|arn| is_of_role(arn)) {
            self.sessions.set(arn, seen);
        }
        seen
    }

    fn number(&mut self, principal: &Principal<'_>) -> (u32, Who) {
        self.text.clear();
        let name = principal.name.write(&mut self.text).then_some(&self.text[..]);
        (self.names.callers.number(name), who(principal.kind))
    }

    /// What an action is, and the set of conditions that ask for it. Access lines name no source.
    fn act(&mut self, log: LogType, event_source: &[u8], operation: &[u8]) -> (Act, u32) {
        let text = match log {
            LogType::S3Access => operation,
            LogType::CloudTrail => {
                self.text.clear();
                self.text.extend_from_slice(event_source);
                self.text.push(b' ');
                self.text.extend_from_slice(operation);
                &self.text
            }
        };
        if let Some(known) = self.acts.get(text) {
            return known;
        }
        let [source, operation] =
            [event_source, operation].map(|word| std::str::from_utf8(word).unwrap_or_default());
        let service = if log == LogType::S3Access { "s3" } else { short_service(source) };
        let asked = self.asking.as_mut().map_or(0, |asking| asking.set_of(log, source, operation));
        let known = (act(log, service, operation), asked);
        self.acts.set(text, known);
        known
    }
}

/// A success that has a status moved something only with 2xx.
fn ended(outcome: Outcome, status: Option<&[u8]>) -> Ended {
    match outcome {
        Outcome::Success if matches!(status, None | Some([b'2', ..])) => Ended::Done,
        Outcome::Success => Ended::Unchanged,
        Outcome::Denied => Ended::Denied,
        Outcome::Throttled => Ended::Throttled,
        Outcome::Error => Ended::Failed,
    }
}

fn who(kind: PrincipalKind) -> Who {
    match kind {
        PrincipalKind::Anonymous => Who::Anonymous,
        PrincipalKind::Service => Who::Service,
        _ => Who::Principal,
    }
}

fn bytes_out(what: (Act, Ended), digits: Option<&[u8]>) -> u64 {
    if what != (Act::Read, Ended::Done) {
        return 0;
    }
    digits.and_then(integer).and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0)
}

/// Do the parameters of a write hold an ACL that lets in others: a canned one for everybody, or a header that grants?
pub(super) fn grants_by_acl(parameters: &[u8]) -> bool {
    static WORDS: LazyLock<[Finder<'static>; 4]> =
        LazyLock::new(|| ["\"x-amz-", "\"public-read", "\"authenticated-read", "\"x-amz-grant-"].map(Finder::new));
    let [any, rest @ ..] = &*WORDS;
    any.find(parameters).is_some() && rest.iter().any(|word| word.find(parameters).is_some())
}

/// Does a line name a version that its request names? A plain delete in a bucket with versioning is logged with the version
/// of the marker that it leaves. Keys of a multi-object delete have no URI.
fn names_version(table: &FieldTable, row: usize) -> bool {
    let uri = table.bytes(row, access::REQUEST_URI).filter(|uri| uri.contains(&b'/'));
    table.bytes(row, access::VERSION_ID).is_some()
        && uri.is_none_or(|uri| {
            ["?versionId=", "&versionId="].iter().any(|name| find(uri, name.as_bytes()).is_some())
        })
}

/// Codes of KMS passed on by S3, and those of too much load.
fn is_strained(code: &[u8]) -> bool {
    code.starts_with(b"KMS.")
        || code == b"ServiceUnavailable"
        || std::str::from_utf8(code).is_ok_and(|code| outcome::is_throttling(code, false))
}

impl Codes {
    /// Leaves no row; the memory is used again.
    pub fn clear(&mut self) {
        let Codes {
            act,
            ended,
            who,
            key,
            shape,
            place,
            request,
            is_foreign,
            names_version,
            marks,
            by_act,
            marked,
        } = self;
        act.clear();
        ended.clear();
        who.clear();
        key.clear();
        shape.clear();
        place.clear();
        request.clear();
        is_foreign.clear();
        names_version.clear();
        marks.clear();
        by_act.iter_mut().for_each(Vec::clear);
        marked.clear();
    }

    /// Adds a row.
    pub fn push(&mut self, sight: &Sight<'_>) {
        self.act.push(sight.act);
        self.ended.push(sight.ended);
        self.who.push(sight.who);
        self.key.push(sight.key);
        self.shape.push(sight.shape);
        self.place.push(sight.bucket.map(|(_, place)| place));
        self.request.push(sight.request);
        self.is_foreign.push(sight.is_foreign);
        self.names_version.push(sight.names_version);
        self.marks.push(sight.marks);
        self.index_last();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::stage::Columns;
    use crate::detect::{RULES, sample_run, testing};

    #[test]
    fn a_delete_names_a_version_if_its_request_does() {
        let line = |operation: &str, uri: &str, version: &str| {
            format!(
                "79a5 b [06/Feb/2026:00:00:38 +0000] 192.0.2.3 ann R1 {operation} k \"{uri}\" 204 - - - 1 - \"-\" \"-\" {version}\n"
            )
        };
        for (operation, uri, version, expected) in [
            ("REST.DELETE.OBJECT", "DELETE /k?versionId=v1 HTTP/1.1", "v1", true),
            ("REST.DELETE.OBJECT", "DELETE /k?x-id=DeleteObject&versionId=v1 HTTP/1.1", "v1", true),
            // The version of the marker that it leaves.
            ("REST.DELETE.OBJECT", "DELETE /k HTTP/1.1", "v1", false),
            ("REST.DELETE.OBJECT", "DELETE /k?versionId=v1 HTTP/1.1", "-", false),
            ("BATCH.DELETE.OBJECT", "-", "v1", true),
            ("BATCH.DELETE.OBJECT", "-", "-", false),
            ("REST.GET.OBJECT", "GET /k?versionId=v1 HTTP/1.1", "v1", false),
        ] {
            let text = line(operation, uri, version);
            let table = sample_run::table(LogType::S3Access, &text).unwrap();
            assert_eq!(Seer::default().see(&table, 0).names_version, expected, "{text}");
        }
    }

    #[test]
    fn a_table_and_its_columns_are_seen_alike() {
        let activity = [
            "event_time",
            "service",
            "operation",
            "outcome",
            "http_status",
            "principal_kind",
            "object_key",
            "bucket_name",
            "principal",
            "remote_ip",
            "bytes_out",
            "request_id",
            "invoked_by",
            "event_id",
            "error_code",
            "version_id",
        ];
        let native = [vec!["bucket_owner"], vec!["recipient_account_id", "request_parameters"]];
        let columns = Columns::named(
            &activity.into(),
            [&native[0].iter().copied().collect(), &native[1].iter().copied().collect()],
        );
        for rule in RULES.iter() {
            for sample in rule.samples {
                for table in sample_run::tables(sample).unwrap() {
                    let rows: Vec<u32> = (0..table.len() as u32).collect();
                    let (mut seer, mut names) = (Seer::default(), Names::default());
                    columns.batch(&table, &rows, |batch| {
                        for (row, expected) in testing::sights(batch, &mut names).into_iter().enumerate() {
                            let seen = seer.see(&table, row);
                            // Columns do not tell whether it was the request that named a version.
                            let expected = Sight { names_version: seen.names_version, ..expected };
                            assert_eq!(seen, expected, "{} {} row {row}", rule.id, sample.name);
                        }
                    });
                }
            }
        }
    }
}
