//! Rows in OCSF's vocabulary: API Activity, class 6003 of OCSF 1.3
//! (<https://schema.ocsf.io/1.3.0/classes/api_activity>), with the profile `cloud`, as Security Lake takes it from custom
//! sources (<https://docs.aws.amazon.com/security-lake/latest/userguide/custom-sources.html>).
//!
//! Both logs map alike, so that rows of Security Lake's own CloudTrail tables and of access logs can be joined. What OCSF
//! has no attribute for stands in `unmapped`, a JSON object under the names of the log's own columns, with the file and
//! line of the record, and the record as read in `raw_data`.

use super::operation::ActionClass;
use super::outcome::{self, Outcome};
use super::principal::PrincipalKind;
use super::{access_action, access_key_of_presigned, access_operation, principal_account, trail_service, write};
use super::{access_region, action_class, is_api_call, principal, principal_kind, principal_name, session_name};
use crate::batch::columns::few;
use crate::batch::{Cells, Column, ListElements, Variety};
use crate::parse::{
    FieldTable, LogType, cloudtrail, cloudtrail::field as trail, s3_access, s3_access::field as access,
};
use Cells::{
    Composed, NoSmallInteger, NoText, Number, PerCaller, PerLog, PerValue, SmallInteger, SmallNumber, Struct,
    StructList, Text,
};

/// The version of OCSF.
pub const VERSION: &str = "1.3.0";

/// Numbers and names of the category and the class.
const CATEGORY: (i32, &str) = (6, "Application Activity");
const CLASS: (i32, &str) = (6003, "API Activity");

/// `severity_id` of what is no finding.
const INFORMATIONAL: i32 = 1;

const fn per_log(
    name: &'static str,
    s3_access: &'static Cells,
    cloudtrail: &'static Cells,
    about: &'static str,
) -> Column {
    few(name, PerLog(s3_access, cloudtrail), about)
}

const fn many(name: &'static str, cells: Cells, about: &'static str) -> Column {
    Column::new(name, Variety::Many, cells, about)
}

/// Columns of `ocsf`.
pub static COLUMNS: &[Column] = &[
    many(
        "time",
        Number(|table, row| table.rows[row].event_time_ms()),
        "When it happened, milliseconds since 1970 UTC.",
    ),
    few(
        "activity_id",
        SmallNumber(|table, row| Some(activity(table, row) as i32)),
        "1 Create, 2 Read, 3 Update, 4 Delete, 99 Other; 0 Unknown for a record that stands for no call.",
    ),
    few(
        "activity_name",
        Composed(|table, row, out| write(Some(activity(table, row).name()), out)),
        "The same as a word.",
    ),
    few("category_uid", SmallNumber(|_, _| Some(CATEGORY.0)), "6, Application Activity."),
    few("category_name", Composed(|_, _, out| write(Some(CATEGORY.1), out)), "The same as words."),
    few("class_uid", SmallNumber(|_, _| Some(CLASS.0)), "6003, API Activity."),
    few("class_name", Composed(|_, _, out| write(Some(CLASS.1), out)), "The same as words."),
    few(
        "type_uid",
        Number(|table, row| Some(i64::from(CLASS.0 * 100 + activity(table, row) as i32))),
        "Class and activity.",
    ),
    few("type_name", Composed(type_name), "The same as words."),
    few(
        "severity_id",
        SmallNumber(|_, _| Some(INFORMATIONAL)),
        "1, Informational: what a log tells is no finding.",
    ),
    few("severity", Composed(|_, _, out| write(Some("Informational"), out)), "The same as a word."),
    few("status_id", SmallNumber(|table, row| Some(status(table, row).0)), "1 Success, 2 Failure, 0 Unknown."),
    few("status", Composed(|table, row, out| write(Some(status(table, row).1), out)), "The same as a word."),
    per_log("status_code", &Text("error_code"), &Text("error_code"), "Error of the service."),
    per_log("status_detail", &NoText, &Text("error_message"), "Text of the error."),
    few("metadata", Struct(METADATA), "Where the record comes from."),
    few("cloud", Struct(CLOUD), "Account and region."),
    few("actor", Struct(ACTOR), "The caller."),
    few("api", Struct(API), "The call."),
    few("src_endpoint", Struct(SRC_ENDPOINT), "Where the call came from."),
    few("dst_endpoint", Struct(DST_ENDPOINT), "Where it was sent to."),
    few("http_request", Struct(HTTP_REQUEST), "The request; CloudTrail shows its agent alone."),
    few("http_response", Struct(HTTP_RESPONSE), "The answer; CloudTrail does not show it."),
    few("tls", Struct(TLS), "TLS of the call."),
    few(
        "resources",
        StructList(&["uid", "type", "name"], RESOURCES, None),
        "What the call was about: bucket and object.",
    ),
    many(
        "unmapped",
        Composed(unmapped),
        "The other fields of the record under their native names, as one JSON object.",
    ),
    many("raw_data", Composed(raw_data), "The record as read; null for rows of an export."),
];

