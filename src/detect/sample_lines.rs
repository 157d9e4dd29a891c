//! Lines of samples that are too many to be kept in files: generated from what matters to the rule.

use crate::parse::time::format_iso;
use std::fmt::Write;

/// What a run of access-log lines shows: reads of one caller, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Reads {
    /// As logged; `-` for none.
    pub requester: &'static str,
    /// Bucket.
    pub bucket: &'static str,
    /// Address.
    pub address: &'static str,
    /// What is before the number in the key.
    pub prefix: &'static str,
    /// Milliseconds of the first.
    pub from_ms: i64,
    /// Milliseconds between two.
    pub every_ms: i64,
    /// How many.
    pub count: u32,
    /// Bytes sent by each.
    pub bytes: u64,
    /// Was it done, or refused?
    pub done: bool,
}

impl Reads {
    /// A user of the owner's account reading a key a minute.
    pub const USUAL: Reads = Reads {
        requester: "arn:aws:iam::111122223333:user/ann",
        bucket: "example-data",
        address: "192.0.2.10",
        prefix: "reports/",
        from_ms: 1_772_409_600_000,
        every_ms: 60_000,
        count: 1,
        bytes: 20_000,
        done: true,
    };

    /// The lines.
    pub fn lines(&self) -> String {
        let mut lines = String::new();
        for number in 0..self.count {
            let time = clf(self.from_ms + i64::from(number) * self.every_ms);
            let Reads { requester, bucket, address, prefix, bytes, .. } = self;
            let id =
                crate::detect::key_sample::fingerprint(&format!("{time}{requester}{bucket}{address}{number}"));
            let (status, code) = if self.done { (200, "-") } else { (403, "AccessDenied") };
            let bytes = if self.done { *bytes } else { 243 };
            let owner = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be";
            writeln!(
                lines,
                "{owner} {bucket} [{time}] {address} {requester} {id:016X} REST.GET.OBJECT {prefix}{number} \"GET \
                 /{prefix}{number} HTTP/1.1\" {status} {code} {bytes} {bytes} 20 10 \"-\" \"aws-cli/2.15\" - \
                 hostid{id:016x}= SigV4 TLS_AES_128_GCM_SHA256 AuthHeader {bucket}.s3.eu-west-1.amazonaws.com TLSv1.3 - -"
            )
            .expect("writing to a string cannot fail");
        }
        lines
    }

    /// The same as deletes of those keys.
    pub fn deletes(&self) -> String {
        let lines = self.lines().replace("REST.GET.OBJECT", "REST.DELETE.OBJECT").replace("\"GET /", "\"DELETE /");
        lines.replace("\" 200 - ", "\" 204 - ")
    }

    /// The same as deletes of a version of each.
    pub fn deletes_of_versions(&self) -> String {
        let lines = self.deletes().replace("\" - hostid", "\" 3HL4kqtJlcpXroDTDmJ hostid");
        lines.replace(" HTTP/1.1\"", "?versionId=3HL4kqtJlcpXroDTDmJ HTTP/1.1\"")
    }
}

/// Requests of any kind in an access log, one after the other. `{}` in a text is the number of the request.
#[derive(Clone, Copy, Debug)]
pub struct Asks {
    /// As logged; `-` for none.
    pub requester: &'static str,
    /// Bucket.
    pub bucket: &'static str,
    /// Address.
    pub address: &'static str,
    /// Such as `REST.GET.OBJECT`.
    pub operation: &'static str,
    /// As logged; `-` for none.
    pub key: &'static str,
    /// What follows the path, such as `?acl`.
    pub query: &'static str,
    /// HTTP status and error code.
    pub answer: (u16, &'static str),
    /// User agent.
    pub agent: &'static str,
    /// Over TLS?
    pub tls: bool,
    /// Turn-around time in milliseconds.
    pub turn_around_ms: u32,
    /// Milliseconds of the first.
    pub from_ms: i64,
    /// Milliseconds between two.
    pub every_ms: i64,
    /// How many.
    pub count: u32,
}

impl Asks {
    /// Somebody without credentials who asks for an object that is not there.
    pub const USUAL: Asks = Asks {
        requester: "-",
        bucket: "example-data",
        address: "203.0.113.7",
        operation: "REST.GET.OBJECT",
        key: "backup/{}.zip",
        query: "",
        answer: (404, "NoSuchKey"),
        agent: "curl/8.5.0",
        tls: true,
        turn_around_ms: 10,
        from_ms: Reads::USUAL.from_ms,
        every_ms: 1_000,
        count: 1,
    };

