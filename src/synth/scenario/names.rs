//! Names of objects, and sizes that belong to them.

use super::clock::{DAY, START};
use super::company::{ACCOUNT, REGION};
use crate::synth::calendar::formatted;
use crate::synth::random::{Random, mix};
use crate::synth::world::text;

/// A size from `low` to `high` that a key of the given index always has.
pub(super) fn size(index: u64, low: u64, high: u64) -> u64 {
    low + mix(index ^ 0x7369_7A65) % (high - low + 1)
}

/// A customer's profile.
pub(super) fn profile(index: u64) -> String {
    format!("customers/{:06}/profile.json", 100_000 + index)
}

/// A customer's scanned document.
pub(super) fn scan(index: u64) -> String {
    format!("customers/{:06}/documents/scan-{:08x}.pdf", 100_000 + index / 2, mix(index) >> 32)
}

/// A picture of the shop.
pub(super) fn picture(index: u64) -> String {
    format!("products/{:02x}/{index:06}_800x600.webp", mix(index) & 255)
}

/// A file of the content network.
pub(super) fn asset(index: u64) -> String {
    format!("static/{:08x}/chunk-{index}.js", mix(index) >> 32)
}

/// A page or picture of the website; every seventh needs encoding.
pub(super) fn page(index: u64) -> String {
    match index % 7 {
        0 => format!("press/Annual Report {} + notes.pdf", index / 7),
        1..=3 => format!("blog/2025/{:02}/post-{index}/index.html", index % 12 + 1),
        _ => format!("images/{:02x}/img_{index:05}.jpg", mix(index) & 255),
    }
}

/// An office document.
pub(super) fn document(index: u64) -> String {
    let team = ["finance", "legal", "people", "sales", "research"][(mix(index) % 5) as usize];
    format!("{team}/{}/Contract no {index}.docx", 2019 + index % 7)
}

/// A part of a table in the lake, written on a day (negative: before the scenario).
pub(super) fn lake_part(day: i64, index: u64) -> String {
    let table = ["orders", "clicks", "stock", "payments"][(index % 4) as usize];
    let date = formatted(START + day * DAY, "%Y-%m-%d");
    format!("raw/{table}/dt={date}/part-{index:05}.parquet")
}

/// A result of the nightly job.
pub(super) fn result(day: i64, index: u64) -> String {
    format!("curated/daily/dt={}/part-{index:05}.parquet", formatted(START + day * DAY, "%Y-%m-%d"))
}

/// A part of the export for the partner.
pub(super) fn export(day: i64, index: u64) -> String {
    result(day, index).replace("curated/daily", "exports")
}

/// An invoice.
pub(super) fn invoice(index: u64) -> String {
    format!("2026/{:05}/invoice-{index:07}.pdf", 20_000 + index / 9)
}

/// A file of somebody's.
pub(super) fn personnel_file(index: u64) -> String {
    format!("employees/{:04}/{}.pdf", 1_000 + index / 3, ["contract", "review", "payroll"][(index % 3) as usize])
}

/// A dump of a database, of a day (negative: before the scenario).
pub(super) fn dump(day: i64, index: u64) -> String {
    format!("mysql/{}/database-{index:02}.sql.zst", formatted(START + day * DAY, "%Y-%m-%d"))
}

/// A measurement.
pub(super) fn measurement(index: u64) -> String {
    format!("assays/plate-{:04}/well-{:02}.h5", index / 96, index % 96)
}

/// What a customer asked for on a day.
pub(super) fn download(day: i64, index: u64) -> String {
    let unique = mix(index ^ mix(day as u64));
    format!("orders/{}/{unique:016x}/customer-export.zip", formatted(START + day * DAY, "%Y/%m/%d"))
}

/// A part of a model.
pub(super) fn model(index: u64) -> String {
    format!("released/model-{:02}/shard-{:04}.safetensors", index / 60, index % 60)
}

/// A file that the nightly job writes and removes again.
pub(super) fn temporary(day: i64, index: u64) -> String {
    let attempt = formatted(START + day * DAY, "%Y%m%d");
    format!("tmp/_temporary/0/_temporary/attempt_{attempt}0213_0001_m_{index:06}_0/part-{index:05}.parquet")
}

/// Letters that follow from the seed and a time, as at the end of a log file's name.
fn unique(seed: u64, time: i64, kind: u64) -> Random {
    Random::new(mix(seed ^ kind) ^ time as u64)
}

/// The file that CloudTrail delivers at a time.
pub(super) fn trail_file(seed: u64, time: i64) -> String {
    let (day, minute) = (formatted(time, "%Y/%m/%d"), formatted(time, "%Y%m%dT%H%MZ"));
    let unique = text(&mut unique(seed, time, 1), |random, out| random.alnum(out, 16));
    format!("AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{day}/{ACCOUNT}_CloudTrail_{REGION}_{minute}_{unique}.json.gz")
}

/// The digest that CloudTrail delivers at a time.
pub(super) fn digest_file(time: i64) -> String {
    let (day, second) = (formatted(time, "%Y/%m/%d"), formatted(time, "%Y%m%dT%H%M%SZ"));
    format!(
        "AWSLogs/{ACCOUNT}/CloudTrail-Digest/{REGION}/{day}/{ACCOUNT}_CloudTrail-Digest_{REGION}_org-trail_{REGION}_{second}.json.gz"
    )
}

/// The name under which S3 delivers an access log at a time.
pub(super) fn access_file(seed: u64, bucket: &str, time: i64) -> String {
    let kind = bucket.bytes().fold(2, |hash, byte| mix(hash ^ u64::from(byte)));
    let unique = text(&mut unique(seed, time, kind), |random, out| random.upper(out, 16));
    format!("{bucket}/{}-{unique}", formatted(time, "%Y-%m-%d-%H-%M-%S"))
}
