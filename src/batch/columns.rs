//! The columns of the two logs: the one list from which schema, `docs/schema.md` and conversion derive.

use super::{Cells, Column, JsonArray, ListElements, Variety};
use crate::parse::cloudtrail;

/// A column whose values repeat much.
pub(crate) const fn few(name: &'static str, cells: Cells, about: &'static str) -> Column {
    Column::new(name, Variety::Few, cells, about)
}

/// A column whose values are mostly distinct.
pub(crate) const fn many(name: &'static str, cells: Cells, about: &'static str) -> Column {
    Column::new(name, Variety::Many, cells, about)
}

/// A column of random characters.
const fn random(name: &'static str, cells: Cells, about: &'static str) -> Column {
    Column::new(name, Variety::Random, cells, about)
}

/// Columns of `s3_access`, in AWS's order of fields
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html>).
pub static S3_ACCESS: &[Column] = &[
    few("event_time", Cells::EventTime, "When S3 received the request."),
    few("bucket_owner", Cells::Text("bucket_owner"), "Canonical user id of the bucket's owner."),
    few("bucket_name", Cells::Text("bucket_name"), "Bucket of the request."),
    few(
        "remote_ip",
        Cells::Text("remote_ip"),
        "Address of the requester as S3 saw it; null for AWS's own senders.",
    ),
    few(
        "requester",
        Cells::Text("requester"),
        "ARN, canonical user id or service that asked; null if not authenticated.",
    ),
    random(
        "request_id",
        Cells::Text("request_id"),
        "Id of the request; not unique, as copies and batch deletes share it.",
    )
    .sought(),
    few("operation", Cells::Text("operation"), "What was asked for, such as REST.GET.OBJECT."),
    many(
        "object_key",
        Cells::Text("object_key"),
        "Key of the object, decoded as often as the operation encodes it.",
    )
    .sought(),
    many("object_key_raw", Cells::Text("object_key_raw"), "Key of the object as logged, still URL-encoded."),
    many(
        "request_uri",
        Cells::Text("request_uri"),
        "First line of the HTTP request, without the enclosing quotes.",
    ),
    few("http_status", Cells::SmallInteger("http_status"), "HTTP status of the answer."),
    few("error_code", Cells::Text("error_code"), "S3's error code; null if there was none."),
    many("bytes_sent", Cells::Integer("bytes_sent"), "Bytes of the answer's body; S3 logs none as null."),
    many("object_size", Cells::Integer("object_size"), "Size of the whole object in bytes."),
    many(
        "total_time_ms",
        Cells::Integer("total_time_ms"),
        "Milliseconds from receiving the request to the last byte sent.",
    ),
    many(
        "turn_around_time_ms",
        Cells::Integer("turn_around_time_ms"),
        "Milliseconds S3 spent on the request itself.",
    ),
    few("referer", Cells::Text("referer"), "Referer header as sent; a client can write anything here."),
    few("user_agent", Cells::Text("user_agent"), "User-Agent header as sent; a client can write anything here."),
    few("version_id", Cells::Text("version_id"), "Version of the object that the request named."),
    random(
        "host_id",
        Cells::Text("host_id"),
        "The x-amz-id-2 header; with request_id it names the request in both logs.",
    )
    .sought(),
    few("signature_version", Cells::Text("signature_version"), "SigV2 or SigV4; null if not signed."),
    few("cipher_suite", Cells::Text("cipher_suite"), "TLS cipher; null for plain HTTP."),
    few(
        "auth_type",
        Cells::Text("auth_type"),
        "AuthHeader, QueryString (presigned), or null if not authenticated.",
    ),
    few("host_header", Cells::Text("host_header"), "Endpoint the request was sent to."),
    few("tls_version", Cells::Text("tls_version"), "TLS version; null for plain HTTP."),
    few("access_point_arn", Cells::Text("access_point_arn"), "Access point of the request."),
    few("acl_required", Cells::Boolean("acl_required"), "True if an ACL was needed to allow the request."),
    few("source_region", Cells::Text("source_region"), "Region the request came from; logged since 2026."),
    few(
        "extra_fields",
        Cells::Words("extra_fields"),
        "Fields that AWS appended after those above; of JSON, members with their names.",
    ),
    few("parse_flags", Cells::ParseFlags, "What was unusual about the line; empty for nearly all."),
    few("source_file", Cells::SourceFile, "Path of the file as given; inside an archive, archive and entry."),
    many("source_line", Cells::SourceNumber, "Line in that file, from 1."),
];

const fn text(name: &'static str, field: &'static str, about: &'static str) -> Column {
    few(name, Cells::Text(field), about)
}

