//! GET-004: a caller lists a bucket and then fetches it object by object.

use crate::detect::alert::{Confidence, Severity, counted};
use crate::detect::history::{CallerView, View};
use crate::detect::key_sample::{about, share};
use crate::detect::reading::{Past, Reading, ReadingDetector, alert, name, past};
use crate::detect::sample_lines::{Asks, Reads, made};
use crate::detect::statistics::{Baseline, Windows};
use crate::detect::{Config, Evidence, Findings, Form, Rule, Sample, Shared, Threshold};
use crate::parse::time::DAY_MS;
use serde_json::json;

/// GET-004 `list-then-sweep`.
pub static RULE: Rule = Rule {
    id: "GET-004",
    name: "list-then-sweep",
    title: "A caller listed a bucket and fetched it object by object",
    severity: Severity::Medium,
    attack: &["T1619", "T1530"],
    looks_for: "A list of objects (ListObjects, ListObjectsV2, ListObjectVersions) by one caller, and within ten minutes of it \
        many different keys of the same bucket that the caller reads within ten minutes, each about once: what a recursive \
        copy or a sync does. The keys must stand out from the caller's own 10-minute windows in the bucket (a robust \
        z-score of 6, and half as much again as on any other day), at level medium; or the caller was never seen in the \
        bucket before, though the logs show it for a day, at level high. Where the past is too short that is said. Callers \
        without credentials, AWS services and configured readers are left out, the last counted.",
    why: "Tools that empty a bucket ask what there is and take it in order. Applications know the names they want.",
    cannot_see: "The order of the keys, which is not kept: it is told by each key being read once. Who goes slower, or has \
        the names from elsewhere.",
    false_positives: "A first sync of a build, a new job that works through a folder.",
    next_steps: &[
        "Ask the owner of the principal whether it was planned.",
        "Compare address and user agent with those of the caller's usual reads.",
        "List what was read with exposure.",
    ],
    thresholds: &[
        Threshold { name: "keys_in_10_minutes", default: 50, source: "proposal of the detector catalogue" },
        Threshold {
            name: "read_once_percent",
            default: 90,
            source: "proposal of the detector catalogue, there for keys in ascending order",
        },
        Threshold {
            name: "history_hours",
            default: 24,
            source: "proposal: a day holds every hour of the clock once",
        },
    ],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &SAMPLES,
    form: Form::Code(ReadingDetector::<ListThenSweep>::of),
};

/// Minutes of a window, and between the list and the reads.
const WINDOW: u32 = 10;

/// Tenths of a robust standard deviation (detector catalogue: z of 6).
const Z_TENTHS: u64 = 60;

struct ListThenSweep {
    keys: u64,
    once_percent: u64,
    history_hours: u64,
}

impl Reading for ListThenSweep {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        let threshold = |name| config.threshold(&RULE, name);
        ListThenSweep {
            keys: threshold("keys_in_10_minutes"),
            once_percent: threshold("read_once_percent"),
            history_hours: threshold("history_hours"),
        }
    }

    fn judge(&self, history: &View<'_>, shared: &Shared<'_>, findings: &mut Findings) {
        let mut short = 0;
        let callers = history.callers().iter().filter(|caller| !caller.is_service && caller.kind() != "anonymous");
        for caller in callers.filter(|caller| caller.series.total().lists > 0) {
            if caller.series.distinct_keys() < self.keys || caller.series.grain() > WINDOW {
                continue;
            }
            let of_caller = self.of_caller(history, caller, &mut short);
            match caller.principal.is_some_and(|principal| shared.config.readers.contains(principal)) {
                true => findings.suppressed.extend(of_caller),
                false => findings.alerts.extend(of_caller),
            }
        }
        if short > 0 {
            findings.notes.push(format!(
                "{} a history of less than {} hours in a bucket: not evaluated.",
                counted(short, "caller has", "callers have"),
                self.history_hours
            ));
        }
    }
}

