//! GET-016: somebody of another account reads objects.

use crate::detect::alert::{Confidence, Severity, counted};
use crate::detect::history::{LearnedCaller, View};
use crate::detect::key_sample::share;
use crate::detect::known::is_delivering;
use crate::detect::reading::{DAY_MINUTES, Reading, ReadingDetector, alert, name, span_in_words};
use crate::detect::{Config, Evidence, Findings, Form, Rule, Shared, Threshold};
use serde_json::json;

/// GET-016 `cross-account-reader`.
pub static RULE: Rule = Rule {
    id: "GET-016",
    name: "cross-account-reader",
    title: "A caller of another account read objects",
    severity: Severity::Medium,
    attack: &["T1530"],
    looks_for: "GetObject that was done for a caller whose account is not the owner's: an account id in the caller's \
        ARN, or a canonical id that is not the bucket owner's. The owner's accounts are those of owned_accounts in the \
        configuration, the recipients of CloudTrail events and the owners of buckets in access logs. There is one alert \
        for a caller and a bucket; accounts in partners are kept quiet and counted. The level is medium; it is info \
        for a caller that has read the bucket for days, by the logs or a baseline. AWS services are left out.",
    why: "A bucket policy or ACL that lets another account in is often forgotten, and sometimes planted.",
    cannot_see: "Which account a canonical id belongs to. Callers by ARN where only access logs are given and no \
        account is configured: nothing says then which account is the owner's, and that is said.",
    false_positives: "Partners, subsidiaries and CDN identities: list their accounts under partners or owned_accounts.",
    next_steps: &[
        "Find out whose account it is, and whether somebody agreed to its access.",
        "Read the bucket policy and the ACL, and who changed them last.",
        "List the keys that were read.",
    ],
    thresholds: &[Threshold {
        name: "known_after_days",
        default: 7,
        source: "proposal: a week holds every day of the week once",
    }],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(ReadingDetector::<CrossAccountReader>::of),
};

mod samples;

struct CrossAccountReader {
    known_after_days: u64,
}

impl Reading for CrossAccountReader {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        CrossAccountReader { known_after_days: config.threshold(&RULE, "known_after_days") }
    }

    fn judge(&self, history: &View<'_>, shared: &Shared<'_>, findings: &mut Findings) {
        let mut unknown = 0;
        for caller in history.callers().iter().filter(|caller| !caller.is_service) {
            let total = caller.series.total();
            let (Some(account), Some(span)) = (caller.account(), caller.series.span()) else { continue };
            if total.reads == 0 || caller.principal.is_some_and(is_delivering) {
                continue;
            }
            match shared.known.accounts.is_owned(shared.config, account) {
                Some(true) => continue,
                None => {
                    unknown += 1;
                    continue;
                }
                Some(false) => {}
            }
            let first = match history.past_of(caller) {
                Some(LearnedCaller::Seen(past)) => past.first_minute.min(*span.start()),
                _ => *span.start(),
            };
            let days = u64::from(span.end() - first) / u64::from(DAY_MINUTES);
            let is_known = days >= self.known_after_days;
            let keys = caller.series.keys_within(&span);
            let mut found = alert(&RULE, caller, &span, "account");
            found.severity = if is_known { Severity::Info } else { Severity::Medium };
            found.confidence = Confidence::High;
            found.window_seconds = 0;
            found.count = total.reads;
            found.summary = format!(
                "{} of account {account} read {} of {} over {}.",
                name(caller),
                counted(total.reads, "object", "objects"),
                caller.bucket,
                span_in_words(u64::from(span.end() - span.start()) + 1),
            );
            found.reasons.push("The caller's account is neither configured nor seen as the owner's.".to_owned());
            if is_known {
                found.reasons.push(format!("It has read the bucket for {days} days: known, if not wanted."));
            }
            found.observed = [
                ("account", json!(account)),
                ("reads", json!(total.reads)),
                ("keys", json!(keys)),
                ("bytes", json!(total.bytes)),
                ("days", json!(days)),
                ("sampled_share", json!(share(caller.series.key_halvings()))),
            ]
            .into();
            found.expected = [("known_after_days", json!(self.known_after_days))].into();
            if shared.config.partners.contains(account) {
                findings.suppressed.push(found);
            } else {
                findings.alerts.push(found);
            }
        }
        if unknown > 0 {
            findings.notes.push(format!(
                "no account id of 12 digits is known to be the owner's, so {} not evaluated; list yours under owned_accounts.",
                counted(unknown, "caller was", "callers were")
            ));
        }
    }
}
