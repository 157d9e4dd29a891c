//! LOG-018: one log falls silent about a bucket while the other goes on.

use super::take;
use crate::activity::evidence::Evidence;
use crate::detect::alert::{Alert, Confidence, Severity, counted};
use crate::detect::codes::Codes;
use crate::detect::evidence::{EVIDENCE_ROWS, EvidenceRows};
use crate::detect::history::CallerView;
use crate::detect::minutes::MINUTE_MS;
use crate::detect::reading::span_in_words;
use crate::detect::{Config, DetectBatch, Detector, Findings, Form, Rule, Shared, Threshold};
use crate::parse::LogType;
use serde_json::json;
use std::any::Any;
use std::collections::BTreeMap;

/// LOG-018 `delivery-gap`.
pub static RULE: Rule = Rule {
    id: "LOG-018",
    name: "delivery-gap",
    title: "One log falls silent while the other goes on",
    severity: Severity::High,
    attack: &["T1685.002"],
    looks_for: "Stretches in which one log shows at least reads_in_gap reads of a bucket and the other none, though both \
        show that bucket otherwise: the silent log at least half as many of its reads as the other, outside the stretch. \
        It is at least trail_gap_minutes long for CloudTrail, and access_gap_minutes for access logs, which S3 delivers \
        late and not all of. Stretches of several buckets that overlap are one alert. The level is info; it is high if it \
        begins within 15 minutes of an alert of LOG-006 to LOG-013, LOG-017 or LOG-021 of level medium or higher, and the \
        alert then tells of it.",
    why: "It tells from when to when nothing was recorded, and that there was something to record.",
    cannot_see: "Buckets of which only one log has reads, and times at which nobody read. Callers of which so many are \
        known that only hours or days are kept of them. Files that are missing from the input look the same as files that \
        were never delivered.",
    false_positives: "Logs of which a part was copied: give all files of both logs for the same days, and look at \
        `s3sleuth coverage`.",
    next_steps: &[
        "Look in the bucket of the logs for files of that time that are not in the input.",
        "Look at what the log that goes on shows of that time.",
        "Look for who changed logging shortly before (LOG-006 to LOG-013).",
    ],
    thresholds: &[
        Threshold { name: "reads_in_gap", default: 20, source: "proposal, to be tuned on real data" },
        Threshold {
            name: "trail_gap_minutes",
            default: 60,
            source: "proposal: CloudTrail delivers within about 5 minutes, \
                <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html>",
        },
        Threshold {
            name: "access_gap_minutes",
            default: 360,
            source: "proposal: most lines come within a few hours, \
                <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html>",
        },
    ],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(|config| Box::new(DeliveryGap::new(config))),
};

mod samples;

/// Rules about logging that was switched off, cut down or redirected.
const TAMPERING: [&str; 10] =
    ["LOG-006", "LOG-007", "LOG-008", "LOG-009", "LOG-010", "LOG-011", "LOG-012", "LOG-013", "LOG-017", "LOG-021"];

/// A gap begins with an alert that is no further away.
const NEAR_MS: i64 = 15 * MINUTE_MS;

struct DeliveryGap {
    reads_in_gap: u64,
    /// By log.
    gap_minutes: [u64; 2],
}

/// A stretch of minutes in which one log is silent about a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Gap<'a> {
    log: usize,
    first: u32,
    last: u32,
    bucket: &'a str,
    /// Reads that the other log shows.
    reads: u64,
}

/// Reads of a bucket by minute and log.
type Minutes = BTreeMap<u32, [u64; 2]>;

impl DeliveryGap {
    fn new(config: &Config) -> DeliveryGap {
        let threshold = |name| config.threshold(&RULE, name);
        DeliveryGap {
            reads_in_gap: threshold("reads_in_gap").max(1),
            gap_minutes: [threshold("access_gap_minutes"), threshold("trail_gap_minutes")],
        }
    }

