use super::*;
use crate::detect::sample_database::{countries, database, systems};
use proptest::prelude::*;
use serde_json::json;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Addresses of all parts of the samples, and such that are in none.
const ASKED: [&str; 8] = [
    "192.0.2.7",
    "198.51.100.255",
    "203.0.113.0",
    "2001:db8::1",
    "::ffff:192.0.2.1",
    "8.8.8.8",
    "2001:db9::1",
    "255.255.255.255",
];

#[test]
fn addresses_are_told_by_their_networks() {
    let countries = Database::open::<Country>("c.mmdb", countries()).unwrap();
    let found = ASKED.map(|text| countries.of::<Country>(address(text)).map(|country| country.to_string()));
    let expected = [Some("DE"), Some("US"), Some("BR"), Some("JP"), Some("DE"), None, None, None];
    assert_eq!(found.each_ref().map(Option::as_deref), expected);
    let systems = Database::open::<System>("a.mmdb", systems()).unwrap();
    let found = ASKED.map(|text| systems.of::<System>(address(text)).map(|system| system.to_string()));
    assert_eq!(found[0].as_deref(), Some("AS64496 Example Access"));
    assert_eq!(found[3].as_deref(), Some("AS64498 Example Six"));
    assert_eq!(found[5], None);
    assert_eq!(systems.as_of().as_deref(), Some("2026-11-01"));
    assert!(countries.note().is_none() && systems.note().is_none());
}

#[test]
fn a_part_of_a_network_and_networks_of_one_side_are_found() {
    let of = |code: &str| json!({"country": {"iso_code": code}});
    let parts = [("192.0.0.0/8", of("DE")), ("192.0.2.128/25", of("FR"))];
    let database = |networks: &[_]| Database::open::<Country>("c.mmdb", database("x", networks));
    let open = database(&parts).unwrap();
    let found = ["192.0.2.127", "192.0.2.128", "192.0.3.0", "191.0.0.1"]
        .map(|text| open.of::<Country>(address(text)).map(|country| country.to_string()));
    assert_eq!(found.each_ref().map(Option::as_deref), [Some("DE"), Some("FR"), Some("DE"), None]);
    // The country of IPv6 alone, and a record of another form among good ones.
    assert!(database(&[("2001:db8::/32", of("JP"))]).is_ok());
    assert!(database(&[("2001:db8::/32", of("Japan"))]).is_err());
}

#[test]
fn what_is_no_database_or_one_of_another_kind_is_refused_with_the_reason() {
    let country = |bytes: Vec<u8>| Database::open::<Country>("a.mmdb", bytes).err().unwrap_or_default();
    assert_eq!(
        country(systems()),
        "country_database: a.mmdb: it is of the type \"sample-ASN\" and names no country"
    );
    let error = Database::open::<System>("a.mmdb", countries()).err().unwrap();
    assert_eq!(error, "asn_database: a.mmdb: it is of the type \"sample-Country\" and names no autonomous system");
    for bytes in [Vec::new(), b"# a list\n192.0.2.0/24\n".to_vec(), b"\xab\xcd\xefMaxMind.com".to_vec()] {
        assert!(country(bytes).contains("give a whole file in MaxMind's form"));
    }
}

#[test]
fn a_database_that_is_cut_anywhere_is_refused() {
    type Opens = fn(Vec<u8>) -> bool;
    let [country, system]: [Opens; 2] = [
        |bytes| Database::open::<Country>("a.mmdb", bytes).is_ok(),
        |bytes| Database::open::<System>("a.mmdb", bytes).is_ok(),
    ];
    for (whole, opens) in [(countries(), country), (systems(), system)] {
        assert!(opens(whole.clone()));
        for length in 0..whole.len() {
            assert!(!opens(whole[..length].to_vec()), "cut to {length} of {}", whole.len());
        }
    }
}

/// Opens and asks; whatever the bytes are, that ends.
fn ask_all(bytes: &[u8]) -> bool {
    let mut is_open = false;
    for open in [Database::open::<Country>, Database::open::<System>] {
        if let Ok(database) = open("a.mmdb", bytes.to_vec()) {
            is_open = true;
            for text in ASKED {
                database.of::<Country>(address(text));
                database.of::<System>(address(text));
            }
            database.note();
            database.as_of();
        }
    }
    is_open
}

