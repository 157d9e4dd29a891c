//! The names of the fields where CloudWatch delivers access logs, as JSON or as Parquet.

use super::field;

/// Members of a record with their fields, in AWS's order
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/sal-cw-log-format.html>).
pub const MEMBERS: [(&str, usize); 27] = [
    ("bucket_name", field::BUCKET_NAME),
    ("request_time", field::EVENT_TIME),
    ("bucket_owner_id", field::BUCKET_OWNER),
    ("remote_ip", field::REMOTE_IP),
    ("requester", field::REQUESTER),
    ("request_id", field::REQUEST_ID),
    ("operation", field::OPERATION),
    ("key_name", field::OBJECT_KEY_RAW),
    ("request_uri", field::REQUEST_URI),
    ("http_status", field::HTTP_STATUS),
    ("error_code", field::ERROR_CODE),
    ("bytes_sent_size", field::BYTES_SENT),
    ("object_size", field::OBJECT_SIZE),
    ("total_duration", field::TOTAL_TIME_MS),
    ("turn_around_duration", field::TURN_AROUND_TIME_MS),
    ("referer", field::REFERER),
    ("user_agent", field::USER_AGENT),
    ("version_id", field::VERSION_ID),
    ("host_id", field::HOST_ID),
    ("signature_version", field::SIGNATURE_VERSION),
    ("cipher_suite", field::CIPHER_SUITE),
    ("authentication_type", field::AUTH_TYPE),
    ("host_header", field::HOST_HEADER),
    ("tls_version", field::TLS_VERSION),
    ("access_point_arn", field::ACCESS_POINT_ARN),
    ("acl_required", field::ACL_REQUIRED),
    ("source_region", field::SOURCE_REGION),
];

/// Members that no field holds: the version of the list above, and the bucket's name once more.
pub const REDUNDANT: [&str; 2] = ["schema_version_id", "bucket_arn"];
