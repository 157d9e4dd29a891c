//! Work on groups of sorted rows in all threads of the pool at once.

use super::sorted::{Grouping, Groups, Sorted};
use crate::error::Error;
use crate::pipeline::in_order::InOrder;
use std::sync::{Mutex, PoisonError};

/// Gives all groups to the threads of the pool, each with a state of its own; which one gets which is open. A thread that
/// is free takes the next groups itself, so that none waits for another to read.
///
/// # Errors
/// A disk that gives back something else, or an error of `work`.
pub fn each<W: Send>(
    sorted: Sorted,
    grouping: Grouping,
    state: impl Fn() -> W + Sync,
    work: impl Fn(&mut W, &Groups, u64) -> Result<(), Error> + Sync,
) -> Result<Vec<W>, Error> {
    let source = Mutex::new(Some((sorted, 0)));
    let next = |groups: &mut Groups| {
        let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((sorted, number)) = source.as_mut() else { return Ok(None) };
        sorted.next_groups(grouping, groups)?;
        *number += 1;
        let number = *number - 1;
        if groups.is_empty() {
            *source = None;
        }
        Ok((!groups.is_empty()).then_some(number))
    };
    let run = |_: rayon::BroadcastContext<'_>| {
        let (mut state, mut groups) = (state(), Groups::default());
        let mut ending = Emptying { source: &source, is_done: false };
        while let Some(number) = next(&mut groups)? {
            work(&mut state, &groups, number)?;
        }
        ending.is_done = true;
        Ok(state)
    };
    rayon::broadcast(run).into_iter().collect()
}

/// Makes something of groups in all threads of the pool, and takes it in the order of the rows.
///
/// # Errors
/// A disk that gives back something else, or an error of `make` or `take`.
pub fn in_order<T: Send>(
    sorted: Sorted,
    grouping: Grouping,
    make: impl Fn(&Groups) -> Result<T, Error> + Sync,
    take: impl FnMut(T) -> Result<(), Error> + Send,
) -> Result<(), Error> {
    let (order, take) = (InOrder::new(rayon::current_num_threads()), Mutex::new(take));
    let consume = |made| (take.lock().unwrap_or_else(PoisonError::into_inner))(made);
    let work = |(): &mut (), groups: &Groups, number| {
        let mut ending = Ending { order: &order, is_done: false };
        order.push(number, 1, make(groups)?, consume)?;
        order.finish(number, consume)?;
        ending.is_done = true;
        Ok(())
    };
    each(sorted, grouping, || (), work).map(drop)
}

/// After an error or a panic nobody begins anything any more.
struct Emptying<'a, T> {
    source: &'a Mutex<Option<T>>,
    is_done: bool,
}

impl<T> Drop for Emptying<'_, T> {
    fn drop(&mut self) {
        if !self.is_done {
            *self.source.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

/// After an error or a panic nobody waits any more.
struct Ending<'a, T> {
    order: &'a InOrder<T>,
    is_done: bool,
}

impl<T> Drop for Ending<'_, T> {
    fn drop(&mut self) {
        if !self.is_done {
            self.order.stop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::spill_sort::{Gathered, SpillSort};
    use super::*;
    use crate::pipeline::on_threads;

    const GROUPING: Grouping = Grouping { key_bytes: 8, most_rows: 100, most_bytes: 1 << 20 };

    fn sorted(rows: u64) -> Sorted {
        let (sort, mut gathered) = (SpillSort::gathering(1 << 20), Gathered::default());
        for number in (0..rows).rev() {
            sort.push(&mut gathered, &number.to_be_bytes(), &[number as u8; 900]).unwrap();
        }
        sort.sorted(gathered).unwrap()
    }

    fn bytes_of(groups: &Groups) -> Result<Vec<u8>, Error> {
        Ok(groups.iter().flatten().map(|row| row[0]).collect())
    }

    #[test]
    fn what_is_made_is_taken_in_order_on_any_number_of_threads() {
        for threads in [1, 2, 7] {
            let mut taken = Vec::new();
            let take = |made: Vec<u8>| {
                taken.extend(made);
                Ok(())
            };
            on_threads(threads, || in_order(sorted(5000), GROUPING, bytes_of, take)).unwrap().unwrap();
            assert!(taken == (0..5000).map(|number| number as u8).collect::<Vec<_>>(), "{threads}");
            let count = |sum: &mut usize, groups: &Groups, _| {
                *sum += groups.iter().count();
                Ok(())
            };
            let counts = on_threads(threads, || each(sorted(5000), GROUPING, || 0, count)).unwrap().unwrap();
            assert_eq!((counts.len(), counts.iter().sum::<usize>()), (threads, 5000));
        }
    }

    #[test]
    fn an_error_ends_it_at_once_and_comes_back() {
        let failure = |is_it: bool| if is_it { Err(Error::Usage("full".to_owned())) } else { Ok(()) };
        for fails_in_take in [true, false] {
            let make = |groups: &Groups| {
                let first = groups.iter().flatten().next().map_or(0, |row| row[0]);
                failure(!fails_in_take && first > 0).map(|()| first)
            };
            let mut taken = 0;
            let take = |_| {
                taken += 1;
                failure(fails_in_take && taken == 2)
            };
            let failed = on_threads(3, || in_order(sorted(5000), GROUPING, make, take)).unwrap();
            assert_eq!(failed.unwrap_err().to_string(), "full");
            assert!(taken < 4, "{taken}");
        }
    }
}
