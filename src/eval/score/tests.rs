//! Hand-made labels and alerts.

use super::*;
use crate::detect;

/// 2026-03-09T12:00:00Z.
const NOON_MS: i64 = 1_773_057_600_000;
const MINUTE_MS: i64 = 60_000;

fn label(incident: &str, minutes: (i64, i64), principal: &str, address: &str, bucket: &str) -> Label {
    let names = |name: &str| if name.is_empty() { Vec::new() } else { vec![name.to_owned()] };
    Label {
        incident: incident.to_owned(),
        kind: "kind".to_owned(),
        first_ms: NOON_MS + minutes.0 * MINUTE_MS,
        last_ms: NOON_MS + minutes.1 * MINUTE_MS,
        principals: names(principal),
        addresses: names(address),
        buckets: names(bucket),
        ..Label::default()
    }
}

fn alert(rule: &str, severity: Severity, minutes: (i64, i64), names: [&str; 3]) -> Alert {
    let name = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty());
    let [principal, address, bucket] = names.map(name);
    let mut alert = Alert::of(detect::rule(rule).unwrap(), &[], Some(0));
    let time_ms = |minutes: i64| NOON_MS + minutes * MINUTE_MS;
    alert.severity = severity;
    alert.first_seen_ms = Some(time_ms(minutes.0));
    alert.first_seen = Some(format_iso(time_ms(minutes.0)));
    alert.last_seen = Some(format_iso(time_ms(minutes.1)));
    (alert.principal, alert.remote_ip, alert.bucket) = (principal, address, bucket);
    alert
}

fn scored<'a>(labels: &[Label], alerts: &'a [Alert]) -> Scores<'a> {
    score(labels, alerts, Benign { benign_events: 500_000, labels_without_events: 0 }, &Scoring::default())
}

#[test]
fn an_alert_belongs_to_an_incident_by_time_and_name() {
    let incident = label("i", (0, 60), "mallory", "203.0.113.9", "logs");
    let at = |minutes: (i64, i64), names: [&str; 3]| alert("LOG-001", Severity::High, minutes, names);
    let inside = (10, 20);
    for (alert, expected) in [
        (at(inside, ["mallory", "203.0.113.9", "logs"]), true),
        // One name is enough.
        (at(inside, ["mallory", "", ""]), true),
        (at(inside, ["", "203.0.113.9", ""]), true),
        (at(inside, ["", "", "logs"]), true),
        (at(inside, ["mallory", "198.51.100.7", "other"]), true),
        (at(inside, ["ann", "203.0.113.9", "other"]), true),
        // Somebody else in the same bucket, or the same nobody elsewhere.
        (at(inside, ["ann", "", "logs"]), false),
        (at(inside, ["", "198.51.100.7", "logs"]), false),
        (at(inside, ["anonymous", "198.51.100.7", "logs"]), false),
        (at(inside, ["anonymous", "", "logs"]), true),
        (at(inside, ["anonymous", "", "other"]), false),
        // Another bucket, or nothing.
        (at(inside, ["", "", "other"]), false),
        (at(inside, ["", "", ""]), false),
        // The edges of time, with five minutes of tolerance.
        (at((-30, -5), ["mallory", "", ""]), true),
        (at((-30, -6), ["mallory", "", ""]), false),
        (at((65, 90), ["mallory", "", ""]), true),
        (at((66, 90), ["mallory", "", ""]), false),
        (at((-600, 600), ["mallory", "", ""]), true),
        (Alert { first_seen_ms: None, ..at(inside, ["mallory", "", ""]) }, false),
    ] {
        let alerts = [alert];
        let scores = scored(std::slice::from_ref(&incident), &alerts);
        assert_eq!(scores.incidents[0].found, expected, "{:?}", alerts[0]);
        assert_eq!(scores.totals.false_alerts, u64::from(!expected), "{:?}", alerts[0]);
    }
}

#[test]
fn a_label_without_a_caller_or_address_takes_whoever_is_in_the_bucket() {
    let incident = label("i", (0, 60), "", "", "logs");
    let alerts = [alert("LOG-001", Severity::High, (1, 2), ["ann", "198.51.100.7", "logs"])];
    assert!(scored(&[incident], &alerts).incidents[0].found);
}

