//! What was done: the API action behind an access log's operation, and the class of an action.

use std::borrow::Cow;

/// What an action does to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActionClass {
    /// The content of an object is read.
    Read,
    /// Names, metadata or settings are shown.
    List,
    /// An object is created or replaced.
    Write,
    /// An object, a version or a bucket is removed.
    Delete,
    /// Who may do what is changed.
    Permission,
    /// Settings of a bucket or a service are changed.
    Config,
    /// A KMS key is used or managed.
    Key,
    /// Identities, sessions and credentials.
    Identity,
    /// Anything else.
    Other,
}

impl ActionClass {
    /// The word in the `action_class` column.
    pub fn name(self) -> &'static str {
        match self {
            ActionClass::Read => "read",
            ActionClass::List => "list",
            ActionClass::Write => "write",
            ActionClass::Delete => "delete",
            ActionClass::Permission => "permission",
            ActionClass::Config => "config",
            ActionClass::Key => "key",
            ActionClass::Identity => "identity",
            ActionClass::Other => "other",
        }
    }
}

/// The verbs of access-log operations on settings, and what comes before the resource in the API's name.
const SETTING_VERBS: [(&str, &str); 3] = [("GET", "Get"), ("PUT", "Put"), ("DELETE", "Delete")];

/// Resources of `REST.verb.RESOURCE` that are settings, with the API's word for a bucket's and whether they say who
/// may do what. Names after <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html>,
/// in the spelling that CloudTrail uses for event names.
const SETTINGS: [(&str, &str, bool); 26] = [
    ("ACCELERATE", "BucketAccelerateConfiguration", false),
    ("ACL", "BucketAcl", true),
    ("ANALYTICS", "BucketAnalyticsConfiguration", false),
    ("BUCKETPOLICY", "BucketPolicy", true),
    ("CORS", "BucketCors", false),
    ("ENCRYPTION", "BucketEncryption", false),
    ("INTELLIGENT_TIERING", "BucketIntelligentTieringConfiguration", false),
    ("INVENTORY", "BucketInventoryConfiguration", false),
    ("LEGAL_HOLD", "ObjectLegalHold", false),
    ("LIFECYCLE", "BucketLifecycle", false),
    ("LOCATION", "BucketLocation", false),
    ("LOGGING_STATUS", "BucketLogging", false),
    ("METRICS", "BucketMetricsConfiguration", false),
    ("NOTIFICATION", "BucketNotification", false),
    ("OBJECT_LOCK_CONFIGURATION", "BucketObjectLockConfiguration", false),
    ("OBJECT_TAGGING", "ObjectTagging", false),
    ("OWNERSHIP_CONTROLS", "BucketOwnershipControls", true),
    ("POLICY_STATUS", "BucketPolicyStatus", true),
    ("PUBLIC_ACCESS_BLOCK", "BucketPublicAccessBlock", true),
    ("REPLICATION", "BucketReplication", false),
    ("REQUEST_PAYMENT", "BucketRequestPayment", false),
    ("RETENTION", "ObjectRetention", false),
    ("TAGGING", "BucketTagging", false),
    ("VERSIONING", "BucketVersioning", false),
    ("WEBSITE", "BucketWebsite", false),
    ("OBJECT_ACL", "ObjectAcl", true),
];

use ActionClass::{Config, Delete, Identity, Key, List, Other, Permission, Read, Write};

/// Operations on objects and buckets: the API's name and the class. Lifecycle actions have no API name; theirs are
/// made in the same style.
const OPERATIONS: [(&str, &str, ActionClass); 40] = [
    ("REST.GET.OBJECT", "GetObject", Read),
    ("REST.HEAD.OBJECT", "HeadObject", List),
    ("REST.PUT.OBJECT", "PutObject", Write),
    ("REST.DELETE.OBJECT", "DeleteObject", Delete),
    ("BATCH.DELETE.OBJECT", "DeleteObject", Delete),
    ("REST.POST.MULTI_OBJECT_DELETE", "DeleteObjects", Delete),
    ("REST.GET.BUCKET", "ListObjects", List),
    ("REST.HEAD.BUCKET", "HeadBucket", List),
    ("REST.COPY.OBJECT", "CopyObject", Write),
    ("REST.COPY.OBJECT_GET", "CopyObject", Read),
    ("REST.COPY.PART", "UploadPartCopy", Write),
    ("REST.COPY.PART_GET", "UploadPartCopy", Read),
    ("REST.POST.OBJECT", "PostObject", Write),
    ("REST.POST.OBJECT_RESTORE", "RestoreObject", Other),
    ("REST.POST.RESTORE", "RestoreObject", Other),
    ("REST.POST.SELECT", "SelectObjectContent", Read),
    ("REST.POST.OBJECT_SELECT", "SelectObjectContent", Read),
    ("REST.GET.TORRENT", "GetObjectTorrent", Read),
    ("REST.GET.PART", "GetObject", Read),
    ("REST.HEAD.PART", "HeadObject", List),
    ("REST.PUT.PART", "UploadPart", Write),
    ("REST.POST.UPLOADS", "CreateMultipartUpload", Write),
    ("REST.POST.UPLOAD", "CompleteMultipartUpload", Write),
    ("REST.DELETE.UPLOAD", "AbortMultipartUpload", Other),
    ("REST.GET.UPLOAD", "ListParts", List),
    ("REST.GET.UPLOADS", "ListMultipartUploads", List),
    ("REST.HEAD.UPLOADS", "ListMultipartUploads", List),
    ("REST.GET.BUCKETVERSIONS", "ListObjectVersions", List),
    ("REST.HEAD.BUCKETVERSIONS", "ListObjectVersions", List),
    ("REST.GET.SERVICE", "ListBuckets", List),
    ("REST.PUT.BUCKET", "CreateBucket", Config),
    ("REST.DELETE.BUCKET", "DeleteBucket", Delete),
    ("REST.OPTIONS.PREFLIGHT", "PreflightRequest", Other),
    ("WEBSITE.GET.OBJECT", "GetObject", Read),
    ("WEBSITE.HEAD.OBJECT", "HeadObject", List),
    ("S3.EXPIRE.OBJECT", "ExpireObject", Delete),
    ("S3.CREATE.DELETEMARKER", "CreateDeleteMarker", Delete),
    ("S3.DELETE.UPLOAD", "AbortMultipartUpload", Other),
    ("S3.TRANSITION.OBJECT", "TransitionObject", Other),
    ("S3.COMPUTE.OBJECT.CHECKSUM", "ComputeObjectChecksum", Other),
];

