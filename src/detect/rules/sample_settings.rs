//! What the samples of some rules need beside logs: a configuration, and a past to learn a baseline from.

use super::{
    credential_misused, credential_places, decoy_touched, hostile_address, instance_role_off_aws, new_action,
    new_country, new_network, new_user_agent, news_samples, off_hours, sensitive_bucket_read, vpc_bucket_direct,
};
use crate::detect::{Config, Rule, sample_database};

/// Of the samples of one rule.
pub struct SampleSetting {
    rule: &'static Rule,
    /// Configuration; the files that it names are those of [`file`].
    pub config: &'static str,
    /// Lines of an access log that a baseline is learned from.
    pub past: Option<fn() -> String>,
}

const fn setting(rule: &'static Rule, config: &'static str, past: Option<fn() -> String>) -> SampleSetting {
    SampleSetting { rule, config, past }
}

static SETTINGS: [SampleSetting; 12] = [
    setting(&credential_misused::RULE, credential_misused::CONFIG, None),
    setting(&credential_places::RULE, credential_places::CONFIG, None),
    setting(&new_country::RULE, new_country::CONFIG, None),
    setting(&new_network::RULE, new_network::CONFIG, Some(news_samples::past)),
    setting(&new_user_agent::RULE, "", Some(news_samples::past)),
    setting(&new_action::RULE, "", Some(news_samples::past)),
    setting(&off_hours::RULE, off_hours::CONFIG, None),
    setting(&instance_role_off_aws::RULE, instance_role_off_aws::CONFIG, None),
    setting(&hostile_address::RULE, hostile_address::CONFIG, None),
    setting(&vpc_bucket_direct::RULE, vpc_bucket_direct::CONFIG, None),
    setting(&decoy_touched::RULE, decoy_touched::CONFIG, None),
    setting(&sensitive_bucket_read::RULE, sensitive_bucket_read::CONFIG, Some(sensitive_bucket_read::past)),
];

/// What the samples of a rule need, if anything.
pub fn of(rule: &Rule) -> Option<&'static SampleSetting> {
    SETTINGS.iter().find(|setting| setting.rule.id == rule.id)
}

/// A file that configurations of samples name.
///
/// # Errors
/// That there is none of the name.
pub fn file(name: &str) -> Result<Vec<u8>, String> {
    match name {
        "ip-ranges.json" => Ok(include_bytes!("../samples/ip-ranges.json").to_vec()),
        "country.mmdb" => Ok(sample_database::countries()),
        "asn.mmdb" => Ok(sample_database::systems()),
        _ => Err(format!("no sample file {name}")),
    }
}

/// Why a rule has nothing to go by, if the configuration or a baseline is missing.
pub fn missing(rule: &Rule, config: &Config) -> Option<&'static str> {
    let setting = of(rule)?;
    let no_baseline = "no baseline was given (--baseline)";
    let nothing = "the configuration has nothing for it (--config)";
    let is_there = match setting.rule.id {
        "GET-006" | "GET-007" | "GET-008" => return config.baseline.is_none().then_some(no_baseline),
        // The parts of the one say what they lack; the other only finds more with a configuration.
        "SEQ-002" | "GET-018" => return None,
        "GET-012" => config.hours.is_some(),
        "GET-017" => config.context.knows_aws(),
        "GET-019" => config.context.has_hostile(),
        "GET-024" => !config.vpc_only_buckets.is_empty(),
        "GET-034" => config.context.places.know_countries(),
        "GET-032" => !config.decoys.is_empty(),
        _ => !config.sensitive_buckets.is_empty(),
    };
    (!is_there).then_some(nothing)
}
