//! EXP-011: a bucket becomes a web site, or lets scripts of any site write to it.

use super::{samples, setting_calls};
use crate::detect::alert::Severity;
use crate::detect::codes::{Act, Among, Codes};
use crate::detect::hits::{Group, Hit, HitDetector, Pattern, Verdict};
use crate::detect::policy::Call;
use crate::detect::policy::json::{each, texts};
use crate::detect::{Config, DetectBatch, Evidence, Form, Rule, Shared};
use serde_json::{Value, json};

/// EXP-011 `website-opened`.
pub static RULE: Rule = Rule {
    id: "EXP-011",
    name: "website-opened",
    title: "A bucket was opened as a web site or to scripts of any site",
    severity: Severity::Low,
    attack: &["T1567", "T1491.002"],
    looks_for: "PutBucketWebsite that was done, in either log, and PutBucketCors in CloudTrail with a rule whose \
        AllowedOrigin is * and that allows PUT, POST or DELETE, or any header. The level is low, and medium for a \
        rule that allows PUT, POST or DELETE to any origin. There is one alert for a caller, a bucket and a UTC day. \
        Buckets in public_buckets and callers in iac_roles are kept quiet and counted. Calls of AWS services, and in \
        their name, are left out.",
    why: "A web site is what a bucket needs to serve pages of somebody else, and a rule for any origin lets scripts of \
        any page use the rights of whoever looks at it.",
    cannot_see: "Whether anybody may read the bucket: a site needs a policy or an ACL too (EXP-003, EXP-006). The rules \
        of a PutBucketCors that only the access log shows. Refused calls are none.",
    false_positives: "Work on web front ends. Public data with open CORS rules for reading are none.",
    next_steps: &[
        "Ask the owner of the principal whether the bucket is meant to be a site.",
        "Look at the pages that were put into the bucket since.",
        "Name the origins in the CORS rule instead of *.",
    ],
    thresholds: &[],
    activity_columns: setting_calls::COLUMNS,
    s3_access_columns: &[],
    cloudtrail_columns: setting_calls::CLOUDTRAIL_COLUMNS,
    needs: &[Evidence::ManagementEvents, Evidence::AccessLines],
    samples: samples!("EXP-011":
        "fires" CloudTrail "json" true,
        "fires_cors" CloudTrail "json" true,
        "fires_access" S3Access "log" true,
        "near_miss_1" CloudTrail "json" false,
        "near_miss_2" CloudTrail "json" false,
        "denied_twin" CloudTrail "json" false,
    ),
    form: Form::Code(HitDetector::<WebsiteOpened>::of),
};

/// Index of a kind of hit.
const WEBSITE: usize = 0;
const ANY_METHOD: usize = 1;
const ANY_HEADER: usize = 2;

struct WebsiteOpened;

impl Pattern for WebsiteOpened {
    const RULE: &'static Rule = &RULE;
    const AMONG: Among = Among::Acts(&[Act::OtherS3]);

    fn new(_: &Config) -> Self {
        WebsiteOpened
    }

    fn select<'a>(&self, batch: &DetectBatch<'a>, codes: &Codes, row: usize) -> Option<Hit<'a>> {
        let kinds = match setting_calls::setting(batch, codes, row)? {
            "PutBucketWebsite" => 1 << WEBSITE,
            "PutBucketCors" => cors(batch.call(row)?),
            _ => return None,
        };
        (kinds != 0).then(|| setting_calls::hit(batch, row, [None; 2], kinds))
    }

    fn judge(&self, group: &Group<'_>, shared: &Shared<'_>) -> Verdict {
        let [website, method, header] = [WEBSITE, ANY_METHOD, ANY_HEADER].map(|kind| group.of_kind(kind));
        let (caller, bucket) = setting_calls::names(group);
        let (severity, summary) = if method > 0 {
            (Severity::Medium, format!("{caller} let scripts of any site write to the bucket {bucket}."))
        } else if website > 0 {
            (Severity::Low, format!("{caller} made the bucket {bucket} a web site."))
        } else {
            (Severity::Low, format!("{caller} let scripts of any site send any header to the bucket {bucket}."))
        };
        let mut alert = setting_calls::alert(&RULE, group, severity, summary);
        let observed = [("website", website), ("any_origin_writes", method), ("any_origin_any_header", header)];
        observed.into_iter().for_each(|(name, count)| drop(alert.observed.insert(name, json!(count))));
        setting_calls::verdict(alert, shared, shared.config.public_buckets.contains(bucket))
    }
}