impl ListThenSweep {
    fn of_caller(
        &self,
        history: &View<'_>,
        caller: &CallerView<'_>,
        short: &mut u64,
    ) -> Vec<crate::detect::Alert> {
        let windows = Windows::of(caller.series.key_windows(WINDOW));
        let mut alerts = Vec::new();
        for burst in caller.series.key_bursts(WINDOW, self.keys) {
            let (start, end) = (*burst.minutes.start(), *burst.minutes.end());
            let lists = caller.series.within(&(start.saturating_sub(WINDOW)..=end)).lists;
            let keys = caller.series.keys_within(&burst.minutes);
            let reads = caller.series.within(&burst.minutes).reads.max(keys);
            if lists == 0 || keys.saturating_mul(100) < reads.saturating_mul(self.once_percent) {
                continue;
            }
            let baseline = Baseline::of(&windows, &burst.minutes, WINDOW);
            let stands_out = baseline.stands_out(burst.peak, Z_TENTHS);
            let severity = match past(history, caller, &burst.minutes, &baseline, stands_out, self.history_hours) {
                Past::Usual => continue,
                Past::StandsOut => Severity::Medium,
                Past::New => Severity::High,
                Past::Short(_) => {
                    *short += 1;
                    continue;
                }
            };
            let halvings = caller.series.key_halvings();
            let mut found = alert(&RULE, caller, &burst.minutes, "sweep");
            found.severity = severity;
            found.confidence = Confidence::Medium;
            found.window_seconds = u64::from(WINDOW) * 60;
            found.count = keys;
            found.summary = format!(
                "{} listed {} {} and read {}{} of it, up to {} in 10 minutes.",
                name(caller),
                caller.bucket,
                counted(lists, "time", "times"),
                about(halvings),
                counted(keys, "key", "different keys"),
                burst.peak,
            );
            found.reasons.push(if severity == Severity::High {
                Past::New.reason(&baseline)
            } else {
                Past::StandsOut.reason(&baseline)
            });
            found.observed = [
                ("lists", json!(lists)),
                ("keys", json!(keys)),
                ("keys_in_10_minutes", json!(burst.peak)),
                ("reads", json!(reads)),
                ("sampled_share", json!(share(halvings))),
            ]
            .into();
            found.expected = [
                ("keys_in_10_minutes", json!(self.keys)),
                ("keys_in_10_minutes_median", json!(baseline.median())),
                ("history_minutes", json!(baseline.minutes)),
            ]
            .into();
            alerts.push(found);
        }
        alerts
    }
}

/// A week in which the bucket is read, a key every ten minutes.
const WEEK: Reads = Reads { every_ms: 600_000, count: 8 * 144, ..Reads::USUAL };

/// 120 keys in six minutes on the ninth day.
const SWEEP: Reads = Reads {
    requester: "arn:aws:iam::111122223333:user/bob",
    prefix: "customers/",
    from_ms: Reads::USUAL.from_ms + 8 * DAY_MS,
    every_ms: 3_000,
    count: 120,
    ..Reads::USUAL
};

const LIST: Asks = Asks {
    requester: SWEEP.requester,
    bucket: SWEEP.bucket,
    operation: "REST.GET.BUCKET",
    key: "-",
    query: "?list-type=2",
    answer: (200, "-"),
    from_ms: SWEEP.from_ms - 2_000,
    ..Asks::USUAL
};

static SAMPLES: [Sample; 6] = [
    made!("fires", true, WEEK.lines() + &LIST.lines() + &SWEEP.lines()),
    made!("fires_on_a_known_caller", true, {
        let ann = WEEK.requester;
        WEEK.lines() + &Asks { requester: ann, ..LIST }.lines() + &Reads { requester: ann, ..SWEEP }.lines()
    }),
    made!("near_miss_1", false, WEEK.lines() + &SWEEP.lines()),
    made!("near_miss_2", false, { WEEK.lines() + &LIST.lines() + &Reads { every_ms: 60_000, ..SWEEP }.lines() }),
    made!("near_miss_3", false, {
        WEEK.lines() + &Asks { from_ms: LIST.from_ms - 3_600_000, ..LIST }.lines() + &SWEEP.lines()
    }),
    made!("denied_twin", false, WEEK.lines() + &LIST.lines() + &Reads { done: false, ..SWEEP }.lines()),
];
