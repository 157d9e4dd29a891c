//! GET-014: somebody without credentials reads objects.

use super::samples;
use crate::detect::alert::{Severity, counted};
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Among, Codes, Ended, Who};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict, what};
use crate::detect::key_sample::about;
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared, Threshold};
use serde_json::json;

/// GET-014 `anonymous-object-read`.
pub static RULE: Rule = Rule {
    id: "GET-014",
    name: "anonymous-object-read",
    title: "Objects were read without credentials",
    severity: Severity::Medium,
    attack: &["T1530"],
    looks_for: "GetObject with a 2xx answer for a caller that did not authenticate, in either log, website endpoints \
        included, in a bucket that the configuration does not list under public_buckets. There is one alert for a \
        bucket and a UTC day. The level is medium, and high from a number of different keys on. A read that both logs \
        show, by request and key, is one.",
    why: "A bucket that anybody can read leaks whatever is put into it. Most such buckets were opened by mistake.",
    cannot_see: "Reads that were answered with 304 Not Modified, and reads through a presigned URL, which carry the \
        credentials of its maker. Who the caller was.",
    false_positives: "Web sites and public downloads: list their buckets under public_buckets. Alerts kept quiet that \
        way are counted.",
    next_steps: &[
        "Find out whether the bucket is meant to be public; if it is, list it under public_buckets.",
        "Turn on S3 Block Public Access for the bucket or the account.",
        "List the keys that were read, and treat secrets among them as known to others.",
    ],
    thresholds: &[Threshold {
        name: "keys_high",
        default: 15,
        source: "Elastic's hunting query for anonymous reads of S3 (15 objects)",
    }],
    activity_columns: &["bucket_name"],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: samples!("GET-014":
        "fires" S3Access "log" true,
        "fires_cloudtrail" CloudTrail "json" true,
        "near_miss_1" S3Access "log" false,
        "near_miss_2" S3Access "log" false,
        "denied_twin" S3Access "log" false,
    ),
    form: Form::Code(HitDetector::<AnonymousObjectRead>::of),
};

struct AnonymousObjectRead {
    keys_high: u64,
}

impl Pattern for AnonymousObjectRead {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Acts(&[Act::Read]);

    fn new(config: &Config) -> Self {
        AnonymousObjectRead { keys_high: config.threshold(&RULE, "keys_high") }
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        let is_read = codes.act[row] == Act::Read && codes.ended[row] == Ended::Done;
        if !is_read || codes.who[row] != Who::Anonymous {
            return None;
        }
        let bucket = cell(batch.text("bucket_name"), row)?;
        let what = what(cell(batch.text("request_id"), row), codes.key[row]);
        Some(Hit { entity: [Some("anonymous"), Some(bucket), None, None], what, kinds: 0 })
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let bucket = group.entity[1].unwrap_or_default();
        let is_high = group.reaches_keys(self.keys_high);
        let mut alert = group.alert(&RULE);
        alert.severity = if is_high { Severity::High } else { Severity::Medium };
        let about = about(group.halvings());
        alert.summary = format!(
            "Callers without credentials read {about}{} of {bucket} in {about}{} from {about}{}.",
            counted(group.keys(), "key", "different keys"),
            counted(group.count(), "request", "requests"),
            counted(group.addresses(), "address", "addresses"),
        );
        alert.reasons.push("The configuration does not list the bucket under public_buckets.".to_owned());
        if is_high {
            let keys = counted(self.keys_high, "key was", "different keys were");
            alert.reasons.push(format!("At least {keys} read."));
        }
        if group.halvings() > 0 {
            alert.reasons.push("The numbers are estimates from a sample.".to_owned());
        }
        alert.expected = [("requests", json!(0)), ("keys_high", json!(self.keys_high))].into();
        if shared.config.public_buckets.contains(bucket) {
            Verdict::Suppressed(alert)
        } else {
            Verdict::Alert(alert)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::{self, CloudTrail, S3Access};
    use crate::parse::time::DAY_MS;

    fn reads(log: LogType, keys: i64) -> Vec<(LogType, Activity)> {
        let read = |number: i64| Activity {
            action: "GetObject",
            operation: "REST.GET.OBJECT",
            kind: "anonymous",
            principal: "anonymous",
            key: Some(format!("key {number}")),
            request: format!("R{number}"),
            line: number,
            ..Activity::default()
        };
        (0..keys).map(|number| (log, read(number))).collect()
    }

    #[test]
    fn one_read_is_medium_and_fifteen_keys_are_high() {
        for (keys, expected) in
            [(1, Severity::Medium), (14, Severity::Medium), (15, Severity::High), (3000, Severity::High)]
        {
            let found = detect(&RULE, &Config::default(), &reads(S3Access, keys));
            let [alert] = &found.alerts[..] else { panic!("{} alerts", found.alerts.len()) };
            assert_eq!((alert.severity, alert.count), (expected, keys as u64));
            assert!(alert.observed["keys"].as_u64().unwrap() <= keys as u64);
            let is_sampled = alert.observed["sampled_share"] != json!("all");
            assert_eq!(
                (is_sampled, alert.summary.contains("about"), found.limited),
                (keys > 1024, keys > 1024, false)
            );
        }
    }

    #[test]
    fn a_read_in_both_logs_counts_once_and_one_in_either_counts_too() {
        let mut rows = [reads(S3Access, 4), reads(CloudTrail, 6).split_off(3)].concat();
        rows[0].1.time_ms = Some(DAY_MS);
        let found = detect(&RULE, &Config::default(), &rows);
        let seen: Vec<(u64, usize)> = found.alerts.iter().map(|alert| (alert.count, alert.logs.len())).collect();
        assert_eq!(seen, [(5, 2), (1, 1)]);
    }

    #[test]
    fn reads_of_public_buckets_by_others_or_without_content_are_none() {
        let changed = |change: fn(&mut Activity), config: &str| {
            let mut rows = reads(S3Access, 2);
            rows.iter_mut().for_each(|(_, row)| change(row));
            let found = detect(&RULE, &Config::from_toml(config).unwrap(), &rows);
            (found.alerts.len(), found.suppressed.len())
        };
        assert_eq!(changed(|_| (), ""), (1, 0));
        assert_eq!(changed(|_| (), "public_buckets = ['bucket']"), (0, 1));
        assert_eq!(changed(|_| (), "public_buckets = ['bucke']"), (1, 0));
        assert_eq!(changed(|row| row.kind = "user", ""), (0, 0));
        assert_eq!(changed(|row| row.status = Some(304), ""), (0, 0));
        assert_eq!(changed(|row| row.outcome = "denied", ""), (0, 0));
        assert_eq!(changed(|row| row.operation = "REST.HEAD.OBJECT", ""), (0, 0));
    }

    #[test]
    fn the_address_is_named_if_there_is_only_one() {
        let mut rows = reads(S3Access, 3);
        let address = |rows: &[(LogType, Activity)]| {
            let alert = detect(&RULE, &Config::default(), rows).alerts.remove(0);
            (alert.remote_ip, alert.observed["addresses"].clone())
        };
        assert_eq!(address(&rows), (Some("192.0.2.1".to_owned()), json!(1)));
        rows[1].1.ip = "198.51.100.9";
        assert_eq!(address(&rows), (None, json!(2)));
    }
}