/// The kinds of the rules of a configuration, of which one is no list.
fn cors(call: &Call) -> u8 {
    let rules = call.parameters.get("CORSConfiguration").and_then(|it| it.get("CORSRule"));
    let kinds = rules.map(each).unwrap_or_default().iter().take(100).map(|rule| {
        let has = |name: &str, fits: fn(&str) -> bool| {
            rule.get(name).is_some_and(|value: &Value| texts(value).take(100).any(|text| fits(&text)))
        };
        if !has("AllowedOrigin", |origin| matches!(origin, "*" | "http://*" | "https://*")) {
            return 0;
        }
        let writes = has("AllowedMethod", |method| matches!(method, "PUT" | "POST" | "DELETE"));
        u8::from(writes) << ANY_METHOD | u8::from(has("AllowedHeader", |header| header == "*")) << ANY_HEADER
    });
    kinds.fold(0, |sum, kinds| sum | kinds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::{Activity, detect};
    use crate::parse::LogType::{self, CloudTrail, S3Access};
    use Severity::{Low, Medium};

    #[test]
    fn sites_and_rules_for_any_origin_count() {
        let put = |log: LogType, action: &'static str, rule: &str| {
            let text = format!(r#"{{"CORSConfiguration":{{"CORSRule":{rule}}}}}"#);
            let parameters: Option<&'static str> = Some(Box::leak(text.into_boxed_str()));
            let operation = if action == "PutBucketWebsite" { "REST.PUT.WEBSITE" } else { "REST.PUT.CORS" };
            (log, Activity { action, operation, key: None, parameters, ..Activity::default() })
        };
        let site = |log| put(log, "PutBucketWebsite", "{}");
        let cors = |rule: &str| vec![put(CloudTrail, "PutBucketCors", rule)];
        for (rows, expected) in [
            (vec![site(CloudTrail)], Some(Low)),
            (vec![site(S3Access)], Some(Low)),
            (vec![site(S3Access), site(CloudTrail)], Some(Low)),
            (cors(r#"{"AllowedOrigin":"*","AllowedMethod":["GET","PUT"]}"#), Some(Medium)),
            (
                cors(
                    r#"[{"AllowedOrigin":"https://a.example"},{"AllowedOrigin":["*"],"AllowedMethod":"DELETE"}]"#,
                ),
                Some(Medium),
            ),
            (cors(r#"{"AllowedOrigin":"*","AllowedMethod":"GET","AllowedHeader":"*"}"#), Some(Low)),
            (cors(r#"{"AllowedOrigin":"*","AllowedMethod":"GET"}"#), None),
            (cors(r#"{"AllowedOrigin":"https://a.example","AllowedMethod":"PUT","AllowedHeader":"*"}"#), None),
            (cors("null"), None),
            (vec![put(S3Access, "PutBucketCors", "{}")], None),
        ] {
            let found = detect(&RULE, &Config::default(), &rows);
            let levels: Vec<Severity> = found.alerts.iter().map(|alert| alert.severity).collect();
            assert_eq!(levels, expected.into_iter().collect::<Vec<_>>(), "{rows:?}");
            assert!(found.alerts.iter().all(|alert| alert.count == 1));
        }
        let public = Config::from_toml("public_buckets = ['bucket']").unwrap();
        assert_eq!(detect(&RULE, &public, &[site(CloudTrail)]).suppressed.len(), 1);
    }
}