static METADATA: &[Column] = &[
    few("version", Composed(|_, _, out| write(Some(VERSION), out)), "Version of OCSF."),
    few("product", Struct(PRODUCT), "What wrote the log."),
    per_log("uid", &Text("request_id"), &Text("event_id"), "Id of the request or event."),
    few("log_name", Cells::Word(|table, _| Some(table.log.name())), "Which log."),
    per_log("log_version", &NoText, &Text("event_version"), "Version of its format."),
    per_log("event_code", &Text("operation"), &Text("event_type"), "Operation or kind of event as logged."),
];

static PRODUCT: &[Column] = &[
    few("name", Composed(|table, _, out| write(Some(product(table.log)), out)), "Name."),
    few("vendor_name", Composed(|_, _, out| write(Some("AWS"), out)), "Vendor."),
];

static CLOUD: &[Column] = &[
    few("provider", Composed(|_, _, out| write(Some("AWS"), out)), "Provider."),
    per_log("region", &PerValue("host_header", access_region), &Text("aws_region"), "Region of the call."),
    few("account", Struct(RECIPIENT), "Account whose log it is; access lines do not say."),
];

static RECIPIENT: &[Column] = &[per_log("uid", &NoText, &Text("recipient_account_id"), "Account id.")];

static ACTOR: &[Column] = &[
    few("user", Struct(USER), "The caller."),
    few("session", Struct(SESSION), "Session of a role."),
    per_log("invoked_by", &NoText, &Text("invoked_by"), "AWS service that made the call."),
];

static USER: &[Column] = &[
    per_log("type", &PerCaller(principal_kind), &Composed(principal_kind), "Kind of caller."),
    per_log("uid", &Text("requester"), &Text("user_identity.principal_id"), "Id of the caller as logged."),
    per_log("uid_alt", &NoText, &Text("user_identity.arn"), "ARN of the caller as logged."),
    per_log(
        "name",
        &PerCaller(principal_name),
        &Composed(principal_name),
        "Caller in one form for both logs; a role without its path and session.",
    ),
    few("account", Struct(USER_ACCOUNT), "Account of the caller."),
    per_log("credential_uid", &Composed(access_key_of_presigned), &Text("access_key_id"), "Access key."),
];

static USER_ACCOUNT: &[Column] =
    &[per_log("uid", &PerCaller(principal_account), &Composed(principal_account), "Account id.")];

static SESSION: &[Column] = &[
    per_log("uid", &PerValue("requester", session_name), &Composed(session_name), "Name of the session."),
    per_log("issuer", &NoText, &Text("user_identity.session_context.session_issuer.arn"), "Role that it is of."),
];

static API: &[Column] = &[
    per_log(
        "operation",
        &PerValue("operation", operation),
        &Composed(operation),
        "The API action; Unknown if none.",
    ),
    per_log("version", &NoText, &Text("api_version"), "Version of the API."),
    few("service", Struct(SERVICE), "Service that was called."),
    few("request", Struct(REQUEST), "The request."),
    few("response", Struct(RESPONSE), "The answer."),
];

