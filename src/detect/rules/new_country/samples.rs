//! A caller abroad.

use crate::detect::Sample;
use crate::detect::sample_lines::{Reads, made};
use crate::parse::time::DAY_MS;

/// The configuration of the samples.
pub(in crate::detect::rules) const CONFIG: &str = "
country_database = 'country.mmdb'
[[networks]]
name = 'vpn'
kind = 'corporate'
cidrs = ['198.51.100.128/25']
";

/// Ten days at home.
const HOME: Reads = Reads { every_ms: DAY_MS / 2, count: 20, ..Reads::USUAL };

/// And then elsewhere.
const ABROAD: Reads =
    Reads { address: "198.51.100.7", from_ms: HOME.from_ms + 10 * DAY_MS, every_ms: 60_000, count: 3, ..HOME };

/// One day later, elsewhere again.
const fn next(reads: Reads, address: &'static str) -> Reads {
    Reads { address, from_ms: reads.from_ms + DAY_MS, ..reads }
}

pub(super) static SAMPLES: [Sample; 8] = [
    made!("fires", true, HOME.lines() + &ABROAD.lines()),
    // It stays there, and comes back.
    made!("fires_twice_there", true, {
        HOME.lines() + &ABROAD.lines() + &next(ABROAD, "192.0.2.7").lines() + &next(ABROAD, "198.51.100.9").lines()
    }),
    // Another network of the same country.
    made!("near_miss_1", false, HOME.lines() + &Reads { address: "192.0.2.200", ..ABROAD }.lines()),
    // A caller with too short a past.
    made!(
        "near_miss_2",
        false,
        Reads { count: 6, ..HOME }.lines() + &{ Reads { from_ms: HOME.from_ms + 3 * DAY_MS, ..ABROAD }.lines() }
    ),
    // The VPN.
    made!("near_miss_3", false, HOME.lines() + &Reads { address: "198.51.100.200", ..ABROAD }.lines()),
    // A network of which no country is known.
    made!("near_miss_4", false, HOME.lines() + &Reads { address: "100.128.0.7", ..ABROAD }.lines()),
    // Who comes from everywhere.
    made!("near_miss_5", false, {
        let everywhere = ["198.51.100.7", "203.0.113.1", "203.0.113.65", "203.0.113.129", "203.0.113.193"];
        let early = everywhere.map(|address| Reads { address, from_ms: HOME.from_ms + 60_000, ..ABROAD }.lines());
        HOME.lines() + &early.concat() + &Reads { address: "2001:db8::7", ..ABROAD }.lines()
    }),
    made!("denied_twin", false, HOME.lines() + &Reads { done: false, ..ABROAD }.lines()),
];
