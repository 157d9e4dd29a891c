//! Many small files of a partition to few large ones: engines pay for each file that they open.

use super::disk::Disk;
use super::lake::{Audit, Kind, Lake, OutputEntry, Record};
use super::parquet::{MERGED_AT_A_TIME, Merge, is_sorted_by_file};
use crate::batch::Dataset;
use crate::error::Error;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// Files from this size on are left as they are: 128 to 512 MB are read best
/// (<https://docs.aws.amazon.com/athena/latest/ug/performance-tuning.html>).
const LARGE_BYTES: u64 = 128 << 20;

/// Bytes of files that are merged into one, if nothing else is asked for.
pub const TARGET_BYTES: u64 = 400 << 20;

/// What was merged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompactSummary {
    /// Files before, of those that were merged.
    pub files_before: usize,
    /// Files that hold their rows now.
    pub files_after: usize,
    /// Bytes before.
    pub bytes_before: u64,
    /// Bytes now.
    pub bytes_after: u64,
    /// Rows in them.
    pub rows: u64,
    /// How the folder differs from what its manifest says, a sentence each. Files that do were left as they are.
    pub warnings: Vec<String>,
}

/// Merges the small files of each partition of a folder of exports, about `target_bytes` into each. It is one change of the
/// folder, as an export is: it happens as a whole or not at all. Files that are not as the manifest says are left out of it.
///
/// # Errors
/// A folder without a manifest, or that another process writes to; files that cannot be read; output that failed.
pub fn compact(root: &Path, target_bytes: u64, disk: Disk) -> Result<CompactSummary, Error> {
    let has_manifest = Lake::has_manifest(root);
    if !has_manifest {
        return Err(Error::Usage(format!(
            "{} holds no export with a manifest: there is nothing to merge",
            root.display()
        )));
    }
    let mut lake = Lake::open(root, disk.clone())?;
    let audit = Audit::of(root, lake.state(), Dataset::ALL.map(Dataset::name))?;
    let lost: HashSet<&str> = audit.lost.iter().map(|file| file.path.as_str()).collect();
    let there = lake.state().files().filter(|file| !lost.contains(file.path.as_str()));
    let packs = packs(there, target_bytes, |dataset| is_sorted_by_file(&lake, dataset));
    let mut merge = Merge::new(&lake, &disk);
    let mut summary = CompactSummary { warnings: audit.warnings(), ..CompactSummary::default() };
    for pack in &packs {
        merge.pack(&lake, pack)?;
        summary.files_before += pack.len();
        summary.bytes_before += pack.iter().map(|file| file.bytes).sum::<u64>();
    }
    let (mut files, mut folders) = merge.complete();
    summary.files_after = files.len();
    summary.bytes_after = files.iter().map(|file| file.entry.bytes).sum();
    summary.rows = files.iter().map(|file| file.entry.rows).sum();
    if !packs.is_empty() {
        let removes = packs.iter().flatten().map(|file| file.path.clone()).collect();
        let record = Record { removes, ..Record::committed(lake.next_run(), Kind::Compact) };
        lake.commit(record, &mut files)?;
        folders.keep();
    }
    Ok(summary)
}

/// Which files become one, each by its partition and in the order of their events. `by_file`: are the files of a dataset
/// in order as a whole? Then only so many go together as can be merged row by row.
fn packs<'a>(
    files: impl Iterator<Item = &'a OutputEntry>,
    target_bytes: u64,
    by_file: impl Fn(&str) -> bool,
) -> Vec<Vec<OutputEntry>> {
    let mut partitions: BTreeMap<&str, Vec<&OutputEntry>> = BTreeMap::new();
    for file in files.filter(|file| file.bytes < LARGE_BYTES.min(target_bytes)) {
        let partition = file.path.rsplit_once('/').map_or("", |(partition, _)| partition);
        partitions.entry(partition).or_default().push(file);
    }
    let mut packs = Vec::new();
    for mut files in partitions.into_values() {
        files.sort_by(|one, other| (one.first_event_ms, &one.path).cmp(&(other.first_event_ms, &other.path)));
        let mut pack: Vec<OutputEntry> = Vec::new();
        for file in files {
            let bytes: u64 = pack.iter().map(|file| file.bytes).sum();
            let merged = pack.iter().filter(|earlier| by_file(file.dataset()) && overlap(earlier, file)).count();
            if (bytes + file.bytes > target_bytes && !pack.is_empty()) || merged >= MERGED_AT_A_TIME {
                packs.push(std::mem::take(&mut pack));
            }
            pack.push(file.clone());
        }
        packs.push(pack);
    }
    packs.retain(|pack| pack.len() > 1);
    packs
}

/// Can rows of the later file stand before the last of the earlier one?
fn overlap(earlier: &OutputEntry, later: &OutputEntry) -> bool {
    let apart = earlier.last_event_ms.zip(later.first_event_ms).is_some_and(|(last, first)| last < first);
    !apart || earlier.without_time != Some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_files_of_a_partition_are_packed_up_to_the_target() {
        let file = |path: &str, bytes: u64, first_event_ms: Option<i64>| OutputEntry {
            path: path.to_owned(),
            rows: 1,
            bytes,
            first_event_ms,
            last_event_ms: None,
            without_time: None,
        };
        let files = [
            file("a/d=1/1", 40, Some(2)),
            file("a/d=1/2", 40, Some(1)),
            file("a/d=1/3", 40, Some(3)),
            file("a/d=1/4", 70, Some(4)),
            file("a/d=1/5", 100, Some(0)),
            file("a/d=2/1", 1, None),
            file("b/d=1/1", 1, None),
            file("b/d=1/2", 1, None),
        ];
        let found = packs(files.iter(), 100, |_| false);
        let names: Vec<Vec<&str>> =
            found.iter().map(|pack| pack.iter().map(|file| file.path.as_str()).collect()).collect();
        assert_eq!(names, [vec!["a/d=1/2", "a/d=1/1"], vec!["b/d=1/1", "b/d=1/2"]]);
        assert_eq!(packs(files.iter(), 1000, |_| false).len(), 2);
        // Of files in order no more go together than can be merged at a time.
        let times = |number: i64, length| OutputEntry {
            last_event_ms: Some(number + length),
            without_time: Some(0),
            ..file(&format!("a/d=1/{number:03}"), 1, Some(number))
        };
        for (length, sizes) in [(100, vec![16, 16, 8]), (0, vec![40])] {
            let files: Vec<OutputEntry> = (0..40).map(|number| times(number, length)).collect();
            let found = packs(files.iter(), 1000, |dataset| dataset == "a");
            assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), sizes);
        }
    }
}
