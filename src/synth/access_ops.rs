//! The operations of an access log and what is typical of each.

use super::random::Random;

/// What happens; some of these write more than one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Get,
    Head,
    Put,
    PutPart,
    List,
    Delete,
    /// One line for the request and one `BATCH.DELETE.OBJECT` line for each key.
    DeleteMany,
    /// One line for the destination and one for the source.
    Copy,
    /// A configuration read such as `REST.GET.LOCATION`.
    Configuration,
    Website,
    /// A log file written by a service.
    Delivery,
    /// A lifecycle action; nobody asked for it.
    Lifecycle,
}

/// Every action with its weight; GET of an object is most of all traffic.
pub(super) const ACTIONS: [(u32, Action); 12] = [
    (580, Action::Get),
    (110, Action::Head),
    (110, Action::Put),
    (40, Action::PutPart),
    (60, Action::List),
    (14, Action::Delete),
    (3, Action::DeleteMany),
    (10, Action::Copy),
    (12, Action::Configuration),
    (14, Action::Website),
    (22, Action::Delivery),
    (25, Action::Lifecycle),
];

/// Operation and query of configuration reads.
pub(super) const CONFIGURATION: [(&str, &str); 8] = [
    ("REST.GET.LOCATION", "?location"),
    ("REST.GET.ACL", "?acl"),
    ("REST.GET.VERSIONING", "?versioning"),
    ("REST.GET.LOGGING_STATUS", "?logging"),
    ("REST.GET.ENCRYPTION", "?encryption"),
    ("REST.GET.PUBLIC_ACCESS_BLOCK", "?publicAccessBlock"),
    ("REST.GET.LIFECYCLE", "?lifecycle"),
    ("REST.GET.BUCKETVERSIONS", "?versions"),
];

/// Lifecycle operations with their weights.
pub(super) const LIFECYCLE: [(u32, &str); 6] = [
    (700, "S3.EXPIRE.OBJECT"),
    (120, "S3.CREATE.DELETEMARKER"),
    (80, "S3.TRANSITION_SIA.OBJECT"),
    (50, "S3.TRANSITION.OBJECT"),
    (30, "S3.TRANSITION_INT.OBJECT"),
    (20, "S3.DELETE.UPLOAD"),
];

/// Services that deliver logs into buckets, as the requester field names them.
pub(super) const SERVICES: [&str; 3] =
    ["svc:delivery.logs.amazonaws.com", "svc:cloudtrail.amazonaws.com", "svc:logging.s3.amazonaws.com"];

/// Status and error code of a read that was allowed.
pub(super) fn read_result(random: &mut Random) -> (&'static str, &'static str) {
    random.weighted(&[
        (780, ("200", "-")),
        (110, ("206", "-")),
        (50, ("304", "-")),
        (52, ("404", "NoSuchKey")),
        (4, ("503", "SlowDown")),
        (2, ("500", "InternalError")),
        (1, ("416", "InvalidRange")),
        (1, ("412", "PreconditionFailed")),
    ])
}

/// Status and error code of a write that was allowed.
pub(super) fn write_result(random: &mut Random) -> (&'static str, &'static str) {
    random.weighted(&[
        (992, ("200", "-")),
        (5, ("503", "SlowDown")),
        (2, ("400", "RequestTimeout")),
        (1, ("500", "-")),
    ])
}

/// Status and error code of a refused request; the caller decides that it is refused.
pub(super) fn refusal(signed: bool, random: &mut Random) -> (&'static str, &'static str) {
    if !signed {
        return ("403", "AccessDenied");
    }
    random.weighted(&[
        (940, ("403", "AccessDenied")),
        (20, ("403", "SignatureDoesNotMatch")),
        (20, ("403", "InvalidAccessKeyId")),
        (20, ("400", "ExpiredToken")),
    ])
}

/// An object size in bytes: mostly kilobytes to megabytes, now and then more than 4 GiB or nothing.
pub(super) fn object_size(random: &mut Random) -> u64 {
    let bits = random.weighted(&[(20, 0), (200, 12), (300, 16), (300, 20), (150, 24), (28, 30), (2, 36)]);
    if bits == 0 { 0 } else { (1 << (bits - 2)) + random.below(1 << bits) }
}
