//! The bytes of a page, never more than its header says.

use super::Trouble;
use crate::decode::parquet::page_header::PageHeader;
use flate2::read::MultiGzDecoder;
use parquet::basic::Compression;
use std::io::{self, Read};

/// Decompresses a page; its levels are not compressed in version 2.
pub(super) fn page(header: &PageHeader, bytes: Vec<u8>, codec: Compression) -> Result<Vec<u8>, Trouble> {
    let levels = header.level_bytes();
    if levels > bytes.len() as u64 || levels > header.uncompressed_bytes {
        return Err(Trouble::Damaged("the levels of a page reach beyond it".to_owned()));
    }
    let expected = header.uncompressed_bytes as usize;
    let (levels, values) = bytes.split_at(levels as usize);
    let is_stored = header.is_stored || codec == Compression::UNCOMPRESSED;
    let mut page = Vec::with_capacity(expected);
    page.extend_from_slice(if is_stored { &bytes } else { levels });
    if !is_stored && expected > levels.len() {
        decompress(values, &mut page, expected - levels.len(), codec)
            .map_err(|error| Trouble::Damaged(format!("a page cannot be decompressed: {error}")))?;
    }
    if page.len() != expected {
        let reason = format!("a page of {} bytes uncompressed claims {expected}", page.len());
        return Err(Trouble::Damaged(reason));
    }
    Ok(page)
}

/// Appends at most a byte more than `expected`.
fn decompress(values: &[u8], page: &mut Vec<u8>, expected: usize, codec: Compression) -> io::Result<()> {
    let most = expected as u64 + 1;
    match codec {
        Compression::SNAPPY => {
            // What it claims is held against the header before memory is spent on it.
            if snap::raw::decompress_len(values)? == expected {
                page.extend(snap::raw::Decoder::new().decompress_vec(values)?);
            }
        }
        Compression::GZIP(_) => drop(MultiGzDecoder::new(values).take(most).read_to_end(page)?),
        Compression::ZSTD(_) => drop(zstd::stream::read::Decoder::new(values)?.take(most).read_to_end(page)?),
        codec => return Err(io::Error::other(format!("no decoder for {codec}"))),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::parquet::page_header::PageKind;

    #[test]
    fn a_page_is_as_long_as_it_claims_or_refused() {
        let text = vec![b'x'; 1000];
        let compressed = [
            (Compression::SNAPPY, snap::raw::Encoder::new().compress_vec(&text).unwrap()),
            (Compression::ZSTD(Default::default()), zstd::bulk::compress(&text, 1).unwrap()),
            (Compression::UNCOMPRESSED, text.clone()),
        ];
        for (codec, bytes) in compressed {
            for (claimed, levels, is_good) in
                [(1000, 0, true), (999, 0, false), (1001, 0, false), (1000, 2000, false)]
            {
                let header = PageHeader {
                    kind: PageKind::Data2,
                    uncompressed_bytes: claimed,
                    definition_bytes: levels,
                    ..PageHeader::default()
                };
                let page = page(&header, bytes.clone(), codec);
                assert_eq!(page.is_ok_and(|page| page == text), is_good, "{codec} {claimed} {levels}");
            }
        }
    }
}
