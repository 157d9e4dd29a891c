//! DSC-001: somebody without credentials tries the owner's buckets.

use super::probes::{address, asks_for_bucket, network_of};
use crate::detect::alert::{Alert, Confidence, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Codes, Ended};
use crate::detect::key_sample::fingerprint;
use crate::detect::minutes::Stretch;
use crate::detect::repeats::{Actor, Count, Repeat, RepeatDetector};
use crate::detect::sample_lines::{Asks, made};
use crate::detect::{Config, DetectBatch, Evidence, Findings, Form, Rule, Sample, Shared, Threshold};
use crate::parse::LogType;
use serde_json::json;

/// DSC-001 `bucket-scanner`.
pub static RULE: Rule = Rule {
    id: "DSC-001",
    name: "bucket-scanner",
    title: "Somebody without credentials tried several buckets",
    severity: Severity::Low,
    attack: &["T1580", "T1595.003", "T1619"],
    looks_for: "Requests without credentials for buckets as such (HeadBucket, lists, settings such as the ACL), in either \
        log: of one address for several of the owner's buckets within 10 minutes, and, for who goes slowly or from several \
        addresses, of one network (/24, of IPv6 /48) for more of them within three days. Besides, what two scanners look \
        like from a single bucket: HeadBucket by python-requests without TLS (bucket-stream), and HeadBucket with \
        GetBucketAcl by the Go SDK within a minute (S3Scanner). The level is low; it is medium for the slow or wide scan, \
        whose sender has a list of the owner's buckets, and high if a list or a setting of a bucket that is not under \
        public_buckets was answered. Addresses of a network that is told of are not told of again.",
    why: "Names of buckets are guessed by machines all day. Who asks for many of one owner has found out whose they are, \
        and looks for the one that is open.",
    cannot_see: "Tries of names that do not exist, which nobody logs. Requests to the wrong region in regions that began \
        after March 2019. A scan from many networks.",
    false_positives: "Monitoring of uptime, and services of the owner that look for open buckets.",
    next_steps: &[
        "Find out whether any of the requests was answered, and what it showed.",
        "Look for requests of the same network for objects (DSC-003, GET-014).",
        "Turn on S3 Block Public Access for the account.",
    ],
    thresholds: &[
        Threshold { name: "buckets_in_10_minutes", default: 3, source: "proposal of the detector catalogue" },
        Threshold {
            name: "buckets_in_3_days",
            default: 5,
            source: "proposal: more than a stranger comes by; three days are the window in which discovery and use are \
                joined",
        },
    ],
    activity_columns: &["remote_ip", "bucket_name", "user_agent", "action", "request_id"],
    s3_access_columns: &["tls_version"],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &SAMPLES,
    form: Form::Code(RepeatDetector::<BucketScanner>::of),
};

/// What an actor of the state stands for: its third field.
const BY_ADDRESS: &str = "address";
const BY_NETWORK: &str = "network";
const BUCKET_STREAM: &str = "bucket-stream";
const S3_SCANNER: &str = "S3Scanner";
/// A bucket that answered an address.
const ANSWERED: &str = "answered";

const THREE_DAYS: u64 = 3 * 24 * 60;

struct BucketScanner {
    buckets_in_10_minutes: u64,
    buckets_in_3_days: u64,
}

