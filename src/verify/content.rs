//! What is inside a file, as it was before it was compressed: that is what digests and signatures are made of.

use crate::decode::{Limits, WholeFiles, exceeded, guarded, is_told_to_fit};
use flate2::bufread::GzDecoder;
use ring::digest::{Context, SHA256};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

/// A SHA-256.
pub type Hash = [u8; 32];

/// Files up to this size are read at once, and decompressed at once if they are ordinary.
const SMALL_FILE: u64 = 4 << 20;

/// Bytes in hand of larger ones.
const BUFFER: usize = 256 << 10;

/// Why there is no content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The file cannot be read; nothing is known of it.
    Unread(String),
    /// A limit ended it.
    Limit(String),
    /// It is not what it should be.
    Damaged(String),
}

impl Failure {
    /// In a sentence.
    pub fn reason(&self) -> &str {
        match self {
            Failure::Unread(reason) | Failure::Limit(reason) | Failure::Damaged(reason) => reason,
        }
    }
}

/// What was read of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Content {
    /// Of the bytes before compression; of the first gzip member, where there are more.
    pub sha256: Hash,
    /// Bytes follow the gzip member.
    pub has_trailing_data: bool,
    /// The copy is not compressed.
    pub is_plain: bool,
    /// Bytes on the disk.
    pub size: u64,
}

/// Reads files one after the other, with buffers that are used again.
pub struct ContentReader {
    whole: WholeFiles,
    limits: Limits,
    file: Vec<u8>,
    text: Vec<u8>,
}

impl ContentReader {
    /// Within these limits.
    pub fn new(limits: &Limits) -> ContentReader {
        ContentReader { whole: WholeFiles::new(), limits: limits.clone(), file: Vec::new(), text: Vec::new() }
    }

    /// The hash of a file's content; memory does not depend on its size.
    ///
    /// # Errors
    /// There is no content, or not all of it.
    pub fn hash(&mut self, path: &Path) -> Result<Content, Failure> {
        self.read(path, &mut |_| Ok(()))
    }

    /// The same, and gives all of it to `keep`.
    ///
    /// # Errors
    /// As those of [`ContentReader::hash`], and what `keep` says.
    pub fn text(&mut self, path: &Path, longest: usize) -> Result<(Content, Vec<u8>), Failure> {
        let mut text = Vec::new();
        let content = self.read(path, &mut |part| {
            if part.len() > longest - text.len() {
                return Err(Failure::Limit(format!("it holds more than {longest} bytes: no digest is so long")));
            }
            text.extend_from_slice(part);
            Ok(())
        })?;
        Ok((content, text))
    }

