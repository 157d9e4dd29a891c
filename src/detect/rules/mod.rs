//! The detectors, one file each. A new one is its file, its samples and a line here; of one that is data (`.yml`, see
//! `docs/rules.md`) the samples are in the file.

mod access_logging_redirected;
mod access_point_risky;
mod account_block_weakened;
mod acl_external;
mod acls_enabled;
mod anonymous_listing;
mod anonymous_object_read;
mod anonymous_probe;
mod attack_samples;
mod authentication_failures;
mod batch_delete_keys;
mod blind_then_hit;
mod bucket_acl_public;
mod bucket_block_weakened;
mod bucket_coverage;
mod bucket_emptied;
mod bucket_key_advice;
mod bucket_policy_deleted;
mod bucket_policy_external;
mod bucket_policy_loosened;
mod bucket_policy_public;
mod bucket_scanner;
mod byok_key_used;
mod byok_ransom;
mod copied_in_place;
mod copied_out;
mod credential_misused;
mod credential_places;
mod cross_account_reader;
mod decoy_touched;
mod deleted_then_note;
mod deletes_denied;
mod delivery_gap;
mod denied_storm;
mod destruction_prepared;
mod dormant_bucket_read;
mod double_extortion;
mod encrypt_and_expire;
mod encryption_weakened;
mod entity_risk;
mod expiry_spike;
mod exposure_seen;
mod exposure_used;
mod first_seen_key_user;
mod first_seen_reader;
mod first_time_deleter;
mod guessable_name;
mod hostile_address;
mod iam_grant_broad;
mod instance_role_off_aws;
mod key_guessing;
mod kms_denied;
mod kms_errors_behind_s3;
mod kms_quota;
mod kms_throttled;
mod lifecycle_rules;
mod lifecycle_shortened;
mod list_then_sweep;
mod log_bucket_lifecycle_shortened;
mod log_delivery_denied;
mod log_expiry_told;
mod log_injection;
mod log_key_disabled;
mod log_object_delete_denied;
mod log_object_deleted;
mod log_object_expired;
mod log_object_forged;
mod log_read;
mod log_read_often;
mod marked_calls;
mod marker_flood;
mod mass_deletion;
mod mfa_delete_disabled;
mod new_action;
mod new_country;
mod new_identity_used;
mod new_identity_writes;
mod new_network;
mod new_user_agent;
mod news_samples;
mod object_acl_public;
mod off_hours;
mod old_signature;
mod old_tls;
mod open_then_leak;
mod plain_http;
mod presigned_shared;
mod probes;
mod protections_removed;
mod public_write;
mod ransom_suffix;
mod read_breadth;
mod read_rate;
mod read_then_deleted;
mod read_volume;
mod recon_to_foothold;
mod replication_external;
mod s3_failures_from_kms;
pub(super) mod sample_settings;
mod secret_file_read;
mod sensitive_bucket_read;
mod server_errors;
mod setting_calls;
mod settings_read;
mod slow_answers;
mod sse_c_in_bulk;
mod sse_c_on_guarded_bucket;
mod tls_policy_dropped;
mod trail_calls;
mod trail_deleted;
mod trail_stopped;
mod version_deletions;
mod versions_listed_then_deleted;
mod vpc_bucket_direct;
mod website_opened;
mod write_spike;

use super::Rule;
use super::sigma::load::{Placeholders, load_text};
pub(super) use kms_quota::RULE as KMS_QUOTA;
use std::sync::LazyLock;

/// The file of a rule that is data.
macro_rules! data {
    ($file:literal) => {
        (concat!($file, ".yml"), include_str!(concat!($file, ".yml")))
    };
}

/// Every rule, in the order of the manual: those that are code and those that are data, by family and number.
pub static RULES: LazyLock<Vec<&'static Rule>> = LazyLock::new(|| {
    let mut rules = CODE.to_vec();
    for (file, text) in DATA {
        let loaded = load_text(file, text, &Placeholders::new());
        assert!(loaded.complaints.is_empty() && loaded.notes.is_empty(), "{:?}", loaded.complaints);
        rules.extend(loaded.rules);
    }
    let family = |rule: &Rule| FAMILIES.iter().position(|family| rule.id.starts_with(family));
    rules.sort_by_key(|rule| (family(rule), rule.id));
    rules
});

/// What ids begin with, in the order of the manual.
const FAMILIES: [&str; 10] = ["LOG", "DEL", "GET", "DSC", "EXP", "RAN", "KMS", "ENC", "OPS", "SEQ"];

/// Rules that are data, with their files.
static DATA: &[(&str, &str)] = &[
    data!("access_logging_disabled"),
    data!("anonymous_delete"),
    data!("backup_deleted"),
    data!("bucket_deleted"),
    data!("change_without_mfa"),
    data!("detection_disabled"),
    data!("event_selectors_narrowed"),
    data!("foreign_kms_key"),
    data!("grant_risky"),
    data!("imported_key_material_deleted"),
    data!("insight_selectors_removed"),
    data!("key_alias_moved"),
    data!("key_disabled"),
    data!("key_policy_lockout"),
    data!("key_recovered"),
    data!("key_replicated"),
    data!("key_rotation_disabled"),
    data!("key_store_disconnected"),
    data!("log_bucket_changed"),
    data!("log_bucket_deleted"),
    data!("object_lock_weakened"),
    data!("parameters_omitted"),
    data!("ransom_note"),
    data!("recovery_removed"),
    data!("root_used"),
    data!("settings_swept"),
    data!("sse_c_allowed"),
    data!("sse_c_copy"),
    data!("sse_c_refused"),
    data!("trail_narrowed"),
    data!("unencrypted_write_refused"),
    data!("versioning_suspended"),
];

