//! What the configuration and the baseline make of a row: found out for every row, so that detectors are shown those that
//! would be routine without them.

use super::Config;
use super::baseline::{Dimension, Known, Texts, hour_of};
use super::codes::{Act, Ended, Who};
use super::context::{Context, Country, NetworkKind};
use super::earliest::Earliest;
use super::injection;
use super::names::{Name, Names};
use super::presigned::Presigned;
use super::secret_names::holds_credentials;
use super::sight::Sight;
use crate::activity::principal::session_of_trail;
use crate::detect::baseline::DAY_HOURS;
use crate::parse::scalar::integer;
use crate::parse::{FieldTable, LogType, cloudtrail::field as trail, s3_access::field as access};
use hashbrown::HashMap;
use memchr::memmem::Finder;
use std::net::IpAddr;
use std::sync::LazyLock;

/// What a row is marked with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks(u32);

impl Marks {
    /// From an address of a threat list.
    pub const THREAT: Marks = Marks(1);
    /// From an exit of Tor.
    pub const TOR: Marks = Marks(1 << 1);
    /// Names a decoy.
    pub const DECOY: Marks = Marks(1 << 2);
    /// A read of a sensitive bucket.
    pub const SENSITIVE: Marks = Marks(1 << 3);
    /// From outside to a bucket that is reached through VPC endpoints only.
    pub const DIRECT: Marks = Marks(1 << 4);
    /// By a person, outside business hours.
    pub const OFF_HOURS: Marks = Marks(1 << 5);
    /// With the role of an instance, from an address that is not of AWS.
    pub const OFF_AWS: Marks = Marks(1 << 6);
    /// From a network that the baseline does not know of the caller.
    pub const NEW_NETWORK: Marks = Marks(1 << 7);
    /// With a family of user agents that it does not know of the caller.
    pub const NEW_AGENT: Marks = Marks(1 << 8);
    /// An action that it does not know of the caller.
    pub const NEW_ACTION: Marks = Marks(1 << 9);
    /// A read of a file that holds credentials.
    pub const SECRET: Marks = Marks(1 << 10);
    /// A request to S3 without TLS, that was done or carried credentials.
    pub const PLAIN: Marks = Marks(1 << 11);
    /// A request to S3 over TLS 1.0 or 1.1.
    pub const OLD_TLS: Marks = Marks(1 << 12);
    /// A request to S3 that is signed with version 2.
    pub const OLD_SIGNATURE: Marks = Marks(1 << 13);
    /// A log file that was delivered, of which the answer says when it expires or with which key it is encrypted.
    pub const TOLD_DELIVERY: Marks = Marks(1 << 14);
    /// A read by a presigned URL that is good for long.
    pub const PRESIGNED: Marks = Marks(1 << 15);
    /// Holds text that is made for readers of the log.
    pub const INJECTION: Marks = Marks(1 << 16);
    /// S3 took long to answer.
    pub const SLOW: Marks = Marks(1 << 17);
    /// The earliest of its caller from its country that was not refused.
    pub const COUNTRY: Marks = Marks(1 << 18);

    /// None at all?
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Is one of these among them?
    pub fn has(self, any: Marks) -> bool {
        self.0 & any.0 != 0
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Marks) -> Marks {
        Marks(self.0 | other.0)
    }

    fn set(&mut self, mark: Marks, is: bool) {
        if is {
            *self = self.and(mark);
        }
    }
}

/// What is made of a row, whatever is configured.
pub fn of_row(table: &FieldTable, row: usize, sight: &Sight<'_>) -> Marks {
    of_key(table, row, sight).and(of_transport(table, row, sight)).and(of_delivery(table, row, sight))
}

/// What is made of a row's key and URL.
fn of_key(table: &FieldTable, row: usize, sight: &Sight<'_>) -> Marks {
    let mut marks = Marks::default();
    if sight.act == Act::Read && sight.ended == Ended::Done && sight.who != Who::Service && !sight.by_delivery {
        marks.set(Marks::SECRET, table.bytes(row, key_field(table.log)).is_some_and(holds_credentials));
        marks.set(Marks::PRESIGNED, is_presigned_for_long(table, row, sight));
    }
    marks.set(Marks::INJECTION, injection::is_in(table, row));
    if table.log == LogType::S3Access {
        // Fewer than four digits are no long time.
        let digits = table.bytes(row, access::TURN_AROUND_TIME_MS).filter(|digits| digits.len() >= 4);
        marks.set(Marks::SLOW, digits.and_then(integer).is_some_and(|time_ms| time_ms >= SLOW_MS));
    }
    marks
}

