//! What a footer claims, held against its bytes before it is parsed: the parquet crate reserves memory for any
//! number of row groups and columns, and reads schemas of any depth by recursion.

use super::thrift::{BINARY, Compact, I32, LIST, STRUCT, ThriftError};

/// Nodes that a schema may have; tables of a log have a hundred.
pub(crate) const SCHEMA_NODES: usize = 100_000;

/// Levels that a schema may have; tables of a log have six.
pub(crate) const SCHEMA_DEPTH: usize = 64;

/// Bytes that the paths of all nodes may have together: whoever reads a schema writes the path of each leaf out, with the
/// names of all that it lies in. Paths of a log have ten kilobytes.
const PATH_BYTES: u64 = 64 << 20;

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
                let nodes = nodes(&mut at).map_err(malformed)?;
                check_tree(&nodes, most_nodes, most_levels)?;
            }
            _ => at.skip(kind).map_err(malformed)?,
        }
        last = number;
    }
    Ok(())
}

/// What a node of the schema claims.
#[derive(Clone, Copy, Debug, Default)]
struct Node {
    name_bytes: u64,
    children: i64,
}

/// The nodes, parents first.
fn nodes(at: &mut Compact<'_>) -> Result<Vec<Node>, ThriftError> {
    let (kind, count) = at.list()?;
    if kind != STRUCT {
        return Err(ThriftError::Malformed);
    }
    let mut all = Vec::new();
    for _ in 0..count {
        let (mut node, mut last) = (Node::default(), 0);
        while let Some((number, kind)) = at.field(last)? {
            match (number, kind) {
                // 4: required string name
                (4, BINARY) => node.name_bytes = at.text_length()?,
                // 5: optional i32 num_children
                (5, I32) => node.children = at.integer()?,
                _ => at.skip(kind)?,
            }
            last = number;
        }
        all.push(node);
    }
    Ok(all)
}

fn check_tree(nodes: &[Node], most_nodes: usize, most_levels: usize) -> Result<(), FalseClaim> {
    if nodes.len() > most_nodes {
        return Err(FalseClaim::Limit(format!("a schema of {} nodes is not read", nodes.len())));
    }
    // Of each level the children that are still to come, and the bytes of the path down to it.
    let mut open: Vec<(usize, u64)> = Vec::new();
    let mut path_bytes = 0;
    for (index, Node { name_bytes, children }) in nodes.iter().enumerate() {
        if let Some((left, _)) = open.last_mut() {
            *left -= 1;
        }
        let fits = usize::try_from(*children).ok().filter(|count| *count < nodes.len() - index);
        let Some(count) = fits else {
            return Err(FalseClaim::Damaged(format!("a node of the schema claims {children} children")));
        };
        let path = open.last().map_or(0, |(_, path)| *path) + name_bytes;
        path_bytes += path;
        if path_bytes > PATH_BYTES {
            let reason = format!("a schema whose paths have more than {PATH_BYTES} bytes is not read");
            return Err(FalseClaim::Limit(reason));
        }
        open.push((count, path));
        if open.len() > most_levels {
            return Err(FalseClaim::Limit(format!("a schema of more than {most_levels} levels is not read")));
        }
        while open.last().is_some_and(|(left, _)| *left == 0) {
            open.pop();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(children: &[i64], name_bytes: u64) -> Option<String> {
        let nodes: Vec<Node> = children.iter().map(|children| Node { name_bytes, children: *children }).collect();
        check_tree(&nodes, 10, 4).err().map(|claim| claim.to_string())
    }

    #[test]
    fn names_that_stand_in_many_paths_count_in_each() {
        // The root, a struct and three leaves: 1 + 2 + 3 * 3 names.
        let shared = &[1, 3, 0, 0, 0];
        assert_eq!(refusal(shared, PATH_BYTES / 12), None);
        assert!(refusal(shared, PATH_BYTES / 12 + 1).is_some_and(|reason| reason.contains("paths")));
    }

    #[test]
    fn trees_are_held_against_their_nodes() {
        let refused = |children: &[i64]| refusal(children, 1);
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
