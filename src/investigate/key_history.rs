//! What became of one object: its changes in the order of time, what each of them did, and what brings it back.

use super::event::Source;
use super::object_record::{Act, ObjectRecord, Selected};
use super::versioning::{Known, Shows, Versioning};
use crate::parse::time::format_iso;
use serde::{Deserialize, Serialize};

/// Versions of one object that are remembered; of more the oldest are forgotten.
const MOST_VERSIONS: usize = 1000;

/// Places of evidence that a row shows.
const MOST_EVIDENCE: usize = 8;

/// The id of what is written while versions are not kept.
const NULL: &str = "null";

/// What became of the content that a change was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fate {
    /// It lies under a delete marker.
    DeleteMarker,
    /// It is a version that is not current.
    VersionKept,
    /// It is gone.
    Permanent,
    /// The logs do not show it.
    Unknown,
    /// A delete marker was removed: it is current again.
    Undeleted,
    /// There was none: the object had been deleted before.
    Nothing,
}

impl Fate {
    /// The word in the column `fate`.
    pub fn name(self) -> &'static str {
        match self {
            Fate::DeleteMarker => "delete_marker",
            Fate::VersionKept => "version_kept",
            Fate::Permanent => "permanent",
            Fate::Unknown => "unknown",
            Fate::Undeleted => "undeleted",
            Fate::Nothing => "nothing",
        }
    }
}

/// What brings an object back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Restore {
    /// To remove these delete markers.
    RemoveMarkers(Vec<String>),
    /// To copy this version over what is current.
    CopyVersion(String),
    /// To look which versions there are: the logs do not name them.
    LookUp,
    /// Nothing in the bucket.
    Nothing,
    /// It was changed again: see that row.
    Superseded,
}

impl Restore {
    /// The word in the column `restore`.
    pub fn name(&self) -> &'static str {
        match self {
            Restore::RemoveMarkers(_) => "remove_delete_marker",
            Restore::CopyVersion(_) => "copy_version",
            Restore::LookUp => "look_up",
            Restore::Nothing => "nothing",
            Restore::Superseded => "superseded",
        }
    }
}

/// What a change was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// A deletion that names no version.
    Deleted,
    /// A deletion of one version.
    VersionDeleted,
    /// A lifecycle rule removed or marked it.
    Expired,
    /// A write over what was there.
    Overwritten,
}

impl Change {
    /// The word in the column `change`.
    pub fn name(self) -> &'static str {
        match self {
            Change::Deleted => "deleted",
            Change::VersionDeleted => "version_deleted",
            Change::Expired => "expired",
            Change::Overwritten => "overwritten",
        }
    }
}

/// A deletion or an overwrite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeRow {
    /// The request.
    pub record: ObjectRecord,
    /// What it was.
    pub change: Change,
    /// What became of the content.
    pub fate: Fate,
    /// What shows it, in a sentence.
    pub why: String,
    /// Places of that evidence, beside those of the request.
    pub evidence: Vec<Source>,
    /// The delete marker that it left, where a log names it.
    pub delete_marker_id: Option<String>,
    /// The version that was current before, where a log names it.
    pub former_version_id: Option<String>,
    /// What brings the object back.
    pub restore: Restore,
    /// What happened to the object next.
    pub later: Option<String>,
}

/// A version that the logs tell of.
#[derive(Clone, Debug)]
struct Version {
    id: Option<String>,
    source: Option<Source>,
    /// It was written by a request that is asked for.
    is_suspect: bool,
    is_alive: bool,
}

/// Is there an object?
#[derive(Clone, Debug)]
enum Presence {
    /// The logs do not show it.
    Unknown,
    /// Since then at the latest; `by_change` if a write shows it, which is true within its second, too.
    Shown { time_ms: i64, by_change: bool, source: Source },
    /// Since then not.
    Gone { time_ms: i64 },
}

/// The history of one object.
pub struct KeyHistory<'a> {
    versioning: &'a Versioning,
    /// Are some changes asked for, so that what others wrote is what is to be restored?
    is_limited: bool,
    presence: Presence,
    versions: Vec<Version>,
    /// Delete markers on top of the last version, the last on top; `None` if no log names it.
    markers: Vec<Option<String>>,
    /// The last version that the logs know was deleted for good, and nothing shows an object since: a delete marker hides
    /// nothing that is known to be there.
    is_lost: bool,
    /// The last change, if it is asked for.
    pending: Option<ChangeRow>,
    last_change_ms: Option<i64>,
    /// Writes of which the logs do not show whether they replaced something.
    pub doubtful_writes: u64,
}

