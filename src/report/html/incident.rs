//! When the alerts happened, by caller: a lane a caller, a mark an alert.

use super::alerts::seen;
use super::axis::{TimeAxis, calendar};
use super::markup::Markup;
use super::{label, short_name};
use crate::detect::{Alert, Severity};
use crate::overview::Counts;
use crate::overview::periods::{MINUTE_MS, Periods};
use crate::report::count::{counted, of_number};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Lanes that are drawn, and their height: a page of A4 holds them.
const MOST_LANES: usize = 20;
const MOST_HEIGHT: f64 = 1150.0;

/// Rows of marks in a lane.
const MOST_ROWS: usize = 7;

/// Alerts that the list below names for each caller.
const MOST_LISTED: usize = 12;

const WIDTH: f64 = 900.0;
const LEFT: f64 = 200.0;
const ROW: f64 = 14.5;
/// Height of the row of milder alerts, which have no labels.
const MILD_ROW: f64 = 9.0;
/// Height of the name and the number of alerts.
const NAME: f64 = 30.0;
const MARK: f64 = 10.0;
/// Least width of a mark.
const LEAST: f64 = 6.0;
/// Width of a letter of a mark's label.
const LETTER: f64 = 6.2;

/// Alerts of one caller, those that came first first.
struct Lane<'a> {
    caller: Option<&'a str>,
    worst: Severity,
    alerts: Vec<&'a Alert>,
}

/// The section.
pub fn incident(alerts: &[Alert]) -> Markup {
    let mut page = Markup::default();
    page.raw("<section id=\"incident\">\n<h2>Timeline of the alerts</h2>\n");
    let mut periods = Periods::default();
    for time_ms in alerts.iter().flat_map(|alert| [alert.first_seen_ms, alert.last_seen_ms]).flatten() {
        periods.add(time_ms, 0, &Counts { requests: 1, ..Counts::default() });
    }
    let Some(axis) = TimeAxis::of(&periods, 400, MINUTE_MS, [LEFT, WIDTH - LEFT - 50.0]) else {
        page.raw("<p>There are no alerts with a time.</p>\n</section>\n");
        return page;
    };
    page.raw("<p class=\"note\">A mark is an alert, from its first event to its last; its colour is its severity, and small marks ");
    page.raw("without a label are milder ones. Callers with the worst alerts come first. Times are UTC.</p>\n");
    let loud = alerts.iter().map(|alert| alert.severity).max().unwrap_or(Severity::Medium).min(Severity::Medium);
    let lanes = lanes(alerts, loud);
    let mut height = 0.0;
    let mut drawn: Vec<DrawnLane<'_, '_>> = Vec::new();
    for lane in lanes.iter().take(MOST_LANES).filter(|lane| lane.worst >= loud) {
        let placed = DrawnLane::of(lane, &axis, loud);
        height += placed.height();
        if height > MOST_HEIGHT {
            break;
        }
        drawn.push(placed);
    }
    page.add(&drawing(&drawn, &axis));
    let hidden = &lanes[drawn.len()..];
    if !hidden.is_empty() {
        let alerts = counted(hidden.iter().map(|lane| lane.alerts.len() as u64).sum(), "alert");
        let callers = counted(hidden.len() as u64, "more caller");
        let worst = hidden.iter().map(|lane| lane.worst).max().map_or("", Severity::name);
        page.wrapped(
            "<p class=\"note\">Not drawn: ",
            &format!("{callers} with {alerts}, at worst {worst}"),
            ".</p>\n",
        );
    }
    page.add(&listing(&lanes[..drawn.len()], loud)).raw("</section>\n");
    page
}

fn lanes(alerts: &[Alert], loud: Severity) -> Vec<Lane<'_>> {
    let mut callers: BTreeMap<Option<&str>, Vec<&Alert>> = BTreeMap::new();
    for alert in alerts {
        callers.entry(alert.principal.as_deref()).or_default().push(alert);
    }
    let mut lanes: Vec<Lane<'_>> = callers
        .into_iter()
        .map(|(caller, mut alerts)| {
            alerts.sort_by_key(|alert| (alert.first_seen_ms, alert.rule_id, &alert.alert_id));
            let worst = alerts.iter().map(|alert| alert.severity).max().unwrap_or(Severity::Info);
            Lane { caller, worst, alerts }
        })
        .collect();
    lanes.sort_by_key(|lane| {
        let first = lane
            .alerts
            .iter()
            .filter(|alert| alert.severity >= loud)
            .filter_map(|alert| alert.first_seen_ms)
            .min();
        (Reverse(lane.worst), first, lane.caller)
    });
    lanes
}

impl Lane<'_> {
    fn name(&self) -> &str {
        self.caller.map_or("no single caller", short_name)
    }
}

