//! What a site tells the detectors: which buckets are what, and other thresholds.

use super::Rule;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Settings of the detectors, read from TOML:
///
/// ```toml
/// owned_accounts = ["111122223333"]   # accounts or canonical ids; those whose logs these are come by themselves
/// log_buckets = ["trail-logs"]        # buckets that hold logs, beside those that show it
/// public_buckets = ["www-assets"]     # anonymous reads of them are wanted
/// readers = ["arn:aws:iam::111122223333:role/siem"]        # may read logs
/// iac_roles = ["arn:aws:iam::111122223333:role/terraform"] # may change settings
/// partners = ["444455556666"]         # other accounts that may read
///
/// [thresholds.DEL-001]
/// deleted_keys = 200
/// ```
///
/// Buckets, accounts and callers are given by their exact names, callers in the form of the column `principal`; there
/// are no wildcards.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Accounts that are the owner's, by their 12 digits or canonical ids.
    pub owned_accounts: BTreeSet<String>,
    /// Exact names of buckets that hold logs.
    pub log_buckets: BTreeSet<String>,
    /// Exact names of buckets that anybody may read.
    pub public_buckets: BTreeSet<String>,
    /// Callers that may read logs, such as a SIEM.
    pub readers: BTreeSet<String>,
    /// Callers that may change settings, such as the role of a deployment.
    pub iac_roles: BTreeSet<String>,
    /// Other accounts that may read, by their 12 digits or canonical ids.
    pub partners: BTreeSet<String>,
    /// By rule id and threshold name.
    thresholds: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// One sentence: what is wrong in the text, or which rule or threshold does not exist and which do.
    pub fn from_toml(text: &str) -> Result<Config, String> {
        let config: Config = toml::from_str(text).map_err(|error| error.to_string())?;
        for (id, thresholds) in &config.thresholds {
            let rule = super::RULES.iter().find(|rule| rule.id == id).ok_or_else(|| {
                let ids: Vec<&str> = super::RULES.iter().map(|rule| rule.id).collect();
                format!("thresholds.{id}: no such rule; there are {}", ids.join(", "))
            })?;
            for name in thresholds.keys() {
                if !rule.thresholds.iter().any(|threshold| threshold.name == name) {
                    let names: Vec<&str> = rule.thresholds.iter().map(|threshold| threshold.name).collect();
                    let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                    return Err(format!("thresholds.{id}.{name}: no such threshold; {id} has {names}"));
                }
            }
        }
        Ok(config)
    }

    /// The value of a rule's threshold: as configured, else its default.
    ///
    /// # Panics
    /// If the rule does not list the threshold; its own samples show that in a test.
    pub fn threshold(&self, rule: &Rule, name: &str) -> u64 {
        let listed = rule.thresholds.iter().find(|threshold| threshold.name == name);
        let default = listed.unwrap_or_else(|| panic!("{} does not list the threshold {name}", rule.id)).default;
        self.thresholds.get(rule.id).and_then(|values| values.get(name)).copied().unwrap_or(default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_or_refused_with_what_would_be_right() {
        for (text, complaint) in [
            ("", ""),
            ("log_buckets = ['a']\npublic_buckets = ['b', 'c']", ""),
            ("[thresholds.DEL-001]\ndeleted_keys = 7", ""),
            ("log_bucket = ['a']", "unknown field `log_bucket`"),
            ("owned_accounts = ['111122223333']\nreaders = []\niac_roles = ['a']\npartners = ['b']", ""),
            ("owned_accounts = 7", "invalid type"),
            ("[thresholds.DEL-999]\ndeleted_keys = 7", "there are LOG-001, "),
            ("[thresholds.DEL-001]\nkeys = 7", "DEL-001 has deleted_keys"),
            ("[thresholds.DEL-001]\ndeleted_keys = -7", "invalid value"),
        ] {
            let result = Config::from_toml(text);
            assert_eq!(result.is_ok(), complaint.is_empty(), "{text}: {result:?}");
            assert!(result.err().unwrap_or_default().contains(complaint), "{text}");
        }
    }

    #[test]
    fn a_threshold_is_the_configured_one_or_the_default() {
        let rule = super::super::rule("del-001").unwrap();
        let config = Config::from_toml("[thresholds.DEL-001]\ndeleted_keys = 7").unwrap();
        assert_eq!(config.threshold(rule, "deleted_keys"), 7);
        assert_eq!(Config::default().threshold(rule, "deleted_keys"), 50);
    }
}