#[test]
fn who_is_known_by_an_address_only_is_no_named_caller() {
    let incident = label("i", (0, 60), "", "203.0.113.9", "data");
    for (names, found) in [
        (["ann", "", "data"], false),
        (["ann", "203.0.113.9", "data"], true),
        (["anonymous", "", "data"], true),
        (["", "", "data"], true),
    ] {
        let alerts = [alert("GET-001", Severity::High, (1, 2), names)];
        assert_eq!(scored(std::slice::from_ref(&incident), &alerts).incidents[0].found, found, "{names:?}");
    }
}

#[test]
fn who_is_affected_may_be_named() {
    let mut incident = label("i", (0, 60), "mallory", "", "data");
    // A bucket that is affected does not make up for a caller who is somebody else.
    for (affected, found) in [("victim", true), ("shop", false), ("other", false)] {
        incident.affected = vec![affected.to_owned()];
        let alerts = [alert("KMS-001", Severity::High, (1, 2), ["victim", "", "shop"])];
        let named = scored(std::slice::from_ref(&incident), &alerts).incidents[0].found;
        assert_eq!(named, found, "{affected}");
    }
}

#[test]
fn two_incidents_of_one_caller_are_told_apart_by_time() {
    let labels = [label("first", (0, 10), "mallory", "", ""), label("second", (60, 70), "mallory", "", "")];
    let alerts = [alert("LOG-001", Severity::High, (62, 63), ["mallory", "", "logs"])];
    let scores = scored(&labels, &alerts);
    assert_eq!(scores.incidents.iter().map(|one| one.found).collect::<Vec<_>>(), [false, true]);
    assert_eq!((scores.totals.found, scores.totals.false_alerts), (1, 0));
    // One that spans both belongs to both.
    let alerts = [alert("LOG-001", Severity::High, (2, 63), ["mallory", "", "logs"])];
    assert_eq!(scored(&labels, &alerts).totals.found, 2);
}

#[test]
fn an_alert_that_is_made_of_alerts_belongs_where_all_of_them_do() {
    let labels = [label("first", (0, 10), "mallory", "", ""), label("second", (60, 70), "trudy", "", "")];
    let named = |id: &str, alert: Alert| Alert { alert_id: id.to_owned(), ..alert };
    let parts = [
        named("a", alert("LOG-001", Severity::High, (1, 2), ["mallory", "", ""])),
        named("b", alert("LOG-001", Severity::High, (61, 62), ["trudy", "", ""])),
        named("c", alert("LOG-001", Severity::Low, (61, 62), ["ann", "", ""])),
    ];
    for (related, false_alerts, alerts_of_each) in
        [(&["a", "b"][..], 1, [2, 2]), (&["a"], 1, [2, 1]), (&["a", "c"], 2, [1, 1]), (&["x"], 2, [1, 1])]
    {
        let whole = named("whole", alert("SEQ-010", Severity::Critical, (1, 62), ["", "192.0.2.10", ""]));
        let related = related.iter().map(|id| (*id).to_owned()).collect();
        let alerts: Vec<Alert> = parts.iter().cloned().chain([Alert { related, ..whole }]).collect();
        let scores = scored(&labels, &alerts);
        let each: Vec<u64> = scores.incidents.iter().map(|incident| incident.alerts).collect();
        assert_eq!((scores.totals.false_alerts, &each[..]), (false_alerts, &alerts_of_each[..]));
    }
}

#[test]
fn mild_alerts_belong_but_find_nothing() {
    let labels = [label("i", (0, 60), "mallory", "", "")];
    let alerts = [
        alert("LOG-001", Severity::Low, (1, 2), ["mallory", "", ""]),
        alert("DEL-001", Severity::Info, (1, 2), ["mallory", "", ""]),
    ];
    let scores = scored(&labels, &alerts);
    let incident = &scores.incidents[0];
    assert_eq!((incident.found, incident.severity, incident.alerts), (false, Some(Severity::Low), 2));
    assert_eq!((incident.rules.clone(), incident.milder_rules.clone()), (vec![], vec!["DEL-001", "LOG-001"]));
    assert_eq!((incident.seconds_to_first_evidence, scores.totals.false_alerts), (None, 0));
    let scoring = Scoring { found_at: Severity::Low, ..Scoring::default() };
    let benign = Benign { benign_events: 1, labels_without_events: 0 };
    assert_eq!(score(&labels, &alerts, benign, &scoring).incidents[0].rules, ["LOG-001"]);
}

