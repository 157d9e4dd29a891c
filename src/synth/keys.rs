//! Object keys and how the two logs spell them.

use super::calendar::number;
use super::random::mix;

const TABLES: [&str; 8] =
    ["page_events", "orders", "sessions", "ad_clicks", "inventory_levels", "payments", "sensor_readings", "audit"];
const TEAMS: [&str; 6] = ["marketing", "finance", "research", "support", "platform", "legal"];
const TITLES: [&str; 6] =
    ["Quarterly Report", "Übersicht Kunden", "scan 001", "résumé", "Budget (final)", "Screen Shot at 9.08.44 AM"];

/// Appends the raw key of number `index` in bucket `bucket`: the same number always gives the same key.
pub(super) fn raw(bucket: usize, index: u64, out: &mut Vec<u8>) {
    let hash = mix(index ^ ((bucket as u64 + 1) << 48));
    match hash % 16 {
        0..=7 => table_part(hash, index, out),
        8..=10 => image(hash, index, out),
        11..=13 => backup(hash, index, out),
        _ => document(hash, index, out),
    }
}

/// `lake/page_events/dt=2026-01-17/hour=07/part-00012-….parquet`
fn table_part(hash: u64, index: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"lake/");
    out.extend_from_slice(TABLES[(hash >> 4) as usize % TABLES.len()].as_bytes());
    out.extend_from_slice(b"/dt=2026-0");
    number(1 + (hash >> 8) % 2, out);
    out.push(b'-');
    padded((hash >> 12) % 28 + 1, 2, out);
    out.extend_from_slice(b"/hour=");
    padded((hash >> 18) % 24, 2, out);
    out.extend_from_slice(b"/part-");
    padded(index % 100_000, 5, out);
    out.push(b'-');
    hexadecimal(hash, 10, out);
    out.extend_from_slice(b".parquet");
}

/// `media/images/3f/a9/img_0012345_1280x720.jpg`
fn image(hash: u64, index: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"media/images/");
    hexadecimal(hash, 2, out);
    out.push(b'/');
    hexadecimal(hash >> 8, 2, out);
    out.extend_from_slice(b"/img_");
    padded(index, 7, out);
    out.extend_from_slice(b"_1280x720.jpg");
}

/// `backup/host-042/2026/01/17/db-….dump.gz`
fn backup(hash: u64, index: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"backup/host-");
    padded((hash >> 4) % 200, 3, out);
    out.extend_from_slice(b"/2026/01/");
    padded((hash >> 12) % 28 + 1, 2, out);
    out.extend_from_slice(b"/db-");
    padded(index, 9, out);
    out.push(b'-');
    hexadecimal(hash, 8, out);
    out.extend_from_slice(b".dump.gz");
}

/// `home/finance/Quarterly Report 12+3=15 v42.pdf`: a key that needs encoding.
fn document(hash: u64, index: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"home/");
    out.extend_from_slice(TEAMS[(hash >> 4) as usize % TEAMS.len()].as_bytes());
    out.push(b'/');
    out.extend_from_slice(TITLES[(hash >> 8) as usize % TITLES.len()].as_bytes());
    out.extend_from_slice(b" v");
    number(index, out);
    out.extend_from_slice(if hash & 0x1000 == 0 { b".pdf" } else { b"+draft=1.docx" });
}

fn padded(value: u64, width: u32, out: &mut Vec<u8>) {
    for place in (0..width).rev() {
        out.push(b'0' + (value / 10u64.pow(place) % 10) as u8);
    }
}

fn hexadecimal(value: u64, width: u32, out: &mut Vec<u8>) {
    for place in (0..width).rev() {
        out.push(b"0123456789abcdef"[(value >> (place * 4)) as usize & 15]);
    }
}

/// Appends `key` as it stands in a request target: percent-encoded once, a space as `%20`.
pub(super) fn in_target(key: &[u8], out: &mut Vec<u8>) {
    encode(key, b"%20", b"%", out);
}

/// Appends `key` as the key field has it for `BATCH.` and `S3.` operations: encoded once, a space as `+`.
pub(super) fn encoded_once(key: &[u8], out: &mut Vec<u8>) {
    encode(key, b"+", b"%", out);
}

/// Appends `key` as the key field has it for `REST.` and `WEBSITE.` operations: the form above, encoded again.
pub(super) fn encoded_twice(key: &[u8], out: &mut Vec<u8>) {
    encode(key, b"%2B", b"%25", out);
}

fn encode(key: &[u8], space: &[u8], percent: &[u8], out: &mut Vec<u8>) {
    for &byte in key {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'*' => out.push(byte),
            b' ' => out.extend_from_slice(space),
            _ => {
                out.extend_from_slice(percent);
                out.push(b"0123456789ABCDEF"[usize::from(byte >> 4)]);
                out.push(b"0123456789ABCDEF"[usize::from(byte & 15)]);
            }
        }
    }
}
