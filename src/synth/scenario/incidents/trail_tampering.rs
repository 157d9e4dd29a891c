//! The trail of the models' team is stopped, narrowed or weakened, and then models are read. These logs are those of the
//! organisation's trail, which members cannot change: it goes on.

use super::{About, list, look_around};
use crate::synth::scenario::benign::MODEL_SHARDS;
use crate::synth::scenario::clock::{Pace, at};
use crate::synth::scenario::company::{MODEL_ENGINEER, MODELS};
use crate::synth::scenario::event::{Action, Call, Caller, Request, ipv4};
use crate::synth::scenario::names;
use crate::synth::scenario::options::Intensity;
use crate::synth::scenario::timeline::Timeline;

/// Name and parameters of a call.
type Tampering = (&'static str, &'static str);

const STOP: [Tampering; 2] =
    [("StopLogging", r#"{"name":"models-data-trail"}"#), ("DeleteTrail", r#"{"name":"models-data-trail"}"#)];
const NARROW: [Tampering; 1] = [(
    "PutEventSelectors",
    r#"{"trailName":"models-data-trail","eventSelectors":[{"readWriteType":"WriteOnly","includeManagementEvents":true,"dataResources":[],"excludeManagementEventSources":["kms.amazonaws.com"]}]}"#,
)];
const WEAKEN: [Tampering; 1] = [(
    "UpdateTrail",
    r#"{"name":"models-data-trail","enableLogFileValidation":false,"isMultiRegionTrail":false,"includeGlobalServiceEvents":false}"#,
)];

pub(super) fn weave(timeline: &mut Timeline, intensity: Intensity) -> About {
    let mut random = timeline.random("trail tampering");
    let caller =
        Caller { actor: &MODEL_ENGINEER, address: ipv4(203, 0, 113, random.between(91, 105)), session: 0 };
    let start = at(9, 0, 30) + random.below(3_600) as i64;
    look_around(timeline, start - 500, caller);
    let mut time = start - 200;
    let look = Call::Control {
        caller,
        source: "cloudtrail.amazonaws.com",
        name: "DescribeTrails",
        parameters: r#"{"trailNameList":[]}"#,
    };
    timeline.call(time, look);
    let calls: &[Tampering] = intensity.of([&STOP, &NARROW, &WEAKEN]);
    for (name, parameters) in calls {
        time += 45;
        timeline.call(time, Call::Control { caller, source: "cloudtrail.amazonaws.com", name, parameters });
    }
    if intensity == Intensity::High {
        list(timeline, start - 3, caller, &MODELS, "released/", 2);
    }
    let (count, seconds) = intensity.of([(1_000, 25 * 60), (150, 3 * 3_600), (20, 15 * 3_600)]);
    let mut pace = Pace::new(start, count, seconds);
    let first = random.below(MODEL_SHARDS - count);
    for index in first..first + count {
        let size = names::size(index, 2 << 20, 8 << 20);
        let request = Request::new(caller, &MODELS, Action::Get, names::model(index), size);
        timeline.request(pace.next(&mut random), request);
    }
    About {
        actors: vec![&MODEL_ENGINEER],
        addresses: vec![caller.address],
        buckets: vec![&MODELS],
        ..About::default()
    }
}
