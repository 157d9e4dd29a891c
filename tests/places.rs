//! `detect` with databases of countries and autonomous systems.

mod support;

use s3sleuth::detect::sample_database::{countries, database, systems};
use s3sleuth::detect::sample_lines::Reads;
use serde_json::{Value, json};
use std::path::Path;
use support::{Run, run, text};

const DAY_MS: i64 = 86_400_000;

/// Ten days at home (DE, AS64496).
const HOME: Reads = Reads { every_ms: DAY_MS / 2, count: 20, ..Reads::USUAL };

/// The day after.
const TODAY: Reads = Reads { from_ms: HOME.from_ms + 10 * DAY_MS, every_ms: 60_000, count: 4, ..HOME };

/// In another country (US, AS64497).
const ABROAD: Reads = Reads { address: "198.51.100.7", ..TODAY };

/// In another country, in the network of the same provider (BR, AS64496).
const ROAMING: Reads = Reads { address: "203.0.113.9", ..TODAY };

/// In another network at home.
const MOVED: Reads = Reads { address: "192.0.3.9", ..TODAY };

/// A folder with databases, in which `192.0.3.0/24` is at home too, and a configuration that names them.
fn folder(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).expect("a file");
    let country = |code: &str| json!({"country": {"iso_code": code}});
    let networks =
        [("192.0.2.0/23", country("DE")), ("198.51.100.0/24", country("US")), ("203.0.113.0/24", country("BR"))];
    write("country.mmdb", &database("Country", &networks));
    write("asn.mmdb", &systems());
    write("s3sleuth.toml", config.as_bytes());
    folder
}

const BOTH: &str = "country_database = 'country.mmdb'\nasn_database = 'asn.mmdb'\n";

fn detect(folder: &Path, lines: &str, more: &[&str]) -> Run {
    let (log, config) = (folder.join("today.log"), folder.join("s3sleuth.toml"));
    std::fs::write(&log, lines).expect("a file");
    run(&[&["detect", text(&log), "--config", text(&config)], more].concat())
}

fn alert(run: &Run, rule: &str) -> Option<Value> {
    run.json_lines().into_iter().find(|alert| alert["rule_id"] == rule)
}

fn reasons(alert: &Value) -> String {
    alert["reasons"].to_string()
}

#[test]
fn alerts_say_where_their_address_is() {
    let folder = folder(BOTH);
    let run = detect(folder.path(), &(HOME.lines() + &ABROAD.lines()), &[]);
    let alert = alert(&run, "GET-034").expect("a new country");
    assert_eq!(
        (&alert["remote_ip"], &alert["observed"]["country"]),
        (&json!("198.51.100.7"), &json!("US")),
        "{alert}"
    );
    assert_eq!(alert["observed"]["autonomous_system_number"], 64497);
    assert_eq!(alert["observed"]["autonomous_system_organization"], "Example Hosting");
    let place = "198.51.100.7 is in US as of 2026-11-01 and in AS64497 Example Hosting as of 2026-11-01.";
    assert!(reasons(&alert).contains(place), "{alert}");
    assert_eq!(alert["expected"]["countries"], json!(["DE"]));
}