/// A lane with its marks, each with row, left end and width.
struct DrawnLane<'l, 'a> {
    lane: &'l Lane<'a>,
    marks: Vec<(&'a Alert, usize, f64, f64)>,
    rows: usize,
    mild: Vec<&'a Alert>,
    /// Alerts without a time, and those for which there is no room.
    hidden: usize,
}

impl<'l, 'a> DrawnLane<'l, 'a> {
    /// Puts marks into as few rows as they and their labels need, the worst first.
    fn of(lane: &'l Lane<'a>, axis: &TimeAxis, loud: Severity) -> DrawnLane<'l, 'a> {
        let mut drawn = DrawnLane { lane, marks: Vec::new(), rows: 0, mild: Vec::new(), hidden: 0 };
        let mut taken: Vec<Vec<(f64, f64)>> = Vec::new();
        let mut alerts = lane.alerts.clone();
        alerts.sort_by_key(|alert| Reverse(alert.severity));
        for alert in alerts {
            let (Some(first), Some(last)) = (alert.first_seen_ms, alert.last_seen_ms) else {
                drawn.hidden += 1;
                continue;
            };
            if alert.severity < loud {
                drawn.mild.push(alert);
                continue;
            }
            let left = axis.x(first);
            let width = (axis.x(last) - left).max(LEAST);
            let end = left + width + 4.0 + LETTER * alert.rule_id.chars().count().min(12) as f64 + 6.0;
            let is_free = |row: &Vec<(f64, f64)>| row.iter().all(|(from, to)| end <= *from || *to <= left);
            let row = taken.iter().position(is_free).unwrap_or(taken.len());
            if row >= MOST_ROWS {
                drawn.hidden += 1;
                continue;
            }
            if row == taken.len() {
                taken.push(Vec::new());
            }
            taken[row].push((left, end));
            drawn.marks.push((alert, row, left, width));
        }
        drawn.rows = taken.len();
        drawn
    }

    fn height(&self) -> f64 {
        let mild = if self.mild.is_empty() { 0.0 } else { MILD_ROW };
        (self.rows as f64 * ROW + mild).max(NAME) + 8.0
    }
}

fn drawing(lanes: &[DrawnLane<'_, '_>], axis: &TimeAxis) -> Markup {
    let all: f64 = lanes.iter().map(DrawnLane::height).sum();
    let mut page = Markup::default();
    page.open_svg(WIDTH, all + 46.0, "Alerts over time by caller");
    for (x, line, below) in axis.ticks() {
        page.line("grid", [x, 4.0, x, all + 6.0]).label("tick mid", [x, all + 22.0], &line);
        if let Some(below) = below {
            page.label("tick mid strong", [x, all + 37.0], &below);
        }
    }
    let mut top = 4.0;
    for drawn in lanes {
        draw_lane(&mut page, drawn, axis, top);
        top += drawn.height();
    }
    page.line("grid", [0.0, top, WIDTH, top]).close_svg();
    page
}

fn draw_lane(page: &mut Markup, drawn: &DrawnLane<'_, '_>, axis: &TimeAxis, top: f64) {
    let DrawnLane { lane, marks, rows, mild, hidden } = drawn;
    page.line("grid", [0.0, top, WIDTH, top]);
    page.label("name", [0.0, top + 15.0], &label(lane.name(), 23));
    let mut number = counted(lane.alerts.len() as u64, "alert");
    if *hidden > 0 {
        number += &format!(", {hidden} not drawn");
    }
    page.label("tick", [0.0, top + 29.0], &number);
    for (alert, row, left, width) in marks {
        let y = top + 5.0 + *row as f64 * ROW;
        page.raw("<a href=\"#a-").anchor(&alert.alert_id).raw("\">");
        page.rect(class(alert), [*left, y, *width, MARK], &about(alert));
        page.label("mark", [left + width + 4.0, y + 9.0], &label(alert.rule_id, 12)).raw("</a>");
    }
    let y = top + 6.0 + *rows as f64 * ROW;
    for alert in mild {
        let (Some(first), Some(last)) = (alert.first_seen_ms, alert.last_seen_ms) else { continue };
        let left = axis.x(first);
        page.raw("<a href=\"#a-").anchor(&alert.alert_id).raw("\">");
        page.rect(class(alert), [left, y, (axis.x(last) - left).max(3.0), 5.0], &about(alert)).raw("</a>");
    }
}

fn about(alert: &Alert) -> String {
    format!("{} {}: {}. {}", alert.rule_id, alert.severity.name(), alert.title, seen(alert))
}

fn class(alert: &Alert) -> &'static str {
    match alert.severity {
        Severity::Info => "m info",
        Severity::Low => "m low",
        Severity::Medium => "m medium",
        Severity::High => "m high",
        Severity::Critical => "m critical",
    }
}

/// The same in words.
fn listing(lanes: &[Lane<'_>], loud: Severity) -> Markup {
    let mut page = Markup::default();
    page.raw("<details class=\"more\"><summary>The same as a list</summary>\n");
    for lane in lanes {
        page.raw("<h4><bdi>")
            .text(lane.caller.unwrap_or("no single caller"))
            .raw("</bdi></h4>\n<ol class=\"story\">\n");
        let mut listed = 0;
        for alert in lane.alerts.iter().filter(|alert| alert.severity >= loud).take(MOST_LISTED) {
            listed += 1;
            page.raw("<li><time>");
            let time =
                alert.first_seen_ms.map_or_else(|| "no time".to_owned(), |ms| calendar(ms, "%-d %b %Y %H:%M:%S"));
            page.text(&time).raw("</time> <span class=\"badge ").raw(alert.severity.name()).raw("\">");
            page.raw(alert.severity.name()).raw("</span> <a href=\"#a-").anchor(&alert.alert_id).raw("\">");
            page.text(alert.title).raw("</a>");
            if let Some(bucket) = &alert.bucket {
                page.raw(" <bdi class=\"quiet\">").text(bucket).raw("</bdi>");
            }
            page.raw("</li>\n");
        }
        page.raw("</ol>\n");
        let hidden = (lane.alerts.len() - listed) as u64;
        if hidden > 0 {
            let is = of_number(hidden, "is", "are");
            page.wrapped(
                "<p class=\"note\">",
                &format!("{} {is} below", counted(hidden, "more alert")),
                ".</p>\n",
            );
        }
    }
    page.raw("</details>\n");
    page
}
