//! GET-018: one credential is used from places that do not go together.

use super::probes::address;
use crate::detect::alert::{Alert, Confidence, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::Codes;
use crate::detect::context::{Context, Countries, Country};
use crate::detect::key_sample::fingerprint;
use crate::detect::minutes::Stretch;
use crate::detect::repeats::{Actor, ActorFields, Count, Repeat, RepeatDetector};
use crate::detect::sample_lines::{Asks, made};
use crate::detect::whereabouts::{self, Place, Places, STRETCH_MINUTES};
use crate::detect::{Config, DetectBatch, Evidence, Findings, Form, Rule, Sample, Shared, Threshold};
use crate::parse::LogType;
use serde_json::json;
use std::cell::RefCell;
use std::sync::Arc;

/// GET-018 `credential-places`.
pub static RULE: Rule = Rule {
    id: whereabouts::RULE,
    name: "credential-places",
    title: "One credential was used from places that do not go together",
    severity: Severity::Medium,
    attack: &["T1078.004", "T1550"],
    looks_for: "Requests to S3 with the same credentials, told by the access key in CloudTrail and by the session of a role \
        in access logs: to the same bucket within an hour from inside a VPC, which shows as a private address where S3 is \
        reached through an endpoint, and from the internet, if they are those of a role; and, in CloudTrail, from several \
        networks of the internet (/16, of IPv6 /32) within ten minutes. Where country_database is \
        configured, also: in either log, from several countries within an hour, whereby networks with the kind corporate and \
        addresses of AWS (ip_ranges) are of no country. One request in four is looked at, by its id; so a handful of requests \
        from elsewhere is enough in most cases. Overlapping stretches are one alert. AWS services are left out.",
    why: "A session belongs to one machine, whose way to a bucket does not change. If it comes from two places, somebody took \
        it along.",
    cannot_see: "Credentials that are used from elsewhere only, or through the same network. Which access key a line of an \
        access log is of. Countries without country_database; addresses of which it has no country.",
    false_positives: "Session names that several machines share, of which only some have an endpoint: give each its own. \
        Telephones and functions without a network of their own, for networks of the internet. For countries: a VPN that is \
        switched on or off, which networks with the kind corporate tell; services of AWS that call for a caller from addresses \
        of their own, which ip_ranges tells.",
    next_steps: &[
        "Find out whose the address outside is.",
        "End the sessions of the role (aws:TokenIssueTime), or deactivate the access key.",
        "List what was read from outside, and look for how the credentials got out.",
    ],
    thresholds: &[
        Threshold {
            name: "networks_in_10_minutes",
            default: 3,
            source: "proposal of the detector catalogue (three /16 in 10 minutes)",
        },
        Threshold {
            name: "countries_in_60_minutes",
            default: 2,
            source: "proposal of the detector catalogue (two countries in 60 minutes)",
        },
    ],
    activity_columns: &["principal", "bucket_name", "remote_ip", "access_key_id"],
    s3_access_columns: &["requester"],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &SAMPLES,
    form: Form::Code(RepeatDetector::<CredentialPlaces>::of),
};

/// Fourth field of an actor that is counted by networks of the internet.
const NETWORKS: &str = "networks";
/// What is counted of requests from outside and from inside.
const OUTSIDE: u64 = 0;
const INSIDE: u64 = 1;
/// Of one that is counted by countries.
const COUNTRIES: &str = "countries";

struct CredentialPlaces {
    networks: u64,
    countries: u64,
    context: Arc<Context>,
    /// Of addresses that were asked for before.
    known: RefCell<(Places, Countries)>,
}

impl Repeat for CredentialPlaces {
    const RULE: &'static Rule = &RULE;
    const GRAIN_MINUTES: i64 = STRETCH_MINUTES;
    const SHOWN_BYTES: usize = 4 << 20;

    fn new(config: &Config) -> Self {
        CredentialPlaces {
            networks: config.threshold(&RULE, "networks_in_10_minutes"),
            countries: config.threshold(&RULE, "countries_in_60_minutes"),
            context: Arc::clone(&config.context),
            known: RefCell::default(),
        }
    }

    /// Of two sides, and of the few countries of one credential, none may be missing.
    fn kept_whole_by(fields: &ActorFields<'_>) -> Option<u64> {
        (fields[3] != Some(NETWORKS)).then(|| fingerprint(fields[2].unwrap_or_default()))
    }

    /// What an alert tells of is what came from outside.
    fn shows(fields: &ActorFields<'_>, what: u64) -> bool {
        fields[3].is_some() || what == OUTSIDE
    }

    /// All rows that it is shown are asked for ([`whereabouts`]).
    fn select(&self, batch: &DetectBatch<'_>, _codes: &Codes, row: usize, count: &mut Count<'_>) {
        let Some(address) = address(batch, row) else { return };
        let (places, countries) = &mut *self.known.borrow_mut();
        let Some(place) = places.of(address.as_bytes()) else { return };
        let [principal, bucket] = ["principal", "bucket_name"].map(|name| cell(batch.text(name), row));
        let credential = match batch.log {
            LogType::S3Access => cell(batch.native_text("requester"), row),
            LogType::CloudTrail => cell(batch.text("access_key_id"), row),
        };
        let is_role = principal.is_some_and(|principal| principal.contains(":role/"));
        if is_role {
            let side = if place == Place::Inside { INSIDE } else { OUTSIDE };
            count([principal, bucket, credential, None], side);
        }
        if batch.log == LogType::CloudTrail && place != Place::Inside {
            count([principal, None, credential, Some(NETWORKS)], place.fingerprint());
        }
        // An access log does not tell the keys of a user apart.
        if (is_role || batch.log == LogType::CloudTrail)
            && let Some(country) = countries.of(address.as_bytes(), &self.context)
        {
            count([principal, None, credential, Some(COUNTRIES)], country.number());
        }
    }

    fn judge(&self, actors: &[Actor<'_>], _shared: &Shared<'_>, findings: &mut Findings) {
        let mut told = Told::default();
        for actor in actors.iter().filter(|actor| actor.fields[1].is_some() && actor.fields[3].is_none()) {
            let [principal, bucket, credential, _] = actor.fields;
            for stretch in actor.stretches(60, 2) {
                // What both logs show is told of once.
                if told.has(actor, &stretch) {
                    continue;
                }
                let mut alert = about(actor.alert_showing(&RULE, &stretch, |side| side == OUTSIDE), actor, 60);
                alert.bucket = bucket.map(str::to_owned);
                alert.summary = format!(
                    "One session of {} used {} from inside a VPC and from the internet within an hour.",
                    principal.unwrap_or("an unknown caller"),
                    bucket.unwrap_or_default(),
                );
                alert.reasons.push(format!(
                    "The credentials are those of {}; the records are those from the internet.",
                    credential.unwrap_or("nobody")
                ));
                alert.observed = [("places", json!(2))].into();
                alert.expected = [("places", json!(1))].into();
                told.add(actor, stretch);
                findings.alerts.push(alert);
            }
        }
        let told = self.judge_countries(actors, findings);
        for actor in actors.iter().filter(|actor| actor.fields[3] == Some(NETWORKS)) {
            for stretch in actor.stretches(10, self.networks) {
                if told.has(actor, &stretch) {
                    continue;
                }
                let mut alert = about(actor.alert(&RULE, &stretch), actor, 10);
                alert.access_key_id = actor.fields[2].map(str::to_owned);
                alert.summary = format!(
                    "One access key of {} was used from {} of the internet, up to {} within 10 minutes.",
                    actor.fields[0].unwrap_or("an unknown caller"),
                    counted(alert.count, "network", "networks"),
                    stretch.peak,
                );
                alert.observed =
                    [("networks", json!(alert.count)), ("networks_in_a_window", json!(stretch.peak))].into();
                alert.expected = [("networks_in_a_window", json!(self.networks))].into();
                findings.alerts.push(alert);
            }
        }
    }
}

impl CredentialPlaces {
    /// About credentials that were used from several countries; returns of whom and when.
    fn judge_countries<'a>(&self, actors: &[Actor<'a>], findings: &mut Findings) -> Told<'a> {
        let mut told = Told::default();
        // Those with an access key first: what both logs show is told of once, by the key.
        let is_key = |actor: &&Actor<'a>| is_access_key(actor.fields[2]);
        let by_countries = || actors.iter().filter(|actor| actor.fields[3] == Some(COUNTRIES));
        let keys_first = by_countries().filter(is_key).chain(by_countries().filter(|actor| !is_key(actor)));
        for actor in keys_first {
            let [principal, _, credential, _] = actor.fields;
            for stretch in actor.stretches(60, self.countries) {
                if told.has(actor, &stretch) {
                    continue;
                }
                let shown = actor.shown_in(&stretch);
                let countries: Vec<String> =
                    shown.into_iter().filter_map(Country::of_number).map(|country| country.to_string()).collect();
                let mut alert = about(actor.alert(&RULE, &stretch), actor, 60);
                alert.access_key_id = credential.filter(|_| is_key(&actor)).map(str::to_owned);
                alert.summary = format!(
                    "One {} of {} was used from {} ({}), up to {} within an hour.",
                    if is_key(&actor) { "access key" } else { "session" },
                    principal.unwrap_or("an unknown caller"),
                    counted(alert.count, "country", "countries"),
                    countries.join(", "),
                    stretch.peak,
                );
                alert.reasons.push(format!("The credentials are those of {}.", credential.unwrap_or("nobody")));
                alert.observed =
                    [("countries", json!(countries)), ("countries_in_a_window", json!(stretch.peak))].into();
                alert.expected = [("countries_in_a_window", json!(self.countries))].into();
                findings.alerts.push(alert);
                told.add(actor, stretch);
            }
        }
        told
    }
}

