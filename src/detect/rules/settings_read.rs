//! DSC-006: somebody reads the settings of buckets.

use super::probes::address;
use crate::detect::alert::{Confidence, Outcome, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Codes, Ended, Who};
use crate::detect::key_sample::fingerprint;
use crate::detect::minutes::Stretch;
use crate::detect::repeats::{Actor, Count, Repeat, RepeatDetector};
use crate::detect::sample_lines::{Asks, made};
use crate::detect::{Config, DetectBatch, Evidence, Findings, Form, Rule, Sample, Shared, Threshold};
use crate::parse::LogType;
use serde_json::json;
use std::collections::BTreeMap;

/// DSC-006 `settings-read`.
pub static RULE: Rule = Rule {
    id: "DSC-006",
    name: "settings-read",
    title: "One caller read how a bucket is set up",
    severity: Severity::Low,
    attack: &["T1580"],
    looks_for: "Lines of access logs in which one caller reads several kinds of settings of one bucket within a minute: its \
        ACL, policy, public access block, logging, versioning, lifecycle, encryption, replication, ownership or Object \
        Lock. There is one alert for a caller and days in a row, with the number of buckets. The level is low; it is medium \
        if most of the requests were refused, or if the caller was never seen in these buckets on an earlier day that the \
        logs show. Callers in iac_roles and readers are kept quiet and counted. AWS services are left out.",
    why: "Before somebody empties a bucket or holds it to ransom, he looks whether it keeps versions, is logged, or can be \
        opened.",
    cannot_see: "Reads slower than this. Settings read through CloudTrail only (DSC-005).",
    false_positives: "The console, which reads most settings of a bucket when it is opened. Tools that look after settings: \
        list their roles under iac_roles.",
    next_steps: &[
        "Ask the owner of the principal whether it was theirs.",
        "Look for changes of settings, reads and deletes by the same caller afterwards.",
    ],
    thresholds: &[Threshold {
        name: "kinds_in_a_minute",
        default: 4,
        source: "proposal of the detector catalogue",
    }],
    activity_columns: &["principal", "bucket_name", "remote_ip", "operation", "request_id", "source_line"],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines],
    samples: &SAMPLES,
    form: Form::Code(RepeatDetector::<SettingsRead>::of),
};

/// Minutes of a day.
const DAY_MINUTES: i64 = 24 * 60;

/// Third field of an actor whose refusals are counted.
const REFUSED: &str = "refused";

struct SettingsRead {
    kinds: u64,
}

