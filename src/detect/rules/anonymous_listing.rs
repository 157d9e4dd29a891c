//! GET-015: somebody without credentials lists the objects of a bucket.

use super::samples;
use crate::detect::alert::{Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Among, Codes, Ended, Who};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict, what};
use crate::detect::key_sample::about;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};
use serde_json::json;

/// GET-015 `anonymous-listing`.
pub static RULE: Rule = Rule {
    id: "GET-015",
    name: "anonymous-listing",
    title: "Objects were listed without credentials",
    severity: Severity::High,
    attack: &["T1619"],
    looks_for: "ListObjects, ListObjectsV2 and ListObjectVersions with a 2xx answer for a caller that did not \
        authenticate, in either log. There is one alert for a bucket and a UTC day. The level is high; it is medium \
        if the configuration lists the bucket under public_buckets, because a bucket whose objects anybody may read \
        by name need not show their names. A list that both logs show, by request, is one.",
    why: "Who can list a bucket knows every name in it and can take everything that is readable. Scanners look for \
        such buckets all the time.",
    cannot_see: "Which names the answer held. Who the caller was. Lists through a presigned URL, which carry the \
        credentials of its maker.",
    false_positives: "Buckets of open data, which are meant to be listed.",
    next_steps: &[
        "Find out whether the bucket is meant to be listed by anybody.",
        "Take s3:ListBucket for everybody out of the bucket's policy, and READ for AllUsers out of its ACL.",
        "Turn on S3 Block Public Access for the bucket or the account.",
        "Look for reads by the same addresses afterwards (GET-014).",
    ],
    thresholds: &[],
    activity_columns: &["bucket_name"],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: samples!("GET-015":
        "fires" S3Access "log" true,
        "fires_cloudtrail" CloudTrail "json" true,
        "near_miss_1" S3Access "log" false,
        "near_miss_2" S3Access "log" false,
        "denied_twin" S3Access "log" false,
    ),
    form: Form::Code(HitDetector::<AnonymousListing>::of),
};

struct AnonymousListing;

impl Pattern for AnonymousListing {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Acts(&[Act::ListObjects, Act::ListVersions]);

    fn new(_: &Config) -> Self {
        AnonymousListing
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        let is_list = codes.act[row].is_listing() && codes.ended[row] == Ended::Done;
        if !is_list || codes.who[row] != Who::Anonymous {
            return None;
        }
        let bucket = cell(batch.text("bucket_name"), row)?;
        let what = what(cell(batch.text("request_id"), row), 0);
        Some(Hit { entity: [Some("anonymous"), Some(bucket), None, None], what, kinds: 0 })
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let bucket = group.entity[1].unwrap_or_default();
        let is_public = shared.config.public_buckets.contains(bucket);
        let mut alert = group.alert(&RULE);
        alert.severity = if is_public { Severity::Medium } else { Severity::High };
        let about = about(group.halvings());
        alert.summary = format!(
            "Callers without credentials listed objects of {bucket} in {about}{} from {about}{}.",
            counted(group.count(), "request", "requests"),
            counted(group.addresses(), "address", "addresses"),
        );
        alert.reasons.push(if is_public {
            "The configuration lists the bucket under public_buckets, but that need not mean that anybody may list it."
                .to_owned()
        } else {
            "The configuration does not list the bucket under public_buckets.".to_owned()
        });
        alert.reasons.extend(group.estimate());
        alert.observed.remove("keys");
        alert.expected = [("requests", json!(0))].into();
        Verdict::Alert(alert)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::{self, CloudTrail, S3Access};

    fn list(log: LogType, number: i64) -> (LogType, Activity) {
        let row = Activity {
            action: "ListObjects",
            operation: "REST.GET.BUCKET",
            kind: "anonymous",
            principal: "anonymous",
            key: None,
            request: format!("R{number}"),
            line: number,
            ..Activity::default()
        };
        (log, row)
    }

    #[test]
    fn a_list_in_both_logs_counts_once_and_public_buckets_are_medium() {
        let rows: Vec<_> =
            [(S3Access, 1), (CloudTrail, 1), (S3Access, 2), (CloudTrail, 3)].map(|(log, n)| list(log, n)).into();
        for (config, expected) in [("", Severity::High), ("public_buckets = ['bucket']", Severity::Medium)] {
            let found = detect(&RULE, &Config::from_toml(config).unwrap(), &rows);
            let seen: Vec<_> = found.alerts.iter().map(|alert| (alert.severity, alert.count)).collect();
            assert_eq!((seen, found.suppressed.len()), (vec![(expected, 3)], 0));
        }
    }

    #[test]
    fn only_lists_of_objects_that_were_answered_to_nobody_count() {
        for (change, expected) in [
            ((|_| ()) as fn(&mut Activity), 1),
            (|row| row.operation = "REST.GET.BUCKETVERSIONS", 1),
            (|row| row.operation = "REST.HEAD.BUCKET", 0),
            (|row| row.operation = "REST.GET.OBJECT", 0),
            (|row| (row.outcome, row.status) = ("denied", Some(403)), 0),
            (|row| row.status = Some(301), 0),
            (|row| row.kind = "user", 0),
        ] {
            let mut row = list(S3Access, 1);
            change(&mut row.1);
            assert_eq!(detect(&RULE, &Config::default(), &[row.clone()]).alerts.len(), expected, "{row:?}");
        }
    }
}
