//! The records of CloudTrail.

use super::access::bytes_sent;
use super::company::{ACCOUNT, ActorKind, Encryption, REGION};
use super::event::{Action, Call, Caller, Event, Ids, Outcome, Request, Sse};
use super::{clock::HOUR, identity};
use crate::synth::calendar::{Calendar, formatted};
use crate::synth::json::Json;
use crate::synth::random::Random;
use crate::synth::world::text;

/// Appends the record of a request as a JSON object.
pub(super) fn request(event: &Event, request: &Request, calendar: &mut Calendar, out: &mut Vec<u8>) {
    let ids = event.ids();
    let mut json = Json { out };
    let name = event_name(&request.action);
    let named = ("s3.amazonaws.com", name);
    head(&mut json, event.time, &request.caller, named, (None, request.agent()), calendar);
    error(&mut json, request, name);
    parameters(&mut json, request, &ids);
    response(&mut json, request, &ids);
    additional(&mut json, request, &ids);
    json.text("requestID", &ids.request).text("eventID", &ids.event);
    json.raw("readOnly", if is_read(request) { "true" } else { "false" });
    resources(&mut json, request);
    foot(&mut json, request);
    json.object("tlsDetails").text("tlsVersion", "TLSv1.3").text("cipherSuite", "TLS_AES_128_GCM_SHA256");
    json.text("clientProvidedHostHeader", &request.bucket.host()).close().close();
}

/// Appends the record of a call.
pub(super) fn call(event: &Event, call: &Call, calendar: &mut Calendar, out: &mut Vec<u8>) {
    let mut ids = event.ids();
    let request_id = text(&mut ids.random, Random::uuid);
    let mut json = Json { out };
    match call {
        Call::Kms { .. } => kms(&mut json, event.time, call, calendar),
        Call::SignIn { caller } => {
            let named = ("signin.amazonaws.com", "ConsoleLogin");
            head(&mut json, event.time, caller, named, (None, caller.agent()), calendar);
            json.raw("requestParameters", "null");
            json.object("responseElements").text("ConsoleLogin", "Success").close();
            json.object("additionalEventData").text("LoginTo", "https://console.aws.amazon.com/console/home");
            json.text("MobileVersion", "No").text("MFAUsed", "Yes").close();
        }
        Call::AssumeRole { role, session } => {
            assume_role(&mut json, event.time, &Caller { actor: role, address: 0, session: *session }, calendar);
        }
        Call::Control { caller, source, name, parameters } => {
            head(&mut json, event.time, caller, (source, name), (None, caller.agent()), calendar);
            json.raw("requestParameters", parameters).raw("responseElements", "null");
        }
    }
    let sign_in = matches!(call, Call::SignIn { .. });
    if !sign_in {
        json.text("requestID", &request_id);
    }
    json.text("eventID", &ids.event).raw("readOnly", if reads(call) { "true" } else { "false" });
    if let Call::Kms { key, throttled: false, .. } = call {
        let account = key.split(':').nth(4).unwrap_or(ACCOUNT);
        json.open_array("resources").open().text("accountId", account).text("type", "AWS::KMS::Key");
        json.text("ARN", key).close().close_array();
    }
    json.text("eventType", if sign_in { "AwsConsoleSignIn" } else { "AwsApiCall" });
    json.raw("managementEvent", "true").text("recipientAccountId", ACCOUNT);
    json.text("eventCategory", "Management").close();
}

/// Does a call change nothing?
fn reads(call: &Call) -> bool {
    match call {
        Call::SignIn { .. } => false,
        Call::Control { name, .. } => ["Get", "List", "Describe"].iter().any(|verb| name.starts_with(verb)),
        Call::Kms { .. } | Call::AssumeRole { .. } => true,
    }
}

/// The members up to the user agent; `name` is that of the service and of the call, `via` the service through which it
/// comes and the client's user agent.
fn head(
    json: &mut Json<'_>,
    time: i64,
    caller: &Caller,
    name: (&str, &str),
    (by, agent): (Option<&str>, &str),
    calendar: &mut Calendar,
) {
    json.begin().text("eventVersion", "1.11");
    identity::write(json, caller, time, by, calendar);
    json.plain("eventTime", |out| calendar.iso(time, out));
    json.text("eventSource", name.0).text("eventName", name.1).text("awsRegion", REGION);
    let service = caller.actor.kind == ActorKind::Service;
    match by {
        Some(by) => json.text("sourceIPAddress", by).text("userAgent", by),
        None if service => json.text("sourceIPAddress", caller.actor.name).text("userAgent", caller.actor.name),
        None => json.text("sourceIPAddress", &caller.address()).text("userAgent", &format!("[{agent}]")),
    };
}

fn event_name(action: &Action) -> &'static str {
    match action {
        Action::Get | Action::Website | Action::Expire => "GetObject",
        Action::Head => "HeadObject",
        Action::Put => "PutObject",
        Action::List => "ListObjects",
        Action::ListVersions => "ListObjectVersions",
        Action::HeadBucket => "HeadBucket",
        Action::Copy(..) | Action::CopyTo(_) => "CopyObject",
        Action::Delete => "DeleteObject",
        Action::DeleteMany(_) => "DeleteObjects",
        Action::Setting(setting) => setting.event,
    }
}

