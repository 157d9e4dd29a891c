//! What happens: requests to S3, and calls that only CloudTrail shows.

use super::company::{Actor, ActorKind, Bucket};
use crate::synth::agents;
use crate::synth::random::{Random, mix};
use crate::synth::world::text;

/// An address: the low 32 bits are IPv4, anything above makes it IPv6; 0 is none.
pub(super) type Address = u64;

/// The address `a.b.c.d`.
pub(super) const fn ipv4(a: u64, b: u64, c: u64, d: u64) -> Address {
    a << 24 | b << 16 | c << 8 | d
}

/// An address as text, `-` if there is none.
pub(super) fn address_text(address: Address) -> String {
    match address {
        0 => "-".to_owned(),
        _ if address >> 32 != 0 => format!("2001:db8:{:x}:{:x}::1", address >> 48, address >> 32 & 0xffff),
        _ => format!("{}.{}.{}.{}", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255),
    }
}

/// Who sends something, and from where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    pub(super) actor: &'static Actor,
    pub(super) address: Address,
    /// Tells the sessions of a role, and the browsers of visitors, apart.
    pub(super) session: u64,
}

impl Caller {
    /// A caller that has no address in the logs.
    pub(super) fn inside_aws(actor: &'static Actor) -> Self {
        Self { actor, address: 0, session: 0 }
    }

    /// The address as text, `-` if there is none.
    pub(super) fn address(&self) -> String {
        address_text(self.address)
    }

    /// Does it come through the endpoint of the company's network?
    pub(super) fn is_private(&self) -> bool {
        self.address >> 24 == 10
    }

    /// The session of a role: that of a machine, or the one of a job's night.
    pub(super) fn session_name(&self) -> String {
        match self.session {
            0..100 => format!("{}-202603{:02}", self.actor.name, self.session + 2),
            machine => format!("i-0{:016x}", mix(machine)),
        }
    }

    /// The user agent as the client sends it.
    pub(super) fn agent(&self) -> &'static str {
        match self.actor.kind {
            ActorKind::Anonymous => self.browser(),
            ActorKind::Identity => "Amazon CloudFront",
            ActorKind::Service if self.address != 0 => "Amazon CloudFront",
            ActorKind::Service | ActorKind::Lifecycle => "-",
            _ => agents::SDK[self.actor.agent],
        }
    }

    /// The browser or tool of somebody who was given a URL.
    fn browser(&self) -> &'static str {
        agents::WEB[mix(self.session) as usize % agents::WEB.len()]
    }
}

/// A configuration request as both logs show it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Setting {
    /// Such as `REST.PUT.LIFECYCLE`.
    pub(super) operation: &'static str,
    pub(super) method: &'static str,
    /// Such as `?lifecycle`.
    pub(super) query: &'static str,
    /// Such as `PutBucketLifecycle`.
    pub(super) event: &'static str,
    /// Further members of `requestParameters`, as JSON after a comma; or nothing.
    pub(super) parameters: &'static str,
    pub(super) read_only: bool,
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Get,
    /// A read of the website endpoint.
    Website,
    Head,
    Put,
    /// The keys below the request's key, which is the prefix.
    List,
    /// The same with all versions.
    ListVersions,
    /// Is the bucket there?
    HeadBucket,
    Delete,
    /// The keys of a multi-object delete.
    DeleteMany(Vec<String>),
    /// The request's object is written from an object of the company: its bucket and key.
    Copy(&'static Bucket, String),
    /// The request's object is read for a copy in a bucket of another account, which this names.
    CopyTo(&'static str),
    /// S3 deletes by a lifecycle rule; CloudTrail does not show it.
    Expire,
    Setting(&'static Setting),
}

/// How a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// 206 with a part of the object.
    Part,
    NotModified,
    NotFound,
    Denied,
    SlowDown,
    KmsThrottled,
    /// The object is encrypted with a customer's key that the request does not bring.
    NeedsKey,
    /// The key of KMS that the object is encrypted with is disabled.
    KmsDisabled,
}

/// The encryption that a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sse {
    /// None: the bucket's applies.
    Bucket,
    /// With a key that the request brings along (SSE-C).
    Customer,
    /// With this key of KMS.
    Key(&'static str),
}

/// A URL that somebody signed for others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Presigned {
    /// When.
    pub(super) time: i64,
    /// For how long it is good.
    pub(super) seconds: i64,
}

