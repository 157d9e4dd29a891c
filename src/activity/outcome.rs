//! How it ended: success, denied, throttled or error.

use crate::parse::{FieldTable, LogType, cloudtrail::field as trail, s3_access::field as access};
use serde::{Deserialize, Serialize};

/// How a request ended. Denied and successful calls are never counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// It was done.
    Success,
    /// Refused for want of permission or of a valid signature.
    Denied,
    /// Refused because there were too many.
    Throttled,
    /// Failed otherwise, such as "not found".
    Error,
}

impl Outcome {
    /// The word in the `outcome` column.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::Denied => "denied",
            Outcome::Throttled => "throttled",
            Outcome::Error => "error",
        }
    }
}

/// Codes that mean "slow down"
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>,
/// <https://docs.aws.amazon.com/kms/latest/developerguide/throttling.html>).
const THROTTLED: [&str; 6] = [
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
];

/// Codes that mean it only when KMS says so; elsewhere they are about quotas that no waiting helps
/// (<https://docs.aws.amazon.com/kms/latest/developerguide/throttling.html>).
const THROTTLED_BY_KMS: [&str; 1] = ["LimitExceededException"];

/// Does a code mean that there were too many requests? `by_kms` says whether it is one of KMS, without the `KMS.` that
/// S3 puts before it.
pub fn is_throttling(code: &str, by_kms: bool) -> bool {
    THROTTLED.contains(&code) || (by_kms && THROTTLED_BY_KMS.contains(&code))
}

/// Codes of a refusal beside those that hold `AccessDenied` or `Unauthorized`.
const DENIED: [&str; 11] = [
    "AllAccessDisabled",
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "InvalidSecurity",
    "MethodNotAllowed",
    "NotSignedUp",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
];

/// How a row ended.
pub fn of(table: &FieldTable, row: usize) -> Outcome {
    match table.log {
        LogType::S3Access => of_access(table.bytes(row, access::HTTP_STATUS), table.text(row, access::ERROR_CODE)),
        LogType::CloudTrail => {
            let message = table.text(row, trail::ERROR_MESSAGE);
            let by_kms = table.bytes(row, trail::EVENT_SOURCE) == Some(b"kms.amazonaws.com");
            of_trail(table.text(row, trail::ERROR_CODE), message, by_kms)
        }
    }
}

fn of_access(status: Option<&[u8]>, error_code: Option<&str>) -> Outcome {
    if let Some(outcome) = error_code.and_then(|code| of_code(code, false)) {
        return outcome;
    }
    match status {
        Some(b"401" | b"403") => Outcome::Denied,
        Some([b'2' | b'3', ..]) => Outcome::Success,
        None if error_code.is_none() => Outcome::Success,
        _ => Outcome::Error,
    }
}

/// A failed console sign-in has a message and no code.
fn of_trail(error_code: Option<&str>, error_message: Option<&str>, by_kms: bool) -> Outcome {
    match (error_code, error_message) {
        (Some(code), _) => of_code(code, by_kms).unwrap_or(Outcome::Error),
        (None, Some("Failed authentication")) => Outcome::Denied,
        (None, Some(_)) => Outcome::Error,
        (None, None) => Outcome::Success,
    }
}

fn of_code(code: &str, by_kms: bool) -> Option<Outcome> {
    let behind_s3 = code.strip_prefix("KMS.");
    let plain = behind_s3.unwrap_or(code);
    let plain = plain.strip_prefix("Client.").unwrap_or(plain);
    if is_throttling(plain, by_kms || behind_s3.is_some()) {
        Some(Outcome::Throttled)
    } else if DENIED.contains(&plain) || plain.contains("AccessDenied") || plain.contains("Unauthorized") {
        Some(Outcome::Denied)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_read_from_status_and_code() {
        for (status, code, outcome) in [
            (Some("200"), None, Outcome::Success),
            (Some("304"), None, Outcome::Success),
            (None, None, Outcome::Success),
            (Some("403"), Some("AccessDenied"), Outcome::Denied),
            (Some("400"), Some("ExpiredToken"), Outcome::Denied),
            (Some("503"), Some("SlowDown"), Outcome::Throttled),
            (Some("400"), Some("KMS.ThrottlingException"), Outcome::Throttled),
            (Some("400"), Some("KMS.LimitExceededException"), Outcome::Throttled),
            (Some("400"), Some("KMS.DisabledException"), Outcome::Error),
            (Some("404"), Some("NoSuchKey"), Outcome::Error),
            (Some("500"), Some("InternalError"), Outcome::Error),
        ] {
            assert_eq!(of_access(status.map(str::as_bytes), code), outcome, "{status:?} {code:?}");
        }
        for (code, message, outcome) in [
            (None, None, Outcome::Success),
            (None, Some("Failed authentication"), Outcome::Denied),
            (Some("VpceAccessDenied"), None, Outcome::Denied),
            (Some("Client.UnauthorizedOperation"), None, Outcome::Denied),
            (Some("ThrottlingException"), Some("Rate exceeded"), Outcome::Throttled),
            (Some("NoSuchBucketPolicy"), None, Outcome::Error),
        ] {
            assert_eq!(of_trail(code, message, false), outcome, "{code:?}");
        }
        let exceeded = Some("LimitExceededException");
        assert_eq!(of_trail(exceeded, None, true), Outcome::Throttled);
        assert_eq!(of_trail(exceeded, None, false), Outcome::Error);
    }
}
