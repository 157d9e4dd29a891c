//! A file's size, time of change and SHA-256, read as a stream.

use ring::digest::{Context, SHA256};
use std::fs::{self, File, Metadata};
use std::io::Read;
use std::path::Path;
use std::time::SystemTime;

/// A SHA-256.
pub(super) type Hash = [u8; 32];

/// Bytes in hand.
const BUFFER: usize = 1 << 20;

/// What is known of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) size: u64,
    /// When it was changed last, if the system knows.
    pub(super) modified: Option<SystemTime>,
    pub(super) sha256: Hash,
}

/// Hashes a file; memory does not depend on its size.
///
/// # Errors
/// In a sentence: it is no regular file, it cannot be read, or it changes meanwhile.
pub(super) fn hash_file(path: &Path) -> Result<Facts, String> {
    let failed = |error: std::io::Error| format!("it cannot be read: {error}");
    // Asked before it is opened: to open a pipe would wait for a writer.
    if !fs::symlink_metadata(path).map_err(failed)?.is_file() {
        return Err("it is no regular file".to_owned());
    }
    let mut file = File::open(path).map_err(failed)?;
    let before = state(&file.metadata().map_err(failed)?);
    let mut context = Context::new(&SHA256);
    let mut buffer = vec![0; BUFFER.min(before.0 as usize + 1)];
    let mut size = 0;
    // A file that grows without end is not followed.
    while size <= before.0 {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                context.update(&buffer[..count]);
                size += count as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    if size != before.0 || state(&file.metadata().map_err(failed)?) != before {
        return Err("it changed while it was read".to_owned());
    }
    let mut sha256 = Hash::default();
    sha256.copy_from_slice(context.finish().as_ref());
    Ok(Facts { size, modified: before.1, sha256 })
}

fn state(metadata: &Metadata) -> (u64, Option<SystemTime>) {
    (metadata.len(), metadata.modified().ok())
}

/// Bytes as hexadecimal digits.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Hexadecimal digits as bytes.
pub(super) fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        let digit = |byte: &u8| (*byte as char).to_digit(16);
        Some((digit(pair.first()?)? << 4 | digit(pair.get(1)?)?) as u8)
    };
    pairs.map(byte).collect()
}