fn is_read(request: &Request) -> bool {
    match request.action {
        Action::Put | Action::Copy(..) | Action::CopyTo(_) | Action::Delete | Action::DeleteMany(_) => false,
        Action::Setting(setting) => setting.read_only,
        _ => true,
    }
}

fn error(json: &mut Json<'_>, request: &Request, name: &str) {
    let (code, message) = match request.outcome {
        Outcome::Done | Outcome::Part | Outcome::NotModified => return,
        Outcome::NotFound => ("NoSuchKey", "The specified key does not exist.".to_owned()),
        Outcome::Denied => {
            let who = request.caller.actor.principal();
            ("AccessDenied", format!("User: {who} is not authorized to perform: s3:{name}"))
        }
        Outcome::SlowDown => ("SlowDown", "Please reduce your request rate.".to_owned()),
        Outcome::KmsThrottled => ("KMS.ThrottlingException", RATE.to_owned()),
        Outcome::NeedsKey => ("InvalidRequest", NEEDS_KEY.to_owned()),
        Outcome::KmsDisabled => ("KMS.DisabledException", "The key is disabled.".to_owned()),
    };
    json.text("errorCode", code).text("errorMessage", &message);
}

/// What KMS says when there are too many calls.
const RATE: &str = "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.";

/// What S3 says when an object is encrypted with a customer's key.
const NEEDS_KEY: &str = "The object was stored using a form of Server Side Encryption. The correct parameters must be \
    provided to retrieve the object.";

fn parameters(json: &mut Json<'_>, request: &Request, ids: &Ids) {
    // A copy in another account is a request to that account's bucket.
    let bucket = if let Action::CopyTo(bucket) = request.action { bucket } else { request.bucket.name };
    json.object("requestParameters").text("bucketName", bucket);
    json.text("Host", &format!("{bucket}.s3.{REGION}.amazonaws.com"));
    match &request.action {
        Action::Setting(setting) => {
            // The members are JSON as they stand, with the comma that they need.
            json.out.extend_from_slice(setting.parameters.as_bytes());
        }
        Action::List => {
            json.text("list-type", "2").text("prefix", &request.key).text("encoding-type", "url");
        }
        Action::ListVersions => {
            json.text("versions", "").text("prefix", &request.key).text("encoding-type", "url");
        }
        Action::HeadBucket => {}
        Action::DeleteMany(_) => drop(json.text("delete", "")),
        Action::Copy(source, key) => {
            json.text("key", &request.key).text("x-amz-copy-source", &format!("{}/{key}", source.name));
        }
        Action::CopyTo(_) => {
            let source = format!("{}/{}", request.bucket.name, request.key);
            json.text("key", &request.key).text("x-amz-copy-source", &source);
        }
        _ => drop(json.text("key", &request.key)),
    }
    encryption(json, request.sse);
    if let Some(presigned) = request.presigned {
        json.text("X-Amz-Algorithm", "AWS4-HMAC-SHA256").text("X-Amz-SignedHeaders", "host");
        json.text("X-Amz-Date", &formatted(presigned.time, "%Y%m%dT%H%M%SZ"));
        json.text("X-Amz-Expires", &presigned.seconds.to_string());
    }
    if let Some(version) = &request.version {
        json.text("versionId", version);
    } else if request.versioned && !matches!(request.action, Action::DeleteMany(_)) {
        json.text("versionId", &ids.version);
    }
    json.close();
}

/// The headers of an encryption that is asked for.
fn encryption(json: &mut Json<'_>, sse: Sse) {
    match sse {
        Sse::Bucket => {}
        Sse::Customer => {
            json.text("x-amz-server-side-encryption-customer-algorithm", "AES256");
        }
        Sse::Key(key) => {
            json.text("x-amz-server-side-encryption", "aws:kms");
            json.text("x-amz-server-side-encryption-aws-kms-key-id", key);
        }
    }
}

/// What S3 says of an object that was written or deleted: its encryption, and which version it made.
fn response(json: &mut Json<'_>, request: &Request, ids: &Ids) {
    if !(request.outcome.is_success() && request.is_write() || request.makes_version()) {
        json.raw("responseElements", "null");
        return;
    }
    json.object("responseElements");
    if request.makes_version() {
        json.text("x-amz-version-id", &ids.version);
    }
    if request.is_write() {
        encryption_made(json, request);
    } else {
        json.text("x-amz-delete-marker", "true");
    }
    json.close();
}

fn encryption_made(json: &mut Json<'_>, request: &Request) {
    match (request.sse, request.bucket.encryption) {
        (Sse::Bucket, Encryption::S3) => drop(json.text("x-amz-server-side-encryption", "AES256")),
        (Sse::Bucket, _) => {
            json.text("x-amz-server-side-encryption", "aws:kms");
            json.text("x-amz-server-side-encryption-aws-kms-key-id", &request.bucket.key_arn());
        }
        (sse, _) => encryption(json, sse),
    }
}

