//! The company: its account, its buckets, and who uses them.

use crate::synth::random::mix;

/// The company's account.
pub(super) const ACCOUNT: &str = "111122223333";
/// The account of a partner, who reads the shared bucket.
pub(super) const PARTNER: &str = "444455556666";
/// An account that the company has nothing to do with.
pub(super) const STRANGE_ACCOUNT: &str = "777788889999";
/// The canonical user id of the company: field 1 of every line.
pub(super) const OWNER: &str = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be";
pub(super) const REGION: &str = "us-east-1";

/// How a bucket is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    /// SSE-S3, without KMS.
    S3,
    /// SSE-KMS with an S3 Bucket Key: one call of KMS for many requests, in the context of the bucket.
    BucketKey,
    /// SSE-KMS without one: a call for each request, in the context of the object.
    ObjectKeys,
}

/// A bucket. All have server access logging.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    pub(super) name: &'static str,
    /// Does the trail hold its data events?
    pub(super) data_events: bool,
    pub(super) encryption: Encryption,
    /// Is versioning on?
    pub(super) keeps_versions: bool,
}

const fn bucket(name: &'static str, data_events: bool, encryption: Encryption) -> Bucket {
    Bucket { name, data_events, encryption, keeps_versions: false }
}

/// Customers' profiles and scanned documents.
pub(super) static CUSTOMERS: Bucket = bucket("example-customer-data", true, Encryption::BucketKey);
/// Pictures of the shop, with uploads.
pub(super) static MEDIA: Bucket = bucket("example-shop-media", false, Encryption::S3);
/// The data lake of the nightly jobs.
pub(super) static LAKE: Bucket = bucket("example-data-lake", true, Encryption::ObjectKeys);
/// Office documents, backed up every night.
pub(super) static DOCUMENTS: Bucket = bucket("example-documents", false, Encryption::S3);
/// What the content network reads.
pub(super) static ASSETS: Bucket = bucket("example-web-assets", false, Encryption::S3);
/// The public website.
pub(super) static WWW: Bucket = bucket("example-www-public", false, Encryption::S3);
/// What the partner fetches.
pub(super) static SHARE: Bucket = bucket("example-partner-share", true, Encryption::S3);
/// State of the infrastructure code.
pub(super) static STATE: Bucket = bucket("example-infra-state", true, Encryption::S3);
/// Logs of the trail and of S3.
pub(super) static LOGS: Bucket = bucket("example-org-logs", true, Encryption::S3);

/// Invoices of customers.
pub(super) static INVOICES: Bucket = bucket("example-invoices", true, Encryption::BucketKey);
/// Files of the personnel office.
pub(super) static PERSONNEL: Bucket = bucket("example-personnel", true, Encryption::S3);
/// Dumps of databases.
pub(super) static DUMPS: Bucket = bucket("example-database-dumps", true, Encryption::S3);
/// Measurements of the laboratory.
pub(super) static RESEARCH: Bucket = bucket("example-research", true, Encryption::S3);
/// What customers download by URLs that are good for a while.
pub(super) static DOWNLOADS: Bucket = bucket("example-downloads", true, Encryption::S3);
/// Trained models.
pub(super) static MODELS: Bucket = bucket("example-models", true, Encryption::S3);

/// Backups of the demonstration, with versions.
pub(super) static BACKUPS: Bucket =
    Bucket { keeps_versions: true, ..bucket("example-backups", true, Encryption::S3) };

/// Every bucket of the ten days.
pub(super) static BUCKETS: [&Bucket; 15] = [
    &CUSTOMERS, &MEDIA, &LAKE, &DOCUMENTS, &ASSETS, &WWW, &SHARE, &STATE, &LOGS, &INVOICES, &PERSONNEL, &DUMPS,
    &RESEARCH, &DOWNLOADS, &MODELS,
];

impl Bucket {
    /// The host that reaches it.
    pub(super) fn host(&self) -> String {
        format!("{}.s3.{REGION}.amazonaws.com", self.name)
    }

    pub(super) fn arn(&self) -> String {
        format!("arn:aws:s3:::{}", self.name)
    }

    /// Its key in KMS.
    pub(super) fn key_arn(&self) -> String {
        let unique = mix(self.name.len() as u64) >> 16;
        format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-{unique:012x}")
    }
}

/// What an actor is to AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ActorKind {
    /// A role of the company, through sessions.
    Role,
    /// An IAM user of the company.
    User,
    /// A role of another account.
    ForeignRole(&'static str),
    /// A CloudFront origin access identity.
    Identity,
    /// An AWS service.
    Service,
    /// The lifecycle of S3.
    Lifecycle,
    /// Nobody.
    Anonymous,
}

/// Somebody who sends requests.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Actor {
    pub(super) kind: ActorKind,
    pub(super) name: &'static str,
    /// Position in the list of SDKs' user agents.
    pub(super) agent: usize,
}

const fn actor(kind: ActorKind, name: &'static str, agent: usize) -> Actor {
    Actor { kind, name, agent }
}

