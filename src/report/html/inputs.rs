//! What the report rests on: inputs with their hashes, and the versions of the program and its rules.

use super::markup::Markup;
use super::{Facts, InputFile};
use crate::decode::ContentHash;
use crate::detect::{Alert, Rule};
use crate::report::count::{counted, grouped, of_number};
use crate::report::numbers::bytes;
use std::collections::BTreeMap;

/// Inputs whose list is open, and printed.
const SHORT: usize = 50;

/// Bytes of the list of inputs, and of that of rules.
const LIST_BYTES: usize = 500_000;

/// The section.
pub fn inputs(facts: &Facts<'_>) -> Markup {
    let mut page = Markup::default();
    page.raw("<section id=\"inputs\">\n<h2>Inputs and versions</h2>\n<dl class=\"facts\">\n");
    let size: u64 = facts.inputs.iter().filter_map(|input| input.facts).map(|facts| facts.size).sum();
    let number = facts.inputs.len() as u64;
    let mut members = vec![
        ("program", format!("s3sleuth {}", env!("CARGO_PKG_VERSION"))),
        (
            "rules",
            format!("{}, digest {}", counted(facts.rules.len() as u64, "rule"), digest_of_rules(facts.rules)),
        ),
        ("inputs", format!("{}, {} on the disk", counted(number, "file"), bytes(size))),
        ("hash of the list", hash_of_list(facts.inputs)),
    ];
    let beside = facts.beside.iter().take(SHORT);
    members.extend(beside.map(|(option, file)| (*option, format!("{} {}", file.name, hash_text(file)))));
    if facts.beside.len() > SHORT {
        members.push((
            "more",
            format!("{} of rules or settings", counted((facts.beside.len() - SHORT) as u64, "file")),
        ));
    }
    members.extend(facts.case.map(super::case::members).unwrap_or_default());
    members.extend(facts.options.iter().chain(facts.selection).map(|(name, value)| (*name, value.clone())));
    for (name, value) in members {
        page.raw("<div><dt>").raw(name).raw("</dt><dd><bdi>").text(&value).raw("</bdi></dd></div>\n");
    }
    page.raw("</dl>\n").add(&super::case::sentence(facts.case));
    page.raw(
        "<p class=\"note\">BLAKE3 is of the files as they lie on the disk, as b3sum prints them. The hash of the ",
    );
    page.raw("list is BLAKE3 of the lines that b3sum prints for all of these files, in this order.</p>\n");
    page.add(&files(facts)).add(&rules(facts)).raw("</section>\n");
    page
}

fn hash(input: &InputFile<'_>) -> Option<ContentHash> {
    input.facts.and_then(|facts| facts.hash)
}

fn hash_text(input: &InputFile<'_>) -> String {
    hash(input).as_ref().map_or_else(|| "none: not all of it was read".to_owned(), digits)
}

fn digits(hash: &ContentHash) -> String {
    let text = hash.to_string();
    text.strip_prefix("blake3:").map_or(text.clone(), str::to_owned)
}

