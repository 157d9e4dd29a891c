//! DSC-002: somebody is refused again and again.

use super::probes::{address, milder, request};
use crate::detect::alert::{Alert, Confidence, Outcome, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Codes, Ended, Who};
use crate::detect::history::View;
use crate::detect::minutes::Stretch;
use crate::detect::repeats::{Actor, Count, Repeat, RepeatDetector};
use crate::detect::rules::authentication_failures::is_of_authentication;
use crate::detect::sample_lines::{Asks, made};
use crate::detect::{Config, DetectBatch, Evidence, Findings, Form, Rule, Sample, Shared, Threshold};
use crate::parse::LogType;
use serde_json::json;

/// DSC-002 `denied-storm`.
pub static RULE: Rule = Rule {
    id: "DSC-002",
    name: "denied-storm",
    title: "Many requests to S3 were refused",
    severity: Severity::Medium,
    attack: &["T1619", "T1580"],
    looks_for: "Requests to S3 that were refused for want of permission, counted by request id over both logs: of one \
        caller, and of callers without credentials of one address, within 5 minutes; of one access key at one address \
        within 10 minutes, in CloudTrail; and of all callers of one bucket within 5 minutes, in access logs, unless one \
        of them alone is told of. The level is medium; it is low for a caller most of whose requests were done at the \
        same time. Settings that a bucket does not have, such as NoSuchBucketPolicy, are no refusals; \
        failures of authentication are DSC-008's. AWS services are left out.",
    why: "Who does not know what stolen credentials may do tries everything. So does who looks for an object that \
        somebody forgot to close.",
    cannot_see: "Refusals by the policy of a VPC endpoint, which access logs do not show. Records without a time.",
    false_positives: "A deployment with a broken policy. A content network that asks for objects that are not there, \
        where it may not list the bucket.",
    next_steps: &[
        "Look at what was asked for: one thing again and again is a fault, many different ones are a search.",
        "Ask the owner of the principal; if nobody knows of it, deactivate its credentials.",
        "Look for what the same caller was not refused.",
    ],
    thresholds: &[
        Threshold {
            name: "refusals_of_a_caller_in_5_minutes",
            default: 40,
            source: "Elastic's rule on enumeration of buckets (40 refusals of an address)",
        },
        Threshold {
            name: "refusals_of_a_key_in_10_minutes",
            default: 10,
            source: "Suzaku's rule many_access_denied (10 in 10 minutes)",
        },
        Threshold {
            name: "refusals_of_a_bucket_in_5_minutes",
            default: 100,
            source: "AWS's guidance on alarms for 403 in access logs (100 in 5 minutes)",
        },
    ],
    activity_columns: &[
        "principal",
        "bucket_name",
        "remote_ip",
        "access_key_id",
        "error_code",
        "request_id",
        "source_line",
    ],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents, Evidence::ManagementEvents],
    samples: &SAMPLES,
    form: Form::Code(RepeatDetector::<DeniedStorm>::of),
};

struct DeniedStorm {
    of_caller: u64,
    of_key: u64,
    of_bucket: u64,
}

impl Repeat for DeniedStorm {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        let threshold = |name| config.threshold(&RULE, name);
        DeniedStorm {
            of_caller: threshold("refusals_of_a_caller_in_5_minutes"),
            of_key: threshold("refusals_of_a_key_in_10_minutes"),
            of_bucket: threshold("refusals_of_a_bucket_in_5_minutes"),
        }
    }

    fn select(&self, batch: &DetectBatch<'_>, codes: &Codes, row: usize, count: &mut Count<'_>) {
        let is_refused = codes.ended[row] == Ended::Denied && codes.act[row] != Act::OtherService;
        if !is_refused || codes.who[row] == Who::Service {
            return;
        }
        if is_of_authentication(cell(batch.text("error_code"), row).unwrap_or_default()) {
            return;
        }
        let what = request(batch, codes, row);
        let (principal, address) = (cell(batch.text("principal"), row), address(batch, row));
        match codes.who[row] {
            Who::Anonymous => count([principal, None, address, None], what),
            _ => count([principal, None, None, None], what),
        }
        match batch.log {
            LogType::S3Access => count([None, cell(batch.text("bucket_name"), row), None, None], what),
            LogType::CloudTrail => {
                if let Some(key) = cell(batch.text("access_key_id"), row) {
                    count([principal, None, address, Some(key)], what);
                }
            }
        }
    }

    fn judge(&self, actors: &[Actor<'_>], shared: &Shared<'_>, findings: &mut Findings) {
        let mut told: Vec<(Option<&str>, Stretch)> = Vec::new();
        for actor in actors.iter().filter(|actor| actor.fields[0].is_some() && actor.fields[3].is_none()) {
            for stretch in actor.stretches(5, self.of_caller) {
                findings.alerts.push(self.of_caller(actor, &stretch, shared));
                told.push((actor.fields[0], stretch));
            }
        }
        for actor in actors.iter().filter(|actor| actor.fields[3].is_some()) {
            for stretch in actor.stretches(10, self.of_key) {
                if near(&told, &stretch).any(|who| who == actor.fields[0]) {
                    continue;
                }
                let mut alert = self.of_caller(actor, &stretch, shared);
                alert.window_seconds = 600;
                alert.expected = [("refusals", json!(self.of_key))].into();
                findings.alerts.push(alert);
                told.push((actor.fields[0], stretch));
            }
        }
        for actor in actors.iter().filter(|actor| actor.fields[0].is_none()) {
            let Some(bucket) = actor.fields[1] else { continue };
            for stretch in actor.stretches(5, self.of_bucket) {
                // Who is told of hides others only where it asked too.
                if near(&told, &stretch).any(|who| asked(shared.history, who, bucket, &stretch)) {
                    continue;
                }
                let mut alert = alert(actor, &stretch, self.of_bucket);
                alert.bucket = Some(bucket.to_owned());
                alert.summary = format!(
                    "{} to {bucket} were refused, up to {} in 5 minutes, and no caller sent most of them.",
                    counted(alert.count, "request", "requests"),
                    stretch.peak,
                );
                findings.alerts.push(alert);
            }
        }
    }
}

