//! What a scenario is made of.

/// The attacks and outages that a scenario can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IncidentKind {
    /// An intruder deletes CloudTrail log files and digests.
    LogDeletion,
    /// A lifecycle rule of a few days is set on the log bucket, and logs expire.
    LogExpiration,
    /// Objects are copied onto themselves with a key that only the attacker has (SSE-C).
    SseCRansomware,
    /// Objects are copied onto themselves with a KMS key of another account.
    KmsRansomware,
    /// Database dumps are read, deleted, and a note is left.
    Extortion,
    /// Versions are listed and deleted for good.
    VersionPurge,
    /// A bucket is opened to everybody and then downloaded by addresses that nobody knows.
    PublicScrape,
    /// The session of an application's role is used from a foreign address to read customer data.
    StolenRole,
    /// An employee takes what is there to take.
    InsiderDownload,
    /// A URL that is good for seven days goes around.
    PresignedLeak,
    /// A bucket policy lets in another account, which copies objects.
    CrossAccountCopy,
    /// A scanner tries buckets and names.
    Enumeration,
    /// A job exceeds the request quota of KMS.
    KmsStorm,
    /// A trail is tampered with, and then a bucket is read.
    TrailTampering,
    /// Log objects are overwritten.
    ForgedLogs,
}

impl IncidentKind {
    /// Every kind.
    pub const ALL: [IncidentKind; 15] = [
        IncidentKind::LogDeletion,
        IncidentKind::LogExpiration,
        IncidentKind::SseCRansomware,
        IncidentKind::KmsRansomware,
        IncidentKind::Extortion,
        IncidentKind::VersionPurge,
        IncidentKind::PublicScrape,
        IncidentKind::StolenRole,
        IncidentKind::InsiderDownload,
        IncidentKind::PresignedLeak,
        IncidentKind::CrossAccountCopy,
        IncidentKind::Enumeration,
        IncidentKind::KmsStorm,
        IncidentKind::TrailTampering,
        IncidentKind::ForgedLogs,
    ];

    /// The word in labels and options.
    pub fn name(self) -> &'static str {
        match self {
            IncidentKind::LogDeletion => "log_deletion",
            IncidentKind::LogExpiration => "log_expiration",
            IncidentKind::SseCRansomware => "sse_c_ransomware",
            IncidentKind::KmsRansomware => "kms_ransomware",
            IncidentKind::Extortion => "extortion",
            IncidentKind::VersionPurge => "version_purge",
            IncidentKind::PublicScrape => "public_scrape",
            IncidentKind::StolenRole => "stolen_role",
            IncidentKind::InsiderDownload => "insider_download",
            IncidentKind::PresignedLeak => "presigned_leak",
            IncidentKind::CrossAccountCopy => "cross_account_copy",
            IncidentKind::Enumeration => "enumeration",
            IncidentKind::KmsStorm => "kms_storm",
            IncidentKind::TrailTampering => "trail_tampering",
            IncidentKind::ForgedLogs => "forged_logs",
        }
    }

    /// The kind of that name.
    pub fn parse(text: &str) -> Option<IncidentKind> {
        IncidentKind::ALL.into_iter().find(|kind| kind.name() == text)
    }
}

/// How plain the incidents of a scenario are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Intensity {
    /// Much in minutes.
    #[default]
    High,
    /// Some in hours.
    Medium,
    /// A little over most of a day or more, and without what is not necessary.
    Low,
}

impl Intensity {
    /// Every one, plainest first.
    pub const ALL: [Intensity; 3] = [Intensity::High, Intensity::Medium, Intensity::Low];

    /// The word in labels and options.
    pub fn name(self) -> &'static str {
        match self {
            Intensity::High => "high",
            Intensity::Medium => "medium",
            Intensity::Low => "low",
        }
    }

    /// The intensity of that name.
    pub fn parse(text: &str) -> Option<Intensity> {
        Intensity::ALL.into_iter().find(|intensity| intensity.name() == text)
    }

    /// The value that belongs to it, of those for high, medium and low.
    pub(super) fn of<T>(self, [high, medium, low]: [T; 3]) -> T {
        match self {
            Intensity::High => high,
            Intensity::Medium => medium,
            Intensity::Low => low,
        }
    }
}

/// Everything that decides the bytes of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioOptions {
    /// Start of the random sequences.
    pub seed: u64,
    /// About how many records of benign traffic; about 130,000 come out at least, as jobs and log delivery have a size
    /// of their own. Meant for up to a million: everything is held in memory.
    pub events: u64,
    /// What happens besides.
    pub incidents: Vec<IncidentKind>,
    /// How plainly.
    pub intensity: Intensity,
}

impl Default for ScenarioOptions {
    fn default() -> Self {
        Self { seed: 1, events: 140_000, incidents: IncidentKind::ALL.to_vec(), intensity: Intensity::High }
    }
}

impl ScenarioOptions {
    /// About `events` records in which nothing is to be found.
    pub fn benign(seed: u64, events: u64) -> Self {
        Self { seed, events, incidents: Vec::new(), ..Self::default() }
    }
}
