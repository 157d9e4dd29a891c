//! What each row of a batch is, as small numbers: found out once, so that no detector compares texts row by row.

use super::batch::{Word, cell};
use super::key_sample::fingerprint;
use super::key_shape::{KeyShape, KeyShapes};
use crate::activity::operation::{ActionClass, class_of_event, of_operation};
use crate::parse::LogType;
use arrow::array::{Array, Int32Array, RecordBatch, StringViewArray};

/// What a request does to objects and buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// The content of an object leaves: `GetObject`, also as a website.
    Read,
    /// The source of a copy is read.
    CopySource,
    /// Names or metadata are shown: `HeadObject`, lists, settings.
    List,
    /// Objects are listed: `ListObjects`, `ListObjectVersions`.
    ListObjects,
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
}

impl Codes {
    /// Columns of `activity` that codes are made of.
    pub const COLUMNS: [&'static str; 6] =
        ["service", "operation", "outcome", "http_status", "principal_kind", "object_key"];

    /// The codes of a batch of that log that has these columns.
    pub fn of(log: LogType, activity: &RecordBatch, shapes: &KeyShapes) -> Codes {
        let text = |name| super::batch::column::<StringViewArray>(activity, name);
        let status = super::batch::column::<Int32Array>(activity, "http_status");
        let keys = text("object_key");
        let (mut acts, mut whos) = (PerView::default(), PerView::default());
        let [success, denied, throttled] = ["success", "denied", "throttled"].map(Word::new);
        let [anonymous, service] = ["anonymous", "service"].map(Word::new);
        let (operations, services) = (text("operation"), text("service"));
        let (outcomes, kinds) = (text("outcome"), text("principal_kind"));
        let mut codes = Codes::default();
        for row in 0..activity.num_rows() {
            codes.act.push(acts.get(operations.views()[row] ^ services.views()[row].rotate_left(64), || {
                act(log, cell(services, row).unwrap_or_default(), cell(operations, row).unwrap_or_default())
            }));
            let ended = if success.is_at(outcomes, row) {
                let moved =
                    log == LogType::CloudTrail || status.is_null(row) || (200..300).contains(&status.value(row));
                if moved { Ended::Done } else { Ended::Unchanged }
            } else if denied.is_at(outcomes, row) {
                Ended::Denied
            } else if throttled.is_at(outcomes, row) {
                Ended::Throttled
            } else {
                Ended::Failed
            };
            codes.ended.push(ended);
            codes.who.push(whos.get(kinds.views()[row], || {
                if anonymous.is_at(kinds, row) {
                    Who::Anonymous
                } else if service.is_at(kinds, row) {
                    Who::Service
                } else {
                    Who::Principal
                }
            }));
            let key = cell(keys, row);
            codes.key.push(key.map_or(0, fingerprint));
            codes.shape.push(key.and_then(|key| shapes.of(key)));
        }
        codes
    }

    /// The codes of some of the rows.
    pub fn take(&self, rows: &[u32]) -> Codes {
        fn of<T: Copy>(values: &[T], rows: &[u32]) -> Vec<T> {
            rows.iter().map(|row| values[*row as usize]).collect()
        }
        Codes {
            act: of(&self.act, rows),
            ended: of(&self.ended, rows),
            who: of(&self.who, rows),
            key: of(&self.key, rows),
            shape: of(&self.shape, rows),
        }
    }

    /// Is this a row that only history wants: an everyday request that was done for somebody with credentials?
    pub fn is_routine(&self, row: usize) -> bool {
        matches!(self.ended[row], Ended::Done | Ended::Unchanged)
            && self.who[row] != Who::Anonymous
            && match self.act[row] {
                Act::Read | Act::CopySource | Act::List | Act::ListObjects => true,
                Act::Write => self.shape[row].is_none(),
                _ => false,
            }
    }
}

fn act(log: LogType, service: &str, operation: &str) -> Act {
    if !service.starts_with("s3") {
        return Act::OtherService;
    }
    let (action, class) = match log {
        LogType::S3Access => of_operation(operation, true),
        LogType::CloudTrail => (operation.into(), class_of_event(service, operation, None)),
    };
    match (&*action, class) {
        ("GetObject", _) => Act::Read,
        ("ListObjects" | "ListObjectsV2" | "ListObjectVersions", _) => Act::ListObjects,
        ("DeleteObject" | "DeleteObjectVersion", _) => Act::Delete,
        ("DeleteObjects", _) => Act::DeleteMany,
        ("ExpireObject" | "CreateDeleteMarker", _) => Act::Expire,
        (_, ActionClass::Read) => Act::CopySource,
        (_, ActionClass::List) => Act::List,
        (_, ActionClass::Write) => Act::Write,
        _ => Act::OtherS3,
    }
}

/// What was found out about the few values of a column, by their views.
struct PerView<T> {
    known: Vec<(u128, T)>,
    last: usize,
}

impl<T> Default for PerView<T> {
    fn default() -> Self {
        PerView { known: Vec::new(), last: 0 }
    }
}

/// Values remembered; beyond it the last one is forgotten.
const MOST_VIEWS: usize = 64;

impl<T: Copy> PerView<T> {
    fn get(&mut self, view: u128, find: impl FnOnce() -> T) -> T {
        if let Some((known, value)) = self.known.get(self.last)
            && *known == view
        {
            return *value;
        }
        if let Some(at) = self.known.iter().position(|(known, _)| *known == view) {
            self.last = at;
            return self.known[at].1;
        }
        let value = find();
        if self.known.len() == MOST_VIEWS {
            self.known.pop();
        }
        self.last = self.known.len();
        self.known.push((view, value));
        value
    }
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
            ("REST.GET.BUCKETVERSIONS", "ListObjectVersions", Act::ListObjects),
            ("REST.HEAD.OBJECT", "HeadObject", Act::List),
            ("REST.GET.ACL", "GetBucketAcl", Act::List),
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
