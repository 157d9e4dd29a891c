//! Coverage as JSON, JSONL, CSV, Markdown and as tables. Days and places are written one by one: there may be millions.

use super::count::{counted, grouped, of_number};
use super::csv;
use super::markdown;
use super::numbers::{duration, percent};
use super::safe::{printable, printable_json};
use super::sheet::Sheet;
use crate::coverage::place::Where;
use crate::coverage::{Coverage, DayRow, GapRow, Judge, Place, PlaceRow};
use crate::parse::time::format_iso;
use crate::pipeline::Tally;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::io::{self, Write};

/// Name and version of the summary.
pub const SCHEMA: &str = "s3sleuth.coverage.v1";

const PLACES_TITLE: &str = "Logs by account, region and bucket. Days: A access log, D data events, B both, \
    M management events only, o others only, ! gap, . nothing. After: when 95 of 100 records had come";

/// Places and gaps that a table shows.
const PLACES_SHOWN: usize = 40;
const GAPS_SHOWN: usize = 20;

/// What was read, and what follows for the detectors.
pub struct Told<'a> {
    /// Counts of the run.
    pub tally: &'a Tally,
    /// Detectors that could not be evaluated on the whole input, a sentence each.
    pub not_evaluated: &'a [String],
}

/// One object a line: each account, region, bucket and day.
pub fn write_jsonl(coverage: &Coverage, output: &mut dyn Write) -> io::Result<()> {
    each_day(coverage, |day| {
        output.write_all(printable_json(&json(&day)).as_bytes())?;
        output.write_all(b"\n")
    })
}

/// The same as CSV: a header, and a line for each, under the names of the JSON and in its order.
pub fn write_csv(coverage: &Coverage, output: &mut dyn Write) -> io::Result<()> {
    let nowhere = Place::default();
    let empty = Coverage::default();
    let (names, _) = csv::members(&json(&Judge::of(&empty).empty_day(&nowhere)));
    output.write_all((names.join(",") + "\r\n").as_bytes())?;
    each_day(coverage, |day| output.write_all((csv::members(&json(&day)).1.join(",") + "\r\n").as_bytes()))
}

fn each_day(coverage: &Coverage, mut each: impl FnMut(DayRow) -> io::Result<()>) -> io::Result<()> {
    let judge = Judge::of(coverage);
    coverage.places.iter().try_for_each(|place| judge.days(place).try_for_each(&mut each))
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts and numbers are JSON")
}

/// The head of the summary; places and gaps follow.
#[derive(Serialize)]
struct Head<'a> {
    schema: &'static str,
    first_event: Option<String>,
    last_event: Option<String>,
    selected_records: Option<u64>,
    selected_first_event: Option<String>,
    selected_last_event: Option<String>,
    lines: u64,
    records: u64,
    duplicates: u64,
    rejects: u64,
    missing_logs: Vec<String>,
    not_evaluated: &'a [String],
    left_out: &'a [String],
}

impl<'a> Head<'a> {
    fn of(coverage: &'a Coverage, told: &Told<'a>) -> Head<'a> {
        let tally = told.tally;
        let selected_span = coverage.selected.and_then(|selected| selected.span_ms);
        Head {
            schema: SCHEMA,
            first_event: coverage.span_ms.map(|(first, _)| format_iso(first)),
            last_event: coverage.span_ms.map(|(_, last)| format_iso(last)),
            selected_records: coverage.selected.map(|selected| selected.records),
            selected_first_event: selected_span.map(|(first, _)| format_iso(first)),
            selected_last_event: selected_span.map(|(_, last)| format_iso(last)),
            lines: tally.lines,
            records: tally.records - tally.filtered,
            duplicates: tally.duplicates,
            rejects: tally.rejects,
            missing_logs: tally.evidence.missing(),
            not_evaluated: told.not_evaluated,
            left_out: &coverage.left_out,
        }
    }
}

/// One object: the whole, each place over all days, and all gaps.
pub fn write_json(coverage: &Coverage, told: &Told<'_>, output: &mut dyn Write) -> io::Result<()> {
    let judge = Judge::of(coverage);
    let head = json(&Head::of(coverage, told));
    let head = head.strip_suffix('}').unwrap_or_default();
    output.write_all(printable_json(head).as_bytes())?;
    output.write_all(b",\"places\":[")?;
    let mut list = List { output, is_first: true };
    for place in &coverage.places {
        list.push(&judge.place(place, &judge.gaps(place)))?;
    }
    list.output.write_all(b"\n],\"gaps\":[")?;
    list.is_first = true;
    for place in &coverage.places {
        judge.gaps(place).iter().try_for_each(|gap| list.push(gap))?;
    }
    output.write_all(b"\n]}\n")
}

