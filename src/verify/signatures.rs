//! Signatures of digests. S3 keeps them as metadata of the object, which `aws s3 sync` does not copy.

use super::digest::bytes_of;
use super::object_name::{base_name, stem};
use crate::parse::time::iso_time;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// What is put behind the name of a digest to name the file with its metadata.
pub const SIDECAR: &str = ".meta.json";

/// Larger ones hold no metadata: S3 allows 2 KB of it.
const LONGEST_SIDECAR: u64 = 1 << 20;

/// The metadata of a digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The signature's bytes; none if it is no hexadecimal text.
    pub signature: Option<Vec<u8>>,
    /// How it was made.
    pub algorithm: Option<String>,
    /// When a backfill was made, in milliseconds since 1970.
    pub generated_ms: Option<i64>,
}

impl Metadata {
    /// As the AWS CLI prints it (`aws s3api head-object`), or the metadata alone, names with or without `x-amz-meta-`.
    fn of(value: &Value) -> Option<Metadata> {
        if let Value::String(signature) = value {
            return Some(Metadata { signature: bytes_of(signature), algorithm: None, generated_ms: None });
        }
        let members = value.get("Metadata").unwrap_or(value).as_object()?;
        let text = |name: &str| {
            let found = members.iter().find(|(key, _)| {
                let key = key.to_ascii_lowercase();
                key.strip_prefix("x-amz-meta-").unwrap_or(&key) == name
            });
            found.and_then(|(_, value)| value.as_str())
        };
        let generated = text("backfill-generation-timestamp");
        Some(Metadata {
            signature: bytes_of(text("signature")?),
            algorithm: text("signature-algorithm").map(str::to_owned),
            generated_ms: generated.and_then(|time| iso_time(time.as_bytes())),
        })
    }

    /// The metadata beside a digest. Links are not followed, as nowhere in folders.
    ///
    /// # Errors
    /// There is a file and it cannot be used.
    pub fn beside(digest: &Path) -> Result<Option<Metadata>, String> {
        let mut path = digest.as_os_str().to_owned();
        path.push(SIDECAR);
        let path = PathBuf::from(path);
        if !fs::symlink_metadata(&path).is_ok_and(|found| found.is_file()) {
            return Ok(None);
        }
        let mut text = String::new();
        let read = File::open(&path).and_then(|file| file.take(LONGEST_SIDECAR).read_to_string(&mut text));
        read.map_err(|error| format!("the {SIDECAR} file beside it cannot be read: {error}"))?;
        let value: Result<Value, _> = serde_json::from_str(&text);
        match value.ok().as_ref().and_then(Metadata::of) {
            Some(metadata) => Ok(Some(metadata)),
            None => Err(format!("the {SIDECAR} file beside it holds no signature")),
        }
    }
}

/// Signatures of a file that names the digests they are of.
#[derive(Clone, Debug, Default)]
pub struct Signatures {
    /// By the last part of the key, without `.gz`.
    named: HashMap<String, Vec<(String, Metadata)>>,
    /// Those that name none: each is of whichever it fits.
    unnamed: Vec<Metadata>,
}

impl Signatures {
    /// Reads JSON: an object from key to metadata or signature, objects with `Key` beside them, or one object's metadata.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Signatures, String> {
        let mut signatures = Signatures::default();
        let text = text.trim_start_matches('\u{feff}');
        for document in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
            match document.map_err(|error| format!("not JSON: {error}"))? {
                Value::Array(values) => values.iter().try_for_each(|value| signatures.add(value))?,
                value => signatures.add(&value)?,
            }
        }
        if signatures.named.is_empty() && signatures.unnamed.is_empty() {
            return Err("it holds no signature".to_owned());
        }
        Ok(signatures)
    }

    fn add(&mut self, value: &Value) -> Result<(), String> {
        let refused =
            || "expected {\"KEY\": {\"signature\": \"…\"}, …} or what `aws s3api head-object` prints".to_owned();
        let members = value.as_object().ok_or_else(refused)?;
        let key =
            ["Key", "key", "s3_object"].into_iter().find_map(|name| members.get(name).and_then(Value::as_str));
        match (key, Metadata::of(value)) {
            (Some(key), Some(metadata)) => self.insert(key, metadata),
            (None, Some(metadata)) => self.unnamed.push(metadata),
            (_, None) => self.add_all(members).ok_or_else(refused)?,
        }
        Ok(())
    }

    fn add_all(&mut self, members: &Map<String, Value>) -> Option<()> {
        members.iter().try_for_each(|(key, value)| {
            self.insert(key, Metadata::of(value)?);
            Some(())
        })
    }

    fn insert(&mut self, key: &str, metadata: Metadata) {
        let name = stem(base_name(key)).to_owned();
        self.named.entry(name).or_default().push((key.to_owned(), metadata));
    }

    /// The metadata of the object with that key.
    pub fn of(&self, key: &str) -> Option<&Metadata> {
        let named = self.named.get(stem(base_name(key)))?;
        let same = named.iter().find(|(name, _)| name.ends_with(key));
        same.or(named.last()).map(|(_, metadata)| metadata)
    }

    /// Signatures of objects that were not named.
    pub fn unnamed(&self) -> &[Metadata] {
        &self.unnamed
    }
}