#[test]
fn the_time_to_an_alert_runs_from_the_first_event_of_the_incident() {
    let labels = [label("i", (0, 60), "mallory", "", "")];
    let alerts = [
        alert("LOG-001", Severity::High, (10, 40), ["mallory", "", ""]),
        alert("DEL-001", Severity::High, (12, 15), ["mallory", "", ""]),
        alert("GET-001", Severity::Info, (0, 1), ["mallory", "", ""]),
    ];
    let scores = scored(&labels, &alerts);
    let incident = &scores.incidents[0];
    assert_eq!(incident.rules, ["DEL-001", "LOG-001"]);
    assert_eq!(incident.seconds_to_first_evidence, Some(600));
    assert_eq!(incident.seconds_to_last_evidence, Some(900));
    // Evidence from before the incident is no prophecy.
    let early = [alert("LOG-001", Severity::High, (-30, 1), ["mallory", "", ""])];
    assert_eq!(scored(&labels, &early).incidents[0].seconds_to_first_evidence, Some(0));
}

#[test]
fn noise_is_counted_by_rule_and_severity() {
    let labels = [label("i", (0, 60), "mallory", "", "")];
    let noise = |rule, severity| alert(rule, severity, (1, 2), ["ann", "", "data"]);
    let alerts = [
        alert("LOG-001", Severity::High, (1, 2), ["mallory", "", ""]),
        noise("GET-001", Severity::Info),
        noise("GET-001", Severity::Medium),
        noise("DEL-001", Severity::High),
        noise("DEL-001", Severity::Medium),
        noise("LOG-001", Severity::Critical),
    ];
    let scores = scored(&labels, &alerts);
    let totals = &scores.totals;
    assert_eq!((totals.alerts, totals.false_alerts, totals.serious_false_alerts), (6, 5, 2));
    assert_eq!(totals.serious_false_alerts_per_million, Some(4.0));
    assert_eq!(totals.false_alerts_per_million[&Severity::Medium], Some(4.0));
    assert_eq!(totals.false_alerts_per_million[&Severity::Low], Some(0.0));
    // Of two rules with as many the first.
    assert_eq!((totals.noisiest_rule, totals.noisiest_rule_share), (Some("DEL-001"), Some(0.4)));
    let rules: Vec<_> =
        scores.rules.iter().map(|rule| (rule.rule_id, rule.alerts, rule.finds, rule.false_alerts)).collect();
    assert_eq!(rules, [("DEL-001", 2, 0, 2), ("GET-001", 2, 0, 2), ("LOG-001", 2, 1, 1)]);
    assert_eq!(scores.rules[2].false_alerts_per_million, Some(2.0));
    assert_eq!(scores.rules[2].false_alerts_by_severity, BTreeMap::from([(Severity::Critical, 1)]));
}

#[test]
fn benign_is_what_no_label_claims() {
    let of = |events| Label { events, ..Label::default() };
    let labels = [of(Some(10)), of(None), of(Some(30))];
    assert_eq!(Benign::of(100, &labels), Benign { benign_events: 60, labels_without_events: 1 });
    assert_eq!(Benign::of(20, &labels).benign_events, 0);
    assert_eq!(Benign::of(20, &labels).per_million(1), None);
    assert_eq!(Benign { benign_events: 3_000_000, labels_without_events: 0 }.per_million(1), Some(0.33));
}

#[test]
fn nothing_gives_nothing() {
    let scores = scored(&[], &[]);
    assert_eq!((scores.totals.incidents, scores.totals.noisiest_rule), (0, None));
    assert!(scores.rules.is_empty() && scores.false_alerts.is_empty());
}
