//! Databases in MaxMind's form (<https://maxmind.github.io/MaxMind-DB/>): the country and the autonomous system of an address.

use crate::decode::guarded;
use crate::detect::evidence::shortened;
use crate::detect::stage::lock;
use crate::parse::time::format_date;
use maxminddb::{LookupResult, MaxMindDbError, Reader, path};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Mutex;

/// Networks of a database that are looked at to see whether it is of the right kind.
const MOST_TRIED: usize = 1 << 12;

/// Addresses that are remembered as those of which the record cannot be read.
const MOST_UNREADABLE: usize = 1 << 10;

/// Bytes of the name of an organization that are told.
const MOST_NAME: usize = 100;

/// A country by its two letters (ISO 3166-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Country([u8; 2]);

impl Country {
    /// Of a text; `None` if it is not two capital letters.
    pub fn of(text: &str) -> Option<Country> {
        let letters: [u8; 2] = text.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_uppercase).then_some(Country(letters))
    }

    /// A number of its own.
    pub fn number(self) -> u64 {
        u64::from(u16::from_be_bytes(self.0))
    }

    /// That of a number; `None` if it is of no country.
    pub fn of_number(number: u64) -> Option<Country> {
        let letters = u16::try_from(number).ok()?.to_be_bytes();
        Country::of(std::str::from_utf8(&letters).ok()?)
    }
}

impl fmt::Display for Country {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|letter| write!(formatter, "{}", char::from(*letter)))
    }
}

/// An autonomous system: the network of a provider or an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// Its number.
    pub number: u32,
    /// Whose it is, as the database names it.
    pub organization: Option<String>,
}

impl fmt::Display for System {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "AS{}", self.number)?;
        self.organization.iter().try_for_each(|name| write!(formatter, " {name}"))
    }
}

/// What a record of a database says, if it is of that kind.
pub trait Record: Sized {
    /// The member of the configuration that names such a database.
    const MEMBER: &'static str;
    /// What its records name.
    const NAMES: &'static str;

    /// Of a record.
    ///
    /// # Errors
    /// The record is damaged.
    fn of(record: &LookupResult<'_, Vec<u8>>) -> Result<Option<Self>, MaxMindDbError>;
}

/// Members as in GeoIP2 Country, GeoLite2 Country and databases with them
/// (<https://dev.maxmind.com/geoip/docs/databases/city-and-country>). The country in which a network is registered says
/// little of where it is used, and is not taken for it.
impl Record for Country {
    const MEMBER: &'static str = "country_database";
    const NAMES: &'static str = "country";

    fn of(record: &LookupResult<'_, Vec<u8>>) -> Result<Option<Country>, MaxMindDbError> {
        let code: Option<&str> = record.decode_path(&path!["country", "iso_code"])?;
        Ok(code.and_then(Country::of))
    }
}

/// Members as in GeoLite2 ASN (<https://dev.maxmind.com/geoip/docs/databases/asn>).
impl Record for System {
    const MEMBER: &'static str = "asn_database";
    const NAMES: &'static str = "autonomous system";

    fn of(record: &LookupResult<'_, Vec<u8>>) -> Result<Option<System>, MaxMindDbError> {
        let Some(number) = record.decode_path(&path!["autonomous_system_number"])? else { return Ok(None) };
        let name: Option<&str> = record.decode_path(&path!["autonomous_system_organization"])?;
        Ok(Some(System { number, organization: name.map(|name| shortened(name, MOST_NAME).to_owned()) }))
    }
}

/// A database that was read into memory.
#[derive(Debug)]
pub struct Database {
    file: String,
    reader: Reader<Vec<u8>>,
    unreadable: Mutex<Unreadable>,
}

/// Addresses of which the record cannot be read: the first of them, and whether there are more.
#[derive(Debug, Default)]
struct Unreadable {
    first: BTreeSet<IpAddr>,
    are_more: bool,
}

impl Database {
    /// Reads a file. Of its records only some are looked at.
    ///
    /// # Errors
    /// One sentence: the file is no such database, is damaged, or names nothing of that kind.
    pub fn open<T: Record>(file: &str, bytes: Vec<u8>) -> Result<Database, String> {
        let place =
            |what: &str| format!("{}: {file}: {what}; give a whole file in MaxMind's form (.mmdb)", T::MEMBER);
        let reader = guarded(|| Reader::from_source(bytes)).map_err(|panic| place(&panic))?;
        let reader = reader.map_err(|error| place(&error.to_string()))?;
        let database = Database { file: file.to_owned(), reader, unreadable: Mutex::default() };
        match guarded(|| database.names_any::<T>()) {
            Ok(Ok(true)) => Ok(database),
            Ok(Ok(false)) => {
                let kind = shortened(&database.reader.metadata().database_type, MOST_NAME);
                Err(format!("{}: {file}: it is of the type {kind:?} and names no {}", T::MEMBER, T::NAMES))
            }
            Ok(Err(error)) => Err(place(&error.to_string())),
            Err(panic) => Err(place(&panic)),
        }
    }

    /// Does one of its first networks name what is asked for? With a file of the other kind nothing would be found, and
    /// nobody would notice.
    fn names_any<T: Record>(&self) -> Result<bool, MaxMindDbError> {
        let mut starts = vec![IpAddr::V4(Ipv4Addr::UNSPECIFIED)];
        if self.reader.metadata().ip_version == 6 {
            // Behind the addresses of IPv4 in it.
            starts.push(IpAddr::V6(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0)));
        }
        for start in starts {
            let mut next = Some(start);
            for _ in 0..MOST_TRIED {
                let Some(address) = next else { break };
                let record = self.reader.lookup(address)?;
                if T::of(&record)?.is_some() {
                    return Ok(true);
                }
                next = after(record.network()?.broadcast());
            }
        }
        Ok(false)
    }

    /// What it says of an address.
    pub fn of<T: Record>(&self, address: IpAddr) -> Option<T> {
        let address = address.to_canonical();
        if address.is_ipv6() && self.reader.metadata().ip_version == 4 {
            return None;
        }
        if let Ok(Ok(found)) = guarded(|| T::of(&self.reader.lookup(address)?)) {
            return found;
        }
        let mut unreadable = lock(&self.unreadable);
        unreadable.first.insert(address);
        if unreadable.first.len() > MOST_UNREADABLE {
            // The last, so that what is left does not depend on the order.
            unreadable.first.pop_last();
            unreadable.are_more = true;
        }
        None
    }

    /// The day on which it was built, if it says so.
    pub fn as_of(&self) -> Option<String> {
        let time_ms = i64::try_from(self.reader.metadata().build_epoch).ok()?.checked_mul(1000)?;
        (1..FIRST_OF_YEAR_10000_MS).contains(&time_ms).then(|| format_date(time_ms))
    }

    /// A sentence if records could not be read.
    pub fn note(&self) -> Option<String> {
        let unreadable = lock(&self.unreadable);
        let first = unreadable.first.first()?;
        let (at_least, count) = (if unreadable.are_more { "at least " } else { "" }, unreadable.first.len());
        Some(format!(
            "{} is damaged: the records of {at_least}{count} of the addresses that were looked up cannot be read, such as \
             that of {first}; get it again.",
            self.file
        ))
    }
}

/// Years have four digits.
const FIRST_OF_YEAR_10000_MS: i64 = 253_402_300_800_000;

/// The address behind one.
fn after(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => Some(IpAddr::V4(address.to_bits().checked_add(1)?.into())),
        IpAddr::V6(address) => Some(IpAddr::V6(address.to_bits().checked_add(1)?.into())),
    }
}

#[cfg(test)]
mod tests;