static SERVICE: &[Column] =
    &[per_log("name", &Composed(|_, _, out| write(Some("s3"), out)), &Composed(trail_service), "Such as s3.")];

static REQUEST: &[Column] = &[
    per_log("uid", &Text("request_id"), &Text("request_id"), "Request id, the same in both logs."),
    per_log("data", &NoText, &Text("request_parameters"), "Parameters, as JSON."),
];

static RESPONSE: &[Column] = &[
    per_log("error", &Text("error_code"), &Text("error_code"), "Error of the service."),
    per_log("error_message", &NoText, &Text("error_message"), "Its text."),
    per_log("data", &NoText, &Text("response_elements"), "Answer, as JSON."),
];

static SRC_ENDPOINT: &[Column] = &[
    few(
        "ip",
        Composed(|table, row, out| write(source(table, row).filter(|text| is_address(text)), out)),
        "Address.",
    ),
    few(
        "domain",
        Composed(source_domain),
        "Name of the AWS service that called; unknown if the log does not say.",
    ),
    per_log("uid", &NoText, &Text("vpc_endpoint_id"), "VPC endpoint."),
];

static DST_ENDPOINT: &[Column] = &[per_log(
    "hostname",
    &Text("host_header"),
    &Text("tls_details.client_provided_host_header"),
    "Host of the request.",
)];

static HTTP_REQUEST: &[Column] = &[
    per_log(
        "http_method",
        &Composed(|table, row, out| write(request_line(table, row)[0], out)),
        &NoText,
        "Method.",
    ),
    few("url", Struct(URL), "What was asked for."),
    per_log(
        "version",
        &Composed(|table, row, out| write(request_line(table, row)[2], out)),
        &NoText,
        "Version of HTTP.",
    ),
    per_log("user_agent", &Text("user_agent"), &Text("user_agent"), "Agent as sent."),
    per_log("referrer", &Text("referer"), &NoText, "Referer as sent."),
];

static URL: &[Column] = &[per_log(
    "url_string",
    &Composed(|table, row, out| write(request_line(table, row)[1], out)),
    &NoText,
    "Path and query as sent.",
)];

static HTTP_RESPONSE: &[Column] = &[
    per_log("code", &SmallInteger("http_status"), &NoSmallInteger, "Status."),
    per_log("latency", &SmallInteger("total_time_ms"), &NoSmallInteger, "Milliseconds."),
];

static TLS: &[Column] = &[
    per_log("version", &Text("tls_version"), &Text("tls_details.tls_version"), "Version."),
    per_log("cipher", &Text("cipher_suite"), &Text("tls_details.cipher_suite"), "Cipher."),
];

/// `activity_id` of API Activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Activity {
    Unknown = 0,
    Create = 1,
    Read = 2,
    Update = 3,
    Delete = 4,
    Other = 99,
}

impl Activity {
    fn name(self) -> &'static str {
        match self {
            Activity::Unknown => "Unknown",
            Activity::Create => "Create",
            Activity::Read => "Read",
            Activity::Update => "Update",
            Activity::Delete => "Delete",
            Activity::Other => "Other",
        }
    }
}

/// First words of API actions, by what they do.
const VERBS: [(Activity, &[&str]); 4] = [
    (Activity::Create, &["Create", "Generate", "Run", "Upload", "Copy", "Import", "Register"]),
    (Activity::Read, &["Get", "Head", "List", "Describe", "Lookup", "Select", "Search", "Decrypt"]),
    (
        Activity::Update,
        &[
            "Put",
            "Update",
            "Modify",
            "Set",
            "Attach",
            "Detach",
            "Add",
            "Remove",
            "Tag",
            "Untag",
            "Start",
            "Stop",
            "Enable",
            "Disable",
            "Restore",
            "Replicate",
            "Rotate",
            "Cancel",
        ],
    ),
    (Activity::Delete, &["Delete", "Terminate", "ScheduleKeyDeletion", "Revoke", "Expire", "Abort", "Deregister"]),
];

