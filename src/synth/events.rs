//! Which CloudTrail events there are and what their parameters look like.

/// The shape of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A data event on one object.
    Object(&'static str),
    /// A data event on the keys of a bucket: `ListObjects`, `DeleteObjects`.
    Bucket(&'static str),
    /// `CopyObject`, which names two objects.
    Copy,
    /// A KMS event that S3 causes: `Decrypt` or `GenerateDataKey`.
    Kms(&'static str),
    /// Position in [`MANAGEMENT`].
    Management(usize),
}

/// Every event with its weight.
pub(super) const EVENTS: [(u32, Event); 16] = [
    (500, Event::Object("GetObject")),
    (160, Event::Object("PutObject")),
    (60, Event::Object("HeadObject")),
    (14, Event::Object("DeleteObject")),
    (20, Event::Object("UploadPart")),
    (8, Event::Object("GetObjectTagging")),
    (50, Event::Bucket("ListObjects")),
    (4, Event::Bucket("DeleteObjects")),
    (14, Event::Copy),
    (60, Event::Kms("Decrypt")),
    (30, Event::Kms("GenerateDataKey")),
    (30, Event::Management(0)),
    (20, Event::Management(1)),
    (15, Event::Management(2)),
    (10, Event::Management(3)),
    (5, Event::Management(4)),
];

/// An event of the control plane.
pub(super) struct Management {
    pub(super) source: &'static str,
    pub(super) name: &'static str,
    pub(super) read_only: &'static str,
    pub(super) parameters: &'static str,
    pub(super) response: &'static str,
}

/// Control-plane events; parameters and responses are JSON.
pub(super) const MANAGEMENT: [Management; 5] = [
    Management {
        source: "sts.amazonaws.com",
        name: "AssumeRole",
        read_only: "true",
        parameters: r#"{"roleArn":"arn:aws:iam::111122223333:role/etl-nightly-batch","roleSessionName":"nightly","durationSeconds":3600}"#,
        response: r#"{"credentials":{"accessKeyId":"ASIAIOSFODNN7EXAMPLE","sessionToken":"IQoJb3JpZ2luX2VjEXAMPLE","expiration":"Mar 1, 2026, 11:00:00 AM"},"assumedRoleUser":{"assumedRoleId":"AROAIOSFODNN7EXAMPLE:nightly","arn":"arn:aws:sts::111122223333:assumed-role/etl-nightly-batch/nightly"}}"#,
    },
    Management {
        source: "s3.amazonaws.com",
        name: "GetBucketLocation",
        read_only: "true",
        parameters: r#"{"bucketName":"amzn-s3-demo-datalake-1","location":"","Host":"amzn-s3-demo-datalake-1.s3.us-east-1.amazonaws.com"}"#,
        response: "null",
    },
    Management {
        source: "ec2.amazonaws.com",
        name: "DescribeInstances",
        read_only: "true",
        parameters: r#"{"maxResults":100,"instancesSet":{},"filterSet":{"items":[{"name":"instance-state-name","valueSet":{"items":[{"value":"running"}]}}]}}"#,
        response: "null",
    },
    Management {
        source: "logs.amazonaws.com",
        name: "CreateLogStream",
        read_only: "false",
        parameters: r#"{"logGroupName":"/aws/lambda/thumbnailer","logStreamName":"2026/03/01/[$LATEST]8fd1c0ffee"}"#,
        response: "null",
    },
    Management {
        source: "s3.amazonaws.com",
        name: "PutBucketTagging",
        read_only: "false",
        parameters: r#"{"bucketName":"amzn-s3-demo-images-1","tagging":"","Tagging":{"xmlns":"http://s3.amazonaws.com/doc/2006-03-01/","TagSet":{"Tag":[{"Key":"team","Value":"web"}]}},"Host":"amzn-s3-demo-images-1.s3.us-east-1.amazonaws.com"}"#,
        response: "null",
    },
];

/// User agents with which a hostile client tries to forge JSON or to drive a terminal.
pub(super) const HOSTILE_AGENTS: [&str; 4] = [
    "x\",\"eventName\":\"ConsoleLogin\",\"errorCode\":\"",
    "curl\u{1b}[31m\u{0}\u{7}",
    "back\\slash \\u0041 \u{202e}txt.exe \u{1f980}",
    "}]}{\"Records\":[{\"eventName\":\"Forged\"}]}",
];
