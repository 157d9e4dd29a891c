//! Networks as sorted ranges of addresses.

use std::net::IpAddr;

/// Networks of a list: more than all blocks of /24 that the internet has.
const MOST_LINES: usize = 1 << 22;

/// A network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    address: IpAddr,
    bits: u8,
}

impl Cidr {
    /// Reads an address, or one with the bits of its network behind a slash.
    ///
    /// # Errors
    /// The rest of a sentence that begins with the text.
    pub fn parse(text: &str) -> Result<Cidr, String> {
        let no_address =
            || "is no address and no network; give 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32".to_owned();
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| no_address())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.parse().map_err(|_| no_address()))?;
        if bits > most {
            return Err(no_address());
        }
        let cidr = Cidr { address, bits };
        let first = cidr.first();
        if first != address {
            return Err(format!("has address bits behind its network; {first}/{bits} is the network"));
        }
        Ok(cidr)
    }

    /// How many bits name the network.
    pub fn bits(&self) -> u8 {
        self.bits
    }

    fn first(&self) -> IpAddr {
        match self.address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                IpAddr::V4((address.to_bits() & mask).into())
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                IpAddr::V6((address.to_bits() & mask).into())
            }
        }
    }

    /// Does it hold an address?
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits()).checked_shr(32 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits()).checked_shr(128 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// A list of networks, one a line; `#` and `;` begin comments.
///
/// # Errors
/// The line, and what is wrong.
pub(super) fn parse_list(text: &str) -> Result<Vec<Cidr>, (usize, String)> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let entry = line.split(['#', ';']).next().unwrap_or_default().trim();
        if entry.is_empty() {
            continue;
        }
        if found.len() >= MOST_LINES {
            return Err((number, format!("more than {MOST_LINES} networks")));
        }
        found.push(Cidr::parse(entry).map_err(|reason| (number, format!("{entry:?} {reason}")))?);
    }
    Ok(found)
}

/// Any number of networks, joined where they overlap and sorted, so that a look-up is a search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl Ranges {
    /// Of networks.
    pub fn of(cidrs: impl IntoIterator<Item = Cidr>) -> Ranges {
        let mut ranges = Ranges::default();
        for Cidr { address, bits } in cidrs {
            match address {
                IpAddr::V4(address) => {
                    let host = u32::MAX.checked_shr(bits.into()).unwrap_or(0);
                    ranges.v4.push((address.to_bits(), address.to_bits() | host));
                }
                IpAddr::V6(address) => {
                    let host = u128::MAX.checked_shr(bits.into()).unwrap_or(0);
                    ranges.v6.push((address.to_bits(), address.to_bits() | host));
                }
            }
        }
        ranges.v4 = joined(ranges.v4);
        ranges.v6 = joined(ranges.v6);
        ranges
    }

    /// Is an address in one of them?
    pub fn contains(&self, address: IpAddr) -> bool {
        match address.to_canonical() {
            IpAddr::V4(address) => holds(&self.v4, address.to_bits()),
            IpAddr::V6(address) => holds(&self.v6, address.to_bits()),
        }
    }
}

fn joined<T: Ord + Copy>(mut ranges: Vec<(T, T)>) -> Vec<(T, T)> {
    ranges.sort_unstable();
    let mut joined: Vec<(T, T)> = Vec::new();
    for (start, end) in ranges {
        match joined.last_mut().filter(|(_, last)| *last >= start) {
            Some((_, last)) => *last = end.max(*last),
            None => joined.push((start, end)),
        }
    }
    joined
}

fn holds<T: Ord>(ranges: &[(T, T)], address: T) -> bool {
    let after = ranges.partition_point(|(start, _)| *start <= address);
    ranges[..after].last().is_some_and(|(_, end)| *end >= address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranges_hold_what_their_networks_hold(
            v4 in prop::collection::vec((any::<u32>(), 0u8..=32), 0..20),
            v6 in prop::collection::vec((any::<u128>(), 0u8..=128), 0..8),
            asked in prop::collection::vec((any::<u32>(), any::<prop::sample::Index>()), 1..20),
        ) {
            let v4 = v4.iter().map(|(address, bits)| (IpAddr::V4((*address).into()), *bits));
            let v6 = v6.iter().map(|(address, bits)| (IpAddr::V6((*address).into()), *bits));
            let cidrs: Vec<Cidr> = v4.chain(v6).map(|(address, bits)| {
                let address = Cidr { address, bits }.first();
                let text = format!("{address}/{bits}");
                Cidr::parse(&text).unwrap()
            }).collect();
            let ranges = Ranges::of(cidrs.clone());
            for (noise, index) in asked {
                // Near a network: within it, or just beside it.
                let near = if cidrs.is_empty() { IpAddr::V4(noise.into()) } else {
                    match index.get(&cidrs).address {
                        IpAddr::V4(address) => IpAddr::V4(address.to_bits().wrapping_add(noise >> 24).wrapping_sub(9).into()),
                        IpAddr::V6(address) => IpAddr::V6(address.to_bits().wrapping_add(u128::from(noise >> 24)).wrapping_sub(9).into()),
                    }
                };
                for address in [near, IpAddr::V4(noise.into())] {
                    let canonical = address.to_canonical();
                    let expected = cidrs.iter().any(|cidr| cidr.contains(canonical));
                    prop_assert_eq!(ranges.contains(address), expected, "{}", address);
                }
            }
        }
    }
}