/// A list of JSON that is being written.
struct List<'a> {
    output: &'a mut dyn Write,
    is_first: bool,
}

impl List<'_> {
    fn push(&mut self, value: &impl Serialize) -> io::Result<()> {
        self.output.write_all(if self.is_first { b"\n" } else { b",\n" })?;
        self.is_first = false;
        self.output.write_all(printable_json(&json(value)).as_bytes())
    }
}

/// For people, wrapped to `width` columns if one is given.
pub fn table(coverage: &Coverage, told: &Told<'_>, width: Option<u16>) -> String {
    let mut text = heading(coverage, told) + "\n";
    sheets(coverage).into_iter().for_each(|sheet| text += &sheet.table(width));
    for (title, lines) in lists(coverage, told) {
        text += &format!("\n{title}\n");
        lines.iter().for_each(|line| text += &format!("  {}\n", printable(line)));
    }
    text
}

/// The same as Markdown, for a report.
pub fn markdown(coverage: &Coverage, told: &Told<'_>) -> String {
    let mut text = format!("# Coverage of the logs\n\n{}\n", heading(coverage, told));
    sheets(coverage).iter().for_each(|sheet| text += &sheet.markdown());
    for (title, lines) in lists(coverage, told) {
        text += &format!("\n## {title}\n\n");
        lines.iter().for_each(|line| text += &format!("- {}\n", markdown::cell(line)));
    }
    text
}

fn heading(coverage: &Coverage, told: &Told<'_>) -> String {
    let records = counted(told.tally.records - told.tally.filtered, "record");
    let all = match coverage.span_ms {
        Some((first, last)) => {
            format!("{records} from {} to {} (UTC)", format_iso(first), format_iso(last))
        }
        None => format!("{records}, none with a time"),
    };
    [Some(all), selected(coverage)].into_iter().flatten().collect::<Vec<_>>().join(". ")
}

/// What was found of a selection, and what is shown for it; nothing if no more than buckets was asked for.
pub(super) fn selected(coverage: &Coverage) -> Option<String> {
    let selected = coverage.selected?;
    let buckets: BTreeSet<&str> = coverage.places.iter().filter_map(|place| place.bucket.as_deref()).collect();
    let records = grouped(selected.records);
    let are = of_number(selected.records, "is", "are");
    let when = match selected.span_ms {
        Some((first, last)) => format!("from {} to {}", format_iso(first), format_iso(last)),
        None => "none with a time".to_owned(),
    };
    let places = match buckets.len() as u64 {
        0 => "accounts and regions".to_owned(),
        number => format!("{}, with accounts and regions", counted(number, "bucket")),
    };
    Some(match selected.records {
        0 => "None of them is of the selection".to_owned(),
        _ => {
            format!("{records} of them {are} of the selection, {when}; their places are told as a whole: {places}")
        }
    })
}

fn lists(coverage: &Coverage, told: &Told<'_>) -> Vec<(&'static str, Vec<String>)> {
    // Without any record that is every rule.
    let not_evaluated = if told.tally.records > told.tally.filtered { told.not_evaluated } else { &[] };
    let lists = [
        ("Logs of which there is none", told.tally.evidence.missing()),
        ("Not evaluated for want of logs", super::reasons::joined(not_evaluated)),
        ("Left out", coverage.left_out.clone()),
    ];
    lists.into_iter().filter(|(_, lines)| !lines.is_empty()).collect()
}

/// Places and gaps as tables.
pub(super) fn sheets(coverage: &Coverage) -> Vec<Sheet> {
    let judge = Judge::of(coverage);
    let mut gaps = Vec::new();
    let mut all_gaps = 0;
    for place in &coverage.places {
        let of_place = judge.gaps(place);
        all_gaps += of_place.len();
        gaps.extend(of_place);
        if gaps.len() > 64 * GAPS_SHOWN {
            keep_worst(&mut gaps);
        }
    }
    keep_worst(&mut gaps);
    let mut sheets = vec![places_sheet(&judge, coverage)];
    if !gaps.is_empty() {
        let more = (all_gaps > gaps.len()).then(|| more(all_gaps - gaps.len(), "gaps", "json"));
        let header =
            vec!["account", "region", "bucket", "log", "from (UTC)", "hours", "rows", "usual", "how sure", "why"];
        sheets.push(Sheet { title: "Gaps", header, rows: gaps.iter().map(gap_cells).collect(), more });
    }
    sheets
}

