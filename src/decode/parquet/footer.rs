//! The footer of a Parquet file, looked at before it is parsed: a schema that is nested deep would use up the stack, and
//! counts that are not true would make room for gigabytes.

use super::source::Source;
use super::thrift::{Kind, Thrift};
use parquet::file::reader::Length;

/// What stands behind the footer: its length in four bytes, and the magic number.
const TAIL: usize = 8;

/// Longest footer. That of a full file of an export (4,096 row groups) is the largest known; most have less than 1 MiB.
const LONGEST: u64 = 64 << 20;

/// Groups of columns inside one another; an export has five.
const MOST_NESTED: usize = 32;

/// Number of the schema among the fields of the footer, and of the count of children among those of a column
/// (<https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>).
const SCHEMA: i64 = 2;
const CHILDREN: i64 = 5;

/// Checks what the footer claims.
///
/// # Errors
/// Why the file cannot be one, or should not be opened.
pub fn check(source: &Source) -> Result<(), String> {
    let ends = |reason: &str| format!("the Parquet file is damaged: {reason}");
    let length = source.len();
    let tail = length.checked_sub(TAIL as u64).ok_or_else(|| ends("it ends early"))?;
    let bytes = source.read(tail, TAIL).map_err(|error| error.to_string())?;
    let Some(([b0, b1, b2, b3, b'P', b'A', b'R', b'1'], _)) = bytes.split_first_chunk() else {
        return Err(ends("it has no footer; it was cut or is still being written"));
    };
    let footer = u64::from(u32::from_le_bytes([*b0, *b1, *b2, *b3]));
    if footer > LONGEST {
        return Err(format!("a Parquet file whose footer has {footer} bytes; at most {LONGEST} are read"));
    }
    let start = tail.checked_sub(footer).ok_or_else(|| ends("its footer is longer than itself"))?;
    let bytes = source.read(start, footer as usize).map_err(|error| error.to_string())?;
    let walked = Thrift::new(&bytes).fields(|thrift, number, kind| match (number, kind) {
        (SCHEMA, Kind::List) => schema(thrift),
        (_, kind) => thrift.skip(kind),
    });
    walked.ok_or_else(|| ends("its footer claims what cannot be"))
}

/// The schema is a list of nodes, each before its children.
fn schema(thrift: &mut Thrift<'_>) -> Option<()> {
    let (nodes, kind) = thrift.list()?;
    if kind != Kind::Struct {
        return None;
    }
    // For each group that is open, the children that are still to come.
    let mut open: Vec<usize> = Vec::new();
    for node in 0..nodes {
        let mut children = 0;
        thrift.fields(|thrift, number, kind| match (number, kind) {
            (CHILDREN, Kind::Integer) => {
                children = usize::try_from(thrift.integer()?).ok()?;
                Some(())
            }
            (_, kind) => thrift.skip(kind),
        })?;
        if let Some(left) = open.last_mut() {
            *left = left.checked_sub(1)?;
        }
        if children > nodes - node - 1 || open.len() > MOST_NESTED {
            return None;
        }
        if children > 0 {
            open.push(children);
        }
        while open.last() == Some(&0) {
            open.pop();
        }
    }
    Some(())
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
            (b"PAR1\xff\xff\xff\xffPAR1", "at most 67108864 are read"),
            (b"PAR1\0\0\0\0PAR1", "claims what cannot be"),
        ] {
            let found = check(&Source::Memory(bytes.into())).unwrap_err();
            assert!(found.contains(reason), "{found}");
        }
    }
}
