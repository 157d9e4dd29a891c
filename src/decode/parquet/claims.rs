//! What a footer claims, held against its bytes before it is parsed: the parquet crate reserves memory for any
//! number of row groups and columns, and reads schemas of any depth by recursion.

use super::thrift::{Compact, I32, LIST, STRUCT, ThriftError};

/// Nodes that a schema may have; tables of a log have a hundred.
pub(crate) const SCHEMA_NODES: usize = 100_000;

/// Levels that a schema may have; tables of a log have six.
pub(crate) const SCHEMA_DEPTH: usize = 64;

/// Bytes that a footer may have: one of a thousand row groups of a hundred columns has less, and takes ten times
/// as much memory.
pub(crate) const FOOTER_BYTES: u64 = 16 << 20;

/// A claim that does not hold, or should not be followed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FalseClaim {
    /// It cannot be true.
    #[error("{0}")]
    Damaged(String),
    /// It would take more memory than a file may have.
    #[error("{0}")]
    Limit(String),
}

/// Holds what `FileMetaData` claims against its bytes
/// (<https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>).
pub(crate) fn check(bytes: &[u8], most_nodes: usize, most_levels: usize) -> Result<(), FalseClaim> {
    let malformed = |_: ThriftError| FalseClaim::Damaged("the footer is not well formed".to_owned());
    let mut at = Compact::new(bytes);
    let mut last = 0;
    while let Some((number, kind)) = at.field(last).map_err(malformed)? {
        match (number, kind) {
            // 2: list<SchemaElement> schema
            (2, LIST) => {
                let children = children(&mut at).map_err(malformed)?;
                check_tree(&children, most_nodes, most_levels)?;
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

fn check_tree(children: &[i64], most_nodes: usize, most_levels: usize) -> Result<(), FalseClaim> {
    if children.len() > most_nodes {
        return Err(FalseClaim::Limit(format!("a schema of {} nodes is not read", children.len())));
    }
    // Children that are still to come, of each level.
    let mut open: Vec<usize> = Vec::new();
    for (index, count) in children.iter().enumerate() {
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        let fits = usize::try_from(*count).ok().filter(|count| *count < children.len() - index);
        let Some(count) = fits else {
            return Err(FalseClaim::Damaged(format!("a node of the schema claims {count} children")));
        };
        open.push(count);
        if open.len() > most_levels {
            return Err(FalseClaim::Limit(format!("a schema of more than {most_levels} levels is not read")));
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
        let refused = |children: &[i64]| check_tree(children, 10, 4).err().map(|claim| claim.to_string());
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
