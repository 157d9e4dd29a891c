//! The detectors, one file each. A new one is its file, its samples and a line here.

mod anonymous_listing;
mod anonymous_object_read;
mod batch_delete_keys;
mod blind_then_hit;
mod bucket_key_advice;
mod cross_account_reader;
mod entity_risk;
mod first_seen_reader;
mod kms_errors_behind_s3;
mod kms_quota;
mod kms_throttled;
mod log_bucket_lifecycle_shortened;
mod log_delivery_denied;
mod log_object_delete_denied;
mod log_object_deleted;
mod log_object_expired;
mod log_object_forged;
mod log_read;
mod mass_deletion;
mod read_breadth;
mod read_rate;
mod read_volume;
mod s3_failures_from_kms;
mod trail_calls;
mod trail_deleted;
mod trail_stopped;
mod version_deletions;

use super::Rule;
pub(super) use kms_quota::RULE as KMS_QUOTA;

/// Every rule, in the order of the manual.
pub static RULES: &[&Rule] = &[
    &log_object_deleted::RULE,
    &log_object_delete_denied::RULE,
    &log_object_expired::RULE,
    &log_bucket_lifecycle_shortened::RULE,
    &trail_stopped::RULE,
    &trail_deleted::RULE,
    &log_object_forged::RULE,
    &log_read::RULE,
    &log_delivery_denied::RULE,
    &mass_deletion::RULE,
    &version_deletions::RULE,
    &batch_delete_keys::RULE,
    &read_volume::RULE,
    &read_breadth::RULE,
    &first_seen_reader::RULE,
    &read_rate::RULE,
    &anonymous_object_read::RULE,
    &anonymous_listing::RULE,
    &cross_account_reader::RULE,
    &kms_throttled::RULE,
    &kms_quota::RULE,
    &s3_failures_from_kms::RULE,
    &kms_errors_behind_s3::RULE,
    &bucket_key_advice::RULE,
    &blind_then_hit::RULE,
    &entity_risk::RULE,
];

/// Lists the samples of a rule: name, log and whether it must fire.
macro_rules! samples {
    ($rule:literal: $($name:literal $log:ident $extension:literal $fires:literal),+ $(,)?) => {
        &[$($crate::detect::Sample {
            name: $name,
            logs: || {
                let text = include_str!(concat!("../samples/", $rule, "/", $name, ".", $extension));
                vec![($crate::parse::LogType::$log, text.into())]
            },
            fires: $fires,
        }),+]
    };
}
use samples;

/// Joins a detector with another of its type.
pub(super) fn take<D: super::Detector + 'static>(other: Box<dyn super::Detector>) -> D {
    *other.into_any().downcast().expect("a rule's detectors are merged with each other only")
}
