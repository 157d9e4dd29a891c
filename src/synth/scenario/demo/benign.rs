//! What goes on in the two days besides: the two applications, the people, backups every hour, and logs that are delivered.

use super::{DAYS, LAST};
use crate::synth::scenario::benign;
use crate::synth::scenario::clock::{HOUR, START, at};
use crate::synth::scenario::company::{
    ASSETS, BACKUP, BACKUPS, CLOUDTRAIL, CUSTOMERS, DELIVERY, DOCUMENTS, LAKE, MEDIA, WWW,
};
use crate::synth::scenario::event::{Action, Call, Caller, Request, Setting, ipv4};
use crate::synth::scenario::names;
use crate::synth::scenario::timeline::Timeline;

/// Requests of the applications in the two days.
const CUSTOMER_REQUESTS: u64 = 1_800;
const SHOP_REQUESTS: u64 = 2_200;
/// Databases, each with a backup an hour.
const DATABASES: u64 = 6;

/// A backup as it was written.
pub(super) struct Backup {
    pub(super) time: i64,
    pub(super) key: String,
    pub(super) version: String,
    pub(super) size: u64,
}

/// Versioning is looked at each night, as by a tool that checks settings.
static GET_VERSIONING: Setting = Setting {
    operation: "REST.GET.VERSIONING",
    method: "GET",
    query: "?versioning",
    event: "GetBucketVersioning",
    parameters: ",\"versioning\":\"\"",
    read_only: true,
};

pub(super) fn fill(timeline: &mut Timeline) -> Vec<Backup> {
    benign::customers(timeline, DAYS, CUSTOMER_REQUESTS);
    benign::shop(timeline, DAYS, SHOP_REQUESTS);
    benign::sessions(timeline, DAYS);
    (0..DAYS).for_each(|day| benign::workday(timeline, day));
    deliveries(timeline);
    backups(timeline)
}

/// Every hour each database.
fn backups(timeline: &mut Timeline) -> Vec<Backup> {
    let mut random = timeline.random("backups");
    let mut written = Vec::new();
    for hour in 0..DAYS * 24 {
        let (day, hour) = (hour / 24, hour % 24);
        let caller = Caller { actor: &BACKUP, address: ipv4(10, 20, 44, 7), session: day as u64 };
        let mut time = at(day, hour, 4) + random.below(60) as i64;
        timeline.call(time - 2, Call::AssumeRole { role: &BACKUP, session: day as u64 });
        if hour == 0 {
            let look = Request::new(caller, &BACKUPS, Action::Setting(&GET_VERSIONING), String::new(), 0);
            timeline.request(time - 1, look);
        }
        for database in 0..DATABASES {
            let key = names::dump(day, database).replace(".sql", &format!("-{hour:02}h.sql"));
            let size = names::size(database, 1 << 20, 40 << 20) + random.below(90_000);
            timeline.request(time, Request::new(caller, &BACKUPS, Action::Put, key.clone(), size));
            let version = timeline.events.last().map(|event| event.ids().version).unwrap_or_default();
            written.push(Backup { time, key, version, size });
            time += random.between(3, 20) as i64;
        }
    }
    written
}

/// Logs come into the log bucket, and the collector of the security team reads each.
fn deliveries(timeline: &mut Timeline) {
    let mut random = timeline.random("deliveries");
    let seed = timeline.seed();
    for end in (START + HOUR..=LAST).step_by(HOUR as usize) {
        benign::deliver(timeline, end + 300, &CLOUDTRAIL, names::trail_file(seed, end + 300), &mut random);
        benign::deliver(timeline, end + 400, &CLOUDTRAIL, names::digest_file(end), &mut random);
        for bucket in [&ASSETS, &BACKUPS, &CUSTOMERS, &DOCUMENTS, &LAKE, &MEDIA, &WWW] {
            let key = format!("s3/{}", names::access_file(seed, bucket.name, end));
            let delivered = end + random.between(60, 1_500) as i64;
            benign::deliver(timeline, delivered, &DELIVERY, key, &mut random);
        }
    }
}
