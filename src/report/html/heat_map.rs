//! Who was busy when: callers by time.

use super::axis::TimeAxis;
use super::markup::Markup;
use super::{Facts, label, short_name};
use crate::overview::{PerLog, QUARTER_MS};
use crate::report::count::{counted, grouped};
use hashbrown::HashMap;

/// Callers that are shown.
const MOST_CALLERS: usize = 20;

/// Columns.
const MOST_BINS: i64 = 120;

const WIDTH: f64 = 900.0;
const LEFT: f64 = 214.0;
const ROW: f64 = 17.0;

/// Classes of cells, from few requests to many.
const CLASSES: [&str; 6] = ["h1", "h2", "h3", "h4", "h5", "h6"];

/// The section.
pub fn heat_map(facts: &Facts<'_>) -> Markup {
    let overview = facts.overview;
    let mut page = Markup::default();
    page.raw("<section id=\"hours\">\n<h2>Who was busy when</h2>\n");
    let place = [LEFT, WIDTH - LEFT - 8.0];
    let Some(axis) = TimeAxis::of(&overview.periods, MOST_BINS, QUARTER_MS, place) else {
        page.raw("<p>").raw(facts.no_record()).raw(" has a time.</p>\n</section>\n");
        return page;
    };
    let callers: Vec<Option<&str>> =
        overview.principals.names.iter().take(MOST_CALLERS).map(|named| named.fields[0].as_deref()).collect();
    let rows: HashMap<Option<&str>, usize> = callers.iter().enumerate().map(|(row, name)| (*name, row)).collect();
    let mut cells = vec![vec![PerLog::default(); axis.bins]; callers.len()];
    let quarters = overview.quarters.names();
    for named in &quarters {
        let [principal, Some(quarter)] = &named.fields[..] else { continue };
        let bin = quarter.parse::<i64>().ok().and_then(|quarter| axis.bin(quarter.saturating_mul(QUARTER_MS)));
        if let (Some(row), Some(bin)) = (rows.get(&principal.as_deref()), bin) {
            cells[*row][bin].add(&named.counts);
        }
    }
    let cells: Vec<Vec<u64>> =
        cells.iter().map(|row| row.iter().map(|counts| counts.most(|log| log.requests)).collect()).collect();
    page.raw("<p class=\"note\">Requests of the busiest callers, each ").text(&axis.step_name());
    page.raw("; of both logs the larger number. Times are UTC.</p>\n");
    let limits = limits(cells.iter().flatten().copied().max().unwrap_or(0));
    page.add(&drawing(&callers, &cells, &axis, &limits)).add(&legend(&limits));
    let hidden = overview.principals.distinct.saturating_sub(callers.len() as u64);
    let mut notes = Vec::new();
    if hidden > 0 {
        notes.push(format!("{} with fewer requests not shown.", counted(hidden, "caller")));
    }
    if overview.quarters.one_in() > 1 {
        notes.push(format!("The numbers are estimates from one in {} rows.", grouped(overview.quarters.one_in())));
    }
    if !notes.is_empty() {
        page.wrapped("<p class=\"note\">", &notes.join(" "), "</p>\n");
    }
    page.raw("</section>\n");
    page
}

/// The most requests of each class: as many times more from class to class.
fn limits(most: u64) -> [u64; CLASSES.len()] {
    let factor = (most.max(1) as f64).powf(1.0 / CLASSES.len() as f64);
    std::array::from_fn(|class| {
        let limit = factor.powi(class as i32 + 1).round() as u64;
        if class + 1 == CLASSES.len() { most } else { limit.max(class as u64 + 1).min(most) }
    })
}

fn class_of(number: u64, limits: &[u64]) -> &'static str {
    CLASSES[limits.iter().position(|limit| number <= *limit).unwrap_or(CLASSES.len() - 1)]
}

fn drawing(callers: &[Option<&str>], cells: &[Vec<u64>], axis: &TimeAxis, limits: &[u64]) -> Markup {
    let bottom = 4.0 + callers.len() as f64 * ROW;
    let mut page = Markup::default();
    page.open_svg(WIDTH, bottom + 40.0, "Requests by caller and time");
    for (row, (caller, cells)) in callers.iter().zip(cells).enumerate() {
        let name = caller.map_or("(not logged)", short_name);
        let y = 4.0 + row as f64 * ROW;
        page.label("end", [LEFT - 8.0, y + 12.0], &label(name, 32));
        page.rect("floor", [LEFT, y, axis.width, ROW - 2.0], "");
        for (bin, number) in cells.iter().enumerate().filter(|(_, number)| **number > 0) {
            let title = format!("{}, {}: {}", label(name, 40), axis.bin_name(bin), counted(*number, "request"));
            let width = (axis.bin_width() - 0.6).max(0.8);
            page.rect(class_of(*number, limits), [axis.bin_left(bin), y, width, ROW - 2.0], &title);
        }
    }
    for (x, line, below) in axis.ticks() {
        page.line("tickmark", [x, bottom, x, bottom + 4.0]).label("tick mid", [x, bottom + 17.0], &line);
        if let Some(below) = below {
            page.label("tick mid strong", [x, bottom + 32.0], &below);
        }
    }
    page.close_svg();
    page
}

fn legend(limits: &[u64]) -> Markup {
    let mut page = Markup::default();
    page.raw("<p class=\"legend\">Requests:");
    let mut before = 0;
    for (class, limit) in CLASSES.into_iter().zip(limits) {
        if *limit > before {
            page.raw(" <span class=\"key ").raw(class).raw("\"></span>");
            let range = if before + 1 == *limit {
                grouped(*limit)
            } else {
                format!("{} to {}", grouped(before + 1), grouped(*limit))
            };
            page.text(&range);
            before = *limit;
        }
    }
    page.raw("</p>\n");
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_a_class_and_the_largest_the_last() {
        for most in [1, 2, 6, 7, 100, 1_000_000, u64::MAX] {
            let limits = limits(most);
            assert!(limits.is_sorted() && limits[5] == most, "{limits:?}");
            assert_eq!(class_of(1, &limits), "h1");
            assert_eq!(class_of(most, &limits) == "h6", most >= 6, "{limits:?}");
        }
    }
}
