//! GET-034: a caller comes from a country from which the logs never showed it.

use super::marked_calls::HISTORY_DAYS;
use super::probes::address;
use crate::detect::alert::{Alert, Confidence, Severity, counted};
use crate::detect::baseline::{Dimension, Known, hour_of};
use crate::detect::batch::cell;
use crate::detect::codes::{Among, Codes};
use crate::detect::context::{Context, Countries, Country};
use crate::detect::entities::{Entities, EntityKey, State};
use crate::detect::evidence::EvidenceColumns;
use crate::detect::key_sample::share;
use crate::detect::marks::Marks;
use crate::detect::minutes::log_index;
use crate::detect::reading::short_history;
use crate::detect::{
    Config, DetectBatch, Detector, Evidence, Findings, Form, Rule, Shared, Threshold, restore, saved,
};
use crate::parse::time::DAY_MS;
use firsts::Firsts;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

/// GET-034 `new-country`.
pub static RULE: Rule = Rule {
    id: "GET-034",
    name: "new-country",
    title: "A caller came from a country that is new for it",
    severity: Severity::Medium,
    attack: &["T1078.004"],
    looks_for: "The first request of a caller that was not refused, in either log and to any service, from a country from which \
        the logs do not show it before, though they show it from others for a number of days. Countries are those of the \
        country_database in the configuration. Callers that the baseline knows are GET-006's, which holds their countries \
        against it. Networks with the kind corporate and addresses of AWS (ip_ranges) are of no country; AWS services and callers \
        without credentials are left out, and so is who came from many countries before.",
    why: "A stolen credential is used from where its owner never was.",
    cannot_see: "What comes through a VPN or a proxy in a country that the owner uses too. Callers in their first days in the logs. \
        Addresses of which the database has no country; how old it is.",
    false_positives: "Travel, a new colleague who works with the same role, a VPN that ends abroad. Services of AWS that call for a \
        caller from addresses of their own, in the country of a region: configure ip_ranges.",
    next_steps: &[
        "Ask the caller whether it was there.",
        "Look at all that came from the address (s3sleuth timeline --ip).",
        "Revoke its sessions or deactivate its access key if nobody knows of it.",
    ],
    thresholds: &[
        HISTORY_DAYS,
        Threshold {
            name: "most_countries",
            default: 5,
            source: "proposal: for who came from more before, another one is no news",
        },
    ],
    activity_columns: &["principal", "remote_ip"],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents, Evidence::ManagementEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(|config| Box::new(NewCountry::of(config))),
};

mod firsts;
mod samples;

pub(super) use samples::CONFIG;

/// Bytes for the first records.
const BUDGET: usize = 6 << 20;

struct NewCountry {
    context: Arc<Context>,
    countries: Countries,
    callers: Entities<Caller>,
    key: EntityKey,
}

/// The first records of a caller from each country.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Caller(BTreeMap<Country, Firsts>);

/// Bytes of a country to reckon with: a record in each log. One made to be large has several times as many, but which of
/// several rows are shown must not make a difference.
const COUNTRY_BYTES: usize = 2 * 768;

impl State for Caller {
    const LEVELS: u32 = 0;

    fn weight(&self, _level: u32) -> usize {
        self.0.len() * COUNTRY_BYTES
    }

    fn cut(&mut self, _level: u32) {}

    fn merge(&mut self, other: Self, _level: u32) {
        other.0.into_iter().for_each(|(country, firsts)| self.0.entry(country).or_default().merge(firsts));
    }
}

impl NewCountry {
    fn of(config: &Config) -> NewCountry {
        let (callers, key) = (Entities::with_budget(BUDGET), EntityKey::default());
        NewCountry { context: Arc::clone(&config.context), countries: Countries::default(), callers, key }
    }
}

