//! Whose steps belong together: a caller's with those of the roles it took on, an address's, those on a bucket.

use crate::detect::Alert;
use crate::detect::known::AssumedRoles;
use std::collections::BTreeMap;

/// What alerts have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// The caller, or one whose role it took on.
    Principal,
    /// The address.
    Address,
    /// The bucket, whoever comes.
    Bucket,
}

impl By {
    /// In a sentence, before the name.
    pub fn noun(self) -> &'static str {
        match self {
            By::Principal => "Caller",
            By::Address => "Address",
            By::Bucket => "Bucket",
        }
    }

    /// Names the actor in an alert about it.
    pub fn set(self, alert: &mut Alert, actor: &str) {
        let name = Some(actor.to_owned());
        match self {
            By::Principal => alert.principal = name,
            By::Address => alert.remote_ip = name,
            By::Bucket => alert.bucket = name,
        }
    }

    fn of(self, alert: &Alert) -> Option<&str> {
        match self {
            By::Principal => alert.principal.as_deref().filter(|name| *name != "anonymous"),
            By::Address => alert.remote_ip.as_deref(),
            By::Bucket => alert.bucket.as_deref(),
        }
    }
}

/// The alerts of each actor, each in the order of their first event; those without a time are left out.
pub fn of_actors<'a>(
    alerts: impl Iterator<Item = &'a Alert>,
    by: &[By],
    assumed: &AssumedRoles,
) -> BTreeMap<(By, String), Vec<&'a Alert>> {
    let callers = assumed.callers();
    let mut all: BTreeMap<(By, String), Vec<&Alert>> = BTreeMap::new();
    for alert in alerts.filter(|alert| alert.first_seen_ms.is_some()) {
        for by in by {
            let Some(actor) = by.of(alert) else { continue };
            all.entry((*by, actor.to_owned())).or_default().push(alert);
            if let (By::Principal, Some(first_ms), Some(last_ms)) = (by, alert.first_seen_ms, alert.last_seen_ms) {
                for caller in callers.of(actor, first_ms, last_ms) {
                    all.entry((*by, caller.to_owned())).or_default().push(alert);
                }
            }
        }
    }
    for alerts in all.values_mut() {
        alerts.sort_by_key(|alert| (alert.first_seen_ms, alert.rule_id, &alert.alert_id));
    }
    all
}