    /// The gaps of one log about one bucket.
    fn gaps<'a>(&self, log: usize, bucket: &'a str, minutes: &Minutes) -> Vec<Gap<'a>> {
        let [mine, theirs] = [log, 1 - log];
        let mut gaps: Vec<Gap<'a>> = Vec::new();
        let mut open: Option<Gap<'a>> = None;
        for (minute, reads) in minutes {
            if reads[mine] > 0 {
                gaps.extend(open.take());
            } else if reads[theirs] > 0 {
                let gap = open.get_or_insert(Gap { log, first: *minute, last: *minute, bucket, reads: 0 });
                gap.last = *minute;
                gap.reads += reads[theirs];
            }
        }
        gaps.extend(open);
        let sum = |log: usize| minutes.values().map(|reads| reads[log]).sum::<u64>();
        gaps.retain(|gap| {
            gap.reads >= self.reads_in_gap && u64::from(gap.last - gap.first) >= self.gap_minutes[log]
        });
        let in_gaps: u64 = gaps.iter().map(|gap| gap.reads).sum();
        // Does this log show the bucket otherwise?
        let is_shown = sum(mine) >= self.reads_in_gap && sum(mine) * 2 >= sum(theirs).saturating_sub(in_gaps);
        if is_shown { gaps } else { Vec::new() }
    }

    fn alert(&self, gaps: &[Gap<'_>], alerts: &[Alert], shared: &Shared<'_>) -> Alert {
        let log = gaps[0].log;
        let first = gaps.iter().map(|gap| gap.first).min().unwrap_or(0);
        let last = gaps.iter().map(|gap| gap.last).max().unwrap_or(0);
        let [silent, other] = [LogType::ALL[log], LogType::ALL[1 - log]];
        let mut buckets: Vec<&str> = gaps.iter().map(|gap| gap.bucket).collect();
        buckets.sort_unstable();
        buckets.dedup();
        let mut alert =
            Alert::of(&RULE, &[Some(silent.name()), Some(buckets[0])], Some(i64::from(first) * MINUTE_MS));
        let mut rows = <[EvidenceRows; 2]>::default();
        for caller in
            shared.history.callers().iter().filter(|caller| buckets.binary_search(&caller.bucket).is_ok())
        {
            let evidence = caller.evidence(&(first..=last));
            rows.iter_mut().zip(evidence).for_each(|(mine, theirs)| mine.merge(EVIDENCE_ROWS, theirs));
        }
        rows[log] = EvidenceRows::default();
        alert.set_evidence([&rows[0], &rows[1]]);
        let (first_ms, last_ms) = (i64::from(first) * MINUTE_MS, (i64::from(last) + 1) * MINUTE_MS - 1);
        alert.set_seen(Some(first_ms), Some(last_ms));
        alert.bucket = Some(buckets[0].to_owned()).filter(|_| buckets.len() == 1);
        alert.count = gaps.iter().map(|gap| gap.reads).sum();
        alert.confidence = Confidence::Medium;
        alert.summary = format!(
            "No record of {} for {} of {}, while {} shows {} of {}.",
            silent.name(),
            span_in_words(u64::from(last - first) + 1),
            counted(buckets.len() as u64, "bucket", "buckets"),
            other.name(),
            counted(alert.count, "read", "reads"),
            if buckets.len() == 1 { buckets[0] } else { "them" },
        );
        let near = |it: &&Alert| {
            let begins_with = |time_ms: i64| time_ms.abs_diff(first_ms) <= NEAR_MS.unsigned_abs();
            TAMPERING.contains(&it.rule_id)
                && it.severity >= Severity::Medium
                && it.first_seen_ms.is_some_and(begins_with)
        };
        let causes: Vec<&Alert> = alerts.iter().filter(near).collect();
        alert.related = causes.iter().map(|it| it.alert_id.clone()).collect();
        alert.severity = if causes.is_empty() { Severity::Info } else { RULE.severity };
        if let Some(cause) = causes.first() {
            alert.principal.clone_from(&cause.principal);
            alert.account_id.clone_from(&cause.account_id);
            alert.reasons.push(format!("It begins with an alert of {}: {}", cause.rule_id, cause.summary));
        }
        alert.observed = [
            ("silent_log", json!(silent.name())),
            ("buckets", json!(buckets.iter().take(20).collect::<Vec<_>>())),
            ("minutes", json!(u64::from(last - first) + 1)),
            ("reads_in_other_log", json!(alert.count)),
        ]
        .into();
        alert.expected =
            [("reads_in_gap", json!(self.reads_in_gap)), ("gap_minutes", json!(self.gap_minutes[log]))].into();
        alert
    }
}

/// Reads by bucket, minute and log, of callers whose minutes are known as such.
fn by_bucket<'a>(callers: &[CallerView<'a>]) -> BTreeMap<&'a str, Minutes> {
    let mut buckets: BTreeMap<&str, Minutes> = BTreeMap::new();
    for caller in callers.iter().filter(|caller| caller.series.grain() == 1) {
        let minutes = buckets.entry(caller.bucket).or_default();
        for (minute, reads) in caller.series.reads_by_minute().iter().filter(|(_, reads)| *reads != [0, 0]) {
            let sums = minutes.entry(*minute).or_default();
            sums.iter_mut().zip(reads).for_each(|(sum, reads)| *sum += u64::from(*reads));
        }
    }
    buckets.retain(|_, minutes| [0, 1].iter().all(|log| minutes.values().any(|reads| reads[*log] > 0)));
    buckets
}

impl Detector for DeliveryGap {
    fn observe(&mut self, _: &DetectBatch<'_>, _: &Codes) {}

    fn merge(&mut self, other: Box<dyn Detector>) {
        let _: DeliveryGap = take(other);
    }

    fn finish(self: Box<Self>, _: &Shared<'_>) -> Findings {
        Findings::default()
    }

    fn is_made_of(&self, id: &str) -> bool {
        TAMPERING.contains(&id)
    }

    fn finish_over(&self, alerts: &[Alert], shared: &Shared<'_>) -> Vec<Alert> {
        let buckets = by_bucket(shared.history.callers());
        let mut gaps: Vec<Gap<'_>> = buckets
            .iter()
            .flat_map(|(bucket, minutes)| [0, 1].map(|log| self.gaps(log, bucket, minutes)))
            .flatten()
            .collect();
        gaps.sort_unstable();
        let mut clusters: Vec<Vec<Gap<'_>>> = Vec::new();
        for gap in gaps {
            let overlaps = |cluster: &&mut Vec<Gap<'_>>| {
                cluster[0].log == gap.log && cluster.iter().any(|other| gap.first <= other.last)
            };
            match clusters.last_mut().filter(overlaps) {
                Some(cluster) => cluster.push(gap),
                None => clusters.push(vec![gap]),
            }
        }
        clusters.iter().map(|cluster| self.alert(cluster, alerts, shared)).collect()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn save(&self) -> Vec<u8> {
        Vec::new()
    }

    fn load(&mut self, _: &[u8]) -> Result<(), String> {
        Ok(())
    }
}