impl Repeat for BucketScanner {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        BucketScanner {
            buckets_in_10_minutes: config.threshold(&RULE, "buckets_in_10_minutes"),
            buckets_in_3_days: config.threshold(&RULE, "buckets_in_3_days"),
        }
    }

    fn select(&self, batch: &DetectBatch<'_>, codes: &Codes, row: usize, count: &mut Count<'_>) {
        if !asks_for_bucket(codes, row) {
            return;
        }
        let (Some(address), Some(bucket)) = (address(batch, row), cell(batch.text("bucket_name"), row)) else {
            return;
        };
        let what = fingerprint(bucket);
        let is_done = codes.ended[row] == Ended::Done;
        if is_done && (codes.act[row] == Act::Settings || codes.act[row].is_listing()) {
            count([Some(address), Some(bucket), Some(ANSWERED), None], what);
        }
        count([Some(address), None, Some(BY_ADDRESS), None], what);
        if let Some(network) = network_of(address) {
            count([Some(&network), None, Some(BY_NETWORK), None], what);
        }
        let agent = cell(batch.text("user_agent"), row).unwrap_or_default();
        let action = cell(batch.text("action"), row).unwrap_or_default();
        if batch.log == LogType::S3Access
            && action == "HeadBucket"
            && agent.starts_with("python-requests/")
            && cell(batch.native_text("tls_version"), row).is_none()
        {
            count([Some(address), Some(bucket), Some(BUCKET_STREAM), None], what);
        }
        if matches!(action, "HeadBucket" | "GetBucketAcl")
            && agent.starts_with("aws-sdk-go-v2/")
            && agent.contains("api/s3")
        {
            count([Some(address), Some(bucket), Some(S3_SCANNER), None], fingerprint(action));
        }
    }

    fn judge(&self, actors: &[Actor<'_>], shared: &Shared<'_>, findings: &mut Findings) {
        let of_kind = |kind: &'static str| actors.iter().filter(move |actor| actor.fields[2] == Some(kind));
        let mut told: Vec<(String, Stretch)> = Vec::new();
        for actor in of_kind(BY_NETWORK) {
            let Some(network) = actor.fields[0] else { continue };
            for stretch in actor.stretches(THREE_DAYS, self.buckets_in_3_days) {
                let is_of_it = |address: &str| network_of(address).is_some_and(|of| of == network);
                let addresses = of_kind(BY_ADDRESS).filter(|other| other.fields[0].is_some_and(is_of_it));
                let addresses: Vec<(u64, &str)> = addresses
                    .filter_map(|other| Some((other.count(&stretch), other.fields[0]?)))
                    .filter(|(buckets, _)| *buckets > 0)
                    .collect();
                let busiest =
                    addresses.iter().max_by_key(|(buckets, address)| (*buckets, std::cmp::Reverse(*address)));
                let mut alert = self.alert(actor, &stretch, THREE_DAYS, self.buckets_in_3_days);
                alert.severity = Severity::Medium;
                alert.remote_ip = busiest.map(|(_, address)| (*address).to_owned());
                alert.summary = format!(
                    "{} of {network} asked for {} without credentials within three days.",
                    counted(addresses.len().max(1) as u64, "address", "addresses"),
                    counted(alert.count, "bucket", "buckets"),
                );
                alert.observed.insert("network", json!(network));
                alert.observed.insert("addresses", json!(addresses.len()));
                findings.alerts.push(self.answered(alert, is_of_it, &stretch, of_kind(ANSWERED), shared));
                told.push((network.to_owned(), stretch));
            }
        }
        for actor in of_kind(BY_ADDRESS) {
            let Some(address) = actor.fields[0] else { continue };
            for stretch in actor.stretches(10, self.buckets_in_10_minutes) {
                if is_told(&told, address, &stretch) {
                    continue;
                }
                let mut alert = self.alert(actor, &stretch, 10, self.buckets_in_10_minutes);
                alert.remote_ip = Some(address.to_owned());
                alert.summary = format!(
                    "{address} asked for {} without credentials, up to {} in 10 minutes.",
                    counted(alert.count, "bucket", "buckets"),
                    stretch.peak,
                );
                let is_it = |other: &str| other == address;
                findings.alerts.push(self.answered(alert, is_it, &stretch, of_kind(ANSWERED), shared));
                if let Some(network) = network_of(address) {
                    told.push((network, stretch));
                }
            }
        }
        for (tool, least) in [(BUCKET_STREAM, 1), (S3_SCANNER, 2)] {
            for actor in of_kind(tool) {
                let [Some(address), Some(bucket), ..] = actor.fields else { continue };
                for stretch in actor.stretches(1, least) {
                    if is_told(&told, address, &stretch) {
                        continue;
                    }
                    let mut alert = self.alert(actor, &stretch, 1, least);
                    alert.confidence = Confidence::Low;
                    alert.remote_ip = Some(address.to_owned());
                    alert.bucket = Some(bucket.to_owned());
                    alert.summary = format!("{address} asked for {bucket} the way that {tool} does.");
                    let is_it = |other: &str| other == address;
                    findings.alerts.push(self.answered(alert, is_it, &stretch, of_kind(ANSWERED), shared));
                }
            }
        }
    }
}