/// What is made of how a request came. Nearly all rows end at the first question.
fn of_transport(table: &FieldTable, row: usize, sight: &Sight<'_>) -> Marks {
    let (tls, signature) = match table.log {
        LogType::S3Access => (access::TLS_VERSION, access::SIGNATURE_VERSION),
        LogType::CloudTrail => (trail::TLS_VERSION, trail::S3_SIGNATURE_VERSION),
    };
    let (tls, signature) = (table.bytes(row, tls), table.bytes(row, signature));
    let is_modern = matches!(tls, Some(b"TLSv1.2" | b"TLSv1.3")) && signature != Some(b"SigV2");
    if is_modern || sight.act == Act::OtherService || sight.who == Who::Service {
        return Marks::default();
    }
    let mut marks = Marks::default();
    marks.set(Marks::OLD_SIGNATURE, signature == Some(b"SigV2"));
    marks.set(Marks::OLD_TLS, tls.is_some_and(is_old_tls));
    marks.set(Marks::PLAIN, table.log == LogType::S3Access && tls.is_none() && is_plain(table, row, sight));
    marks
}

/// Versions before 1.2, in the spellings of both logs: `TLSv1`, `TLSv1.0`, `TLSV1.1`, `SSLv3`.
fn is_old_tls(version: &[u8]) -> bool {
    let old = [&b"TLSv1"[..], b"TLSv1.0", b"TLSv1.1", b"SSLv2", b"SSLv3"];
    old.iter().any(|name| name.eq_ignore_ascii_case(version))
}

/// A request for which S3 logs neither a version nor a cipher came without TLS, if it came from outside at all: lifecycle,
/// parts of multi-object deletes and the source of a copy have none, and sites have no other way. Lines of old logs that
/// end before these fields have no host either.
fn is_plain(table: &FieldTable, row: usize, sight: &Sight<'_>) -> bool {
    let operation = table.bytes(row, access::OPERATION).unwrap_or_default();
    operation.starts_with(b"REST.")
        && !operation.ends_with(b"_GET")
        && table.bytes(row, access::CIPHER_SUITE).is_none()
        && table.bytes(row, access::HOST_HEADER).is_some()
        && table.bytes(row, access::REMOTE_IP).is_some()
        && (sight.who == Who::Principal || sight.ended == Ended::Done)
}

/// What is made of the answer to a service that delivers logs.
fn of_delivery(table: &FieldTable, row: usize, sight: &Sight<'_>) -> Marks {
    static EXPIRATION: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"x-amz-expiration\""));
    let mut marks = Marks::default();
    if sight.by_delivery
        && sight.act == Act::Write
        && sight.ended == Ended::Done
        && table.log == LogType::CloudTrail
    {
        let answer = table.bytes(row, trail::RESPONSE_ELEMENTS).unwrap_or_default();
        let is_told = table.bytes(row, trail::KMS_KEY_ARN).is_some() || EXPIRATION.find(answer).is_some();
        marks.set(Marks::TOLD_DELIVERY, is_told);
    }
    marks
}

/// Turn-around from which on a request is slow, in milliseconds: many times the 100 to 200 that AWS names as usual
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html>).
const SLOW_MS: i64 = 1000;

/// Was it a presigned URL that is good for long?
fn is_presigned_for_long(table: &FieldTable, row: usize, sight: &Sight<'_>) -> bool {
    let is_presigned =
        table.log == LogType::S3Access && table.bytes(row, access::AUTH_TYPE) == Some(b"QueryString");
    is_presigned
        && table
            .bytes(row, access::REQUEST_URI)
            .and_then(Presigned::of)
            .is_some_and(|url| url.is_good_for_long(sight.time_ms.unwrap_or(0)))
}