/// Rules that are code.
static CODE: &[&Rule] = &[
    &log_object_deleted::RULE,
    &log_object_delete_denied::RULE,
    &log_object_expired::RULE,
    &log_bucket_lifecycle_shortened::RULE,
    &log_expiry_told::RULE,
    &trail_stopped::RULE,
    &trail_deleted::RULE,
    &access_logging_redirected::RULE,
    &log_object_forged::RULE,
    &log_read::RULE,
    &log_delivery_denied::RULE,
    &delivery_gap::RULE,
    &log_key_disabled::RULE,
    &mass_deletion::RULE,
    &version_deletions::RULE,
    &marker_flood::RULE,
    &versions_listed_then_deleted::RULE,
    &read_then_deleted::RULE,
    &deleted_then_note::RULE,
    &bucket_emptied::RULE,
    &first_time_deleter::RULE,
    &deletes_denied::RULE,
    &expiry_spike::RULE,
    &batch_delete_keys::RULE,
    &read_volume::RULE,
    &read_breadth::RULE,
    &first_seen_reader::RULE,
    &new_network::RULE,
    &new_country::RULE,
    &new_user_agent::RULE,
    &new_action::RULE,
    &dormant_bucket_read::RULE,
    &read_rate::RULE,
    &off_hours::RULE,
    &secret_file_read::RULE,
    &anonymous_object_read::RULE,
    &anonymous_listing::RULE,
    &cross_account_reader::RULE,
    &presigned_shared::RULE,
    &bucket_coverage::RULE,
    &copied_out::RULE,
    &credential_places::RULE,
    &list_then_sweep::RULE,
    &log_injection::RULE,
    &log_read_often::RULE,
    &new_identity_writes::RULE,
    &replication_external::RULE,
    &server_errors::RULE,
    &settings_read::RULE,
    &slow_answers::RULE,
    &write_spike::RULE,
    &anonymous_probe::RULE,
    &authentication_failures::RULE,
    &bucket_scanner::RULE,
    &denied_storm::RULE,
    &guessable_name::RULE,
    &key_guessing::RULE,
    &bucket_block_weakened::RULE,
    &account_block_weakened::RULE,
    &bucket_policy_public::RULE,
    &bucket_policy_external::RULE,
    &bucket_policy_deleted::RULE,
    &bucket_acl_public::RULE,
    &object_acl_public::RULE,
    &acl_external::RULE,
    &acls_enabled::RULE,
    &access_point_risky::RULE,
    &website_opened::RULE,
    &exposure_used::RULE,
    &exposure_seen::RULE,
    &public_write::RULE,
    &iam_grant_broad::RULE,
    &bucket_policy_loosened::RULE,
    &instance_role_off_aws::RULE,
    &hostile_address::RULE,
    &vpc_bucket_direct::RULE,
    &decoy_touched::RULE,
    &sensitive_bucket_read::RULE,
    &kms_throttled::RULE,
    &kms_quota::RULE,
    &s3_failures_from_kms::RULE,
    &kms_denied::RULE,
    &first_seen_key_user::RULE,
    &kms_errors_behind_s3::RULE,
    &bucket_key_advice::RULE,
    &sse_c_in_bulk::RULE,
    &copied_in_place::RULE,
    &byok_key_used::RULE,
    &ransom_suffix::RULE,
    &mfa_delete_disabled::RULE,
    &lifecycle_shortened::RULE,
    &protections_removed::RULE,
    &sse_c_on_guarded_bucket::RULE,
    &blind_then_hit::RULE,
    &encrypt_and_expire::RULE,
    &double_extortion::RULE,
    &destruction_prepared::RULE,
    &open_then_leak::RULE,
    &new_identity_used::RULE,
    &byok_ransom::RULE,
    &credential_misused::RULE,
    &recon_to_foothold::RULE,
    &entity_risk::RULE,
    &plain_http::RULE,
    &old_tls::RULE,
    &old_signature::RULE,
    &encryption_weakened::RULE,
    &tls_policy_dropped::RULE,
];

/// Lists the samples of a rule: name, log and whether it must fire.
macro_rules! samples {
    ($rule:literal: $($name:literal $log:ident $extension:literal $fires:literal),+ $(,)?) => {
        &[$($crate::detect::Sample {
            name: $name,
            logs: $crate::detect::Logs::Written(&[(
                $crate::parse::LogType::$log,
                include_str!(concat!("../samples/", $rule, "/", $name, ".", $extension)),
            )]),
            fires: $fires,
        }),+]
    };
}
use samples;

/// Joins a detector with another of its type.
pub(super) fn take<D: super::Detector + 'static>(other: Box<dyn super::Detector>) -> D {
    *other.into_any().downcast().expect("a rule's detectors are merged with each other only")
}
