//! What a site knows of networks, buckets and hours, ready to be asked at every row.

mod aws;
mod countries;
pub mod database;
mod hours;
mod places;
mod ranges;

pub use countries::Countries;
pub use database::{Country, System};
pub use hours::{BusinessHours, Hours};
pub use places::Places;
pub use ranges::{Cidr, Ranges};

use super::marks::is_public;
use aws::AwsRanges;
use serde::Deserialize;
use std::net::IpAddr;

/// Most bytes of a file that the configuration names.
pub const MOST_FILE_BYTES: u64 = 64 << 20;

/// Lists of networks that a configuration may have.
const MOST_LISTS: usize = 64;

/// Reads a file that the configuration names.
pub type ReadFile<'a> = dyn FnMut(&str) -> Result<Vec<u8>, String> + 'a;

/// What a list of networks means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkKind {
    /// Known to be hostile.
    Threat,
    /// Exits of Tor.
    Tor,
    /// The site's own: offices, VPN, NAT.
    Corporate,
}

impl NetworkKind {
    /// The word in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            NetworkKind::Threat => "threat",
            NetworkKind::Tor => "tor",
            NetworkKind::Corporate => "corporate",
        }
    }
}

/// `[[networks]]` of the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSetting {
    name: String,
    kind: NetworkKind,
    #[serde(default)]
    cidrs: Vec<String>,
    file: Option<String>,
    as_of: Option<String>,
}

/// A list of networks.
#[derive(Clone, Debug)]
pub struct NetworkList {
    /// As configured.
    pub name: String,
    /// What it means.
    pub kind: NetworkKind,
    /// The day on which it was right.
    pub as_of: Option<String>,
    ranges: Ranges,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Context {
    lists: Vec<NetworkList>,
    aws: Option<AwsRanges>,
    /// Countries and autonomous systems of addresses.
    pub places: Places,
}

/// Files that the configuration names beside lists of networks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Files<'a> {
    /// AWS's list of its addresses.
    pub ip_ranges: Option<&'a str>,
    /// A database of countries.
    pub country_database: Option<&'a str>,
    /// A database of autonomous systems.
    pub asn_database: Option<&'a str>,
}

impl Context {
    /// Reads the lists, and the files that they name.
    ///
    /// # Errors
    /// One sentence: in which list or file and line what is wrong.
    pub fn of(networks: &[NetworkSetting], files: Files<'_>, read: &mut ReadFile<'_>) -> Result<Context, String> {
        if networks.len() > MOST_LISTS {
            return Err(format!("networks: {} lists, and there may be {MOST_LISTS}; join some", networks.len()));
        }
        let lists = networks.iter().map(|list| network_list(list, read)).collect::<Result<_, _>>()?;
        let aws = match files.ip_ranges {
            Some(file) => {
                Some(AwsRanges::parse(&read(file)?).map_err(|reason| format!("ip_ranges: {file}: {reason}"))?)
            }
            None => None,
        };
        let places = Places::of(files.country_database, files.asn_database, read)?;
        Ok(Context { lists, aws, places })
    }

    /// The lists that hold an address.
    pub fn lists_of(&self, address: IpAddr) -> impl Iterator<Item = &NetworkList> {
        self.lists.iter().filter(move |list| list.ranges.contains(address))
    }

    /// Could a row be marked by what is known of its address?
    pub fn tells_of_rows(&self) -> bool {
        !self.lists.is_empty() || self.aws.is_some() || self.places.know_countries()
    }

    /// Is there a list of hostile networks, or of Tor?
    pub fn has_hostile(&self) -> bool {
        self.lists.iter().any(|list| list.kind != NetworkKind::Corporate)
    }

    /// Are AWS's addresses known?
    pub fn knows_aws(&self) -> bool {
        self.aws.is_some()
    }

    /// Is an address one of the site's own?
    pub fn is_corporate(&self, address: &str) -> bool {
        let parsed = address.parse::<IpAddr>().ok().map(|address| address.to_canonical());
        parsed.is_some_and(|address| self.lists_of(address).any(|list| list.kind == NetworkKind::Corporate))
    }

    /// Does an address belong to AWS? `None` without its ranges.
    pub fn is_of_aws(&self, address: IpAddr) -> Option<bool> {
        Some(self.aws.as_ref()?.contains(address))
    }

    /// The country of an address of the internet; the site's own and those of AWS are of none.
    pub fn country(&self, address: IpAddr) -> Option<Country> {
        let address = address.to_canonical();
        let is_asked = self.places.know_countries()
            && is_public(address)
            && self.is_of_aws(address) != Some(true)
            && !self.lists_of(address).any(|list| list.kind == NetworkKind::Corporate);
        if is_asked { self.places.country(address) } else { None }
    }

