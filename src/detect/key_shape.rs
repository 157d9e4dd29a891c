//! What a key looks like: the files that AWS services deliver have names of their own.

use memchr::memmem::Finder;

/// Kinds of log files, told by their keys alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyShape {
    /// CloudTrail log file
    /// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html>).
    CloudTrail,
    /// CloudTrail digest file
    /// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html>).
    Digest,
    /// S3 server access log (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html>, "Log object key
    /// format").
    S3Access,
    /// Files of other services below `AWSLogs/ACCOUNT/`: Config, VPC flow logs, load balancers, GuardDuty, WAF.
    OtherService,
    /// Standard log of a CloudFront distribution
    /// (<https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging-legacy-s3.html>, "File
    /// name format").
    CloudFront,
}

impl KeyShape {
    /// Every shape, in the order in which reasons list them.
    pub const ALL: [KeyShape; 5] =
        [KeyShape::CloudTrail, KeyShape::Digest, KeyShape::S3Access, KeyShape::OtherService, KeyShape::CloudFront];

    /// As a noun.
    pub fn name(self) -> &'static str {
        match self {
            KeyShape::CloudTrail => "CloudTrail log files",
            KeyShape::Digest => "CloudTrail digest files",
            KeyShape::S3Access => "S3 server access logs",
            KeyShape::OtherService => "log files of AWS services",
            KeyShape::CloudFront => "CloudFront logs",
        }
    }

    /// A bit of its own, for sets of shapes.
    pub fn bit(self) -> u8 {
        1 << self as u8
    }

    /// Does the file record who did what in the account, or prove that record?
    pub fn is_audit_file(self) -> bool {
        matches!(self, KeyShape::CloudTrail | KeyShape::Digest)
    }
}

/// Tells shapes; holds a prepared search.
#[derive(Debug)]
pub struct KeyShapes {
    aws_logs: Finder<'static>,
}

impl Default for KeyShapes {
    fn default() -> Self {
        KeyShapes { aws_logs: Finder::new("AWSLogs/") }
    }
}

/// Folders below `AWSLogs/ACCOUNT/` that hold logs.
const SERVICES: [&str; 9] = [
    "Config",
    "vpcflowlogs",
    "elasticloadbalancing",
    "GuardDuty",
    "WAFLogs",
    "vpcdnsquerylogs",
    "S3",
    "CloudFront",
    "network-firewall",
];

impl KeyShapes {
    /// The shape of a key, if it is one of a log file.
    pub fn of(&self, key: &[u8]) -> Option<KeyShape> {
        if is_access_log(key) {
            return Some(KeyShape::S3Access);
        }
        if is_cloudfront_log(key) {
            return Some(KeyShape::CloudFront);
        }
        // Most keys hold no such letter, which is told faster than that they do not hold the word.
        memchr::memchr(b'W', key)?;
        let mut places = self.aws_logs.find_iter(key);
        places.find_map(|at| {
            let starts_a_folder = at == 0 || key[at - 1] == b'/';
            let below = || std::str::from_utf8(&key[at + "AWSLogs/".len()..]).ok().and_then(below_aws_logs);
            starts_a_folder.then(below).flatten()
        })
    }
}

/// `[o-ORGANISATION/]ACCOUNT/SERVICE/…`
fn below_aws_logs(path: &str) -> Option<KeyShape> {
    let (first, rest) = path.split_once('/')?;
    let is_organisation = first.strip_prefix("o-").is_some_and(|id| {
        (10..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    });
    let (account, rest) = if is_organisation { rest.split_once('/')? } else { (first, rest) };
    let (service, file) = rest.split_once('/')?;
    if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) || file.is_empty() {
        return None;
    }
    match service {
        "CloudTrail" | "CloudTrail-Insight" | "CloudTrail-NetworkActivity" => Some(KeyShape::CloudTrail),
        "CloudTrail-Digest" => Some(KeyShape::Digest),
        _ => SERVICES.contains(&service).then_some(KeyShape::OtherService),
    }
}

/// `[PREFIX/]2026-03-01-01-02-03-0123456789ABCDEF`
fn is_access_log(key: &[u8]) -> bool {
    const SHAPE: &[u8; 36] = b"0000-00-00-00-00-00-HHHHHHHHHHHHHHHH";
    let Some(start) = key.len().checked_sub(SHAPE.len()) else {
        return false;
    };
    let fits = |(byte, shape): (&u8, &u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        b'H' => byte.is_ascii_digit() || (b'A'..=b'F').contains(byte),
        fixed => byte == fixed,
    };
    key[start..].iter().rev().zip(SHAPE.iter().rev()).all(fits) && (start == 0 || key[start - 1] == b'/')
}