    fn read(
        &mut self,
        path: &Path,
        keep: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<Content, Failure> {
        // After a panic of a decompressor its tables are not used again.
        guarded(|| self.read_unguarded(path, keep)).unwrap_or_else(|panic| {
            self.whole = WholeFiles::new();
            Err(Failure::Damaged(format!("the gzip data is damaged: {panic}")))
        })
    }

    fn read_unguarded(
        &mut self,
        path: &Path,
        keep: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<Content, Failure> {
        // Asked before it is opened: to open a pipe would wait for a writer.
        let size = fs::metadata(path).map_err(unread)?;
        if !size.is_file() {
            return Err(Failure::Unread("it is no file".to_owned()));
        }
        let file = File::open(path).map_err(unread)?;
        let size = size.len();
        if size > SMALL_FILE || !is_told_to_fit(&file, &self.limits).unwrap_or(true) {
            return self.stream(&mut BufReader::with_capacity(BUFFER, file), size, keep);
        }
        let mut bytes = std::mem::take(&mut self.file);
        bytes.clear();
        let read = file.take(SMALL_FILE + 1).read_to_end(&mut bytes).map_err(unread);
        let outcome = read.and_then(|_| self.small(&bytes, keep));
        self.file = bytes;
        outcome
    }

    fn small(
        &mut self,
        bytes: &[u8],
        keep: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<Content, Failure> {
        let size = bytes.len() as u64;
        let Some(length) = self.whole.gunzip(bytes, &self.limits, &mut self.text, 0) else {
            return self.stream(&mut &*bytes, size, keep);
        };
        let text = &self.text[..length];
        keep(text)?;
        let mut hash = Context::new(&SHA256);
        hash.update(text);
        Ok(Content { sha256: finished(hash), has_trailing_data: false, is_plain: false, size })
    }

    fn stream(
        &mut self,
        source: &mut dyn BufRead,
        size: u64,
        keep: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<Content, Failure> {
        let is_plain = !source.fill_buf().map_err(unread)?.starts_with(b"\x1f\x8b");
        let mut hash = Context::new(&SHA256);
        let has_trailing_data = if is_plain {
            self.take(source, None, &mut hash, keep)?;
            false
        } else {
            let mut member = GzDecoder::new(&mut *source);
            self.take(&mut member, Some(size), &mut hash, keep)?;
            !source.fill_buf().map_err(unread)?.is_empty()
        };
        Ok(Content { sha256: finished(hash), has_trailing_data, is_plain, size })
    }

    /// Reads to the end; `compressed` is the size of what it comes from, if it is more than a copy.
    fn take(
        &mut self,
        source: &mut dyn Read,
        compressed: Option<u64>,
        hash: &mut Context,
        keep: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.text.resize(self.text.len().max(BUFFER), 0);
        let mut output = 0;
        loop {
            let count = match source.read(&mut self.text[..BUFFER]) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(broken(&error)),
            };
            output += count as u64;
            let limit = self.limits.max_decompressed;
            if let Some(broken) = compressed.and_then(|size| exceeded(output, size, limit)) {
                return Err(Failure::Limit(broken.reason));
            }
            hash.update(&self.text[..count]);
            keep(&self.text[..count])?;
        }
    }
}

fn finished(hash: Context) -> Hash {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(hash.finish().as_ref());
    bytes
}

fn unread(error: io::Error) -> Failure {
    Failure::Unread(error.to_string())
}

fn broken(error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::UnexpectedEof => Failure::Damaged("the gzip data ends early".to_owned()),
        ErrorKind::InvalidData | ErrorKind::InvalidInput => {
            Failure::Damaged(format!("the gzip data is damaged: {error}"))
        }
        _ => Failure::Unread(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::sha256;
    use crate::verify::digest::hexadecimal;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(4));
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Content, Failure> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        ContentReader::new(&Limits::default()).hash(file.path())
    }

    #[test]
    fn the_first_member_is_hashed_whatever_the_size() {
        // Of those sizes some are read at once and some as a stream.
        let texts = [b"{}".to_vec(), Vec::new(), vec![7; 3 << 20], vec![7; 20 << 20], noise(6 << 20)];
        for text in &texts {
            let file = gzip(text);
            let expected = sha256(text);
            for (bytes, is_plain, has_trailing_data) in [
                (file.clone(), false, false),
                (text.clone(), true, false),
                ([&file[..], &file].concat(), false, true),
                ([&file[..], b"\0"].concat(), false, true),
                ([&file[..], &file[file.len() - 8..]].concat(), false, true),
            ] {
                let content = read(&bytes).unwrap();
                assert_eq!(hexadecimal(&content.sha256), expected);
                let told = (content.is_plain, content.has_trailing_data, content.size);
                assert_eq!(told, (is_plain, has_trailing_data, bytes.len() as u64), "{}", text.len());
            }
        }
    }

    fn noise(length: u32) -> Vec<u8> {
        (0..length).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    }

    #[test]
    fn damage_is_told_from_what_cannot_be_read() {
        let file = gzip(&noise(10_000));
        let mut flipped = file.clone();
        let last = flipped.len() - 6;
        flipped[last] ^= 1;
        for bytes in [&file[..file.len() - 1], &file[..20], &file[..3], &flipped, b"\x1f\x8b"] {
            assert!(matches!(read(bytes), Err(Failure::Damaged(_))), "{:?}", read(bytes));
        }
        let mut reader = ContentReader::new(&Limits::default());
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path(), &folder.path().join("none")] {
            assert!(matches!(reader.hash(path), Err(Failure::Unread(_))));
        }
        let bomb = read(&gzip(&vec![0; 100 << 20]));
        assert!(matches!(bomb, Err(Failure::Limit(_))), "{bomb:?}");
    }

    #[test]
    fn a_text_has_a_longest_length() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&gzip(b"twelve bytes")).unwrap();
        let mut reader = ContentReader::new(&Limits::default());
        assert_eq!(reader.text(file.path(), 12).unwrap().1, b"twelve bytes");
        assert!(matches!(reader.text(file.path(), 11), Err(Failure::Limit(_))));
    }
}