fn activity(table: &FieldTable, row: usize) -> Activity {
    if !is_api_call(table, row) {
        return Activity::Unknown;
    }
    match action_class(table, row) {
        ActionClass::Read | ActionClass::List => Activity::Read,
        ActionClass::Write => Activity::Create,
        ActionClass::Delete => Activity::Delete,
        _ => match table.log {
            LogType::S3Access => activity_of(&access_operation(table, row).0),
            LogType::CloudTrail => activity_of(table.text(row, trail::EVENT_NAME).unwrap_or_default()),
        },
    }
}

fn activity_of(action: &str) -> Activity {
    let found = VERBS.iter().find(|(_, verbs)| verbs.iter().any(|verb| action.starts_with(verb)));
    found.map_or(Activity::Other, |(activity, _)| *activity)
}

fn type_name(table: &FieldTable, row: usize, out: &mut Vec<u8>) -> bool {
    [CLASS.1, ": ", activity(table, row).name()].iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
    true
}

fn status(table: &FieldTable, row: usize) -> (i32, &'static str) {
    match outcome::of(table, row) {
        _ if !is_api_call(table, row) => (0, "Unknown"),
        Outcome::Success => (1, "Success"),
        Outcome::Denied | Outcome::Throttled | Outcome::Error => (2, "Failure"),
    }
}

fn product(log: LogType) -> &'static str {
    match log {
        LogType::S3Access => "S3 server access logs",
        LogType::CloudTrail => "CloudTrail",
    }
}

/// The API action; OCSF requires one.
fn operation(table: &FieldTable, row: usize, out: &mut Vec<u8>) -> bool {
    let is_named = match table.log {
        LogType::S3Access => access_action(table, row, out),
        LogType::CloudTrail => write(table.text(row, trail::EVENT_NAME), out),
    };
    is_named || write(Some("Unknown"), out)
}

fn source(table: &FieldTable, row: usize) -> Option<&str> {
    match table.log {
        LogType::S3Access => table.text(row, access::REMOTE_IP),
        LogType::CloudTrail => table.text(row, trail::SOURCE_IP_ADDRESS),
    }
}

/// OCSF requires an endpoint: where there is no address, the service that called is one.
fn source_domain(table: &FieldTable, row: usize, out: &mut Vec<u8>) -> bool {
    match source(table, row) {
        Some(source) if is_address(source) => false,
        Some(name) => write(Some(name), out),
        None if principal(table, row).kind == PrincipalKind::Service => principal_name(table, row, out),
        None => write(Some("unknown"), out),
    }
}

fn is_address(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok()
}

/// Method, path with query, and version of the request line; the path holds no spaces.
fn request_line(table: &FieldTable, row: usize) -> [Option<&str>; 3] {
    let line = table.text(row, access::REQUEST_URI).unwrap_or_default();
    let Some((method, rest)) = line.split_once(' ') else { return [None; 3] };
    match rest.rsplit_once(' ') {
        Some((path, version)) => [Some(method), Some(path), Some(version)],
        None => [Some(method), Some(rest), None],
    }
}

const RESOURCES: ListElements = |table, row, each| {
    if table.log == LogType::CloudTrail {
        let mut count = 0;
        cloudtrail::for_each_resource(table.bytes(row, trail::RESOURCES).unwrap_or_default(), |resource| {
            count += 1;
            each(&[resource.arn.as_deref(), resource.resource_type.as_deref(), None]);
        });
        if count > 0 {
            return true;
        }
    }
    let (bucket, key) = match table.log {
        LogType::S3Access => (access::BUCKET_NAME, access::OBJECT_KEY),
        LogType::CloudTrail => (trail::S3_BUCKET, trail::S3_KEY),
    };
    let Some(bucket) = table.text(row, bucket) else { return false };
    let arn = format!("arn:aws:s3:::{bucket}");
    each(&[Some(&arn), Some("AWS::S3::Bucket"), Some(bucket)]);
    if let Some(key) = table.text(row, key) {
        each(&[Some(&format!("{arn}/{key}")), Some("AWS::S3::Object"), Some(key)]);
    }
    true
};

