//! Results of parallel units, consumed in the order of the units.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Takes items of units 0, 1, 2, … from many threads and hands them on unit by unit, in the order in which each
/// unit gave them.
///
/// Items of later units wait in memory up to a budget; beyond it their threads wait. The thread of the unit whose
/// turn it is never waits, so there is always one that gets on: units must be started in their order.
pub struct InOrder<T> {
    state: Mutex<State<T>>,
    turn: Condvar,
    budget: usize,
}

struct State<T> {
    /// The unit whose turn it is.
    next: u64,
    waiting: BTreeMap<u64, Waiting<T>>,
    /// Sum of the weights of the waiting items.
    weight: usize,
    stopped: bool,
}

struct Waiting<T> {
    items: Vec<(usize, T)>,
    finished: bool,
}

impl<T> InOrder<T> {
    /// `budget` is the sum of weights that may wait, usually in bytes.
    pub fn new(budget: usize) -> InOrder<T> {
        let state = State { next: 0, waiting: BTreeMap::new(), weight: 0, stopped: false };
        InOrder { state: Mutex::new(state), turn: Condvar::new(), budget }
    }

    /// Hands over an item of a unit. `consume` runs now if it is the unit's turn, else later on another thread; never
    /// on two threads at once. After [`InOrder::stop`] items are dropped.
    pub fn push<E>(
        &self,
        unit: u64,
        weight: usize,
        item: T,
        mut consume: impl FnMut(T) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut state = self.lock();
        while state.next != unit && state.weight.saturating_add(weight) > self.budget && !state.stopped {
            state = self.turn.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.stopped {
            return Ok(());
        }
        if state.next == unit {
            return consume(item);
        }
        state.weight += weight;
        state.waiting.entry(unit).or_insert_with(Waiting::new).items.push((weight, item));
        Ok(())
    }

    /// A unit will give no more items: the next one has its turn, and what waited of it is consumed.
    pub fn finish<E>(&self, unit: u64, mut consume: impl FnMut(T) -> Result<(), E>) -> Result<(), E> {
        let mut state = self.lock();
        if state.next != unit {
            state.waiting.entry(unit).or_insert_with(Waiting::new).finished = true;
            return Ok(());
        }
        loop {
            state.next += 1;
            let next = state.next;
            let Some(waiting) = state.waiting.remove(&next) else { break };
            for (weight, item) in waiting.items {
                state.weight -= weight;
                consume(item)?;
            }
            if !waiting.finished {
                break;
            }
        }
        self.turn.notify_all();
        Ok(())
    }

    /// The run ends early: nobody waits any more, later items are dropped.
    pub fn stop(&self) {
        self.lock().stopped = true;
        self.turn.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Waiting<T> {
    fn new() -> Waiting<T> {
        Waiting { items: Vec::new(), finished: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn items_come_in_the_order_of_their_units_whatever_the_threads_and_the_budget() {
        for (threads, budget) in [(1, 0), (4, 0), (4, 7), (8, 1000)] {
            let order = InOrder::new(budget);
            let seen = Mutex::new(Vec::new());
            let consume = |item: (u64, u64)| {
                seen.lock().unwrap().push(item);
                Ok::<_, Infallible>(())
            };
            let next = AtomicU64::new(0);
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| {
                        loop {
                            let unit = next.fetch_add(1, Ordering::SeqCst);
                            if unit >= 200 {
                                break;
                            }
                            for part in 0..unit % 4 {
                                order.push(unit, 3, (unit, part), consume).unwrap();
                            }
                            order.finish(unit, consume).unwrap();
                        }
                    });
                }
            });
            let expected: Vec<(u64, u64)> =
                (0..200).flat_map(|unit| (0..unit % 4).map(move |part| (unit, part))).collect();
            assert_eq!(*seen.lock().unwrap(), expected, "{threads} threads, budget {budget}");
        }
    }
}
