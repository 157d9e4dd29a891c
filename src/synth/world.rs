//! The made-up organisation behind the data: its buckets and the principals that use them.

use std::fmt::Write as _;

use super::agents;
use super::random::Random;

/// The account that owns every bucket.
pub(super) const ACCOUNT: &str = "111122223333";
/// The organisation's canonical user id: field 1 of every access-log line.
pub(super) const OWNER: &str = "3f7a1c0d9be24d5f8a6b70c1e2d3f4a5968778695a4b3c2d1e0ff0e1d2c3b4a5";
const REGIONS: [&str; 3] = ["us-east-1", "us-west-2", "eu-west-1"];
const PURPOSES: [&str; 8] =
    ["datalake", "images", "exports", "backups", "training", "web-assets", "landing-zone", "audit-logs"];
const ROLES: [&str; 12] = [
    "etl-nightly-batch",
    "app-server",
    "spark-emr",
    "athena-analytics",
    "lambda-thumbnailer",
    "ingest-pipeline",
    "backup-agent",
    "AWSReservedSSO_DataScientist_0a1b2c3d4e5f6a7b",
    "glue-crawler",
    "sagemaker-execution-role",
    "deploy-github-actions",
    "report-generator",
];

/// What a bucket is for, which decides who uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usage {
    /// Services deliver logs into it, and hardly anybody else asks for it.
    Logs,
    /// Anybody may read it.
    Public,
    /// The rest.
    Private,
}

impl Usage {
    fn of(purpose: &str) -> Self {
        match purpose {
            "audit-logs" => Usage::Logs,
            "images" | "web-assets" => Usage::Public,
            _ => Usage::Private,
        }
    }
}

/// A bucket and the endpoint that reaches it.
pub(super) struct Bucket {
    pub(super) usage: Usage,
    pub(super) name: String,
    pub(super) region: &'static str,
    pub(super) host: String,
}

/// How a principal appears in the logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A role session: `arn:aws:sts::…:assumed-role/ROLE/SESSION`.
    Role,
    /// An IAM user.
    User,
    /// Another account, seen as its 64-digit canonical id.
    Canonical,
    /// A CloudFront origin access identity, whose name holds spaces.
    CloudFront,
    /// Nobody: `-`.
    Anonymous,
}

/// Someone who sends requests, with everything about them that stays the same.
pub(super) struct Principal {
    pub(super) kind: Kind,
    /// The requester field of the access log, and the ARN in CloudTrail for roles and users.
    pub(super) requester: String,
    /// Name of the role or user; empty for the others.
    pub(super) name: String,
    /// Name of the role session; empty for the others.
    pub(super) session: String,
    /// 17 characters after the four-letter prefix of the principal id.
    pub(super) unique: String,
    /// 16 characters after the four-letter prefix of the access key id.
    pub(super) access_key: String,
    pub(super) agent: &'static str,
    pub(super) addresses: Vec<String>,
    /// Region of the sender if it is inside AWS.
    pub(super) region: Option<&'static str>,
}

impl Principal {
    /// One of the addresses that the principal sends from.
    pub(super) fn address(&self, random: &mut Random) -> &str {
        &self.addresses[random.below(self.addresses.len() as u64) as usize]
    }
}

/// Buckets and principals, most used first.
pub(super) struct World {
    pub(super) buckets: Vec<Bucket>,
    pub(super) principals: Vec<Principal>,
}

impl World {
    /// The world that belongs to a random sequence: 24 buckets and 600 principals.
    pub(super) fn new(random: &mut Random) -> Self {
        let mut buckets = Vec::new();
        for (number, region) in REGIONS.into_iter().enumerate() {
            for purpose in PURPOSES {
                let name = format!("amzn-s3-demo-{purpose}-{}", number + 1);
                let host = format!("{name}.s3.{region}.amazonaws.com");
                buckets.push(Bucket { usage: Usage::of(purpose), name, region, host });
            }
        }
        let principals = (0..600).map(|_| principal(random)).collect();
        Self { buckets, principals }
    }

    /// The number of a bucket that is used so, more likely a busy one.
    pub(super) fn place(&self, random: &mut Random, fits: impl Fn(Usage) -> bool) -> usize {
        loop {
            let place = random.skewed(self.buckets.len() as u64) as usize;
            if fits(self.buckets[place].usage) {
                return place;
            }
        }
    }
}

fn principal(random: &mut Random) -> Principal {
    let kind = random.weighted(&[
        (740, Kind::Role),
        (120, Kind::User),
        (40, Kind::Canonical),
        (40, Kind::CloudFront),
        (60, Kind::Anonymous),
    ]);
    let (name, session) = names(kind, random);
    let requester = match kind {
        Kind::Role => format!("arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session}"),
        Kind::User => format!("arn:aws:iam::{ACCOUNT}:user/{name}"),
        Kind::Canonical => text(random, |random, out| random.hex(out, 64)),
        Kind::CloudFront => {
            let id = text(random, |random, out| random.upper(out, 13));
            format!("arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E{id}")
        }
        Kind::Anonymous => "-".into(),
    };
    let agent = match kind {
        Kind::CloudFront => "Amazon CloudFront",
        Kind::Anonymous => random.pick(&agents::WEB),
        _ => agents::SDK[random.skewed(agents::SDK.len() as u64) as usize],
    };
    let inside = matches!(kind, Kind::Role) && random.chance(700_000);
    let count = random.between(1, 4);
    Principal {
        kind,
        requester,
        name,
        session,
        unique: text(random, |random, out| random.upper(out, 17)),
        access_key: text(random, |random, out| random.upper(out, 16)),
        agent,
        addresses: (0..count).map(|_| address(inside, random)).collect(),
        region: if inside { Some(REGIONS[random.skewed(3) as usize]) } else { None },
    }
}

fn names(kind: Kind, random: &mut Random) -> (String, String) {
    match kind {
        Kind::Role => {
            let role = ROLES[random.skewed(ROLES.len() as u64) as usize];
            let session = match random.below(4) {
                0 => format!("first.last{}@example.com", random.below(40)),
                1 => format!("botocore-session-{}", random.between(1_772_000_000, 1_772_600_000)),
                _ => format!("i-0{}", text(random, |random, out| random.hex(out, 16))),
            };
            (role.into(), session)
        }
        Kind::User => (format!("svc-user-{:02}", random.below(30)), String::new()),
        _ => (String::new(), String::new()),
    }
}

/// An address of the organisation (10/8) or of a range set aside for documentation and benchmarks.
fn address(inside: bool, random: &mut Random) -> String {
    let mut out = String::new();
    let (a, b) = (random.below(256), random.between(1, 254));
    let result = match random.below(8) {
        _ if inside => write!(out, "10.{}.{a}.{b}", random.below(64)),
        0 => write!(out, "2001:db8:{:x}:{:x}::{b:x}", random.below(65_536), a),
        1 => write!(out, "192.0.2.{b}"),
        2 => write!(out, "198.51.100.{b}"),
        3 => write!(out, "203.0.113.{b}"),
        _ => write!(out, "198.{}.{a}.{b}", random.between(18, 19)),
    };
    result.expect("writing to a string cannot fail");
    out
}

/// The text that `append` writes, which must be ASCII.
pub(super) fn text(random: &mut Random, append: impl FnOnce(&mut Random, &mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    append(random, &mut out);
    String::from_utf8(out).expect("alphabets are ASCII")
}