/// Was the network of the address told of at that time?
fn is_told(told: &[(String, Stretch)], address: &str, stretch: &Stretch) -> bool {
    let network = network_of(address);
    told.iter().any(|(of, other)| Some(of) == network.as_ref() && overlap(other, stretch))
}

fn overlap(left: &Stretch, right: &Stretch) -> bool {
    left.minutes.start() <= right.minutes.end() && right.minutes.start() <= left.minutes.end()
}

impl BucketScanner {
    fn alert(&self, actor: &Actor<'_>, stretch: &Stretch, minutes: u64, least: u64) -> Alert {
        let mut alert = actor.alert(&RULE, stretch);
        alert.confidence = Confidence::Medium;
        alert.principal = Some("anonymous".to_owned());
        alert.window_seconds = minutes * 60;
        alert.observed = [("buckets", json!(alert.count)), ("buckets_in_a_window", json!(stretch.peak))].into();
        alert.expected = [("buckets", json!(least))].into();
        alert
    }

    /// The level is high where a bucket answered that is not meant to.
    fn answered<'a>(
        &self,
        mut alert: Alert,
        is_of_it: impl Fn(&str) -> bool,
        stretch: &Stretch,
        answered: impl Iterator<Item = &'a Actor<'a>>,
        shared: &Shared<'_>,
    ) -> Alert {
        let open = answered.filter_map(|actor| {
            let [Some(address), Some(bucket), ..] = actor.fields else { return None };
            let is_open =
                is_of_it(address) && actor.count(stretch) > 0 && !shared.config.public_buckets.contains(bucket);
            is_open.then_some(bucket)
        });
        let mut open: Vec<&str> = open.collect();
        open.sort_unstable();
        open.dedup();
        if !open.is_empty() {
            alert.severity = Severity::High;
            alert.outcome = crate::detect::alert::Outcome::Mixed;
            let shown = open.iter().take(5).copied().collect::<Vec<_>>().join(", ");
            alert.reasons.push(format!("{} answered: {shown}.", counted(open.len() as u64, "bucket", "buckets")));
        } else {
            alert.outcome = crate::detect::alert::Outcome::Denied;
        }
        alert.observed.insert("buckets_that_answered", json!(open.len()));
        alert
    }
}

const HEAD: Asks = Asks {
    bucket: "example-data-{}",
    operation: "REST.HEAD.BUCKET",
    key: "-",
    answer: (403, "AccessDenied"),
    every_ms: 60_000,
    count: 4,
    ..Asks::USUAL
};

static SAMPLES: [Sample; 8] = [
    made!("fires", true, HEAD.lines()),
    made!(
        "fires_slowly",
        true,
        Asks { every_ms: 12 * 3_600_000, count: 6, address: "203.0.113.{}", ..HEAD }.lines()
    ),
    made!("fires_on_bucket_stream", true, {
        Asks { count: 1, agent: "python-requests/2.31.0", tls: false, ..HEAD }.lines()
    }),
    made!("fires_on_s3scanner", true, {
        let go = Asks { count: 1, agent: "aws-sdk-go-v2/1.30.0 os/linux lang/go#1.22 api/s3#1.58.0", ..HEAD };
        let acl = Asks { operation: "REST.GET.ACL", query: "?acl", from_ms: HEAD.from_ms + 2_000, ..go };
        go.lines() + &acl.lines()
    }),
    made!("near_miss_1", false, Asks { count: 2, ..HEAD }.lines()),
    made!("near_miss_2", false, Asks { every_ms: 3 * 24 * 3_600_000, ..HEAD }.lines()),
    made!("denied_twin", false, {
        Asks { requester: "arn:aws:iam::111122223333:user/ann", count: 9, ..HEAD }.lines()
    }),
    made!("near_miss_3", false, Asks { count: 9, every_ms: 1_000, address: "203.0.{}.7", ..HEAD }.lines()),
];
