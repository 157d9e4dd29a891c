//! What is told of a place: the members of JSON and the columns of CSV.

use super::days::{Day, DayNumber, NO_DAY, Series};
use super::gaps::{GapRow, gaps};
use super::kind::LogKind;
use super::loss::Loss;
use super::place::Where;
use super::{Coverage, Place};
use crate::activity::evidence::Evidence;
use crate::detect::RULES;
use crate::parse::LogType;
use crate::parse::time::{DAY_MS, format_date, format_iso};
use serde::Serialize;
use std::collections::HashMap;

/// Name and version of the form of a day.
pub const DAY_SCHEMA: &str = "s3sleuth.coverage.day.v1";

/// Requests with keys of KMS on one day from which on a call of KMS must be among them, even with bucket keys. Proposal.
const SURELY_KMS: u64 = 20;

/// What was seen and what is missing, on a day or in all.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Facts {
    /// Lines of access logs.
    pub access_lines: u64,
    /// CloudTrail S3 data events.
    pub data_events: u64,
    /// CloudTrail management events, those of KMS among them.
    pub management_events: u64,
    /// CloudTrail events of KMS.
    pub kms_events: u64,
    /// CloudTrail data events of other services.
    pub other_data_events: u64,
    /// Network activity events.
    pub network_activity_events: u64,
    /// Insights.
    pub insight_events: u64,
    /// Other records of CloudTrail.
    pub other_events: u64,
    /// Records dropped as repeats.
    pub duplicates: u64,
    /// Records that could not be read, of files delivered on the day.
    pub rejects: u64,
    /// Is the access log on?
    pub access_log_state: &'static str,
    /// Are data events on?
    pub data_events_state: &'static str,
    /// Are events of KMS on? Null for buckets.
    pub kms_state: Option<&'static str>,
    /// Requests that show encryption by KMS.
    pub sse_kms_requests: u64,
    /// Access lines that CloudTrail would record as data events.
    pub data_requests: u64,
    /// From event to delivery of access logs: the middle, in seconds.
    pub access_log_delay_median_s: Option<u32>,
    /// What 95 of 100 lines do not exceed.
    pub access_log_delay_p95_s: Option<u32>,
    /// The longest.
    pub access_log_delay_max_s: Option<u32>,
    /// The same of CloudTrail.
    pub cloudtrail_delay_median_s: Option<u32>,
    /// What 95 of 100 events do not exceed.
    pub cloudtrail_delay_p95_s: Option<u32>,
    /// The longest.
    pub cloudtrail_delay_max_s: Option<u32>,
    /// Share of access lines that repeat another in every byte.
    pub repeated_lines_share: Option<f64>,
    /// Data events that were looked for in the access log, where both logs have rows.
    pub events_compared: u64,
    /// Of them, those without an access line.
    pub events_without_line: u64,
    /// Their share.
    pub events_without_line_share: Option<f64>,
    /// Between which shares the true one lies, if not all were compared.
    pub events_without_line_bounds: Option<(f64, f64)>,
    /// Access lines that were looked for in CloudTrail, where both logs have rows.
    pub lines_compared: u64,
    /// Of them, those without a data event.
    pub lines_without_event: u64,
    /// Their share.
    pub lines_without_event_share: Option<f64>,
    /// Between which shares the true one lies, if not all were compared.
    pub lines_without_event_bounds: Option<(f64, f64)>,
    /// One of so many requests was compared.
    pub compared_one_in: u64,
    /// Detectors that have nothing to go by.
    pub not_evaluated: Vec<&'static str>,
}

/// One account, region, bucket and day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DayRow {
    /// Name and version of this form.
    pub schema: &'static str,
    /// Where.
    #[serde(flatten)]
    pub place: Where,
    /// UTC day; null for records without a usable time.
    pub day: Option<String>,
    /// What was seen.
    #[serde(flatten)]
    pub facts: Facts,
    /// Hours of the day of which access lines are missing.
    pub access_line_gap_hours: i64,
    /// Hours of which data events are missing.
    pub data_event_gap_hours: i64,
    /// Hours of which management events are missing.
    pub management_event_gap_hours: i64,
}

/// One account, region and bucket over all days.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlaceRow {
    /// Where.
    #[serde(flatten)]
    pub place: Where,
    /// First event.
    pub first_event: Option<String>,
    /// Last event.
    pub last_event: Option<String>,
    /// Days with rows.
    pub days: u64,
    /// What was seen.
    #[serde(flatten)]
    pub facts: Facts,
    /// Number of gaps.
    pub gaps: u64,
    /// Each day from the first to the last as a letter; shortened at the front.
    #[serde(skip)]
    pub strip: String,
}

/// Days that a strip shows.
pub const STRIP_DAYS: i64 = 31;

/// What else has to be known to judge a bucket: what there is of its account and region.
#[derive(Clone, Copy, Debug, Default)]
struct Around {
    management: u64,
    kms: u64,
}

