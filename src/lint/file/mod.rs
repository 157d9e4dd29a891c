//! One file: its footer, then all pages of all columns, with bounded memory whatever the file claims.

mod chunk;
mod decompress;
mod delta;
mod footer;
mod pages;
mod values;

pub(super) use values::Value;

use super::content::{self, DECODABLE, Obstacles, RowWidths};
use super::limits::Limits;
use super::order::{ChunkOrder, DATE_FOLDER, FileOrder};
use super::report::Notebook;
use super::sizes;
use super::time_column::{FolderDate, TimeColumn};
use crate::decode::guarded;
use crate::decode::parquet::claims::FalseClaim;
use chunk::{ChunkTools, ChunkWatch};
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::schema::types::TypePtr;
use std::fs::File;
use std::path::Path;
use values::Budget;

/// Why something of a file could not be decoded.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The file is not what it should be.
    #[error("{0}")]
    Damaged(String),
    /// To go on would take more memory or time than one file may have.
    #[error("{0}")]
    Limit(String),
    /// The system's reason.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl From<FalseClaim> for Trouble {
    fn from(claim: FalseClaim) -> Trouble {
        match claim {
            FalseClaim::Damaged(reason) => Trouble::Damaged(reason),
            FalseClaim::Limit(reason) => Trouble::Limit(reason),
        }
    }
}

/// What is known of a file behind its checks.
#[derive(Debug, Default)]
pub(super) struct CheckedFile {
    /// `None`: the footer could not be read.
    pub(super) schema: Option<TypePtr>,
    pub(super) bytes: u64,
    pub(super) notebook: Notebook,
}

/// Carries out the checks of a file at `path`, called `name` in findings, in a partition of these keys and values.
pub(super) fn check(path: &Path, name: &str, partition: &[(String, String)], limits: &Limits) -> CheckedFile {
    guarded(|| checked(path, name, partition, limits)).unwrap_or_else(|reason| {
        let mut file = CheckedFile::default();
        file.notebook.evaluated(&DECODABLE);
        file.notebook.report(DECODABLE.error(name, format!("it cannot be decoded: {reason}")));
        file
    })
}

fn checked(path: &Path, name: &str, partition: &[(String, String)], limits: &Limits) -> CheckedFile {
    let mut checked = CheckedFile::default();
    let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
    let (bytes, mut file) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            checked.notebook.unreadable(name, error.to_string());
            return checked;
        }
    };
    checked.bytes = bytes;
    let footer = match footer::read(&mut file, bytes, limits) {
        Ok(footer) => footer,
        Err(trouble) => {
            content::report_footer(trouble, name, &mut checked.notebook);
            return checked;
        }
    };
    checked.schema = Some(footer.metadata.file_metadata().schema_descr().root_schema_ptr());
    sizes::check_footer(&footer.metadata, name, limits, &mut checked.notebook);
    let time = TimeColumn::of(&footer.metadata);
    if let Err(reason) = &time {
        checked.notebook.not_evaluated(&DATE_FOLDER, reason.as_str());
    }
    let time = time.ok();
    let decoded = limits.decoded_values.saturating_add(bytes.saturating_mul(limits.decoded_values_per_byte));
    let mut run = FileRun {
        file: &file,
        name,
        data_end: footer.data_end,
        limits,
        order: FileOrder::new(time.as_ref(), FolderDate::of(partition)),
        budget: Budget(decoded),
        obstacles: Obstacles::default(),
        notebook: &mut checked.notebook,
    };
    for (number, group) in footer.metadata.row_groups().iter().enumerate() {
        run.row_group(number, group);
    }
    run.hold_count(footer.metadata.file_metadata().num_rows(), footer.metadata.row_groups());
    let (order, obstacles) = (run.order, run.obstacles);
    order.finish(name, &mut checked.notebook, obstacles.is_empty());
    obstacles.finish(name, &mut checked.notebook);
    checked
}

struct FileRun<'a, 't> {
    file: &'a File,
    name: &'a str,
    /// Pages end before.
    data_end: u64,
    limits: &'a Limits,
    order: FileOrder<'t>,
    budget: Budget,
    obstacles: Obstacles,
    notebook: &'a mut Notebook,
}

impl FileRun<'_, '_> {
    fn row_group(&mut self, number: usize, group: &RowGroupMetaData) {
        self.order.begin(number, group);
        let mut widest: u64 = 0;
        for leaf in 0..group.num_columns() {
            let mut watch = ChunkWatch {
                chunk: self.order.chunk(group, leaf),
                order: Some(&mut self.order),
                row_group: number,
                column: &group.column(leaf).column_path().string(),
                widest: 0,
                widths: None,
            };
            let tools = ChunkTools {
                file: self.file,
                name: self.name,
                data_end: self.data_end,
                limits: self.limits,
                budget: &mut self.budget,
            };
            let decoded = tools.decode(number, group, leaf, &mut watch, self.notebook);
            let (chunk, chunk_widest) = (watch.chunk, watch.widest);
            match decoded {
                Ok(()) if chunk.wants_values() => self.order.end(&chunk, number, group.column(leaf).statistics()),
                Ok(()) => {}
                Err(trouble) => self.fail(trouble, number, group.column(leaf)),
            }
            widest = widest.saturating_add(chunk_widest);
        }
        if widest > self.limits.row_bytes {
            self.row_widths(number, group);
        }
    }

    fn fail(&mut self, trouble: Trouble, number: usize, chunk: &ColumnChunkMetaData) {
        let column = chunk.column_path().string();
        self.obstacles.add(trouble, self.name, (number, &column), self.notebook);
    }

    /// The columns once more, for the width of each row: seldom, since the widest values of all columns together
    /// are too wide seldom.
    fn row_widths(&mut self, number: usize, group: &RowGroupMetaData) {
        let rows = usize::try_from(group.num_rows()).unwrap_or(usize::MAX);
        if rows as u64 > self.limits.decoded_page_values * 4 {
            let trouble = Trouble::Limit(format!("the widths of {rows} rows are not added up"));
            self.obstacles.add(trouble, self.name, (number, "all"), self.notebook);
            return;
        }
        let mut widths = RowWidths::new(rows);
        let mut again = Notebook::default();
        for leaf in 0..group.num_columns() {
            widths.begin();
            let mut watch = ChunkWatch {
                chunk: ChunkOrder::nothing(),
                order: None,
                row_group: number,
                column: "",
                widest: 0,
                widths: Some(&mut widths),
            };
            let tools = ChunkTools {
                file: self.file,
                name: self.name,
                data_end: self.data_end,
                limits: self.limits,
                budget: &mut self.budget,
            };
            // What is wrong with the chunk was said the first time; only the budget can be at its end now.
            if let Err(trouble @ Trouble::Limit(_)) = tools.decode(number, group, leaf, &mut watch, &mut again) {
                self.fail(trouble, number, group.column(leaf));
            }
        }
        widths.report(self.limits.row_bytes, self.name, number, self.notebook);
    }

    /// The footer counts rows twice.
    fn hold_count(&mut self, rows: i64, groups: &[RowGroupMetaData]) {
        let sum = groups.iter().fold(0_i64, |sum, group| sum.saturating_add(group.num_rows()));
        if sum != rows {
            let reason = format!("the footer says {rows} rows, its row groups {sum}");
            self.notebook.report(DECODABLE.error(self.name, reason));
        }
    }
}
