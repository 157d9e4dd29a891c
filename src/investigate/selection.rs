//! What an investigation asks for: when, where, who and which alerts.

use super::chain::Chain;
use super::object_record::Act;
use super::pattern::{Address, Pattern};
use crate::activity;
use crate::activity::principal::{PrincipalKind, arn_of_session};
use crate::parse::{FieldTable, LogType, cloudtrail::field as trail, s3_access::field as access};
use std::collections::HashSet;

/// Is a row asked for?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is not.
    No,
    /// Its log does not say what is asked; it belongs to the selection if another record of the same request does.
    Perhaps,
    /// It is.
    Yes,
}

/// The conditions of the options and of alerts: a row must meet the former, and one of the latter if there are any.
#[derive(Debug, Default)]
pub struct Selection {
    /// Those of the options.
    pub options: Conditions,
    /// Those of each alert.
    pub alerts: Vec<Conditions>,
}

/// Conditions that a row must all meet; of the values of one any is enough.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    /// Not before this instant, in milliseconds; a row without a time cannot be shown to be.
    pub since_ms: Option<i64>,
    /// Before this instant.
    pub until_ms: Option<i64>,
    /// Buckets.
    pub buckets: Vec<Pattern>,
    /// Keys of objects.
    pub keys: Vec<Pattern>,
    /// Callers: whole names, what stands behind their last slash, or sessions of roles: ARNs, `ROLE/SESSION`, `SESSION`.
    pub principals: Vec<Pattern>,
    /// Addresses of callers.
    pub addresses: Vec<Address>,
    /// Ids of access keys.
    pub access_keys: Vec<String>,
    /// Places of records that meet the conditions whatever else they say: file and line.
    pub places: HashSet<(String, i64)>,
    /// Ids of requests that do.
    pub request_ids: HashSet<String>,
    /// Ids of alerts that do: the one that the conditions are of, and those that belong with it.
    pub alert_ids: HashSet<String>,
    /// What the callers took on, once it is known.
    pub chain: Chain,
}

/// A verdict, and what the caller's session was taken on by.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// Is the row asked for?
    pub verdict: Verdict,
    /// The session through which a caller that is asked for acted.
    pub through: Option<(&'a Chain, usize)>,
}

impl<'a> Judged<'a> {
    const NO: Judged<'static> = Judged { verdict: Verdict::No, through: None };

    fn plain(verdict: Verdict) -> Judged<'a> {
        Judged { verdict, through: None }
    }

    /// The better one.
    fn or(self, other: Judged<'a>) -> Judged<'a> {
        if other.verdict > self.verdict { other } else { self }
    }
}

impl Selection {
    /// Is a row asked for?
    pub fn judge(&self, row: &Facts<'_>) -> Judged<'_> {
        let mut judged = self.options.judge(row);
        if judged.verdict != Verdict::No && !self.alerts.is_empty() {
            let alert = self.alerts.iter().map(|alert| alert.judge(row)).fold(Judged::NO, Judged::or);
            judged.verdict = judged.verdict.min(alert.verdict);
            judged.through = judged.through.or(alert.through);
        }
        judged
    }

    /// A session of [`Judged::through`] as numbers, for [`Selection::steps`].
    pub fn number_of(&self, chain: &Chain, grant: usize) -> Option<(u32, u64)> {
        let number = self.all().position(|conditions| std::ptr::eq(&raw const conditions.chain, chain))?;
        Some((u32::try_from(number).ok()?, grant as u64))
    }

    /// How a caller came to a session, a sentence a step.
    pub fn steps(&self, (conditions, grant): (u32, u64)) -> Vec<String> {
        let grant = usize::try_from(grant).unwrap_or(usize::MAX);
        self.all().nth(conditions as usize).map(|conditions| conditions.chain.steps(grant)).unwrap_or_default()
    }

    /// Is nothing asked for, and so everything?
    pub fn is_everything(&self) -> bool {
        self.options.buckets.is_empty() && !self.asks_beyond_buckets()
    }

    /// Is more asked for than buckets?
    pub fn asks_beyond_buckets(&self) -> bool {
        let options = &self.options;
        let names = options.keys.len() + options.addresses.len() + self.alerts.len();
        names > 0 || options.since_ms.is_some() || options.until_ms.is_some() || options.names_callers()
    }

    /// Can a row of this bucket be asked for, as far as the options name buckets?
    pub fn may_ask_for_bucket(&self, bucket: &str) -> bool {
        self.options.buckets.is_empty() || fits(&self.options.buckets, bucket)
    }

    /// Does it name callers, so that what they took on must be known first?
    pub fn names_callers(&self) -> bool {
        self.all().any(Conditions::names_callers)
    }

    /// All conditions.
    pub fn all(&self) -> impl Iterator<Item = &Conditions> {
        std::iter::once(&self.options).chain(&self.alerts)
    }

    /// All conditions, to be completed.
    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut Conditions> {
        std::iter::once(&mut self.options).chain(&mut self.alerts)
    }
}

impl Conditions {
    /// Does it name callers?
    pub fn names_callers(&self) -> bool {
        !self.principals.is_empty() || !self.access_keys.is_empty()
    }

