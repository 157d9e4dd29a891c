//! What a baseline counts by.

use super::DAY_HOURS;

/// How many [`Dimension`]s there are.
pub const DIMENSIONS: usize = Dimension::ALL.len();

/// What entries are counted by. The numbers are those of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Dimension {
    /// Caller; with the hours of the week.
    Principal = 0,
    /// Bucket.
    Bucket = 1,
    /// Bucket, and the first part of the key up to `/`.
    Prefix = 2,
    /// Address.
    Address = 3,
    /// Caller and bucket, by hour.
    PrincipalBucket = 4,
    /// Caller and network of its addresses.
    PrincipalNetwork = 5,
    /// Caller and family of the user agent.
    PrincipalUserAgent = 6,
    /// Caller and action of a service.
    PrincipalAction = 7,
}

impl Dimension {
    /// All, in the order of their numbers.
    pub const ALL: [Dimension; 8] = [
        Dimension::Principal,
        Dimension::Bucket,
        Dimension::Prefix,
        Dimension::Address,
        Dimension::PrincipalBucket,
        Dimension::PrincipalNetwork,
        Dimension::PrincipalUserAgent,
        Dimension::PrincipalAction,
    ];

    /// The name in outputs.
    pub fn name(self) -> &'static str {
        match self {
            Dimension::Principal => "principal",
            Dimension::Bucket => "bucket",
            Dimension::Prefix => "prefix",
            Dimension::Address => "address",
            Dimension::PrincipalBucket => "principal_bucket",
            Dimension::PrincipalNetwork => "principal_network",
            Dimension::PrincipalUserAgent => "principal_user_agent",
            Dimension::PrincipalAction => "principal_action",
        }
    }

    /// Bytes of a dimension: one with many entries pushes out only its own.
    pub fn budget(self) -> usize {
        match self {
            Dimension::PrincipalBucket => 24 << 20,
            _ => 8 << 20,
        }
    }

    /// Hours that are counted as one as long as there is room.
    pub fn grain_hours(self) -> u32 {
        if self == Dimension::PrincipalBucket { 1 } else { DAY_HOURS }
    }

    /// Are the hours of the week counted?
    pub fn has_hours_of_week(self) -> bool {
        self == Dimension::Principal
    }
}
