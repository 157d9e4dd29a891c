//! Lists of a few networks.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;

const FROM_LIST: Reads = Reads { address: "198.51.100.7", count: 3, ..Reads::USUAL };

/// The configuration of the samples.
pub(in crate::detect::rules) const CONFIG: &str = "
[[networks]]
name = 'seen in attacks'
kind = 'threat'
cidrs = ['198.51.100.0/25', '2001:db8:bad::/48']
as_of = '2026-03-01'
[[networks]]
name = 'exits'
kind = 'tor'
cidrs = ['203.0.113.9']
[[networks]]
name = 'office'
kind = 'corporate'
cidrs = ['192.0.2.0/24']
";

pub(super) static SAMPLES: [Sample; 7] = [
    Sample { name: "fires", logs: Logs::Made(|| vec![(S3Access, FROM_LIST.lines().into())]), fires: true },
    Sample {
        name: "fires_ipv6",
        logs: Logs::Made(|| vec![(S3Access, Reads { address: "2001:db8:bad::1", ..FROM_LIST }.lines().into())]),
        fires: true,
    },
    Sample {
        name: "fires_tor",
        logs: Logs::Made(|| vec![(S3Access, Reads { address: "203.0.113.9", ..FROM_LIST }.lines().into())]),
        fires: true,
    },
    // What was refused is an attempt, and an alert too.
    Sample {
        name: "fires_denied",
        logs: Logs::Made(|| vec![(S3Access, Reads { done: false, ..FROM_LIST }.lines().into())]),
        fires: true,
    },
    // Beside the network.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| vec![(S3Access, Reads { address: "198.51.100.128", ..FROM_LIST }.lines().into())]),
        fires: false,
    },
    // A list of the site's own.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| vec![(S3Access, Reads::USUAL.lines().into())]),
        fires: false,
    },
    // Refused from elsewhere.
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| {
            vec![(S3Access, Reads { done: false, address: "198.51.100.200", ..FROM_LIST }.lines().into())]
        }),
        fires: false,
    },
];
