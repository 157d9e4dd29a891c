//! Which buckets hold logs, by what the input shows.

use crate::detect::alert::{Confidence, Severity};
use crate::detect::codes::Act;
use crate::detect::key_shape::KeyShape;
use crate::detect::sight::Sight;
use serde::{Deserialize, Serialize};

/// Why a bucket counts as a log bucket; the strongest reason first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The configuration lists it.
    Listed,
    /// A trail, a flow log or the like is set up to deliver into it.
    Setting,
    /// An AWS service delivers logs into it.
    Delivery,
    /// A service checks its ACL before delivering, as CloudTrail does.
    AclCheck,
}

/// AWS services that deliver logs into buckets, without `.amazonaws.com`
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-S3.html>).
const DELIVERING_SERVICES: [&str; 5] = ["cloudtrail", "delivery.logs", "config", "logging.s3", "guardduty"];

/// Canonical ids with which S3 and CloudFront deliver logs where no service principal is logged
/// (<https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/AccessLogs.html>).
const DELIVERING_ACCOUNTS: [&str; 2] = [
    "c4c1ede66af53448b93c283ce9448c4ba468c9432aa01d700d3878632f77d2d0",
    "3272ee65a908a7677109fedda345db8d9554ba26398b2ca10581de88777e2b61",
];

/// Is this caller an AWS service that delivers logs? The name is that of either log, or of `invoked_by`.
pub fn is_delivering(caller: &str) -> bool {
    let name = caller.strip_prefix("svc:").unwrap_or(caller);
    DELIVERING_ACCOUNTS.contains(&name)
        || name.strip_suffix(".amazonaws.com").is_some_and(|service| DELIVERING_SERVICES.contains(&service))
}

/// What was seen of a bucket, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Signs {
    shapes: u8,
    whys: u8,
}

impl Signs {
    pub(super) fn add(&mut self, why: Why) {
        self.whys |= 1 << why as u8;
    }

    fn has(self, why: Why) -> bool {
        self.whys & 1 << why as u8 != 0
    }

    /// Takes a request that was done.
    pub(super) fn see(&mut self, sight: &Sight<'_>) {
        if let Some(shape) = sight.shape {
            self.shapes |= shape.bit();
        }
        match sight.act {
            Act::Write if sight.by_delivery => self.add(Why::Delivery),
            Act::Settings if sight.by_delivery && sight.key == 0 => self.add(Why::AclCheck),
            _ => {}
        }
    }

    pub(super) fn merge(&mut self, other: Signs) {
        self.shapes |= other.shapes;
        self.whys |= other.whys;
    }

    pub(super) fn verdict(mut self, is_listed: bool) -> Option<LogBucket> {
        if is_listed {
            self.add(Why::Listed);
        }
        (self.whys | self.shapes != 0).then_some(LogBucket { signs: self })
    }
}

/// A bucket that counts as one that holds logs, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogBucket {
    signs: Signs,
}

impl LogBucket {
    /// Does it rest on the shape of keys alone, which any caller who may write can plant?
    pub fn is_planted_easily(self) -> bool {
        self.signs.whys == 0
    }

    /// How sure it is.
    pub fn confidence(self) -> Confidence {
        if self.is_planted_easily() { Confidence::Low } else { Confidence::High }
    }

    /// A level, at most medium for what a caller could have planted.
    pub fn at_most(self, severity: Severity) -> Severity {
        if self.is_planted_easily() { severity.min(Severity::Medium) } else { severity }
    }

    /// Why, one sentence each.
    pub fn reasons(self) -> Vec<String> {
        let mut reasons: Vec<String> = [
            (Why::Listed, "The configuration lists the bucket under log_buckets."),
            (Why::Setting, "A trail or another log is set up to be delivered into the bucket."),
            (Why::Delivery, "An AWS service that delivers logs writes into the bucket."),
            (Why::AclCheck, "An AWS service that delivers logs checks the bucket's ACL, as before a delivery."),
        ]
        .into_iter()
        .filter(|(why, _)| self.signs.has(*why))
        .map(|(_, reason)| reason.to_owned())
        .collect();
        let shapes = KeyShape::ALL.into_iter().filter(|shape| self.signs.shapes & shape.bit() != 0);
        let shapes: Vec<&str> = shapes.map(KeyShape::name).collect();
        if !shapes.is_empty() {
            reasons.push(format!("Keys seen in the bucket have the shape of {}.", shapes.join(", ")));
        }
        if self.is_planted_easily() {
            reasons.push(
                "Only the shape of its keys says that it is a log bucket, which a caller could have planted: list it \
                 under log_buckets if it is one."
                    .to_owned(),
            );
        }
        reasons
    }
}

