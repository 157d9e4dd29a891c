//! Records of both logs about objects, for tests that know what happened.

/// When the made-up day begins: 2026-03-04T09:00:00Z.
const START: i64 = 1_772_614_800;

/// The size of every object.
pub const SIZE: u64 = 1000;

/// A request as both logs show it.
#[derive(Clone)]
pub struct Request {
    /// Seconds into the day.
    pub second: i64,
    pub who: &'static str,
    pub ip: &'static str,
    pub bucket: String,
    pub key: String,
    pub operation: &'static str,
    pub event: &'static str,
    /// What stands behind the key in the request line, such as `?versionId=v`.
    pub query: String,
    pub status: u16,
    pub error: &'static str,
    pub sent: u64,
    pub size: Option<u64>,
    /// Further members of `requestParameters`, with a comma before each.
    pub parameters: String,
    /// `responseElements`.
    pub answer: String,
    pub auth: &'static str,
    pub version: String,
    /// Tells requests apart; the records of one share it.
    pub id: String,
}

impl Request {
    pub fn new(id: usize, bucket: &str, key: &str, operation: &'static str, event: &'static str) -> Request {
        Request {
            second: id as i64,
            who: "arn:aws:iam::111122223333:user/mallory",
            ip: "203.0.113.66",
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            operation,
            event,
            query: String::new(),
            status: 200,
            error: "-",
            sent: 0,
            size: Some(SIZE),
            parameters: String::new(),
            answer: "null".to_owned(),
            auth: "AuthHeader",
            version: "-".to_owned(),
            id: format!("{id:016X}"),
        }
    }

    fn time(&self, format: &str) -> String {
        chrono::DateTime::from_timestamp(START + self.second, 0).expect("a time").format(format).to_string()
    }

    /// The line of the access log.
    pub fn line(&self) -> String {
        let Request { who, ip, bucket, operation, status, error, auth, version, id, query, .. } = self;
        let in_one_go = operation.starts_with("BATCH.") || operation.starts_with("S3.");
        let once = encoded(&self.key);
        let key = match self.key.as_str() {
            "" => "-".to_owned(),
            _ if in_one_go => once.clone(),
            _ => encoded(&once),
        };
        let uri = if in_one_go { "-".to_owned() } else { format!("\"X /{once}{query} HTTP/1.1\"") };
        let number = |number: Option<u64>| number.filter(|n| *n > 0).map_or("-".to_owned(), |n| n.to_string());
        let status = if operation.starts_with("S3.") { "-".to_owned() } else { status.to_string() };
        let client = if in_one_go { "- -" } else { "\"-\" \"aws-cli/2.15\"" };
        let time = self.time("%d/%b/%Y:%H:%M:%S +0000");
        format!(
            "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be {bucket} [{time}] {ip} {who} {id} \
             {operation} {key} {uri} {status} {error} {} {} 7 5 {client} {version} \
             HOST{id}/XV/VLi31234567890abcdefghijklmnopqrstuvwxyzABCDEFGHIJ= SigV4 TLS_AES_128_GCM_SHA256 {auth} \
             {bucket}.s3.us-east-1.amazonaws.com TLSv1.3 - -\n",
            number(Some(self.sent)),
            number(self.size),
        )
    }

    /// The event of CloudTrail.
    pub fn event(&self) -> String {
        let Request { ip, bucket, id, event, parameters, answer, auth, sent, .. } = self;
        let key = match self.key.as_str() {
            "" => String::new(),
            key => format!(",\"key\":{}", serde_json::to_string(key).expect("a text")),
        };
        let identity = if self.who == "-" {
            r#"{"type":"AWSAccount","principalId":"","accountId":"anonymous"}"#.to_owned()
        } else {
            format!(
                r#"{{"type":"IAMUser","arn":"{}","accountId":"111122223333","accessKeyId":"AKIAMALLORY"}}"#,
                self.who
            )
        };
        let error = match self.error {
            "-" => String::new(),
            error => format!(",\"errorCode\":\"{error}\",\"errorMessage\":\"no\""),
        };
        let time = self.time("%Y-%m-%dT%H:%M:%SZ");
        let category = if *event == "PutBucketVersioning" { "Management" } else { "Data" };
        format!(
            r#"{{"eventVersion":"1.11","userIdentity":{identity},"eventTime":"{time}","eventSource":"s3.amazonaws.com","eventName":"{event}","awsRegion":"us-east-1","sourceIPAddress":"{ip}","userAgent":"[aws-cli]"{error},"requestParameters":{{"bucketName":"{bucket}"{key}{parameters}}},"responseElements":{answer},"additionalEventData":{{"AuthenticationMethod":"{auth}","x-amz-id-2":"HOST{id}/XV/VLi31234567890abcdefghijklmnopqrstuvwxyzABCDEFGHIJ=","bytesTransferredOut":{sent}.0}},"requestID":"{id}","eventID":"e-{id}-{event}-{bucket}","readOnly":false,"resources":[{{"accountId":"111122223333","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::{bucket}"}}],"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"111122223333","eventCategory":"{category}"}}"#
        )
    }
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Which logs there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logs {
    Both,
    Lines,
    Events,
}

/// Writes lines and events into files of a folder; in each log the last request comes first.
pub fn folder(lines: &[String], events: &[String], logs: Logs) -> tempfile::TempDir {
    let folder = super::quick_folder();
    if logs != Logs::Events {
        let lines: String = lines.iter().rev().map(String::as_str).collect();
        std::fs::write(folder.path().join("access.log"), lines).expect("a file");
    }
    if logs != Logs::Lines {
        let events: Vec<&str> = events.iter().rev().map(String::as_str).collect();
        let trail = format!("{{\"Records\":[{}]}}", events.join(","));
        std::fs::write(folder.path().join("trail.json"), trail).expect("a file");
    }
    folder
}
