//! The rows that are asked for, gathered by request.

use super::event::{Event, EventMaker, column};
use super::joined;
use super::selection::{Facts, Selection, Verdict};
use super::sorted::Sorted;
use super::spill_sort::{Gathered, SpillSort};
use crate::error::Error;
use crate::parse::FieldTable;
use crate::pipeline::Stage;
use xxhash_rust::xxh3::xxh3_128;

/// Takes the rows of a selection, and those that may belong to it.
pub struct SelectedEvents<'a> {
    selection: &'a Selection,
    maker: EventMaker,
    sort: SpillSort,
}

/// What one thread has gathered.
#[derive(Debug, Default)]
pub struct SelectedWorker {
    gathered: Gathered,
    /// The row that is being put together.
    row: Vec<u8>,
    /// Output that failed where no error could be told of.
    failure: Option<Error>,
}

impl<'a> SelectedEvents<'a> {
    /// Of a selection whose chain is complete.
    pub fn new(selection: &'a Selection) -> SelectedEvents<'a> {
        SelectedEvents { selection, maker: EventMaker::default(), sort: SpillSort::default() }
    }

    /// The events, those of one request one behind the other.
    ///
    /// # Errors
    /// A disk that takes no more.
    pub fn by_request(self, worker: SelectedWorker) -> Result<Sorted, Error> {
        match worker.failure {
            Some(error) => Err(error),
            None => self.sort.sorted(worker.gathered),
        }
    }
}

impl Stage for SelectedEvents<'_> {
    type Worker = SelectedWorker;

    fn worker(&self) -> SelectedWorker {
        SelectedWorker::default()
    }

    fn observe(&self, worker: &mut SelectedWorker, _: u64, table: &FieldTable, rows: &[u32]) -> Result<(), Error> {
        let (mut selected, mut judged) = (Vec::new(), Vec::new());
        for row in rows {
            let judgement = self.selection.judge(&Facts::new(table, *row as usize));
            if judgement.verdict != Verdict::No {
                selected.push(*row);
                let steps = judgement.through.map(|(chain, number)| chain.steps(number));
                judged.push((judgement.verdict, steps.unwrap_or_default()));
            }
        }
        if selected.is_empty() {
            return Ok(());
        }
        let SelectedWorker { gathered, row, .. } = worker;
        self.maker.events(table, &selected, judged, |event| {
            joined::write_row(event, row);
            self.sort.push(gathered, &request_key(event).to_be_bytes(), row)
        })
    }

    fn unit_done(&self, _: &mut SelectedWorker, _: u64) -> Result<(), Error> {
        Ok(())
    }

    fn merge(&self, mut left: SelectedWorker, right: SelectedWorker) -> SelectedWorker {
        let merged = self.sort.merge(&mut left.gathered, right.gathered);
        left.failure = left.failure.or(right.failure).or(merged.err());
        left
    }
}

/// What the records of one request share: a hash of its id and that of its host. Records that lack one stand alone, but
/// with their copies.
fn request_key(event: &Event<'_>) -> u128 {
    match (event.text(column("request_id")), event.text(column("host_id"))) {
        (Some(request), Some(host)) => xxh3_128(&[request.as_bytes(), b"\0", host.as_bytes()].concat()),
        _ => event.fingerprint,
    }
}
