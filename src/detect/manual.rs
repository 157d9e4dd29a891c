//! The manual of the detectors, derived from their rules.

use super::Rule;
use std::fmt::Write;

/// The part of the page about one rule, in Markdown.
pub fn manual(rule: &Rule) -> String {
    let mut page = format!("## {} {}\n\n{}.\n\n", rule.id, rule.name, rule.title);
    let needs: Vec<&str> = rule.needs.iter().map(|need| need.name()).collect();
    let mut line = |name: &str, text: &str| {
        writeln!(page, "**{name}** {text}\n").expect("writing to a string cannot fail");
    };
    line("Level", rule.severity.name());
    line("ATT&CK", &rule.attack.join(", "));
    line("Needs", &format!("{} (any one of them)", needs.join(" or ")));
    line("What it looks for.", rule.looks_for);
    line("Why it matters.", rule.why);
    line("What it cannot see.", rule.cannot_see);
    line("Known false positives.", rule.false_positives);
    if !rule.thresholds.is_empty() {
        page.push_str("| Threshold | Default | Source |\n|---|---|---|\n");
        for threshold in rule.thresholds {
            let (name, default, source) = (threshold.name, threshold.default, threshold.source);
            writeln!(page, "| `{name}` | {default} | {source} |").expect("writing to a string cannot fail");
        }
        page.push('\n');
    }
    page.push_str("**What to do next.**\n\n");
    for (number, step) in (1..).zip(rule.next_steps) {
        writeln!(page, "{number}. {step}").expect("writing to a string cannot fail");
    }
    page
}

/// The whole page, `docs/detectors.md`.
pub fn manual_page() -> String {
    let mut page = "# Detectors\n\n\
        This page is written from the rules in the source; do not edit it.\n\n\
        Every alert names an entity (such as a caller and a bucket) and a window of event time. Refused requests never \
        count as done. A request that both logs show counts once: deletes are joined by key or request, and of \
        other requests the larger number of the two logs stands. Thresholds are set in the configuration under `[thresholds.RULE-ID]`; buckets in `log_buckets` and \
        `public_buckets` are exact names, without wildcards. Above fixed limits of memory a detector goes on with a \
        sample, and says so.\n"
        .to_owned();
    for rule in super::RULES.iter() {
        page.push('\n');
        page.push_str(&manual(rule));
    }
    page.push('\n');
    page.push_str(&super::left_out::page());
    page
}
