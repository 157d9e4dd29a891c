//! Which accounts are the owner's: those whose logs these are.

use crate::detect::Config;
use crate::parse::LogType;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Accounts remembered; an organisation has at most 10,000 unless AWS agreed to more
/// (<https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>). Of more, the first by
/// name are kept, which does not depend on order.
const MOST: usize = 10_000;

/// The accounts whose logs these are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    /// Recipients of CloudTrail events: 12 digits.
    recipients: BTreeSet<Box<str>>,
    /// Owners of buckets in access logs: canonical ids.
    bucket_owners: BTreeSet<Box<str>>,
    /// The one that was seen last: mostly the next one too.
    #[serde(skip)]
    last: Box<[u8]>,
}

fn insert(accounts: &mut BTreeSet<Box<str>>, account: &str, fits: fn(&str) -> bool) {
    if fits(account) && !accounts.contains(account) {
        accounts.insert(account.into());
        if accounts.len() > MOST {
            accounts.pop_last();
        }
    }
}

/// 12 digits.
pub fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// 64 hexadecimal digits.
pub fn is_canonical_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Accounts {
    /// Takes the account whose log a row is in.
    pub fn see(&mut self, log: LogType, account: &[u8]) {
        if *self.last == *account {
            return;
        }
        self.last = account.into();
        let (accounts, fits): (_, fn(&str) -> bool) = match log {
            LogType::S3Access => (&mut self.bucket_owners, is_canonical_id),
            LogType::CloudTrail => (&mut self.recipients, is_account_id),
        };
        if let Ok(account) = std::str::from_utf8(account) {
            insert(accounts, account, fits);
        }
    }

    /// Takes over what another part of the input showed.
    pub fn merge(&mut self, other: Accounts) {
        other.recipients.iter().for_each(|account| insert(&mut self.recipients, account, is_account_id));
        other.bucket_owners.iter().for_each(|account| insert(&mut self.bucket_owners, account, is_canonical_id));
    }

    /// Is an account the owner's? It is given by its 12 digits or its canonical id. `None`: nothing tells.
    pub fn is_owned(&self, config: &Config, account: &str) -> Option<bool> {
        let inferred = if is_canonical_id(account) { &self.bucket_owners } else { &self.recipients };
        if config.owned_accounts.contains(account) || inferred.contains(account) {
            return Some(true);
        }
        let listed = config.owned_accounts.iter().any(|owned| owned.len() == account.len());
        (listed || !inferred.is_empty()).then_some(false)
    }

    /// Accounts that are the owner's though the configuration does not list them.
    pub fn inferred(&self, config: &Config) -> Vec<String> {
        let accounts = self.recipients.iter().chain(&self.bucket_owners).map(|account| account.to_string());
        accounts.filter(|account| !config.owned_accounts.contains(account)).collect()
    }
}
