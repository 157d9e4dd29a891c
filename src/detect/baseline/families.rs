//! What an address or a user agent belongs to, so that what changes every day does not look new every day.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network: 256 addresses of IPv4 (/24), or a site of IPv6 (/48).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// That of an address as logged; `None` for names of services and all else that is no address.
    pub fn of(address: &str) -> Option<Network> {
        Some(Network(match address.parse::<IpAddr>().ok()?.to_canonical() {
            IpAddr::V4(address) => {
                let [first, second, third, _] = address.octets();
                IpAddr::V4(Ipv4Addr::new(first, second, third, 0))
            }
            IpAddr::V6(address) => {
                let [first, second, third, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(first, second, third, 0, 0, 0, 0, 0))
            }
        }))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = if self.0.is_ipv4() { 24 } else { 48 };
        write!(formatter, "{}/{bits}", self.0)
    }
}

/// Bytes of a family that are kept.
const MOST_FAMILY: usize = 64;

/// Parts of a user agent that are looked at.
const MOST_PARTS: usize = 64;

/// The family of a user agent: the program's name without its version, and the command of the AWS command line, as in
/// `aws-cli s3.cp`. An upgrade makes no new family.
pub fn agent_family(agent: &str) -> String {
    // CloudTrail puts what clients send into brackets.
    let agent = agent.trim_start_matches('[').trim_end_matches(']');
    let (name, rest) = agent.split_once('/').unwrap_or((agent, ""));
    let mut family = crate::detect::evidence::shortened(name.trim(), MOST_FAMILY).to_owned();
    let command = rest.split([' ', '#']).take(MOST_PARTS).find_map(|part| part.strip_prefix("command/"));
    if let Some(command) = command {
        family.push(' ');
        family.push_str(crate::detect::evidence::shortened(command, MOST_FAMILY));
    }
    family
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_belong_to_networks_and_names_to_none() {
        for (address, expected) in [
            ("192.0.2.77", Some("192.0.2.0/24")),
            ("::ffff:192.0.2.77", Some("192.0.2.0/24")),
            ("2001:db8:1:2::3", Some("2001:db8:1::/48")),
            ("s3.amazonaws.com", None),
            ("-", None),
            ("192.0.2", None),
        ] {
            assert_eq!(Network::of(address).map(|network| network.to_string()).as_deref(), expected, "{address}");
        }
    }

    #[test]
    fn versions_make_no_new_family() {
        for (agent, expected) in [
            ("aws-cli/2.15.0 Python/3.11.6 Linux/5.10 exe/x86_64 prompt/off command/s3.cp", "aws-cli s3.cp"),
            ("[aws-cli/1.0 md/Botocore#1 command/s3api.get-object]", "aws-cli s3api.get-object"),
            ("Boto3/1.26.0 md/Botocore#1.29", "Boto3"),
            ("S3Console/0.4, aws-internal/3", "S3Console"),
            ("curl", "curl"),
            ("", ""),
        ] {
            assert_eq!(agent_family(agent), expected);
        }
        assert_eq!(agent_family(&"é".repeat(500)).len(), 64);
    }
}
