//! Sorted rows as a piece of the file: what is read at a time.

use super::left::LeftLine;
use super::row_bytes::{RowBatch, RowPlace, left_line, row};
use super::spill::BlockPlace;
use std::io;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;
use zstd::bulk::{Compressor, Decompressor};

/// Bytes of [`RowPlace`] in the file.
const PLACE_BYTES: usize = 16;

/// Level of zstd: of negative levels a lower one is hardly quicker and takes more room, and level 1 takes a quarter longer
/// for a quarter less (blocks of lines of access logs).
const LEVEL: i32 = -3;

/// A block in the making.
#[derive(Debug, Default)]
pub(super) struct BlockBuilder {
    bytes: Vec<u8>,
    places: Vec<RowPlace>,
    files: Vec<Arc<str>>,
    /// Bytes of the lines that are left in their files.
    left_bytes: usize,
}

/// A block in memory.
#[derive(Debug)]
pub(super) struct Block {
    /// One a row, in their order.
    pub(super) places: Vec<RowPlace>,
    /// The files that the rows came from.
    pub(super) files: Vec<Arc<str>>,
    /// The rows, and behind them what else is in the file.
    bytes: Vec<u8>,
}

impl BlockBuilder {
    /// Bytes of its rows.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes of its rows once those that are left in their files have been read.
    pub(super) fn row_bytes(&self) -> usize {
        self.bytes.len() + self.left_bytes
    }

    /// Keys of its first and last row, if it has rows.
    pub(super) fn keys(&self) -> Option<(i64, i64)> {
        Some((self.places.first()?.key, self.places.last()?.key))
    }

    /// Appends a row of a batch.
    pub(super) fn push(&mut self, batch: &RowBatch, index: usize) {
        let RowPlace { key, file, .. } = batch.places[index];
        let name = &batch.files[file as usize];
        self.bytes.extend_from_slice(batch.row(index));
        self.left_bytes += left_line(batch.row(index)).map_or(0, LeftLine::len);
        // Neighbours in time mostly are of the same file, or of one of the last. A name may stand twice.
        let known = self.files.iter().rposition(|known| Arc::ptr_eq(known, name));
        let file = known.unwrap_or_else(|| {
            self.files.push(Arc::clone(name));
            self.files.len() - 1
        });
        self.places.push(RowPlace { key, end: self.bytes.len() as u32, file: file as u32 });
    }

    /// Appends the block's form in the file: the rows, their places, the names and where these begin, compressed or not, and
    /// a hash of it. Empties it, and returns how many bytes it has without the hash when it is not compressed.
    ///
    /// # Errors
    /// What the compressor says.
    pub(super) fn write(&mut self, compressor: &mut BlockCompressor, out: &mut Vec<u8>) -> io::Result<usize> {
        let rows_end = self.bytes.len();
        for RowPlace { key, end, file } in self.places.drain(..) {
            self.bytes.extend_from_slice(&key.to_le_bytes());
            self.bytes.extend_from_slice(&end.to_le_bytes());
            self.bytes.extend_from_slice(&file.to_le_bytes());
        }
        let places_end = self.bytes.len();
        for file in self.files.drain(..) {
            self.bytes.extend_from_slice(&(file.len() as u32).to_le_bytes());
            self.bytes.extend_from_slice(file.as_bytes());
        }
        for end in [rows_end, places_end] {
            self.bytes.extend_from_slice(&(end as u32).to_le_bytes());
        }
        let packed = compressor.0.as_mut().map(|compressor| compressor.compress(&self.bytes)).transpose()?;
        let packed = packed.as_ref().unwrap_or(&self.bytes);
        out.extend_from_slice(packed);
        out.extend_from_slice(&xxh3_64(packed).to_le_bytes());
        let length = self.bytes.len();
        self.bytes.clear();
        self.left_bytes = 0;
        Ok(length)
    }
}