pub(super) static CUSTOMER_API: Actor = actor(ActorKind::Role, "customer-api", 4);
pub(super) static WEB_SHOP: Actor = actor(ActorKind::Role, "web-shop", 1);
pub(super) static ETL: Actor = actor(ActorKind::Role, "etl-nightly", 7);
pub(super) static BACKUP: Actor = actor(ActorKind::Role, "backup-agent", 3);
pub(super) static REINDEX: Actor = actor(ActorKind::Role, "reindex-batch", 0);
pub(super) static SIEM: Actor = actor(ActorKind::Role, "siem-collector", 3);
pub(super) static TERRAFORM: Actor = actor(ActorKind::Role, "terraform", 10);
pub(super) static ANALYST: Actor = actor(ActorKind::User, "dana.analyst", 5);
pub(super) static ADMIN: Actor = actor(ActorKind::User, "bob.admin", 11);
pub(super) static CI: Actor = actor(ActorKind::User, "ci-deploy", 3);
pub(super) static BILLING: Actor = actor(ActorKind::Role, "billing-api", 1);
pub(super) static INVOICE_SYNC: Actor = actor(ActorKind::User, "invoice-sync", 3);
pub(super) static PERSONNEL_PORTAL: Actor = actor(ActorKind::Role, "personnel-portal", 8);
pub(super) static PERSONNEL_IMPORT: Actor = actor(ActorKind::User, "personnel-import", 3);
pub(super) static DUMPER: Actor = actor(ActorKind::Role, "database-dumper", 3);
pub(super) static DATABASE_ADMIN: Actor = actor(ActorKind::User, "gil.databases", 5);
pub(super) static LABORATORY: Actor = actor(ActorKind::Role, "laboratory-upload", 4);
pub(super) static RESEARCHER: Actor = actor(ActorKind::User, "frank.research", 5);
pub(super) static COLLEAGUE: Actor = actor(ActorKind::User, "erin.research", 5);
pub(super) static SIGNER: Actor = actor(ActorKind::User, "download-signer", 0);
pub(super) static TRAINER: Actor = actor(ActorKind::Role, "model-trainer", 3);
pub(super) static MODEL_ENGINEER: Actor = actor(ActorKind::User, "eve.models", 5);
pub(super) static RECORDS: Actor = actor(ActorKind::User, "records-tool", 8);
pub(super) static CONTRACTOR: Actor = actor(ActorKind::User, "hal.contractor", 11);
pub(super) static DATA_OWNER: Actor = actor(ActorKind::User, "carol.sharing", 11);
pub(super) static SHIPPER: Actor = actor(ActorKind::User, "application-log-shipper", 2);
/// A role of the account that nobody knows.
pub(super) static COPIER: Actor = actor(ActorKind::ForeignRole(STRANGE_ACCOUNT), "transfer-worker", 5);
/// Nobody has seen this user before the incident.
pub(super) static STRANGER: Actor = actor(ActorKind::User, "svc-support-tmp", 5);
pub(super) static PARTNER_SYNC: Actor = actor(ActorKind::ForeignRole(PARTNER), "nightly-sync", 5);
pub(super) static CDN_IDENTITY: Actor = actor(ActorKind::Identity, "E2ABCDEF1EXAMPLE", 0);
pub(super) static CDN: Actor = actor(ActorKind::Service, "cloudfront.amazonaws.com", 0);
pub(super) static CLOUDTRAIL: Actor = actor(ActorKind::Service, "cloudtrail.amazonaws.com", 0);
pub(super) static DELIVERY: Actor = actor(ActorKind::Service, "delivery.logs.amazonaws.com", 0);
pub(super) static LIFECYCLE: Actor = actor(ActorKind::Lifecycle, "AmazonS3", 0);
pub(super) static VISITOR: Actor = actor(ActorKind::Anonymous, "", 0);

impl Actor {
    /// The name that alerts use.
    pub(super) fn principal(&self) -> String {
        match self.kind {
            ActorKind::Role => format!("arn:aws:iam::{ACCOUNT}:role/{}", self.name),
            ActorKind::User => format!("arn:aws:iam::{ACCOUNT}:user/{}", self.name),
            ActorKind::ForeignRole(account) => format!("arn:aws:iam::{account}:role/{}", self.name),
            ActorKind::Identity => self.requester(""),
            ActorKind::Service | ActorKind::Lifecycle => self.name.to_owned(),
            ActorKind::Anonymous => "anonymous".to_owned(),
        }
    }

    /// The requester field of an access log for a session.
    pub(super) fn requester(&self, session: &str) -> String {
        let name = self.name;
        match self.kind {
            ActorKind::Role => format!("arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{session}"),
            ActorKind::ForeignRole(account) => format!("arn:aws:sts::{account}:assumed-role/{name}/{session}"),
            ActorKind::User => format!("arn:aws:iam::{ACCOUNT}:user/{name}"),
            ActorKind::Identity => {
                format!("arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity {name}")
            }
            ActorKind::Service => format!("svc:{name}"),
            ActorKind::Lifecycle => name.to_owned(),
            ActorKind::Anonymous => "-".to_owned(),
        }
    }
}
