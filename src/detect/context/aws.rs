//! AWS's own list of its addresses (<https://ip-ranges.amazonaws.com/ip-ranges.json>).

use super::ranges::{Cidr, Ranges};
use serde::Deserialize;
use std::net::IpAddr;

/// The list.
#[derive(Clone, Debug)]
pub struct AwsRanges {
    all: Ranges,
    /// Service and region of each network.
    prefixes: Vec<(Cidr, Box<str>, Box<str>)>,
}

#[derive(Deserialize)]
struct File {
    prefixes: Vec<Prefix>,
    ipv6_prefixes: Vec<Prefix>,
}

#[derive(Deserialize)]
struct Prefix {
    #[serde(alias = "ipv6_prefix")]
    ip_prefix: String,
    region: String,
    service: String,
}

/// What AWS writes for every address; other services stand beside it.
const WHOLE: &str = "AMAZON";

impl AwsRanges {
    /// Reads the file as AWS gives it.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(json: &[u8]) -> Result<AwsRanges, String> {
        let file: File = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let mut prefixes = Vec::new();
        for Prefix { ip_prefix, region, service } in file.prefixes.into_iter().chain(file.ipv6_prefixes) {
            let cidr = Cidr::parse(&ip_prefix).map_err(|reason| format!("{ip_prefix:?} {reason}"))?;
            prefixes.push((cidr, service.into_boxed_str(), region.into_boxed_str()));
        }
        if prefixes.is_empty() {
            return Err("it names no network".to_owned());
        }
        Ok(AwsRanges { all: Ranges::of(prefixes.iter().map(|(cidr, ..)| *cidr)), prefixes })
    }

    /// Does an address belong to AWS?
    pub fn contains(&self, address: IpAddr) -> bool {
        self.all.contains(address)
    }

    /// The service and region of the smallest network with an address, as in `EC2 in eu-west-1`.
    pub fn describe(&self, address: IpAddr) -> Option<String> {
        let with = self.prefixes.iter().filter(|(cidr, ..)| cidr.contains(address));
        let (_, service, region) = with.max_by_key(|(cidr, service, _)| (cidr.bits(), &**service != WHOLE))?;
        Some(format!("{service} in {region}"))
    }
}