/// Of whom something was told, with which credential, and when.
#[derive(Default)]
struct Told<'a>(Vec<([Option<&'a str>; 2], Stretch)>);

impl<'a> Told<'a> {
    fn add(&mut self, actor: &Actor<'a>, stretch: Stretch) {
        self.0.push(([actor.fields[0], actor.fields[2]], stretch));
    }

    /// Was it told of that credential? A session of an access log may be that of an access key of CloudTrail.
    fn has(&self, actor: &Actor<'a>, stretch: &Stretch) -> bool {
        let [principal, _, credential, _] = actor.fields;
        self.0.iter().any(|([who, other], when)| {
            let may_be_the_same = *other == credential || is_access_key(*other) != is_access_key(credential);
            *who == principal && may_be_the_same && overlap(when, stretch)
        })
    }
}

/// Not a session, which is named by its ARN.
fn is_access_key(credential: Option<&str>) -> bool {
    credential.is_some_and(|credential| !credential.contains(':'))
}

fn overlap(left: &Stretch, right: &Stretch) -> bool {
    left.minutes.start() <= right.minutes.end() && right.minutes.start() <= left.minutes.end()
}

fn about(mut alert: Alert, actor: &Actor<'_>, minutes: u64) -> Alert {
    alert.confidence = Confidence::Medium;
    alert.window_seconds = minutes * 60;
    alert.principal = actor.fields[0].map(str::to_owned);
    alert
}