fn key_field(log: LogType) -> usize {
    match log {
        LogType::S3Access => access::OBJECT_KEY,
        LogType::CloudTrail => trail::S3_KEY,
    }
}

/// What rows are marked by.
pub struct Watch<'c> {
    config: &'c Config,
    /// Decoys by bucket: the beginnings of keys, or all of the bucket.
    decoys: HashMap<&'c str, Vec<&'c str>>,
    asks_for_addresses: bool,
}

/// What a thread remembers of texts that come again.
#[derive(Debug, Default)]
pub struct Watched {
    texts: Texts,
    /// Of addresses, by their number.
    addresses: Vec<Option<Place>>,
    /// Is the caller a person, by number?
    are_people: Vec<Option<bool>>,
    /// From which hour on the baseline knows something of a caller, by dimension and numbers.
    known: HashMap<(Dimension, u32, u32), u32>,
    /// By caller and country.
    earliest: Earliest<(u32, Country)>,
}

/// An address in a row: its network by number, and what follows from it.
#[derive(Clone, Copy, Debug)]
struct Address {
    network: Option<u32>,
    place: Place,
}

/// What follows from an address.
#[derive(Clone, Copy, Debug)]
struct Place {
    marks: Marks,
    is_public: bool,
    is_of_aws: Option<bool>,
    is_corporate: bool,
    /// Of an address that is neither the site's nor AWS's.
    country: Option<Country>,
}

impl Watched {
    /// Numbers of names are given anew.
    pub fn forget(&mut self) {
        *self = Watched::default();
    }
}

/// Hours of something that may be known, and of something that is not.
const UNSAID: u32 = 0;
const NEVER: u32 = u32::MAX;

