//! The stream of access-log lines.

use super::access_line::{Draft, Transport};
use super::access_ops::{self, Action};
use super::agents;
use super::calendar::{Calendar, formatted};
use super::hostile;
use super::keys;
use super::options::{FieldEra, SynthOptions};
use super::random::Random;
use super::world::{ACCOUNT, Bucket, Kind, Usage, World};

/// Generates access-log lines; the caller tells the time.
pub(super) struct AccessLog {
    denied_ppm: u32,
    hostile_ppm: u32,
    era: FieldEra,
    middle: i64,
    keys: u64,
    key: Vec<u8>,
    calendar: Calendar,
}

impl AccessLog {
    pub(super) fn new(options: &SynthOptions) -> Self {
        Self {
            denied_ppm: options.denied_ppm,
            hostile_ppm: options.hostile_ppm,
            era: options.era,
            middle: options.start + (options.span() / 2) as i64,
            keys: options.keys.max(1),
            key: Vec::new(),
            calendar: Calendar::default(),
        }
    }

    /// Appends the lines of one request and gives their number.
    pub(super) fn append(&mut self, time: i64, world: &World, random: &mut Random, out: &mut Vec<u8>) -> u64 {
        let action = random.weighted(&access_ops::ACTIONS);
        let place = world.place(random, |usage| match action {
            Action::Delivery => usage == Usage::Logs,
            Action::Website => usage == Usage::Public,
            _ => usage != Usage::Logs,
        });
        let bucket = &world.buckets[place];
        let mut draft = Draft::new();
        draft.time = time;
        random.upper(&mut draft.request_id, 16);
        self.choose_key(place, random);
        match action {
            Action::Lifecycle => self.lifecycle(&mut draft, random),
            Action::Delivery => self.delivery(&mut draft, bucket, random),
            _ => {
                self.sender(&mut draft, action, bucket, world, random);
                self.request(&mut draft, action, bucket, random);
            }
        }
        if random.chance(self.hostile_ppm) {
            hostile::taint(&mut draft, random);
        }
        self.write(&draft, bucket, random, out);
        match action {
            Action::DeleteMany if draft.status == "200" => 1 + self.batch(&mut draft, place, bucket, random, out),
            Action::Copy if draft.status == "200" => {
                let source = world.place(random, |usage| usage != Usage::Logs);
                self.choose_key(source, random);
                self.copy_source(&mut draft);
                self.write(&draft, &world.buckets[source], random, out);
                2
            }
            _ => 1,
        }
    }

    fn write(&mut self, draft: &Draft, bucket: &Bucket, random: &mut Random, out: &mut Vec<u8>) {
        let fields = match self.era {
            FieldEra::Fields25 => 25,
            FieldEra::Fields26 => 26,
            FieldEra::Fields27 => 27,
            FieldEra::Changing => 26 + u32::from(draft.time >= self.middle),
        };
        draft.write(bucket, fields, &mut self.calendar, random, out);
    }

    fn choose_key(&mut self, place: usize, random: &mut Random) {
        self.key.clear();
        keys::raw(place, random.skewed(self.keys), &mut self.key);
    }

    /// Who sends the request, from where, and how it is signed.
    fn sender(&self, draft: &mut Draft, action: Action, bucket: &Bucket, world: &World, random: &mut Random) {
        let principal = loop {
            let rank = random.skewed(world.principals.len() as u64) as usize;
            let principal = &world.principals[rank];
            let reader = matches!(principal.kind, Kind::Anonymous | Kind::CloudFront);
            let is_read = matches!(action, Action::Get | Action::Head | Action::Website);
            if !reader || is_read && bucket.usage == Usage::Public {
                break principal;
            }
        };
        draft.address.extend_from_slice(principal.address(random).as_bytes());
        draft.region = principal.region.unwrap_or("-");
        draft.transport = if random.chance(850_000) { Transport::Tls13 } else { Transport::Tls12 };
        draft.host_id = if random.chance(850_000) { 76 } else { 88 };
        draft.agent.extend_from_slice(principal.agent.as_bytes());
        if action == Action::Website {
            draft.requester.push(b'-');
            draft.transport = Transport::Website;
            replace_agent(draft, random.pick(&agents::WEB));
        } else {
            draft.requester.extend_from_slice(principal.requester.as_bytes());
            draft.auth = if principal.kind == Kind::Anonymous { "" } else { "AuthHeader" };
            draft.access_point = principal.kind == Kind::Role && random.chance(30_000);
            draft.acl = !draft.auth.is_empty() && random.chance(20_000);
        }
        if draft.auth.is_empty() && random.chance(500_000) {
            draft.referer.extend_from_slice(random.pick(&agents::REFERERS).as_bytes());
        }
    }

