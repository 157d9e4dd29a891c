//! Requests and bytes over time, with the windows of the alerts.

use super::Facts;
use super::axis::{TimeAxis, top_of};
use super::markup::Markup;
use crate::detect::{Alert, Severity};
use crate::overview::PerLog;
use crate::overview::periods::MINUTE_MS;
use crate::report::count::{counted, grouped};
use crate::report::numbers::{bytes, short_number};
use std::collections::BTreeSet;

/// Bars of a panel.
const MOST_BINS: i64 = 180;

/// Rules that a mark of alerts names.
const MOST_NAMED: usize = 6;

const WIDTH: f64 = 900.0;
const LEFT: f64 = 66.0;
const STRIP: f64 = 13.0;
const PANEL: f64 = 92.0;
const PANEL_GAP: f64 = 34.0;

/// What a panel shows of each bin: how much in all, and of it what was denied.
struct Panel {
    title: String,
    class: &'static str,
    values: Vec<(u64, u64)>,
    name: fn(u64) -> String,
}

/// The section.
pub fn activity(facts: &Facts<'_>) -> Markup {
    let mut page = Markup::default();
    page.raw("<section id=\"activity\">\n<h2>Requests and bytes over time</h2>\n");
    let periods = &facts.overview.periods;
    let Some(axis) = TimeAxis::of(periods, MOST_BINS, MINUTE_MS, [LEFT, WIDTH - LEFT - 8.0]) else {
        page.raw("<p>").raw(facts.no_record()).raw(" has a time.</p>\n</section>\n");
        return page;
    };
    let mut bins = vec![PerLog::default(); axis.bins];
    for (start, counts) in periods.iter() {
        if let Some(bin) = axis.bin(start) {
            bins[bin].add(counts);
        }
    }
    page.raw("<p class=\"note\">Coloured strips are the windows of alerts, by severity; shaded are critical and high alerts ");
    page.raw("shorter than a quarter of the plot, without those made of other alerts. A request can stand in both logs. Times are UTC.</p>\n");
    page.add(&drawing(&panels(&bins, &axis), facts.alerts, &axis));
    page.raw("<p class=\"legend\"><span class=\"key s-denied\"></span>denied</p>\n");
    let outside = axis.outside + facts.overview.without_time;
    if outside > 0 {
        page.raw("<p class=\"note\">").text(&counted(outside, "record"));
        page.raw(" without a time, or of a time far from all others, are not drawn.</p>\n");
    }
    page.raw("</section>\n");
    page
}

fn panels(bins: &[PerLog], axis: &TimeAxis) -> Vec<Panel> {
    let step = axis.step_name();
    let values = |value: &dyn Fn(&PerLog) -> (u64, u64)| bins.iter().map(value).collect::<Vec<_>>();
    let all = [
        Panel {
            title: format!("Requests in access logs, each {step}"),
            class: "s-access",
            values: values(&|counts| (counts.access().requests, counts.access().denied)),
            name: grouped,
        },
        Panel {
            title: format!("Events in CloudTrail, each {step}"),
            class: "s-trail",
            values: values(&|counts| (counts.trail().requests, counts.trail().denied)),
            name: grouped,
        },
        Panel {
            title: format!("Bytes sent, each {step} (of both logs the larger number)"),
            class: "s-bytes",
            values: values(&|counts| (counts.most(|log| log.bytes_out), 0)),
            name: bytes,
        },
    ];
    all.into_iter().filter(|panel| panel.values.iter().any(|(value, _)| *value > 0)).collect()
}

fn drawing(panels: &[Panel], alerts: &[Alert], axis: &TimeAxis) -> Markup {
    let strips: Vec<Strip> =
        Severity::ALL.into_iter().rev().map(|severity| strip(alerts, severity, axis)).collect();
    let strips: Vec<Strip> = strips.into_iter().filter(|strip| !strip.marks.is_empty()).collect();
    let panels_top = 4.0 + strips.len() as f64 * STRIP;
    let bottom = panels_top + panels.len() as f64 * (PANEL + PANEL_GAP);
    let mut page = Markup::default();
    page.open_svg(WIDTH, bottom + 40.0, "Requests and bytes over time, and windows of alerts");
    for strip in strips.iter().filter(|strip| strip.severity >= Severity::High) {
        for (first, last) in &strip.short {
            let (left, right) = (axis.bin_left(*first), axis.bin_left(last + 1));
            let class = if strip.severity == Severity::Critical { "band critical" } else { "band high" };
            page.rect(class, [left, panels_top, right - left, bottom - panels_top], "");
        }
    }
    for (row, strip) in strips.iter().enumerate() {
        let y = 2.0 + row as f64 * STRIP;
        page.label("tick end", [LEFT - 6.0, y + 9.0], strip.severity.name());
        for (first, last, title) in &strip.marks {
            let (left, right) = (axis.bin_left(*first), axis.bin_left(last + 1));
            page.rect(class(strip.severity), [left, y, (right - left).max(3.0), STRIP - 4.0], title);
        }
    }
    for (x, line, below) in axis.ticks() {
        page.line("grid", [x, panels_top, x, bottom]).label("tick mid", [x, bottom + 16.0], &line);
        if let Some(below) = below {
            page.label("tick mid strong", [x, bottom + 31.0], &below);
        }
    }
    for (number, panel) in panels.iter().enumerate() {
        let top = panels_top + number as f64 * (PANEL + PANEL_GAP) + PANEL_GAP - 8.0;
        draw_panel(&mut page, panel, axis, top);
    }
    page.close_svg();
    page
}

