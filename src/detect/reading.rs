//! Rules that hold a caller's reads against history: its own, and that of others.

use super::alert::Alert;
use super::codes::Codes;
use super::history::{CallerView, LearnedCaller, Load, View};
use super::statistics::{Baseline, Windows, median};
use super::{Config, DetectBatch, Detector, Findings, Rule, Shared};
use crate::detect::minutes::MINUTE_MS;
use std::any::Any;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// A rule of this form. It has no state of its own: all is in the history that detectors share.
pub trait Reading: Send + Sized + 'static {
    /// The rule.
    const RULE: &'static Rule;

    /// With the settings.
    fn new(config: &Config) -> Self;

    /// What the history holds for the rule.
    fn judge(&self, history: &View<'_>, shared: &Shared<'_>, findings: &mut Findings);
}

/// The detector of a [`Reading`].
pub struct ReadingDetector<R>(R);

impl<R: Reading> ReadingDetector<R> {
    /// With the settings.
    pub fn of(config: &Config) -> Box<dyn Detector> {
        Box::new(ReadingDetector(R::new(config)))
    }
}

impl<R: Reading> Detector for ReadingDetector<R> {
    fn observe(&mut self, _batch: &DetectBatch<'_>, _codes: &Codes) {}

    fn merge(&mut self, _other: Box<dyn Detector>) {}

    fn finish(self: Box<Self>, shared: &Shared<'_>) -> Findings {
        let mut findings = Findings::default();
        self.0.judge(shared.history, shared, &mut findings);
        findings.notes.extend(short_history(R::RULE, shared));
        findings.notes = findings.notes.iter().map(|note| format!("{}: {note}", R::RULE.id)).collect();
        findings
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn save(&self) -> Vec<u8> {
        Vec::new()
    }

    fn load(&mut self, _state: &[u8]) -> Result<(), String> {
        Ok(())
    }
}

/// A sentence if the logs as a whole are too short for the rule to know anybody's past.
pub fn short_history(rule: &Rule, shared: &Shared<'_>) -> Option<String> {
    let lists = |name| rule.thresholds.iter().any(|threshold| threshold.name == name);
    let least_minutes = match (lists("history_hours"), lists("history_days")) {
        (true, _) => shared.config.threshold(rule, "history_hours").saturating_mul(60),
        // No rule evaluates less than a day where it asks for days.
        (false, true) => u64::from(DAY_MINUTES),
        (false, false) => return None,
    };
    let spans = || shared.history.callers().iter().filter_map(|caller| caller.series.span());
    let first = spans().map(|span| *span.start()).min()?;
    let first = shared.history.past().map_or(first, |past| first.min(past.first_minute()));
    let last = spans().map(|span| *span.end()).max()?;
    let minutes = u64::from(last.saturating_sub(first)) + 1;
    (minutes < least_minutes)
        .then(|| format!("history of {}: not evaluated against callers' own past.", span_in_words(minutes)))
}

/// Minutes of a day.
pub const DAY_MINUTES: u32 = 24 * 60;

/// An alert about what a caller did in a range of minutes, with all that is known without the rule.
pub fn alert(rule: &Rule, caller: &CallerView<'_>, minutes: &RangeInclusive<u32>, what: &str) -> Alert {
    let entity = [caller.principal, Some(caller.bucket), caller.address, Some(what)];
    let from_ms = i64::from(*minutes.start()) * MINUTE_MS;
    let until_ms = (i64::from(*minutes.end()) + 1) * MINUTE_MS - 1;
    let mut alert = Alert::of(rule, &entity, Some(from_ms));
    let evidence = caller.evidence(minutes);
    alert.set_evidence([&evidence[0], &evidence[1]]);
    let first_ms = alert.evidence.first().and_then(|row| row.event_time_ms).unwrap_or(from_ms);
    let first_ms = first_ms.clamp(from_ms, until_ms);
    alert.set_seen(Some(first_ms), Some(until_ms));
    alert.principal = caller.principal.map(str::to_owned);
    alert.bucket = Some(caller.bucket.to_owned());
    alert.remote_ip = caller.address.map(str::to_owned);
    alert
}

/// A caller as sentences name it.
pub fn name(caller: &CallerView<'_>) -> String {
    match (caller.principal, caller.address) {
        (Some(principal), Some(address)) => format!("{principal} at {address}"),
        (Some(principal), None) => principal.to_owned(),
        (None, _) => "An unknown caller".to_owned(),
    }
}

/// A span of minutes in words: `40 minutes`, `5 hours`, `9 days`.
pub fn span_in_words(minutes: u64) -> String {
    match minutes {
        0..120 => format!("{minutes} minutes"),
        120..2880 => format!("{} hours", minutes / 60),
        _ => format!("{} days", minutes / u64::from(DAY_MINUTES)),
    }
}

/// Bytes in words, to one digit after the point.
pub fn bytes_in_words(bytes: u64) -> String {
    let units = [("GiB", 1u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let found = units.into_iter().find(|(_, size)| bytes >= *size);
    found.map_or_else(
        || format!("{bytes} bytes"),
        |(unit, size)| format!("{}.{} {unit}", bytes / size, bytes % size * 10 / size),
    )
}

/// What is known of a caller's past at the time of a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Past {
    /// Long enough, and the burst does not stand out from it.
    Usual,
    /// Long enough, and the burst stands out from it.
    StandsOut,
    /// None of this caller in this bucket, though the logs show the bucket for long enough before.
    New,
    /// Too short to say: minutes of it.
    Short(u64),
}

/// What the past says of a burst; `least_hours` is how long it must be.
pub fn past(
    history: &View<'_>,
    caller: &CallerView<'_>,
    minutes: &RangeInclusive<u32>,
    baseline: &Baseline,
    stands_out: bool,
    least_hours: u64,
) -> Past {
    if baseline.is_enough(least_hours) {
        return if stands_out { Past::StandsOut } else { Past::Usual };
    }
    let (before, _) = history.before(caller.bucket, *minutes.start());
    if baseline.windows() == 0 && before >= least_hours * 60 { Past::New } else { Past::Short(baseline.minutes) }
}

/// What a baseline says of a burst.
pub struct Learned {
    /// [`Past::Usual`] or [`Past::StandsOut`].
    pub past: Past,
    /// The caller's learned windows, and those of the logs beside the burst.
    pub baseline: Baseline,
    /// Minutes of a window.
    pub window_minutes: u32,
    /// The largest of the burst's windows.
    pub value: u64,
}

/// Days on which a caller was seen that are past enough, however few hours of them: a nightly job has one a day.
const LEAST_DAYS: usize = 7;

/// Holds a burst against what a baseline says of the caller: by the hour, or by the day or week where it is kept so.
/// `None` without a baseline, and where it knows too little of the caller.
pub fn learned(
    history: &View<'_>,
    caller: &CallerView<'_>,
    minutes: &RangeInclusive<u32>,
    value: impl Fn(&Load) -> u64,
    (z_tenths, least_hours): (u64, u64),
) -> Option<Learned> {
    let Some(LearnedCaller::Seen(past)) = history.past_of(caller) else { return None };
    // Of one stretch without end nothing can be told by the hour.
    let length = (past.grain < u32::MAX).then_some(past.grain.max(60).max(caller.series.grain()))?;
    let mut windows: Vec<(u32, u64)> = Vec::new();
    for (minute, load) in &past.stretches {
        let start = minute / length * length;
        match windows.last_mut().filter(|(last, _)| *last == start) {
            Some((_, sum)) => *sum = sum.saturating_add(value(load)),
            None => windows.push((start, value(load))),
        }
    }
    let mut days: Vec<u32> = windows.iter().map(|(minute, _)| minute / DAY_MINUTES).collect();
    days.dedup();
    let own = caller.series.windows(length, &value);
    let burst = minutes.start() / length * length..=minutes.end() / length * length + (length - 1);
    let largest = own.iter().filter(|(start, _)| burst.contains(start)).map(|(_, value)| *value).max()?;
    windows.extend(own);
    let baseline = Baseline::of(&Windows::of(windows), &burst, 0);
    if !baseline.is_enough(least_hours) && days.len() < LEAST_DAYS {
        return None;
    }
    let past = if baseline.stands_out(largest, z_tenths) { Past::StandsOut } else { Past::Usual };
    Some(Learned { past, baseline, window_minutes: length, value: largest })
}

impl Past {
    /// As a sentence.
    pub fn reason(self, baseline: &Baseline) -> String {
        let windows = baseline.windows();
        match self {
            Past::Usual => format!("It does not stand out from {windows} windows of the caller's own past."),
            Past::StandsOut => format!(
                "It stands out from {windows} windows of the caller's own past over {}.",
                span_in_words(baseline.minutes)
            ),
            Past::New => "The caller was never seen in this bucket besides, though the logs show the bucket for \
                          longer than a baseline needs."
                .to_owned(),
            Past::Short(minutes) => format!(
                "History of {}: not evaluated against the caller's own past, only against absolute numbers.",
                span_in_words(minutes)
            ),
        }
    }
}

/// The largest value of each caller, by bucket and kind of caller: what peers do.
pub struct Peers<'a>(BTreeMap<(&'a str, &'static str), Vec<u64>>);

impl<'a> Peers<'a> {
    /// With the value of each caller.
    pub fn of(history: &'a View<'_>, value: impl Fn(&CallerView<'_>) -> u64) -> Peers<'a> {
        let mut peers: BTreeMap<_, Vec<u64>> = BTreeMap::new();
        for caller in history.callers() {
            peers.entry((caller.bucket, caller.kind())).or_default().push(value(caller));
        }
        peers.values_mut().for_each(|values| values.sort_unstable());
        Peers(peers)
    }

    /// How many others of the kind there are, the middle one's value and the largest; `own` is the caller's value.
    pub fn others(&self, caller: &CallerView<'_>, own: u64) -> (usize, u64, u64) {
        let mut others = self.0.get(&(caller.bucket, caller.kind())).cloned().unwrap_or_default();
        if let Ok(at) = others.binary_search(&own) {
            others.remove(at);
        }
        (others.len(), median(&others), others.last().copied().unwrap_or(0))
    }
}

/// Peers that a comparison needs. Proposal: two could be a pair that does the same job.
pub const LEAST_PEERS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::detect::{RULES, rule, sample_run};
    use crate::parse::LogType;

    /// One read every `step` minutes, `count` times.
    fn reads(count: i64, step: i64) -> Vec<(LogType, Activity)> {
        let read = |number: i64| Activity {
            time_ms: Some((29_000_000 + number * step) * MINUTE_MS),
            action: "GetObject",
            operation: "REST.GET.OBJECT",
            request: format!("R{number}"),
            ..Activity::default()
        };
        (0..count).map(|number| (LogType::S3Access, read(number))).collect()
    }

    #[test]
    fn logs_that_are_too_short_for_a_past_are_said_to_be() {
        let config = Config::default();
        let notes = |id: &str, rows: &[(LogType, Activity)]| {
            let notes = detect(rule(id).expect("a rule"), &config, rows).notes;
            notes.into_iter().filter(|note| note.contains("history of ")).collect::<Vec<_>>()
        };
        for id in ["GET-001", "GET-002", "GET-005", "GET-010", "LOG-016"] {
            let said = format!("{id}: history of 40 minutes: not evaluated against callers' own past.");
            assert_eq!(notes(id, &reads(40, 1)), [said]);
            assert_eq!(notes(id, &reads(40, 60)), [""; 0]);
            assert_eq!(notes(id, &[]), [""; 0]);
        }
        assert_eq!(notes("GET-016", &reads(40, 1)), [""; 0]);
    }

    #[test]
    fn a_burst_of_one_minute_shows_five_records() {
        let mut rows = reads(200, 0);
        rows.iter_mut().for_each(|(_, row)| row.bytes = Some(1 << 20));
        let found = detect(rule("GET-001").expect("a rule"), &Config::default(), &rows).alerts;
        let shown = |alert: &crate::detect::Alert| (alert.count, alert.evidence.len(), alert.evidence_total);
        assert_eq!(found.iter().map(shown).collect::<Vec<_>>(), [(200, 5, 200)]);
    }

    #[test]
    fn what_is_held_against_the_past_tells_how_long_that_is() {
        let is_wanted =
            |rule: &&&'static Rule| ["GET-001", "GET-002", "GET-005", "GET-010", "LOG-016"].contains(&rule.id);
        for rule in RULES.iter().filter(is_wanted) {
            for sample in rule.samples.iter().filter(|sample| sample.fires) {
                let tables = sample_run::tables(sample).expect("a sample that is read");
                for alert in sample_run::run(rule, &tables, usize::MAX).alerts {
                    assert!(alert.expected.contains_key("history_minutes"), "{} {:?}", rule.id, alert.expected);
                    assert!(!alert.observed.is_empty(), "{}", rule.id);
                }
            }
        }
    }
}
