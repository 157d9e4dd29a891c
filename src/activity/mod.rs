//! One view of both logs: who did what to which object, from where, with which outcome.
//!
//! The columns are built from the same parsed rows as the native ones, row by row, and know no thresholds.

pub mod evidence;
pub mod ocsf;
pub mod operation;
pub mod outcome;
pub mod principal;

use crate::batch::columns::few;
use crate::batch::{Cells, Column, Variety};
use crate::parse::cloudtrail::{field as trail, flag, for_each_resource};
use crate::parse::{FieldTable, LogType, s3_access::field as access};
use principal::{Principal, of_access, of_trail};
use std::borrow::Cow;

const fn per_log(
    name: &'static str,
    variety: Variety,
    s3_access: &'static Cells,
    cloudtrail: &'static Cells,
    about: &'static str,
) -> Column {
    Column::new(name, variety, Cells::PerLog(s3_access, cloudtrail), about)
}

use Cells::{Composed, Integer, NoInteger, NoText, PerCaller, PerValue, SmallInteger, Text, Word};
use Variety::{Few, Many, Random};

/// Columns of `activity`.
pub static COLUMNS: &[Column] = &[
    few("event_time", Cells::EventTime, "When it happened: received (access log) or completed (CloudTrail)."),
    few("log", Word(|table, _| Some(table.log.name())), "Which log the row is from."),
    per_log(
        "service",
        Few,
        &Word(|_, _| Some("s3")),
        &Composed(trail_service),
        "Service that was called, such as s3.",
    ),
    per_log(
        "action",
        Few,
        &PerValue("operation", access_action),
        &Text("event_name"),
        "The API action, such as GetObject.",
    ),
    per_log("operation", Few, &Text("operation"), &Text("event_name"), "The action as its log writes it."),
    per_log(
        "action_class",
        Few,
        &PerValue("operation", |table, row, out| write(Some(action_class(table, row).name()), out)),
        &Word(|table, row| is_api_call(table, row).then(|| action_class(table, row).name())),
        "read, list, write, delete, permission, config, key, identity or other.",
    ),
    few(
        "outcome",
        Word(|table, row| is_api_call(table, row).then(|| outcome::of(table, row).name())),
        "success, denied, throttled or error; null for records that stand for no call.",
    ),
    per_log(
        "http_status",
        Few,
        &SmallInteger("http_status"),
        &Cells::NoSmallInteger,
        "HTTP status; CloudTrail does not log it.",
    ),
    per_log("error_code", Few, &Text("error_code"), &Text("error_code"), "Error of the service."),
    per_log(
        "account_id",
        Few,
        &NoText,
        &Text("recipient_account_id"),
        "Account whose log this is; access lines do not say.",
    ),
    per_log(
        "region",
        Few,
        &PerValue("host_header", access_region),
        &Text("aws_region"),
        "Region of the call; of an access line, from its endpoint.",
    ),
    per_log("bucket_name", Few, &Text("bucket_name"), &Text("s3_bucket"), "Bucket."),
    per_log("object_key", Many, &Text("object_key"), &Text("s3_key"), "Key of the object, decoded.").sought(),
    per_log("version_id", Few, &Text("version_id"), &Text("s3_version_id"), "Version that the request named."),
    per_log(
        "principal",
        Few,
        &PerCaller(principal_name),
        &Composed(principal_name),
        "Caller, in one form for both logs; a role without its path and session.",
    ),
    per_log(
        "session_name",
        Few,
        &PerValue("requester", session_name),
        &Composed(session_name),
        "Session of a role.",
    ),
    per_log(
        "principal_kind",
        Few,
        &PerCaller(principal_kind),
        &Composed(principal_kind),
        "user, role, root, service, account, federated, anonymous or unknown.",
    ),
    per_log(
        "principal_account",
        Few,
        &PerCaller(principal_account),
        &Composed(principal_account),
        "Account of the caller.",
    ),
    per_log(
        "access_key_id",
        Few,
        &Composed(access_key_of_presigned),
        &Text("access_key_id"),
        "Access key; an access line has it only in a presigned URL.",
    )
    .sought(),
    per_log("invoked_by", Few, &NoText, &Text("invoked_by"), "AWS service that made the call."),
    per_log(
        "remote_ip",
        Few,
        &Text("remote_ip"),
        &Text("source_ip_address"),
        "Address of the caller, or name of an AWS service.",
    ),
    per_log("user_agent", Few, &Text("user_agent"), &Text("user_agent"), "User agent as sent."),
    per_log("bytes_out", Many, &Integer("bytes_sent"), &Integer("s3_bytes_out"), "Bytes sent to the caller."),
    per_log("bytes_in", Many, &NoInteger, &Integer("s3_bytes_in"), "Bytes received; access lines do not say."),
    per_log(
        "object_size",
        Many,
        &Integer("object_size"),
        &NoInteger,
        "Size of the object in bytes; CloudTrail does not say.",
    ),
    per_log("auth_type", Few, &Text("auth_type"), &Text("s3_auth_method"), "AuthHeader, QueryString or null."),
    per_log("tls_version", Few, &Text("tls_version"), &Text("tls_details.tls_version"), "TLS version."),
    per_log(
        "signature_version",
        Few,
        &Text("signature_version"),
        &Text("s3_signature_version"),
        "SigV2 or SigV4.",
    ),
    per_log(
        "access_point_arn",
        Few,
        &Text("access_point_arn"),
        &Composed(trail_access_point),
        "Access point of the request.",
    ),
    per_log("vpc_endpoint_id", Few, &NoText, &Text("vpc_endpoint_id"), "VPC endpoint; access lines do not say."),
    per_log("request_id", Random, &Text("request_id"), &Text("request_id"), "Request id, the same in both logs.")
        .sought(),
    per_log("host_id", Random, &Text("host_id"), &Text("host_id"), "x-amz-id-2, the same in both logs.").sought(),
    per_log("event_id", Random, &NoText, &Text("event_id"), "CloudTrail's id of the event.").sought(),
    few("source_file", Cells::SourceFile, "Path of the file as given."),
    Column::new("source_line", Many, Cells::SourceNumber, "Line or record in that file, from 1."),
];