    fn judge(&self, row: &Facts<'_>) -> Judged<'_> {
        if self.is_evidence(row) {
            return Judged::plain(Verdict::Yes);
        }
        let mut judged = Judged::plain(self.when(row));
        for condition in [Conditions::bucket, Conditions::key, Conditions::address] {
            if judged.verdict == Verdict::No {
                return Judged::NO;
            }
            judged.verdict = judged.verdict.min(condition(self, row));
        }
        if judged.verdict == Verdict::No || !self.names_callers() {
            return judged;
        }
        let caller = self.caller(row);
        Judged { verdict: judged.verdict.min(caller.verdict), through: caller.through }
    }

    fn is_evidence(&self, row: &Facts<'_>) -> bool {
        let by_id =
            !self.request_ids.is_empty() && row.request_id().is_some_and(|id| self.request_ids.contains(id));
        by_id || !self.places.is_empty() && self.places.contains(&row.place())
    }

    fn when(&self, row: &Facts<'_>) -> Verdict {
        let Some(time) = row.time_ms() else { return Verdict::Yes };
        let after = self.since_ms.is_none_or(|since| time >= since);
        yes_if(after && self.until_ms.is_none_or(|until| time < until))
    }

    fn bucket(&self, row: &Facts<'_>) -> Verdict {
        yes_if(
            self.buckets.is_empty()
                || row.is_about_any()
                || row.bucket().is_some_and(|name| fits(&self.buckets, name)),
        )
    }

    /// The request that deletes many keys names none; the lines of its keys do.
    fn key(&self, row: &Facts<'_>) -> Verdict {
        match row.key() {
            _ if self.keys.is_empty() || row.is_about_any() => Verdict::Yes,
            Some(key) => yes_if(fits(&self.keys, key)),
            None => perhaps_if(Act::of(row.table, row.row) == Some(Act::DeleteMany)),
        }
    }

    /// KMS does not log the address of who called S3.
    fn address(&self, row: &Facts<'_>) -> Verdict {
        let fits = |ip: &str| self.addresses.iter().any(|address| address.matches(ip));
        if self.addresses.is_empty() || row.ip().is_some_and(fits) {
            Verdict::Yes
        } else {
            perhaps_if(row.kms_object().is_some())
        }
    }

    fn caller(&self, row: &Facts<'_>) -> Judged<'_> {
        let direct = self.principal(row).min(self.access_key(row));
        if direct == Verdict::Yes {
            let session = self.chain.own_session_of(row);
            return Judged { verdict: direct, through: session.map(|(grant, _)| (&self.chain, grant)) };
        }
        let session = match self.chain.session_of(row) {
            Some((grant, verdict)) => Judged { verdict, through: Some((&self.chain, grant)) },
            None => Judged::NO,
        };
        Judged::plain(direct).or(session)
    }

    fn principal(&self, row: &Facts<'_>) -> Verdict {
        if self.principals.is_empty() || row.is_called(&self.principals) {
            return Verdict::Yes;
        }
        // The owner of a bucket gets the calls of other accounts without their callers' names; access lines may have
        // canonical ids.
        perhaps_if(matches!(row.principal_kind(), PrincipalKind::Account | PrincipalKind::Unknown))
    }

    fn access_key(&self, row: &Facts<'_>) -> Verdict {
        if self.access_keys.is_empty() {
            return Verdict::Yes;
        }
        match row.access_key() {
            Some(key) if self.access_keys.contains(&key) => Verdict::Yes,
            // S3 calls KMS with a key of its own.
            Some(_) if row.kms_object().is_none() => Verdict::No,
            key => self.access_key_of_caller(row, key.is_none()),
        }
    }

    /// May a row that does not name the caller's access key be of one that is asked for? Who called decides: an access
    /// line within a session that was granted with such a key is of it.
    fn access_key_of_caller(&self, row: &Facts<'_>, has_no_key: bool) -> Verdict {
        if let Some((_, verdict)) = self.chain.own_session_of(row) {
            return verdict;
        }
        let is_nameless = match row.principal_kind() {
            PrincipalKind::Account => has_no_key,
            PrincipalKind::Unknown => has_no_key && row.is_access_line(),
            _ => false,
        };
        // Other calls that CloudTrail logs without a key were made without one.
        let is_told_by_name = row.is_access_line() || row.kms_object().is_some();
        perhaps_if(is_nameless || is_told_by_name && self.chain.has_used_a_key(row))
    }

    /// Is the caller of a call that grants a session one who is asked for, apart from what was taken on before?
    pub fn is_caller(&self, row: &Facts<'_>) -> bool {
        self.names_callers() && self.principal(row).min(self.access_key(row)) == Verdict::Yes
    }
}

pub(super) fn fits(patterns: &[Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}

fn yes_if(holds: bool) -> Verdict {
    if holds { Verdict::Yes } else { Verdict::No }
}

fn perhaps_if(holds: bool) -> Verdict {
    if holds { Verdict::Perhaps } else { Verdict::No }
}

/// What a row says of when, where and who, looked up when it is asked.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The row's table.
    pub table: &'a FieldTable,
    /// Its number there.
    pub row: usize,
    about: About<'a>,
}

/// Which object a row is held against.
#[derive(Clone, Copy, Debug)]
enum About<'a> {
    /// The one that it names.
    Named,
    /// Another that it is about too: the source of a copy.
    Other(&'a str, &'a str),
    /// Whichever is asked for.
    Any,
}

impl<'a> Facts<'a> {
    /// Of a row.
    pub fn new(table: &'a FieldTable, row: usize) -> Facts<'a> {
        Facts { table, row, about: About::Named }
    }

    /// The same row, held against another object that it is about: bucket and key.
    pub fn about(self, bucket: &'a str, key: &'a str) -> Facts<'a> {
        Facts { about: About::Other(bucket, key), ..self }
    }

