//! What a site tells the detectors: which buckets are what, and other thresholds.

use super::Rule;
use super::baseline::Learned;
use super::context::{BusinessHours, Context, Files, Hours, NetworkSetting, ReadFile};
use super::known::{is_account_id, is_canonical_id};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Settings of the detectors, read from TOML:
///
/// ```toml
/// owned_accounts = ["111122223333"]   # accounts or canonical ids; those whose logs these are come by themselves
/// log_buckets = ["trail-logs"]        # buckets that hold logs, beside those that show it
/// public_buckets = ["www-assets"]     # anonymous reads of them are wanted
/// readers = ["arn:aws:iam::111122223333:role/siem"]        # may read logs
/// iac_roles = ["arn:aws:iam::111122223333:role/terraform"] # may change settings
/// partners = ["444455556666"]         # other accounts that may read
/// sensitive_buckets = ["payroll"]     # few may read them
/// vpc_only_buckets = ["internal"]     # are read through VPC endpoints only
/// decoys = ["honey", "data/backup/"]  # a bucket, or a bucket and the beginning of keys: nobody has a reason to touch it
/// ip_ranges = "ip-ranges.json"        # AWS's list of its addresses
/// country_database = "country.mmdb"   # countries of addresses, in MaxMind's form
/// asn_database = "asn.mmdb"           # their autonomous systems
///
/// [business_hours]
/// utc_offset = "+01:00"
/// days = ["mon", "tue", "wed", "thu", "fri"]
/// hours = "08-18"
///
/// [[networks]]                        # as many as 64 lists
/// name = "tor exits"
/// kind = "tor"                        # threat, tor or corporate
/// file = "tor-exits.txt"              # a network a line; or cidrs = ["192.0.2.0/24"]
/// as_of = "2026-11-01"
///
/// [placeholders]                       # for users' rules: what %admins% stands for
/// admins = ["ann", "bob"]
///
/// [thresholds.DEL-001]
/// deleted_keys = 200
/// ```
///
/// Buckets, accounts and callers are given by their exact names, callers in the form of the column `principal`; there
/// are no wildcards.
#[derive(Clone, Debug, Default, Deserialize)]
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
    /// What words between percent signs stand for in Sigma rules (`|expand`).
    pub placeholders: BTreeMap<String, BTreeSet<String>>,
    /// Exact names of buckets that few may read.
    pub sensitive_buckets: BTreeSet<String>,
    /// Exact names of buckets that are reached through VPC endpoints only.
    pub vpc_only_buckets: BTreeSet<String>,
    /// Buckets, or buckets and the beginning of keys, that nobody has a reason to touch.
    pub decoys: BTreeSet<String>,
    business_hours: Option<BusinessHours>,
    networks: Vec<NetworkSetting>,
    ip_ranges: Option<String>,
    country_database: Option<String>,
    asn_database: Option<String>,
    /// `business_hours`, ready to be asked.
    #[serde(skip)]
    pub hours: Option<Hours>,
    /// `networks` and the files that are named, ready to be asked.
    #[serde(skip)]
    pub context: Arc<Context>,
    /// What is usual, learned before; not a part of the text.
    #[serde(skip)]
    pub baseline: Option<Arc<Learned>>,
    /// By rule id and threshold name.
    thresholds: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Config {
    /// Reads settings that name no other files.
    ///
    /// # Errors
    /// As [`Config::from_toml_with`].
    pub fn from_toml(text: &str) -> Result<Config, String> {
        Config::from_toml_with(text, &mut |file| Err(format!("{file}: no files are read here")))
    }

    /// Reads the settings; `read` reads the files that they name.
    ///
    /// # Errors
    /// One sentence: what is wrong in the text or in a file, or which rule or threshold does not exist and which do.
    pub fn from_toml_with(text: &str, read: &mut ReadFile<'_>) -> Result<Config, String> {
        let mut config: Config = toml::from_str(text).map_err(|error| error.to_string())?;
        config.check_names()?;
        config.hours = config.business_hours.as_ref().map(BusinessHours::read).transpose()?;
        let files = Files {
            ip_ranges: config.ip_ranges.as_deref(),
            country_database: config.country_database.as_deref(),
            asn_database: config.asn_database.as_deref(),
        };
        config.context = Arc::new(Context::of(&config.networks, files, read)?);
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

    /// Refuses names of a form that the logs never have: they would have no effect, and nobody would notice.
    fn check_names(&self) -> Result<(), String> {
        let lists = [
            ("owned_accounts", &self.owned_accounts, account_complaint as fn(&str) -> Option<&'static str>),
            ("partners", &self.partners, account_complaint),
            ("log_buckets", &self.log_buckets, bucket_complaint),
            ("public_buckets", &self.public_buckets, bucket_complaint),
            ("sensitive_buckets", &self.sensitive_buckets, bucket_complaint),
            ("vpc_only_buckets", &self.vpc_only_buckets, bucket_complaint),
            ("decoys", &self.decoys, decoy_complaint),
            ("readers", &self.readers, caller_complaint),
            ("iac_roles", &self.iac_roles, caller_complaint),
        ];
        let mut complaints = lists.into_iter().flat_map(|(list, names, complaint)| {
            names.iter().filter_map(move |name| Some(format!("{list}: {name:?} {}", complaint(name)?)))
        });
        complaints.next().map_or(Ok(()), Err)
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

fn account_complaint(account: &str) -> Option<&'static str> {
    let fits = is_account_id(account) || is_canonical_id(account);
    (!fits).then_some("is no account; give its 12 digits, or its canonical id of 64 hexadecimal digits")
}

fn bucket_complaint(bucket: &str) -> Option<&'static str> {
    let is_name = !bucket.is_empty() && !bucket.contains([':', '/', '*', '?']);
    (!is_name).then_some("is no bucket; give its name alone, without wildcards")
}

fn decoy_complaint(decoy: &str) -> Option<&'static str> {
    let bucket = decoy.split('/').next().unwrap_or_default();
    let fits = bucket_complaint(bucket).is_none() && !decoy.contains('*');
    (!fits).then_some("is no decoy; give BUCKET, or BUCKET/ and the beginning of keys, without wildcards")
}

/// Callers may be more than ARNs (services, canonical ids), but a role has one form.
fn caller_complaint(caller: &str) -> Option<&'static str> {
    let role = caller.split_once(":role/").map(|(_, name)| name);
    if caller.contains('*') {
        Some("has a wildcard; give each caller")
    } else if caller.contains(":assumed-role/") || role.is_some_and(|name| name.contains('/')) {
        Some("is no role as the logs name it; give arn:PARTITION:iam::ACCOUNT:role/NAME without path and session")
    } else {
        caller.is_empty().then_some("is no caller")
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
            (
                "owned_accounts = ['111122223333']\nreaders = []\niac_roles = ['a']\npartners = ['444455556666']",
                "",
            ),
            (
                "partners = ['arn:aws:iam::444455556666:root']",
                "partners: \"arn:aws:iam::444455556666:root\" is no account",
            ),
            ("owned_accounts = ['1111']", "give its 12 digits"),
            ("log_buckets = ['arn:aws:s3:::logs']", "give its name alone"),
            ("public_buckets = ['www-*']", "without wildcards"),
            ("readers = ['logging.s3.amazonaws.com', 'arn:aws:iam::111122223333:user/team/ann']", ""),
            ("readers = ['arn:aws:sts::111122223333:assumed-role/siem/poll']", "role/NAME without path"),
            ("iac_roles = ['arn:aws:iam::111122223333:role/ci/deploy']", "role/NAME without path"),
            ("iac_roles = ['arn:aws:iam::*:role/deploy']", "has a wildcard"),
            ("owned_accounts = 7", "invalid type"),
            ("[thresholds.DEL-999]\ndeleted_keys = 7", "there are LOG-001, "),
            ("sensitive_buckets = ['a']\nvpc_only_buckets = ['b']\ndecoys = ['c', 'd/e/f']", ""),
            ("decoys = ['c/*']", "is no decoy"),
            ("decoys = ['/c']", "is no decoy"),
            ("ip_ranges = 'a.json'", "a.json: no files are read here"),
            ("country_database = 'a.mmdb'", "a.mmdb: no files are read here"),
            ("asn_database = 'a.mmdb'", "a.mmdb: no files are read here"),
            ("[business_hours]\nutc_offset = 'Z'\ndays = ['mon']\nhours = '08-18'", ""),
            ("[business_hours]\nutc_offset = 'Z'\ndays = ['mon']\nhours = '8'", "business_hours.hours"),
            ("[business_hours]\ndays = ['mon']\nhours = '08-18'", "missing field `utc_offset`"),
            ("[[networks]]\nname = 'a'\nkind = 'tor'\ncidrs = ['192.0.2.0/24']", ""),
            ("[[networks]]\nname = 'a'\nkind = 'vpn'\ncidrs = ['192.0.2.0/24']", "unknown variant `vpn`"),
            (
                "[[networks]]\nname = 'a'\nkind = 'tor'\ncidrs = ['192.0.2']",
                "networks \"a\": \"192.0.2\" is no address",
            ),
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
