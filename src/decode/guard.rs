//! Panics of other crates on hostile input: an outcome of the input, and no bug of the run.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Is a panic on this thread going to be told as an outcome of its input? Then it need not be printed.
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// Calls, and catches a panic. What the call holds must not be used after one.
///
/// # Errors
/// What the panic says.
pub fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    let before = GUARDED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(call));
    GUARDED.set(before);
    outcome.map_err(|panic| message(&*panic))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no reason is given").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message_and_guards_end() {
        assert_eq!(guarded(is_guarded), Ok(true));
        assert_eq!(
            guarded(|| [1][std::hint::black_box(1)]).unwrap_err(),
            "index out of bounds: the len is 1 but the index is 1"
        );
        assert!(!is_guarded());
    }
}