#[test]
fn a_new_network_weighs_as_much_as_its_country_and_system_are_new() {
    let learned = folder("");
    let baseline = learned.path().join("usual");
    std::fs::write(learned.path().join("past.log"), HOME.lines()).expect("a file");
    let made = run(&["baseline", "learn", text(&learned.path().join("past.log")), "-o", text(&baseline)]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    for (config, reads, severity) in [
        (BOTH, ABROAD, "high"),
        (BOTH, ROAMING, "medium"),
        ("asn_database = 'asn.mmdb'", ABROAD, "medium"),
        ("asn_database = 'asn.mmdb'", ROAMING, "low"),
        ("country_database = 'country.mmdb'", ABROAD, "high"),
        ("country_database = 'country.mmdb'", MOVED, "medium"),
        ("", ABROAD, "medium"),
    ] {
        let folder = folder(config);
        let run = detect(folder.path(), &reads.lines(), &["--baseline", text(&baseline)]);
        let alert = alert(&run, "GET-006").expect("a new network");
        assert_eq!(alert["severity"], severity, "{config} {alert}");
        assert_eq!(
            reasons(&alert).contains("only from DE."),
            severity == "high" || reads.address == ROAMING.address && config == BOTH,
            "{alert}"
        );
        // A caller that the baseline knows is told of once.
        assert!(!run.rule_ids().contains(&"GET-034".to_owned()));
    }
}

#[test]
fn without_a_database_new_countries_are_not_evaluated_and_nothing_is_said_of_places() {
    let folder = folder("");
    let run = detect(folder.path(), &(HOME.lines() + &ABROAD.lines()), &[]);
    assert!(alert(&run, "GET-034").is_none() && !run.stdout.contains("autonomous_system"), "{}", run.stdout);
    let said =
        run.stderr.lines().any(|line| line.contains("GET-034") && line.contains("the configuration has nothing"));
    assert!(said, "{}", run.stderr);
}

#[test]
fn threads_and_the_order_of_lines_do_not_show() {
    let folder = folder(BOTH);
    let lines = HOME.lines() + &ABROAD.lines() + &ROAMING.lines() + &MOVED.lines();
    let many = lines + &Reads { requester: "arn:aws:sts::111122223333:assumed-role/app/i", ..HOME }.lines();
    let one = detect(folder.path(), &many, &["--threads", "1"]);
    assert_eq!(one.rule_ids().iter().filter(|id| *id == "GET-034").count(), 2, "{}", one.stdout);
    let mut backwards: Vec<&str> = many.lines().collect();
    backwards.reverse();
    let other = detect(folder.path(), &(backwards.join("\n") + "\n"), &["--threads", "2"]);
    let told = |run: &Run| {
        run.json_lines()
            .into_iter()
            .map(|mut alert| {
                // Lines have other numbers.
                alert["evidence"] = Value::Null;
                alert
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(told(&one), told(&other));
}

#[test]
fn countries_within_one_network_are_told_apart_whatever_the_threads() {
    let folder = folder("country_database = 'country.mmdb'");
    let country = |code: &str| json!({"country": {"iso_code": code}});
    let networks = [("198.51.100.0/25", country("US")), ("198.51.100.128/25", country("CA"))];
    std::fs::write(folder.path().join("country.mmdb"), database("Country", &networks)).expect("a file");
    let session = "arn:aws:sts::111122223333:assumed-role/analyst/ann";
    let reads = Reads { requester: session, every_ms: 20_000, count: 300, ..TODAY };
    let both = ["198.51.100.7", "198.51.100.200"].map(|address| Reads { address, ..reads }.lines()).concat();
    let runs = ["1", "2"].map(|threads| detect(folder.path(), &both, &["--threads", threads]));
    let told = alert(&runs[0], "GET-018").expect("two countries");
    assert_eq!(told["observed"]["countries"], json!(["CA", "US"]), "{told}");
    assert_eq!(runs[0].stdout, runs[1].stdout);
}

#[test]
fn a_database_that_cannot_be_used_is_named_and_nothing_is_evaluated() {
    let folder = folder(BOTH);
    let path = folder.path().join("country.mmdb");
    let whole = std::fs::read(&path).expect("a file");
    for (bytes, complaint) in [
        (&whole[..whole.len() / 2], "country.mmdb: invalid database"),
        (&whole[..0], "country.mmdb: invalid database"),
        (&systems()[..], "it is of the type \"sample-ASN\" and names no country"),
    ] {
        std::fs::write(&path, bytes).expect("a file");
        let run = detect(folder.path(), &HOME.lines(), &[]);
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(run.stderr.contains(complaint) && run.stdout.is_empty(), "{}", run.stderr);
    }
    std::fs::remove_file(&path).expect("a file");
    let run = detect(folder.path(), &HOME.lines(), &[]);
    assert!(run.code == 2 && run.stderr.contains("country.mmdb"), "{}", run.stderr);
}

#[test]
fn damaged_records_are_said() {
    let folder = folder("country_database = 'country.mmdb'");
    let mut bytes = countries();
    let place = bytes.windows(2).rposition(|bytes| bytes == b"US").expect("a country");
    bytes[place] = 0xff;
    std::fs::write(folder.path().join("country.mmdb"), bytes).expect("a file");
    let run = detect(folder.path(), &(HOME.lines() + &ABROAD.lines()), &[]);
    let note = "country.mmdb is damaged: the records of 1 of the addresses";
    assert!(run.stderr.contains(note) && run.stderr.contains("that of 198.51.100.7"), "{}", run.stderr);
}
