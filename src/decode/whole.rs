//! Ordinary gzip files, decompressed as a whole and straight to where the bytes are wanted.
//!
//! It takes one gzip member and nothing behind it, as AWS writes them. Everything else (large, of several members,
//! padded, cut, damaged, against a limit) is left to the stream, which knows what to say of it.

use super::Limits;
use libdeflater::Decompressor;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// Largest file, decompressed, that is held in memory.
const LARGEST: usize = 16 << 20;

/// Bytes of a gzip header without a name (RFC 1952, 2.3).
const HEADER: usize = 10;

/// Bytes behind the data: CRC-32 of what was compressed, and its length modulo 2^32.
const TRAILER: usize = 4 + LENGTH;
const LENGTH: usize = 4;

/// The one flag of the header that may be set: a name follows.
const FNAME: u8 = 8;

/// Decompresses files one after the other.
pub struct WholeFiles {
    decompressor: Decompressor,
}

impl WholeFiles {
    /// With tables that are used again from file to file.
    pub fn new() -> WholeFiles {
        WholeFiles { decompressor: Decompressor::new() }
    }

    /// Decompresses `file` into `out`, from `start` on. The length of what it holds; `None` where the file is not an
    /// ordinary one, and what lies behind `start` means nothing then. `out` may stay longer than it was.
    pub fn gunzip(&mut self, file: &[u8], limits: &Limits, out: &mut Vec<u8>, start: usize) -> Option<usize> {
        let length = told_length(file).filter(|length| fits(*length, limits))?;
        let end = start + length;
        if out.len() < end {
            // Once for all files that a block holds: growing would copy those before.
            out.reserve(end.max(limits.full_block() + limits.full_block() / 4) + length / 16 - out.len());
            out.resize(end, 0);
        }
        let text = &mut out[start..end];
        // Checks the CRC and the length that stand right behind the data.
        let done = self.decompressor.gzip_decompress(file, text).ok()?;
        (done == length && ends_with_member(file, text)).then_some(length)
    }
}

fn fits(length: usize, limits: &Limits) -> bool {
    length <= LARGEST && length as u64 <= limits.max_decompressed
}

/// Do the last bytes of a gzip file say that it can be decompressed as a whole? They may be wrong, or be those of the
/// last member only. The file is read from its begin afterwards.
pub fn is_told_to_fit(mut file: &File, limits: &Limits) -> io::Result<bool> {
    let mut length = [0; 4];
    file.seek(SeekFrom::End(-4))?;
    file.read_exact(&mut length)?;
    file.rewind()?;
    Ok(fits(u32::from_le_bytes(length) as usize, limits))
}

/// The length that the last bytes of a file tell, if it begins as gzip files of one member mostly do.
fn told_length(file: &[u8]) -> Option<usize> {
    if file.len() < HEADER + TRAILER || !matches!(file, [0x1f, 0x8b, 8, 0 | FNAME, ..]) {
        return None;
    }
    let length = u32::from_le_bytes(*file.last_chunk()?) as usize;
    (length > 0).then_some(length)
}

/// Does the file end where its first member does, which decompressed to `text`? The member is known to be followed by its
/// CRC and the length of `text`, wherever it ends: so its end is the end of the file if that stands there and nowhere
/// before. Mostly not even the length does, and the CRC need not be taken once more.
fn ends_with_member(file: &[u8], text: &[u8]) -> bool {
    let (Some(length), Some(trailer)) = (file.last_chunk::<LENGTH>(), file.last_chunk::<TRAILER>()) else {
        return false;
    };
    let is_before = |bytes: &[u8]| memchr::memmem::find(&file[..file.len() - 1], bytes).is_some();
    if u32::from_le_bytes(*length) as usize != text.len() {
        return false;
    }
    if !is_before(length) {
        return true;
    }
    let expected = u64::from(libdeflater::crc32(text)) | (text.len() as u64) << 32;
    u64::from_le_bytes(*trailer) == expected && !is_before(trailer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, GzBuilder, bufread::MultiGzDecoder, write::GzEncoder};
    use proptest::prelude::*;
    use std::io::{Read, Write};

    fn gzip(text: &[u8], level: u32) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn whole(file: &[u8], limits: &Limits) -> Option<Vec<u8>> {
        let mut out = b"before".to_vec();
        let length = WholeFiles::new().gunzip(file, limits, &mut out, 6)?;
        assert!(out.starts_with(b"before"));
        Some(out[6..6 + length].to_vec())
    }

    #[test]
    fn one_member_that_ends_with_the_file_is_taken_and_nothing_else() {
        let text = b"{\"Records\":[]}".repeat(50);
        let file = gzip(&text, 6);
        let limits = Limits::default();
        assert_eq!(whole(&file, &limits).as_deref(), Some(&text[..]));
        let named = GzBuilder::new().filename("a.json").write(Vec::new(), Compression::default());
        let with = |mut encoder: GzEncoder<Vec<u8>>| {
            encoder.write_all(&text).unwrap();
            encoder.finish().unwrap()
        };
        assert_eq!(whole(&with(named), &limits).as_deref(), Some(&text[..]));
        let extra = GzBuilder::new().extra(vec![1, 2]).write(Vec::new(), Compression::default());
        for other in [
            with(extra),
            [&file[..], &file].concat(),
            [&file[..], &gzip(b"{}", 6)].concat(),
            [&file[..], b"\0\0\0\0"].concat(),
            [&file[..], b"more"].concat(),
            // Other bytes that end as the member does.
            [&file[..], b"more", &file[file.len() - 8..]].concat(),
            [&file[..], &file[file.len() - 8..]].concat(),
            file[..file.len() - 1].to_vec(),
            gzip(b"", 6),
            Vec::new(),
        ] {
            assert_eq!(whole(&other, &limits), None);
        }
        assert_eq!(whole(&file, &Limits { max_decompressed: text.len() as u64 - 1, ..limits.clone() }), None);
        assert_eq!(whole(&gzip(&vec![b'x'; LARGEST + 1], 1), &limits), None);
        assert!(whole(&gzip(&vec![b'x'; LARGEST], 1), &limits).is_some());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn what_is_taken_is_what_a_stream_would_give(
            text in prop::collection::vec(prop_oneof![Just(b'a'), Just(b'"'), any::<u8>()], 1..3000),
            level in 0..10u32,
            edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 0..3),
        ) {
            let mut file = gzip(&text, level);
            for (place, byte, kind) in edits {
                let at = place.index(file.len());
                match kind {
                    0 => file[at] = byte,
                    1 => file.truncate(at + 1),
                    2 => file.insert(at, byte),
                    _ => file.extend_from_slice(&gzip(&[byte], level)),
                }
            }
            let mut streamed = Vec::new();
            let done = MultiGzDecoder::new(&file[..]).read_to_end(&mut streamed);
            match whole(&file, &Limits::default()) {
                Some(taken) => {
                    prop_assert!(done.is_ok());
                    prop_assert_eq!(taken, streamed);
                }
                None => prop_assert!(done.is_err() || file != gzip(&text, level)),
            }
        }
    }
}