#[test]
fn any_byte_that_is_another_gives_an_error_or_a_miss() {
    let whole = countries();
    let mut opened = 0;
    for place in 0..whole.len() {
        for other in [1, 2, 0x1f, 0x20, 0x3f, 0x80, 0xe0, 0xff] {
            let mut bytes = whole.clone();
            bytes[place] ^= other;
            opened += usize::from(ask_all(&bytes));
        }
    }
    assert!(opened > whole.len(), "{opened} of {} were opened", whole.len() * 8);
}

/// A record that is put in place of that of the first network, behind the tree.
fn with_first_record(record: &[u8]) -> Vec<u8> {
    let networks = [
        ("192.0.2.0/24", json!({"country": {"iso_code": "DE"}})),
        ("198.51.100.0/24", json!({"country": {"iso_code": "US", "pad": "x".repeat(200)}})),
    ];
    let mut bytes = database("x", &networks);
    let place = bytes.windows(2).position(|bytes| bytes == b"\xe1\x47").expect("the map of the record");
    bytes[place..place + record.len()].copy_from_slice(record);
    bytes
}

#[test]
fn pointers_in_circles_and_lengths_without_end_are_told_as_damage() {
    for (what, record) in [
        ("a pointer to itself", &b"\x20\x00"[..]),
        ("a map whose key is a pointer to the map", b"\xe1\x20\x00"),
        ("a map of sixteen million", b"\xff\xff\xff\xff"),
        ("a text beyond the end", b"\xe1\x47country\xe1\x48iso_code\x5f\xff\xff\xff"),
        ("a pointer beyond the end", b"\xe1\x47country\x38\xff\xff\xff\xff"),
        ("bytes that are no text", b"\xe1\x47country\xe1\x48iso_code\x42\xff\xfe"),
    ] {
        let bytes = with_first_record(record);
        // The first network that is asked is the damaged one: nothing is taken of such a file.
        let opened = Database::open::<Country>("a.mmdb", bytes);
        let error = opened.err().unwrap_or_default();
        assert!(error.starts_with("country_database: a.mmdb: ") && error.contains(".mmdb)"), "{what}: {error}");
    }
    // This one is well formed as far as anybody looks: there is no code in it.
    let circle = Database::open::<Country>("a.mmdb", with_first_record(b"\xe1\x47country\x20\x00")).unwrap();
    assert_eq!(circle.of::<Country>(address("192.0.2.7")), None);
    assert!(circle.of::<Country>(address("198.51.100.7")).is_some() && circle.note().is_none());
}

#[test]
fn records_that_are_damaged_behind_good_ones_are_counted_and_told() {
    let of = |code: &str| json!({"country": {"iso_code": code}});
    let mut bytes = database("x", &[("192.0.2.0/24", of("DE")), ("198.51.100.0/24", of("US"))]);
    let place = bytes.windows(2).rposition(|bytes| bytes == b"US").unwrap();
    bytes[place] = 0xff;
    let database = Database::open::<Country>("a.mmdb", bytes).unwrap();
    for text in ["198.51.100.9", "192.0.2.1", "198.51.100.7", "198.51.100.9"] {
        assert_eq!(database.of::<Country>(address(text)).is_some(), text == "192.0.2.1");
    }
    let note = database.note().unwrap();
    assert!(note.contains("the records of 2 of the addresses") && note.contains("that of 198.51.100.7"), "{note}");
    let many = (0..=u8::MAX).flat_map(|third| (0..8).map(move |last| format!("198.51.{third}.{last}")));
    for text in many {
        database.of::<Country>(address(&text));
    }
    assert!(
        database.note().is_some_and(|note| note.contains("the records of 9 of")),
        "only 198.51.100 is damaged"
    );
}

proptest! {
    #[test]
    fn any_bytes_and_any_changes_end(
        noise in prop::collection::vec(any::<u8>(), 0..300),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        ask_all(&noise);
        let mut bytes = countries();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        ask_all(&bytes);
    }
}
