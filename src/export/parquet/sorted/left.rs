//! Lines that are not put on the disk again, as they are there already: those of plain access logs that are roughly in
//! order. Of such a line only its place is kept, and it is read from its file again when its turn has come.

use super::super::order::sort_key;
use crate::decode::{Block, Segment};
use crate::parse::{FieldTable, LogType, Spare, s3_access};
use hashbrown::HashMap;
use memchr::{memchr, memchr_iter, memrchr};
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// How far from each other rows may stand in a file that follow one another in time: a window of so many bytes stays in the
/// system's memory while it is read from.
const WINDOW: u64 = 256 << 20;

/// A file of so many bytes is read in any order.
const SMALL_FILE: u64 = 64 << 20;

/// Bytes that tell the time at a place of a file.
const PROBE: usize = 16 << 10;

/// Bytes between two lines of a file that are read rather than passed over: about what one more call costs.
const MOST_GAP: u64 = 4 << 10;

/// Bytes of a file that are read at a time.
const MOST_READ: u64 = 1 << 20;

/// Bytes of a line's place, as [`LeftLine::write`] writes them.
const LEFT_LINE_BYTES: usize = 24;

/// Which segments of a table can be left in their files: those of lines that have `least_bytes` of rows, and stand in the
/// file of that name where the table says, with all rows of about that time near by. Were a large file in no order, its
/// lines would be read one by one from everywhere.
pub(in super::super) fn left_segments(table: &FieldTable, rows: &[u32], least_bytes: usize) -> Vec<bool> {
    let mut left = vec![false; table.segments.len()];
    if table.log != LogType::S3Access || table.is_read_back {
        return left;
    }
    for rows in rows.chunk_by(|before, row| segment_of(table, *before) == segment_of(table, *row)) {
        let bytes: usize = rows.iter().map(|row| table.record(*row as usize).len()).sum();
        if bytes >= least_bytes {
            left[segment_of(table, rows[0])] = can_be_left(table, rows);
        }
    }
    left
}

fn segment_of(table: &FieldTable, row: u32) -> usize {
    table.rows[row as usize].segment as usize
}

/// Can these rows of one segment be left?
fn can_be_left(table: &FieldTable, rows: &[u32]) -> bool {
    let segment = &table.segments[segment_of(table, rows[0])];
    let path = Path::new(&*segment.file);
    // A pipe must not be opened.
    let Some(metadata) = fs::metadata(path).ok().filter(Metadata::is_file) else { return false };
    let Ok(mut file) = File::open(path) else { return false };
    let ends = [rows[0], rows[rows.len() - 1]];
    if !ends.into_iter().all(|row| stands_there(table, segment, row, &mut file)) {
        return false;
    }
    let [start, end] = ends.map(|row| offset_of(table, segment, row));
    metadata.len() <= SMALL_FILE || all_are_near(&mut file, metadata.len(), start..end, times(table, rows))
}

/// Has the file the bytes of that row where they should be? One that is compressed or in an archive has not.
fn stands_there(table: &FieldTable, segment: &Segment, row: u32, file: &mut File) -> bool {
    let record = table.record(row as usize);
    let mut bytes = vec![0; record.len()];
    // JSON holds a line in other words.
    record.first() != Some(&b'{')
        && read_at(file, offset_of(table, segment, row), &mut bytes).is_ok()
        && bytes == record
}

/// Do all rows of these times stand within a [`WINDOW`] of the place? Judged by what stands at its ends, before and behind.
fn all_are_near(file: &mut File, length: u64, place: Range<u64>, times: Option<RangeInclusive<i64>>) -> bool {
    let Some(times) = times else { return false };
    let mut there = |offset: u64, is_apart: fn(&RangeInclusive<i64>, &RangeInclusive<i64>) -> bool| {
        times_at(file, offset).is_some_and(|there| is_apart(&there, &times))
    };
    let behind = place.start.saturating_add(WINDOW);
    let is_behind = behind >= length || there(behind, |there, times| there.start() >= times.end());
    is_behind
        && place
            .end
            .checked_sub(WINDOW)
            .is_none_or(|before| there(before, |there, times| there.end() <= times.start()))
}