fn draw_panel(page: &mut Markup, panel: &Panel, axis: &TimeAxis, top: f64) {
    let most = panel.values.iter().map(|(value, _)| *value).max().unwrap_or(0);
    let scale = top_of(most);
    let height = |value: u64| value as f64 / scale as f64 * PANEL;
    page.label("name", [LEFT, top - 8.0], &panel.title);
    let short = |value| if panel.class == "s-bytes" { bytes(value) } else { short_number(value) };
    for (value, y) in [(0, PANEL), (scale / 2, PANEL / 2.0), (scale, 0.0)] {
        if value == 0 || y == 0.0 || scale > 1 {
            page.line("grid", [LEFT, top + y, WIDTH - 8.0, top + y]);
            page.label("tick end", [LEFT - 6.0, top + y + 4.0], &short(value));
        }
    }
    let (width, gap) = (axis.bin_width(), if axis.bin_width() > 3.0 { 0.8 } else { 0.0 });
    for (bin, (value, denied)) in panel.values.iter().enumerate().filter(|(_, (value, _))| *value > 0) {
        // At least as high as can be seen.
        let tall = height(*value).max(0.8);
        let mut title = format!("{}: {}", axis.bin_name(bin), (panel.name)(*value));
        if *denied > 0 {
            title += &format!(", {} denied", grouped(*denied));
        }
        let left = axis.bin_left(bin);
        page.rect(panel.class, [left, top + PANEL - tall, width - gap, tall], &title);
        if *denied > 0 {
            let tall = height(*denied).max(0.8);
            page.rect("s-denied", [left, top + PANEL - tall, width - gap, tall], &title);
        }
    }
}

/// The windows of alerts of one severity, as stretches of bins.
struct Strip {
    severity: Severity,
    marks: Vec<(usize, usize, String)>,
    /// Of the alerts that are short.
    short: Vec<(usize, usize)>,
}

fn strip(alerts: &[Alert], severity: Severity, axis: &TimeAxis) -> Strip {
    let mut windows: Vec<(usize, usize, &Alert)> = alerts
        .iter()
        .filter(|alert| alert.severity == severity)
        .filter_map(|alert| {
            let (first, last) = axis.bins_of(alert.first_seen_ms?, alert.last_seen_ms?)?;
            Some((first, last, alert))
        })
        .collect();
    windows.sort_by_key(|(first, last, alert)| (*first, *last, alert.rule_id));
    let mut marks: Vec<(usize, usize, Vec<&Alert>)> = Vec::new();
    for (first, last, alert) in &windows {
        match marks.last_mut() {
            Some((_, end, all)) if *first <= *end => {
                *end = (*end).max(*last);
                all.push(alert);
            }
            _ => marks.push((*first, *last, vec![alert])),
        }
    }
    let short =
        windows.iter().filter(|(first, last, alert)| last - first < axis.bins / 4 && alert.related.is_empty());
    let mut short: Vec<(usize, usize)> = short.map(|(first, last, _)| (*first, *last)).collect();
    // Bands that lie upon each other would be darker than others.
    short.dedup_by(|next, before| {
        let joined = next.0 <= before.1 + 1;
        before.1 = if joined { before.1.max(next.1) } else { before.1 };
        joined
    });
    let marks = marks.into_iter().map(|(first, last, alerts)| (first, last, about(&alerts, severity))).collect();
    Strip { severity, marks, short }
}

fn about(alerts: &[&Alert], severity: Severity) -> String {
    let rules: BTreeSet<&str> = alerts.iter().map(|alert| alert.rule_id).collect();
    let named: Vec<&str> = rules.iter().take(MOST_NAMED).copied().collect();
    let more = if rules.len() > named.len() { ", …" } else { "" };
    format!("{} {}: {}{more}", severity.name(), counted(alerts.len() as u64, "alert"), named.join(", "))
}

fn class(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "m info",
        Severity::Low => "m low",
        Severity::Medium => "m medium",
        Severity::High => "m high",
        Severity::Critical => "m critical",
    }
}