impl<'c> Watch<'c> {
    /// By the settings; `None` if they name nothing to mark rows by.
    pub fn of(config: &'c Config) -> Option<Watch<'c>> {
        let mut decoys: HashMap<&str, Vec<&str>> = HashMap::new();
        for decoy in &config.decoys {
            let (bucket, prefix) = decoy.split_once('/').unwrap_or((decoy, ""));
            decoys.entry(bucket).or_default().push(prefix);
        }
        let has_buckets = !config.sensitive_buckets.is_empty() || !config.vpc_only_buckets.is_empty();
        let is_asked = has_buckets || !decoys.is_empty() || config.hours.is_some() || config.baseline.is_some();
        let asks_for_addresses =
            config.context.tells_of_rows() || !config.vpc_only_buckets.is_empty() || config.baseline.is_some();
        (is_asked || asks_for_addresses).then_some(Watch { config, decoys, asks_for_addresses })
    }

    /// What is made of a row.
    pub fn marks(
        &self,
        watched: &mut Watched,
        table: &FieldTable,
        row: usize,
        sight: &Sight<'_>,
        names: &Names,
    ) -> Marks {
        // Services and what they deliver are nobody who could be odd.
        if sight.who == Who::Service || sight.by_delivery {
            return Marks::default();
        }
        if watched.texts.are_many() {
            watched.forget();
        }
        let address = self.address(watched, table, row);
        let mut marks = address.map_or(Marks::default(), |address| address.place.marks);
        if let Some((number, _)) = sight.bucket {
            let bucket = names.buckets.name(number);
            let place = address.map(|address| address.place);
            marks = marks.and(self.of_bucket(table, row, sight, bucket, place));
        }
        if let Some(country) = address.and_then(|address| address.place.country) {
            marks.set(Marks::COUNTRY, watched.is_first_from(country, sight));
        }
        let caller = names.callers.name(sight.caller);
        if let (Some(hours), Some(time_ms)) = (&self.config.hours, sight.time_ms)
            && sight.who == Who::Principal
            && !hours.contains(time_ms)
        {
            marks.set(Marks::OFF_HOURS, watched.is_person(sight.caller, caller));
        }
        if let Some(Address { place, .. }) = address
            && place.is_public
            && place.is_of_aws == Some(false)
        {
            marks.set(Marks::OFF_AWS, is_of_instance(table, row));
        }
        if self.config.baseline.is_some() && sight.who == Who::Principal && sight.ended != Ended::Denied {
            marks = marks.and(self.news(watched, table, row, sight, (caller, address)).unwrap_or_default());
        }
        marks
    }

    /// The address of a row.
    fn address(&self, watched: &mut Watched, table: &FieldTable, row: usize) -> Option<Address> {
        if !self.asks_for_addresses {
            return None;
        }
        let field = match table.log {
            LogType::S3Access => access::REMOTE_IP,
            LogType::CloudTrail => trail::SOURCE_IP_ADDRESS,
        };
        let text = table.bytes(row, field)?;
        let (number, network) = watched.texts.address(text);
        let at = number as usize;
        if watched.addresses.len() <= at {
            let parsed = std::str::from_utf8(text).ok().and_then(|text| text.parse::<IpAddr>().ok());
            let place = parsed.map(|address| place(&self.config.context, address.to_canonical()));
            watched.addresses.resize(at, None);
            watched.addresses.push(place);
        }
        Some(Address { network, place: watched.addresses[at]? })
    }

    fn of_bucket(
        &self,
        table: &FieldTable,
        row: usize,
        sight: &Sight<'_>,
        bucket: &Name,
        place: Option<Place>,
    ) -> Marks {
        let mut marks = Marks::default();
        let Some(name) = bucket.text.as_deref() else { return marks };
        let config = self.config;
        marks.set(Marks::SENSITIVE, sight.act == Act::Read && config.sensitive_buckets.contains(name));
        if config.vpc_only_buckets.contains(name) {
            let has_endpoint = match table.log {
                LogType::S3Access => false,
                LogType::CloudTrail => table.bytes(row, trail::VPC_ENDPOINT_ID).is_some(),
            };
            marks.set(Marks::DIRECT, !has_endpoint && place.is_some_and(|place| place.is_public));
        }
        if let Some(prefixes) = self.decoys.get(name) {
            let key = table.text(row, key_field(table.log)).unwrap_or_default();
            marks.set(Marks::DECOY, prefixes.iter().any(|prefix| key.starts_with(prefix)));
        }
        marks
    }

    /// What the baseline does not know of a caller that it knows.
    fn news(
        &self,
        watched: &mut Watched,
        table: &FieldTable,
        row: usize,
        sight: &Sight<'_>,
        (caller, address): (&Name, Option<Address>),
    ) -> Option<Marks> {
        let today = hour_of(sight.time_ms?)? / DAY_HOURS * DAY_HOURS;
        let name = caller.text.as_deref()?;
        let Watched { texts, known, .. } = watched;
        // What was learned of the same day or later is no past.
        let mut is_new = |dimension: Dimension, number: u32, text: Option<&str>| {
            let first = *known.entry((dimension, sight.caller, number)).or_insert_with(|| {
                let fields = [Some(name), text];
                self.first_hour(dimension, &fields.into_iter().flatten().collect::<Vec<_>>())
            });
            first >= today && first != UNSAID
        };
        if is_new(Dimension::Principal, 0, None) {
            return None;
        }
        let mut marks = Marks::default();
        let action = texts.action(table, row);
        let text = texts.actions.name(action).text.as_deref();
        marks.set(Marks::NEW_ACTION, is_new(Dimension::PrincipalAction, action, text));
        if let Some(Address { network: Some(network), place }) = address
            && place.is_public
            && !place.is_corporate
            && !(place.is_of_aws == Some(true) && caller.is_role)
        {
            let text = texts.networks.name(network).text.as_deref();
            marks.set(Marks::NEW_NETWORK, is_new(Dimension::PrincipalNetwork, network, text));
        }
        let field = match table.log {
            LogType::S3Access => access::USER_AGENT,
            LogType::CloudTrail => trail::USER_AGENT,
        };
        if let Some(agent) = table.bytes(row, field) {
            let family = texts.family(agent);
            let text = texts.families.name(family).text.as_deref();
            marks.set(Marks::NEW_AGENT, is_new(Dimension::PrincipalUserAgent, family, text));
        }
        Some(marks)
    }

    fn first_hour(&self, dimension: Dimension, fields: &[&str]) -> u32 {
        match self.config.baseline.as_ref().map(|learned| learned.entry(dimension, fields)) {
            Some(Known::Seen(entry)) => entry.hours().0.max(1),
            Some(Known::Never) => NEVER,
            Some(Known::Unsaid) | None => UNSAID,
        }
    }
}

impl Watched {
    /// Is it the earliest row of its caller from a country that was seen? Then it may be the earliest of all.
    fn is_first_from(&mut self, country: Country, sight: &Sight<'_>) -> bool {
        let is_asked = sight.who == Who::Principal && sight.ended != Ended::Denied;
        let (true, Some(time_ms)) = (is_asked, sight.time_ms) else { return false };
        self.earliest.is((sight.caller, country), time_ms)
    }