/// Judges what was seen.
pub struct Judge<'a> {
    coverage: &'a Coverage,
    /// Management events and those of KMS by account and region; `None` stands for all accounts.
    accounts: HashMap<Option<(&'a str, &'a str)>, HashMap<DayNumber, Around>>,
}

impl<'a> Judge<'a> {
    /// Of what was seen.
    pub fn of(coverage: &'a Coverage) -> Judge<'a> {
        let mut accounts: HashMap<_, HashMap<DayNumber, Around>> = HashMap::new();
        for place in coverage.places.iter().filter(|place| place.bucket.is_none()) {
            for (number, day) in place.days.days() {
                for key in [key(place), None] {
                    let around = accounts.entry(key).or_default().entry(*number).or_default();
                    around.management += day.management();
                    around.kms += day.of(LogKind::Kms);
                }
            }
        }
        Judge { coverage, accounts }
    }

    fn around(&self, place: &'a Place, day: Option<DayNumber>) -> Around {
        let Some(days) = self.accounts.get(&key(place)) else { return Around::default() };
        match day {
            Some(day) => days.get(&day).copied().unwrap_or_default(),
            None => days.values().fold(Around::default(), |sum, day| Around {
                management: sum.management + day.management,
                kms: sum.kms + day.kms,
            }),
        }
    }

    /// The gaps of a place.
    pub fn gaps(&self, place: &Place) -> Vec<GapRow> {
        gaps(place, self.coverage.span_ms.map(|(_, last)| last))
    }

    /// Each day of a place.
    pub fn days<'s>(&'s self, place: &'a Place) -> impl Iterator<Item = DayRow> + use<'a, 's> {
        let gaps = self.gaps(place);
        let all = self.around(place, None);
        // A day that has nothing is told too if a gap covers it.
        let mut numbers: Vec<DayNumber> = place.days.days().iter().map(|(number, _)| *number).collect();
        numbers.extend(gaps.iter().flat_map(GapRow::days));
        numbers.sort_unstable();
        numbers.dedup();
        numbers.into_iter().map(move |number| self.day(place, number, &gaps, all))
    }

    /// A day of a place that has none, for the names of its members.
    pub fn empty_day(&self, place: &'a Place) -> DayRow {
        self.day(place, NO_DAY, &[], Around::default())
    }

    fn day(&self, place: &'a Place, number: DayNumber, gaps: &[GapRow], all: Around) -> DayRow {
        let nothing = Day::default();
        let day = place.days.day(number).unwrap_or(&nothing);
        let kms_may_rest = all.kms > 0 && day.kms_requests < SURELY_KMS;
        let around = self.around(place, Some(number));
        let hours = |series: Series| {
            let of_series = gaps.iter().filter(|gap| gap.log == series);
            of_series.map(|gap| gap.hours_on(number)).sum()
        };
        DayRow {
            schema: DAY_SCHEMA,
            place: Where::of(place),
            day: (number != NO_DAY).then(|| format_date(i64::from(number) * DAY_MS)),
            facts: facts(place, day, &place.losses.day(number), around, kms_may_rest),
            access_line_gap_hours: hours(Series::AccessLines),
            data_event_gap_hours: hours(Series::DataEvents),
            management_event_gap_hours: hours(Series::ManagementEvents),
        }
    }

    /// All days of a place together.
    pub fn place(&self, place: &'a Place, gaps: &[GapRow]) -> PlaceRow {
        let (span, all) = (place.days.span_ms(), self.around(place, None));
        PlaceRow {
            place: Where::of(place),
            first_event: span.map(|(first, _)| format_iso(first)),
            last_event: span.map(|(_, last)| format_iso(last)),
            days: place.days.days().len() as u64,
            facts: facts(place, &place.days.total(), &place.losses.total(), all, false),
            gaps: gaps.len() as u64,
            strip: self.strip(place, gaps),
        }
    }

    fn strip(&self, place: &Place, gaps: &[GapRow]) -> String {
        let (Some((first, _)), Some((_, last))) = (place.days.span_ms(), self.coverage.span_ms) else {
            return String::new();
        };
        let (first, last) = (first.div_euclid(DAY_MS), last.div_euclid(DAY_MS));
        let from = first.max(last - STRIP_DAYS + 1);
        let days = (from..=last).filter_map(|day| DayNumber::try_from(day).ok());
        let letters = days.map(|day| letter(place.days.day(day), gaps.iter().any(|gap| gap.hours_on(day) > 0)));
        letters.fold(if from > first { "…".to_owned() } else { String::new() }, |strip, letter| strip + letter)
    }
}

/// A day as a letter: `!` a gap, `B` both logs, `A` access lines, `D` data events, `M` management events only, `o` other
/// records only, `.` nothing.
fn letter(day: Option<&Day>, has_gap: bool) -> &'static str {
    let has = |kind| day.is_some_and(|day| day.of(kind) > 0);
    match (has(LogKind::AccessLines), has(LogKind::DataEvents)) {
        _ if has_gap => "!",
        (true, true) => "B",
        (true, false) => "A",
        (false, true) => "D",
        _ if day.is_some_and(|day| day.management() > 0) => "M",
        _ if day.is_some_and(|day| !day.is_empty()) => "o",
        _ => ".",
    }
}