/// The first and the last time of rows, as keys; `None` if none has a time.
fn times(table: &FieldTable, rows: &[u32]) -> Option<RangeInclusive<i64>> {
    let keys = || rows.iter().map(|row| sort_key(table, *row)).filter(|key| *key != i64::MAX);
    Some(keys().min()?..=keys().max()?)
}

/// The same of the whole lines of a [`PROBE`].
fn times_at(file: &mut File, offset: u64) -> Option<RangeInclusive<i64>> {
    file.seek(SeekFrom::Start(offset)).ok()?;
    let mut bytes = Vec::new();
    file.take(PROBE as u64).read_to_end(&mut bytes).ok()?;
    let (start, end) = (memchr(b'\n', &bytes)? + 1, memrchr(b'\n', &bytes)? + 1);
    let lines = bytes.get(start..end)?.to_vec();
    let segments = vec![Segment { file: "probe".into(), start: 0, first_number: 1, first_offset: 0 }];
    let framed = memchr_iter(b'\n', &lines).count() as u64;
    let table = parsed(Block { log: LogType::S3Access, bytes: lines, segments, records: Vec::new(), framed });
    let rows: Vec<u32> = (0..table.len() as u32).collect();
    times(&table, &rows)
}

fn parsed(block: Block) -> FieldTable {
    s3_access::parse_block_into(block, &mut Vec::new(), Spare::default()).0
}

fn offset_of(table: &FieldTable, segment: &Segment, row: u32) -> u64 {
    segment.first_offset + u64::from(table.rows[row as usize].record.start - segment.start)
}

fn read_at(file: &mut File, offset: u64, into: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(into)
}

/// A line that is left in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LeftLine {
    /// Its number in the file, from 1.
    number: u64,
    /// Its first byte in the file.
    offset: u64,
    /// Its bytes without the line end.
    length: u32,
    /// Of these bytes.
    hash: u32,
}

impl LeftLine {
    /// That of a row.
    pub(super) fn of(table: &FieldTable, row: u32) -> LeftLine {
        let record = table.record(row as usize);
        let segment = &table.segments[segment_of(table, row)];
        let number = table.rows[row as usize].number;
        LeftLine {
            number,
            offset: offset_of(table, segment, row),
            length: record.len() as u32,
            hash: hash(record),
        }
    }

    pub(super) fn write(self, out: &mut Vec<u8>) {
        let LeftLine { number, offset, length, hash } = self;
        out.extend_from_slice(&number.to_le_bytes());
        out.extend_from_slice(&offset.to_le_bytes());
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&hash.to_le_bytes());
    }

    /// `None` if these are not the bytes of one.
    pub(super) fn read(bytes: &[u8]) -> Option<LeftLine> {
        let (number, rest) = bytes.split_first_chunk()?;
        let (offset, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let hash = rest.first_chunk().filter(|_| bytes.len() == LEFT_LINE_BYTES)?;
        Some(LeftLine {
            number: u64::from_le_bytes(*number),
            offset: u64::from_le_bytes(*offset),
            length: u32::from_le_bytes(*length),
            hash: u32::from_le_bytes(*hash),
        })
    }

    /// Bytes of the line.
    pub(super) fn len(self) -> usize {
        self.length as usize
    }
}

fn hash(record: &[u8]) -> u32 {
    xxh3_64(record) as u32
}

