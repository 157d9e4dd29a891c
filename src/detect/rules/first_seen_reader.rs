//! GET-005: somebody reads a bucket who never did before.

use crate::detect::alert::{Alert, Severity, counted};
use crate::detect::history::{CallerView, LearnedCaller, View};
use crate::detect::key_sample::share;
use crate::detect::known::is_delivering;
use crate::detect::minutes::MINUTE_MS;
use crate::detect::reading::{DAY_MINUTES, Reading, ReadingDetector, alert, name, span_in_words};
use crate::detect::{Config, Evidence, Findings, Form, Rule, Shared, Threshold};
use serde_json::json;
use std::ops::RangeInclusive;

/// GET-005 `first-seen-reader`.
pub static RULE: Rule = Rule {
    id: "GET-005",
    name: "first-seen-reader",
    title: "A caller read a bucket for the first time",
    severity: Severity::Low,
    attack: &["T1530", "T1078.004"],
    looks_for: "The first GetObject of a caller in a bucket, in either log, once the logs show the bucket for a number \
        of days before, or for a day with a number of requests; a baseline counts as logs \
        before. The level is low, and medium if the caller's account is not the owner's. Callers without credentials are \
        GET-014's; AWS services and, on log buckets, the configured readers are left out.",
    why: "Stolen credentials are used where their owner never was.",
    cannot_see: "Callers in the first days of the logs: that is said, and not guessed. Earlier logs may know a caller \
        that these do not.",
    false_positives: "A new application, a new colleague, a job that runs once a month. The root user of an account \
        may raise two alerts where both logs show it: access logs name it by canonical id, CloudTrail by ARN.",
    next_steps: &[
        "Ask the owner of the bucket whether the caller is expected.",
        "Look at what the caller read, and from where.",
        "If it is a role, find out who assumed it.",
    ],
    thresholds: &[
        Threshold {
            name: "history_days",
            default: 7,
            source: "proposal: a week holds every day of the week once",
        },
        Threshold { name: "history_requests", default: 200, source: "proposal, to be tuned on real data" },
    ],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(ReadingDetector::<FirstSeenReader>::of),
};

mod samples;

struct FirstSeenReader {
    history_days: u64,
    history_requests: u64,
}

impl Reading for FirstSeenReader {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        let threshold = |name| config.threshold(&RULE, name);
        FirstSeenReader {
            history_days: threshold("history_days"),
            history_requests: threshold("history_requests"),
        }
    }

    fn judge(&self, history: &View<'_>, shared: &Shared<'_>, findings: &mut Findings) {
        let (mut short, mut unsaid) = (0, 0);
        for caller in history.callers() {
            let total = caller.series.total();
            let is_named = caller.kind() != "anonymous" && !caller.is_service;
            let (true, true, Some(span)) = (is_named, total.reads > 0, caller.series.span()) else { continue };
            let Some(principal) = caller.principal.filter(|principal| !is_delivering(principal)) else { continue };
            let first = caller.first_read_ms.and_then(|time_ms| u32::try_from(time_ms / MINUTE_MS).ok());
            let first = first.unwrap_or(*span.start());
            let (minutes, requests) = history.before(caller.bucket, first);
            let day = u64::from(DAY_MINUTES);
            let is_known =
                minutes >= self.history_days * day || (minutes >= day && requests >= self.history_requests);
            if !is_known {
                short += 1;
                continue;
            }
            match history.past_of(caller) {
                Some(LearnedCaller::Seen(_)) => continue,
                Some(LearnedCaller::Unsaid) => {
                    unsaid += 1;
                    continue;
                }
                Some(LearnedCaller::Never) | None => {}
            }
            let range = first.min(*span.start())..=*span.end();
            let found = self.alert(caller, shared, &range, (minutes, requests));
            let log_bucket = shared.known.log_bucket(shared.config, caller.bucket);
            if log_bucket.is_some() && shared.config.readers.contains(principal) {
                findings.suppressed.push(found);
            } else {
                findings.alerts.push(found);
            }
        }
        if unsaid > 0 {
            let callers = counted(unsaid, "caller may", "callers may");
            findings.notes.push(format!("{callers} be in what the baseline leaves out: not evaluated."));
        }
        if short > 0 {
            findings.notes.push(format!(
                "{} began before the logs show their bucket for {} days, or for a day with {} requests: not evaluated.",
                counted(short, "caller", "callers"),
                self.history_days,
                self.history_requests
            ));
        }
    }
}

impl FirstSeenReader {
    /// About a caller after so many minutes of logs with so many requests.
    fn alert(
        &self,
        caller: &CallerView<'_>,
        shared: &Shared<'_>,
        range: &RangeInclusive<u32>,
        (minutes, requests): (u64, u64),
    ) -> Alert {
        let total = caller.series.total();
        let mut found = alert(&RULE, caller, range, "first");
        let is_foreign =
            caller.account().and_then(|account| shared.known.accounts.is_owned(shared.config, account))
                == Some(false);
        found.severity = if is_foreign { Severity::Medium } else { Severity::Low };
        found.window_seconds = 0;
        found.count = total.reads;
        found.summary = format!(
            "{} read {} for the first time after {} of logs without it, {} in all.",
            name(caller),
            caller.bucket,
            span_in_words(minutes),
            counted(total.reads, "read", "reads"),
        );
        found.reasons.push(format!(
            "The logs show {} of the bucket over {} before.",
            counted(requests, "request", "requests"),
            span_in_words(minutes)
        ));
        if is_foreign {
            found.reasons.push("The caller's account is not the owner's.".to_owned());
        }
        found.observed = [
            ("reads", json!(total.reads)),
            ("keys", json!(caller.series.keys_within(range))),
            ("bytes", json!(total.bytes)),
            ("sampled_share", json!(share(caller.series.key_halvings()))),
        ]
        .into();
        found.expected = [
            ("history_minutes", json!(minutes)),
            ("history_requests", json!(requests)),
            ("history_days", json!(self.history_days)),
        ]
        .into();
        found
    }
}