    /// The same row, whatever object is asked for.
    pub fn about_any(self) -> Facts<'a> {
        Facts { about: About::Any, ..self }
    }

    fn is_about_any(&self) -> bool {
        matches!(self.about, About::Any)
    }

    /// When it happened.
    pub fn time_ms(&self) -> Option<i64> {
        self.table.rows[self.row].event_time_ms()
    }

    /// File and line.
    pub fn place(&self) -> (String, i64) {
        (self.table.source_file(self.row).to_string(), self.line())
    }

    /// Line or record in the file.
    pub fn line(&self) -> i64 {
        i64::try_from(self.table.rows[self.row].number).unwrap_or(i64::MAX)
    }

    /// Is it of an access log?
    pub fn is_access_line(&self) -> bool {
        self.table.log == LogType::S3Access
    }

    fn field(&self, s3_access: usize, cloudtrail: usize) -> Option<&'a str> {
        let field = if self.is_access_line() { s3_access } else { cloudtrail };
        self.table.text(self.row, field).filter(|text| !text.is_empty())
    }

    /// The id that both logs give the request.
    pub fn request_id(&self) -> Option<&'a str> {
        self.field(access::REQUEST_ID, trail::REQUEST_ID)
    }

    /// The address of the caller.
    pub fn ip(&self) -> Option<&'a str> {
        self.field(access::REMOTE_IP, trail::SOURCE_IP_ADDRESS)
    }

    /// The bucket; of a call of KMS the one that S3 called it for.
    pub fn bucket(&self) -> Option<&'a str> {
        if let About::Other(bucket, _) = self.about {
            return Some(bucket);
        }
        self.field(access::BUCKET_NAME, trail::S3_BUCKET).or_else(|| self.kms_bucket())
    }

    /// The bucket that S3 called KMS for.
    pub fn kms_bucket(&self) -> Option<&'a str> {
        self.kms_object().map(|object| object.split_once('/').map_or(object, |(bucket, _)| bucket))
    }

    /// The key of the object; of a call of KMS that of the object which S3 called it for.
    pub fn key(&self) -> Option<&'a str> {
        if let About::Other(_, key) = self.about {
            return Some(key);
        }
        let object = || self.kms_object().and_then(|object| object.split_once('/')).map(|(_, key)| key);
        self.field(access::OBJECT_KEY, trail::S3_KEY).or_else(object)
    }

    /// `BUCKET/KEY`, or the bucket alone, that S3 called KMS for.
    pub fn kms_object(&self) -> Option<&'a str> {
        if self.is_access_line() {
            return None;
        }
        let arn = self.table.text(self.row, trail::ENCRYPTION_CONTEXT_ARN)?;
        // `arn:PARTITION:s3:::BUCKET/KEY`
        let (partition, object) = arn.strip_prefix("arn:")?.split_once(":s3:::")?;
        let object = match object.split_once('/') {
            Some((bucket, "")) => bucket,
            _ => object,
        };
        (!partition.contains(':') && !object.is_empty() && !object.starts_with('/')).then_some(object)
    }

    /// The id of the caller's access key; an access line has it only in a presigned URL.
    pub fn access_key(&self) -> Option<String> {
        if !self.is_access_line() {
            return self
                .table
                .text(self.row, trail::ACCESS_KEY_ID)
                .filter(|key| !key.is_empty())
                .map(str::to_owned);
        }
        let mut key = Vec::new();
        let is_there = activity::access_key_of_presigned(self.table, self.row, &mut key);
        is_there.then(|| String::from_utf8_lossy(&key).into_owned())
    }

    /// The caller as the column `principal` has it.
    pub fn principal_name(&self) -> Option<String> {
        let mut name = Vec::new();
        let is_there = activity::principal(self.table, self.row).name.write(&mut name);
        is_there.then(|| String::from_utf8_lossy(&name).into_owned())
    }

    /// Its session's name.
    pub fn session_name(&self) -> Option<&'a str> {
        activity::principal(self.table, self.row).session_name
    }

    fn principal_kind(&self) -> PrincipalKind {
        activity::principal(self.table, self.row).kind
    }

    /// Is the caller one of these? It can be asked for by the whole name, by what stands behind its last slash, and by the
    /// session of a role.
    fn is_called(&self, patterns: &[Pattern]) -> bool {
        let Some(name) = self.principal_name() else { return false };
        fits(patterns, &name)
            || name.rsplit_once('/').is_some_and(|(_, short)| fits(patterns, short))
            || self.session_name().is_some_and(|session| fits_session(patterns, &name, session))
    }
}