impl Outcome {
    /// Was the request answered with what it asked for?
    pub(super) fn is_success(self) -> bool {
        matches!(self, Outcome::Done | Outcome::Part | Outcome::NotModified)
    }
}

/// One request to S3.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) caller: Caller,
    pub(super) bucket: &'static Bucket,
    pub(super) action: Action,
    /// The object, or the prefix of a list; empty for a bucket.
    pub(super) key: String,
    /// Size of the object.
    pub(super) size: u64,
    pub(super) outcome: Outcome,
    /// Does the request name a version, or its keys each one?
    pub(super) versioned: bool,
    /// A version of before that the request names.
    pub(super) version: Option<String>,
    pub(super) sse: Sse,
    pub(super) presigned: Option<Presigned>,
}

impl Request {
    /// A request that is answered.
    pub(super) fn new(caller: Caller, bucket: &'static Bucket, action: Action, key: String, size: u64) -> Self {
        let (outcome, sse) = (Outcome::Done, Sse::Bucket);
        let (versioned, version) = (false, None);
        Self { caller, bucket, action, key, size, outcome, versioned, version, sse, presigned: None }
    }

    /// The user agent as the client sends it.
    pub(super) fn agent(&self) -> &'static str {
        if self.presigned.is_some() { self.caller.browser() } else { self.caller.agent() }
    }

    /// Is an object written?
    pub(super) fn is_write(&self) -> bool {
        matches!(self.action, Action::Put | Action::Copy(..))
    }

    /// Does S3 answer with the id of a version that it makes: of an object, or of a delete marker?
    pub(super) fn makes_version(&self) -> bool {
        let makes = self.is_write() || self.action == Action::Delete && self.version.is_none();
        self.bucket.keeps_versions && self.outcome.is_success() && makes
    }

    /// Does CloudTrail show it?
    pub(super) fn is_in_trail(&self) -> bool {
        match self.action {
            Action::Expire => false,
            // Of settings CloudTrail shows what callers with a name ask for.
            Action::Setting(_) => self.caller.actor.kind != ActorKind::Anonymous,
            _ => self.bucket.data_events,
        }
    }

    /// Number of records in both logs.
    pub(super) fn records(&self) -> u64 {
        let more = match &self.action {
            Action::DeleteMany(keys) => keys.len() as u64,
            Action::Copy(..) if self.outcome.is_success() => 1,
            _ => 0,
        };
        1 + more + u64::from(self.is_in_trail())
    }
}

/// A call that only CloudTrail shows.
#[derive(Clone, Debug)]
pub(super) enum Call {
    /// S3 asks KMS for the caller of a request; `write` for `GenerateDataKey`. The context is an ARN in S3.
    Kms { caller: Caller, key: String, context: String, write: bool, throttled: bool },
    /// A sign-in at the console.
    SignIn { caller: Caller },
    /// A service or machine takes on a role.
    AssumeRole { role: &'static Actor, session: u64 },
    /// A call of the control plane: source, name, parameters as JSON.
    Control { caller: Caller, source: &'static str, name: &'static str, parameters: &'static str },
}

/// What an event is.
#[derive(Clone, Debug)]
pub(super) enum What {
    Request(Request),
    Call(Call),
}

/// What happens at a time.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) time: i64,
    /// Start of the random sequence for what is random in its records.
    pub(super) id: u64,
    pub(super) what: What,
}

/// What the two logs' records of one request have in common.
pub(super) struct Ids {
    pub(super) request: String,
    pub(super) host: String,
    pub(super) version: String,
    pub(super) event: String,
    /// For what else is random.
    pub(super) random: Random,
}

impl Event {
    pub(super) fn ids(&self) -> Ids {
        let mut random = Random::new(self.id);
        let request = text(&mut random, |random, out| random.upper(out, 16));
        let host = text(&mut random, |random, out| random.base64(out, 76, 1));
        let version = text(&mut random, |random, out| random.version_id(out));
        let event = text(&mut random, |random, out| random.uuid(out));
        Ids { request, host, version, event, random }
    }
}