/// Does the row name an object? Some operations of access logs are named alike for objects and buckets.
pub fn names_object(table: &FieldTable, row: usize) -> bool {
    table.log == LogType::S3Access && !table.span(row, access::OBJECT_KEY_RAW).is_null()
}

fn principal_name(table: &FieldTable, row: usize, out: &mut Vec<u8>) -> bool {
    principal(table, row).name.write(out)
}

fn session_name(table: &FieldTable, row: usize, out: &mut Vec<u8>) -> bool {
    write(principal(table, row).session_name, out)
}

fn principal_kind(table: &FieldTable, row: usize, out: &mut Vec<u8>) -> bool {
    write(Some(principal(table, row).kind.name()), out)
}

fn principal_account(table: &FieldTable, row: usize, out: &mut Vec<u8>) -> bool {
    write(principal(table, row).account_id, out)
}

/// Does the row stand for a call? Insights and aggregates tell of calls and are none.
pub fn is_api_call(table: &FieldTable, row: usize) -> bool {
    table.log == LogType::S3Access || table.rows[row].flags & flag::NOT_AN_API_CALL == 0
}

/// The caller of a row.
pub fn principal(table: &FieldTable, row: usize) -> Principal<'_> {
    match table.log {
        LogType::S3Access => of_access(table, row),
        LogType::CloudTrail => of_trail(table, row),
    }
}

/// The class of a row's action.
pub fn action_class(table: &FieldTable, row: usize) -> operation::ActionClass {
    match table.log {
        LogType::S3Access => access_operation(table, row).1,
        LogType::CloudTrail => {
            let service = table.text(row, trail::EVENT_SOURCE).map_or("", short_service);
            let action = table.text(row, trail::EVENT_NAME).unwrap_or_default();
            let read_only = table.bytes(row, trail::READ_ONLY).and_then(crate::parse::scalar::boolean);
            operation::class_of_event(service, action, read_only)
        }
    }
}

fn access_operation(table: &FieldTable, row: usize) -> (Cow<'_, str>, operation::ActionClass) {
    let operation = table.text(row, access::OPERATION).unwrap_or("-");
    operation::of_operation(operation, names_object(table, row))
}

