//! What `report` writes is one page that tells all, loads nothing and runs nothing.

#![allow(clippy::print_stdout, reason = "a skipped test says so")]

#[path = "report/browser.rs"]
mod browser;
#[path = "report/inert.rs"]
mod inert;
#[path = "report/payloads.rs"]
mod payloads;
mod support;

use inert::Page;
use payloads::{MARK, payloads, write_logs};
use s3sleuth::report::safe::{is_unsafe, printable};
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::{run, text};

/// The page of a run, which is read strictly.
fn report(arguments: &[&str]) -> (String, Page, i32) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("report.html");
    let all: Vec<&str> = ["report"].iter().chain(arguments).copied().chain(["-o", text(&path)]).collect();
    let run = run(&all);
    let html = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{error} {}", run.stderr));
    let page = inert::read(&html);
    assert!(!html.chars().any(|character| is_unsafe(character) && character != '\n'));
    (html, page, run.code)
}

/// Does each link lead somewhere, and has each place one name?
fn check_links(page: &Page) {
    let mut ids = page.ids.clone();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), page.ids.len(), "an id is there twice");
    for target in &page.targets {
        assert!(page.ids.contains(target), "#{target} leads nowhere");
    }
}

#[test]
fn a_page_has_every_alert_with_its_evidence_and_allows_only_its_style() {
    let (_, page, code) = report(&["samples"]);
    let detect = run(&["detect", "samples", "--format", "jsonl"]);
    assert_eq!((code, detect.json_lines().len() > 10), (detect.code, true));
    for alert in detect.json_lines() {
        let id = format!("a-{}", alert["alert_id"].as_str().unwrap());
        assert!(page.ids.contains(&id), "{alert}");
        for name in ["summary", "title", "principal", "bucket", "remote_ip"] {
            assert!(alert[name].as_str().is_none_or(|value| page.text.contains(value)), "{name} of {alert}");
        }
        for row in alert["evidence"].as_array().unwrap() {
            let place = format!("{}:{}", row["source_file"].as_str().unwrap(), row["source_line"]);
            assert!(page.text.contains(&place), "{place}");
        }
    }
    check_links(&page);
    let digest = ring::digest::digest(&ring::digest::SHA256, page.style.as_bytes());
    let hash = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, digest);
    let policy = format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'");
    assert_eq!(page.policy.as_deref(), Some(policy.as_str()));
    // Each input with the hash that b3sum prints.
    let file = "samples/access_logs/amzn-s3-demo-data/2026-03-04-10-00-00-5B1E7C93D0A2F468";
    let hash = blake3::hash(&std::fs::read(file).unwrap()).to_hex();
    assert!(page.text.contains(file) && page.text.contains(hash.as_str()));
    assert!(page.text.contains("243 lines = 243 records") && page.text.contains("no baseline was given"));
}

#[test]
fn the_page_is_the_same_whatever_the_number_of_threads() {
    let folder = tempfile::tempdir().expect("a folder");
    let lines = support::access_lines(30_000);
    for (number, part) in lines.lines().collect::<Vec<_>>().chunks(700).enumerate() {
        std::fs::write(folder.path().join(format!("{number}.log")), part.join("\n")).unwrap();
    }
    let logs = text(folder.path());
    let pages = ["1", "2", "7"].map(|threads| report(&["samples", logs, "--threads", threads]).0);
    assert!(pages.iter().all(|page| *page == pages[0]));
    assert!(pages[0].contains("about ") && pages[0].len() < 5_000_000, "{}", pages[0].len());
}

#[test]
fn a_bucket_that_is_asked_for_leaves_out_the_others_and_says_so() {
    let (_, page, _) = report(&["samples", "--bucket", "amzn-s3-demo-exports", "--since", "2026-03-01"]);
    assert!(page.text.contains("The selection leaves out ") && page.text.contains("2026-03-01T00:00:00Z"));
    let alerts = run(&["detect", "samples", "--format", "jsonl"]).json_lines();
    for alert in alerts {
        let is_shown = page.ids.contains(&format!("a-{}", alert["alert_id"].as_str().unwrap()));
        let is_of_others = alert["bucket"].as_str().is_some_and(|bucket| bucket != "amzn-s3-demo-exports");
        assert_eq!(is_shown, !is_of_others, "{alert}");
    }
}

