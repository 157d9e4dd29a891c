//! GET-019: requests from addresses of a threat list or of Tor.

use super::marked_calls::{self, DONE, actions, caller, hit};
use crate::detect::alert::{Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Among, Codes};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::marks::Marks;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};
use serde_json::json;

/// GET-019 `hostile-address`.
pub static RULE: Rule = Rule {
    id: "GET-019",
    name: "hostile-address",
    title: "Requests from an address of a threat list or of Tor",
    severity: Severity::High,
    attack: &["T1090.003", "T1078.004"],
    looks_for: "Requests, in either log, from an address in a list that the configuration has under networks with the \
        kind threat or tor. There is one alert for a caller, a bucket, an address and a UTC day, and it names the list and the day \
        on which the list was right. The level is high; it is medium where the address is only one of Tor and nothing was \
        read, written or changed; it is low where a bucket listed under public_buckets was read without credentials, \
        and one lower where all requests were refused.",
    why: "Who hides behind Tor, or comes from where attacks came from, has mostly no business with the account.",
    cannot_see: "Addresses that no list names. Addresses behind a proxy or CloudFront.",
    false_positives: "Lists that are out of date, and networks with many users. Readers of public data through Tor.",
    next_steps: &[
        "See how old the list is (as_of), and whether the address still belongs there.",
        "Look at what else came from the address (s3sleuth timeline --ip).",
        "Revoke the sessions of the caller or deactivate the access key.",
    ],
    thresholds: &[],
    activity_columns: marked_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents, Evidence::ManagementEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(HitDetector::<HostileAddress>::of),
};

mod samples;

pub(super) use samples::CONFIG;

/// Kinds beside those of marked calls: from a threat list, and more than a look around.
const THREAT: usize = 2;
const IMPACT: usize = 3;

struct HostileAddress;

impl Pattern for HostileAddress {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Marked;

    fn new(_: &Config) -> Self {
        HostileAddress
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        let marks = codes.marks[row];
        if !marks.has(Marks::THREAT.and(Marks::TOR)) {
            return None;
        }
        let mut hit = hit(batch, codes, row, true, cell(batch.text("remote_ip"), row));
        let is_look = matches!(codes.act[row], Act::List | Act::Settings) || codes.act[row].is_listing();
        if marks.has(Marks::THREAT) {
            hit.kinds |= 1 << THREAT;
        }
        if !is_look && hit.kinds & (1 << DONE) != 0 {
            hit.kinds |= 1 << IMPACT;
        }
        Some(hit)
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let (is_threat, has_impact) = (group.of_kind(THREAT) > 0, group.of_kind(IMPACT) > 0);
        let is_public = group.entity[0] == Some("anonymous")
            && group.entity[1].is_some_and(|bucket| shared.config.public_buckets.contains(bucket));
        let severity = match (is_public, is_threat || has_impact) {
            (true, _) => Severity::Low,
            (_, true) => Severity::High,
            _ => Severity::Medium,
        };
        let mut alert = marked_calls::alert(&RULE, group, severity);
        let address = group.entity[2].unwrap_or_default();
        alert.summary = format!(
            "{} sent {} ({}) from {address}.",
            caller(group),
            counted(group.count(), "request", "requests"),
            actions(group),
        );
        alert.reasons.extend(shared.config.context.describe(address));
        alert.expected = [("requests", json!(0))].into();
        Verdict::Alert(alert)
    }
}
