//! Where a file of a partition ends and the next begins.
//!
//! That is decided by the bytes that the row groups have in the file, which are known when they are appended, in the order
//! of their numbers. A file that is full is kept open until the next one is large enough to stand beside it: if there are
//! no more rows before, it takes over what the next one has.

use super::encode::EncodedRowGroup;
use super::open_file::OpenFile;
use crate::error::Error;
use crate::export::lake::NewFile;

/// Sizes that decide where files end.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileLimits {
    /// Bytes that make a file.
    pub(super) full_bytes: u64,
    /// Bytes that a file needs to stand beside others.
    pub(super) least_bytes: u64,
    /// Row groups that make a file, whatever its bytes.
    pub(super) row_groups: usize,
    /// Data files that have a handle at a time, over all partitions.
    pub(super) handles: usize,
}

impl FileLimits {
    /// Files of 128 to 512 MB are read best
    /// (<https://docs.aws.amazon.com/athena/latest/ug/performance-tuning-data-optimization-techniques.html>): one ends
    /// with the row group that reaches 256 MiB and takes over less than 128 MiB more. The footer of a file of 1,024 row
    /// groups has about 8 MB, half of what our own readers take. With the handles of the file that is being finished,
    /// of what it takes over, and of two that are made durable early there are no more than 64.
    pub(super) const DEFAULT: FileLimits =
        FileLimits { full_bytes: 256 << 20, least_bytes: 128 << 20, row_groups: 1024, handles: 60 };
}

/// The files of a partition.
#[derive(Default)]
pub(super) struct Parts {
    /// Number of the next file.
    next: u32,
    /// The one that row groups are appended to.
    last: Option<OpenFile>,
    /// The one before it, full, as long as the last one may be too small.
    before: Option<OpenFile>,
}

impl Parts {
    /// Appends a row group to the last file, or to another that `begin` begins as that number. Returns those that are
    /// complete by that.
    pub(super) fn append(
        &mut self,
        group: EncodedRowGroup,
        limits: &FileLimits,
        begin: impl FnOnce(u32) -> Result<OpenFile, Error>,
    ) -> Result<Vec<OpenFile>, Error> {
        let is_full =
            |file: &OpenFile| file.bytes() >= limits.full_bytes || file.row_groups() >= limits.row_groups;
        let mut complete = Vec::new();
        let mut last = match self.last.take() {
            Some(last) if !is_full(&last) => last,
            mut full => {
                let file = begin(self.next)?;
                self.next += 1;
                full.iter_mut().for_each(OpenFile::release);
                complete.extend(std::mem::replace(&mut self.before, full));
                file
            }
        };
        last.append(group.chunks, group.rows)?;
        if last.bytes() >= limits.least_bytes {
            complete.extend(self.before.take());
        }
        self.last = Some(last);
        Ok(complete)
    }

    /// The file that row groups are appended to.
    pub(super) fn last(&mut self) -> Option<&mut OpenFile> {
        self.last.as_mut()
    }

    /// Gives the handle back until there are more rows.
    pub(super) fn release(&mut self) {
        self.last.iter_mut().for_each(OpenFile::release);
    }

    /// Closes what is open: there are no more rows.
    pub(super) fn close(self, limits: &FileLimits) -> Result<Vec<NewFile>, Error> {
        let files = match (self.before, self.last) {
            (Some(mut before), Some(last))
                if last.bytes() < limits.least_bytes
                    && before.row_groups() + last.row_groups() <= limits.row_groups =>
            {
                before.take_over(last)?;
                [Some(before), None]
            }
            (before, last) => [before, last],
        };
        files.into_iter().flatten().map(OpenFile::close).collect()
    }
}
