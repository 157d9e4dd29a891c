//! Rules that hold the alert of another rule against what happened before it.

use super::alert::Alert;
use super::codes::Codes;
use super::deletions::{Deleter, DeletionsView};
use super::evidence::{EvidenceRow, EvidenceRows, of_alerts};
use super::key_sample::is_sampled;
use super::minutes::{MINUTE_MS, Stretch};
use super::{Config, DetectBatch, Detector, Findings, Rule, Shared};
use std::any::Any;
use std::collections::BTreeSet;

/// A rule of this form. It has no state of its own.
pub trait After: Send + Sized + 'static {
    /// The rule.
    const RULE: &'static Rule;

    /// The rule whose alerts it looks at.
    const OF: &'static str;

    /// With the settings.
    fn new(config: &Config) -> Self;

    /// What such an alert means with what was before.
    fn judge(&self, alert: &Alert, shared: &Shared<'_>) -> Option<Alert>;
}

/// The detector of an [`After`].
pub struct AfterDetector<A>(A);

impl<A: After> AfterDetector<A> {
    /// With the settings.
    pub fn of(config: &Config) -> Box<dyn Detector> {
        Box::new(AfterDetector(A::new(config)))
    }
}

impl<A: After> Detector for AfterDetector<A> {
    fn observe(&mut self, _: &DetectBatch<'_>, _: &Codes) {}

    fn merge(&mut self, _: Box<dyn Detector>) {}

    fn finish(self: Box<Self>, _: &Shared<'_>) -> Findings {
        Findings::default()
    }

    fn is_made_of(&self, id: &str) -> bool {
        id == A::OF
    }

    fn finish_over(&self, alerts: &[Alert], shared: &Shared<'_>) -> Vec<Alert> {
        let of_rule = alerts.iter().filter(|alert| alert.rule_id == A::OF);
        of_rule.filter_map(|alert| self.0.judge(alert, shared)).collect()
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

/// What was deleted in a stretch of time.
pub struct Deleted {
    /// How many different keys; requests whose keys no log names count as one each.
    pub keys: u64,
    /// Halvings of the sample, if that is an estimate.
    pub halvings: u32,
    rows: [EvidenceRows; 2],
}

impl Deleted {
    /// By some callers, in milliseconds from one time to another; minutes are counted whole.
    pub fn of<'a>(
        deletions: &DeletionsView<'_>,
        callers: impl Iterator<Item = &'a Deleter<'a>>,
        (from_ms, until_ms): (i64, i64),
    ) -> Deleted {
        let minutes = from_ms.div_euclid(MINUTE_MS)..=until_ms.div_euclid(MINUTE_MS);
        let stretch = Stretch { minutes: minutes.clone(), peak: 0 };
        let halvings = deletions.halvings();
        let (mut keys, mut unnamed) = (BTreeSet::new(), 0);
        let mut rows = <[EvidenceRows; 2]>::default();
        for caller in callers {
            let series = deletions.series(caller);
            let before = keys.len() as u64 + unnamed;
            let within =
                deletions.keys(caller).into_iter().filter(|(minute, _)| minutes.contains(&i64::from(*minute)));
            keys.extend(within.map(|(_, key)| key).filter(|key| is_sampled(*key, halvings)));
            unnamed += series.different(&minutes).unnamed >> halvings;
            if keys.len() as u64 + unnamed > before {
                let evidence = caller.evidence(&series, &stretch);
                let limit = super::evidence::EVIDENCE_ROWS;
                rows.iter_mut().zip(evidence).for_each(|(mine, theirs)| mine.merge(limit, theirs));
            }
        }
        Deleted { keys: (keys.len() as u64 + unnamed) << halvings, halvings, rows }
    }

    /// An alert about the deletes and the alert that came after them. Severity and summary are the rule's.
    pub fn alert(&self, rule: &Rule, after: &Alert) -> Alert {
        let mut alert = Alert::of(rule, &[Some(&after.alert_id)], None);
        alert.set_evidence([&self.rows[0], &self.rows[1]]);
        let rows: Vec<EvidenceRow> = of_alerts([&alert.evidence[..], &after.evidence[..]].into_iter());
        alert.set_seen(
            alert.first_seen_ms.into_iter().chain(after.first_seen_ms).min(),
            alert.last_seen_ms.max(after.last_seen_ms),
        );
        alert.evidence = rows;
        alert.evidence_total += after.evidence_total;
        alert.logs.extend(after.logs.iter().filter(|log| !self.logs().contains(log)));
        alert.logs.sort_by_key(|log| crate::parse::LogType::ALL.iter().position(|known| known.name() == *log));
        alert.confidence = after.confidence;
        alert.bucket.clone_from(&after.bucket);
        alert.principal.clone_from(&after.principal);
        alert.account_id.clone_from(&after.account_id);
        alert.region.clone_from(&after.region);
        alert.count = self.keys;
        alert.related = vec![after.alert_id.clone()];
        alert
    }

    fn logs(&self) -> Vec<&'static str> {
        let logs = crate::parse::LogType::ALL.into_iter().zip(&self.rows);
        logs.filter(|(_, rows)| rows.total() > 0).map(|(log, _)| log.name()).collect()
    }
}
