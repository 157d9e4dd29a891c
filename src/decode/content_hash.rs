//! The hash by which the content of an input is known again.
//!
//! It is BLAKE3, which nobody can forge. Who is in a hurry gets XXH3 of plain files, which tells apart what nobody forged;
//! docs/export.md has what each costs. Compressed files and archives are small beside what is inside.

use super::sniff::{self, Container};
use blake3::{Hash, Hasher};
use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// Bytes of a group: for BLAKE3 enough for all lanes of the processor, and little to read twice at the end of a block.
pub const GROUP: u64 = 64 << 10;

/// Bytes that are read to be hashed at a time.
const READ_BYTES: usize = 256 << 10;

/// A hash of all bytes of an input, as the manifest writes it: `blake3:` or `xxh3:` and hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentHash {
    /// BLAKE3, 256 bits, as `b3sum` prints it.
    Blake3(Hash),
    /// XXH3, 128 bits, of the XXH3 hashes (little-endian) of each 64 KiB of the content.
    Xxh3(u128),
}

/// How a hash is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashKind {
    /// [`ContentHash::Blake3`].
    Blake3,
    /// [`ContentHash::Xxh3`].
    Xxh3,
}

impl HashKind {
    /// For a file that begins so.
    pub fn of(head: &[u8], blake3_wanted: bool) -> HashKind {
        let is_compressed = sniff::container(head).is_some_and(|container| container != Container::Tar);
        if blake3_wanted || is_compressed { HashKind::Blake3 } else { HashKind::Xxh3 }
    }
}

impl ContentHash {
    /// How it was made.
    pub fn kind(&self) -> HashKind {
        match self {
            ContentHash::Blake3(_) => HashKind::Blake3,
            ContentHash::Xxh3(_) => HashKind::Xxh3,
        }
    }

    /// Of bytes that are all there.
    pub fn of_bytes(kind: HashKind, bytes: &[u8]) -> ContentHash {
        match kind {
            HashKind::Blake3 => ContentHash::Blake3(blake3::hash(bytes)),
            HashKind::Xxh3 => {
                let mut all = Xxh3::new();
                bytes.chunks(GROUP as usize).for_each(|group| all.update(&xxh3_128(group).to_le_bytes()));
                ContentHash::Xxh3(all.digest128())
            }
        }
    }

    /// Of all that a reader gives.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn of_reader(kind: HashKind, mut source: impl Read) -> io::Result<ContentHash> {
        let (mut hasher, mut bytes) = (ContentHasher::new(kind), vec![0; READ_BYTES]);
        loop {
            match source.read(&mut bytes) {
                Ok(0) => return Ok(hasher.finish()),
                Ok(count) => hasher.update(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ContentHash::Blake3(hash) => write!(f, "blake3:{}", hash.to_hex()),
            ContentHash::Xxh3(hash) => write!(f, "xxh3:{hash:032x}"),
        }
    }
}

impl FromStr for ContentHash {
    type Err = String;

    fn from_str(text: &str) -> Result<ContentHash, String> {
        let failed = || format!("{text:?} is no hash");
        match text.split_once(':') {
            Some(("blake3", digits)) => Hash::from_hex(digits).map(ContentHash::Blake3).map_err(|_| failed()),
            Some(("xxh3", digits))
                if digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) =>
            {
                u128::from_str_radix(digits, 16).map(ContentHash::Xxh3).map_err(|_| failed())
            }
            _ => Err(failed()),
        }
    }
}

/// A hash under way.
pub enum ContentHasher {
    /// BLAKE3.
    Blake3(Box<Hasher>),
    /// Of all groups, of the one under way, and the bytes of that.
    Xxh3(Box<(Xxh3, Xxh3)>, u64),
}

impl ContentHasher {
    /// Of nothing yet.
    pub fn new(kind: HashKind) -> ContentHasher {
        match kind {
            HashKind::Blake3 => ContentHasher::Blake3(Box::default()),
            HashKind::Xxh3 => ContentHasher::Xxh3(Box::new((Xxh3::new(), Xxh3::new())), 0),
        }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        let (hashers, filled) = match self {
            ContentHasher::Blake3(hasher) => {
                hasher.update(bytes);
                return;
            }
            ContentHasher::Xxh3(hashers, filled) => (hashers, filled),
        };
        let (all, group) = &mut **hashers;
        while !bytes.is_empty() {
            let (now, rest) = bytes.split_at(bytes.len().min((GROUP - *filled) as usize));
            group.update(now);
            *filled += now.len() as u64;
            bytes = rest;
            if *filled == GROUP {
                all.update(&group.digest128().to_le_bytes());
                group.reset();
                *filled = 0;
            }
        }
    }

    /// The hash of what came so far.
    pub fn finish(&self) -> ContentHash {
        match self {
            ContentHasher::Blake3(hasher) => ContentHash::Blake3(hasher.finalize()),
            ContentHasher::Xxh3(hashers, filled) => {
                let (mut all, group) = (hashers.0.clone(), &hashers.1);
                if *filled > 0 {
                    all.update(&group.digest128().to_le_bytes());
                }
                ContentHash::Xxh3(all.digest128())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_does_not_depend_on_how_the_bytes_come_and_reads_back() {
        let bytes: Vec<u8> = (0..300_000_u32).map(|number| ((number * 31) >> 3) as u8).collect();
        for kind in [HashKind::Blake3, HashKind::Xxh3] {
            for length in [0, 1, 65_535, 65_536, 65_537, 131_072, 300_000] {
                let bytes = &bytes[..length];
                let hash = ContentHash::of_bytes(kind, bytes);
                assert_eq!(ContentHash::of_reader(kind, bytes).unwrap(), hash, "{length}");
                for part in [1_000, 65_536, 100_000] {
                    let mut hasher = ContentHasher::new(kind);
                    bytes.chunks(part).for_each(|part| hasher.update(part));
                    assert_eq!(hasher.finish(), hash, "{length} {part}");
                }
                assert_eq!(hash.to_string().parse(), Ok(hash));
            }
        }
        for text in ["", "xxh3:12", "md5:00", "blake3:zz", "xxh3:+0000000000000000000000000000000"] {
            assert!(text.parse::<ContentHash>().is_err(), "{text}");
        }
    }

    #[test]
    fn all_get_blake3_or_plain_ones_xxh3() {
        for (head, wanted, kind) in [
            (&b"\x1f\x8b\x08\0"[..], false, HashKind::Blake3),
            (b"PK\x03\x04", false, HashKind::Blake3),
            (b"79a5 b [", false, HashKind::Xxh3),
            (b"79a5 b [", true, HashKind::Blake3),
            (b"", false, HashKind::Xxh3),
        ] {
            assert_eq!(HashKind::of(head, wanted), kind, "{head:?}");
        }
    }
}
