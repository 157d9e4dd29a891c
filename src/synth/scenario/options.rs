//! What a scenario is made of.

/// The attacks and outages that a scenario can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IncidentKind {
    /// Somebody deletes CloudTrail log files and digests.
    LogDeletion,
    /// A lifecycle rule of a day is set on the log bucket, and logs a day or two old expire.
    LogExpiration,
    /// A stolen role session downloads customer data from a foreign address.
    BulkDownload,
    /// The public website's bucket is listed and downloaded by one address.
    PublicScrape,
    /// A job exceeds the request quota of KMS.
    KmsStorm,
}

impl IncidentKind {
    /// Every kind.
    pub const ALL: [IncidentKind; 5] = [
        IncidentKind::LogDeletion,
        IncidentKind::LogExpiration,
        IncidentKind::BulkDownload,
        IncidentKind::PublicScrape,
        IncidentKind::KmsStorm,
    ];
}

/// Everything that decides the bytes of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioOptions {
    /// Start of the random sequences.
    pub seed: u64,
    /// About how many records of benign traffic; about 100,000 come out at least, as jobs and log delivery have a size
    /// of their own. Meant for up to a million: everything is held in memory.
    pub events: u64,
    /// What happens besides.
    pub incidents: Vec<IncidentKind>,
}

impl Default for ScenarioOptions {
    fn default() -> Self {
        Self { seed: 1, events: 120_000, incidents: IncidentKind::ALL.to_vec() }
    }
}

impl ScenarioOptions {
    /// About `events` records in which nothing is to be found.
    pub fn benign(seed: u64, events: u64) -> Self {
        Self { seed, events, incidents: Vec::new() }
    }
}
