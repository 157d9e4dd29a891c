//! What the path of a log file tells of the log: AWS writes account and region into the keys of what it delivers.

use super::key::PartitionKey;
use crate::parse::LogType;

/// Account, region and bucket of a log, as far as its path tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogPath<'a> {
    /// Account whose log it is.
    pub account_id: Option<&'a str>,
    /// Region of the log.
    pub region: Option<&'a str>,
    /// Bucket whose requests an access log holds.
    pub bucket: Option<&'a str>,
}

impl<'a> LogPath<'a> {
    /// Reads the path of a file of that log.
    pub fn of(path: &'a str, log: LogType) -> LogPath<'a> {
        match log {
            LogType::S3Access => LogPath::of_access_log(path),
            LogType::CloudTrail => LogPath::of_cloudtrail(path),
        }
    }

    /// Reads the path of an access log in the date-based layout,
    /// `[PREFIX]ACCOUNT/REGION/BUCKET/YYYY/MM/DD/NAME`; the simple layout, `[PREFIX]YYYY-MM-DD-hh-mm-ss-NAME`, tells neither
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html>).
    pub fn of_access_log(path: &'a str) -> LogPath<'a> {
        let mut folders = path.rsplit('/').skip(1);
        let mut is_number = |digits: usize| {
            folders
                .next()
                .is_some_and(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))
        };
        if !(is_number(2) && is_number(2) && is_number(4)) {
            return LogPath::default();
        }
        let bucket = folders.next().filter(|part| PartitionKey::Bucket.allows(part));
        let region = folders.next().filter(|part| PartitionKey::Region.allows(part));
        let account_id = folders.next().and_then(account_at_end);
        match (bucket, region, account_id) {
            (Some(_), Some(_), Some(_)) => LogPath { account_id, region, bucket },
            _ => LogPath::default(),
        }
    }

    /// Reads the path of a file of CloudTrail, `AWSLogs/[ORGANIZATION/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/NAME`, else
    /// its name, `ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHmmZ_RANDOM.json.gz`
    /// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html>).
    pub fn of_cloudtrail(path: &'a str) -> LogPath<'a> {
        let name = path.rsplit('/').next().unwrap_or_default();
        let (mut before, mut named) = ("", LogPath::default());
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            // Also CloudTrail-Insight, CloudTrail-NetworkActivity and what is yet to come.
            if part.starts_with("CloudTrail") && PartitionKey::AccountId.allows(before) {
                named = LogPath { account_id: Some(before), region: parts.peek().copied(), bucket: None };
            }
            before = part;
        }
        let mut words = name.split('_');
        let (account_id, service, region) = (words.next(), words.next(), words.next());
        let in_name = service.is_some_and(|service| service.starts_with("CloudTrail"));
        let first = |folder: Option<&'a str>, word: Option<&'a str>, key: PartitionKey| {
            [folder, word.filter(|_| in_name)].into_iter().flatten().find(|value| key.allows(value))
        };
        LogPath {
            account_id: first(named.account_id, account_id, PartitionKey::AccountId),
            region: first(named.region, region, PartitionKey::Region),
            bucket: None,
        }
    }
}

/// The account at the end of a folder's name: a prefix without a slash stands right before it.
fn account_at_end(folder: &str) -> Option<&str> {
    let at = folder.len().checked_sub(12)?;
    let (prefix, account) = folder.split_at_checked(at)?;
    let is_longer = prefix.ends_with(|last: char| last.is_ascii_digit());
    (!is_longer && PartitionKey::AccountId.allows(account)).then_some(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_and_region_are_read_from_both_layouts_or_not_at_all() {
        let found = |account_id, region| LogPath { account_id, region, bucket: None };
        let both = found(Some("111122223333"), Some("us-east-1"));
        let with_bucket = LogPath { bucket: Some("b-1"), ..both };
        let none = LogPath::default();
        for (path, access, trail) in [
            ("logs/111122223333/us-east-1/b-1/2026/03/01/2026-03-01-00-00-00-0A1B", with_bucket, none),
            ("111122223333/us-east-1/b-1/2026/03/01/x", with_bucket, none),
            ("a.zip/in/app111122223333/us-east-1/b-1/2026/03/01/x.gz", with_bucket, none),
            ("9111122223333/us-east-1/b-1/2026/03/01/x", none, none),
            ("logs/111122223333/us-east-1/b-1/2026/3/01/x", none, none),
            ("logs/111122223333/us-east-1/B_1/2026/03/01/x", none, none),
            ("logs/111122223333/us-east/b-1/2026/03/01/x", none, none),
            ("logs/2026-03-01-00-00-00-0A1B", none, none),
            ("é/us-east-1/b-1/2026/03/01/x", none, none),
            ("", none, none),
            ("AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/x.json.gz", none, both),
            ("p/AWSLogs/o-abc1234567/111122223333/CloudTrail/us-east-1/2026/03/01/x", none, both),
            ("111122223333/CloudTrail-Insight/us-east-1/2026/03/01/x", none, both),
            ("flat/111122223333_CloudTrail_us-east-1_20260301T0000Z_0123456789abcdef.json.gz", none, both),
            ("111122223333/CloudTrail/x.json", none, found(Some("111122223333"), None)),
            (
                "444455556666/CloudTrail/x/111122223333_CloudTrail_us-east-1_2.gz",
                none,
                found(Some("444455556666"), Some("us-east-1")),
            ),
            ("x/CloudTrail/us-east-1/x.json", none, none),
            ("111122223333_us-east-1.json", none, none),
        ] {
            assert_eq!(LogType::ALL.map(|log| LogPath::of(path, log)), [access, trail], "{path}");
        }
    }
}
