//! Compression of pages, with contexts that are used again: making one costs as much as a small page.

use super::text::Texts;
use crate::batch::Variety;
use crate::export::settings::Compression;
use parquet::basic::{Compression as Codec, GzipLevel, ZstdLevel};
use parquet::errors::{ParquetError, Result};
use std::io::{Read, Write};
use zstd::zstd_safe::{CParameter, Strategy};

/// The codec as files name it.
pub(in crate::export::parquet) fn codec(compression: Compression) -> Result<Codec> {
    Ok(match compression {
        Compression::Zstd(level) => Codec::ZSTD(ZstdLevel::try_new(i32::from(level))?),
        Compression::Snappy => Codec::SNAPPY,
        Compression::Gzip => Codec::GZIP(GzipLevel::default()),
        Compression::None => Codec::UNCOMPRESSED,
    })
}

/// Bytes that a page has at most, with its levels, and when it did not get smaller; only single texts are longer. Room that is
/// made at once is not twice as large in the end.
const ROOM: usize = (1 << 20) + (64 << 10);

/// Compresses pages.
enum PageCodec {
    /// At the level, for random characters, and back.
    Zstd(zstd::bulk::Compressor<'static>, zstd::bulk::Compressor<'static>, zstd::bulk::Decompressor<'static>),
    Snappy(Box<snap::raw::Encoder>),
    Gzip,
    None,
}

impl PageCodec {
    fn new(compression: Compression) -> Result<PageCodec> {
        Ok(match compression {
            Compression::Zstd(level) => {
                // In random characters there are no matches to be found at any level, and to look for them takes half of
                // the time of compression at level 3. What can be saved is the rest of each byte.
                PageCodec::Zstd(zstd_compressor(level)?, zstd_compressor(1)?, zstd::bulk::Decompressor::new()?)
            }
            Compression::Snappy => PageCodec::Snappy(Box::new(snap::raw::Encoder::new())),
            Compression::Gzip => PageCodec::Gzip,
            Compression::None => PageCodec::None,
        })
    }

    /// Puts the page as it stands in the file into `out`, in place of what was there.
    fn compress(&mut self, page: &[u8], variety: Variety, out: &mut Vec<u8>) -> Result<()> {
        out.clear();
        match self {
            PageCodec::Zstd(at_level, for_random, _) => {
                out.reserve(zstd::zstd_safe::compress_bound(page.len()));
                let compressor = if variety == Variety::Random { for_random } else { at_level };
                compressor.compress_to_buffer(page, out)?;
            }
            PageCodec::Snappy(encoder) => {
                out.resize(snap::raw::max_compress_len(page.len()), 0);
                let length =
                    encoder.compress(page, out).map_err(|error| ParquetError::External(Box::new(error)))?;
                out.truncate(length);
            }
            PageCodec::Gzip => {
                let level = flate2::Compression::new(GzipLevel::default().compression_level());
                let mut encoder = flate2::write::GzEncoder::new(std::mem::take(out), level);
                encoder.write_all(page)?;
                *out = encoder.finish()?;
            }
            PageCodec::None => out.extend_from_slice(page),
        }
        Ok(())
    }

    /// A page again that was compressed; `size` is what it had before.
    fn decompress(&mut self, page: &[u8], size: usize) -> Result<Vec<u8>> {
        Ok(match self {
            PageCodec::Zstd(_, _, decompressor) => decompressor.decompress(page, size)?,
            PageCodec::Snappy(_) => snap::raw::Decoder::new()
                .decompress_vec(page)
                .map_err(|error| ParquetError::External(Box::new(error)))?,
            PageCodec::Gzip => {
                let mut out = Vec::with_capacity(size);
                flate2::read::GzDecoder::new(page).read_to_end(&mut out)?;
                out
            }
            PageCodec::None => page.to_vec(),
        })
    }
}

/// The levels at which zstd looks for matches by their first bytes alone
/// (<https://github.com/facebook/zstd/blob/v1.5.7/lib/compress/clevels.h>). On pages of logs they differ by 1 % in size
/// and much in time: what the upper ones find are short matches, which cost as much as they save. Higher levels weigh
/// that, and are left as they are.
const QUICK_LEVELS: std::ops::RangeInclusive<u8> = 1..=4;

/// Shortest match that is looked for at these levels.
const SHORTEST_MATCH: u32 = 7;

fn zstd_compressor(level: u8) -> std::io::Result<zstd::bulk::Compressor<'static>> {
    let mut compressor = zstd::bulk::Compressor::new(i32::from(level))?;
    if QUICK_LEVELS.contains(&level) {
        compressor.set_parameter(CParameter::Strategy(Strategy::ZSTD_fast))?;
        compressor.set_parameter(CParameter::MinMatch(SHORTEST_MATCH))?;
    }
    Ok(compressor)
}

/// What a thread needs to make pages, used again for each.
pub(in crate::export::parquet) struct Scratch {
    codec: PageCodec,
    compressed: Vec<u8>,
    /// A page before compression.
    pub(super) page: Vec<u8>,
    /// Room for texts before they are a page; those that no column is using.
    pub(super) texts: Vec<Texts>,
}

impl Scratch {
    pub(in crate::export::parquet) fn new(compression: Compression) -> Result<Scratch> {
        Ok(Scratch {
            codec: PageCodec::new(compression)?,
            compressed: Vec::with_capacity(ROOM),
            page: Vec::with_capacity(ROOM),
            texts: Vec::new(),
        })
    }

    /// [`Scratch::page`] as it stands in the file.
    pub(super) fn compressed(&mut self, variety: Variety) -> Result<&[u8]> {
        self.codec.compress(&self.page, variety, &mut self.compressed)?;
        Ok(&self.compressed)
    }

    /// A page again that was compressed here.
    pub(super) fn decompressed(&mut self, page: &[u8], size: usize) -> Result<Vec<u8>> {
        self.codec.decompress(page, size)
    }
}