    /// The lines.
    pub fn lines(&self) -> String {
        let owner = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be";
        let mut lines = String::new();
        for number in 0..self.count {
            let of = |text: &str| text.replace("{}", &number.to_string());
            let time = clf(self.from_ms + i64::from(number) * self.every_ms);
            let [bucket, address, key, query] = [self.bucket, self.address, self.key, self.query].map(of);
            let Asks { requester, operation, answer: (status, code), agent, turn_around_ms, .. } = self;
            let id = crate::detect::key_sample::fingerprint(&format!(
                "{time}{bucket}{address}{operation}{key}{number}"
            ));
            let method = operation.split('.').nth(1).unwrap_or("GET");
            let path = if key == "-" { "" } else { &key };
            let auth = match (*requester, query.contains("X-Amz-")) {
                (_, true) => "QueryString",
                ("-", _) => "-",
                _ => "AuthHeader",
            };
            let version = if auth == "-" { "-" } else { "SigV4" };
            let (cipher, tls) = if self.tls { ("TLS_AES_128_GCM_SHA256", "TLSv1.3") } else { ("-", "-") };
            writeln!(
                lines,
                "{owner} {bucket} [{time}] {address} {requester} {id:016X} {operation} {key} \"{method} /{path}{query} \
                 HTTP/1.1\" {status} {code} 243 - 20 {turn_around_ms} \"-\" \"{agent}\" - hostid{id:016x}= {version} \
                 {cipher} {auth} {bucket}.s3.eu-west-1.amazonaws.com {tls} - -"
            )
            .expect("writing to a string cannot fail");
        }
        lines
    }
}

/// A sample that is one log of lines, made when it is asked for.
macro_rules! made {
    ($name:literal, $fires:literal, $lines:expr) => {
        $crate::detect::Sample {
            name: $name,
            logs: $crate::detect::Logs::Made(|| vec![($crate::parse::LogType::S3Access, ($lines).into())]),
            fires: $fires,
        }
    };
}
pub(crate) use made;

/// `02/Mar/2026:00:00:00 +0000`
fn clf(time_ms: i64) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let iso = format_iso(time_ms);
    let month = iso[5..7].parse::<usize>().map_or("Jan", |month| MONTHS[month - 1]);
    format!("{}/{month}/{}:{} +0000", &iso[8..10], &iso[..4], &iso[11..19])
}

/// CloudTrail events of KMS: calls of S3 for one caller, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct KmsCalls {
    /// Such as `Decrypt`.
    pub event_name: &'static str,
    /// `aws:s3:arn` of the context; `{}` in it is the number of the call.
    pub s3_arn: &'static str,
    /// Region.
    pub region: &'static str,
    /// Milliseconds of the first.
    pub from_ms: i64,
    /// Milliseconds between two.
    pub every_ms: i64,
    /// How many.
    pub count: u32,
    /// Error code of each, empty for none.
    pub error_code: &'static str,
}

impl KmsCalls {
    /// A call for an object.
    pub const USUAL: KmsCalls = KmsCalls {
        event_name: "Decrypt",
        s3_arn: "arn:aws:s3:::example-data/reports/{}",
        region: "eu-west-1",
        from_ms: 1_772_409_600_000,
        every_ms: 1_000,
        count: 1,
        error_code: "",
    };

    /// The file.
    pub fn file(&self) -> String {
        let records = (0..self.count).map(|number| self.record(number)).collect::<Vec<_>>();
        format!("{{\"Records\":[{}]}}", records.join(","))
    }

    fn record(&self, number: u32) -> String {
        let time = format_iso((self.from_ms + i64::from(number) * self.every_ms) / 1000 * 1000);
        let arn = self.s3_arn.replace("{}", &number.to_string());
        let KmsCalls { event_name, region, error_code, .. } = self;
        let id = crate::detect::key_sample::fingerprint(&format!("{time}{event_name}{arn}{number}"));
        let error = if error_code.is_empty() {
            String::new()
        } else {
            format!("\"errorCode\":\"{error_code}\",\"errorMessage\":\"refused\",")
        };
        format!(
            "{{\"eventVersion\":\"1.09\",\"userIdentity\":{{\"type\":\"AssumedRole\",\"principalId\":\"AROAEXAMPLE:s\",\
             \"arn\":\"arn:aws:sts::111122223333:assumed-role/reports/s\",\"accountId\":\"111122223333\",\
             \"invokedBy\":\"s3.amazonaws.com\"}},\"eventTime\":\"{time}\",\"eventSource\":\"kms.amazonaws.com\",\
             \"eventName\":\"{event_name}\",\"awsRegion\":\"{region}\",\"sourceIPAddress\":\"s3.amazonaws.com\",\
             \"userAgent\":\"s3.amazonaws.com\",{error}\"requestParameters\":{{\"encryptionContext\":\
             {{\"aws:s3:arn\":\"{arn}\"}}}},\"responseElements\":null,\"requestID\":\"{id:016x}\",\
             \"eventID\":\"{id:016x}-{number}\",\"readOnly\":true,\"eventType\":\"AwsApiCall\",\
             \"managementEvent\":true,\"recipientAccountId\":\"111122223333\",\"eventCategory\":\"Management\"}}"
        )
    }
}
