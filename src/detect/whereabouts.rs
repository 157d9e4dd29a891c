//! From where credentials are used: the first request of each stretch of time, credential, bucket, place and, where they are
//! known, country is marked, so that everyday requests stay routine. In access logs sessions of roles are looked at, and
//! whether it was from inside.

use super::codes::Who;
use super::context::{Context, Countries, Country};
use super::earliest::Earliest;
use super::key_sample::{fingerprint_of, is_sampled};
use super::marks::is_public;
use super::minutes::MINUTE_MS;
use super::sight::Sight;
use crate::parse::{FieldTable, LogType, cloudtrail::field as trail, s3_access::field as access};
use memchr::memmem::Finder;
use std::net::IpAddr;

/// One request in so many is looked at, by its id, so that all the others cost next to nothing.
const HALVINGS: u32 = 2;

/// Minutes of a stretch.
pub const STRETCH_MINUTES: i64 = 10;

/// Of one thread: the time of the earliest request of a stretch, credential, bucket, place and country that it has seen.
#[derive(Debug)]
pub struct Whereabouts {
    /// By stretch, credential, bucket, place and country.
    earliest: Earliest<(i64, u64, u32, u64, u64)>,
    countries: Countries,
    /// Finds what the ARNs of sessions of roles hold.
    of_role: Finder<'static>,
}

impl Default for Whereabouts {
    fn default() -> Self {
        let of_role = Finder::new(":assumed-role/");
        Whereabouts { earliest: Earliest::default(), countries: Countries::default(), of_role }
    }
}

impl Whereabouts {
    /// Is this row the earliest that was seen of its kind? Then it may be the earliest of all.
    pub fn is_earliest(&mut self, table: &FieldTable, row: usize, sight: &Sight<'_>, context: &Context) -> bool {
        let is_asked = sight.who == Who::Principal && sight.request != 0 && is_sampled(sight.request, HALVINGS);
        let (true, Some((bucket, _)), Some(time_ms)) = (is_asked, sight.bucket, sight.time_ms) else {
            return false;
        };
        let (Some(credential), Some(address)) = (credential(table, row), address(table, row)) else {
            return false;
        };
        let Some(mut place) = Place::of(address) else { return false };
        if table.log == LogType::S3Access {
            // A session tells of credentials; which access key a user has is not logged, nor asked for.
            if self.of_role.find(credential).is_none() {
                return false;
            }
            if place != Place::Inside {
                place = Place::Outside(0);
            }
        }
        let country = self.countries.of(address, context).map_or(0, Country::number);
        let stretch = time_ms.div_euclid(STRETCH_MINUTES * MINUTE_MS);
        let what = (stretch, fingerprint_of(credential), bucket, place.fingerprint(), country);
        self.earliest.is(what, time_ms)
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

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(Place::of(address.as_bytes()), expected, "{address}");
        }
        assert_ne!(Place::Inside.fingerprint(), Place::Outside(0).fingerprint());
    }
}
