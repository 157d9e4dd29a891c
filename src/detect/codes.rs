//! What each row of a batch is, as small numbers: found out once ([`super::sight`]), so that no detector compares
//! texts row by row.

use super::key_shape::KeyShape;
use super::marks::Marks;
use crate::activity::operation::{ActionClass, class_of_event, of_operation};
use crate::parse::LogType;

/// What a request does to objects and buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// The content of an object leaves: `GetObject`, also as a website.
    Read,
    /// The source of a copy is read.
    CopySource,
    /// Names or metadata are shown: `HeadObject`, lists, settings.
    List,
    /// Objects are listed: `ListObjects`, `ListObjectsV2`.
    ListObjects,
    /// A setting of a bucket is shown, such as its policy.
    Settings,
    /// Versions of objects are listed: `ListObjectVersions`.
    ListVersions,
    /// An object is created or replaced.
    Write,
    /// One object or version is deleted, by itself or as a part of a multi-object delete.
    Delete,
    /// A multi-object delete, whose keys stand elsewhere or nowhere.
    DeleteMany,
    /// Lifecycle removes an object or puts a delete marker over it.
    Expire,
    /// Anything else that S3 does.
    OtherS3,
    /// A call of another service.
    OtherService,
}

impl Act {
    /// How many there are.
    pub const COUNT: usize = Act::OtherService as usize + 1;

    /// Are objects or their versions listed?
    pub fn is_listing(self) -> bool {
        matches!(self, Act::ListObjects | Act::ListVersions)
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// Done, and with a 2xx status where there is one.
    Done,
    /// A success that moved nothing, such as 304 Not Modified.
    Unchanged,
    /// Refused for want of permission.
    Denied,
    /// Refused because there were too many.
    Throttled,
    /// Failed otherwise, or no call.
    Failed,
}

/// Who called, as far as detectors tell kinds apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// A user, role, root, account or federated caller.
    Principal,
    /// An AWS service.
    Service,
    /// Nobody: not authenticated.
    Anonymous,
}

/// The codes of the rows of a batch, row by row.
#[derive(Debug, Default)]
pub struct Codes {
    /// What is done.
    pub act: Vec<Act>,
    /// How it ended.
    pub ended: Vec<Ended>,
    /// Who called.
    pub who: Vec<Who>,
    /// Fingerprint of the object's key; 0 where none is named.
    pub key: Vec<u64>,
    /// Shape of the key.
    pub shape: Vec<Option<KeyShape>>,
    /// The caller in the bucket, by number ([`super::names::Names::place`]): the same
    /// for rows of one batch that agree in both, unless a name is too long to be one.
    pub place: Vec<Option<u32>>,
    /// Fingerprint of the request id; 0 where none is named.
    pub request: Vec<u64>,
    /// Is the caller an account, and not the one whose log this is?
    pub is_foreign: Vec<bool>,
    /// Is it a delete that names a version, which is for good?
    pub names_version: Vec<bool>,
    /// What the configuration and the baseline make of it.
    pub marks: Vec<Marks>,
    /// The rows of each act, by its number.
    pub(super) by_act: [Vec<u32>; Act::COUNT],
    /// The rows that have marks.
    pub(super) marked: Vec<u32>,
}

/// The rows of a batch that a rule could be about: it is asked of no others.
#[derive(Clone, Copy, Debug)]
pub enum Among {
    /// Any row.
    All,
    /// Rows that do one of these.
    Acts(&'static [Act]),
    /// Rows that are marked, mostly none.
    Marked,
}

impl Codes {
    /// Calls back with each row that a rule could be about.
    pub fn each(&self, among: Among, mut take: impl FnMut(usize)) {
        match among {
            Among::All => (0..self.act.len()).for_each(take),
            Among::Acts(acts) => {
                let rows = acts.iter().flat_map(|act| &self.by_act[*act as usize]);
                rows.for_each(|row| take(*row as usize));
            }
            Among::Marked => self.marked.iter().for_each(|row| take(*row as usize)),
        }
    }

    /// Notes the row that was added last under what it does.
    pub(super) fn index_last(&mut self) {
        let Some(row) = self.act.len().checked_sub(1) else { return };
        self.by_act[self.act[row] as usize].push(row as u32);
        if !self.marks[row].is_empty() {
            self.marked.push(row as u32);
        }
    }

