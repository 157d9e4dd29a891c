//! What an alert says of the use of KMS: who called for what, what failed with it, what would have spared it.

use super::{Drivers, Failed, Load, Tally};
use crate::detect::Config;
use crate::detect::alert::{Alert, counted};
use crate::detect::key_sample::{about, share};
use crate::detect::kms_quota::{self, Symmetric};
use crate::detect::rules::KMS_QUOTA;
use crate::parse::time::format_iso;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Names of a kind that an alert shows.
const SHOWN: usize = 3;

/// Buckets whose failed requests an alert shows.
const SHOWN_BUCKETS: usize = 5;

/// What the configuration says of the quota that depends on the region, under the rule about quotas.
pub fn symmetric(config: &Config) -> Symmetric {
    let threshold = |name| config.threshold(&KMS_QUOTA, name);
    Symmetric { elsewhere: threshold("other_regions_a_second"), granted: threshold("granted_a_second") }
}

/// Requests a second under a quota, with where the number is from.
pub fn quota(config: &Config, of: &super::QuotaOf<'_>) -> Option<(u64, String)> {
    let symmetric = symmetric(config);
    let a_second = kms_quota::a_second(of.quota, of.region, symmetric)?;
    let is_listed = of.quota != kms_quota::SYMMETRIC
        || kms_quota::SYMMETRIC_BY_REGION.iter().any(|(region, _)| of.region == Some(region));
    let source = if of.quota == kms_quota::SYMMETRIC && symmetric.granted > 0 {
        "the configuration".to_owned()
    } else if is_listed {
        format!("AWS's table, {}", kms_quota::SOURCE)
    } else {
        format!("the default for regions that are not listed of {}", kms_quota::SOURCE)
    };
    Some((a_second, source))
}

/// Says how busy a quota was and how much of it there is.
pub fn load(alert: &mut Alert, of: &super::QuotaOf<'_>, load: &Load, quota: Option<&(u64, String)>) {
    let at_least = if load.is_average { "at least " } else { "" };
    let peak_at = format_iso(load.peak_at);
    let region = of.region.unwrap_or("an unknown region");
    let calls = format!(
        "The log shows {at_least}{} in one second ({peak_at}), over all callers",
        counted(load.peak, "request", "requests")
    );
    alert.reasons.push(match quota {
        Some((a_second, source)) => {
            let beyond = if load.peak >= *a_second {
                "used up"
            } else if load.refused > 0 {
                "not reached in this log: the rest is not in this trail, or the account has another quota"
            } else {
                "not exceeded"
            };
            format!("{calls}; the quota \"{}\" of {region} is {a_second} a second ({source}): {beyond}.", of.quota)
        }
        None => format!("{calls}; no quota is known for {} in {region}.", of.quota),
    });
    let observed = [
        ("quota", json!(of.quota)),
        ("requests", json!(load.requests)),
        ("refused_over_all_callers", json!(load.refused)),
        ("peak_a_second", json!(load.peak)),
        ("peak_at", json!(peak_at)),
    ];
    alert.observed.extend(observed);
    alert.expected.extend(quota.map(|(a_second, _)| ("quota_a_second", json!(a_second))));
}

/// Says who called for what, and what S3 Bucket Keys would have saved.
pub fn drivers(alert: &mut Alert, drivers: &Drivers) {
    let mut parts = Vec::new();
    for (kind, tally) in drivers.by_kind() {
        let top = tally.top(SHOWN);
        if top.is_empty() {
            continue;
        }
        let shown: Vec<Value> = top
            .iter()
            .map(|(name, uses)| json!({"name": name, "requests": uses.requests, "refused": uses.refused}))
            .collect();
        alert.observed.insert(observed_name(kind), json!(shown));
        parts.push(sentence(kind, tally));
    }
    if !parts.is_empty() {
        alert.reasons.push(format!("Most calls in the clock hours concerned: {}.", parts.join("; ")));
    }
    let Some(saving) = drivers.saving() else { return };
    alert.reasons.push(format!(
        "{} named single objects, so their buckets have no S3 Bucket Key; with one some {} would have been left of \
         them, {} % fewer calls in all.",
        counted(saving.for_objects, "call", "calls"),
        saving.left,
        saving.spared_percent
    ));
    alert.observed.extend([
        ("calls_for_objects", json!(saving.for_objects)),
        ("calls_with_bucket_keys", json!(saving.left)),
        ("spared_percent", json!(saving.spared_percent)),
    ]);
}

/// The member of `observed` for a kind of names.
fn observed_name(kind: &str) -> &'static str {
    match kind {
        "keys" => "top_keys",
        "callers" => "top_callers",
        "buckets" => "top_buckets",
        _ => "top_prefixes",
    }
}

/// `keys a (12, of them 3 refused) and b (1)`
fn sentence(kind: &str, tally: &Tally) -> String {
    let names: Vec<String> = tally
        .top(SHOWN)
        .into_iter()
        .map(|(name, uses)| match uses.refused {
            0 => format!("{name} ({})", uses.requests),
            refused => format!("{name} ({}, of them {refused} refused)", uses.requests),
        })
        .collect();
    let sample = match tally.halvings() {
        0 => String::new(),
        halvings => format!(" (of {} of the {kind})", share(halvings)),
    };
    format!("{kind} {}{sample}", names.join(", "))
}

/// Says which requests of S3 failed, by bucket.
pub fn failed(alert: &mut Alert, failed: &BTreeMap<&str, Failed>) {
    if failed.is_empty() {
        return;
    }
    let mut buckets: Vec<(&str, Failed)> = failed.iter().map(|(bucket, failed)| (*bucket, *failed)).collect();
    buckets.sort_by_key(|(bucket, failed)| (std::cmp::Reverse(failed.requests), *bucket));
    let shown = &buckets[..buckets.len().min(SHOWN_BUCKETS)];
    let names: Vec<String> = shown
        .iter()
        .map(|(bucket, failed)| {
            let about = about(failed.halvings);
            format!("{about}{} of {bucket} ({about}{} with a KMS code)", failed.requests, failed.by_kms)
        })
        .collect();
    let more = buckets.len() - shown.len();
    let more = if more > 0 { format!(" and {more} more buckets") } else { String::new() };
    alert.reasons.push(format!("Requests to S3 that failed in the same minutes: {}{more}.", names.join(", ")));
    let shown: Vec<Value> = shown
        .iter()
        .map(|(bucket, failed)| json!({"bucket": bucket, "requests": failed.requests, "by_kms": failed.by_kms}))
        .collect();
    alert.observed.insert("failed_s3_requests", json!(shown));
}