fn additional(json: &mut Json<'_>, request: &Request, ids: &Ids) {
    let received = if request.action == Action::Put && request.outcome.is_success() { request.size } else { 0 };
    let signed = request.caller.actor.kind != ActorKind::Anonymous;
    json.object("additionalEventData");
    if signed {
        json.text("SignatureVersion", "SigV4");
    }
    json.text("CipherSuite", "TLS_AES_128_GCM_SHA256").float("bytesTransferredIn", received);
    if (request.is_write() || request.action == Action::Get) && request.outcome.is_success() {
        json.text("SSEApplied", applied(request));
    }
    if signed {
        let method = if request.presigned.is_some() { "QueryString" } else { "AuthHeader" };
        json.text("AuthenticationMethod", method);
    }
    json.text("x-amz-id-2", &ids.host).float("bytesTransferredOut", bytes_sent(request)).close();
}

fn applied(request: &Request) -> &'static str {
    match (request.sse, request.bucket.encryption) {
        (Sse::Customer, _) => "SSE_C",
        (Sse::Bucket, Encryption::S3) => "SSE_S3",
        _ => "SSE_KMS",
    }
}

fn resources(json: &mut Json<'_>, request: &Request) {
    let arn = request.bucket.arn();
    json.open_array("resources");
    let object = format!("{arn}/{}", request.key);
    match &request.action {
        Action::CopyTo(bucket) => {
            json.open().text("type", "AWS::S3::Object");
            json.text("ARN", &format!("arn:aws:s3:::{bucket}/{}", request.key)).close();
        }
        Action::HeadBucket | Action::List | Action::ListVersions => {
            json.open().text("type", "AWS::S3::Object").text("ARNPrefix", &object).close();
        }
        Action::DeleteMany(_) | Action::Setting(_) => {}
        _ => drop(json.open().text("type", "AWS::S3::Object").text("ARN", &object).close()),
    }
    json.open().text("accountId", ACCOUNT).text("type", "AWS::S3::Bucket").text("ARN", &arn).close();
    match &request.action {
        Action::Copy(source, key) => {
            let source = format!("{}/{key}", source.arn());
            json.open().text("type", "AWS::S3::Object").text("ARN", &source).close();
        }
        Action::CopyTo(_) => drop(json.open().text("type", "AWS::S3::Object").text("ARN", &object).close()),
        _ => {}
    }
    json.close_array();
}

/// The members after `resources` of a request to S3.
fn foot(json: &mut Json<'_>, request: &Request) {
    let management = matches!(request.action, Action::Setting(_));
    json.text("eventType", "AwsApiCall").raw("managementEvent", if management { "true" } else { "false" });
    json.text("recipientAccountId", ACCOUNT);
    if request.caller.is_private() {
        json.text("vpcEndpointId", "vpce-0a1b2c3d4e5f67890").text("vpcEndpointAccountId", ACCOUNT);
    }
    json.text("eventCategory", if management { "Management" } else { "Data" });
}

fn kms(json: &mut Json<'_>, time: i64, call: &Call, calendar: &mut Calendar) {
    let Call::Kms { caller, key, context, write, throttled } = call else { return };
    let name = if *write { "GenerateDataKey" } else { "Decrypt" };
    // A service that S3 asks KMS for is itself who calls.
    let by = (caller.actor.kind != ActorKind::Service).then_some("AWS Internal");
    head(json, time, caller, ("kms.amazonaws.com", name), (by, caller.agent()), calendar);
    if *throttled {
        json.text("errorCode", "ThrottlingException").text("errorMessage", RATE);
    }
    json.object("requestParameters");
    key_parameters(json, key, *write);
    json.object("encryptionContext").text("aws:s3:arn", context).close().close();
    json.raw("responseElements", "null");
}

fn key_parameters(json: &mut Json<'_>, key: &str, write: bool) {
    if write {
        json.text("keyId", key).text("keySpec", "AES_256");
    } else {
        json.text("encryptionAlgorithm", "SYMMETRIC_DEFAULT");
    }
}

/// A machine's service takes on its role.
fn assume_role(json: &mut Json<'_>, time: i64, session: &Caller, calendar: &mut Calendar) {
    let name = session.session_name();
    json.begin().text("eventVersion", "1.11").object("userIdentity").text("type", "AWSService");
    json.text("invokedBy", "ec2.amazonaws.com").close();
    json.plain("eventTime", |out| calendar.iso(time, out));
    json.text("eventSource", "sts.amazonaws.com").text("eventName", "AssumeRole").text("awsRegion", REGION);
    json.text("sourceIPAddress", "ec2.amazonaws.com").text("userAgent", "ec2.amazonaws.com");
    json.object("requestParameters").text("roleArn", &session.actor.principal());
    json.text("roleSessionName", &name).close();
    json.object("responseElements").object("credentials");
    json.text("accessKeyId", &format!("ASIA{}", &identity::unique(session.actor)[1..]));
    json.text("expiration", &formatted(time + HOUR, "%b %-d, %Y, %-I:%M:%S %p")).close();
    json.object("assumedRoleUser").text("arn", &session.actor.requester(&name)).close().close();
}
