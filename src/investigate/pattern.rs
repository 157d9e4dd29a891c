//! What names and addresses are held against.

use std::fmt::{self, Display, Formatter};
use std::net::IpAddr;

/// A name, in which `*` stands for any text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The texts between the stars; one alone must be the whole name.
    pieces: Vec<String>,
}

impl Pattern {
    /// Reads a pattern; every text is one.
    pub fn new(text: &str) -> Pattern {
        Pattern { pieces: text.split('*').map(str::to_owned).collect() }
    }

    /// A name as it stands, stars and all.
    pub fn exact(text: &str) -> Pattern {
        Pattern { pieces: vec![text.to_owned()] }
    }

    /// Does the name fit? Takes time in proportion to pattern and name, whatever they hold.
    pub fn matches(&self, name: &str) -> bool {
        let [first, between @ .., last] = self.pieces.as_slice() else {
            return self.pieces.first().is_some_and(|whole| whole == name);
        };
        let Some(mut rest) = name.strip_prefix(first.as_str()) else { return false };
        for piece in between {
            // The first place leaves most for the pieces behind it.
            let Some(at) = memchr::memmem::find(rest.as_bytes(), piece.as_bytes()) else { return false };
            rest = &rest[at + piece.len()..];
        }
        rest.ends_with(last.as_str())
    }

    /// What a name must begin with to fit, and whether it may go on behind that as it likes.
    pub fn beginning(&self) -> (&str, bool) {
        (self.pieces.first().map_or("", String::as_str), self.pieces.len() > 1)
    }
}

impl Display for Pattern {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.pieces.join("*"))
    }
}

/// An address or a network, such as `192.0.2.0/24`; else the name of an AWS service in the place of one
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>,
/// `sourceIPAddress`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// The addresses that share the first bits.
    Network(IpAddr, u32),
    /// `ec2.amazonaws.com`, `AWS Internal` and the like.
    Named(Pattern),
}

impl Address {
    /// Reads an address, a network or the name of a service, in which `*` stands for any text.
    ///
    /// # Errors
    /// Says what is expected: any other text is logged nowhere, and would find nothing.
    pub fn parse(text: &str) -> Result<Address, String> {
        if is_service(text) {
            return Ok(Address::Named(Pattern::new(text)));
        }
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let Ok(address) = address.parse::<IpAddr>() else {
            let expected =
                "an address such as 192.0.2.7, a network such as 192.0.2.0/24, or the name of an AWS service";
            return Err(format!("{text}: expected {expected} such as ec2.amazonaws.com"));
        };
        let most = bits_of(address);
        match bits.map_or(Ok(most), str::parse) {
            Ok(bits) if bits <= most => Ok(Address::Network(address, bits)),
            _ => Err(format!("{text}: expected a number of bits up to {most} behind the /")),
        }
    }

    /// An address or a name as it stands, stars and slashes and all.
    pub fn exact(text: &str) -> Address {
        match text.parse::<IpAddr>() {
            Ok(address) => Address::Network(address, bits_of(address)),
            Err(_) => Address::Named(Pattern::exact(text)),
        }
    }

    /// Is this one of them?
    pub fn matches(&self, logged: &str) -> bool {
        match self {
            Address::Named(pattern) => pattern.matches(logged),
            Address::Network(network, bits) => match (network, logged.parse::<IpAddr>()) {
                (IpAddr::V4(network), Ok(IpAddr::V4(address))) => {
                    shares(u128::from(network.to_bits()) << 96, u128::from(address.to_bits()) << 96, *bits)
                }
                (IpAddr::V6(network), Ok(IpAddr::V6(address))) => {
                    shares(network.to_bits(), address.to_bits(), *bits)
                }
                _ => false,
            },
        }
    }
}

impl Display for Address {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Address::Network(address, bits) if *bits == bits_of(*address) => address.fmt(formatter),
            Address::Network(address, bits) => write!(formatter, "{address}/{bits}"),
            Address::Named(pattern) => pattern.fmt(formatter),
        }
    }
}

/// The DNS name of a service, or `AWS Internal`, which can have a number behind a slash.
fn is_service(text: &str) -> bool {
    [".amazonaws.com", ".amazonaws.com.cn"].iter().any(|end| text.ends_with(end))
        || text.starts_with("AWS Internal")
}

fn bits_of(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// Are the first bits the same?
fn shares(left: u128, right: u128, bits: u32) -> bool {
    bits == 0 || (left ^ right) >> (128 - bits) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name, fits) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("", "", true),
            ("*", "", true),
            ("logs/*", "logs/2026/é", true),
            ("logs/*", "log", false),
            ("*.csv", "a.csv.csv", true),
            ("a*a", "a", false),
            ("a*b*c", "axbxbxc", true),
            ("a*b*c", "acb", false),
            ("**", "x", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(name), fits, "{pattern} {name}");
        }
        assert!(Pattern::exact("a*").matches("a*") && !Pattern::exact("a*").matches("ab"));
        for (text, beginning) in [("a", ("a", false)), ("a*b*", ("a", true)), ("*", ("", true)), ("", ("", false))]
        {
            let pattern = Pattern::new(text);
            assert_eq!((pattern.beginning(), pattern.to_string().as_str()), (beginning, text));
        }
        assert_eq!(Pattern::exact("a*").beginning(), ("a*", false));
    }

    #[test]
    fn an_address_is_of_a_network_or_is_none() {
        for (text, logged, fits) in [
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.70", false),
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("0.0.0.0/0", "203.0.113.66", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:0:0:0:0:0:1", true),
            ("2001:db8::1", "2001:0db8::0001", true),
            ("ec2.amazonaws.com", "ec2.amazonaws.com", true),
            ("*.amazonaws.com", "192.0.2.7", false),
            ("AWS Internal*", "AWS Internal/3", true),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.matches(logged), fits, "{text} {logged}");
            assert_eq!(address.to_string(), text);
        }
        for (text, logged, fits) in [
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("2001:db8::1", "2001:0db8::0001", true),
            ("AWS Internal", "AWS Internal", true),
            ("*", "192.0.2.7", false),
            ("*", "*", true),
            ("192.0.2.0/24", "192.0.2.7", false),
            ("a/b", "a/b", true),
        ] {
            assert_eq!(Address::exact(text).matches(logged), fits, "{text} {logged}");
        }
        for text in [
            "192.0.2.0/33",
            "192.0.2.0/",
            "192.0.2.0/x",
            "evil/24",
            "",
            "evil",
            "*",
            "192.0.2",
            "ann.example.com",
            "2001:db8::/129",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}
