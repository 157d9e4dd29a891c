//! The stream of CloudTrail records.

use super::access_ops::object_size;
use super::calendar::Calendar;
use super::events::{EVENTS, Event, HOSTILE_AGENTS, MANAGEMENT};
use super::identity;
use super::json::Json;
use super::keys;
use super::options::SynthOptions;
use super::random::Random;
use super::world::{ACCOUNT, Bucket, Kind, Principal, Usage, World};

/// Generates CloudTrail records; the caller tells the time.
pub(super) struct CloudTrail {
    denied_ppm: u32,
    hostile_ppm: u32,
    keys: u64,
    key: Vec<u8>,
    calendar: Calendar,
}

/// What one record is about.
struct Scene<'a> {
    time: i64,
    place: usize,
    bucket: &'a Bucket,
    who: &'a Principal,
    denied: bool,
    hostile: bool,
}

impl CloudTrail {
    pub(super) fn new(options: &SynthOptions) -> Self {
        Self {
            denied_ppm: options.denied_ppm,
            hostile_ppm: options.hostile_ppm,
            keys: options.keys.max(1),
            key: Vec::new(),
            calendar: Calendar::default(),
        }
    }

    /// Appends one JSON object without newline and gives the number of records: 1.
    pub(super) fn append(&mut self, time: i64, world: &World, random: &mut Random, out: &mut Vec<u8>) -> u64 {
        let event = random.weighted(&EVENTS);
        let place = world.place(random, |usage| usage != Usage::Logs);
        let who = self.sender(event, world.buckets[place].usage, world, random);
        let scene = Scene {
            time,
            place,
            bucket: &world.buckets[place],
            who,
            denied: random.chance(self.denied_ppm),
            hostile: random.chance(self.hostile_ppm),
        };
        self.key.clear();
        keys::raw(place, random.skewed(self.keys), &mut self.key);
        let mut json = Json { out };
        json.begin().text("eventVersion", "1.11");
        match event {
            Event::Kms(name) => self.kms(&mut json, name, &scene, random),
            Event::Management(index) => self.management(&mut json, index, &scene, random),
            _ => self.data(&mut json, event, &scene, random),
        }
        json.close();
        1
    }

