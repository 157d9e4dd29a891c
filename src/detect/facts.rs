//! What all records of an entity agree on, such as the account or the address.

use super::alert::Alert;
use super::entities::{MOST_FIELD, field};
use super::evidence::EvidenceColumns;
use serde::{Deserialize, Serialize};

/// Columns of `activity` of which an alert names the value if there is only one.
pub const COLUMNS: [&str; 5] = ["account_id", "region", "access_key_id", "remote_ip", "object_key"];

/// None, one or several values of a column. Records without a value say nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    only: Option<Box<str>>,
    are_several: bool,
    /// Bytes of the longest value, which count even if it is no longer kept: the weight must never fall.
    longest: u16,
}

impl Fact {
    /// Takes a text as logged.
    pub fn see_text(&mut self, text: &str) {
        self.see(&field(text));
    }

    /// The value, if it is only one.
    pub fn only(&self) -> Option<&str> {
        self.only.as_deref()
    }

    /// Bytes beside the size of the type; more rows never make them fewer.
    pub fn weight(&self) -> usize {
        if self.longest == 0 { 0 } else { usize::from(self.longest) + 16 }
    }

    /// Takes well-formed bytes of a text as logged. Mostly it is the one that is known, or there are several already.
    fn see_bytes(&mut self, bytes: &[u8]) {
        let is_cut = bytes.len() > MOST_FIELD;
        let is_known = self.only.as_deref().map(str::as_bytes) == Some(bytes)
            || self.are_several && bytes.len() <= usize::from(self.longest);
        if is_cut || !is_known {
            self.see_text(&String::from_utf8_lossy(bytes));
        }
    }

    /// Takes a text that is already cut.
    fn see(&mut self, text: &str) {
        self.longest = self.longest.max(u16::try_from(text.len()).unwrap_or(u16::MAX));
        match &self.only {
            _ if self.are_several => {}
            None => self.only = Some(text.into()),
            Some(only) if **only == *text => {}
            Some(_) => self.set_several(),
        }
    }

    fn set_several(&mut self) {
        self.are_several = true;
        self.only = None;
    }

    /// Joins two.
    pub fn merge(&mut self, other: &Fact) {
        self.longest = self.longest.max(other.longest);
        if other.are_several {
            self.set_several();
        }
        if let Some(text) = &other.only {
            self.see(text);
        }
    }
}

/// The values of [`COLUMNS`] in some records; the state does not depend on their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    facts: [Fact; COLUMNS.len()],
}

impl Facts {
    /// Takes a row of a batch.
    pub fn observe(&mut self, columns: &EvidenceColumns<'_>, row: usize) {
        for (fact, text) in self.facts.iter_mut().zip(columns.facts(row)) {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                fact.see_bytes(text);
            }
        }
    }

    /// Joins two.
    pub fn merge(&mut self, other: &Facts) {
        self.facts.iter_mut().zip(&other.facts).for_each(|(mine, theirs)| mine.merge(theirs));
    }

    /// Bytes beside the size of the type; more rows never make them fewer.
    pub fn weight(&self) -> usize {
        self.facts.iter().map(Fact::weight).sum()
    }

    /// The account, if it is only one.
    pub fn account_id(&self) -> Option<&str> {
        self.facts[0].only.as_deref()
    }

    /// The region, if it is only one.
    pub fn region(&self) -> Option<&str> {
        self.facts[1].only.as_deref()
    }

    /// Writes what all agree on into members of an alert that are still unknown.
    pub fn tell(&self, alert: &mut Alert) {
        let [account_id, region, access_key_id, remote_ip, object_key] = &self.facts;
        for (member, fact) in [
            (&mut alert.account_id, account_id),
            (&mut alert.region, region),
            (&mut alert.access_key_id, access_key_id),
            (&mut alert.remote_ip, remote_ip),
            (&mut alert.object_key, object_key),
        ] {
            if member.is_none() {
                *member = fact.only.as_deref().map(str::to_owned);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, shuffled};
    use crate::parse::LogType;

    fn facts(rows: &[Activity]) -> Facts {
        let mut facts = Facts::default();
        Activity::batch(LogType::CloudTrail, rows, |batch| {
            let columns = EvidenceColumns::of(batch);
            (0..batch.len()).for_each(|row| facts.observe(&columns, row));
        });
        facts
    }

    #[test]
    fn one_value_is_told_and_several_are_not_whatever_the_order() {
        let long = ["k".repeat(5000), "k".repeat(5001)];
        let mut rows: Vec<Activity> = ["192.0.2.1", "192.0.2.1", "198.51.100.9"]
            .map(|ip| Activity { ip, key: Some(long[0].clone()), ..Activity::default() })
            .into();
        rows[1].key = None;
        let whole = facts(&rows);
        for seed in 1..6 {
            let mut merged = Facts::default();
            shuffled(rows.clone(), seed).iter().for_each(|row| merged.merge(&facts(std::slice::from_ref(row))));
            assert_eq!(merged, whole);
        }
        let mut alert = Alert::of(crate::detect::RULES[0], &[], None);
        whole.tell(&mut alert);
        let told = (alert.remote_ip, alert.account_id.as_deref(), alert.region.as_deref());
        assert_eq!(told, (None, Some("111122223333"), Some("eu-west-1")));
        assert!(alert.object_key.is_some_and(|key| key.starts_with("kkk") && key.len() < 1100));
        rows[1].key = Some(long[1].clone());
        let (mut several, mut alert) = (facts(&rows), Alert::of(crate::detect::RULES[0], &[], None));
        several.merge(&whole);
        several.tell(&mut alert);
        assert!(alert.object_key.is_none() && several.weight() >= whole.weight());
    }
}
