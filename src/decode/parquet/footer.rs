//! The footer of a Parquet file that is to be opened, looked at before it is.

use super::claims::{self, FOOTER_BYTES, FalseClaim, SCHEMA_DEPTH, SCHEMA_NODES};
use super::source::Source;
use parquet::file::reader::Length;
use std::io;

/// What stands behind the footer: its length in four bytes, and the magic number.
const TAIL: usize = 8;

/// Checks what the footer claims.
///
/// # Errors
/// Why the file cannot be one, or should not be opened.
pub fn check(source: &Source) -> Result<(), FalseClaim> {
    let damaged = |reason: &str| FalseClaim::Damaged(reason.to_owned());
    let unreadable = |error: io::Error| FalseClaim::Damaged(error.to_string());
    let tail = source.len().checked_sub(TAIL as u64).ok_or_else(|| damaged("it ends early"))?;
    let bytes = source.read(tail, TAIL).map_err(unreadable)?;
    let [b0, b1, b2, b3, b'P', b'A', b'R', b'1'] = bytes[..] else {
        return Err(damaged("it has no footer; it was cut or is still being written"));
    };
    let footer = u64::from(u32::from_le_bytes([b0, b1, b2, b3]));
    let start = tail.checked_sub(footer).ok_or_else(|| damaged("its footer is longer than itself"))?;
    if footer > FOOTER_BYTES {
        return Err(FalseClaim::Limit(format!("a footer of {footer} bytes; at most {FOOTER_BYTES} are read")));
    }
    let bytes = source.read(start, footer as usize).map_err(unreadable)?;
    claims::check(&bytes, SCHEMA_NODES, SCHEMA_DEPTH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::guard::guarded;
    use parquet::file::metadata::ParquetMetaDataReader;

    /// A file whose schema has one node a count, with that many children.
    fn file(children: &[u32]) -> Source {
        let mut footer = vec![0x15, 2, 0x19];
        footer.push(0xfc);
        varint(children.len() as u64, &mut footer);
        for count in children {
            // Name, repetition (optional) and children.
            footer.extend([0x35, 2, 0x18, 1, b'a', 0x15]);
            varint(u64::from(*count) * 2, &mut footer);
            footer.push(0);
        }
        footer.push(0);
        let length = (footer.len() as u32).to_le_bytes();
        Source::Memory([&b"PAR1"[..], &footer, &length, b"PAR1"].concat().into())
    }

    fn varint(mut value: u64, out: &mut Vec<u8>) {
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    }

    #[test]
    fn a_schema_that_is_deep_or_lies_is_not_parsed() {
        for (children, expected) in [
            (vec![2, 0, 0], true),
            (vec![1, 2, 0, 0], true),
            (vec![1; 20], false),
            ([vec![1; 20], vec![0]].concat(), true),
            ([vec![1; 100_000], vec![0]].concat(), false),
            (vec![u32::MAX >> 1, 0, 0], false),
        ] {
            let source = file(&children);
            assert_eq!(check(&source).is_ok(), expected, "{:?}", &children[..children.len().min(5)]);
            if expected {
                // That it is parsed without harm; other parts of this footer are missing.
                assert!(guarded(|| ParquetMetaDataReader::new().parse_and_finish(&source)).is_ok());
            }
        }
    }

    #[test]
    fn what_ends_early_says_so() {
        for (bytes, reason) in [
            (&b"PAR1"[..], "it ends early"),
            (b"PAR1PAR1PARX", "no footer"),
            (b"PAR1\xff\0\0\0PAR1", "longer than itself"),
            (b"PAR1\xff\xff\xff\xffPAR1", "longer than itself"),
            (b"PAR1\0\0\0\0PAR1", "not well formed"),
        ] {
            let found = check(&Source::Memory(bytes.into())).unwrap_err().to_string();
            assert!(found.contains(reason), "{found}");
        }
    }
}
