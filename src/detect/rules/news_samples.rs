//! A caller with ten days of past, of which the baseline of the samples was learned.

use crate::detect::sample_lines::Reads;
use crate::parse::time::DAY_MS;

/// Of the caller on the day of the logs.
pub(super) const TODAY: Reads = Reads { count: 3, ..Reads::USUAL };

/// A caller with a past of two days.
pub(super) const YOUNG: Reads = Reads { requester: "arn:aws:iam::111122223333:user/eve", ..TODAY };

/// What the baseline is learned from.
pub(super) fn past() -> String {
    let usual = Reads { from_ms: TODAY.from_ms - 10 * DAY_MS, every_ms: DAY_MS / 2, count: 20, ..TODAY };
    let young = Reads { from_ms: YOUNG.from_ms - 2 * DAY_MS, every_ms: DAY_MS / 2, count: 3, ..YOUNG };
    usual.lines() + &young.lines()
}
