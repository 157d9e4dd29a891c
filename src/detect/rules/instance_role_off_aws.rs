//! GET-017: the role of an instance is used from outside AWS.

use super::marked_calls::{self, actions, caller, hit};
use crate::detect::alert::{Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Among, Codes};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::marks::Marks;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};
use serde_json::json;

/// GET-017 `instance-role-off-aws`.
pub static RULE: Rule = Rule {
    id: "GET-017",
    name: "instance-role-off-aws",
    title: "Credentials of an instance were used outside AWS",
    severity: Severity::High,
    attack: &["T1552.005", "T1078.004"],
    looks_for: "Requests, in either log, of a session that bears the name of an EC2 instance (i- and hexadecimal digits), \
        from a public address that is not in AWS's list of its addresses (ip_ranges in the configuration). There is one \
        alert for a role, an address and a UTC day. It is kept quiet where the address is in a network with the kind \
        corporate. The level is high, and medium if all requests were refused.",
    why: "The credentials of an instance are taken from its metadata service by who gets a foot into it; outside AWS they \
        have no use for their owner.",
    cannot_see: "Stolen credentials that are used from another instance of AWS. Instances whose address the site brought \
        along and AWS does not list.",
    false_positives: "Instances that reach S3 through a proxy or NAT of the site: list its network as corporate.",
    next_steps: &[
        "Isolate the instance, and look for how somebody got at its metadata (IMDSv1, SSRF).",
        "Revoke the role's sessions that began before now.",
        "Look at all that the address and the role did (s3sleuth timeline --ip).",
    ],
    thresholds: &[],
    activity_columns: marked_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents, Evidence::ManagementEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(HitDetector::<InstanceRoleOffAws>::of),
};

mod samples;

pub(super) use samples::CONFIG;

struct InstanceRoleOffAws;

impl Pattern for InstanceRoleOffAws {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Marked;

    fn new(_: &Config) -> Self {
        InstanceRoleOffAws
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        let is_hit = codes.marks[row].has(Marks::OFF_AWS);
        is_hit.then(|| hit(batch, codes, row, false, cell(batch.text("remote_ip"), row)))
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let mut alert = marked_calls::alert(&RULE, group, Severity::High);
        let address = group.entity[2].unwrap_or_default();
        alert.summary = format!(
            "{}, the role of an instance, was used from {address}, which is not of AWS, for {} ({}).",
            caller(group),
            counted(group.count(), "request", "requests"),
            actions(group),
        );
        alert.reasons.push("The address is not in AWS's list of its addresses.".to_owned());
        alert.reasons.extend(shared.config.context.describe(address));
        alert.expected = [("requests", json!(0))].into();
        if shared.config.context.is_corporate(address) {
            Verdict::Suppressed(alert)
        } else {
            Verdict::Alert(alert)
        }
    }
}
