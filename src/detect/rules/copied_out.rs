//! GET-025: somebody of another account copies objects out of a bucket.

use crate::detect::alert::{Confidence, counted};
use crate::detect::history::View;
use crate::detect::key_sample::{about, share};
use crate::detect::reading::{Reading, ReadingDetector, alert, name};
use crate::detect::sample_lines::{Asks, made};
use crate::detect::{Config, Evidence, Findings, Form, Rule, Sample, Severity, Shared, Threshold};
use serde_json::json;

/// GET-025 `copied-out`.
pub static RULE: Rule = Rule {
    id: "GET-025",
    name: "copied-out",
    title: "A caller of another account copied objects out of a bucket",
    severity: Severity::High,
    attack: &["T1537"],
    looks_for: "Lines of access logs that show an object as the source of a copy (REST.COPY.OBJECT_GET, REST.COPY.PART_GET), \
        done for a caller whose account is not the owner's (as in GET-016). There is one alert for a caller and a bucket; \
        accounts in partners are kept quiet and counted. AWS services are left out.",
    why: "A copy goes from bucket to bucket within AWS: nothing is downloaded, no address is seen, and it is as fast as S3.",
    cannot_see: "Copies by the owner's own callers into a bucket of somebody else: of such a copy the log of the source does \
        not say where it goes. Copies where only CloudTrail shows the bucket. Which account a canonical id belongs to. The records \
        themselves: exposure lists them.",
    false_positives: "Partners and subsidiaries: list their accounts under partners or owned_accounts.",
    next_steps: &[
        "Find out whose account it is, and whether somebody agreed to its access.",
        "Look for the change that let it in (EXP-004).",
        "List what was copied: exposure --principal.",
        "Treat what was copied as known to others.",
    ],
    thresholds: &[Threshold { name: "copied_keys", default: 1, source: "detector catalogue: one is enough" }],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines],
    samples: &SAMPLES,
    form: Form::Code(ReadingDetector::<CopiedOut>::of),
};

struct CopiedOut {
    keys: u64,
}

impl Reading for CopiedOut {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> Self {
        CopiedOut { keys: config.threshold(&RULE, "copied_keys").max(1) }
    }

    fn judge(&self, history: &View<'_>, shared: &Shared<'_>, findings: &mut Findings) {
        for caller in history.callers().iter().filter(|caller| !caller.is_service) {
            let keys = caller.copied.distinct();
            let minutes = || caller.copied.keys.iter().map(|(minute, _)| *minute);
            let (Some(first), Some(last), Some(account)) = (minutes().min(), minutes().max(), caller.account())
            else {
                continue;
            };
            if keys < self.keys || shared.known.accounts.is_owned(shared.config, account) != Some(false) {
                continue;
            }
            let mut found = alert(&RULE, caller, &(first..=last), "copies");
            found.confidence = Confidence::Medium;
            found.window_seconds = 0;
            found.count = keys;
            found.summary = format!(
                "{} of account {account} copied {}{} out of {}.",
                name(caller),
                about(caller.copied.halvings),
                counted(keys, "object", "different objects"),
                caller.bucket,
            );
            found.reasons.push("The caller's account is neither configured nor seen as the owner's.".to_owned());
            found.observed = [
                ("keys", json!(keys)),
                ("account", json!(account)),
                ("sampled_share", json!(share(caller.copied.halvings))),
            ]
            .into();
            found.expected = [("copied_keys", json!(self.keys))].into();
            match shared.config.partners.contains(account) {
                true => findings.suppressed.push(found),
                false => findings.alerts.push(found),
            }
        }
    }
}

/// A copy by a role of another account; the owner's is known by the canonical id of its buckets.
const COPY: Asks = Asks {
    requester: "7777777777777777777777777777777777777777777777777777777777777777",
    operation: "REST.COPY.OBJECT_GET",
    answer: (200, "-"),
    count: 3,
    ..Asks::USUAL
};

static SAMPLES: [Sample; 5] = [
    made!("fires", true, COPY.lines()),
    made!("near_miss_1", false, {
        Asks { requester: "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be", ..COPY }.lines()
    }),
    made!("near_miss_2", false, Asks { operation: "REST.GET.OBJECT", ..COPY }.lines()),
    made!("near_miss_3", false, Asks { operation: "REST.COPY.OBJECT", ..COPY }.lines()),
    made!("denied_twin", false, Asks { answer: (403, "AccessDenied"), ..COPY }.lines()),
];