impl Repeat for SettingsRead {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        SettingsRead { kinds: config.threshold(&RULE, "kinds_in_a_minute") }
    }

    fn select(&self, batch: &DetectBatch<'_>, codes: &Codes, row: usize, count: &mut Count<'_>) {
        let is_asked = codes.act[row] == Act::Settings
            && codes.key[row] == 0
            && codes.who[row] != Who::Service
            && batch.log == LogType::S3Access;
        if !is_asked {
            return;
        }
        let [principal, bucket, operation] =
            ["principal", "bucket_name", "operation"].map(|name| cell(batch.text(name), row));
        let (Some(operation), Some(bucket)) = (operation, bucket) else { return };
        let address = address(batch, row).filter(|_| codes.who[row] == Who::Anonymous);
        count([principal, Some(bucket), None, address], fingerprint(operation));
        if codes.ended[row] == Ended::Denied {
            count([principal, Some(bucket), Some(REFUSED), address], fingerprint(operation));
        }
    }

    fn judge(&self, actors: &[Actor<'_>], shared: &Shared<'_>, findings: &mut Findings) {
        // By caller and its address, if it has no credentials: what was read of each bucket, and when.
        let mut by_caller: BTreeMap<_, Vec<(&Actor<'_>, Stretch)>> = BTreeMap::new();
        for actor in actors.iter().filter(|actor| actor.fields[2].is_none()) {
            let stretches = actor.stretches(1, self.kinds).into_iter().map(|stretch| (actor, stretch));
            by_caller.entry((actor.fields[0], actor.fields[3])).or_default().extend(stretches);
        }
        for ((principal, address), mut found) in by_caller {
            found.sort_by_key(|(actor, stretch)| (*stretch.minutes.start(), actor.fields));
            // Those with less than a day between them are one.
            let near = |left: &(&Actor<'_>, Stretch), right: &(&Actor<'_>, Stretch)| {
                right.1.minutes.start() - left.1.minutes.end() < DAY_MINUTES
            };
            for together in found.chunk_by(near) {
                let (first, stretch) = &together[0];
                let last = together.iter().map(|(_, stretch)| *stretch.minutes.end()).max();
                let whole = *stretch.minutes.start()..=last.unwrap_or(*stretch.minutes.end());
                let mut buckets: Vec<&str> = together.iter().filter_map(|(actor, _)| actor.fields[1]).collect();
                buckets.sort_unstable();
                buckets.dedup();
                let kinds: u64 = together.iter().map(|(actor, stretch)| actor.count(stretch)).sum();
                let refused = together.iter().map(|(actor, stretch)| refused(actors, actor, stretch)).sum::<u64>();
                let is_new = is_new(principal, &buckets, *whole.start(), shared);
                let mut alert = first.alert(&RULE, stretch);
                alert.confidence = Confidence::Medium;
                alert.outcome = match refused {
                    0 => Outcome::Success,
                    _ if refused >= kinds => Outcome::Denied,
                    _ => Outcome::Mixed,
                };
                let whole_ms = Stretch { minutes: whole, peak: 0 }.time_ms();
                alert.set_seen(alert.first_seen_ms, Some(*whole_ms.end()));
                alert.window_seconds = 60;
                alert.principal = principal.map(str::to_owned);
                alert.remote_ip = address.map(str::to_owned);
                alert.bucket = (buckets.len() == 1).then(|| buckets[0].to_owned());
                alert.count = kinds;
                alert.severity = if is_new || refused * 2 > kinds { Severity::Medium } else { Severity::Low };
                alert.summary = format!(
                    "{} read how {} set up, {} of settings within a minute each, of which {refused} refused.",
                    principal.unwrap_or("An unknown caller"),
                    match buckets[..] {
                        [bucket] => format!("{bucket} is"),
                        _ => format!("{} are", counted(buckets.len() as u64, "bucket", "buckets")),
                    },
                    counted(kinds, "read", "reads"),
                );
                if is_new {
                    alert
                        .reasons
                        .push("The logs show no earlier request of the caller to these buckets.".to_owned());
                }
                alert.observed =
                    [("reads", json!(kinds)), ("buckets", json!(buckets.len())), ("refused", json!(refused))]
                        .into();
                alert.expected = [("kinds_in_a_minute", json!(self.kinds))].into();
                let config = shared.config;
                let is_known = |caller: &str| config.iac_roles.contains(caller) || config.readers.contains(caller);
                match principal.is_some_and(is_known) {
                    true => findings.suppressed.push(alert),
                    false => findings.alerts.push(alert),
                }
            }
        }
    }
}

/// How many of the settings that an actor read in a stretch it was refused.
fn refused(actors: &[Actor<'_>], actor: &Actor<'_>, stretch: &Stretch) -> u64 {
    let [principal, bucket, _, address] = actor.fields;
    let fields = [principal, bucket, Some(REFUSED), address];
    let place = actors.binary_search_by(|other| other.fields.cmp(&fields));
    place.map_or(0, |place| actors[place].count(stretch))
}

/// Do the logs show the buckets for a day, and no request of the caller before?
fn is_new(principal: Option<&str>, buckets: &[&str], minute: i64, shared: &Shared<'_>) -> bool {
    let Ok(minute) = u32::try_from(minute) else { return false };
    buckets.iter().all(|bucket| {
        let first = shared.history.caller(principal, bucket).and_then(|caller| caller.series.span());
        let (before, _) = shared.history.before(bucket, minute);
        before >= DAY_MINUTES as u64 && first.is_none_or(|span| *span.start() + 5 >= minute)
    })
}

/// Five settings of a bucket in ten seconds.
fn settings(of: Asks) -> String {
    let all = [
        ("REST.GET.BUCKETPOLICY", "?policy"),
        ("REST.GET.VERSIONING", "?versioning"),
        ("REST.GET.LIFECYCLE", "?lifecycle"),
        ("REST.GET.ENCRYPTION", "?encryption"),
        ("REST.GET.LOGGING_STATUS", "?logging"),
    ];
    let lines = all.iter().zip(0..).map(|((operation, query), number)| {
        Asks { operation, query, from_ms: of.from_ms + number * of.every_ms, count: 1, ..of }.lines()
    });
    lines.collect()
}

const LOOK: Asks = Asks {
    requester: "arn:aws:iam::111122223333:user/ann",
    key: "-",
    answer: (200, "-"),
    every_ms: 2_000,
    ..Asks::USUAL
};

static SAMPLES: [Sample; 5] = [
    made!("fires", true, settings(LOOK)),
    made!("near_miss_1", false, settings(Asks { every_ms: 120_000, ..LOOK })),
    made!("near_miss_2", false, {
        Asks { operation: "REST.GET.BUCKETPOLICY", query: "?policy", count: 20, ..LOOK }.lines()
    }),
    made!("near_miss_3", false, settings(Asks { requester: "svc:config.amazonaws.com", ..LOOK })),
    made!("denied_twin", false, {
        Asks { operation: "REST.HEAD.BUCKET", answer: (403, "AccessDenied"), count: 9, ..LOOK }.lines()
    }),
];