/// Fields that stand in a column of their own; the others are in `unmapped`.
const MAPPED: [&[usize]; 2] = [
    &[
        access::EVENT_TIME,
        access::BUCKET_NAME,
        access::REMOTE_IP,
        access::REQUESTER,
        access::REQUEST_ID,
        access::OPERATION,
        access::REQUEST_URI,
        access::HTTP_STATUS,
        access::ERROR_CODE,
        access::TOTAL_TIME_MS,
        access::REFERER,
        access::USER_AGENT,
        access::CIPHER_SUITE,
        access::HOST_HEADER,
        access::TLS_VERSION,
    ],
    &[
        trail::EVENT_TIME,
        trail::EVENT_ID,
        trail::EVENT_VERSION,
        trail::EVENT_SOURCE,
        trail::EVENT_NAME,
        trail::EVENT_TYPE,
        trail::ERROR_CODE,
        trail::ERROR_MESSAGE,
        trail::SOURCE_IP_ADDRESS,
        trail::USER_AGENT,
        trail::REQUEST_ID,
        trail::AWS_REGION,
        trail::RECIPIENT_ACCOUNT_ID,
        trail::VPC_ENDPOINT_ID,
        trail::API_VERSION,
        trail::ACCESS_KEY_ID,
        trail::INVOKED_BY,
        trail::USER_IDENTITY_PRINCIPAL_ID,
        trail::USER_IDENTITY_ARN,
        trail::USER_IDENTITY_ACCESS_KEY_ID,
        trail::USER_IDENTITY_INVOKED_BY,
        trail::PRINCIPAL_ARN,
        trail::SESSION_ISSUER_ARN,
        trail::S3_BUCKET,
        trail::S3_KEY,
        trail::TLS_VERSION,
        trail::TLS_CIPHER_SUITE,
        trail::TLS_CLIENT_PROVIDED_HOST_HEADER,
        trail::RESOURCES,
        trail::REQUEST_PARAMETERS,
        trail::RESPONSE_ELEMENTS,
        trail::ENCRYPTION_CONTEXT_ARN,
    ],
];

fn unmapped(table: &FieldTable, row: usize, out: &mut Vec<u8>) -> bool {
    let (names, mapped): (&[&str], _) = match table.log {
        LogType::S3Access => (&s3_access::FIELDS, MAPPED[0]),
        LogType::CloudTrail => (&cloudtrail::FIELDS, MAPPED[1]),
    };
    let number = table.rows[row].number.to_string();
    let place = [("source_file", &**table.source_file(row)), ("source_line", &number)];
    let fields = names.iter().enumerate().filter(|(field, _)| !mapped.contains(field));
    let texts = fields.filter_map(|(field, name)| Some((*name, table.text(row, field)?)));
    for (index, (name, text)) in texts.chain(place).enumerate() {
        out.push(if index == 0 { b'{' } else { b',' });
        write_json(name, out);
        out.push(b':');
        write_json(text, out);
    }
    out.push(b'}');
    true
}

fn write_json(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(serde_json::to_string(text).expect("a text is JSON").as_bytes());
}

fn raw_data(table: &FieldTable, row: usize, out: &mut Vec<u8>) -> bool {
    // An export holds the fields of a record, and not the record.
    if table.is_read_back {
        return false;
    }
    out.extend_from_slice(String::from_utf8_lossy(table.record(row)).as_bytes());
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_told_by_their_first_word() {
        for (action, expected) in [
            ("PutBucketPolicy", Activity::Update),
            ("CreateTrail", Activity::Create),
            ("DeleteTrail", Activity::Delete),
            ("DescribeTrails", Activity::Read),
            ("StopLogging", Activity::Update),
            ("ScheduleKeyDeletion", Activity::Delete),
            ("AssumeRole", Activity::Other),
            ("", Activity::Other),
        ] {
            assert_eq!(activity_of(action), expected, "{action}");
        }
    }
}
