//! A file that is read at many places at once, by any number of threads.

use crate::decode::left_lines::FileFrom;
use bytes::{Buf, Bytes};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::sync::Arc;

/// Bytes that are read at a time where it is not known how many are needed: the head of a page.
const HEAD_BYTES: usize = 1 << 10;

/// Where the bytes are.
#[derive(Clone, Debug)]
pub enum Source {
    /// In a file of this many bytes. The crate's own reader moves the place that all threads share.
    File(Arc<File>, u64),
    /// In memory.
    Memory(Bytes),
}

impl Source {
    /// Up to `length` bytes from `start` on; less only at the end.
    pub fn read(&self, start: u64, length: usize) -> io::Result<Bytes> {
        let length = length.min(self.len().saturating_sub(start) as usize);
        match self {
            Source::Memory(bytes) => Ok(bytes.slice(start as usize..start as usize + length)),
            Source::File(file, _) => {
                let mut bytes = vec![0; length];
                FileFrom::new(file, start).read_exact(&mut bytes)?;
                Ok(bytes.into())
            }
        }
    }
}

impl Length for Source {
    fn len(&self) -> u64 {
        match self {
            Source::File(_, length) => *length,
            Source::Memory(bytes) => bytes.len() as u64,
        }
    }
}

impl ChunkReader for Source {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(match self {
            Source::File(file, _) => Box::new(BufReader::with_capacity(HEAD_BYTES, FileFrom::new(file, start))),
            Source::Memory(bytes) => {
                let start = usize::try_from(start).unwrap_or(usize::MAX).min(bytes.len());
                Box::new(bytes.slice(start..).reader())
            }
        })
    }

    /// Bytes are asked for as the file says: one that lies must not make room for more than there is.
    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        if start.checked_add(length as u64).is_none_or(|end| end > self.len()) {
            return Err(ParquetError::EOF(format!("it ends before byte {start} + {length}")));
        }
        Ok(self.read(start, length)?)
    }
}