fn more(number: usize, what: &str, format: &str) -> String {
    format!("… and {} more {what}; coverage --format {format} has all", grouped(number as u64))
}

/// Accounts and regions, then the buckets with most rows, so many as are shown, in their order.
fn places_shown(places: &[Place]) -> Vec<usize> {
    let mut indexes: Vec<usize> = (0..places.len()).collect();
    indexes.sort_by_cached_key(|index| {
        let place = &places[*index];
        let rows: u64 = place.days.days().iter().flat_map(|(_, day)| day.rows).sum();
        (place.bucket.is_some(), Reverse(rows))
    });
    indexes.truncate(PLACES_SHOWN);
    indexes.sort_unstable();
    indexes
}

fn places_sheet<'a>(judge: &Judge<'a>, coverage: &'a Coverage) -> Sheet {
    let indexes = places_shown(&coverage.places);
    let cells = |index: usize| {
        let place = &coverage.places[index];
        place_cells(&judge.place(place, &judge.gaps(place)))
    };
    let hidden = coverage.places.len() - indexes.len();
    Sheet {
        title: PLACES_TITLE,
        header: vec![
            "account",
            "region",
            "bucket",
            "days",
            "access log",
            "data events",
            "management",
            "KMS",
            "access log after",
            "CloudTrail after",
            "not in access log",
            "not in CloudTrail",
            "gaps",
        ],
        rows: indexes.into_iter().map(cells).collect(),
        more: (hidden > 0).then(|| more(hidden, "places with fewer rows", "json")),
    }
}

/// The surest come first, then those of which most is missing.
fn keep_worst(gaps: &mut Vec<GapRow>) {
    gaps.sort_by_key(|gap| Reverse((gap.confidence, gap.expected_rows)));
    gaps.truncate(GAPS_SHOWN);
}

fn text(value: Option<&str>) -> String {
    value.map_or_else(|| "-".to_owned(), |text| printable(text).into_owned())
}

fn where_cells(place: &Where) -> [String; 3] {
    let bucket = place.bucket.as_deref().map_or_else(|| "(all)".to_owned(), |name| printable(name).into_owned());
    [text(place.account_id.as_deref()), text(place.region.as_deref()), bucket]
}

fn place_cells(row: &PlaceRow) -> Vec<String> {
    let facts = &row.facts;
    let state = |count: u64, state: &str| match (count, state) {
        (0, "unknown") => "?".to_owned(),
        (0, "none_seen") => "none seen".to_owned(),
        (0, state) => state.to_owned(),
        (count, "on") => grouped(count),
        (count, state) => format!("{} ({})", grouped(count), state.replace('_', " ")),
    };
    let mut cells = where_cells(&row.place).to_vec();
    cells.extend([
        row.strip.clone(),
        state(facts.access_lines, facts.access_log_state),
        state(facts.data_events, facts.data_events_state),
        grouped(facts.management_events),
        facts.kms_state.map_or_else(String::new, |name| state(facts.kms_events, name)),
        delay_cell(facts.access_log_delay_p95_s),
        delay_cell(facts.cloudtrail_delay_p95_s),
        share_cell(facts.events_compared, facts.events_without_line_share, facts.events_without_line_bounds),
        share_cell(facts.lines_compared, facts.lines_without_event_share, facts.lines_without_event_bounds),
        grouped(row.gaps),
    ]);
    cells
}

fn delay_cell(delay_s: Option<u32>) -> String {
    delay_s.map_or_else(String::new, duration)
}

fn share_cell(compared: u64, share: Option<f64>, bounds: Option<(f64, f64)>) -> String {
    let Some(share) = share else { return String::new() };
    match bounds {
        Some((least, most)) => format!("{} ({} to {})", percent(share), percent(least), percent(most)),
        None => format!("{} of {}", percent(share), grouped(compared)),
    }
}

/// A word of JSON for people.
fn word(value: &impl Serialize) -> String {
    json(value).trim_matches('"').replace('_', " ")
}

fn gap_cells(gap: &GapRow) -> Vec<String> {
    let mut cells = where_cells(&gap.place).to_vec();
    cells.extend([
        word(&gap.log),
        gap.from.clone(),
        gap.hours.to_string(),
        grouped(gap.rows),
        grouped(gap.expected_rows),
        word(&gap.confidence),
        gap.reason.clone(),
    ]);
    cells
}
