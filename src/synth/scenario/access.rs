//! The lines of a request in the server access log.

use super::company::{ActorKind, Bucket, OWNER, REGION};
use super::event::{Action, Event, Ids, Outcome, Presigned, Request};
use super::identity;
use crate::synth::calendar::{Calendar, formatted};
use crate::synth::keys::{encoded_once, encoded_twice, in_target};
use crate::synth::random::{Random, mix};
use crate::synth::world::text;
use std::borrow::Cow;
use std::io::Write as _;

/// The fields of a line that differ by what is asked.
struct Fields<'a> {
    operation: &'a str,
    key: Vec<u8>,
    /// The request-URI with its quotes, or `-` without.
    target: Vec<u8>,
    status: &'a str,
    error: &'a str,
    sent: Option<u64>,
    size: Option<u64>,
    times: Option<(u64, u64)>,
    /// Referer and user agent, with their quotes or as `-` without.
    client: String,
    version: Cow<'a, str>,
}

/// Appends the lines of a request.
pub(super) fn write(event: &Event, request: &Request, calendar: &mut Calendar, out: &mut Vec<u8>) {
    let mut ids = event.ids();
    let version = ids.version.clone();
    let fields = fields(request, &version, &mut ids.random);
    let bucket = request.bucket;
    line(event.time, request, bucket, &ids, &fields, calendar, out);
    if let Action::DeleteMany(keys) = &request.action {
        for key in keys {
            let fields = of_batch(key, request.versioned, &mut ids.random);
            line(event.time, request, bucket, &ids, &fields, calendar, out);
        }
    }
}

/// Appends the line that a copy leaves in the log of the bucket it is made from.
pub(super) fn write_source(
    event: &Event,
    request: &Request,
    (bucket, key): (&'static Bucket, &str),
    calendar: &mut Calendar,
    out: &mut Vec<u8>,
) {
    let fields = of_source(key, request.size);
    line(event.time, request, bucket, &event.ids(), &fields, calendar, out);
}

fn fields<'a>(request: &'a Request, version: &'a str, random: &mut Random) -> Fields<'a> {
    if let Action::CopyTo(_) = request.action {
        return of_source(&request.key, request.size);
    }
    let (operation, method, query) = operation(&request.action);
    let names_object = !matches!(
        request.action,
        Action::List | Action::ListVersions | Action::HeadBucket | Action::DeleteMany(_) | Action::Setting(_)
    );
    let (status, error) = result(request);
    let mut key = Vec::new();
    let mut target = b"\"-\"".to_vec();
    if request.action == Action::Expire {
        encoded_once(request.key.as_bytes(), &mut key);
    } else {
        if names_object {
            encoded_twice(request.key.as_bytes(), &mut key);
        }
        target = format!("\"{method} /").into_bytes();
        if matches!(request.action, Action::List | Action::ListVersions) {
            target.extend_from_slice(query.as_bytes());
            target.extend_from_slice(request.key.replace('/', "%2F").as_bytes());
        } else {
            in_target(request.key.as_bytes(), &mut target);
            target.extend_from_slice(query.as_bytes());
            let presigned = request.presigned.map(|presigned| presigned_query(request, presigned));
            target.extend_from_slice(presigned.unwrap_or_default().as_bytes());
            // A request that names a version does so in its URI, of whichever kind the version is.
            let named = request.version.as_deref().or(request.versioned.then_some(version));
            let named = named.map(|version| format!("?versionId={version}"));
            target.extend_from_slice(named.unwrap_or_default().as_bytes());
        }
        target.extend_from_slice(b" HTTP/1.1\"");
    }
    let (sent, size) = sizes(request, random);
    let total = random.between(9, 60) + size.unwrap_or(0) / 200_000;
    let times = (request.action != Action::Expire).then(|| (total, total - total / 4));
    let referer = if request.action == Action::Website { "https://www.example.com/" } else { "-" };
    let client = format!("\"{referer}\" \"{}\"", request.agent());
    let version = Cow::Borrowed(match request.version.as_deref() {
        Some(named) => named,
        None if request.versioned || request.makes_version() => version,
        None => "-",
    });
    Fields { operation, key, target, status, error, sent, size, times, client, version }
}

/// The query of a URL that the caller signed: version 4, good for the time it says.
fn presigned_query(request: &Request, presigned: Presigned) -> String {
    let (day, time) = (formatted(presigned.time, "%Y%m%d"), formatted(presigned.time, "%Y%m%dT%H%M%SZ"));
    let seed = request.key.bytes().fold(presigned.time as u64, |hash, byte| mix(hash ^ u64::from(byte)));
    let signature = text(&mut Random::new(seed), |random, out| random.hex(out, 64));
    format!(
        "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={}%2F{day}%2F{REGION}%2Fs3%2Faws4_request&X-Amz-Date={time}\
         &X-Amz-Expires={}&X-Amz-SignedHeaders=host&X-Amz-Signature={signature}",
        identity::access_key(request.caller.actor),
        presigned.seconds,
    )
}

/// S3 says little of the object that is copied, and nothing of the request.
fn of_source(key: &str, size: u64) -> Fields<'static> {
    let mut encoded = Vec::new();
    encoded_twice(key.as_bytes(), &mut encoded);
    Fields {
        operation: "REST.COPY.OBJECT_GET",
        key: encoded,
        target: b"-".to_vec(),
        status: "-",
        error: "-",
        sent: None,
        size: Some(size),
        times: None,
        client: "- -".to_owned(),
        version: Cow::Borrowed("-"),
    }
}

