//! Any bytes as a database of countries or autonomous systems: an error or a miss, no crash, no endless search. With the
//! first bit set the rest changes bytes of a good one, three at a time: two for the place and one to put there.
#![no_main]
use libfuzzer_sys::fuzz_target;
use s3sleuth::detect::context::database::{Database, Record};
use s3sleuth::detect::context::{Country, System};
use s3sleuth::detect::sample_database::{countries, systems};

fn ask<T: Record>(bytes: &[u8]) {
    let Ok(database) = Database::open::<T>("fuzz.mmdb", bytes.to_vec()) else { return };
    for address in ["192.0.2.7", "198.51.100.255", "203.0.113.70", "8.8.8.8", "2001:db8::1", "::", "ffff::"] {
        let address = address.parse().expect("an address");
        database.of::<Country>(address);
        database.of::<System>(address);
    }
    let _said = (database.note(), database.as_of());
}

fuzz_target!(|bytes: &[u8]| {
    let [mode, bytes @ ..] = bytes else { return };
    if mode & 1 == 0 {
        ask::<Country>(bytes);
        ask::<System>(bytes);
        return;
    }
    let (mut country, mut system) = (countries(), systems());
    for [high, low, byte] in bytes.as_chunks::<3>().0 {
        let place = usize::from(u16::from_be_bytes([*high, *low]));
        for database in [&mut country, &mut system] {
            let length = database.len();
            database[place % length] = *byte;
        }
    }
    ask::<Country>(&country);
    ask::<System>(&system);
});