    /// What is known of an address, a sentence each.
    pub fn describe(&self, address: &str) -> Vec<String> {
        let Some(parsed) = address.parse::<IpAddr>().ok().map(|address| address.to_canonical()) else {
            return Vec::new();
        };
        let list = |list: &NetworkList| {
            let as_of = list.as_of.as_deref().map(|day| format!(" as of {day}")).unwrap_or_default();
            format!("{address} is in the {} list {}{as_of}.", list.kind.name(), list.name)
        };
        let of_aws = self.aws.as_ref().and_then(|aws| aws.describe(parsed));
        let of_aws = of_aws.map(|service| format!("{address} is an address of AWS: {service}."));
        self.lists_of(parsed).map(list).chain(of_aws).collect()
    }
}

fn network_list(setting: &NetworkSetting, read: &mut ReadFile<'_>) -> Result<NetworkList, String> {
    let NetworkSetting { name, kind, cidrs, file, as_of } = setting;
    let place = |what: &str| format!("networks {name:?}: {what}");
    if name.is_empty() {
        return Err("networks: a list without a name".to_owned());
    }
    if let Some(day) = as_of.as_deref().filter(|day| crate::parse::time::iso_date(day.as_bytes()).is_none()) {
        return Err(place(&format!("as_of is {day:?}; give a day such as 2026-11-01")));
    }
    let mut found = Vec::new();
    for text in cidrs {
        found.push(Cidr::parse(text).map_err(|reason| place(&format!("{text:?} {reason}")))?);
    }
    if let Some(file) = file {
        let text = read(file).map_err(|reason| place(&reason))?;
        let text = std::str::from_utf8(&text).map_err(|_| place(&format!("{file} is no text")))?;
        found.extend(
            ranges::parse_list(text).map_err(|(line, reason)| place(&format!("{file}:{line}: {reason}")))?,
        );
    }
    if found.is_empty() {
        return Err(place("neither cidrs nor file names an address; give one of them"));
    }
    Ok(NetworkList { name: name.clone(), kind: *kind, as_of: as_of.clone(), ranges: Ranges::of(found) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(toml: &str) -> Result<Context, String> {
        #[derive(Deserialize)]
        struct Lists {
            networks: Vec<NetworkSetting>,
            ip_ranges: Option<String>,
        }
        let lists: Lists = toml::from_str(toml).map_err(|error| error.to_string())?;
        let files = Files { ip_ranges: lists.ip_ranges.as_deref(), ..Files::default() };
        Context::of(&lists.networks, files, &mut |file| match file {
            "tor.txt" => Ok(b"# exits\n198.51.100.7\n\n2001:db8::/32 ; all of it\n".to_vec()),
            "bad.txt" => Ok(b"192.0.2.0/24\nnonsense\n".to_vec()),
            "ip-ranges.json" => Ok(include_bytes!("samples/ip-ranges.json").to_vec()),
            _ => Err(format!("cannot read {file}")),
        })
    }

    #[test]
    fn lists_are_read_or_refused_with_the_place() {
        let list = |rest: &str| context(&format!("[[networks]]\nname = 'a'\nkind = 'tor'\n{rest}")).err();
        for (rest, complaint) in [
            ("cidrs = ['192.0.2.0/24', '2001:db8::1']", None),
            ("file = 'tor.txt'\nas_of = '2026-11-01'", None),
            ("file = 'bad.txt'", Some("bad.txt:2: \"nonsense\" is no address")),
            ("file = 'none.txt'", Some("cannot read none.txt")),
            ("cidrs = ['192.0.2.1/24']", Some("192.0.2.0/24")),
            ("cidrs = ['192.0.2.0/33']", Some("is no address")),
            ("cidrs = ['192.0.2.0/24']\nas_of = 'May'", Some("as_of is \"May\"")),
            ("", Some("neither cidrs nor file")),
            ("cidr = []", Some("unknown field")),
        ] {
            let found = list(rest);
            assert_eq!(found.is_none(), complaint.is_none(), "{rest}: {found:?}");
            assert!(found.unwrap_or_default().contains(complaint.unwrap_or_default()), "{rest}");
        }
    }

    #[test]
    fn an_address_is_told_with_its_lists_and_its_service() {
        let toml = "ip_ranges = 'ip-ranges.json'\n[[networks]]\nname = 'exits'\nkind = 'tor'\nfile = 'tor.txt'\n\
                    as_of = '2026-11-01'\n[[networks]]\nname = 'office'\nkind = 'corporate'\ncidrs = ['198.51.100.0/24']";
        let context = context(toml).unwrap();
        assert_eq!(
            context.describe("198.51.100.7"),
            [
                "198.51.100.7 is in the tor list exits as of 2026-11-01.",
                "198.51.100.7 is in the corporate list office."
            ]
        );
        assert_eq!(context.describe("203.0.113.9"), ["203.0.113.9 is an address of AWS: EC2 in eu-west-1."]);
        assert_eq!(context.describe("s3.amazonaws.com"), [""; 0]);
        assert_eq!(context.is_of_aws("203.0.113.200".parse().unwrap()), Some(true));
        assert_eq!(context.is_of_aws("192.0.2.1".parse().unwrap()), Some(false));
        assert!(context.has_hostile() && context.knows_aws() && context.is_corporate("198.51.100.9"));
    }
}
