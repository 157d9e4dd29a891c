//! Bloom filters of column chunks: readers pass a row group over that cannot hold the value they look for, without reading
//! its pages (<https://parquet.apache.org/docs/file-format/bloomfilter/>).
//!
//! A filter is made for all values and then folded to the distinct ones. Its size is a power of two: other sizes are
//! allowed, but Arrow C++, Velox and ClickHouse refuse them.

use super::text::{TextPiece, Values, plain};
use arrow::array::{Array, AsArray};
use parquet::bloom_filter::Sbbf;
use parquet::errors::Result;
use xxhash_rust::xxh64::xxh64;

/// About the share of absent values that a filter does not tell from present ones. A distinct value takes 1.2 bytes, and up
/// to twice as much as the size is rounded; at a tenth of the share it would take half as much again.
const FALSE_POSITIVES: f64 = 0.01;

/// What sets the bits of a block apart, after the format.
const SALT: [u32; 8] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

/// The hash that the format prescribes.
pub(super) fn hash(text: &[u8]) -> u64 {
    xxh64(text, 0)
}

/// The filter of a chunk whose listed pieces have hashes; `None`: it holds no text.
pub(super) fn of_pieces<'p>(pieces: impl Iterator<Item = &'p TextPiece>) -> Result<Option<Sbbf>> {
    let mut hashes = Vec::new();
    for piece in pieces {
        match &piece.values {
            Values::Numbered(distinct, _) => hashes.extend(plain(&distinct.bytes).map(hash)),
            Values::Listed(_) | Values::Ready(_) => hashes.extend_from_slice(&piece.hashes),
        }
    }
    of_hashes(&hashes)
}

/// The filter of a chunk of this text; `None`: there is none.
pub(in crate::export::parquet) fn of_array(texts: &dyn Array) -> Result<Option<Sbbf>> {
    let Some(texts) = texts.as_string_opt::<i32>() else { return Ok(None) };
    of_hashes(&texts.iter().flatten().map(|text| hash(text.as_bytes())).collect::<Vec<_>>())
}

fn of_hashes(hashes: &[u64]) -> Result<Option<Sbbf>> {
    if hashes.is_empty() {
        return Ok(None);
    }
    let size = Sbbf::new_with_ndv_fpp(hashes.len() as u64, FALSE_POSITIVES)?.num_blocks();
    let mut blocks = vec![[0; 8]; size];
    hashes.iter().for_each(|hash| insert(&mut blocks, *hash));
    let bits: Vec<u8> = blocks.as_flattened().iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut filter = Sbbf::new(&bits);
    filter.fold_to_target_fpp(FALSE_POSITIVES);
    Ok(Some(filter))
}

/// The upper half of the hash picks the block, the lower one a bit of each of its words.
fn insert(blocks: &mut [[u32; 8]], hash: u64) {
    let block = ((hash >> 32) * blocks.len() as u64) >> 32;
    let bits = SALT.map(|salt| 1 << ((hash as u32).wrapping_mul(salt) >> 27));
    blocks[block as usize].iter_mut().zip(bits).for_each(|(word, bit)| *word |= bit);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(filter: &Sbbf) -> Vec<u8> {
        let mut bytes = Vec::new();
        filter.write(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_filter_is_that_of_the_parquet_crate_for_the_distinct_values() {
        // How many values, how many of them distinct, and bytes of the filter.
        for (values, distinct, size) in [
            (1, 1, 32),
            (20, 20, 32),
            (50_000, 1, 32),
            (1000, 1000, 2048),
            (50_000, 1000, 2048),
            (50_000, 50_000, 65_536),
            (60_000, 60_000, 131_072),
        ] {
            let text =
                |number: usize| format!("logs/{:0width$}", number % distinct, width = number % distinct % 50);
            let hashes: Vec<u64> = (0..values).map(|number| hash(text(number).as_bytes())).collect();
            let found = of_hashes(&hashes).unwrap().unwrap();
            assert_eq!(found.num_blocks() * 32, size, "{values} {distinct}");
            let mut theirs = Sbbf::new_with_num_of_bytes(size);
            (0..distinct).for_each(|number| theirs.insert(text(number).as_bytes()));
            assert!(bytes(&found) == bytes(&theirs), "{values} {distinct}");
        }
        assert!(of_hashes(&[]).unwrap().is_none());
    }
}
