//! DEL-004: a caller lists the versions of a bucket and then deletes them.

use super::take;
use crate::detect::alert::{Alert, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::capped::cap_of;
use crate::detect::codes::{Act, Codes, Ended, Who};
use crate::detect::entities::{Entities, EntityKey, State};
use crate::detect::evidence::{EvidenceColumns, of_alerts};
use crate::detect::key_sample::{fingerprint, share};
use crate::detect::minutes::{EvidenceByTime, KeyTable, MINUTE_MS, Stretch};
use crate::detect::{
    Config, DetectBatch, Detector, Evidence, Findings, Form, Rule, Shared, Threshold, restore, saved,
};
use crate::parse::LogType;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::any::Any;

/// DEL-004 `versions-listed-then-deleted`.
pub static RULE: Rule = Rule {
    id: "DEL-004",
    name: "versions-listed-then-deleted",
    title: "Versions of objects were listed and then deleted",
    severity: Severity::Critical,
    attack: &["T1619", "T1485", "T1490"],
    looks_for: "An alert of DEL-002 about at least deleted_versions versions, where the same caller listed the versions of \
        the bucket (REST.GET.BUCKETVERSIONS, ListObjectVersions, done) in the 60 minutes before the first of them or while \
        it went on; in either log. There is one alert for each of DEL-002, and it tells of it.",
    why: "Who wants to leave nothing must first learn the ids of the versions. It is the order in which tools for ransom \
        work.",
    cannot_see: "Lists that were made by another caller, or long before. CloudTrail has lists of versions only where data \
        events are on.",
    false_positives: "A bucket that is emptied before it is removed: the console and scripts do the same.",
    next_steps: &[
        "Stop the principal: deny s3:DeleteObjectVersion in the bucket policy, or deactivate its access key.",
        "Ask the owner of the principal whether the bucket was to be emptied.",
        "Look for replicas and backups: the versions themselves are gone.",
    ],
    thresholds: &[Threshold {
        name: "deleted_versions",
        default: 20,
        source: "as DEL-002: proposal (20 in 60 minutes), below the 50 of Panther's AWS.S3.DeleteObject rule",
    }],
    activity_columns: &["bucket_name", "principal"],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(|config| Box::new(VersionsListed::new(config))),
};

mod samples;

/// Bytes for callers and their lists.
const BUDGET: usize = 2 << 20;

/// Lists that are remembered; beyond it a sample.
const MOST_LISTS: usize = cap_of(1 << 15);

struct VersionsListed {
    deleted_versions: u64,
    /// By caller and bucket.
    callers: Entities<Lists>,
    lists: KeyTable,
    key: EntityKey,
}

/// Lists of one caller in one bucket.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Lists {
    evidence: EvidenceByTime,
}

impl State for Lists {
    const LEVELS: u32 = EvidenceByTime::LEVELS;

    fn weight(&self, _level: u32) -> usize {
        self.evidence.weight()
    }

    fn cut(&mut self, level: u32) {
        self.evidence.cut(level);
    }

    fn merge(&mut self, other: Self, level: u32) {
        self.evidence.merge(other.evidence, level);
    }
}

impl VersionsListed {
    fn new(config: &Config) -> VersionsListed {
        VersionsListed {
            deleted_versions: config.threshold(&RULE, "deleted_versions"),
            callers: Entities::with_budget(BUDGET),
            lists: KeyTable::with_cap(MOST_LISTS),
            key: EntityKey::default(),
        }
    }
}

impl Detector for VersionsListed {
    fn observe(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        for row in 0..batch.len() {
            let is_list = codes.act[row] == Act::ListVersions && codes.ended[row] == Ended::Done;
            if !is_list || codes.who[row] != Who::Principal {
                continue;
            }
            let [principal, bucket] = ["principal", "bucket_name"].map(|name| cell(batch.text(name), row));
            let columns = EvidenceColumns::of(batch);
            let (Some(bucket), Some(time_ms)) = (bucket, columns.event_time_ms(row)) else { continue };
            let entity = self.key.set(&[principal, Some(bucket)]);
            self.lists.insert(fingerprint(entity), batch.log, time_ms, codes.request[row], true);
            self.callers.observe(entity, 1, |state, level| {
                state.evidence.observe(level, batch.log, &columns, row);
            });
        }
    }