/// Of all inputs, also those that are not listed.
fn hash_of_list(inputs: &[InputFile<'_>]) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut missing = 0;
    for input in inputs {
        match hash(input) {
            Some(hash) => {
                hasher.update(format!("{}  {}\n", digits(&hash), input.name).as_bytes());
            }
            None => missing += 1,
        }
    }
    let hash = hasher.finalize().to_hex();
    match missing {
        0 => hash.to_string(),
        _ => format!(
            "{hash}, without {} that {} no hash",
            counted(missing, "file"),
            of_number(missing, "has", "have")
        ),
    }
}

/// Of the ids, names, levels and thresholds of the rules: two reports with the same were made by the same rules.
fn digest_of_rules(rules: &[&Rule]) -> String {
    let mut hasher = blake3::Hasher::new();
    for rule in rules {
        for text in [rule.id, rule.name, rule.title, rule.severity.name(), rule.looks_for] {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
        for threshold in rule.thresholds {
            hasher.update(threshold.name.as_bytes()).update(&threshold.default.to_le_bytes());
        }
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

fn files(facts: &Facts<'_>) -> Markup {
    let mut page = Markup::default();
    let is_short = facts.inputs.len() <= SHORT;
    page.raw(if is_short { "<details class=\"more\" open>" } else { "<details class=\"more long\">" });
    page.raw("<summary>Files</summary>\n<div class=\"wide\"><table class=\"files\">\n");
    page.raw("<thead><tr><th>file</th><th class=\"n\">bytes</th><th>");
    page.raw(if facts.case.is_some() { "BLAKE3, and SHA-256 in the manifest" } else { "BLAKE3" });
    page.raw("</th></tr></thead>\n<tbody>\n");
    let mut listed = 0;
    for file in facts.inputs {
        if page.len() >= LIST_BYTES {
            break;
        }
        row(&mut page, file, facts.case.is_some());
        listed += 1;
    }
    page.raw("</tbody></table></div>\n");
    if facts.inputs.len() > listed {
        let more = counted((facts.inputs.len() - listed) as u64, "more file");
        page.wrapped(
            "<p class=\"note\">",
            &format!("{more} not listed; the hash of the list covers them"),
            ".</p>\n",
        );
    }
    page.raw("</details>\n");
    page
}

fn row(page: &mut Markup, file: &InputFile<'_>, has_case: bool) {
    page.raw("<tr><td class=\"t\">").name(file.name, 1100);
    let size = file.facts.map_or_else(String::new, |facts| grouped(facts.size));
    page.wrapped("</td><td class=\"n\">", &size, "</td>");
    page.raw("<td class=\"t hash\">").raw(if has_case { "BLAKE3 " } else { "" });
    page.wrapped("<code>", &hash_text(file), "</code>");
    if has_case {
        page.add(&super::case::recorded(file.recorded));
    }
    page.raw("</td></tr>\n");
}

/// What is said of rules: the ids that notes begin with.
fn notes_by_rule(notes: &[String]) -> BTreeMap<&str, &str> {
    let mut by_rule = BTreeMap::new();
    for note in notes {
        if let Some((ids, why)) = note.split_once(": ") {
            ids.split(", ").for_each(|id| {
                by_rule.entry(id).or_insert(why);
            });
        }
    }
    by_rule
}

fn rules(facts: &Facts<'_>) -> Markup {
    let mut page = Markup::default();
    let notes = notes_by_rule(facts.notes);
    page.raw("<details class=\"more\"><summary>Rules</summary>\n<div class=\"wide\"><table class=\"rules\">\n<thead><tr><th>rule</th>");
    page.raw("<th>what it looks for</th><th>severity</th><th class=\"n\">alerts</th><th>limits here</th></tr></thead>\n<tbody>\n");
    let mut listed = 0;
    for rule in facts.rules {
        if page.len() >= LIST_BYTES {
            break;
        }
        listed += 1;
        let of_rule = |alert: &&Alert| alert.rule_id == rule.id;
        let number = facts.alerts.iter().filter(of_rule).count() as u64;
        page.wrapped("<tr><td class=\"rule\">", rule.id, "</td>").wrapped("<td>", rule.title, "</td><td>");
        page.raw(rule.severity.name()).wrapped("</td><td class=\"n\">", &super::top::or_blank(number), "</td>");
        page.wrapped("<td>", notes.get(rule.id).unwrap_or(&""), "</td></tr>\n");
    }
    page.raw("</tbody></table></div>\n");
    if facts.rules.len() > listed {
        let more = counted((facts.rules.len() - listed) as u64, "more rule");
        page.wrapped("<p class=\"note\">", &format!("{more} not listed"), ".</p>\n");
    }
    page.raw("</details>\n");
    page
}
