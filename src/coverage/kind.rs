//! Which log a row belongs to, and which lines of an access log CloudTrail would record as data events.

use crate::activity::evidence::{self, Evidence};
use crate::parse::{FieldTable, LogType, cloudtrail::field as trail, s3_access::field as access};

/// A log as somebody switches it on: each can be there or be missing on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogKind {
    /// Lines of S3 server access logs.
    AccessLines,
    /// CloudTrail management events, without those of KMS.
    Management,
    /// CloudTrail events of KMS; a trail can leave them out.
    Kms,
    /// CloudTrail data events of S3.
    DataEvents,
    /// CloudTrail data events of other services.
    OtherData,
    /// CloudTrail network activity events of VPC endpoints.
    NetworkActivity,
    /// CloudTrail Insights.
    Insights,
    /// Other records of CloudTrail, such as aggregated events.
    Other,
}

impl LogKind {
    /// How many kinds there are.
    pub const COUNT: usize = LogKind::Other as usize + 1;

    /// The kind of a row.
    pub fn of(table: &FieldTable, row: usize) -> LogKind {
        if table.log == LogType::CloudTrail && is_network_activity(table, row) {
            return LogKind::NetworkActivity;
        }
        match evidence::of(table, row) {
            [Evidence::AccessLines] => LogKind::AccessLines,
            [Evidence::ManagementEvents, Evidence::KmsEvents] => LogKind::Kms,
            [Evidence::ManagementEvents] => LogKind::Management,
            [Evidence::DataEvents] => LogKind::DataEvents,
            _ => match table.bytes(row, trail::EVENT_CATEGORY) {
                Some(b"Data") => LogKind::OtherData,
                Some(b"Insight") => LogKind::Insights,
                _ if table.bytes(row, trail::INSIGHT_DETAILS).is_some() => LogKind::Insights,
                _ => LogKind::Other,
            },
        }
    }
}

/// AWS writes `AwsVpceEvents` in its manual and `AwsVpceEvent` in records.
fn is_network_activity(table: &FieldTable, row: usize) -> bool {
    let of_endpoint = |kind: &[u8]| kind.starts_with(b"AwsVpceEvent");
    table.bytes(row, trail::EVENT_CATEGORY) == Some(b"NetworkActivity")
        || table.bytes(row, trail::EVENT_TYPE).is_some_and(of_endpoint)
}

/// Requests that CloudTrail never sees: it records none whose credentials do not hold, and no redirects
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/logging-with-S3.html>).
const NOT_AUTHENTICATED: [&[u8]; 8] = [
    b"InvalidAccessKeyId",
    b"SignatureDoesNotMatch",
    b"RequestTimeTooSkewed",
    b"ExpiredToken",
    b"InvalidToken",
    b"InvalidSecurity",
    b"AuthorizationHeaderMalformed",
    b"AuthorizationQueryParametersError",
];

/// Is an access line one that CloudTrail records as a data event of the bucket, if they are on? Only where that is sure:
/// not lifecycle actions, keys of a batch deletion, the source of a copy, or settings.
pub fn is_data_request(table: &FieldTable, row: usize) -> bool {
    let operation = table.bytes(row, access::OPERATION).unwrap_or_default();
    let Some(rest) = operation.strip_prefix(b"REST.") else { return false };
    let Some(dot) = memchr::memchr(b'.', rest) else { return false };
    let is_recorded = matches!(
        (&rest[..dot], &rest[dot + 1..]),
        (b"GET" | b"HEAD" | b"PUT" | b"POST" | b"DELETE" | b"COPY", b"OBJECT" | b"PART" | b"UPLOAD" | b"UPLOADS")
            | (b"GET", b"BUCKET" | b"BUCKETVERSIONS")
            | (b"POST", b"MULTI_OBJECT_DELETE")
    );
    let is_redirect = matches!(table.bytes(row, access::HTTP_STATUS), Some(b"301" | b"307" | b"400"));
    let code = table.bytes(row, access::ERROR_CODE).unwrap_or_default();
    is_recorded && !is_redirect && !NOT_AUTHENTICATED.contains(&code)
}

/// Does the row show that an object is encrypted with a key of KMS? Access lines show it only by KMS's errors.
pub fn asks_kms(table: &FieldTable, row: usize) -> bool {
    match table.log {
        LogType::S3Access => table.bytes(row, access::ERROR_CODE).is_some_and(|code| code.starts_with(b"KMS.")),
        LogType::CloudTrail => table.bytes(row, trail::S3_SSE).is_some_and(|applied| {
            memchr::memmem::find(applied, b"KMS").is_some() || applied.starts_with(b"aws:kms")
        }),
    }
}

/// Is it a KMS call that S3 makes for objects? Trails that log only writes leave these out and keep other calls of KMS.
pub fn uses_key(table: &FieldTable, row: usize) -> bool {
    let name = table.bytes(row, trail::EVENT_NAME).unwrap_or_default();
    [&b"GenerateDataKey"[..], b"Decrypt", b"Encrypt", b"ReEncrypt"].iter().any(|call| name.starts_with(call))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Block, Segment};
    use crate::parse::s3_access;

    #[test]
    fn only_what_cloudtrail_surely_records_is_compared() {
        for (operation, status, code, expected) in [
            ("REST.GET.OBJECT", "200", "-", true),
            ("REST.PUT.PART", "200", "-", true),
            ("REST.GET.BUCKET", "403", "AccessDenied", true),
            ("REST.GET.OBJECT", "403", "SignatureDoesNotMatch", false),
            ("REST.GET.OBJECT", "307", "TemporaryRedirect", false),
            ("REST.COPY.OBJECT_GET", "200", "-", false),
            ("REST.GET.BUCKETPOLICY", "200", "-", false),
            ("REST.PUT.BUCKET", "200", "-", false),
            ("S3.EXPIRE.OBJECT", "-", "-", false),
            ("BATCH.DELETE.OBJECT", "204", "-", false),
        ] {
            let line = format!(
                "o b [06/Feb/2026:00:00:38 +0000] - - R {operation} k \"GET / HTTP/1.1\" {status} {code} 1 1 1 1 \"-\" \"-\" -\n"
            );
            let segment = Segment { file: "f".into(), start: 0, first_number: 1, first_offset: 0 };
            let block = Block {
                log: LogType::S3Access,
                bytes: line.into_bytes(),
                segments: vec![segment],
                records: vec![],
                framed: 1,
            };
            let (table, _) = s3_access::parse_block(block, &mut Vec::new());
            assert_eq!(is_data_request(&table, 0), expected, "{operation} {status} {code}");
        }
    }
}