    fn merge(&mut self, other: Box<dyn Detector>) {
        let other: VersionsListed = take(other);
        self.callers.merge(other.callers);
        self.lists.merge(other.lists);
    }

    fn finish(self: Box<Self>, _: &Shared<'_>) -> Findings {
        Findings::default()
    }

    fn is_made_of(&self, id: &str) -> bool {
        id == "DEL-002"
    }

    fn finish_over(&self, alerts: &[Alert], _: &Shared<'_>) -> Vec<Alert> {
        let (lists, mut key) = (self.lists.sorted(), EntityKey::default());
        let is_asked = |alert: &&Alert| alert.rule_id == "DEL-002" && alert.count >= self.deleted_versions;
        let mut found = Vec::new();
        for deleted in alerts.iter().filter(is_asked) {
            let entity = key.set(&[deleted.principal.as_deref(), deleted.bucket.as_deref()]);
            let (Some(first_ms), Some(last_ms)) = (deleted.first_seen_ms, deleted.last_seen_ms) else { continue };
            let minutes = first_ms.div_euclid(MINUTE_MS) - 60..=last_ms.div_euclid(MINUTE_MS);
            let series = lists.of(fingerprint(entity));
            let count = series.different(&minutes).keys;
            let Some(state) = self.callers.get(entity).filter(|_| count > 0) else { continue };
            let stretch = Stretch { minutes: minutes.clone(), peak: count };
            let rows = state.evidence.over(&stretch, self.callers.state_level(), &series.totals(&minutes));
            let mut alert = Alert::of(&RULE, &[Some(&deleted.alert_id)], None);
            alert.set_evidence([&rows[0], &rows[1]]);
            let first_ms = alert.first_seen_ms.into_iter().chain([first_ms]).min();
            alert.set_seen(first_ms, alert.last_seen_ms.max(Some(last_ms)));
            alert.evidence = of_alerts([&alert.evidence[..], &deleted.evidence[..]].into_iter());
            alert.evidence_total += deleted.evidence_total;
            let is_in = |log: &LogType| alert.logs.contains(&log.name()) || deleted.logs.contains(&log.name());
            alert.logs = LogType::ALL.into_iter().filter(is_in).map(LogType::name).collect();
            alert.confidence = deleted.confidence;
            alert.window_seconds = 3600;
            for (mine, theirs) in [
                (&mut alert.account_id, &deleted.account_id),
                (&mut alert.region, &deleted.region),
                (&mut alert.bucket, &deleted.bucket),
                (&mut alert.principal, &deleted.principal),
                (&mut alert.access_key_id, &deleted.access_key_id),
                (&mut alert.remote_ip, &deleted.remote_ip),
            ] {
                mine.clone_from(theirs);
            }
            alert.count = deleted.count;
            alert.related = vec![deleted.alert_id.clone()];
            alert.summary = format!(
                "{} listed the versions of {} {}, and deleted {}.",
                deleted.principal.as_deref().unwrap_or("An unknown caller"),
                deleted.bucket.as_deref().unwrap_or("a bucket"),
                counted(count, "time", "times"),
                counted(deleted.count, "version", "versions"),
            );
            alert.reasons = vec!["Whoever deletes all versions must list them first.".to_owned()];
            alert.observed = [("lists", json!(count)), ("deleted_versions", json!(deleted.count))].into();
            alert.expected = [("deleted_versions", json!(self.deleted_versions))].into();
            found.push(alert);
        }
        found
    }

    fn notes_over(&self) -> Vec<String> {
        let sampled = (self.lists.halvings() > 0).then(|| {
            format!("a sample of {} of the lists of versions was looked at.", share(self.lists.halvings()))
        });
        let notes = [sampled, self.callers.note()].into_iter().flatten();
        notes.map(|note| format!("{}: {note}", RULE.id)).collect()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn save(&self) -> Vec<u8> {
        saved(&(&self.callers, &self.lists))
    }

    fn load(&mut self, state: &[u8]) -> Result<(), String> {
        (self.callers, self.lists) = restore(state)?;
        Ok(())
    }
}