/// Compresses blocks, one behind the other, or leaves them as they are.
pub(super) struct BlockCompressor(Option<Compressor<'static>>);

impl BlockCompressor {
    /// # Errors
    /// Memory that the system does not give.
    pub(super) fn new(packs: bool) -> io::Result<BlockCompressor> {
        Ok(BlockCompressor(packs.then(|| Compressor::new(LEVEL)).transpose()?))
    }

    /// Does it compress?
    pub(super) fn packs(&self) -> bool {
        self.0.is_some()
    }
}

/// Decompresses blocks, one behind the other.
pub(super) struct BlockReader(Decompressor<'static>);

impl BlockReader {
    /// # Errors
    /// Memory that the system does not give.
    pub(super) fn new() -> io::Result<BlockReader> {
        Ok(BlockReader(Decompressor::new()?))
    }

    /// The block of that place; `None` if these are not the bytes that were written.
    pub(super) fn read(&mut self, mut bytes: Vec<u8>, place: &BlockPlace) -> Option<Block> {
        let (packed, hash) = bytes.split_last_chunk()?;
        if u64::from_le_bytes(*hash) != xxh3_64(packed) {
            return None;
        }
        if place.is_packed {
            bytes = self.0.decompress(packed, place.unpacked as usize).ok()?;
        } else {
            bytes.truncate(place.unpacked as usize);
        }
        let (rest, places_end) = bytes.split_last_chunk()?;
        let (rest, rows_end) = rest.split_last_chunk()?;
        let (rows_end, places_end) =
            (u32::from_le_bytes(*rows_end) as usize, u32::from_le_bytes(*places_end) as usize);
        let places = rest.get(rows_end..places_end)?.chunks_exact(PLACE_BYTES).map(row_place);
        let places = places.collect::<Option<Vec<_>>>()?;
        let (mut files, mut rest) = (Vec::new(), &rest[places_end..]);
        while !rest.is_empty() {
            let (length, behind) = rest.split_first_chunk()?;
            let (name, behind) = behind.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            files.push(Arc::from(std::str::from_utf8(name).ok()?));
            rest = behind;
        }
        Some(Block { places, files, bytes })
    }
}

fn row_place(bytes: &[u8]) -> Option<RowPlace> {
    let (key, bytes) = bytes.split_first_chunk()?;
    let (end, file) = bytes.split_first_chunk()?;
    let file = u32::from_le_bytes(*file.first_chunk()?);
    Some(RowPlace { key: i64::from_le_bytes(*key), end: u32::from_le_bytes(*end), file })
}

impl Block {
    /// The bytes of a row.
    pub(super) fn row(&self, index: usize) -> &[u8] {
        row(&self.places, &self.bytes, index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_comes_back_and_a_changed_one_is_refused() {
        let place = |key, end, file| RowPlace { key, end, file };
        let batch = RowBatch {
            places: vec![place(5, 2, 1), place(-3, 2, 0), place(9, 5, 1)],
            files: vec!["a".into(), "b".into()],
            bytes: b"xyuvw".to_vec(),
        };
        let mut reader = BlockReader::new().unwrap();
        for is_packed in [false, true] {
            let mut compressor = BlockCompressor::new(is_packed).unwrap();
            let mut block = BlockBuilder::default();
            [1, 0, 2].iter().for_each(|index| block.push(&batch, *index));
            assert_eq!((block.len(), block.keys()), (5, Some((-3, 9))));
            let mut bytes = b"before".to_vec();
            let unpacked = block.write(&mut compressor, &mut bytes).unwrap() as u32;
            assert_eq!((block.len(), block.keys()), (0, None));
            let length = bytes.len() as u32 - 6;
            let written =
                BlockPlace { offset: 6, length, unpacked, row_bytes: 5, is_packed, run: 0, first: -3, last: 9 };
            let again = reader.read(bytes[6..].to_vec(), &written).unwrap();
            assert_eq!(again.places, [place(-3, 0, 0), place(5, 2, 1), place(9, 5, 1)]);
            assert_eq!(again.files, ["a".into(), "b".into()]);
            assert_eq!((again.row(0), again.row(1), again.row(2)), (&b""[..], &b"xy"[..], &b"uvw"[..]));
            for at in 6..bytes.len() {
                let mut changed = bytes[6..].to_vec();
                changed[at - 6] ^= 1;
                assert!(reader.read(changed, &written).is_none(), "{at}");
            }
        }
    }
}