/// Lines on their way back into a field table, in the order in which they are to stand.
#[derive(Debug, Default)]
pub(super) struct TableOfLines {
    lines: Vec<(u32, LeftLine)>,
    files: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

impl TableOfLines {
    /// Adds a line.
    pub(super) fn push(&mut self, file: &Arc<str>, line: LeftLine) {
        let last = self.lines.last().map(|(number, _)| *number);
        let number = match last.filter(|last| self.files[*last as usize] == *file) {
            Some(last) => last,
            None => *self.numbers.entry(Arc::clone(file)).or_insert_with(|| {
                self.files.push(Arc::clone(file));
                self.files.len() as u32 - 1
            }),
        };
        self.lines.push((number, line));
    }

    /// Reads the lines and parses them again.
    ///
    /// # Errors
    /// A file that is gone or has changed.
    pub(super) fn finish(self) -> io::Result<FieldTable> {
        let TableOfLines { lines, files, .. } = self;
        let mut starts = Vec::with_capacity(lines.len());
        let (mut length, mut segments) = (0, Vec::new());
        let mut expected = None;
        for (file, line) in &lines {
            if expected != Some((*file, line.number)) {
                let name = Arc::clone(&files[*file as usize]);
                let (first_number, first_offset) = (line.number, line.offset);
                segments.push(Segment { file: name, start: length as u32, first_number, first_offset });
            }
            expected = Some((*file, line.number + 1));
            starts.push(length);
            length += line.len() + 1;
        }
        let mut bytes = vec![b'\n'; length];
        let mut in_files: Vec<(u32, LeftLine, usize)> =
            lines.iter().zip(starts).map(|((file, line), start)| (*file, *line, start)).collect();
        in_files.sort_unstable_by_key(|(file, line, _)| (*file, line.offset));
        for of_file in in_files.chunk_by(|(file, ..), (other, ..)| file == other) {
            let name = &files[of_file[0].0 as usize];
            read_lines(name, of_file, &mut bytes).map_err(|reason| changed(name, &reason.to_string()))?;
        }
        let (log, records, framed) = (LogType::S3Access, Vec::new(), lines.len() as u64);
        let table = parsed(Block { log, bytes, segments, records, framed });
        if table.len() == lines.len() {
            Ok(table)
        } else {
            Err(changed(&files[0], "its lines are no longer those"))
        }
    }
}

fn changed(file: &str, reason: &str) -> io::Error {
    io::Error::other(format!(
        "{file} was read and is to be read again, but it has changed ({reason}): export again when nobody writes to it"
    ))
}

/// Reads lines of a file, which are in the order of the file, to their places.
fn read_lines(name: &str, lines: &[(u32, LeftLine, usize)], into: &mut [u8]) -> io::Result<()> {
    let mut file = File::open(name)?;
    let mut buffer = Vec::new();
    let mut rest = lines;
    while let Some((_, first, _)) = rest.first() {
        let end = |line: &LeftLine| line.offset + u64::from(line.length);
        let mut until = end(first);
        let count = rest.iter().take_while(|(_, line, _)| {
            let is_near = line.offset <= until.saturating_add(MOST_GAP) && end(line) - first.offset <= MOST_READ;
            if is_near {
                until = until.max(end(line));
            }
            is_near
        });
        // A line that is longer than what is read at a time is read alone.
        let (together, others) = rest.split_at(count.count().max(1));
        buffer.resize((until - first.offset) as usize, 0);
        read_at(&mut file, first.offset, &mut buffer)?;
        for (_, line, start) in together {
            let from = (line.offset - first.offset) as usize;
            let bytes = &buffer[from..from + line.len()];
            if hash(bytes) != line.hash {
                return Err(io::Error::new(io::ErrorKind::InvalidData, format!("line {}", line.number)));
            }
            into[*start..start + line.len()].copy_from_slice(bytes);
        }
        rest = others;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn line(second: u32, key: &str) -> String {
        format!(
            "o b [06/Feb/2026:00:00:{second:02} +0000] - - R REST.GET.OBJECT {key} \"GET /k HTTP/1.1\" 200 - 1 1 1 1 \
             \"-\" \"x\" -"
        )
    }

    fn table(file: &str, content: &str, first_offset: u64, first_number: u64) -> FieldTable {
        let segment = Segment { file: file.into(), start: 0, first_number, first_offset };
        let framed = content.lines().count() as u64;
        let bytes = content.as_bytes().to_vec();
        let block = Block { log: LogType::S3Access, bytes, segments: vec![segment], records: vec![], framed };
        s3_access::parse_block(block, &mut Vec::new()).0
    }

    #[test]
    fn what_is_plain_and_not_too_little_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let name = path.to_str().unwrap();
        let content = [line(1, "a"), line(3, "b"), line(2, "c"), line(9, "d")].join("\n");
        fs::write(&path, format!("before\n{content}")).unwrap();
        let rows = [0, 1, 2, 3];
        let is_left = |table: &FieldTable, least| left_segments(table, &rows[..table.len()], least)[0];
        let there = table(name, &content, 7, 2);
        assert!(is_left(&there, 300) && !is_left(&there, 4000));
        assert!(!is_left(&table(name, &content, 8, 2), 0), "it stands elsewhere");
        assert!(!is_left(&table("no such file", &content, 7, 2), 0));
        assert!(!is_left(&FieldTable { is_read_back: true, ..there }, 0));
    }

    #[test]
    fn of_a_large_file_what_stands_around_decides() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let lines = |second: u32| vec![line(second, "k"); 200].join("\n") + "\n";
        // What is between is a hole.
        let write = |before: u32, behind: u32| {
            let mut file = File::create(&path).unwrap();
            for (offset, second) in [(0, before), (WINDOW, 20), (2 * WINDOW, behind)] {
                file.seek(SeekFrom::Start(offset)).unwrap();
                file.write_all(lines(second).as_bytes()).unwrap();
            }
            file.set_len(2 * WINDOW + 40_000).unwrap();
        };
        let content = line(20, "k");
        let table = table(path.to_str().unwrap(), &content, WINDOW, 201);
        for (before, behind, expected) in [(10, 30, true), (20, 20, true), (30, 30, false), (10, 10, false)] {
            write(before, behind);
            assert_eq!(left_segments(&table, &[0], 0), [expected], "{before} {behind}");
        }
    }