/// The bucket into which a setting has logs delivered.
pub(super) fn named_in_settings(service: &str, action: &str, parameters: &str) -> Option<String> {
    let members: &[&[&str]] = match (service, action) {
        ("cloudtrail", "CreateTrail" | "UpdateTrail") => &[&["s3BucketName"]],
        ("s3", "PutBucketLogging") => &[&["BucketLoggingStatus", "LoggingEnabled", "TargetBucket"]],
        ("config", "PutDeliveryChannel") => &[&["deliveryChannel", "s3BucketName"]],
        ("ec2", "CreateFlowLogs") => &[&["CreateFlowLogsRequest", "LogDestination"], &["logDestination"]],
        ("guardduty", "CreatePublishingDestination") => &[&["destinationProperties", "destinationArn"]],
        _ => return None,
    };
    let parameters: serde_json::Value = serde_json::from_str(parameters).ok()?;
    let find = |path: &&[&str]| {
        let value = path.iter().try_fold(&parameters, |value, member| value.get(member))?;
        let name = value.as_str()?;
        // Flow logs may go to CloudWatch Logs or Firehose as well.
        let bucket = match name.strip_prefix("arn:") {
            Some(arn) => arn.split_once(':')?.1.strip_prefix("s3:::")?,
            None => name,
        };
        let bucket = bucket.split('/').next()?;
        (!bucket.is_empty()).then(|| bucket.to_owned())
    };
    members.iter().find_map(find)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_name_the_bucket_of_their_logs() {
        for (service, action, parameters, expected) in [
            ("cloudtrail", "CreateTrail", r#"{"name":"t","s3BucketName":"logs"}"#, Some("logs")),
            ("cloudtrail", "UpdateTrail", r#"{"name":"t"}"#, None),
            ("cloudtrail", "GetTrail", r#"{"s3BucketName":"logs"}"#, None),
            (
                "s3",
                "PutBucketLogging",
                r#"{"bucketName":"b","BucketLoggingStatus":{"LoggingEnabled":{"TargetBucket":"logs"}}}"#,
                Some("logs"),
            ),
            ("s3", "PutBucketLogging", r#"{"bucketName":"b","BucketLoggingStatus":{"xmlns":"x"}}"#, None),
            (
                "ec2",
                "CreateFlowLogs",
                r#"{"CreateFlowLogsRequest":{"LogDestination":"arn:aws:logs:us-east-1:111122223333:log-group:/vpc"}}"#,
                None,
            ),
            ("config", "PutDeliveryChannel", r#"{"deliveryChannel":{"s3BucketName":"logs"}}"#, Some("logs")),
            (
                "ec2",
                "CreateFlowLogs",
                r#"{"CreateFlowLogsRequest":{"LogDestination":"arn:aws:s3:::logs/prefix"}}"#,
                Some("logs"),
            ),
            ("cloudtrail", "CreateTrail", "null", None),
            ("cloudtrail", "CreateTrail", "{", None),
        ] {
            assert_eq!(
                named_in_settings(service, action, parameters).as_deref(),
                expected,
                "{action} {parameters}"
            );
        }
    }

    #[test]
    fn deliverers_are_told_from_those_who_only_look_like_them() {
        for (caller, expected) in [
            ("svc:delivery.logs.amazonaws.com", true),
            ("cloudtrail.amazonaws.com", true),
            ("logging.s3.amazonaws.com", true),
            ("arn:aws:iam::111122223333:user/cloudtrail.amazonaws.com", false),
            ("lambda.amazonaws.com", false),
            ("AmazonS3", false),
        ] {
            assert_eq!(is_delivering(caller), expected, "{caller}");
        }
    }

    #[test]
    fn what_an_attacker_can_plant_gives_low_confidence() {
        let mut signs = Signs::default();
        assert!(signs.verdict(false).is_none());
        assert!(signs.verdict(true).is_some_and(|bucket| bucket.confidence() == Confidence::High));
        signs.shapes = KeyShape::CloudTrail.bit();
        assert!(signs.verdict(false).is_some_and(|bucket| bucket.confidence() == Confidence::Low));
        signs.add(Why::Delivery);
        let bucket = signs.verdict(false).unwrap();
        assert!(bucket.confidence() == Confidence::High && bucket.reasons().len() == 2);
    }
}