fn access_action(table: &FieldTable, row: usize, out: &mut Vec<u8>) -> bool {
    if table.span(row, access::OPERATION).is_null() {
        return false;
    }
    out.extend_from_slice(access_operation(table, row).0.as_bytes());
    true
}

/// `s3.amazonaws.com` → `s3`.
pub fn short_service(event_source: &str) -> &str {
    event_source.strip_suffix(".amazonaws.com").unwrap_or(event_source)
}

fn trail_service(table: &FieldTable, row: usize, out: &mut Vec<u8>) -> bool {
    write(table.text(row, trail::EVENT_SOURCE).map(short_service), out)
}

fn write(text: Option<&str>, out: &mut Vec<u8>) -> bool {
    out.extend_from_slice(text.unwrap_or_default().as_bytes());
    text.is_some()
}

/// The region in an endpoint: `bucket.s3.eu-west-1.amazonaws.com`, also `s3-eu-west-1`, `s3.dualstack.eu-west-1`.
fn access_region(table: &FieldTable, row: usize, out: &mut Vec<u8>) -> bool {
    write(region_of_access(table, row), out)
}

/// The region of an access line by its endpoint.
pub(crate) fn region_of_access(table: &FieldTable, row: usize) -> Option<&str> {
    table.text(row, access::HOST_HEADER).and_then(region_of_endpoint)
}

fn region_of_endpoint(host: &str) -> Option<&str> {
    let before = match host.strip_suffix(".amazonaws.com") {
        Some(before) => before,
        _ => host.split_once(".amazonaws.com")?.0,
    };
    let last = memchr::memrchr(b'.', before.as_bytes()).map_or(before, |dot| &before[dot + 1..]);
    let region = last.strip_prefix("s3-website-").or_else(|| last.strip_prefix("s3-")).unwrap_or(last);
    let mut hyphens = 0;
    for byte in region.bytes() {
        match byte {
            b'-' => hyphens += 1,
            b'a'..=b'z' | b'0'..=b'9' => {}
            _ => return None,
        }
    }
    let ends_in_digit = region.bytes().last().is_some_and(|last| last.is_ascii_digit());
    (hyphens >= 2 && ends_in_digit).then_some(region)
}

/// The access key in a presigned URL: `X-Amz-Credential=AKIA…%2F…` (version 4) or `AWSAccessKeyId=AKIA…` (version 2).
pub(crate) fn access_key_of_presigned(table: &FieldTable, row: usize, out: &mut Vec<u8>) -> bool {
    if table.bytes(row, access::AUTH_TYPE) != Some(b"QueryString") {
        return false;
    }
    let uri = table.text(row, access::REQUEST_URI).unwrap_or_default();
    let key = ["X-Amz-Credential=", "AWSAccessKeyId="].iter().find_map(|name| {
        let value = uri.split_once(name)?.1;
        value.split(|character: char| !character.is_ascii_alphanumeric()).next()
    });
    write(key.filter(|key| !key.is_empty()), out)
}

/// The access point among the resources of a CloudTrail row.
fn trail_access_point(table: &FieldTable, row: usize, out: &mut Vec<u8>) -> bool {
    let mut access_point = None;
    for_each_resource(table.bytes(row, trail::RESOURCES).unwrap_or_default(), |resource| {
        if resource.resource_type.as_deref() == Some("AWS::S3::AccessPoint") && access_point.is_none() {
            access_point = resource.arn;
        }
    });
    write(access_point.as_deref(), out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_read_from_endpoints() {
        for (host, region) in [
            ("b.s3.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("s3-us-west-2.amazonaws.com", Some("us-west-2")),
            ("b.s3.dualstack.us-gov-east-1.amazonaws.com", Some("us-gov-east-1")),
            ("b.s3-website-us-east-1.amazonaws.com", Some("us-east-1")),
            ("s3.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("b.s3.amazonaws.com", None),
            ("s3.amazonaws.com", None),
            ("evil.example", None),
        ] {
            assert_eq!(region_of_endpoint(host), region, "{host}");
        }
    }
}