    #[test]
    fn lines_come_back_in_any_order_and_a_changed_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let name: Arc<str> = path.to_str().unwrap().into();
        let far = line(5, &"k".repeat(2 * MOST_READ as usize));
        let content = [line(1, "a"), line(3, "b"), far, line(9, "d")].join("\n");
        fs::write(&path, &content).unwrap();
        let before = table(&name, &content, 0, 1);
        let back = |rows: &[u32]| {
            let mut lines = TableOfLines::default();
            for row in rows {
                let mut bytes = Vec::new();
                LeftLine::of(&before, *row).write(&mut bytes);
                assert_eq!(LeftLine::read(&bytes[1..]), None);
                lines.push(&name, LeftLine::read(&bytes).unwrap());
            }
            lines.finish()
        };
        for rows in [&[0, 1, 2, 3][..], &[3, 0, 2], &[1]] {
            let after = back(rows).unwrap();
            for (index, row) in rows.iter().map(|row| *row as usize).enumerate() {
                assert_eq!(after.record(index), before.record(row));
                let facts =
                    |table: &FieldTable, row: usize| (table.rows[row].number, table.rows[row].event_time_ms);
                assert_eq!(facts(&after, index), facts(&before, row));
                assert_eq!(after.source_file(index), &name);
            }
        }
        fs::write(&path, content.replace("REST.GET", "REST.PUT")).unwrap();
        assert!(back(&[0]).unwrap_err().to_string().contains("has changed"));
        fs::write(&path, "short").unwrap();
        assert!(back(&[3]).is_err());
        fs::remove_file(&path).unwrap();
        assert!(back(&[0]).unwrap_err().to_string().contains("log was read"));
    }
}