/// A case of a few logs with names that are no markup, in a folder.
fn case_of_logs(top: &Path) -> (String, String) {
    let (logs, case) = (top.join("logs"), top.join("case"));
    std::fs::create_dir(&logs).expect("a folder");
    for number in 0..30 {
        std::fs::write(logs.join(format!("<b>{number:02}&.log")), support::access_lines(3)).expect("a file");
    }
    let (logs, case) = (text(&logs).to_owned(), text(&case).to_owned());
    let done = support::program().args(["case", "init", &case, &logs]).output().expect("it runs");
    assert!(done.status.success());
    (logs, case)
}

#[test]
fn the_page_says_of_which_case_its_evidence_is_and_what_of_it_has_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (logs, case) = case_of_logs(folder.path());
    let (_, page, code) = report(&[&logs]);
    assert!(code == 0 && page.text.contains("No case was given") && !page.text.contains("SHA-256"));
    assert!(page.text.contains("s3sleuth verify"), "the chain of digests was not verified");
    let manifest = std::fs::read(Path::new(&case).join("manifest.jsonl")).expect("it is there");
    let end = String::from_utf8(manifest.clone()).expect("text");
    let end = end.lines().rev().nth(1).expect("a line");
    let end: serde_json::Value = serde_json::from_str(end).expect("JSON");
    let is_of_case = |page: &Page| {
        for text in [&case, end["finished"].as_str().expect("a time"), &s3sleuth::synth::sha256(&manifest)] {
            assert!(page.text.contains(text), "{text}");
        }
        for file in std::fs::read_dir(&logs).expect("a folder") {
            let bytes = std::fs::read(file.expect("a file").path()).expect("a file");
            assert!(page.text.contains(blake3::hash(&bytes).to_hex().as_str()));
        }
    };
    let old = std::fs::read(Path::new(&logs).join("<b>00&.log")).expect("a file");
    let (_, page, code) = report(&[&logs, "--case", &case]);
    is_of_case(&page);
    assert!(code == 0 && page.text.contains("all 30 inputs are as the manifest says"), "{}", page.text);
    assert!(page.text.matches(&s3sleuth::synth::sha256(&old)).count() == 30, "all have the same content");
    assert!(!page.ids.contains(&"changed".to_owned()));

    std::fs::write(Path::new(&logs).join("<b>00&.log"), support::access_lines(4)).expect("a file");
    std::fs::remove_file(Path::new(&logs).join("<b>01&.log")).expect("it was there");
    for number in 0..25 {
        std::fs::write(Path::new(&logs).join(format!("<i>new{number:02}.log")), support::access_lines(1)).unwrap();
    }
    let refused = run(&["report", &logs, "--case", &case, "-o", "-"]);
    assert!(refused.code == 5 && refused.stdout.is_empty());
    let (_, page, code) = report(&[&logs, "--case", &case, "--case-changed", "flag"]);
    is_of_case(&page);
    assert_eq!(code, 5);
    let banner = page.text.find("The evidence has changed").expect("a banner");
    assert!(banner < page.text.find("Summary").expect("the first part"), "it stands before all");
    for told in [
        "27 files are not as the manifest says: 1 changed, 1 missing, 25 new",
        "<b>00&.log: it has ",
        "<b>01&.log: it is not there",
        "<i>new19.log: it is not in the manifest",
        "and 5 more; s3sleuth case check names all",
    ] {
        assert!(page.text.contains(told), "{told}");
    }
    assert!(!page.text[..page.text.len() / 2].contains("<i>new20.log: "), "the list is bounded");
    check_links(&page);
}