    /// Operation, target, outcome and sizes of a request.
    fn request(&self, draft: &mut Draft, action: Action, bucket: &Bucket, random: &mut Random) {
        let mut presigned = false;
        draft.total = Some(random.between(3, 12) << random.skewed(8));
        draft.turnaround = draft.total.map(|total| total - total / 4);
        match action {
            Action::Get | Action::Head | Action::Website => {
                (draft.status, draft.error) = access_ops::read_result(random);
                presigned = action == Action::Get && !draft.auth.is_empty() && random.chance(20_000);
            }
            Action::Delete => (draft.status, draft.error) = ("204", "-"),
            _ => (draft.status, draft.error) = access_ops::write_result(random),
        }
        let refused = action != Action::Website && random.chance(self.denied_ppm);
        if refused {
            (draft.status, draft.error) = access_ops::refusal(!draft.auth.is_empty(), random);
        }
        self.sizes(draft, action, random);
        let (operation, method, query) = operation(action, random);
        draft.operation = operation;
        if names_object(action) {
            keys::encoded_twice(&self.key, &mut draft.key);
        }
        self.target(draft, bucket, method, query, names_object(action), random);
        if presigned {
            self.presign(draft, bucket, random);
        }
        draft.versioned =
            matches!(action, Action::Get | Action::Put) && bucket.name.contains("backups") && !refused;
    }

    /// Bytes sent and object size; an error sends its XML, a body is sent only by reads.
    fn sizes(&self, draft: &mut Draft, action: Action, random: &mut Random) {
        let size = access_ops::object_size(random);
        let failed = draft.error != "-";
        if failed {
            draft.sent = (action != Action::Head).then(|| random.between(230, 420));
            draft.turnaround = None;
            return;
        }
        match action {
            Action::Get | Action::Website => {
                // Of an empty object no part can be asked for.
                let size = if draft.status == "206" { size.max(1) } else { size };
                draft.size = Some(size);
                draft.sent = match draft.status {
                    "304" => None,
                    "206" => Some(random.between(1, size.min(8 << 20))),
                    _ => (size > 0).then_some(size),
                };
            }
            Action::Head | Action::Put | Action::PutPart | Action::Delete => draft.size = Some(size),
            Action::Copy => (draft.sent, draft.size) = (Some(234), Some(size)),
            _ => draft.sent = Some(random.between(113, 48_000)),
        }
    }

    fn target(
        &self,
        draft: &mut Draft,
        bucket: &Bucket,
        method: &str,
        query: &str,
        object: bool,
        random: &mut Random,
    ) {
        let target = &mut draft.target;
        target.extend_from_slice(method.as_bytes());
        target.extend_from_slice(b" /");
        if random.chance(60_000) {
            // Path style, as older clients ask.
            target.extend_from_slice(bucket.name.as_bytes());
            if object {
                target.push(b'/');
            }
        }
        if object {
            keys::in_target(&self.key, target);
        }
        target.extend_from_slice(query.as_bytes());
        if draft.operation == "REST.PUT.PART" {
            target.extend_from_slice(b"?partNumber=");
            super::calendar::number(random.between(1, 200), target);
            target.extend_from_slice(b"&uploadId=");
            random.alnum(target, 64);
        }
        target.extend_from_slice(b" HTTP/1.1");
    }

    /// Turns the request into one through a presigned URL, as a browser sends it.
    fn presign(&self, draft: &mut Draft, bucket: &Bucket, random: &mut Random) {
        draft.auth = "QueryString";
        draft.target.truncate(draft.target.len() - b" HTTP/1.1".len());
        let day = formatted(draft.time, "%Y%m%d");
        let query = format!(
            "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ASIAIOSFODNN7EXAMPLE%2F{day}%2F{}%2Fs3%2Faws4_request\
             &X-Amz-Date={}&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature=",
            bucket.region,
            formatted(draft.time - 60, "%Y%m%dT%H%M%SZ"),
        );
        draft.target.extend_from_slice(query.as_bytes());
        random.hex(&mut draft.target, 64);
        draft.target.extend_from_slice(b" HTTP/1.1");
        replace_agent(draft, random.pick(&agents::WEB));
    }

