//! A researcher takes the measurements along, from the office's own network.

use super::{About, list};
use crate::synth::scenario::benign::{MEASUREMENTS, OFFICE};
use crate::synth::scenario::clock::{Pace, at};
use crate::synth::scenario::company::{RESEARCH, RESEARCHER};
use crate::synth::scenario::event::{Action, Caller, Request};
use crate::synth::scenario::names;
use crate::synth::scenario::options::Intensity;
use crate::synth::scenario::timeline::Timeline;

pub(super) fn weave(timeline: &mut Timeline, intensity: Intensity) -> About {
    let mut random = timeline.random("insider download");
    let caller = Caller { actor: &RESEARCHER, address: OFFICE, session: 0 };
    let start = intensity.of([at(8, 20, 30), at(8, 17, 0), at(7, 9, 0)]) + random.below(1_800) as i64;
    if intensity != Intensity::Low {
        list(timeline, start - 8, caller, &RESEARCH, "assays/", 5);
    }
    let (count, seconds) = intensity.of([(2_500, 50 * 60), (300, 5 * 3_600), (150, 52 * 3_600)]);
    let mut pace = Pace::new(start, count, seconds);
    let first = random.below(MEASUREMENTS - count);
    for index in first..first + count {
        let size = names::size(index, 200_000, 2_000_000);
        let request = Request::new(caller, &RESEARCH, Action::Get, names::measurement(index), size);
        timeline.request(pace.next(&mut random), request);
    }
    About { actors: vec![&RESEARCHER], buckets: vec![&RESEARCH], ..About::default() }
}