/// Members of the `user_identity` struct, after
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>.
static USER_IDENTITY: &[Column] = &[
    text("type", "user_identity.type", "Kind of identity."),
    text("principal_id", "user_identity.principal_id", "Unique id of the entity that made the call."),
    text("arn", "user_identity.arn", "ARN of the principal."),
    text("account_id", "user_identity.account_id", "Account that granted the permissions."),
    text("access_key_id", "user_identity.access_key_id", "Access key that signed the request.").sought(),
    text("user_name", "user_identity.user_name", "Friendly name."),
    text("invoked_by", "user_identity.invoked_by", "AWS service that made the call."),
    few("invoked_by_delegate", Cells::Struct(INVOKED_BY_DELEGATE), "Partner the call was delegated to."),
    few("on_behalf_of", Cells::Struct(ON_BEHALF_OF), "Identity Center user the call was made for."),
    few("in_scope_of", Cells::Struct(IN_SCOPE_OF), "Resource the credentials were issued to."),
    text("credential_id", "user_identity.credential_id", "Credential of an Identity Center session."),
    text("identity_provider", "user_identity.identity_provider", "Provider of a federated identity."),
    few("session_context", Cells::Struct(SESSION_CONTEXT), "The session that temporary credentials belong to."),
];

static INVOKED_BY_DELEGATE: &[Column] =
    &[text("account_id", "user_identity.invoked_by_delegate.account_id", "Account of the delegate.")];

static ON_BEHALF_OF: &[Column] = &[
    text("user_id", "user_identity.on_behalf_of.user_id", "Identity Center user."),
    text("identity_store_arn", "user_identity.on_behalf_of.identity_store_arn", "Identity store of that user."),
];

static IN_SCOPE_OF: &[Column] = &[
    text("source_arn", "user_identity.in_scope_of.source_arn", "The resource."),
    text("source_account", "user_identity.in_scope_of.source_account", "Account of the resource."),
    text("issuer_type", "user_identity.in_scope_of.issuer_type", "Service that issued the credentials."),
    text(
        "credentials_issued_to",
        "user_identity.in_scope_of.credentials_issued_to",
        "Environment they were issued to.",
    ),
];

static SESSION_CONTEXT: &[Column] = &[
    few("session_issuer", Cells::Struct(SESSION_ISSUER), "Who issued the session."),
    few("web_id_federation_data", Cells::Struct(WEB_ID_FEDERATION), "Web identity behind the session."),
    few("attributes", Cells::Struct(SESSION_ATTRIBUTES), "When the session began and whether with MFA."),
    text("assumed_root", "user_identity.session_context.assumed_root", "true for a privileged root session."),
    text(
        "source_identity",
        "user_identity.session_context.source_identity",
        "Identity set when the role was assumed.",
    ),
    text(
        "ec2_role_delivery",
        "user_identity.session_context.ec2_role_delivery",
        "Version of the instance metadata service.",
    ),
    text("sign_in_session_arn", "user_identity.session_context.sign_in_session_arn", "Console sign-in session."),
];

static SESSION_ISSUER: &[Column] = &[
    text("type", "user_identity.session_context.session_issuer.type", "Kind of issuer."),
    text("principal_id", "user_identity.session_context.session_issuer.principal_id", "Unique id of the issuer."),
    text("arn", "user_identity.session_context.session_issuer.arn", "ARN of the issuer, such as the role."),
    text("account_id", "user_identity.session_context.session_issuer.account_id", "Account of the issuer."),
    text("user_name", "user_identity.session_context.session_issuer.user_name", "Name of the issuer."),
];

static WEB_ID_FEDERATION: &[Column] = &[
    text(
        "federated_provider",
        "user_identity.session_context.web_id_federation_data.federated_provider",
        "Identity provider.",
    ),
    text(
        "attributes",
        "user_identity.session_context.web_id_federation_data.attributes",
        "Provider's attributes, as JSON.",
    ),
];

static SESSION_ATTRIBUTES: &[Column] = &[
    text(
        "creation_date",
        "user_identity.session_context.attributes.creation_date",
        "When the credentials were issued.",
    ),
    text(
        "mfa_authenticated",
        "user_identity.session_context.attributes.mfa_authenticated",
        "true if with MFA, as text.",
    ),
];

static TLS_DETAILS: &[Column] = &[
    text("tls_version", "tls_details.tls_version", "TLS version."),
    text("cipher_suite", "tls_details.cipher_suite", "TLS cipher."),
    text("client_provided_host_header", "tls_details.client_provided_host_header", "Host name the client used."),
    text("key_exchange", "tls_details.key_exchange", "Key exchange, where logged."),
];

const RESOURCES: ListElements = |table, row, each| {
    let array = table.bytes(row, cloudtrail::field::RESOURCES);
    cloudtrail::for_each_resource(array.unwrap_or_default(), |resource| {
        each(&[resource.arn.as_deref(), resource.account_id.as_deref(), resource.resource_type.as_deref()]);
    });
    array.is_some()
};