fn of_batch(key: &str, versioned: bool, random: &mut Random) -> Fields<'static> {
    let mut encoded = Vec::new();
    encoded_once(key.as_bytes(), &mut encoded);
    let version = if versioned { text(random, |random, out| random.version_id(out)) } else { "-".to_owned() };
    Fields {
        operation: "BATCH.DELETE.OBJECT",
        key: encoded,
        target: b"-".to_vec(),
        status: "204",
        error: "-",
        sent: None,
        size: Some(random.between(900, 90_000)),
        times: None,
        client: "- -".to_owned(),
        version: Cow::Owned(version),
    }
}

/// Operation, method and query.
fn operation(action: &Action) -> (&'static str, &'static str, &'static str) {
    match action {
        Action::Get => ("REST.GET.OBJECT", "GET", ""),
        Action::Website => ("WEBSITE.GET.OBJECT", "GET", ""),
        Action::Head => ("REST.HEAD.OBJECT", "HEAD", ""),
        Action::Put => ("REST.PUT.OBJECT", "PUT", ""),
        Action::List => ("REST.GET.BUCKET", "GET", "?list-type=2&encoding-type=url&prefix="),
        Action::ListVersions => ("REST.GET.BUCKETVERSIONS", "GET", "?versions&encoding-type=url&prefix="),
        Action::HeadBucket => ("REST.HEAD.BUCKET", "HEAD", ""),
        Action::Copy(..) => ("REST.COPY.OBJECT", "PUT", ""),
        Action::CopyTo(_) => ("REST.COPY.OBJECT_GET", "-", ""),
        Action::Delete => ("REST.DELETE.OBJECT", "DELETE", ""),
        Action::DeleteMany(_) => ("REST.POST.MULTI_OBJECT_DELETE", "POST", "?delete"),
        Action::Expire => ("S3.EXPIRE.OBJECT", "-", ""),
        Action::Setting(setting) => (setting.operation, setting.method, setting.query),
    }
}

/// HTTP status and error code.
fn result(request: &Request) -> (&'static str, &'static str) {
    match (request.outcome, &request.action) {
        (_, Action::Expire) => ("-", "-"),
        (Outcome::Done, Action::Delete) => ("204", "-"),
        (Outcome::Done, Action::Setting(setting)) if setting.method == "DELETE" => ("204", "-"),
        (Outcome::Done, _) => ("200", "-"),
        (Outcome::Part, _) => ("206", "-"),
        (Outcome::NotModified, _) => ("304", "-"),
        (Outcome::NotFound, _) => ("404", "NoSuchKey"),
        (Outcome::Denied, _) => ("403", "AccessDenied"),
        (Outcome::SlowDown, _) => ("503", "SlowDown"),
        (Outcome::KmsThrottled, _) => ("400", "KMS.ThrottlingException"),
        (Outcome::NeedsKey, _) => ("400", "InvalidRequest"),
        (Outcome::KmsDisabled, _) => ("400", "KMS.DisabledException"),
    }
}

