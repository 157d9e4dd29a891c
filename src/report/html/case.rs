//! Whether the inputs are as they were when they were taken: what the manifest of a case says of them.

use super::markup::Markup;
use crate::case::{Held, Recorded, Verdict};
use crate::report::count::{counted, grouped, of_number};

/// Files of one kind that the page names, and bytes of each.
const MOST_NAMED: usize = 20;
const MOST_NAME: usize = 1100;

/// At the top of the page, if something is not as the manifest says.
pub fn banner(case: Option<&Held>) -> Markup {
    let mut page = Markup::default();
    let Some(case) = case.filter(|case| !case.bad.is_empty()) else { return page };
    page.raw(
        "<div class=\"changed\" role=\"alert\" id=\"changed\">\n<p><strong>The evidence has changed.</strong> ",
    );
    page.text(&result(case)).raw(". What follows is of the files as they are now.</p>\n");
    for verdict in Verdict::ALL {
        let mut files = case.bad.iter().filter(|check| check.verdict == verdict);
        let number = files.clone().count();
        if number == 0 {
            continue;
        }
        page.wrapped("<p>", verdict.name(), ": ").text(&counted(number as u64, "file")).raw("</p>\n<ul>\n");
        for check in files.by_ref().take(MOST_NAMED) {
            page.raw("<li>").name(&check.path.to_string_lossy(), MOST_NAME);
            page.wrapped(": ", &check.reason, "</li>\n");
        }
        if number > MOST_NAMED {
            let more = grouped((number - MOST_NAMED) as u64);
            page.wrapped("<li>and ", &more, " more; <code>s3sleuth case check</code> names all</li>\n");
        }
        page.raw("</ul>\n");
    }
    page.raw("</div>\n");
    page
}

/// The case and what came of it, as names and values.
pub fn members(case: &Held) -> Vec<(&'static str, String)> {
    vec![
        ("case", case.folder.display().to_string()),
        ("manifest", format!("{}, finished {}", counted(case.files as u64, "file"), case.finished)),
        ("SHA-256 of the manifest", case.manifest_sha256.clone()),
        ("held against it", result(case)),
    ]
}

/// What came of it.
fn result(case: &Held) -> String {
    let inputs = counted(case.inputs.len() as u64, "input");
    if case.bad.is_empty() {
        return match case.inputs.len() {
            1 => "the input is as the manifest says".to_owned(),
            _ => format!("all {inputs} are as the manifest says"),
        };
    }
    let number = |verdict: Verdict| case.bad.iter().filter(|check| check.verdict == verdict).count() as u64;
    let kinds: Vec<String> = Verdict::ALL
        .into_iter()
        .filter(|verdict| number(*verdict) > 0)
        .map(|verdict| format!("{} {}", grouped(number(verdict)), verdict.name()))
        .collect();
    let files = case.bad.len() as u64;
    let is = of_number(files, "is", "are");
    format!("{} {is} not as the manifest says: {}", counted(files, "file"), kinds.join(", "))
}

/// What the hashes of a case are, or that there is none.
pub fn sentence(case: Option<&Held>) -> Markup {
    let mut page = Markup::default();
    if case.is_none() {
        page.raw("<p>No case was given: this page does not say whether the files are as they were when they were taken. ");
        page.raw(
            "<code>s3sleuth case init</code> writes them down, <code>--case</code> holds them against that.</p>\n",
        );
        return page;
    }
    page.raw("<p class=\"note\">SHA-256 is that of the manifest, as sha256sum prints it for an unchanged file; each file was held ");
    page.raw("against it before it was read. The manifest&#39;s own SHA-256 has to be the one that was noted when it was made: ");
    page.raw("<code>s3sleuth case check --sha256</code> compares it.</p>\n");
    page
}

/// What the manifest has of a file.
pub fn recorded(recorded: Option<&Recorded>) -> Markup {
    let mut page = Markup::default();
    let Some(recorded) = recorded else {
        page.raw("<br>not in the manifest");
        return page;
    };
    page.wrapped("<br>SHA-256 <code>", &recorded.sha256(), "</code>");
    if recorded.verdict != Verdict::Ok {
        page.wrapped(" <strong>", recorded.verdict.name(), "</strong>");
    }
    page
}
