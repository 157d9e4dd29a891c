//! CloudTrail events of samples that are too many to be kept in files: generated from what matters to the rule.

use super::key_sample::fingerprint;
use crate::parse::LogType;
use crate::parse::time::format_iso;
use std::borrow::Cow;

/// Calls of one user, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Calls {
    /// Name of the user in the account 111122223333; `root` is the root of the account, and
    /// `anonymous` nobody.
    pub user: &'static str,
    /// Address.
    pub address: &'static str,
    /// Such as `s3.amazonaws.com`.
    pub source: &'static str,
    /// Such as `PutObject`.
    pub name: &'static str,
    /// `requestParameters` as JSON; `{}` in it is the number of the call.
    pub parameters: &'static str,
    /// `additionalEventData` as JSON, empty for none.
    pub additional: &'static str,
    /// Error code, empty for none.
    pub error_code: &'static str,
    /// Milliseconds of the first.
    pub from_ms: i64,
    /// Milliseconds between two.
    pub every_ms: i64,
    /// How many.
    pub count: u32,
}

impl Calls {
    /// A call of S3 by ann on 1 March 2026.
    pub const USUAL: Calls = Calls {
        user: "ann",
        address: "192.0.2.10",
        source: "s3.amazonaws.com",
        name: "PutObject",
        parameters: r#"{"bucketName":"reports","key":"2026/{}.csv"}"#,
        additional: "",
        error_code: "",
        from_ms: 1_772_327_000_000,
        every_ms: 60_000,
        count: 1,
    };

    /// The same so many minutes later.
    pub const fn after_minutes(self, minutes: i64) -> Calls {
        Calls { from_ms: self.from_ms + minutes * 60_000, ..self }
    }

    fn record(&self, number: u32) -> String {
        let time_ms = self.from_ms + i64::from(number) * self.every_ms;
        let time = format_iso(time_ms / 1000 * 1000);
        let parameters = self.parameters.replace("{}", &number.to_string());
        let Calls { user, address, source, name, additional, error_code, .. } = self;
        let id = fingerprint(&format!("{time}{user}{address}{name}{parameters}{number}"));
        let identity = match *user {
            "root" => r#"{"type":"Root","principalId":"111122223333","arn":"arn:aws:iam::111122223333:root","accountId":"111122223333","accessKeyId":"ASIAIOSFODNN7EXAMPLE"}"#.to_owned(),
            "anonymous" => r#"{"type":"AWSAccount","principalId":"","accountId":"anonymous"}"#.to_owned(),
            user => format!(
                r#"{{"type":"IAMUser","principalId":"AIDAEXAMPLE","arn":"arn:aws:iam::111122223333:user/{user}","accountId":"111122223333","accessKeyId":"AKIAIOSFODNN7EXAMPLE","userName":"{user}"}}"#
            ),
        };
        let member = |name: &str, json: &str| {
            if json.is_empty() { String::new() } else { format!("\"{name}\":{json},") }
        };
        let error = if error_code.is_empty() { String::new() } else { format!("\"{error_code}\"") };
        let is_management = !parameters.contains("\"key\"");
        let category = if is_management { "Management" } else { "Data" };
        format!(
            "{{\"eventVersion\":\"1.11\",\"userIdentity\":{identity},\"eventTime\":\"{time}\",\"eventSource\":\"{source}\",\
             \"eventName\":\"{name}\",\"awsRegion\":\"eu-west-1\",\"sourceIPAddress\":\"{address}\",\
             \"userAgent\":\"[aws-cli/2.15.0]\",{}\"requestParameters\":{parameters},\"responseElements\":null,{}\
             \"requestID\":\"{id:016X}\",\"eventID\":\"{id:016x}-{number}\",\"readOnly\":false,\
             \"eventType\":\"AwsApiCall\",\"managementEvent\":{is_management},\"recipientAccountId\":\"111122223333\",\
             \"eventCategory\":\"{category}\"}}",
            member("errorCode", &error),
            member("additionalEventData", additional),
        )
    }
}

/// A file of CloudTrail with these calls.
pub fn trail(calls: &[Calls]) -> Vec<(LogType, Cow<'static, str>)> {
    let records = calls.iter().flat_map(|calls| (0..calls.count).map(|number| calls.record(number)));
    let file = format!("{{\"Records\":[{}]}}", records.collect::<Vec<_>>().join(","));
    vec![(LogType::CloudTrail, file.into())]
}
