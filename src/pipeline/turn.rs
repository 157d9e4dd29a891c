//! A door that units pass in their order.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Lets the thread of unit 0, then of unit 1, and so on do what must be done in the order of the input. Units must be
/// started in their order, each on one thread, so that the one whose turn it is never waits.
#[derive(Default)]
pub struct Turn {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    next: u64,
    passed: BTreeSet<u64>,
    stopped: bool,
}

impl Turn {
    /// Waits until all earlier units have passed.
    pub fn wait(&self, unit: u64) {
        let mut state = self.lock();
        while state.next < unit && !state.stopped {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The unit has done its part, in its turn or without needing one.
    pub fn pass(&self, unit: u64) {
        let mut state = self.lock();
        state.passed.insert(unit);
        while {
            let next = state.next;
            state.passed.remove(&next)
        } {
            state.next += 1;
        }
        self.changed.notify_all();
    }

    /// The run ends early: nobody waits any more.
    pub fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