    fn sender<'a>(&self, event: Event, usage: Usage, world: &'a World, random: &mut Random) -> &'a Principal {
        let data = !matches!(event, Event::Kms(_) | Event::Management(_));
        let is_read = matches!(event, Event::Object("GetObject" | "HeadObject"));
        loop {
            let who = &world.principals[random.skewed(world.principals.len() as u64) as usize];
            let may = match who.kind {
                Kind::Role | Kind::User => true,
                Kind::Canonical => data,
                Kind::CloudFront | Kind::Anonymous => is_read && usage == Usage::Public,
            };
            if may {
                return who;
            }
        }
    }

    /// Everything between `eventVersion` and `requestParameters`.
    fn head(&mut self, json: &mut Json<'_>, source: &str, name: &str, scene: &Scene<'_>, random: &mut Random) {
        let internal = source == "kms.amazonaws.com";
        let by = internal.then_some("AWS Internal");
        let mut from = scene.who.address(random);
        if random.chance(20_000) && !internal {
            let kind = random.weighted(&identity::RARE);
            identity::rare(json, kind, random);
            if kind == "AWSService" {
                from = "cloudtrail.amazonaws.com";
            }
        } else {
            identity::principal(json, scene.who, scene.time, by, &mut self.calendar);
        }
        json.plain("eventTime", |out| self.calendar.iso(scene.time, out));
        json.text("eventSource", source).text("eventName", name).text("awsRegion", scene.bucket.region);
        json.text("sourceIPAddress", by.unwrap_or(from));
        match by {
            Some(service) => json.text("userAgent", service),
            None if scene.hostile => json.text("userAgent", random.pick(&HOSTILE_AGENTS)),
            None => json.text("userAgent", &format!("[{}]", scene.who.agent)),
        };
        if scene.denied {
            json.text("errorCode", "AccessDenied");
            let requester = &scene.who.requester;
            json.text(
                "errorMessage",
                &format!("User: {requester} is not authorized to perform: {name} because no identity-based policy allows the action"),
            );
        }
    }

    fn data(&mut self, json: &mut Json<'_>, event: Event, scene: &Scene<'_>, random: &mut Random) {
        let (name, object) = match event {
            Event::Object(name) => (name, true),
            Event::Bucket(name) => (name, false),
            _ => ("CopyObject", true),
        };
        self.head(json, "s3.amazonaws.com", name, scene, random);
        let bucket = scene.bucket;
        let source = (event == Event::Copy).then(|| self.copy_source(scene.place, random));
        json.object("requestParameters").text("bucketName", &bucket.name).text("Host", &bucket.host);
        match name {
            "ListObjects" => drop(json.text("list-type", "2").text("prefix", "lake/").text("delimiter", "/")),
            "DeleteObjects" => drop(json.text("delete", "")),
            _ => drop(json.bytes("key", &self.key)),
        }
        match (name, &source) {
            ("PutObject", _) => drop(json.text("x-amz-server-side-encryption", "aws:kms")),
            ("UploadPart", _) => {
                json.text("partNumber", "7").plain("uploadId", |out| random.alnum(out, 64));
            }
            (_, Some(source)) => drop(json.text("x-amz-copy-source", source)),
            _ => {}
        }
        json.close();
        match name {
            "PutObject" | "CopyObject" if !scene.denied => {
                json.object("responseElements").text("x-amz-server-side-encryption", "aws:kms");
                json.text("x-amz-server-side-encryption-aws-kms-key-id", &key_arn(scene)).close();
            }
            _ => drop(json.raw("responseElements", "null")),
        }
        self.additional(json, name, scene, random);
        json.plain("requestID", |out| random.upper(out, 16)).plain("eventID", |out| random.uuid(out));
        let read = name.starts_with("Get") || name.starts_with("Head") || name.starts_with("List");
        json.raw("readOnly", if read { "true" } else { "false" });
        self.resources(json, name, object, source.as_deref(), bucket);
        foot(json, false, scene);
        json.object("tlsDetails").text("tlsVersion", "TLSv1.3").text("cipherSuite", "TLS_AES_128_GCM_SHA256");
        json.text("clientProvidedHostHeader", &bucket.host).close();
    }

    fn additional(&self, json: &mut Json<'_>, name: &str, scene: &Scene<'_>, random: &mut Random) {
        let moved = if scene.denied { 0 } else { object_size(random) };
        let (sent, received) = match name {
            "PutObject" | "UploadPart" => (0, moved),
            "GetObject" => (moved, 0),
            _ => (random.between(0, 900), 0),
        };
        json.object("additionalEventData");
        if scene.who.kind != Kind::Anonymous {
            json.text("SignatureVersion", "SigV4");
        }
        json.text("CipherSuite", "TLS_AES_128_GCM_SHA256").float("bytesTransferredIn", received);
        if name == "GetObject" || name == "PutObject" {
            json.text("SSEApplied", "SSE_KMS");
        }
        if scene.who.kind != Kind::Anonymous {
            json.text("AuthenticationMethod", "AuthHeader");
        }
        json.plain("x-amz-id-2", |out| random.base64(out, 76, 1)).float("bytesTransferredOut", sent).close();
    }

    fn resources(&self, json: &mut Json<'_>, name: &str, object: bool, source: Option<&str>, bucket: &Bucket) {
        let arn = format!("arn:aws:s3:::{}", bucket.name);
        json.open_array("resources");
        if object {
            let mut key = format!("{arn}/").into_bytes();
            key.extend_from_slice(&self.key);
            json.open().text("type", "AWS::S3::Object").bytes("ARN", &key).close();
        } else if name == "ListObjects" {
            json.open().text("type", "AWS::S3::Object").text("ARNPrefix", &format!("{arn}/lake/")).close();
        }
        json.open().text("accountId", ACCOUNT).text("type", "AWS::S3::Bucket").text("ARN", &arn).close();
        if let Some(source) = source {
            json.open().text("type", "AWS::S3::Object").text("ARN", &format!("arn:aws:s3:::{source}")).close();
        }
        json.close_array();
    }

    fn copy_source(&self, place: usize, random: &mut Random) -> String {
        let mut key = Vec::new();
        keys::raw(place, random.skewed(self.keys), &mut key);
        format!("amzn-s3-demo-landing-zone-1/{}", String::from_utf8_lossy(&key))
    }

    fn kms(&mut self, json: &mut Json<'_>, name: &str, scene: &Scene<'_>, random: &mut Random) {
        self.head(json, "kms.amazonaws.com", name, scene, random);
        json.object("requestParameters");
        if name == "GenerateDataKey" {
            json.text("keyId", &key_arn(scene)).text("keySpec", "AES_256");
        } else {
            json.text("encryptionAlgorithm", "SYMMETRIC_DEFAULT");
        }
        let mut arn = format!("arn:aws:s3:::{}", scene.bucket.name).into_bytes();
        if random.chance(600_000) {
            // Without a bucket key the context names the object.
            arn.push(b'/');
            arn.extend_from_slice(&self.key);
        }
        json.object("encryptionContext").bytes("aws:s3:arn", &arn).close().close();
        json.raw("responseElements", "null");
        json.plain("requestID", |out| random.uuid(out))
            .plain("eventID", |out| random.uuid(out))
            .raw("readOnly", "true");
        json.open_array("resources").open().text("accountId", ACCOUNT).text("type", "AWS::KMS::Key");
        json.text("ARN", &key_arn(scene)).close().close_array();
        foot(json, true, scene);
    }

    fn management(&mut self, json: &mut Json<'_>, index: usize, scene: &Scene<'_>, random: &mut Random) {
        let event = &MANAGEMENT[index];
        self.head(json, event.source, event.name, scene, random);
        json.raw("requestParameters", event.parameters);
        json.raw("responseElements", if scene.denied { "null" } else { event.response });
        json.plain("requestID", |out| random.uuid(out)).plain("eventID", |out| random.uuid(out));
        json.raw("readOnly", event.read_only);
        foot(json, true, scene);
        let host = event.source.replace(".amazonaws.com", &format!(".{}.amazonaws.com", scene.bucket.region));
        json.object("tlsDetails").text("tlsVersion", "TLSv1.3").text("cipherSuite", "TLS_AES_128_GCM_SHA256");
        json.text("clientProvidedHostHeader", &host).close();
    }
}

/// The members after `resources` that every record has.
fn foot(json: &mut Json<'_>, management: bool, scene: &Scene<'_>) {
    json.text("eventType", "AwsApiCall").raw("managementEvent", if management { "true" } else { "false" });
    json.text("recipientAccountId", ACCOUNT);
    if !management && scene.who.addresses[0].starts_with("10.") {
        json.text("vpcEndpointId", "vpce-0a1b2c3d4e5f67890").text("vpcEndpointAccountId", ACCOUNT);
    }
    json.text("eventCategory", if management { "Management" } else { "Data" });
}

/// The KMS key of a bucket.
fn key_arn(scene: &Scene<'_>) -> String {
    let region = scene.bucket.region;
    format!("arn:aws:kms:{region}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-{:012}", scene.place)
}
