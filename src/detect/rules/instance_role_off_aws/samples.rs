//! Sessions of instances; AWS's addresses of the samples are 203.0.113.0/24.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;

const STOLEN: Reads = Reads {
    requester: "arn:aws:sts::111122223333:assumed-role/web/i-0a1b2c3d4e5f60718",
    address: "198.51.100.7",
    count: 3,
    ..Reads::USUAL
};

/// The configuration of the samples.
pub(in crate::detect::rules) const CONFIG: &str = "
ip_ranges = 'ip-ranges.json'
[[networks]]
name = 'office'
kind = 'corporate'
cidrs = ['192.0.2.0/24']
";

pub(super) static SAMPLES: [Sample; 7] = [
    Sample { name: "fires", logs: Logs::Made(|| vec![(S3Access, STOLEN.lines().into())]), fires: true },
    // What was refused is an attempt, and an alert too.
    Sample {
        name: "fires_denied",
        logs: Logs::Made(|| vec![(S3Access, Reads { done: false, ..STOLEN }.lines().into())]),
        fires: true,
    },
    // An address of AWS.
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| vec![(S3Access, Reads { address: "203.0.113.9", ..STOLEN }.lines().into())]),
        fires: false,
    },
    // A session of a person.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| {
            let requester = "arn:aws:sts::111122223333:assumed-role/web/i-am-ann";
            vec![(S3Access, Reads { requester, ..STOLEN }.lines().into())]
        }),
        fires: false,
    },
    // Through the VPC.
    Sample {
        name: "near_miss_3",
        logs: Logs::Made(|| vec![(S3Access, Reads { address: "10.0.4.7", ..STOLEN }.lines().into())]),
        fires: false,
    },
    // From the office.
    Sample {
        name: "near_miss_4",
        logs: Logs::Made(|| vec![(S3Access, Reads { address: "192.0.2.7", ..STOLEN }.lines().into())]),
        fires: false,
    },
    // Refused to the instance itself.
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| {
            vec![(S3Access, Reads { done: false, address: "203.0.113.9", ..STOLEN }.lines().into())]
        }),
        fires: false,
    },
];
