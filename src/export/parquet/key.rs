//! What exports can be partitioned by, and which values may become a folder.

use crate::error::Error;
use crate::parse::time::iso_date;
use std::str::FromStr;

/// What the folder of a partition is called whose rows have no value.
pub const DEFAULT_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// The partition column that most exports have.
pub const DATE_KEY: &str = "event_date";

/// The date as Security Lake wants it: `20260301`.
pub const LAKE_DATE_KEY: &str = "eventDay";

/// A partition column. Its name is also that of the column that files do not have then: engines refuse a column that
/// stands twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartitionKey {
    /// Account whose log it is.
    AccountId,
    /// Region of the bucket (access log) or of the call (CloudTrail).
    Region,
    /// Bucket of the request.
    Bucket,
    /// UTC date of the event.
    EventDate,
    /// The account under the name that Security Lake wants.
    LakeAccountId,
    /// The date under the name and in the form that Security Lake wants.
    LakeEventDay,
}

impl PartitionKey {
    /// Every key, in the order in which they are listed everywhere.
    pub const ALL: [PartitionKey; 6] = [
        PartitionKey::AccountId,
        PartitionKey::Region,
        PartitionKey::Bucket,
        PartitionKey::EventDate,
        PartitionKey::LakeAccountId,
        PartitionKey::LakeEventDay,
    ];

    /// The keys of a custom source of Security Lake, in the order and case that it demands
    /// (<https://docs.aws.amazon.com/security-lake/latest/userguide/custom-sources.html>).
    pub const SECURITY_LAKE: [PartitionKey; 3] =
        [PartitionKey::Region, PartitionKey::LakeAccountId, PartitionKey::LakeEventDay];

    /// The name in options and folders.
    pub const fn name(self) -> &'static str {
        match self {
            PartitionKey::AccountId => "account_id",
            PartitionKey::Region => "region",
            PartitionKey::Bucket => "bucket",
            PartitionKey::EventDate => DATE_KEY,
            PartitionKey::LakeAccountId => "accountId",
            PartitionKey::LakeEventDay => LAKE_DATE_KEY,
        }
    }

    /// Does it stand for the date of the event?
    pub const fn is_date(self) -> bool {
        matches!(self, PartitionKey::EventDate | PartitionKey::LakeEventDay)
    }

    /// May the value name a folder? Only what AWS can have named so: no value leads out of a folder, is hidden, or needs
    /// an escape in a path or a statement.
    pub fn allows(self, value: &str) -> bool {
        match self {
            PartitionKey::AccountId | PartitionKey::LakeAccountId => is_account_id(value),
            PartitionKey::Region => is_region(value),
            PartitionKey::Bucket => is_bucket(value),
            PartitionKey::EventDate => iso_date(value.as_bytes()).is_some(),
            PartitionKey::LakeEventDay => lake_date(value).is_some(),
        }
    }
}

impl FromStr for PartitionKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<PartitionKey, Error> {
        let found = PartitionKey::ALL.into_iter().find(|key| key.name() == text);
        let names = || PartitionKey::ALL.map(PartitionKey::name).join(", ");
        found.ok_or_else(|| Error::Usage(format!("unknown partition key {text:?}: {}", names())))
    }
}

/// `20260301` in milliseconds since 1970 UTC.
pub(crate) fn lake_date(value: &str) -> Option<i64> {
    if value.len() != 8 || !value.is_ascii() {
        return None;
    }
    iso_date(format!("{}-{}-{}", &value[..4], &value[4..6], &value[6..]).as_bytes())
}

/// `^\d{12}$`
fn is_account_id(value: &str) -> bool {
    value.len() == 12 && value.bytes().all(|byte| byte.is_ascii_digit())
}

/// `^[a-z]{2}(-[a-z]+)+-\d$`
fn is_region(value: &str) -> bool {
    let Some((places, number)) = value.rsplit_once('-') else { return false };
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let mut words = places.split('-');
    // The longest there is has 16 bytes; the bound keeps names of folders short.
    value.len() <= 32
        && number.len() == 1
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && words.next().is_some_and(|first| first.len() == 2 && is_word(first))
        && places.len() > 2
        && words.all(is_word)
}

/// `^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`, without two dots side by side
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>).
fn is_bucket(value: &str) -> bool {
    let is_inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    let is_outer = |byte: Option<&u8>| byte.is_some_and(|byte| is_inner(byte) && byte.is_ascii_alphanumeric());
    let bytes = value.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(is_inner)
        && is_outer(bytes.first())
        && is_outer(bytes.last())
        && !value.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_aws_can_have_named_so_may_name_a_folder() {
        use PartitionKey::{AccountId, Bucket, EventDate, LakeAccountId, LakeEventDay, Region};
        let long = "a".repeat(64);
        for (key, value, allowed) in [
            (AccountId, "111122223333", true),
            (AccountId, "11112222333", false),
            (AccountId, "1111222233334", false),
            (AccountId, "11112222333a", false),
            (AccountId, "anonymous", false),
            (AccountId, "１１１１２２２２３３３３", false),
            (Region, "us-east-1", true),
            (Region, "us-gov-west-1", true),
            (Region, "ap-southeast-7", true),
            (Region, "us-1", false),
            (Region, "us--1", false),
            (Region, "us-east-10", false),
            (Region, "US-east-1", false),
            (Region, "../east-1", false),
            (Region, "us-east-1/..", false),
            (Bucket, "amzn-s3-demo-bucket", true),
            (Bucket, "a.b.c", true),
            (Bucket, "ab", false),
            (Bucket, &long, false),
            (Bucket, &long[1..], true),
            (Bucket, "Upper-Case", false),
            (Bucket, "under_score", false),
            (Bucket, ".hidden", false),
            (Bucket, "trailing.", false),
            (Bucket, "-dash", false),
            (Bucket, "a..b", false),
            (Bucket, "..", false),
            (Bucket, "../../etc", false),
            (Bucket, "a/b", false),
            (Bucket, "a\0b", false),
            (Bucket, "a%2fb", false),
            (Bucket, "caf\u{e9}", false),
            (EventDate, "2026-03-01", true),
            (EventDate, "2026-03-32", false),
            (EventDate, "20260301", false),
            (LakeAccountId, "111122223333", true),
            (LakeAccountId, "external_1", false),
            (LakeEventDay, "20260301", true),
            (LakeEventDay, "20260332", false),
            (LakeEventDay, "2026-03-01", false),
            (LakeEventDay, "2026-3-1", false),
            (LakeEventDay, "202603\u{e9}", false),
        ] {
            assert_eq!(key.allows(value), allowed, "{} {value:?}", key.name());
        }
    }
}
