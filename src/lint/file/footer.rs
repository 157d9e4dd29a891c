//! The footer of a file, after a look at what it claims: the parquet crate reserves memory for any number of row
//! groups and reads schemas of any depth by recursion.

use super::Trouble;
use crate::lint::limits::Limits;
use crate::lint::thrift::{Compact, I32, LIST, STRUCT, ThriftError};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// What a Parquet file begins and ends with.
pub(in crate::lint) const MAGIC: &[u8; 4] = b"PAR1";
/// The same, of a file whose footer is encrypted.
const MAGIC_ENCRYPTED: &[u8; 4] = b"PARE";
/// Length and magic at the end.
const TAIL_BYTES: u64 = 8;

/// A footer, and the end of the bytes before it, which the pages may take up.
pub(super) struct Footer {
    pub(super) metadata: ParquetMetaData,
    pub(super) data_end: u64,
}

/// Reads the footer of a file of `length` bytes.
pub(super) fn read(file: &mut File, length: u64, limits: &Limits) -> Result<Footer, Trouble> {
    let damaged = |reason: String| Err(Trouble::Damaged(reason));
    if length < MAGIC.len() as u64 + TAIL_BYTES {
        return damaged(format!("{length} bytes are too few for a Parquet file"));
    }
    let mut head = [0; MAGIC.len()];
    file.read_exact(&mut head)?;
    let mut tail = [0; TAIL_BYTES as usize];
    file.seek(SeekFrom::Start(length - TAIL_BYTES))?;
    file.read_exact(&mut tail)?;
    if &tail[4..] == MAGIC_ENCRYPTED {
        return damaged("the footer is encrypted".to_owned());
    }
    for (place, found) in [("begin", &head[..]), ("end", &tail[4..])] {
        if found != MAGIC {
            return damaged(format!("the file does not {place} with PAR1"));
        }
    }
    let footer_bytes = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    let Some(data_end) = (length - TAIL_BYTES).checked_sub(footer_bytes).filter(|end| *end >= 4) else {
        return damaged(format!("a footer of {footer_bytes} bytes does not fit into the file"));
    };
    if footer_bytes > limits.footer_bytes {
        let reason = format!("a footer of {footer_bytes} bytes is not read, more than {}", limits.footer_bytes);
        return Err(Trouble::Limit(reason));
    }
    file.seek(SeekFrom::Start(data_end))?;
    let mut bytes = vec![0; footer_bytes as usize];
    file.read_exact(&mut bytes)?;
    check_claims(&bytes, limits)?;
    let metadata = ParquetMetaDataReader::decode_metadata(&bytes)
        .map_err(|error| Trouble::Damaged(format!("the footer cannot be read: {error}")))?;
    Ok(Footer { metadata, data_end })
}

/// Holds what `FileMetaData` claims against its bytes
/// (<https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>).
fn check_claims(bytes: &[u8], limits: &Limits) -> Result<(), Trouble> {
    let malformed = |_: ThriftError| Trouble::Damaged("the footer is not well formed".to_owned());
    let mut at = Compact::new(bytes);
    let mut last = 0;
    while let Some((number, kind)) = at.field(last).map_err(malformed)? {
        match (number, kind) {
            // 2: list<SchemaElement> schema
            (2, LIST) => {
                let children = children(&mut at).map_err(malformed)?;
                check_tree(&children, limits)?;
            }
            _ => at.skip(kind).map_err(malformed)?,
        }
        last = number;
    }
    Ok(())
}

/// The number of children of each node, parents first.
fn children(at: &mut Compact<'_>) -> Result<Vec<i64>, ThriftError> {
    let (kind, count) = at.list()?;
    if kind != STRUCT {
        return Err(ThriftError::Malformed);
    }
    let mut all = Vec::new();
    for _ in 0..count {
        let (mut children, mut last) = (0, 0);
        while let Some((number, kind)) = at.field(last)? {
            match (number, kind) {
                // 5: optional i32 num_children
                (5, I32) => children = at.integer()?,
                _ => at.skip(kind)?,
            }
            last = number;
        }
        all.push(children);
    }
    Ok(all)
}

fn check_tree(children: &[i64], limits: &Limits) -> Result<(), Trouble> {
    if children.len() > limits.schema_nodes {
        return Err(Trouble::Limit(format!("a schema of {} nodes is not read", children.len())));
    }
    // Children that are still to come, of each level.
    let mut open: Vec<usize> = Vec::new();
    for (index, count) in children.iter().enumerate() {
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        let fits = usize::try_from(*count).ok().filter(|count| *count < children.len() - index);
        let Some(count) = fits else {
            return Err(Trouble::Damaged(format!("a node of the schema claims {count} children")));
        };
        open.push(count);
        if open.len() > limits.schema_depth {
            return Err(Trouble::Limit(format!(
                "a schema of more than {} levels is not read",
                limits.schema_depth
            )));
        }
        while open.last() == Some(&0) {
            open.pop();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_are_held_against_their_nodes() {
        let limits = Limits { schema_depth: 4, schema_nodes: 10, ..Limits::default() };
        let refused = |children: &[i64]| check_tree(children, &limits).err().map(|trouble| trouble.to_string());
        for good in [&[2, 0, 0][..], &[1, 1, 1, 0], &[2, 1, 0, 1, 0], &[0]] {
            assert_eq!(refused(good), None, "{good:?}");
        }
        for (bad, reason) in [
            (&[1 << 31, 0][..], "claims 2147483648 children"),
            (&[-1, 0], "claims -1 children"),
            (&[1, 1, 1, 1, 0], "more than 4 levels"),
            (&[0; 11], "11 nodes"),
        ] {
            assert!(refused(bad).is_some_and(|found| found.contains(reason)), "{bad:?}: {:?}", refused(bad));
        }
    }
}