/// `[PREFIX/]E2EXAMPLE1ABCD.2026-03-01-02.0123abcd.gz`: distribution, hour and a hash of eight digits.
fn is_cloudfront_log(key: &[u8]) -> bool {
    // The last two parts have a fixed length, so most files are told apart by their full stops.
    let is_stop = |from_end: usize| key.len().checked_sub(from_end).is_some_and(|at| key[at] == b'.');
    if !(is_stop(".gz".len()) && is_stop(".0123abcd.gz".len()) && is_stop(".2026-03-01-02.0123abcd.gz".len())) {
        return false;
    }
    let Some(rest) = key.strip_suffix(b".gz").and_then(|rest| std::str::from_utf8(rest).ok()) else {
        return false;
    };
    let mut parts = rest[rest.rfind('/').map_or(0, |at| at + 1)..].split('.');
    let (Some(distribution), Some(hour), Some(hash), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let is_hour = |(byte, shape): (u8, &u8)| if *shape == b'-' { byte == b'-' } else { byte.is_ascii_digit() };
    hour.len() == 13
        && hour.bytes().zip(b"0000-00-00-00").all(is_hour)
        && hash.len() == 8
        && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
        && (7..=20).contains(&distribution.len())
        && distribution.starts_with('E')
        && distribution.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// Folders in which engines keep what they delete themselves at the end of a job: Hadoop's and EMR's committers
/// (<https://hadoop.apache.org/docs/stable/hadoop-aws/tools/hadoop-aws/committers.html>), Spark and Hive.
const TEMPORARY_FOLDERS: [&str; 2] = ["_temporary", "_temporary_$folder$"];
const TEMPORARY_STARTS: [&str; 3] = [".spark-staging", ".hive-staging", "__magic"];

/// Does the key lie in a folder for temporary objects of a data engine? Who deletes the data of others cannot choose
/// its keys.
pub fn is_temporary(key: &str) -> bool {
    let starts = memchr::memchr_iter(b'/', key.as_bytes()).map(|slash| slash + 1);
    std::iter::once(0).chain(starts).any(|start| {
        let rest = &key[start..];
        // All of them begin so, and most folders do not.
        if !rest.starts_with(['_', '.']) {
            return false;
        }
        let folder = rest.split('/').next().unwrap_or(rest);
        TEMPORARY_FOLDERS.contains(&folder) || TEMPORARY_STARTS.iter().any(|start| folder.starts_with(start))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_files_are_told_by_their_keys() {
        let shapes = KeyShapes::default();
        let trail = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/01/1_CloudTrail_eu-west-1_x.json.gz";
        for (key, expected) in [
            (trail.to_owned(), Some(KeyShape::CloudTrail)),
            (format!("some/prefix/{trail}"), Some(KeyShape::CloudTrail)),
            (trail.replace("1111", "o-abcdefghij/1111"), Some(KeyShape::CloudTrail)),
            (trail.replace("CloudTrail/", "CloudTrail-Digest/"), Some(KeyShape::Digest)),
            (trail.replace("CloudTrail/", "vpcflowlogs/"), Some(KeyShape::OtherService)),
            (trail.replace("CloudTrail/", "Pictures/"), None),
            (format!("not{trail}"), None),
            (trail.replace("1111", "111"), None),
            ("AWSLogs/111122223333/CloudTrail/".to_owned(), None),
            ("2026-03-01-01-02-03-0123456789ABCDEF".to_owned(), Some(KeyShape::S3Access)),
            ("logs/b/2026-03-01-01-02-03-0123456789ABCDEF".to_owned(), Some(KeyShape::S3Access)),
            ("x2026-03-01-01-02-03-0123456789ABCDEF".to_owned(), None),
            ("2026-03-01-01-02-03-0123456789abcdef".to_owned(), None),
            ("2026-03-01-01-02-03-0123456789ABCDEF.gz".to_owned(), None),
            ("cdn/E2NWXYZ1ABCDEF.2026-05-04-13.0a1b2c3d.gz".to_owned(), Some(KeyShape::CloudFront)),
            ("E2NWXYZ1ABCDEF.2026-05-04-13.0a1b2c3d.gz".to_owned(), Some(KeyShape::CloudFront)),
            ("E2NWXYZ1ABCDEF.2026-05-04-13.0a1b2c3.gz".to_owned(), None),
            ("E2NWXYZ1ABCDEF.2026-05-04.0a1b2c3d.gz".to_owned(), None),
            ("e2nwxyz1abcdef.2026-05-04-13.0a1b2c3d.gz".to_owned(), None),
            ("E2NWXYZ1ABCDEF.2026-05-04-13.0a1b2c3d.x.gz".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(shapes.of(key.as_bytes()), expected, "{key}");
        }
    }

    #[test]
    fn temporary_objects_of_engines_are_told_by_their_folders() {
        for (key, expected) in [
            ("lake/_temporary/0/_temporary/attempt_1/part-0.parquet", true),
            ("lake/_temporary_$folder$", true),
            ("lake/.spark-staging-1b2c/dt=1/part-0.parquet", true),
            ("lake/.hive-staging_hive_2026-03-01/x", true),
            ("lake/__magic_job-1/tasks/x", true),
            ("lake/x_temporary/part-0.parquet", false),
            ("lake/temporary.csv", false),
            ("", false),
        ] {
            assert_eq!(is_temporary(key), expected, "{key}");
        }
    }
}
