//! From where credentials are used: the first request of each stretch of time, credential, bucket, place and, where they are
//! known, country is shown to the rule that asks for it, and to no other. In access logs sessions of roles are looked at, and
//! whether it was from inside.

use super::codes::Who;
use super::context::{Context, Countries, Country};
use super::earliest::Earliest;
use super::key_sample::{fingerprint_of, is_sampled};
use super::marks::is_public;
use super::memo::Memo;
use super::minutes::MINUTE_MS;
use super::names::Names;
use super::sight::Sight;
use crate::parse::{FieldTable, LogType, cloudtrail::field as trail, s3_access::field as access};
use std::net::IpAddr;

/// The rule that asks for them.
pub const RULE: &str = "GET-018";

/// One request in so many is looked at, by its id, so that all the others cost next to nothing.
const HALVINGS: u32 = 2;

/// Minutes of a stretch.
pub const STRETCH_MINUTES: i64 = 10;

/// Of one thread: the time of the earliest request of a stretch, credential, bucket, place and country that it has seen.
#[derive(Debug, Default)]
pub struct Whereabouts {
    /// By stretch, credential, bucket, place and country.
    earliest: Earliest<(i64, u64, u32, u64, u64)>,
    places: Places,
    countries: Countries,
    /// How often the rule has halved the sessions that it counts, and those that it shows.
    halvings: [u32; 2],
}

impl Whereabouts {
    /// Is this row the earliest that was seen of its kind? Then it may be the earliest of all.
    pub fn is_earliest(
        &mut self,
        table: &FieldTable,
        row: usize,
        sight: &Sight<'_>,
        names: &Names,
        context: &Context,
    ) -> bool {
        let is_asked = sight.who == Who::Principal && sight.request != 0 && is_sampled(sight.request, HALVINGS);
        let (true, Some((bucket, _)), Some(time_ms)) = (is_asked, sight.bucket, sight.time_ms) else {
            return false;
        };
        let (Some(credential), Some(address)) = (credential(table, row), address(table, row)) else {
            return false;
        };
        let of_session = table.log == LogType::S3Access;
        // A session tells of credentials; which access key a user has is not logged, nor asked for.
        if of_session && !names.callers.name(sight.caller).is_role {
            return false;
        }
        let credential = fingerprint_of(credential);
        let [counted, shown] = self.halvings;
        let is_kept = |halvings| is_sampled(credential, halvings);
        if of_session && !is_kept(counted.min(shown)) {
            return false;
        }
        let Some(mut place) = self.places.of(address) else { return false };
        let country = self.countries.of(address, context).map_or(0, Country::number);
        // What is from inside, and from no country, is counted only.
        if place == Place::Inside && country == 0 && !is_kept(counted) {
            return false;
        }
        if of_session && place != Place::Inside {
            place = Place::Outside(0);
        }
        let stretch = time_ms.div_euclid(STRETCH_MINUTES * MINUTE_MS);
        self.earliest.is((stretch, credential, bucket, place.fingerprint(), country), time_ms)
    }

    /// The rule keeps so much: it is by their credentials that sessions, and access keys from inside, are sampled.
    pub fn know(&mut self, halvings: [u32; 2]) {
        self.halvings = halvings;
    }

    /// Numbers of buckets are given anew.
    pub fn forget(&mut self) {
        self.earliest.forget();
    }
}

/// What credentials a row shows: the access key, where the log has it, else the session.
fn credential(table: &FieldTable, row: usize) -> Option<&[u8]> {
    match table.log {
        LogType::S3Access => table.bytes(row, access::REQUESTER),
        LogType::CloudTrail => table.bytes(row, trail::ACCESS_KEY_ID),
    }
}

fn address(table: &FieldTable, row: usize) -> Option<&[u8]> {
    match table.log {
        LogType::S3Access => table.bytes(row, access::REMOTE_IP),
        LogType::CloudTrail => table.bytes(row, trail::SOURCE_IP_ADDRESS),
    }
}

/// Where an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a private network, from which S3 is reached through a VPC endpoint.
    Inside,
    /// In a network of the internet: the first 16 bits of IPv4, or 32 of IPv6.
    Outside(u32),
}

