//! Calls that samples of sequences are made of: each is enough for the rule that it is named after.

use crate::detect::sample_calls::Calls;
use crate::parse::time::{DAY_MS, HOUR_MS};

/// DSC-002: many requests are refused at once.
pub const DENIED_STORM: Calls =
    Calls { name: "GetObject", error_code: "AccessDenied", every_ms: 1000, count: 60, ..Calls::USUAL };

/// DSC-002: the same without credentials.
pub const ANONYMOUS_STORM: Calls = Calls { user: "anonymous", address: "203.0.113.66", ..DENIED_STORM };

/// GET-001: 60 MB are read at once.
pub const READ_MUCH: Calls = Calls {
    name: "GetObject",
    additional: r#"{"bytesTransferredIn":0.0,"bytesTransferredOut":60000000.0}"#,
    ..Calls::USUAL
};

/// GET-014: anybody reads an object.
pub const READ_BY_ANYBODY: Calls =
    Calls { user: "anonymous", address: "203.0.113.66", name: "GetObject", ..Calls::USUAL };

/// DEL-002: twenty versions are deleted.
pub const DELETE_VERSIONS: Calls = Calls {
    name: "DeleteObject",
    parameters: r#"{"bucketName":"reports","key":"2026/{}.csv","versionId":"yn5YAJiwT36Rv78jGYLM71GZumWL.{}"}"#,
    every_ms: 1000,
    count: 20,
    ..Calls::USUAL
};

/// EXP-003: a policy lets anybody read.
pub const OPEN: Calls = Calls {
    name: "PutBucketPolicy",
    parameters: r#"{"bucketName":"reports","policy":"","bucketPolicy":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/*"}]}}"#,
    ..Calls::USUAL
};

/// Former versions are looked up.
pub const LIST_VERSIONS: Calls = Calls {
    name: "ListObjectVersions",
    parameters: r#"{"bucketName":"reports","versions":"","prefix":""}"#,
    ..Calls::USUAL
};

/// RAN-002: an object is copied onto itself under a key of the caller's own.
pub const COPY_SSE_C: Calls = Calls {
    name: "CopyObject",
    parameters: r#"{"bucketName":"reports","key":"2026/{}.csv","x-amz-copy-source":"reports/2026/{}.csv","x-amz-server-side-encryption-customer-algorithm":"AES256"}"#,
    additional: r#"{"SSEApplied":"SSE_C","bytesTransferredIn":0.0}"#,
    ..Calls::USUAL
};

/// RAN-009: a note.
pub const NOTE: Calls =
    Calls { parameters: r#"{"bucketName":"reports","key":"HOW_TO_RECOVER_YOUR_FILES.txt"}"#, ..Calls::USUAL };

/// RAN-010: versioning is suspended.
pub const SUSPEND_VERSIONING: Calls = Calls {
    name: "PutBucketVersioning",
    parameters: r#"{"bucketName":"reports","versioning":"","VersioningConfiguration":{"Status":"Suspended"}}"#,
    ..Calls::USUAL
};

/// RAN-013: all objects are deleted in a week.
pub const EXPIRE_IN_A_WEEK: Calls = Calls {
    name: "PutBucketLifecycle",
    parameters: r#"{"bucketName":"reports","lifecycle":"","LifecycleConfiguration":{"Rule":{"ID":"7-days","Status":"Enabled","Filter":{"Prefix":""},"Expiration":{"Days":7}}}}"#,
    ..Calls::USUAL
};

/// RAN-014: replication is removed.
pub const REMOVE_REPLICATION: Calls = Calls {
    name: "DeleteBucketReplication",
    parameters: r#"{"bucketName":"reports","replication":""}"#,
    ..Calls::USUAL
};

impl Calls {
    /// The same that were refused.
    pub const fn refused(self) -> Calls {
        Calls { error_code: "AccessDenied", ..self }
    }

    /// The same by bob, from elsewhere.
    pub const fn by_bob(self) -> Calls {
        Calls { user: "bob", address: "198.51.100.9", ..self }
    }

    /// The same so many hours later.
    pub const fn after_hours(self, hours: i64) -> Calls {
        Calls { from_ms: self.from_ms + hours * HOUR_MS, ..self }
    }

    /// The same so many days later.
    pub const fn after_days(self, days: i64) -> Calls {
        Calls { from_ms: self.from_ms + days * DAY_MS, ..self }
    }
}

/// A sample of the name that is made of some calls of CloudTrail; those whose names begin with fires must.
macro_rules! made {
    ($name:literal: $($calls:expr),+ $(,)?) => {
        $crate::detect::Sample {
            name: $name,
            logs: $crate::detect::Logs::Made(|| $crate::detect::sample_calls::trail(&[$($calls),+])),
            fires: $name.as_bytes()[0] == b'f',
        }
    };
}
pub(super) use made;