    /// The lines of the keys that a multi-object delete names.
    fn batch(
        &mut self,
        draft: &mut Draft,
        place: usize,
        bucket: &Bucket,
        random: &mut Random,
        out: &mut Vec<u8>,
    ) -> u64 {
        draft.operation = "BATCH.DELETE.OBJECT";
        draft.bare = true;
        draft.status = "204";
        (draft.sent, draft.total, draft.turnaround) = (None, None, None);
        let count = random.between(2, 24);
        for _ in 0..count {
            self.choose_key(place, random);
            draft.key.clear();
            keys::encoded_once(&self.key, &mut draft.key);
            draft.size = Some(access_ops::object_size(random));
            self.write(draft, bucket, random, out);
        }
        count
    }

    fn copy_source(&self, draft: &mut Draft) {
        draft.operation = "REST.COPY.OBJECT_GET";
        draft.bare = true;
        draft.status = "-";
        (draft.sent, draft.total, draft.turnaround) = (None, None, None);
        draft.versioned = false;
        draft.key.clear();
        keys::encoded_twice(&self.key, &mut draft.key);
    }

    fn lifecycle(&self, draft: &mut Draft, random: &mut Random) {
        draft.operation = random.weighted(&access_ops::LIFECYCLE);
        draft.requester.extend_from_slice(b"AmazonS3");
        draft.transport = Transport::None;
        draft.host_id = 64;
        draft.size = Some(access_ops::object_size(random));
        draft.versioned = random.chance(300_000);
        keys::encoded_once(&self.key, &mut draft.key);
    }

    /// A log object written by a service, without address and agent.
    fn delivery(&self, draft: &mut Draft, bucket: &Bucket, random: &mut Random) {
        draft.operation = "REST.PUT.OBJECT";
        draft.requester.extend_from_slice(random.pick(&access_ops::SERVICES).as_bytes());
        draft.auth = "AuthHeader";
        draft.status = "200";
        draft.size = Some(random.between(400, 90_000));
        draft.total = Some(random.between(20, 90));
        draft.turnaround = Some(random.between(8, 19));
        let region = bucket.region;
        let path = formatted(draft.time, "%Y/%m/%d");
        let minute = formatted(draft.time, "%Y%m%dT%H%MZ");
        let start =
            format!("AWSLogs/{ACCOUNT}/CloudTrail/{region}/{path}/{ACCOUNT}_CloudTrail_{region}_{minute}_");
        draft.key.extend_from_slice(start.as_bytes());
        random.alnum(&mut draft.key, 16);
        draft.key.extend_from_slice(b".json.gz");
        draft.target.extend_from_slice(b"PUT /");
        draft.target.extend_from_slice(&draft.key);
        draft.target.extend_from_slice(b" HTTP/1.1");
    }
}

/// Operation, HTTP method and query of a request.
fn operation(action: Action, random: &mut Random) -> (&'static str, &'static str, &'static str) {
    match action {
        Action::Head => ("REST.HEAD.OBJECT", "HEAD", ""),
        Action::Put => ("REST.PUT.OBJECT", "PUT", random.pick(&["", "?x-id=PutObject"])),
        Action::PutPart => ("REST.PUT.PART", "PUT", ""),
        Action::List => (
            "REST.GET.BUCKET",
            "GET",
            random.pick(&[
                "?list-type=2&prefix=lake%2Fpage_events%2Fdt%3D2026-01-17%2F&delimiter=%2F&encoding-type=url",
                "?list-type=2&prefix=backup%2F&max-keys=1000",
                "?prefix=media%2Fimages%2F&encoding-type=url",
            ]),
        ),
        Action::Delete => ("REST.DELETE.OBJECT", "DELETE", ""),
        Action::DeleteMany => ("REST.POST.MULTI_OBJECT_DELETE", "POST", "?delete"),
        Action::Copy => ("REST.COPY.OBJECT", "PUT", ""),
        Action::Configuration => {
            let (operation, query) = random.pick(&access_ops::CONFIGURATION);
            (operation, "GET", query)
        }
        Action::Website => ("WEBSITE.GET.OBJECT", "GET", ""),
        Action::Get | Action::Delivery | Action::Lifecycle => {
            ("REST.GET.OBJECT", "GET", random.pick(&["", "", "?x-id=GetObject"]))
        }
    }
}

/// Whether the key field names an object.
fn names_object(action: Action) -> bool {
    !matches!(action, Action::List | Action::DeleteMany | Action::Configuration)
}

fn replace_agent(draft: &mut Draft, agent: &str) {
    draft.agent.clear();
    draft.agent.extend_from_slice(agent.as_bytes());
}
