//! What the name of a file tells: what it is, which trail it belongs to, and whether it lies where its key says.
//! (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html>)

use super::signatures::SIDECAR;
use crate::parse::time::compact_time;

/// What a file is by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectName<'a> {
    /// `ACCOUNT_CloudTrail-Digest_REGION_TRAIL_HOMEREGION_YYYYMMDDTHHMMSSZ[_backfill].json.gz`.
    Digest(DigestName<'a>),
    /// `ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHMMZ_UNIQUE.json.gz`.
    Log(LogName<'a>),
    /// Anything else.
    Other,
}

/// The parts of a digest's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigestName<'a> {
    /// All before the time: account, region, trail and its home region. Digests with the same are a chain.
    pub chain: &'a str,
    /// The end of the time it covers, in milliseconds since 1970.
    pub end_ms: Option<i64>,
    /// It was made later, for log files that were not digested in time, and is in no chain.
    pub is_backfill: bool,
}

/// The parts of a log's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogName<'a> {
    /// The account whose events it holds.
    pub account_id: &'a str,
    /// Their region.
    pub region: &'a str,
    /// When it was made, in milliseconds since 1970.
    pub time_ms: Option<i64>,
}

const DIGEST: &str = "_CloudTrail-Digest_";
const LOG: &str = "_CloudTrail_";
const BACKFILL: &str = "_backfill";

