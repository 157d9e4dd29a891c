//! GET-006: a caller comes from a network from which it never came.

use super::marked_calls::{self, News, actions, caller, hit};
use crate::detect::alert::{Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Among, Codes};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::marks::Marks;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared, Threshold};
use known_places::KnownPlaces;
use std::sync::OnceLock;

/// GET-006 `new-network`.
pub static RULE: Rule = Rule {
    id: "GET-006",
    name: "new-network",
    title: "A caller came from a network that is new for it",
    severity: Severity::Medium,
    attack: &["T1078.004"],
    looks_for: "Requests that were not refused, in either log, from a public network (256 addresses of IPv4, a /48 of IPv6) from \
        which the baseline does not know the caller, though it knows the caller for a number of days, or for a day with a \
        number of requests. There is one alert for a caller and a network. Networks with the kind corporate are left out, \
        and, where ip_ranges is configured, addresses of AWS if the caller is a role. The level is medium. Where asn_database is \
        configured it is one lower if the baseline knows the caller from other networks of the same autonomous system, and where \
        country_database is, one higher if it knows the caller from other countries only: that is how the networks in the \
        baseline are looked up today. Without --baseline it is not evaluated.",
    why: "A stolen credential is used from where its owner never was.",
    cannot_see: "What comes from a network that the owner uses too, such as the same VPN. Callers that the baseline does not know.",
    false_positives: "Travel, a new office or VPN, mobile networks, which asn_database tells. Functions and containers outside the \
        VPC have ever new addresses: configure ip_ranges.",
    next_steps: &[
        "Ask the caller whether it was there.",
        "Compare user agent and actions with its usual ones.",
        "Revoke its sessions or deactivate its access key if nobody knows of it.",
    ],
    thresholds: &[
        Threshold { name: "requests", default: 3, source: "detector catalogue, to be tuned on real data" },
        marked_calls::HISTORY_DAYS,
        marked_calls::HISTORY_REQUESTS,
    ],
    activity_columns: marked_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents, Evidence::ManagementEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(HitDetector::<NewNetwork>::of),
};

mod known_places;
mod samples;

pub(super) use samples::CONFIG;

struct NewNetwork {
    news: News,
    /// By caller; looked up when the first alert asks.
    known: OnceLock<KnownPlaces>,
}

impl Pattern for NewNetwork {
    const RULE: &'static Rule = &RULE;
    const BY_DAY: bool = false;
    const AMONG: Among = Among::Marked;

    fn new(config: &Config) -> Self {
        NewNetwork { news: News::of(config, &RULE), known: OnceLock::new() }
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        let is_hit = codes.marks[row].has(Marks::NEW_NETWORK);
        is_hit.then(|| hit(batch, codes, row, false, cell(batch.text("remote_ip"), row).map(network)))
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let network = group.entity[2].unwrap_or("none");
        let alert =
            self.news.alert((group, shared), Severity::Medium, ("network", network), "and not from this network");
        let Some(mut alert) = alert else { return Verdict::Nothing };
        let known = self.known.get_or_init(|| KnownPlaces::of(shared.config));
        known.hold_against(&mut alert, group, &shared.config.context.places);
        alert.summary = format!(
            "{} came from {network}, a network new for it, with {} ({}).",
            caller(group),
            counted(group.count(), "request", "requests"),
            actions(group),
        );
        Verdict::Alert(alert)
    }
}

/// The beginning of an address that names its network: the text up to the last point, or the first three groups.
fn network(address: &str) -> &str {
    if let Some((network, _)) = address.rsplit_once('.') {
        return network;
    }
    let third = address.match_indices(':').nth(2).map_or(address.len(), |(place, _)| place);
    &address[..third]
}
