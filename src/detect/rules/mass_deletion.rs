//! DEL-001: one caller deletes many objects of a bucket in an hour.

use super::samples;
use crate::detect::alert::{Alert, Confidence, Severity, counted};
use crate::detect::deletions::Deleter;
use crate::detect::history::View;
use crate::detect::key_sample::{about, crosses, reaches_percent, share};
use crate::detect::minutes::{Different, MINUTE_MS, Measure, Series, Stretch};
use crate::detect::reading::{Reading, ReadingDetector};
use crate::detect::{Config, Evidence, Findings, Form, Known, Rule, Shared, Threshold};
use serde_json::json;

/// Length of the window: minutes are counted whole, and 60 minutes that begin within one touch 61 of them.
const WINDOW_MINUTES: i64 = 61;

/// DEL-001 `mass-deletion`.
pub static RULE: Rule = Rule {
    id: "DEL-001",
    name: "mass-deletion",
    title: "One caller deleted many objects of a bucket",
    severity: Severity::Medium,
    attack: &["T1485"],
    looks_for: "Different keys of one bucket that one caller deletes within 60 minutes, wherever the hour begins: \
        REST.DELETE.OBJECT and each BATCH.DELETE.OBJECT in access logs, DeleteObject in CloudTrail. A DeleteObjects \
        in CloudTrail names no keys and counts as one, unless lines of access logs name the keys of that request. \
        Minutes are counted whole, 61 at a time, so that no 60 minutes are missed. Hours that overlap are one alert. A \
        key that both logs show is one, and a key that only one of them shows counts too. The level is medium; it is \
        high if the alert as a whole covers many keys, or a large part of the keys that successful requests name in \
        this bucket anywhere in the input. Keys in folders that data engines empty themselves (_temporary, \
        .spark-staging, .hive-staging, __magic) are counted apart, as an alert of their own whose level is low. \
        Lifecycle actions and AWS services are left out.",
    why: "Ransom and sabotage delete in bulk, and versioning can be suspended before. The sooner it is seen the more \
        can be restored.",
    cannot_see: "Which keys a multi-object delete removed where only CloudTrail shows it. Objects that no request in \
        the input names: where the logs cover little beside the deletes, the known keys are few and their share is \
        large. Records without a time.",
    false_positives: "Jobs that clean up their own objects under other names than those above. Teardown of a test \
        bucket. The root user of an account may raise two alerts where both logs show it: access logs name it by \
        canonical id, CloudTrail by ARN.",
    next_steps: &[
        "Ask the owner of the principal whether the deletes were planned.",
        "Stop the principal: deny deletes in the bucket policy, or deactivate its access key.",
        "Restore the versions if the bucket has versioning: remove the delete markers.",
        "Look for reads of the same keys before: a copy taken first is extortion.",
    ],
    thresholds: &[
        Threshold {
            name: "deleted_keys",
            default: 50,
            source: "Panther's AWS.S3.DeleteObject rule (50 in 60 minutes)",
        },
        Threshold {
            name: "deleted_keys_high",
            default: 1000,
            source: "proposal: one full DeleteObjects request, \
                <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>",
        },
        Threshold {
            name: "known_keys_deleted_high_percent",
            default: 10,
            source: "proposal, to be tuned on real data",
        },
    ],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: samples!("DEL-001":
        "fires" S3Access "log" true,
        "fires_cloudtrail" CloudTrail "json" true,
        "near_miss_1" S3Access "log" false,
        "near_miss_2" S3Access "log" false,
        "denied_twin" S3Access "log" false,
    ),
    form: Form::Code(ReadingDetector::<MassDeletion>::of),
};

struct MassDeletion {
    deleted_keys: u64,
    deleted_keys_high: u64,
    known_keys_deleted_high_percent: u64,
}

impl Reading for MassDeletion {
    const RULE: &'static Rule = &RULE;

    fn new(config: &Config) -> MassDeletion {
        let threshold = |name| config.threshold(&RULE, name);
        MassDeletion {
            deleted_keys: threshold("deleted_keys"),
            deleted_keys_high: threshold("deleted_keys_high"),
            known_keys_deleted_high_percent: threshold("known_keys_deleted_high_percent"),
        }
    }

    fn judge(&self, _: &View<'_>, shared: &Shared<'_>, findings: &mut Findings) {
        for caller in shared.deletions.callers() {
            let series = shared.deletions.series(caller);
            for stretch in series.stretches(WINDOW_MINUTES, self.deleted_keys, Measure::Keys) {
                findings.alerts.push(self.alert(caller, (&series, &stretch), shared.known));
            }
        }
    }
}