fn key(place: &Place) -> Option<(&str, &str)> {
    Some((place.account_id.as_deref()?, place.region.as_deref().unwrap_or_default()))
}

fn facts(place: &Place, day: &Day, loss: &Loss, around: Around, kms_may_rest: bool) -> Facts {
    let delay = |log, percent| day.delays(log)?.percentile_s(percent);
    let longest = |log| day.delays(log)?.max_s();
    let is_sample = loss.halvings > 0;
    Facts {
        access_lines: day.of(LogKind::AccessLines),
        data_events: day.of(LogKind::DataEvents),
        management_events: day.management(),
        kms_events: day.of(LogKind::Kms),
        other_data_events: day.of(LogKind::OtherData),
        network_activity_events: day.of(LogKind::NetworkActivity),
        insight_events: day.of(LogKind::Insights),
        other_events: day.of(LogKind::Other),
        duplicates: day.repeats,
        rejects: day.rejects,
        access_log_state: access_log_state(place, day),
        data_events_state: data_events_state(day, around),
        kms_state: place.bucket.is_none().then(|| kms_state(day, kms_may_rest)),
        sse_kms_requests: day.kms_requests,
        data_requests: day.data_requests,
        access_log_delay_median_s: delay(LogType::S3Access, 50),
        access_log_delay_p95_s: delay(LogType::S3Access, 95),
        access_log_delay_max_s: longest(LogType::S3Access),
        cloudtrail_delay_median_s: delay(LogType::CloudTrail, 50),
        cloudtrail_delay_p95_s: delay(LogType::CloudTrail, 95),
        cloudtrail_delay_max_s: longest(LogType::CloudTrail),
        repeated_lines_share: loss.repeated_share(),
        events_compared: loss.events.compared,
        events_without_line: loss.events.missing,
        events_without_line_share: loss.events.share(),
        events_without_line_bounds: loss.events.bounds().filter(|_| is_sample),
        lines_compared: loss.lines.compared,
        lines_without_event: loss.lines.missing,
        lines_without_event_share: loss.lines.share(),
        lines_without_event_bounds: loss.lines.bounds().filter(|_| is_sample),
        compared_one_in: 1 << loss.halvings.min(63),
        not_evaluated: not_evaluated(day, around),
    }
}

/// `on`: there are lines. `off`: CloudTrail has requests of the account's own bucket, and there is no line of them.
/// `unknown`: nothing tells of a request, or the bucket belongs to another account, whose log it would be, or it is the whole
/// of account and region.
fn access_log_state(place: &Place, day: &Day) -> &'static str {
    if day.of(LogKind::AccessLines) > 0 {
        return "on";
    }
    let is_ours = place.bucket.is_some() && place.days.is_owner;
    if is_ours && day.of(LogKind::DataEvents) > 0 { "off" } else { "unknown" }
}

/// `on`: there are data events. `off`: management events of account and region are there, the access log has requests, and
/// none of them is a data event. `none_seen`: nothing tells of a request. `unknown`: there are no management events, so that
/// the trail itself may be missing.
fn data_events_state(day: &Day, around: Around) -> &'static str {
    match (day.of(LogKind::DataEvents) > 0, around.management > 0, day.data_requests > 0) {
        (true, ..) => "on",
        (false, true, true) => "off",
        (false, true, false) => "none_seen",
        (false, false, _) => "unknown",
    }
}

/// `on`: there are events of KMS. `writes_only`: but no use of a key, although requests with keys of KMS show: the trail
/// logs no reads. `excluded`: there is none at all. `none_seen`: nothing shows use of KMS, or a few bucket keys may have
/// been enough. `unknown`: there are no management events.
fn kms_state(day: &Day, may_rest: bool) -> &'static str {
    let asks = day.kms_requests > 0 && !may_rest;
    match (day.of(LogKind::Kms) > 0, day.management() > 0) {
        (true, _) if day.key_uses == 0 && asks => "writes_only",
        (true, _) => "on",
        (false, true) if asks => "excluded",
        (false, true) => "none_seen",
        (false, false) => "unknown",
    }
}

/// The detectors of whose kinds of records there is none.
fn not_evaluated(day: &Day, around: Around) -> Vec<&'static str> {
    let has = |evidence: &Evidence| match evidence {
        Evidence::AccessLines => day.of(LogKind::AccessLines) > 0,
        Evidence::DataEvents => day.of(LogKind::DataEvents) > 0,
        Evidence::ManagementEvents => around.management > 0,
        Evidence::KmsEvents => around.kms > 0,
    };
    RULES.iter().filter(|rule| !rule.needs.iter().any(has)).map(|rule| rule.id).collect()
}