/// The API action and its class for an operation of the access log; `on_object` tells an object's ACL or tags from a
/// bucket's. An operation not known is its own action, classed by its verb.
pub fn of_operation(operation: &str, on_object: bool) -> (Cow<'_, str>, ActionClass) {
    if let Some((_, action, class)) = OPERATIONS.iter().find(|(name, ..)| *name == operation) {
        return (Cow::Borrowed(action), *class);
    }
    if operation.starts_with("S3.TRANSITION") {
        return (Cow::Borrowed("TransitionObject"), Other);
    }
    let mut words = operation.splitn(3, '.');
    let (_, verb, resource) = (words.next(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let setting = SETTINGS.iter().find(|(name, ..)| *name == resource);
    let prefix = SETTING_VERBS.iter().find(|(name, _)| *name == verb);
    match (setting, prefix) {
        (Some((_, word, permission)), Some((_, prefix))) => {
            let word = if on_object && matches!(resource, "ACL" | "TAGGING") {
                word.replacen("Bucket", "Object", 1)
            } else {
                (*word).to_owned()
            };
            let class = match verb {
                "GET" => List,
                _ if *permission => Permission,
                _ => Config,
            };
            (Cow::Owned(format!("{prefix}{word}")), class)
        }
        _ => (Cow::Borrowed(operation), by_verb(verb)),
    }
}

fn by_verb(verb: &str) -> ActionClass {
    match verb {
        "GET" | "HEAD" => List,
        "PUT" | "POST" | "COPY" => Write,
        "DELETE" => Delete,
        _ => Other,
    }
}

/// The class of a CloudTrail event name of a service (`s3`, `kms`, …).
pub fn class_of_event(service: &str, action: &str, read_only: Option<bool>) -> ActionClass {
    match service {
        "kms" => Key,
        "iam" | "sts" | "sso" | "signin" | "sso-directory" | "identitystore" | "cognito-idp" => Identity,
        "s3" | "s3express" | "s3-outposts" | "s3-object-lambda" | "s3tables" | "s3-control" => {
            class_of_s3_action(action)
        }
        _ if read_only == Some(true) => List,
        _ if action.contains("Policy") || action.contains("Permission") => Permission,
        _ if read_only == Some(false) => Config,
        _ => Other,
    }
}

fn class_of_s3_action(action: &str) -> ActionClass {
    if let Some((.., class)) = OPERATIONS.iter().find(|(_, name, _)| *name == action) {
        return *class;
    }
    match action {
        "ListObjectsV2" => List,
        "DeleteObjectVersion" => Delete,
        _ if action.starts_with("Get") || action.starts_with("List") || action.starts_with("Head") => List,
        _ if ["Policy", "Acl", "PublicAccessBlock", "OwnershipControls", "AccessGrant"]
            .iter()
            .any(|word| action.contains(word)) =>
        {
            Permission
        }
        _ => Config,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_have_the_action_that_cloudtrail_names() {
        for (operation, on_object, action, class) in [
            ("REST.GET.OBJECT", true, "GetObject", Read),
            ("REST.COPY.OBJECT", true, "CopyObject", Write),
            ("REST.COPY.OBJECT_GET", true, "CopyObject", Read),
            ("REST.GET.ACL", false, "GetBucketAcl", List),
            ("REST.PUT.ACL", true, "PutObjectAcl", Permission),
            ("REST.PUT.BUCKETPOLICY", false, "PutBucketPolicy", Permission),
            ("REST.DELETE.LIFECYCLE", false, "DeleteBucketLifecycle", Config),
            ("REST.GET.TAGGING", true, "GetObjectTagging", List),
            ("S3.TRANSITION_SIA.OBJECT", true, "TransitionObject", Other),
            ("S3.EXPIRE.OBJECT", true, "ExpireObject", Delete),
            ("REST.PUT.SOMETHING_NEW", false, "REST.PUT.SOMETHING_NEW", Write),
            ("SOAP.GetObject", true, "SOAP.GetObject", Other),
        ] {
            assert_eq!(of_operation(operation, on_object), (Cow::Borrowed(action), class), "{operation}");
        }
    }

    #[test]
    fn events_are_classed_by_service_and_name() {
        for (service, action, read_only, class) in [
            ("s3", "GetObject", Some(true), Read),
            ("s3", "DeleteObjects", Some(false), Delete),
            ("s3", "PutBucketPublicAccessBlock", Some(false), Permission),
            ("s3", "PutBucketLifecycle", Some(false), Config),
            ("s3", "GetBucketAcl", Some(true), List),
            ("kms", "Decrypt", Some(true), Key),
            ("sts", "AssumeRole", Some(true), Identity),
            ("cloudtrail", "DeleteTrail", Some(false), Config),
            ("ec2", "DescribeInstances", Some(true), List),
        ] {
            assert_eq!(class_of_event(service, action, read_only), class, "{action}");
        }
    }
}
