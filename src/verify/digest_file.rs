//! The digests among the inputs, read, and where each can be found by its key.

use super::MOST_OF_A_KEY;
use super::content::{ContentReader, Failure};
use super::digest::{Digest, LONGEST_DIGEST, ListedLog};
use super::object_name::{ObjectName, base_name, lies_at, stem};
use super::signatures::{Metadata, Signatures};
use super::verdict::SignatureSource;
use crate::source::Input;
use std::collections::HashMap;
use std::sync::Arc;

/// A digest file and what lies beside it.
pub struct DigestFile {
    /// The path.
    pub file: Arc<str>,
    /// What it says; or why it says nothing.
    pub digest: Result<Digest, Failure>,
    /// Bytes follow the gzip member.
    pub has_trailing_data: bool,
    /// The metadata of the object, where it is known.
    pub beside: Result<Option<Metadata>, String>,
    /// Bytes on the disk.
    pub size: u64,
    /// Log files that it lists.
    pub logs: usize,
}

impl DigestFile {
    /// Reads one, and gives its bucket with each log file that it lists to `each`.
    pub fn read(
        input: &Input,
        reader: &mut ContentReader,
        each: &mut dyn FnMut(&str, ListedLog<'_>),
    ) -> DigestFile {
        let mut file = DigestFile {
            file: Arc::clone(&input.name),
            digest: Err(Failure::Unread("it is no file".to_owned())),
            has_trailing_data: false,
            beside: Ok(None),
            size: 0,
            logs: 0,
        };
        let Some(path) = input.path() else { return file };
        file.beside = Metadata::beside(path);
        file.digest = reader.text(path, LONGEST_DIGEST).and_then(|(content, text)| {
            file.has_trailing_data = content.has_trailing_data;
            file.size = content.size;
            let (digest, logs) = Digest::parse(&text, content.sha256)
                .map_err(|reason| Failure::Damaged(format!("it is no digest: {reason}")))?;
            file.logs = logs.len();
            logs.into_iter().for_each(|log| each(&digest.s3_bucket, log));
            Ok(digest)
        });
        file
    }

    /// The key that it says it has.
    pub fn key(&self) -> Option<&str> {
        self.digest.as_ref().ok().map(|digest| digest.s3_object.as_str())
    }

    /// The signature of the object itself: what lies beside it, else what is in the list.
    pub fn own<'b>(&'b self, signatures: &'b Signatures) -> Option<(SignatureSource, &'b Metadata)> {
        let beside = self.beside.as_ref().ok().and_then(Option::as_ref);
        let listed = || self.key().and_then(|key| signatures.of(key));
        let beside = beside.map(|metadata| (SignatureSource::Sidecar, metadata));
        beside.or_else(|| Some((SignatureSource::Signatures, listed()?)))
    }

    /// The digests that it is in a row with, by the name of the file.
    pub fn chain(&self) -> &str {
        match ObjectName::of(&self.file) {
            ObjectName::Digest(name) => name.chain,
            _ => &self.file,
        }
    }

    /// The end of the time that its name says it covers.
    pub fn named_end_ms(&self) -> Option<i64> {
        match ObjectName::of(&self.file) {
            ObjectName::Digest(name) => name.end_ms,
            _ => None,
        }
    }

    /// Was it made later than its time, beside the chain?
    pub fn is_backfill(&self) -> bool {
        matches!(ObjectName::of(&self.file), ObjectName::Digest(name) if name.is_backfill)
    }
}

/// Finds digests by their keys.
pub struct ByKey<'a> {
    files: &'a [DigestFile],
    /// By the last part of the key or path.
    places: HashMap<&'a str, Vec<usize>>,
    /// Some key has more files than are told apart.
    pub is_crowded: bool,
}

impl<'a> ByKey<'a> {
    /// Of these.
    pub fn new(files: &'a [DigestFile]) -> ByKey<'a> {
        let mut by_key = ByKey { files, places: HashMap::new(), is_crowded: false };
        for (index, file) in files.iter().enumerate() {
            let path = stem(base_name(&file.file));
            let key = file.key().map(|key| stem(base_name(key))).filter(|key| *key != path);
            for name in [Some(path), key].into_iter().flatten() {
                let places = by_key.places.entry(name).or_default();
                if places.len() < MOST_OF_A_KEY {
                    places.push(index);
                } else {
                    by_key.is_crowded = true;
                }
            }
        }
        by_key
    }

    /// The digests that say they have this key, and those that lie where it is.
    pub fn of<'b>(&'b self, key: &'b str) -> impl Iterator<Item = usize> + 'b {
        let named = self.places.get(stem(base_name(key))).map_or(&[][..], Vec::as_slice);
        named.iter().copied().filter(move |index| {
            let file = &self.files[*index];
            file.key() == Some(key) || lies_at(&file.file, key)
        })
    }
}