#[test]
fn what_exists_is_not_written_over_and_inputs_never() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("a.log");
    std::fs::write(&log, support::access_lines(3)).unwrap();
    let before = std::fs::read(&log).unwrap();
    let output = folder.path().join("report.html");
    std::fs::write(&output, "mine").unwrap();
    assert_eq!(run(&["report", text(&log), "-o", text(&output)]).code, 2);
    assert_eq!(std::fs::read_to_string(&output).unwrap(), "mine");
    assert_eq!(run(&["report", text(&log), "-o", text(&log), "--force"]).code, 2);
    assert_eq!(std::fs::read(&log).unwrap(), before);
    assert_eq!(run(&["report", text(&log), "-o", text(&output), "--force"]).code, 0);
    assert!(std::fs::read_to_string(&output).unwrap().starts_with("<!DOCTYPE html>"));
    assert_eq!(run(&["report", "samples", "-o", text(&output), "--force", "--fail-on", "high"]).code, 1);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside");
}

#[test]
fn logs_without_a_record_make_a_page_too() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.log"), "").unwrap();
    let (_, page, _) = report(&[text(folder.path())]);
    assert!(page.text.contains("No record has a time") && page.text.contains("There are none."));
}

/// A page of hostile logs, in a folder.
fn hostile_page(folder: &Path, payloads: &[String]) -> (String, Page) {
    let logs = folder.join("logs");
    std::fs::create_dir(&logs).expect("a folder");
    write_logs(&logs, payloads);
    let (html, page, _) = report(&[text(&logs)]);
    (html, page)
}

#[test]
fn hostile_texts_in_every_field_stay_texts() {
    let folder = tempfile::tempdir().expect("a folder");
    let payloads = payloads(9);
    let (html, page) = hostile_page(folder.path(), &payloads);
    for payload in &payloads {
        let shown = printable(payload);
        let named = page.text.matches(&*shown).count();
        // In the card: caller, address, access key, region, summary, request id.
        assert!(named >= 4, "{shown} stands {named} times on the page");
    }
    check_links(&page);
    assert!(html.len() < 5_000_000, "{}", html.len());
}

#[test]
fn secrets_of_presigned_urls_are_not_on_the_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = "?X-Amz-Security-Token=FwoGZXIvYXdzEXAMPLE&X-Amz-Signature=0123456789abcdef";
    write_logs(folder.path(), &[secret.to_owned()]);
    let (html, page, _) = report(&[text(folder.path())]);
    assert!(page.text.contains("X-Amz-Signature=REDACTED"));
    assert!(!html.contains("FwoGZXIvYXdzEXAMPLE") && !html.contains("0123456789abcdef"));
}

#[test]
fn in_a_browser_nothing_runs_and_nothing_is_asked_for() {
    let Some(browser) = browser::find() else {
        println!("skipped: no Chromium on this machine");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start();
    let port = server.port;
    // A page without protection, to see that what is looked for would be seen.
    let control = folder.path().join("control.html");
    let harm =
        format!("<title>x</title><script>document.title='{MARK}'</script><img src=http://127.0.0.1:{port}/x>");
    std::fs::write(&control, harm).unwrap();
    let dom = browser::dom_of(browser, &control);
    assert!(dom.contains(&format!("<title>{MARK}</title>")), "{dom}");
    let asked_before = server.asked.load(Ordering::SeqCst);
    assert!(asked_before > 0, "the browser asks for what a page names");

    let (html, _) = hostile_page(folder.path(), &payloads(port));
    let path = folder.path().join("report.html");
    std::fs::write(&path, &html).unwrap();
    let dom = browser::dom_of(browser, &path);
    let page = inert::read(dom.trim());
    assert!(dom.contains("<title>S3 activity, 4 Mar 2026 to 4 Mar 2026</title>"), "the title was changed");
    assert!(page.text.contains(MARK) && page.ids.len() > 200);
    assert_eq!(server.asked.load(Ordering::SeqCst), asked_before, "something was asked for");
}

/// Answers whoever asks, and counts.
struct Server {
    port: u16,
    asked: Arc<AtomicUsize>,
}

impl Server {
    fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                counter.fetch_add(1, Ordering::SeqCst);
                let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                let _gone = connection.and_then(|mut connection| connection.write_all(answer));
            }
        });
        Server { port, asked }
    }
}
