//! Databases in MaxMind's form (<https://maxmind.github.io/MaxMind-DB/>) with a few networks, made for samples and tests.

use serde_json::{Value, json};
use std::net::IpAddr;

/// The countries of the samples' addresses, which are those for documentation.
pub fn countries() -> Vec<u8> {
    let of = |network: &'static str, code: &str| (network, json!({"country": {"iso_code": code}}));
    let networks = [
        of("192.0.2.0/24", "DE"),
        of("198.51.100.0/24", "US"),
        of("203.0.113.0/26", "BR"),
        of("203.0.113.64/26", "AR"),
        of("203.0.113.128/26", "CL"),
        of("203.0.113.192/26", "PE"),
        of("2001:db8::/32", "JP"),
    ];
    database("sample-Country", &networks)
}

/// Their autonomous systems: numbers for documentation (<https://www.rfc-editor.org/rfc/rfc5398>).
pub fn systems() -> Vec<u8> {
    let of = |network: &'static str, number: u32, name: &str| {
        (network, json!({"autonomous_system_number": number, "autonomous_system_organization": name}))
    };
    let networks = [
        of("192.0.2.0/24", 64496, "Example Access"),
        of("198.51.100.0/24", 64497, "Example Hosting"),
        of("203.0.113.0/24", 64496, "Example Access"),
        of("2001:db8::/32", 64498, "Example Six"),
    ];
    database("sample-ASN", &networks)
}

/// Where a branch of the tree leads.
#[derive(Clone, Copy)]
enum Branch {
    Nothing,
    Node(usize),
    /// A place in the data.
    Record(usize),
}

/// A database of both versions of IP with records of 24 bits. Of networks that overlap the later one stands.
///
/// # Panics
/// If a text is no network, or a record has other than objects, texts below 285 bytes and numbers of 32 bits.
pub fn database(database_type: &str, networks: &[(&str, Value)]) -> Vec<u8> {
    let mut tree = vec![[Branch::Nothing; 2]];
    let mut data = Vec::new();
    for (network, record) in networks {
        let place = data.len();
        push_value(&mut data, record);
        insert(&mut tree, network, Branch::Record(place));
    }
    let mut bytes = Vec::new();
    for branch in tree.as_flattened() {
        let number = match branch {
            Branch::Nothing => tree.len(),
            Branch::Node(node) => *node,
            Branch::Record(place) => tree.len() + SEPARATOR.len() + place,
        };
        bytes.extend_from_slice(&(number as u32).to_be_bytes()[1..]);
    }
    bytes.extend_from_slice(&SEPARATOR);
    bytes.extend_from_slice(&data);
    bytes.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    push_metadata(&mut bytes, database_type, tree.len());
    bytes
}

/// Between tree and data.
const SEPARATOR: [u8; 16] = [0; 16];

/// 1 November 2026.
const BUILT: u64 = 1_793_491_200;

/// Types of values, by their numbers in the format.
const TEXT: u8 = 2;
const U16: u8 = 5;
const U32: u8 = 6;
const MAP: u8 = 7;
const U64: u8 = 9;
const ARRAY: u8 = 11;

fn insert(tree: &mut Vec<[Branch; 2]>, network: &str, record: Branch) {
    let (address, bits) = network.split_once('/').expect("a network has a slash");
    let bits: u32 = bits.parse().expect("its bits are a number");
    let (address, bits) = match address.parse().expect("it begins with an address") {
        IpAddr::V4(address) => (u128::from(address.to_bits()), bits + 96),
        IpAddr::V6(address) => (address.to_bits(), bits),
    };
    let side = |depth: u32| (address >> (127 - depth) & 1) as usize;
    let mut node = 0;
    for depth in 0..bits - 1 {
        let branch = tree[node][side(depth)];
        node = match branch {
            Branch::Node(next) => next,
            // What is known of the whole is known of both halves.
            _ => {
                tree.push([branch; 2]);
                let next = tree.len() - 1;
                tree[node][side(depth)] = Branch::Node(next);
                next
            }
        };
    }
    tree[node][side(bits - 1)] = record;
}

fn push_metadata(bytes: &mut Vec<u8>, database_type: &str, nodes: usize) {
    push_head(bytes, MAP, 9);
    let mut member = |name: &str, kind: u8, value: u64| {
        push_value(bytes, &json!(name));
        push_number(bytes, kind, value);
    };
    member("node_count", U32, nodes as u64);
    member("record_size", U16, 24);
    member("ip_version", U16, 6);
    member("binary_format_major_version", U16, 2);
    member("binary_format_minor_version", U16, 0);
    member("build_epoch", U64, BUILT);
    for (name, value) in [("database_type", json!(database_type)), ("description", json!({}))] {
        push_value(bytes, &json!(name));
        push_value(bytes, &value);
    }
    push_value(bytes, &json!("languages"));
    push_head(bytes, ARRAY, 0);
}

fn push_value(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Object(members) => {
            push_head(bytes, MAP, members.len());
            for (name, value) in members {
                push_value(bytes, &json!(name));
                push_value(bytes, value);
            }
        }
        Value::String(text) => {
            push_head(bytes, TEXT, text.len());
            bytes.extend_from_slice(text.as_bytes());
        }
        other => push_number(bytes, U32, other.as_u64().expect("a number")),
    }
}

fn push_number(bytes: &mut Vec<u8>, kind: u8, value: u64) {
    let digits = value.to_be_bytes();
    let digits = &digits[(value.leading_zeros() / 8) as usize..];
    push_head(bytes, kind, digits.len());
    bytes.extend_from_slice(digits);
}

/// Types beyond the seventh stand in a byte of their own, and so do lengths from 29 on.
fn push_head(bytes: &mut Vec<u8>, kind: u8, length: usize) {
    let short = length.min(29) as u8;
    match kind {
        ..=7 => bytes.push(kind << 5 | short),
        _ => bytes.extend([short, kind - 7]),
    }
    if length >= 29 {
        bytes.push(u8::try_from(length - 29).expect("texts are short"));
    }
}