impl Detector for NewCountry {
    fn observe(&mut self, batch: &DetectBatch<'_>, codes: &Codes) {
        let mut columns = None;
        let NewCountry { context, countries, callers, key } = self;
        codes.each(Among::Marked, |row| {
            if !codes.marks[row].has(Marks::COUNTRY) {
                return;
            }
            let columns = columns.get_or_insert_with(|| EvidenceColumns::of(batch));
            let caller = cell(batch.text("principal"), row);
            let (Some(caller), Some(time_ms)) = (caller, columns.event_time_ms(row)) else { return };
            let Some(address) = address(batch, row) else { return };
            let Some(country) = countries.of(address.as_bytes(), context) else { return };
            // Which later rows are shown is open, so they are not counted.
            callers.observe(key.set(&[Some(caller)]), 0, |state, _| {
                state.0.entry(country).or_default().see(log_index(batch.log), (columns, row), time_ms);
            });
        });
    }

    fn merge(&mut self, other: Box<dyn Detector>) {
        let other: NewCountry = super::take(other);
        self.callers.merge(other.callers);
    }

    fn finish(self: Box<Self>, shared: &Shared<'_>) -> Findings {
        let mut findings = Findings::default();
        if !shared.config.context.places.know_countries() {
            return findings;
        }
        for (entity, Caller(countries)) in self.callers.sorted() {
            let [Some(caller)] = EntityKey::fields(entity)[..] else { continue };
            let seen = |(country, firsts): (&Country, _)| {
                let first_ms = Firsts::first_ms(firsts)?;
                Some(Seen { first_ms, country: country.to_string(), firsts })
            };
            let mut seen: Vec<Seen<'_>> = countries.iter().filter_map(seen).collect();
            seen.sort_by_key(|seen| seen.first_ms);
            findings.alerts.extend(news(caller, &seen, shared));
        }
        let halvings = self.callers.halvings();
        if halvings > 0 {
            let note = "there were more callers than memory holds, of which";
            findings.notes.push(format!("{}: {note} {} were evaluated.", RULE.id, share(halvings)));
        }
        findings.note_limits();
        findings.notes.extend(short_history(&RULE, shared).map(|note| format!("{}: {note}", RULE.id)));
        findings
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn save(&self) -> Vec<u8> {
        saved(&self.callers)
    }

    fn load(&mut self, state: &[u8]) -> Result<(), String> {
        self.callers = restore(state)?;
        Ok(())
    }
}

/// A country from which a caller came, from a time on.
struct Seen<'a> {
    first_ms: i64,
    country: String,
    firsts: &'a Firsts,
}

/// Alerts about the countries of a caller, in the order of time, that are news.
fn news(caller: &str, seen: &[Seen<'_>], shared: &Shared<'_>) -> Vec<Alert> {
    let threshold = |name| shared.config.threshold(&RULE, name);
    let (history_days, most_countries) = (threshold(HISTORY_DAYS.name), threshold("most_countries"));
    let mut alerts = Vec::new();
    for (before, new) in seen.iter().enumerate().skip(1) {
        let days = u64::try_from((new.first_ms - seen[0].first_ms) / DAY_MS).unwrap_or(0);
        if days < history_days || before as u64 > most_countries || is_learned(caller, new.first_ms, shared) {
            continue;
        }
        let countries: Vec<&str> = seen[..before].iter().map(|seen| &*seen.country).collect();
        let mut alert = Alert::of(&RULE, &[Some(caller), Some(&new.country)], Some(new.first_ms));
        new.firsts.tell(&mut alert);
        alert.confidence = Confidence::Medium;
        alert.principal = Some(caller.to_owned());
        alert.count = 1;
        alert.summary = format!(
            "{caller} came from {} for the first time, after {} from {} only.",
            new.country,
            counted(days, "day", "days"),
            countries.join(", "),
        );
        alert.reasons.push("The records are the first from that country.".to_owned());
        alert.observed = [("country", json!(new.country)), ("history_days", json!(days))].into();
        alert.expected = [("countries", json!(countries)), ("history_days", json!(history_days))].into();
        alerts.push(alert);
    }
    alerts
}

/// Does the baseline know a caller from before a time?
fn is_learned(caller: &str, time_ms: i64, shared: &Shared<'_>) -> bool {
    let learned = shared.config.baseline.as_ref().map(|learned| learned.entry(Dimension::Principal, &[caller]));
    let Some(Known::Seen(entry)) = learned else { return false };
    hour_of(time_ms).is_some_and(|hour| entry.hours().0 < hour)
}
