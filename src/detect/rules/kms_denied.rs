//! KMS-008: one caller tries to use keys of KMS, again and again, and is refused.

use crate::detect::alert::{Alert, Outcome, Severity, counted};
use crate::detect::batch::cell;
use crate::detect::bursts::{Burst, BurstDetector, Found};
use crate::detect::capped::cap_of;
use crate::detect::codes::{Act, Among, Codes, Ended, Who};
use crate::detect::key_sample::about;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared, Threshold};
use serde_json::json;

/// KMS-008 `kms-denied`.
pub static RULE: Rule = Rule {
    id: "KMS-008",
    name: "kms-denied",
    title: "KMS refused a caller the use of keys",
    severity: Severity::Medium,
    attack: &["T1530"],
    looks_for: "Decrypt, ReEncrypt, GenerateDataKey and GenerateDataKeyWithoutPlaintext of KMS that were refused for want \
        of permission, also where S3 called for the caller. Requests of one caller are counted within 10 minutes, \
        wherever they begin; stretches that overlap are one alert. Calls that were refused because there were too many \
        are left to KMS-001, and AWS services that call for nobody are left out.",
    why: "Who may read the objects of a bucket and not its key meets just this. It is what a stolen role does that was \
        made for something else, and the key is the last lock.",
    cannot_see: "Reads that S3 refused before it asked KMS. Access logs show the failed read, with a code of KMS, but not \
        the key (KMS-010). Records without a time.",
    false_positives: "A key policy or a role that was changed by mistake: then many callers are refused at once.",
    next_steps: &[
        "Look at which keys and objects were asked for: the records name the key, and the bucket in the context.",
        "Look for reads by the same caller that were done, and for buckets that it was never seen in.",
        "If the caller should have the right, mend the policy of the key or of the role.",
    ],
    thresholds: &[Threshold {
        name: "refused_calls",
        default: 10,
        source: "proposal (10 in 10 minutes), to be tuned on real data",
    }],
    activity_columns: &["service", "action", "principal"],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::KmsEvents],
    samples: &samples::SAMPLES,
    form: Form::Code(BurstDetector::<KmsDenied>::of),
};

mod samples;

struct KmsDenied {
    refused_calls: u64,
}

impl Burst for KmsDenied {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Acts(&[Act::OtherService]);
    const MINUTES: i64 = 10;
    const WHAT: &'static str = "refused calls";
    const MOST: usize = cap_of(1 << 16);

    fn new(config: &Config) -> Self {
        KmsDenied { refused_calls: config.threshold(&RULE, "refused_calls") }
    }

    fn select<'a>(
        &self,
        batch: &DetectBatch<'a>,
        codes: &Codes,
        row: usize,
    ) -> Option<([Option<&'a str>; 3], u64)> {
        let is_refused = codes.act[row] == Act::OtherService && codes.ended[row] == Ended::Denied;
        if !is_refused || codes.who[row] == Who::Service || !batch.text("service").is_at("kms", row) {
            return None;
        }
        let action = cell(batch.text("action"), row)?;
        let is_use = action == "Decrypt" || action == "ReEncrypt" || action.starts_with("GenerateDataKey");
        is_use.then_some(([cell(batch.text("principal"), row), None, None], codes.request[row]))
    }

    fn least(&self, _: [Option<&str>; 3], _: &Shared<'_>) -> Option<u64> {
        Some(self.refused_calls)
    }

    fn judge(&self, found: &Found<'_>, _: &Shared<'_>) -> Alert {
        let mut alert = found.alert(&RULE);
        alert.outcome = Outcome::Denied;
        let about = about(found.halvings);
        alert.summary = format!(
            "KMS refused {} {about}{}, up to {about}{} in about 10 minutes.",
            found.entity[0].unwrap_or("an unknown caller"),
            counted(found.count, "call", "calls"),
            found.peak,
        );
        let least = counted(self.refused_calls, "call was", "calls were");
        alert.reasons = vec![format!("At least {least} refused within 10 minutes.")];
        alert.reasons.extend(found.estimate());
        alert.observed.insert("refused_calls", json!(found.count));
        alert.observed.insert("refused_calls_in_a_window", json!(found.peak));
        alert.expected = [("refused_calls", json!(self.refused_calls))].into();
        alert
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::{self, CloudTrail};

    fn refused(count: i64, every_s: i64, change: fn(&mut Activity)) -> Vec<(LogType, Activity)> {
        let row = |number: i64| {
            let mut row = Activity {
                service: "kms",
                action: "Decrypt",
                outcome: "denied",
                error_code: Some("AccessDenied"),
                bucket: None,
                key: None,
                request: format!("R{number}"),
                time_ms: Some(number * every_s * 1000),
                line: number,
                ..Activity::default()
            };
            change(&mut row);
            (CloudTrail, row)
        };
        (0..count).map(row).collect()
    }

    #[test]
    fn ten_refusals_in_ten_minutes_are_an_alert() {
        type Change = fn(&mut Activity);
        for (count, every_s, change, expected) in [
            (10, 1, (|_| ()) as Change, 1),
            (9, 1, |_| (), 0),
            (30, 120, |_| (), 0),
            (10, 1, |row| row.action = "GenerateDataKeyWithoutPlaintext", 1),
            (10, 1, |row| row.action = "DescribeKey", 0),
            (10, 1, |row| row.service = "ssm", 0),
            (10, 1, |row| row.kind = "service", 0),
            (10, 1, |row| row.outcome = "throttled", 0),
            (10, 1, |row| row.outcome = "success", 0),
            (10, 1, |row| row.request = "one".to_owned(), 0),
        ] {
            let found = detect(&RULE, &Config::default(), &refused(count, every_s, change)).alerts;
            assert_eq!(found.len(), expected, "{count} {every_s}");
            assert!(found.iter().all(|it| it.count == 10 && it.bucket.is_none()));
        }
    }
}