impl<'a> ObjectName<'a> {
    /// Reads the last part of a path or key.
    pub fn of(path: &'a str) -> ObjectName<'a> {
        let name = Some(base_name(path)).filter(|name| !name.ends_with(SIDECAR));
        let Some(name) = name.and_then(|name| stem(name).strip_suffix(".json")) else {
            return ObjectName::Other;
        };
        if let Some((_, rest)) = name.split_once(DIGEST) {
            let (name, is_backfill) = name.strip_suffix(BACKFILL).map_or((name, false), |name| (name, true));
            let time = rest.strip_suffix(BACKFILL).unwrap_or(rest).rsplit('_').next().unwrap_or_default();
            let end_ms = compact_time(time);
            let chain = end_ms.map_or(name, |_| &name[..name.len() - time.len() - 1]);
            return ObjectName::Digest(DigestName { chain, end_ms, is_backfill });
        }
        let Some((account_id, rest)) = name.split_once(LOG) else { return ObjectName::Other };
        let mut parts = rest.split('_');
        let region = parts.next().unwrap_or_default();
        ObjectName::Log(LogName { account_id, region, time_ms: parts.next().and_then(compact_time) })
    }
}

/// Account and region of a chain.
pub fn account_and_region(chain: &str) -> Option<(&str, &str)> {
    let (account_id, rest) = chain.split_once(DIGEST)?;
    Some((account_id, rest.split('_').next()?))
}

/// The last part of a path or key.
pub fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Copies may have been decompressed: what is before `.gz`.
pub fn stem(name: &str) -> &str {
    name.strip_suffix(".gz").unwrap_or(name)
}

/// Does a file at this path lie where an object of this key is, as far as the path shows? It shows all from `AWSLogs/` on;
/// what is before that is the prefix in the bucket or a folder of whoever made the copy. Where it does not come that far
/// up, it shows the folders of the date, if it has any, and always the name.
pub fn lies_at(path: &str, key: &str) -> bool {
    let (path, key) = (stem(path), stem(key));
    if let (Some(path), Some(key)) = (from_aws_logs(path), from_aws_logs(key)) {
        return path == key;
    }
    let dated = |path: &str| -> bool {
        let folders: Vec<&str> = path.rsplit('/').skip(1).take(3).collect();
        let is_number =
            |folder: &&str, length| folder.len() == length && folder.bytes().all(|b| b.is_ascii_digit());
        matches!(&*folders, [day, month, year] if is_number(day, 2) && is_number(month, 2) && is_number(year, 4))
    };
    let parts = if dated(path) && dated(key) { 4 } else { 1 };
    path.rsplit('/').take(parts).eq(key.rsplit('/').take(parts))
}

fn from_aws_logs(path: &str) -> Option<&str> {
    let at = path.rfind("AWSLogs/")?;
    (at == 0 || path.as_bytes()[at - 1] == b'/').then(|| &path[at..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::time::iso_time;

    const KEY: &str = "audit/AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/01/\
         111122223333_CloudTrail-Digest_us-east-1_my_trail_us-east-1_20260301T020000Z.json.gz";

    #[test]
    fn names_are_read() {
        let hour = iso_time(b"2026-03-01T02:00:00Z");
        let chain = "111122223333_CloudTrail-Digest_us-east-1_my_trail_us-east-1";
        let digest = |end_ms, is_backfill| ObjectName::Digest(DigestName { chain, end_ms, is_backfill });
        let log = |time_ms| ObjectName::Log(LogName { account_id: "111122223333", region: "us-east-1", time_ms });
        for (name, expected) in [
            (KEY.to_owned(), digest(hour, false)),
            (KEY.replace(".json.gz", "_backfill.json.gz"), digest(hour, true)),
            (KEY.replace(".json.gz", ".json"), digest(hour, false)),
            (KEY.replace(".json.gz", ".json.gz.meta.json"), ObjectName::Other),
            (KEY.replace("_20260301T020000Z", ""), digest(None, false)),
            ("a/111122223333_CloudTrail_us-east-1_20260301T0200Z_x.json.gz".to_owned(), log(hour)),
            ("111122223333_CloudTrail_us-east-1_20260341T0200Z_x.json.gz".to_owned(), log(None)),
            ("111122223333_CloudTrail-Insight_us-east-1_20260301T0200Z_x.json.gz".to_owned(), ObjectName::Other),
            (
                "_CloudTrail_.json".to_owned(),
                ObjectName::Log(LogName { account_id: "", region: "", time_ms: None }),
            ),
            (String::new(), ObjectName::Other),
        ] {
            match (ObjectName::of(&name), expected) {
                // Without a time the whole name is the chain.
                (ObjectName::Digest(found), ObjectName::Digest(DigestName { end_ms: None, is_backfill, .. })) => {
                    assert_eq!((found.end_ms, found.is_backfill), (None, is_backfill), "{name}");
                }
                (found, expected) => assert_eq!(found, expected, "{name}"),
            }
        }
        for name in ["é_CloudTrail-Digest_é20260301T02Z.json", "_CloudTrail-Digest_.json.gz"] {
            assert!(matches!(ObjectName::of(name), ObjectName::Digest(DigestName { end_ms: None, .. })), "{name}");
        }
        assert_eq!(account_and_region(chain), Some(("111122223333", "us-east-1")));
        assert_eq!(account_and_region("x"), None);
    }

    #[test]
    fn a_path_is_held_against_what_it_shows_of_the_key() {
        let base = base_name(KEY);
        for (path, expected) in [
            (KEY.to_owned(), true),
            (format!("evidence/case 1/{KEY}"), true),
            (format!("evidence/{}", KEY.strip_prefix("audit/").unwrap()), true),
            (KEY.replace(".json.gz", ".json"), true),
            (KEY.replace("2026/03/01", "2026/03/02"), false),
            (KEY.replace("us-east-1/2026", "eu-west-1/2026"), false),
            (KEY.replace("AWSLogs", "MyAWSLogs").replace("2026/03/01", "2026/03/02"), false),
            (format!("./2026/03/01/{base}"), true),
            (format!("us/2026/03/02/{base}"), false),
            (format!("flat/{base}"), true),
            (base.to_owned(), true),
            (base.replace("020000", "030000"), false),
            ("..".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(lies_at(&path, KEY), expected, "{path}");
        }
        assert!(!lies_at("AWSLogs/a", "../../etc/passwd"));
    }
}