/// Columns of `cloudtrail`
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>).
pub static CLOUDTRAIL: &[Column] = &[
    few("event_time", Cells::EventTime, "When the request completed; null for records that cover a period."),
    random("event_id", Cells::Text("event_id"), "Id of the event; copies of one event share it.").sought(),
    text("event_version", "event_version", "Version of the record format, as text."),
    text("event_source", "event_source", "Service that was called."),
    text("event_name", "event_name", "API action."),
    text("event_type", "event_type", "Kind of record, such as AwsApiCall."),
    text("event_category", "event_category", "Management, Data, NetworkActivity, Insight or Aggregated."),
    few("management_event", Cells::Boolean("management_event"), "True for management events."),
    few("read_only", Cells::Boolean("read_only"), "True if the call changes nothing."),
    text("error_code", "error_code", "Error of the service; null if the call succeeded."),
    text("error_message", "error_message", "Text of the error; can stand without a code."),
    text("source_ip_address", "source_ip_address", "Address or, for calls by AWS, name of the service."),
    text("user_agent", "user_agent", "Agent of the call as sent."),
    random("request_id", Cells::Text("request_id"), "Id of the request, the same as in the access log.").sought(),
    random("host_id", Cells::Text("host_id"), "The x-amz-id-2 of an S3 request, the same as in the access log.")
        .sought(),
    random("shared_event_id", Cells::Text("shared_event_id"), "Id shared by the copies in several accounts."),
    text("aws_region", "aws_region", "Region of the call."),
    text("recipient_account_id", "recipient_account_id", "Account that received the event."),
    text("vpc_endpoint_id", "vpc_endpoint_id", "VPC endpoint of the request."),
    text("vpc_endpoint_account_id", "vpc_endpoint_account_id", "Account that owns the endpoint."),
    text("api_version", "api_version", "Version of the API."),
    text("principal_arn", "principal_arn", "ARN of the caller."),
    text("principal_account_id", "principal_account_id", "Account of the caller."),
    text("access_key_id", "access_key_id", "Access key of the caller.").sought(),
    text("invoked_by", "invoked_by", "AWS service that made the call."),
    few("user_identity", Cells::Struct(USER_IDENTITY), "The caller, with every documented member."),
    text("s3_bucket", "s3_bucket", "Bucket of an S3 call."),
    many("s3_key", Cells::Text("s3_key"), "Key of an S3 object call, not encoded.").sought(),
    many("s3_version_id", Cells::Text("s3_version_id"), "Version the call named."),
    many("s3_copy_source", Cells::Text("s3_copy_source"), "Source of a copy, as sent."),
    text("s3_sse", "s3_sse", "Server-side encryption that S3 applied."),
    many("s3_bytes_in", Cells::Integer("s3_bytes_in"), "Bytes received with the call."),
    many("s3_bytes_out", Cells::Integer("s3_bytes_out"), "Bytes sent with the answer."),
    text("s3_auth_method", "s3_auth_method", "AuthHeader or QueryString."),
    text("s3_signature_version", "s3_signature_version", "SigV2 or SigV4."),
    few("s3_acl_required", Cells::Boolean("s3_acl_required"), "True if an ACL was needed to allow the call."),
    text("kms_key_arn", "kms_key_arn", "KMS key of a KMS call or of an encrypted S3 call."),
    few("tls_details", Cells::Struct(TLS_DETAILS), "TLS of the call."),
    few(
        "resources",
        Cells::StructList(
            &["arn", "account_id", "type"],
            RESOURCES,
            Some(JsonArray { field: "resources", members: &["ARN", "accountId", "type"] }),
        ),
        "Resources of the call; a prefix ARN stands as arn.",
    ),
    many("request_parameters", Cells::Text("request_parameters"), "Parameters of the call, as JSON."),
    many(
        "response_elements",
        Cells::Text("response_elements"),
        "Answer of a call that changed something, as JSON.",
    ),
    many("additional_event_data", Cells::Text("additional_event_data"), "What the service added, as JSON."),
    text("service_event_details", "service_event_details", "Details of a service event, as JSON."),
    text("insight_details", "insight_details", "Details of an Insights record, as JSON."),
    text("addendum", "addendum", "Why a record is late or updated, as JSON."),
    text("edge_device_details", "edge_device_details", "Edge device of the call, as JSON."),
    text(
        "session_credential_from_console",
        "session_credential_from_console",
        "true if a console session made the call.",
    ),
    text("other_fields", "other_fields", "Members of the record not known here, as one JSON object."),
    few("parse_flags", Cells::ParseFlags, "What was unusual about the record; empty for nearly all."),
    few("source_file", Cells::SourceFile, "Path of the file as given; inside an archive, archive and entry."),
    many("source_record", Cells::SourceNumber, "Record in that file, from 1."),
];