/// Number of bytes that the answer holds.
pub(super) fn bytes_sent(request: &Request) -> u64 {
    match (request.outcome, &request.action) {
        (Outcome::Done, Action::Get | Action::Website) => request.size,
        (Outcome::Part, _) => request.size.min(1 << 20),
        (Outcome::Done, Action::List | Action::ListVersions) => 42_000,
        (Outcome::Done, Action::Copy(..)) => 234,
        (Outcome::Done, Action::DeleteMany(keys)) => 90 + 140 * keys.len() as u64,
        (Outcome::Done, Action::Setting(setting)) if setting.read_only => 412,
        (Outcome::Done | Outcome::NotModified, _) => 0,
        (_, Action::Head | Action::HeadBucket) => 0,
        _ => 243,
    }
}

/// Bytes sent and object size.
fn sizes(request: &Request, random: &mut Random) -> (Option<u64>, Option<u64>) {
    let sent = Some(bytes_sent(request)).filter(|sent| *sent > 0);
    let sized = request.outcome.is_success()
        && matches!(
            request.action,
            Action::Get
                | Action::Website
                | Action::Head
                | Action::Put
                | Action::Copy(..)
                | Action::Expire
                | Action::Delete
        );
    let size = if request.size > 0 { request.size } else { random.between(900, 90_000) };
    (sent, sized.then_some(size))
}

fn line(
    time: i64,
    request: &Request,
    bucket: &Bucket,
    ids: &Ids,
    fields: &Fields<'_>,
    calendar: &mut Calendar,
    out: &mut Vec<u8>,
) {
    let caller = &request.caller;
    out.extend_from_slice(OWNER.as_bytes());
    out.push(b' ');
    out.extend_from_slice(bucket.name.as_bytes());
    out.push(b' ');
    calendar.access(time, out);
    for text in [caller.address(), caller.actor.requester(&caller.session_name())] {
        word(text.as_bytes(), out);
    }
    word(ids.request.as_bytes(), out);
    word(fields.operation.as_bytes(), out);
    word(if fields.key.is_empty() { b"-" } else { &fields.key }, out);
    word(&fields.target, out);
    word(fields.status.as_bytes(), out);
    word(fields.error.as_bytes(), out);
    let (total, turnaround) = (fields.times.map(|times| times.0), fields.times.map(|times| times.1));
    for value in [fields.sent, fields.size, total, turnaround] {
        match value {
            Some(value) => word(value.to_string().as_bytes(), out),
            None => word(b"-", out),
        }
    }
    word(fields.client.as_bytes(), out);
    word(fields.version.as_bytes(), out);
    tail(request, bucket, ids, out);
}

/// The fields from the host id on, and the newline.
fn tail(request: &Request, bucket: &Bucket, ids: &Ids, out: &mut Vec<u8>) {
    let caller = &request.caller;
    if request.action == Action::Expire {
        word(&ids.host.as_bytes()[..64], out);
        out.extend_from_slice(b" - - - - - - - -\n");
        return;
    }
    word(ids.host.as_bytes(), out);
    let signed = caller.actor.kind != ActorKind::Anonymous;
    let website = request.action == Action::Website;
    word(if signed { b"SigV4" } else { b"-" }, out);
    word(if website { b"-" } else { b"TLS_AES_128_GCM_SHA256" }, out);
    let query = request.presigned.is_some();
    word(
        if query {
            b"QueryString"
        } else if signed {
            b"AuthHeader"
        } else {
            b"-"
        },
        out,
    );
    if website {
        let host = format!("{}.s3-website-{REGION}.amazonaws.com", bucket.name);
        word(host.as_bytes(), out);
    } else {
        word(bucket.host().as_bytes(), out);
    }
    word(if website { b"-" } else { b"TLSv1.3" }, out);
    let region = if caller.is_private() { REGION } else { "-" };
    // Writing to a vector does not fail.
    let _written = writeln!(out, " - - {region}");
}

fn word(text: &[u8], out: &mut Vec<u8>) {
    out.push(b' ');
    out.extend_from_slice(text);
}