impl Place {
    /// Of an address as logged; `None` for names of services and what else is no address.
    pub fn of(address: &[u8]) -> Option<Place> {
        let address = std::str::from_utf8(address).ok()?.parse::<IpAddr>().ok()?.to_canonical();
        Some(match address {
            _ if !is_public(address) => Place::Inside,
            IpAddr::V4(address) => Place::Outside(u32::from(address) >> 16),
            IpAddr::V6(address) => Place::Outside((u128::from(address) >> 96) as u32),
        })
    }

    /// A fingerprint of it.
    pub fn fingerprint(self) -> u64 {
        match self {
            Place::Inside => 1,
            Place::Outside(network) => u64::from(network) << 1,
        }
    }
}

/// Where addresses are that come again and again.
#[derive(Debug, Default)]
pub struct Places(Memo<Option<Place>>);

impl Places {
    /// The same as [`Place::of`].
    pub fn of(&mut self, address: &[u8]) -> Option<Place> {
        self.0.get(address).unwrap_or_else(|| {
            let place = Place::of(address);
            self.0.set(address, place);
            place
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::sight::Seer;
    use crate::detect::testing::access_table;

    /// The sessions that are asked for of those that come from there, if the rule has halved so often.
    fn asked_for(address: &str, halvings: [u32; 2]) -> Vec<u32> {
        let line = |number: u32| {
            format!(
                "o b [06/Feb/2026:00:00:38 +0000] {address} arn:aws:sts::111122223333:assumed-role/app/i-{} R{number} \
                 REST.GET.OBJECT k \"GET /k HTTP/1.1\" 200 - 1 1 5 4 \"-\" \"-\" -\n",
                number / 2
            )
        };
        // One request in four is looked at.
        let looked_at = |number: &u32| is_sampled(fingerprint_of(format!("R{number}").as_bytes()), HALVINGS);
        let numbers: Vec<u32> = (0..u32::MAX).filter(looked_at).take(128).collect();
        let table = access_table(&numbers.iter().map(|number| line(*number)).collect::<String>());
        let (mut seer, mut whereabouts) = (Seer::default(), Whereabouts::default());
        whereabouts.know(halvings);
        let context = Context::default();
        let is_asked_for = |row: &usize| {
            let sight = seer.see(&table, *row);
            whereabouts.is_earliest(&table, *row, &sight, &seer.names, &context)
        };
        (0..table.len()).filter(is_asked_for).map(|row| numbers[row] / 2).collect()
    }

    #[test]
    fn what_the_rule_would_not_keep_is_not_asked_for() {
        let kept = |halvings: u32| {
            let arn = |number: &u32| format!("arn:aws:sts::111122223333:assumed-role/app/i-{number}");
            let all = asked_for("10.0.0.1", [0, 0]);
            assert!(all.len() > 100);
            all.into_iter().filter(|number| is_sampled(fingerprint_of(arn(number).as_bytes()), halvings)).collect()
        };
        for (address, halvings, expected) in
            [("10.0.0.1", [2, 0], 2), ("10.0.0.1", [1, 3], 1), ("192.0.2.1", [2, 1], 1), ("192.0.2.1", [1, 3], 1)]
        {
            let expected: Vec<u32> = kept(expected);
            assert!(!expected.is_empty() && asked_for(address, halvings) == expected, "{address} {halvings:?}");
        }
    }

    #[test]
    fn addresses_are_inside_or_in_a_network_of_the_internet() {
        for (address, expected) in [
            ("10.20.5.11", Some(Place::Inside)),
            ("203.0.113.7", Some(Place::Outside(0xCB00))),
            ("203.0.200.7", Some(Place::Outside(0xCB00))),
            ("2001:db8:1::1", Some(Place::Outside(0x2001_0db8))),
            ("s3.amazonaws.com", None),
            ("-", None),
        ] {
            let mut places = Places::default();
            let asked_twice = [(); 2].map(|()| places.of(address.as_bytes()));
            assert_eq!((Place::of(address.as_bytes()), asked_twice), (expected, [expected; 2]), "{address}");
        }
        assert_ne!(Place::Inside.fingerprint(), Place::Outside(0).fingerprint());
    }
}