/// Is a session of a role, which is named as in the column `principal`, asked for: by its ARN, `ROLE/SESSION` or `SESSION`?
pub(super) fn fits_session(patterns: &[Pattern], role: &str, session: &str) -> bool {
    let Some(arn) = arn_of_session(role, session) else { return false };
    let (_, role_and_session) = arn.split_once(":assumed-role/").unwrap_or_default();
    [session, role_and_session, &arn].into_iter().any(|name| fits(patterns, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::cloudtrail::parse_record;

    const GET: &str = r#"{"eventTime":"2026-03-04T09:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject",
        "sourceIPAddress":"192.0.2.7","requestID":"R1",
        "userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/app/i-1","accessKeyId":"ASIAEXAMPLE000000001"},
        "requestParameters":{"bucketName":"b","key":"logs/a"}}"#;
    const DECRYPT: &str = r#"{"eventTime":"2026-03-04T09:00:00Z","eventSource":"kms.amazonaws.com","eventName":"Decrypt",
        "sourceIPAddress":"AWS Internal",
        "userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/app/i-1","accessKeyId":"ASIAEXAMPLE000000002"},
        "requestParameters":{"encryptionContext":{"aws:s3:arn":"arn:aws:s3:::b/logs/a"}}}"#;

    fn verdict(record: &str, conditions: Conditions) -> Verdict {
        let table = parse_record(record.as_bytes()).unwrap();
        Selection { options: conditions, alerts: Vec::new() }.judge(&Facts::new(&table, 0)).verdict
    }

    fn patterns(text: &str) -> Vec<Pattern> {
        vec![Pattern::new(text)]
    }

    #[test]
    fn each_condition_is_held_against_what_the_row_says() {
        use Verdict::{No, Perhaps, Yes};
        let none = Conditions::default;
        let ip = |text| Conditions { addresses: vec![Address::parse(text).unwrap()], ..none() };
        let who = |text| Conditions { principals: patterns(text), ..none() };
        let key = |text: &str| Conditions { access_keys: vec![text.to_owned()], ..none() };
        for (record, conditions, expected) in [
            (GET, none(), Yes),
            (GET, Conditions { buckets: patterns("b"), keys: patterns("logs/*"), ..none() }, Yes),
            (GET, Conditions { buckets: patterns("c"), ..none() }, No),
            (GET, Conditions { keys: patterns("other/*"), ..none() }, No),
            (GET, Conditions { since_ms: Some(i64::MAX), ..none() }, No),
            (GET, Conditions { until_ms: Some(0), ..none() }, No),
            (GET, Conditions { until_ms: Some(0), request_ids: HashSet::from(["R1".to_owned()]), ..none() }, Yes),
            (GET, ip("192.0.2.0/24"), Yes),
            (GET, ip("198.51.100.1"), No),
            (GET, who("app"), Yes),
            (GET, who("arn:aws:iam::111122223333:role/app"), Yes),
            (GET, who("arn:aws:sts::111122223333:assumed-role/app/i-1"), Yes),
            (GET, who("arn:aws:sts::111122223333:assumed-role/app/*"), Yes),
            (GET, who("arn:aws:sts::111122223333:assumed-role/app/i-2"), No),
            (GET, who("i-1"), Yes),
            (GET, who("app/i-1"), Yes),
            (GET, who("*i-1"), Yes),
            (GET, who("app/i-2"), No),
            (GET, who("p/i-1"), No),
            (GET, key("ASIAEXAMPLE000000001"), Yes),
            (GET, key("ASIAEXAMPLE000000002"), No),
            (DECRYPT, Conditions { buckets: patterns("b"), keys: patterns("logs/a"), ..none() }, Yes),
            (DECRYPT, ip("192.0.2.7"), Perhaps),
        ] {
            assert_eq!(verdict(record, conditions.clone()), expected, "{record} {conditions:?}");
        }
        let other = r#"{"eventTime":"2026-03-04T09:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject",
            "requestID":"R2","additionalEventData":{"x-amz-id-2":"H2"},
            "userIdentity":{"type":"AWSAccount","accountId":"444455556666"}}"#;
        assert_eq!(verdict(other, who("ann")), Perhaps);
        assert_eq!(
            verdict(&other.replace("R2", ""), who("ann")),
            Perhaps,
            "nothing can be joined to it, but it counts"
        );
        assert_eq!(verdict(other, key("AKIAEXAMPLE000000001")), Perhaps, "nor has it a key");
        let delete = r#"{"eventSource":"s3.amazonaws.com","eventName":"DeleteObjects","requestID":"R3",
            "requestParameters":{"bucketName":"b"},"additionalEventData":{"x-amz-id-2":"H3"}}"#;
        let of_key = || Conditions { keys: patterns("a"), until_ms: Some(0), ..none() };
        assert_eq!(verdict(delete, of_key()), Perhaps);
        assert_eq!(verdict(&delete.replace("R3", ""), of_key()), Perhaps);
        assert_eq!(verdict(&delete.replace("DeleteObjects", "DeleteBucketPolicy"), of_key()), No);
    }

    #[test]
    fn a_call_of_kms_names_a_bucket_or_an_object_of_it() {
        for (arn, expected) in [
            ("arn:aws:s3:::b/logs/a", (Some("b/logs/a"), Some("b"), Some("logs/a"))),
            ("arn:aws-cn:s3:::b/logs/", (Some("b/logs/"), Some("b"), Some("logs/"))),
            ("arn:aws:s3:::b", (Some("b"), Some("b"), None)),
            ("arn:aws:s3:::b/", (Some("b"), Some("b"), None)),
            ("arn:aws:s3:::/logs/a", (None, None, None)),
            ("arn:aws:s3:::/", (None, None, None)),
            ("arn:aws:s3:::", (None, None, None)),
            ("b/logs/a", (None, None, None)),
        ] {
            let table = parse_record(DECRYPT.replace("arn:aws:s3:::b/logs/a", arn).as_bytes()).unwrap();
            let facts = Facts::new(&table, 0);
            assert_eq!((facts.kms_object(), facts.bucket(), facts.key()), expected, "{arn}");
        }
    }

    #[test]
    fn a_row_must_meet_the_options_and_one_alert() {
        let table = parse_record(GET.as_bytes()).unwrap();
        let on = |bucket: &str| Conditions { buckets: patterns(bucket), ..Conditions::default() };
        for (options, alerts, expected) in [
            (on("b"), vec![on("b"), on("c")], Verdict::Yes),
            (on("c"), vec![on("b")], Verdict::No),
            (on("b"), vec![on("c")], Verdict::No),
        ] {
            let selection = Selection { options, alerts };
            assert_eq!(selection.judge(&Facts::new(&table, 0)).verdict, expected);
        }
    }
}