    fn is_person(&mut self, number: u32, caller: &Name) -> bool {
        let at = number as usize;
        if self.are_people.len() <= at {
            self.are_people.resize(at + 1, None);
        }
        *self.are_people[at].get_or_insert_with(|| caller.text.as_deref().is_some_and(is_person))
    }
}

/// Is a caller a person: a user of IAM, a federated one, or somebody of Identity Center? Keys of users that are in truth
/// programs cannot be told apart.
fn is_person(principal: &str) -> bool {
    principal.contains(":user/")
        || principal.contains(":federated-user/")
        || principal.contains(":role/AWSReservedSSO_")
}

/// Is it a session that an instance opened with its role? Such a session has the name of the instance.
fn is_of_instance(table: &FieldTable, row: usize) -> bool {
    let arn = match table.log {
        LogType::S3Access => table.bytes(row, access::REQUESTER),
        LogType::CloudTrail => session_of_trail(table, row),
    };
    let Some(session) = arn.and_then(|arn| arn.rsplit(|byte| *byte == b'/').next()) else { return false };
    let digits = session.strip_prefix(b"i-").unwrap_or_default();
    (8..=17).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit)
}

fn place(context: &Context, address: IpAddr) -> Place {
    let mut marks = Marks::default();
    let mut is_corporate = false;
    for list in context.lists_of(address) {
        match list.kind {
            NetworkKind::Threat => marks.set(Marks::THREAT, true),
            NetworkKind::Tor => marks.set(Marks::TOR, true),
            NetworkKind::Corporate => is_corporate = true,
        }
    }
    Place {
        marks,
        is_public: is_public(address),
        is_of_aws: context.is_of_aws(address),
        is_corporate,
        country: context.country(address),
    }
}

/// Is it an address of the internet, not of a private network or a VPC?
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            !(address.is_private() || address.is_loopback() || address.is_link_local() || is_shared)
        }
        IpAddr::V6(address) => {
            !(address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_private_networks_are_not_public() {
        for (address, expected) in [
            ("192.0.2.1", true),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("100.64.0.1", false),
            ("100.128.0.1", true),
            ("2001:db8::1", true),
            ("fd00::1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn old_versions_of_tls_are_told_in_the_spellings_of_both_logs() {
        for (version, expected) in [
            ("TLSv1", true),
            ("TLSv1.0", true),
            ("TLSV1.1", true),
            ("SSLv3", true),
            ("TLSv1.2", false),
            ("TLSV1.3", false),
            ("TLSv1.10", false),
            ("", false),
        ] {
            assert_eq!(is_old_tls(version.as_bytes()), expected, "{version}");
        }
    }

    #[test]
    fn nothing_configured_marks_nothing() {
        assert!(Watch::of(&Config::default()).is_none());
        for text in ["decoys = ['a']", "sensitive_buckets = ['a']", "vpc_only_buckets = ['a']"] {
            assert!(Watch::of(&Config::from_toml(text).unwrap()).is_some(), "{text}");
        }
    }

    #[test]
    fn people_are_told_by_their_names() {
        for (principal, expected) in [
            ("arn:aws:iam::111122223333:user/ann", true),
            ("arn:aws:iam::111122223333:role/AWSReservedSSO_Admin_0123456789abcdef", true),
            ("arn:aws:iam::111122223333:role/build", false),
            ("AmazonS3", false),
        ] {
            assert_eq!(is_person(principal), expected, "{principal}");
        }
    }
}