/// A session of a role in a VPC.
const WITHIN: Asks = Asks {
    requester: "arn:aws:sts::111122223333:assumed-role/app/i-0123456789abcdef0",
    address: "10.20.1.7",
    key: "profiles/{}.json",
    answer: (200, "-"),
    every_ms: 5_000,
    count: 400,
    ..Asks::USUAL
};

const OUTSIDE_READS: Asks = Asks { address: "203.0.113.7", every_ms: 30_000, count: 40, ..WITHIN };

/// The configuration of the samples.
pub(super) const CONFIG: &str = "
country_database = 'country.mmdb'
ip_ranges = 'ip-ranges.json'
[[networks]]
name = 'vpn'
kind = 'corporate'
cidrs = ['198.51.100.128/25']
";

/// A session of a role that is used at home.
const HOME: Asks = Asks {
    requester: "arn:aws:sts::111122223333:assumed-role/analyst/ann",
    address: "192.0.2.7",
    count: 60,
    every_ms: 60_000,
    ..WITHIN
};

/// The same elsewhere.
const ABROAD: Asks =
    Asks { address: "198.51.100.7", from_ms: HOME.from_ms + 600_000, every_ms: 60_000, count: 20, ..HOME };

static SAMPLES: [Sample; 11] = [
    made!("fires", true, WITHIN.lines() + &OUTSIDE_READS.lines()),
    made!("fires_countries", true, HOME.lines() + &ABROAD.lines()),
    // Another address at home, and the VPN.
    made!("near_miss_4", false, {
        HOME.lines()
            + &Asks { address: "192.0.2.200", ..ABROAD }.lines()
            + &Asks { address: "198.51.100.200", ..ABROAD }.lines()
    }),
    // After a journey.
    made!("near_miss_5", false, HOME.lines() + &Asks { from_ms: HOME.from_ms + 9 * 3_600_000, ..ABROAD }.lines()),
    // From an address of AWS.
    made!("near_miss_6", false, HOME.lines() + &Asks { address: "203.0.113.7", ..ABROAD }.lines()),
    // Of a user an access log does not tell which of the keys it was.
    made!("near_miss_7", false, {
        let requester = "arn:aws:iam::111122223333:user/ann";
        Asks { requester, ..HOME }.lines() + &Asks { requester, ..ABROAD }.lines()
    }),
    // Two sessions.
    made!("near_miss_8", false, {
        let requester = "arn:aws:sts::111122223333:assumed-role/analyst/bob";
        HOME.lines() + &Asks { requester, ..ABROAD }.lines()
    }),
    made!("near_miss_1", false, WITHIN.lines() + &Asks { address: "10.21.9.9", ..OUTSIDE_READS }.lines()),
    made!("near_miss_2", false, {
        let other = "arn:aws:sts::111122223333:assumed-role/app/i-0fedcba9876543210";
        WITHIN.lines() + &Asks { requester: other, ..OUTSIDE_READS }.lines()
    }),
    made!("near_miss_3", false, {
        WITHIN.lines() + &Asks { from_ms: WITHIN.from_ms + 6 * 3_600_000, ..OUTSIDE_READS }.lines()
    }),
    // Another bucket, to which there may be another way.
    made!("denied_twin", false, {
        WITHIN.lines() + &Asks { bucket: "example-other", answer: (403, "AccessDenied"), ..OUTSIDE_READS }.lines()
    }),
];