impl MassDeletion {
    fn alert(&self, caller: &Deleter<'_>, (series, stretch): (&Series, &Stretch), known: &Known) -> Alert {
        let Deleter { principal, bucket, is_temporary, .. } = *caller;
        let evidence = caller.evidence(series, stretch);
        let measured =
            self.measure(known.keys(bucket), series, stretch, evidence[0].total() + evidence[1].total());
        let Measured { different, known, halvings, .. } = measured;
        let temporary = is_temporary.then_some("temporary objects");
        let mut alert =
            Alert::of(&RULE, &[principal, Some(bucket), temporary], Some(stretch.minutes.start() * MINUTE_MS));
        alert.set_evidence([&evidence[0], &evidence[1]]);
        alert.severity = match temporary {
            Some(_) => Severity::Low,
            None if measured.is_many || measured.is_share => Severity::High,
            None => Severity::Medium,
        };
        alert.confidence = if halvings > 0 { Confidence::Medium } else { Confidence::High };
        alert.window_seconds = WINDOW_MINUTES as u64 * 60;
        alert.bucket = Some(bucket.to_owned());
        alert.principal = principal.map(str::to_owned);
        caller.facts().tell(&mut alert);
        alert.object_key.take_if(|_| different.unnamed > 0);
        alert.count = different.keys + different.unnamed;
        alert.summary = format!("{} {}", caller.name(), measured.sentence(bucket));
        alert.reasons = self.reasons(&measured);
        alert.reasons.extend(temporary.map(|_| {
            "All of these keys lie in folders for temporary objects of a data engine, such as _temporary: the level is \
             low."
                .to_owned()
        }));
        alert.observed = [
            ("deleted_keys", json!(different.keys)),
            ("deletes_in_a_window", json!(measured.peak)),
            ("known_keys", json!(known)),
            ("known_keys_deleted_percent", json!(measured.percent())),
            ("requests_with_unknown_keys", json!(different.unnamed)),
            ("sampled_share", json!(share(halvings))),
            ("known_keys_sampled_share", json!(share(measured.known_halvings))),
        ]
        .into();
        alert.expected = [
            ("deleted_keys", json!(self.deleted_keys)),
            ("deleted_keys_high", json!(self.deleted_keys_high)),
            ("known_keys_deleted_high_percent", json!(self.known_keys_deleted_high_percent)),
        ]
        .into();
        alert
    }

    /// The numbers of a stretch, of which no estimate is above the number of records.
    fn measure(
        &self,
        (known, known_halvings): (u64, u32),
        series: &Series,
        stretch: &Stretch,
        records: u64,
    ) -> Measured {
        let Different { keys, unnamed } = series.different(&stretch.minutes);
        let halvings = series.halvings();
        let most = if halvings > 0 { records } else { u64::MAX };
        let keys = keys.min(most);
        let unnamed = unnamed.min(most - keys);
        let known = known.max(keys);
        let percent = self.known_keys_deleted_high_percent;
        Measured {
            different: Different { keys, unnamed },
            peak: stretch.peak.min(keys + unnamed),
            known,
            halvings,
            known_halvings,
            is_many: crosses((keys + unnamed) >> halvings, halvings, self.deleted_keys_high),
            is_share: keys > 0 && reaches_percent((keys, halvings), (known, known_halvings), percent),
        }
    }

    fn reasons(&self, measured: &Measured) -> Vec<String> {
        let mut reasons = vec![format!(
            "At least {} were counted within an hour.",
            counted(self.deleted_keys, "delete", "deletes")
        )];
        if measured.is_many {
            reasons.push(format!("In all there are at least {}.", self.deleted_keys_high));
        }
        if measured.is_share {
            reasons.push(format!(
                "At least {} % of the keys that the logs name in the bucket were deleted.",
                self.known_keys_deleted_high_percent
            ));
        }
        if measured.different.unnamed > 0 {
            reasons.push(
                "A delete request whose keys are not known counts as one: there may be many more.".to_owned(),
            );
        }
        if measured.halvings > 0 {
            let share = share(measured.halvings);
            reasons.push(format!("The numbers are estimates from a sample of {share} keys."));
        }
        reasons
    }
}

/// The numbers of an alert.
struct Measured {
    different: Different,
    peak: u64,
    known: u64,
    halvings: u32,
    known_halvings: u32,
    is_many: bool,
    is_share: bool,
}

impl Measured {
    fn percent(&self) -> u64 {
        self.different.keys * 100 / self.known.max(1)
    }

    fn sentence(&self, bucket: &str) -> String {
        let Different { keys, unnamed } = self.different;
        let mut did = Vec::new();
        if keys > 0 {
            let what = counted(keys, "key", "different keys");
            did.push(format!("deleted {}{what} of {bucket}", about(self.halvings)));
        }
        if unnamed > 0 {
            let what = counted(
                unnamed,
                "delete request whose keys the log does not name",
                "delete requests whose keys the log does not name",
            );
            let to = if keys > 0 { String::new() } else { format!(" to {bucket}") };
            did.push(format!("sent {}{what}{to}", about(self.halvings)));
        }
        let mut sentence =
            format!("{}, up to {}{} in about an hour", did.join(" and "), about(self.halvings), self.peak);
        if keys > 0 {
            sentence += &format!(
                "; the named keys are {}{} % of the {}{} that the logs name",
                about(self.halvings.max(self.known_halvings)),
                self.percent(),
                about(self.known_halvings),
                self.known
            );
        }
        sentence + "."
    }
}

#[cfg(test)]
mod tests;
