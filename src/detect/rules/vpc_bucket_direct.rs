//! GET-024: a bucket that is for a VPC is reached from outside.

use super::marked_calls::{self, DENIED, DONE, actions, caller, hit};
use crate::detect::alert::{Severity, counted};
use crate::detect::codes::{Among, Codes, Ended};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::marks::Marks;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};
use serde_json::json;

/// GET-024 `vpc-bucket-direct`.
pub static RULE: Rule = Rule {
    id: "GET-024",
    name: "vpc-bucket-direct",
    title: "A bucket for VPC endpoints was reached from outside",
    severity: Severity::High,
    attack: &["T1530"],
    looks_for: "Requests to a bucket that the configuration lists under vpc_only_buckets from an address of the internet: \
        in CloudTrail those without a VPC endpoint, in access logs, which do not name endpoints, those from a public \
        address. There is one alert for a caller, a bucket and a UTC day. The level is high if anything was done, and \
        low if all was refused. AWS services are left out.",
    why: "A bucket that is only to be reached from inside and is reached from outside has a policy that does not hold, \
        or a credential that left.",
    cannot_see: "Requests through another VPC endpoint than the site's own. Endpoints with public addresses inside look \
        like the internet in access logs.",
    false_positives: "The console of an administrator in an emergency.",
    next_steps: &[
        "Read the bucket policy: does it deny all but aws:SourceVpce?",
        "Find out who the caller is, and from where it came.",
        "If the address is yours, list its network under networks with the kind corporate, and decide whether it may.",
    ],
    thresholds: &[],
    activity_columns: marked_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(HitDetector::<VpcBucketDirect>::of),
};

mod samples;

pub(super) use samples::CONFIG;

struct VpcBucketDirect;

impl Pattern for VpcBucketDirect {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Marked;

    fn new(_: &Config) -> Self {
        VpcBucketDirect
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        let has_ended = matches!(codes.ended[row], Ended::Done | Ended::Unchanged | Ended::Denied);
        (has_ended && codes.marks[row].has(Marks::DIRECT)).then(|| hit(batch, codes, row, true, None))
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let mut alert = marked_calls::alert(&RULE, group, Severity::High);
        if group.of_kind(DONE) == 0 {
            alert.severity = Severity::Low;
        }
        alert.summary = format!(
            "{} reached {}, a bucket for VPC endpoints, from outside with {} ({}), {} of them refused.",
            caller(group),
            group.entity[1].unwrap_or_default(),
            counted(group.count(), "request", "requests"),
            actions(group),
            group.of_kind(DENIED),
        );
        alert.reasons.push("The configuration lists the bucket under vpc_only_buckets.".to_owned());
        marked_calls::describe(&mut alert, shared);
        alert.expected = [("requests", json!(0))].into();
        Verdict::Alert(alert)
    }
}
