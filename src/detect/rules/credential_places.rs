//! GET-018: one credential is used from places that do not go together.

use super::probes::address;
use crate::detect::alert::{Alert, Confidence, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Among, Codes};
use crate::detect::marks::Marks;
use crate::detect::minutes::Stretch;
use crate::detect::repeats::{Actor, Count, Repeat, RepeatDetector};
use crate::detect::sample_lines::{Asks, made};
use crate::detect::whereabouts::{Place, STRETCH_MINUTES};
use crate::detect::{Config, DetectBatch, Evidence, Findings, Form, Rule, Sample, Shared, Threshold};
use crate::parse::LogType;
use serde_json::json;

/// GET-018 `credential-places`.
pub static RULE: Rule = Rule {
    id: "GET-018",
    name: "credential-places",
    title: "One credential was used from places that do not go together",
    severity: Severity::Medium,
    attack: &["T1078.004", "T1550"],
    looks_for: "Requests to S3 with the same credentials, told by the access key in CloudTrail and by the session of a role \
        in access logs: to the same bucket within an hour from inside a VPC, which shows as a private address where S3 is \
        reached through an endpoint, and from the internet, if they are those of a role; and, in CloudTrail, from several \
        networks of the internet (/16, of IPv6 /32) within ten minutes. One request in four is looked at, by its id; so a \
        handful of requests from elsewhere is enough in most cases. Overlapping stretches are one alert. AWS services are \
        left out.",
    why: "A session belongs to one machine, whose way to a bucket does not change. If it comes from two places, somebody took \
        it along.",
    cannot_see: "Credentials that are used from elsewhere only, or through the same network. Which access key a line of an \
        access log is of. Countries: no list of them is built in.",
    false_positives: "Session names that several machines share, of which only some have an endpoint: give each its own. \
        Telephones and functions without a network of their own, for networks of the internet.",
    next_steps: &[
        "Find out whose the address outside is.",
        "End the sessions of the role (aws:TokenIssueTime), or deactivate the access key.",
        "List what was read from outside, and look for how the credentials got out.",
    ],
    thresholds: &[Threshold {
        name: "networks_in_10_minutes",
        default: 3,
        source: "proposal of the detector catalogue (three /16 in 10 minutes)",
    }],
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

struct CredentialPlaces {
    networks: u64,
}

impl Repeat for CredentialPlaces {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Marked;
    const GRAIN_MINUTES: i64 = STRETCH_MINUTES;
    const SAMPLES_ACTORS: bool = true;

    fn new(config: &Config) -> Self {
        CredentialPlaces { networks: config.threshold(&RULE, "networks_in_10_minutes") }
    }

    fn select(&self, batch: &DetectBatch<'_>, codes: &Codes, row: usize, count: &mut Count<'_>) {
        if !codes.marks[row].has(Marks::WHEREABOUTS) {
            return;
        }
        let Some(place) = address(batch, row).and_then(|address| Place::of(address.as_bytes())) else { return };
        let [principal, bucket] = ["principal", "bucket_name"].map(|name| cell(batch.text(name), row));
        let credential = match batch.log {
            LogType::S3Access => cell(batch.native_text("requester"), row),
            LogType::CloudTrail => cell(batch.text("access_key_id"), row),
        };
        if principal.is_some_and(|principal| principal.contains(":role/")) {
            let side = if place == Place::Inside { INSIDE } else { OUTSIDE };
            count([principal, bucket, credential, None], side);
        }
        if batch.log == LogType::CloudTrail && place != Place::Inside {
            count([principal, None, credential, Some(NETWORKS)], place.fingerprint());
        }
    }

    fn judge(&self, actors: &[Actor<'_>], _shared: &Shared<'_>, findings: &mut Findings) {
        let mut told: Vec<(Option<&str>, Stretch)> = Vec::new();
        for actor in actors.iter().filter(|actor| actor.fields[1].is_some() && actor.fields[3].is_none()) {
            let [principal, bucket, credential, _] = actor.fields;
            for stretch in actor.stretches(60, 2) {
                // What both logs show is told of once.
                if told.iter().any(|(who, other)| *who == principal && overlap(other, &stretch)) {
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
                told.push((principal, stretch));
                findings.alerts.push(alert);
            }
        }
        for actor in actors.iter().filter(|actor| actor.fields[3] == Some(NETWORKS)) {
            for stretch in actor.stretches(10, self.networks) {
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

static SAMPLES: [Sample; 5] = [
    made!("fires", true, WITHIN.lines() + &OUTSIDE_READS.lines()),
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
