//! Where a row belongs: account, region and bucket.

use super::Place;
use super::delay::delivered_s;
use super::kind::LogKind;
use crate::activity::region_of_access;
use crate::export::{LogPath, PartitionKey};
use crate::parse::cloudtrail::for_each_resource;
use crate::parse::{FieldTable, LogType, cloudtrail::field as trail, s3_access::field as access};
use serde::Serialize;

/// What the path of a file tells of its rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileFacts<'a> {
    /// Account, region and bucket.
    pub path: LogPath<'a>,
    /// When the file was delivered, seconds since 1970.
    pub delivered_s: Option<i64>,
}

impl<'a> FileFacts<'a> {
    /// Of a file of that log.
    pub fn of(path: &'a str, log: LogType) -> FileFacts<'a> {
        FileFacts { path: LogPath::of(path, log), delivered_s: delivered_s(path, log) }
    }
}

/// Account, region and bucket of a row, as far as they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowPlace<'a> {
    /// Account whose log it is.
    pub account_id: Option<&'a str>,
    /// Region of the bucket or of the call.
    pub region: Option<&'a str>,
    /// Bucket that the row is about.
    pub bucket: Option<&'a str>,
}

impl<'a> RowPlace<'a> {
    /// The place of a row. A CloudTrail event names a bucket only if there is surely such a one: whoever guesses names
    /// of buckets makes failing calls.
    pub fn of(table: &'a FieldTable, row: usize, kind: LogKind, path: LogPath<'a>) -> RowPlace<'a> {
        match table.log {
            LogType::S3Access => RowPlace {
                account_id: path.account_id,
                region: path.region,
                bucket: table.text(row, access::BUCKET_NAME).filter(|name| !name.is_empty()).or(path.bucket),
            },
            LogType::CloudTrail => {
                let field = |field, key: PartitionKey| table.text(row, field).filter(|text| key.allows(text));
                let code = table.bytes(row, trail::ERROR_CODE);
                let is_there = match kind {
                    LogKind::DataEvents => !matches!(code, Some(b"NoSuchBucket" | b"InvalidBucketName")),
                    _ => code.is_none(),
                };
                RowPlace {
                    account_id: field(trail::RECIPIENT_ACCOUNT_ID, PartitionKey::AccountId).or(path.account_id),
                    region: field(trail::AWS_REGION, PartitionKey::Region).or(path.region),
                    bucket: table.text(row, trail::S3_BUCKET).filter(|name| is_there && !name.is_empty()),
                }
            }
        }
    }
}

/// Where: an account and region as a whole, or a bucket.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Where {
    /// Account whose logs these are; null if neither records nor paths tell.
    pub account_id: Option<String>,
    /// Region.
    pub region: Option<String>,
    /// Bucket; null for the whole of account and region, all its buckets included.
    pub bucket: Option<String>,
}

impl Where {
    /// Where that place is.
    pub fn of(place: &Place) -> Where {
        let Place { account_id, region, bucket, .. } = place;
        Where { account_id: account_id.clone(), region: region.clone(), bucket: bucket.clone() }
    }
}

/// Does a data event say that its bucket belongs to this account?
pub fn names_owner(table: &FieldTable, row: usize, account_id: &str) -> bool {
    let mut is_owner = false;
    for_each_resource(table.bytes(row, trail::RESOURCES).unwrap_or_default(), |resource| {
        let is_bucket = resource.resource_type.as_deref() == Some("AWS::S3::Bucket");
        is_owner |= is_bucket && resource.account_id.as_deref() == Some(account_id);
    });
    is_owner
}

/// The region that the endpoint of an access line names, if it surely is the bucket's: S3 redirects other requests.
pub fn region_of_success(table: &FieldTable, row: usize) -> Option<&str> {
    let is_done = matches!(table.bytes(row, access::HTTP_STATUS), Some([b'2', ..]));
    region_of_access(table, row).filter(|region| is_done && PartitionKey::Region.allows(region))
}