impl<'a> KeyHistory<'a> {
    /// Of a key of which nothing was seen yet.
    pub fn new(versioning: &'a Versioning, is_limited: bool) -> KeyHistory<'a> {
        KeyHistory {
            versioning,
            is_limited,
            presence: Presence::Unknown,
            versions: Vec::new(),
            markers: Vec::new(),
            is_lost: false,
            pending: None,
            last_change_ms: None,
            doubtful_writes: 0,
        }
    }

    /// A request shows that the object is there.
    pub fn is_seen(&mut self, time_ms: i64, source: Source) {
        let is_new = match &self.presence {
            Presence::Unknown => true,
            Presence::Gone { time_ms: gone } => time_ms > *gone,
            Presence::Shown { time_ms: shown, by_change: false, source: known } => {
                time_ms == *shown && source < *known
            }
            Presence::Shown { .. } => false,
        };
        if is_new {
            if matches!(self.presence, Presence::Gone { .. }) {
                // Something that no log tells of has brought it back.
                self.markers.clear();
                self.add_version(None, None, false);
                self.later(|| format!("there again at {} ({}:{})", format_iso(time_ms), source.file, source.line));
            }
            self.presence = Presence::Shown { time_ms, by_change: false, source };
            self.is_lost = false;
        }
    }

    /// The next change; gives the one before, if that is asked for.
    pub fn change(&mut self, record: ObjectRecord) -> Option<ChangeRow> {
        let time_ms = record.time_ms.unwrap_or(i64::MAX);
        let word = if matches!(record.act, Act::Write | Act::Copy) { "written" } else { "deleted" };
        let place = record.sources.first().map(|source| format!(" ({}:{})", source.file, source.line));
        self.later(|| format!("{word} again at {}{}", format_iso(time_ms), place.unwrap_or_default()));
        let before = self.pending.take().map(|mut row| {
            row.restore = Restore::Superseded;
            row
        });
        let is_asked_for = record.selected != Selected::Companion;
        let row = match record.act {
            Act::Write | Act::Copy => self.write(record, time_ms),
            _ => Some(self.delete(record, time_ms)),
        };
        self.pending = row.filter(|_| is_asked_for).map(|mut row| {
            if self.last_change_ms == Some(time_ms) {
                row.why += "; another change has the same second, and the logs do not say which came first";
            }
            row
        });
        self.last_change_ms = Some(time_ms);
        before
    }

    /// The last change, if it is asked for, with what brings the object back.
    pub fn finish(mut self) -> Option<ChangeRow> {
        let mut row = self.pending.take()?;
        row.restore = self.restore(&row);
        Some(row)
    }

    fn later(&mut self, sentence: impl FnOnce() -> String) {
        if let Some(row) = self.pending.as_mut().filter(|row| row.later.is_none()) {
            row.later = Some(sentence());
        }
    }

    fn add_version(&mut self, id: Option<String>, source: Option<Source>, is_suspect: bool) {
        if self.versions.len() >= MOST_VERSIONS {
            self.versions.remove(0);
        }
        self.versions.push(Version { id, source, is_suspect, is_alive: true });
    }

    /// The version that is current, or was before delete markers.
    fn current(&self) -> Option<&Version> {
        self.versions.iter().rev().find(|version| version.is_alive)
    }

    fn current_id(&self) -> Option<String> {
        self.current().and_then(|version| version.id.clone())
    }

    fn write(&mut self, record: ObjectRecord, time_ms: i64) -> Option<ChangeRow> {
        let source = record.sources.first().cloned();
        let is_onto_itself = record.copy_source.as_ref().is_some_and(|from| {
            Some(&from.bucket) == record.bucket.as_ref() && Some(&from.key) == record.key.as_ref()
        });
        let shown_by = match &self.presence {
            Presence::Shown { time_ms: shown, by_change, source } if *shown < time_ms || *by_change => {
                Some(Some(source.clone()))
            }
            _ if is_onto_itself => Some(None),
            Presence::Unknown | Presence::Shown { .. } => {
                self.doubtful_writes += u64::from(record.selected != Selected::Companion);
                None
            }
            Presence::Gone { .. } => None,
        };
        let row = shown_by.map(|shown_by| {
            let (fate, why, mut evidence) = self.fate_of_overwritten(&record, time_ms);
            let shown = match &shown_by {
                Some(source) => format!("the object was there before ({}:{})", source.file, source.line),
                None => "the object was copied onto itself".to_owned(),
            };
            evidence.extend(shown_by);
            let former_version_id = self.current_id();
            new_row(
                record.clone(),
                Change::Overwritten,
                fate,
                format!("{shown}; {why}"),
                evidence,
                former_version_id,
            )
        });
        let answered = record.answer.as_ref().and_then(|answer| answer.version.clone());
        let is_unversioned = row.as_ref().is_some_and(|row| row.fate == Fate::Permanent);
        for version in &mut self.versions {
            // What has no id of its own is replaced.
            let is_replaced = version.id.as_deref() == Some(NULL) && answered.as_deref() == Some(NULL);
            version.is_alive &= !is_replaced;
        }
        if is_unversioned && let Some(last) = self.versions.iter_mut().rev().find(|version| version.is_alive) {
            last.is_alive = false;
        }
        let is_suspect = self.is_limited && record.selected != Selected::Companion;
        if self.versions.is_empty() && row.as_ref().is_some_and(|row| row.fate != Fate::Permanent) {
            // The former one, of which no log says the id.
            self.add_version(None, None, false);
        }
        self.add_version(answered, source.clone(), is_suspect);
        self.markers.clear();
        self.is_lost = false;
        if let Some(source) = source {
            self.presence = Presence::Shown { time_ms, by_change: true, source };
        }
        row
    }

    fn fate_of_overwritten(&self, record: &ObjectRecord, time_ms: i64) -> (Fate, String, Vec<Source>) {
        let answer = record.answer.as_ref();
        match answer.and_then(|answer| answer.version.as_deref()) {
            Some(NULL) => {
                self.fate_while_suspended("the answer names the version null: versioning was suspended", &[])
            }
            Some(_) => {
                (Fate::VersionKept, "the answer names a version: the former one is kept".to_owned(), vec![])
            }
            // The answer to the end of a multipart upload may leave it out.
            None if answer.is_some_and(|answer| answer.is_shown)
                && matches!(
                    record.operation.as_str(),
                    "PutObject" | "CopyObject" | "REST.PUT.OBJECT" | "REST.COPY.OBJECT"
                ) =>
            {
                let why = "CloudTrail shows the answer, and it names no version: versioning was never turned on";
                (Fate::Permanent, why.to_owned(), vec![])
            }
            None => self.fate_by_bucket(record, time_ms, Fate::VersionKept),
        }
    }

    /// By what the bucket is known to have been; `kept` where it kept versions.
    fn fate_by_bucket(&self, record: &ObjectRecord, time_ms: i64, kept: Fate) -> (Fate, String, Vec<Source>) {
        let Known { shows, by } = self.versioning.at(record.bucket.as_deref().unwrap_or_default(), time_ms);
        let evidence: Vec<Source> = by.iter().map(|mark| mark.source.clone()).collect();
        let when = by.iter().map(|mark| {
            let (file, line) = (&mark.source.file, mark.source.line);
            format!("at {} ({file}:{line})", format_iso(mark.time_ms))
        });
        let when = when.collect::<Vec<_>>().join(" and ");
        let between = "and the logs show no change between";
        match shows {
            Some(Shows::On) => (kept, format!("versioning was on {when}, {between}"), evidence),
            Some(Shows::Never) => {
                (Fate::Permanent, format!("versioning had never been on {when}, {between}"), evidence)
            }
            Some(Shows::Suspended) => {
                self.fate_while_suspended(&format!("versioning was suspended {when}, {between}"), &evidence)
            }
            Some(_) => self.fate_while_suspended(&format!("versioning was on or suspended {when}"), &evidence),
            None => (Fate::Unknown, "the logs do not show whether versioning was on".to_owned(), evidence),
        }
    }

    /// While versions are not kept, one with an id stays and the one called `null` goes.
    fn fate_while_suspended(&self, why: &str, evidence: &[Source]) -> (Fate, String, Vec<Source>) {
        let mut evidence = evidence.to_vec();
        let current = self.current();
        evidence.extend(current.and_then(|version| version.source.clone()));
        let (fate, what) = match current.and_then(|version| version.id.as_deref()) {
            Some(NULL) => (Fate::Permanent, "the version null, which is lost then"),
            Some(_) => (Fate::VersionKept, "a version with an id, which is kept"),
            None => (Fate::Unknown, "a version of which no log says whether it has an id, and is kept"),
        };
        (fate, format!("{why}; what was current was {what}"), evidence)
    }

    fn delete(&mut self, record: ObjectRecord, time_ms: i64) -> ChangeRow {
        if record.act != Act::LeaveMarker && record.version.is_some() {
            return self.delete_version(record);
        }
        let change =
            if matches!(record.act, Act::Expire | Act::LeaveMarker) { Change::Expired } else { Change::Deleted };
        let (mut fate, mut why, evidence, marker) = self.fate_of_deleted(&record, time_ms);
        if let Presence::Gone { time_ms: gone } = self.presence
            && fate == Fate::Permanent
        {
            fate = Fate::Nothing;
            why +=
                &format!("; it had been deleted at {} and the logs show nothing written since", format_iso(gone));
        }
        if fate == Fate::DeleteMarker && self.is_lost {
            why += "; the last version that the logs know had been deleted for good, so that it may hide nothing";
        }
        let former_version_id = self.current_id();
        let mut row = new_row(record, change, fate, why, evidence, former_version_id);
        row.delete_marker_id.clone_from(&marker);
        match fate {
            Fate::DeleteMarker => self.markers.push(marker),
            Fate::Permanent => {
                if let Some(last) = self.versions.iter_mut().rev().find(|version| version.is_alive) {
                    last.is_alive = false;
                }
            }
            _ => {}
        }
        self.presence = Presence::Gone { time_ms };
        row
    }

    /// What became of the content, why, by what, and the marker that was left.
    fn fate_of_deleted(&self, record: &ObjectRecord, time_ms: i64) -> (Fate, String, Vec<Source>, Option<String>) {
        match record.act {
            Act::Expire => {
                let why = "S3.EXPIRE.OBJECT: a lifecycle rule removed it for good".to_owned();
                return (Fate::Permanent, why, vec![], None);
            }
            Act::LeaveMarker => {
                let why = "S3.CREATE.DELETEMARKER: a lifecycle rule left a delete marker".to_owned();
                return (Fate::DeleteMarker, why, vec![], record.version.clone());
            }
            _ => {}
        }
        match record.answer.as_ref() {
            // A version that is logged and that the request did not name is that of the marker.
            Some(answer) if answer.is_delete_marker || answer.version.is_some() => {
                let marker = answer.version.clone();
                if marker.as_deref() == Some(NULL) {
                    let why = "the answer names the delete marker null: versioning was suspended";
                    let (fate, why, evidence) = self.fate_while_suspended(why, &[]);
                    let fate = if fate == Fate::VersionKept { Fate::DeleteMarker } else { fate };
                    return (fate, why, evidence, marker);
                }
                (Fate::DeleteMarker, "the answer names a delete marker".to_owned(), vec![], marker)
            }
            Some(_) => {
                let (fate, why, evidence) = self.fate_by_bucket(record, time_ms, Fate::Unknown);
                let here = "CloudTrail's answer names no delete marker";
                match fate {
                    Fate::Permanent => (fate, format!("{here}; {why}"), evidence, None),
                    _ if evidence.is_empty() => {
                        (Fate::Permanent, format!("{here}: versioning was not on"), evidence, None)
                    }
                    _ => (Fate::Unknown, format!("{here}, though {why}"), evidence, None),
                }
            }
            None => {
                let (fate, why, evidence) = self.fate_by_bucket(record, time_ms, Fate::DeleteMarker);
                let fate = if fate == Fate::VersionKept { Fate::DeleteMarker } else { fate };
                (fate, why, evidence, None)
            }
        }
    }

    fn delete_version(&mut self, record: ObjectRecord) -> ChangeRow {
        let version = record.version.clone().unwrap_or_default();
        let marker = self.markers.iter().position(|marker| marker.as_ref() == Some(&version));
        let is_marker = record.answer.as_ref().is_some_and(|answer| answer.is_delete_marker) || marker.is_some();
        if is_marker {
            match marker {
                Some(at) => drop(self.markers.remove(at)),
                // Which of those that no log names it was does not matter.
                None => drop(self.markers.pop()),
            }
            let why = "the version that the request names was a delete marker".to_owned();
            if self.markers.is_empty() {
                self.presence = match (record.time_ms, record.sources.first()) {
                    (Some(time_ms), Some(source)) if self.current().is_some() => {
                        Presence::Shown { time_ms, by_change: true, source: source.clone() }
                    }
                    _ => Presence::Unknown,
                };
            }
            let former = self.current_id();
            return new_row(record, Change::VersionDeleted, Fate::Undeleted, why, vec![], former);
        }
        let mut evidence = Vec::new();
        for known in self.versions.iter_mut().filter(|known| known.id.as_ref() == Some(&version)) {
            known.is_alive = false;
            evidence.extend(known.source.clone());
        }
        let is_lifecycle = record.act == Act::Expire;
        let is_answered = record.answer.as_ref().is_some_and(|answer| answer.is_shown);
        let is_content = is_answered || !evidence.is_empty() || record.size.is_some_and(|size| size > 0);
        let who = if is_lifecycle { "the line" } else { "the request" };
        let (fate, why) = if is_content {
            (Fate::Permanent, format!("{who} names the version: it is gone"))
        } else {
            let why = "which is gone; no log says whether it was content or a delete marker";
            (Fate::Unknown, format!("{who} names the version, {why}"))
        };
        let change = if is_lifecycle { Change::Expired } else { Change::VersionDeleted };
        // An older version is current then, if there is one; the logs may not know it.
        if self.current().is_none() && self.markers.is_empty() {
            self.presence = Presence::Unknown;
        }
        // Rules remove versions that are not current: what is current stays.
        self.is_lost |= self.current().is_none() && fate == Fate::Permanent && !is_lifecycle;
        let former = self.current_id();
        new_row(record, change, fate, why, evidence, former)
    }

    /// What brings the object back after its last change.
    fn restore(&self, row: &ChangeRow) -> Restore {
        let alive = || self.versions.iter().filter(|version| version.is_alive);
        let good = || alive().rev().find(|version| !version.is_suspect);
        let copied = |version: Option<&Version>| match version {
            Some(Version { id: Some(id), .. }) => Restore::CopyVersion(id.clone()),
            _ => Restore::LookUp,
        };
        if row.later.is_some() {
            return Restore::Superseded;
        }
        match (row.change, row.fate) {
            (_, Fate::Nothing | Fate::Undeleted) => Restore::Nothing,
            (Change::Overwritten, fate) => {
                let current = alive().count().saturating_sub(1);
                let former = alive().take(current).filter(|version| !version.is_suspect).last();
                if former.is_none() && fate == Fate::Permanent { Restore::Nothing } else { copied(former) }
            }
            (_, Fate::DeleteMarker) if self.current().is_some_and(|version| version.is_suspect) => copied(good()),
            // What lay under the marker is gone for good.
            (_, Fate::DeleteMarker) if self.is_lost => Restore::LookUp,
            (_, Fate::DeleteMarker) => {
                let named: Option<Vec<String>> = self.markers.iter().rev().cloned().collect();
                named.map_or(Restore::LookUp, Restore::RemoveMarkers)
            }
            (_, Fate::Permanent) if !self.markers.is_empty() => Restore::LookUp,
            (Change::VersionDeleted, Fate::Permanent) if self.current().is_some_and(|left| left.is_suspect) => {
                copied(good())
            }
            // What is left, if anything is, is current by itself.
            (_, Fate::Permanent) => Restore::Nothing,
            _ => Restore::LookUp,
        }
    }
}

fn new_row(
    record: ObjectRecord,
    change: Change,
    fate: Fate,
    why: String,
    mut evidence: Vec<Source>,
    former_version_id: Option<String>,
) -> ChangeRow {
    evidence.sort();
    evidence.dedup();
    evidence.truncate(MOST_EVIDENCE);
    ChangeRow {
        record,
        change,
        fate,
        why,
        evidence,
        delete_marker_id: None,
        former_version_id,
        restore: Restore::LookUp,
        later: None,
    }
}