/// Who is told of already, in stretches that overlap with this one.
fn near<'t>(
    told: &'t [(Option<&'t str>, Stretch)],
    stretch: &'t Stretch,
) -> impl Iterator<Item = Option<&'t str>> {
    let is_near = |other: &Stretch| {
        other.minutes.start() <= stretch.minutes.end() && stretch.minutes.start() <= other.minutes.end()
    };
    told.iter().filter(move |(_, other)| is_near(other)).map(|(who, _)| *who)
}

/// Did a caller send requests to a bucket in a stretch of time?
fn asked(history: &View<'_>, principal: Option<&str>, bucket: &str, stretch: &Stretch) -> bool {
    let minute = |minute: &i64| u32::try_from(*minute).unwrap_or(0);
    let minutes = minute(stretch.minutes.start())..=minute(stretch.minutes.end());
    let mut callers = history.callers().iter();
    callers.any(|it| it.principal == principal && it.bucket == bucket && it.series.within(&minutes).requests > 0)
}

fn alert(actor: &Actor<'_>, stretch: &Stretch, least: u64) -> Alert {
    let mut alert = actor.alert(&RULE, stretch);
    alert.confidence = Confidence::Medium;
    alert.outcome = Outcome::Denied;
    alert.window_seconds = 300;
    alert.observed = [("refusals", json!(alert.count)), ("refusals_in_a_window", json!(stretch.peak))].into();
    alert.expected = [("refusals", json!(least))].into();
    alert
}

impl DeniedStorm {
    fn of_caller(&self, actor: &Actor<'_>, stretch: &Stretch, shared: &Shared<'_>) -> Alert {
        let [principal, _, address, key] = actor.fields;
        let mut alert = alert(actor, stretch, self.of_caller);
        alert.principal = principal.map(str::to_owned);
        alert.remote_ip = address.map(str::to_owned);
        alert.access_key_id = key.map(str::to_owned);
        let requests = requests_of(principal, stretch, shared);
        if address.is_none() && requests > alert.count.saturating_mul(2) {
            alert.severity = milder(alert.severity);
            alert.reasons.push(format!("Most of {requests} requests of the caller at that time were done."));
        }
        let at = address.map(|address| format!(" at {address}")).unwrap_or_default();
        alert.summary = format!(
            "{}{at} was refused {}, up to {} in {} minutes.",
            principal.unwrap_or("An unknown caller"),
            counted(alert.count, "time", "times"),
            stretch.peak,
            if key.is_some() { 10 } else { 5 },
        );
        alert
    }
}

/// Requests of a caller to any bucket in a stretch, whatever became of them.
fn requests_of(principal: Option<&str>, stretch: &Stretch, shared: &Shared<'_>) -> u64 {
    let bound = |minute: i64| u32::try_from(minute).unwrap_or(u32::MAX);
    let minutes = bound(*stretch.minutes.start())..=bound(*stretch.minutes.end());
    let callers = shared.history.callers().iter().filter(|caller| caller.principal == principal);
    callers.map(|caller| caller.series.within(&minutes).requests).sum()
}

const REFUSED: Asks = Asks {
    requester: "arn:aws:iam::111122223333:user/ann",
    answer: (403, "AccessDenied"),
    every_ms: 5_000,
    count: 50,
    ..Asks::USUAL
};

static SAMPLES: [Sample; 8] = [
    made!("fires", true, REFUSED.lines()),
    made!("fires_on_an_address", true, Asks { requester: "-", ..REFUSED }.lines()),
    made!("fires_on_a_bucket", true, {
        Asks { requester: "-", address: "203.0.113.{}", every_ms: 1_000, count: 150, ..REFUSED }.lines()
    }),
    made!("near_miss_1", false, Asks { count: 39, ..REFUSED }.lines()),
    made!("near_miss_2", false, Asks { every_ms: 12_000, ..REFUSED }.lines()),
    made!("near_miss_3", false, Asks { answer: (404, "NoSuchBucketPolicy"), ..REFUSED }.lines()),
    made!(
        "denied_twin",
        false,
        Asks { answer: (403, "SignatureDoesNotMatch"), requester: "-", ..REFUSED }.lines()
    ),
    made!("near_miss_4", false, Asks { answer: (200, "-"), ..REFUSED }.lines()),
];
