//! The footer of a file, after a look at what it claims.

use super::Trouble;
use crate::decode::parquet::claims;
use crate::lint::limits::Limits;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// What a Parquet file begins and ends with.
pub(super) const MAGIC: &[u8; 4] = b"PAR1";
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
    claims::check(&bytes, limits.schema_nodes, limits.schema_depth)?;
    let metadata = ParquetMetaDataReader::decode_metadata(&bytes)
        .map_err(|error| Trouble::Damaged(format!("the footer cannot be read: {error}")))?;
    Ok(Footer { metadata, data_end })
}