    /// Those of some rows.
    pub fn of_rows(&self, rows: &[u32]) -> Codes {
        fn pick<T: Copy>(all: &[T], rows: &[u32]) -> Vec<T> {
            rows.iter().map(|row| all[*row as usize]).collect()
        }
        Codes {
            act: pick(&self.act, rows),
            ended: pick(&self.ended, rows),
            who: pick(&self.who, rows),
            key: pick(&self.key, rows),
            shape: pick(&self.shape, rows),
            place: pick(&self.place, rows),
            request: pick(&self.request, rows),
            is_foreign: pick(&self.is_foreign, rows),
            names_version: pick(&self.names_version, rows),
            marks: pick(&self.marks, rows),
            // Rows that were picked have been asked for already.
            by_act: Default::default(),
            marked: Vec::new(),
        }
    }
}

/// What an operation of a service does.
pub(super) fn act(log: LogType, service: &str, operation: &str) -> Act {
    if !service.starts_with("s3") {
        return Act::OtherService;
    }
    let (action, class) = match log {
        LogType::S3Access => of_operation(operation, true),
        LogType::CloudTrail => (operation.into(), class_of_event(service, operation, None)),
    };
    match (&*action, class) {
        ("GetObject", _) => Act::Read,
        ("ListObjects" | "ListObjectsV2", _) => Act::ListObjects,
        ("ListObjectVersions", _) => Act::ListVersions,
        ("DeleteObject" | "DeleteObjectVersion", _) => Act::Delete,
        ("DeleteObjects", _) => Act::DeleteMany,
        ("ExpireObject" | "CreateDeleteMarker", _) => Act::Expire,
        (_, ActionClass::Read) => Act::CopySource,
        (action, ActionClass::List) if is_setting(action) => Act::Settings,
        (_, ActionClass::List) => Act::List,
        (_, ActionClass::Write) => Act::Write,
        _ => Act::OtherS3,
    }
}

/// Does it show a setting of a bucket, and not what is in it? `GetBucketLocation` is asked by every SDK; of ACLs access
/// logs have one name, whether of a bucket or an object.
fn is_setting(action: &str) -> bool {
    action.starts_with("GetBucket") && action != "GetBucketLocation" || action == "GetObjectAcl"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acts_are_the_same_in_both_logs() {
        for (operation, event, expected) in [
            ("REST.GET.OBJECT", "GetObject", Act::Read),
            ("WEBSITE.GET.OBJECT", "GetObject", Act::Read),
            ("REST.GET.BUCKET", "ListObjectsV2", Act::ListObjects),
            ("REST.GET.BUCKETVERSIONS", "ListObjectVersions", Act::ListVersions),
            ("REST.HEAD.OBJECT", "HeadObject", Act::List),
            ("REST.GET.ACL", "GetBucketAcl", Act::Settings),
            ("REST.GET.LOCATION", "GetBucketLocation", Act::List),
            ("REST.PUT.OBJECT", "PutObject", Act::Write),
            ("REST.POST.UPLOAD", "CompleteMultipartUpload", Act::Write),
            ("REST.DELETE.OBJECT", "DeleteObject", Act::Delete),
            ("REST.POST.MULTI_OBJECT_DELETE", "DeleteObjects", Act::DeleteMany),
            ("REST.PUT.BUCKETPOLICY", "PutBucketPolicy", Act::OtherS3),
        ] {
            assert_eq!(act(LogType::S3Access, "s3", operation), expected, "{operation}");
            assert_eq!(act(LogType::CloudTrail, "s3", event), expected, "{event}");
        }
        assert_eq!(act(LogType::S3Access, "s3", "BATCH.DELETE.OBJECT"), Act::Delete);
        assert_eq!(act(LogType::S3Access, "s3", "S3.EXPIRE.OBJECT"), Act::Expire);
        assert_eq!(act(LogType::S3Access, "s3", "REST.COPY.OBJECT_GET"), Act::CopySource);
        assert_eq!(act(LogType::CloudTrail, "kms", "Decrypt"), Act::OtherService);
    }
}
