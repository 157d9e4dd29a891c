//! Requests that came through, by an ACL, by a policy and for many accounts.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;

const ANONYMOUS: Reads = Reads { requester: "-", count: 3, ..Reads::USUAL };

/// The canonical ids of other accounts.
const OTHERS: [&str; 3] = [
    "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9",
    "1a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9",
    "2a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9",
];

fn of_accounts(accounts: &[&'static str]) -> String {
    accounts.iter().map(|account| Reads { requester: account, count: 2, ..Reads::USUAL }.lines()).collect()
}

pub(super) static SAMPLES: [Sample; 6] = [
    Sample { name: "fires", logs: Logs::Made(|| vec![(S3Access, ANONYMOUS.lines().into())]), fires: true },
    Sample {
        name: "fires_acl",
        // The last field but one tells of the ACL.
        logs: Logs::Made(|| vec![(S3Access, ANONYMOUS.lines().replace("TLSv1.3 - -", "TLSv1.3 - Yes").into())]),
        fires: true,
    },
    Sample {
        name: "fires_accounts",
        logs: Logs::Made(|| vec![(S3Access, of_accounts(&OTHERS).into())]),
        fires: true,
    },
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| vec![(S3Access, of_accounts(&OTHERS[..2]).into())]),
        fires: false,
    },
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| vec![(S3Access, Reads { count: 9, ..Reads::USUAL }.lines().into())]),
        fires: false,
    },
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| vec![(S3Access, Reads { done: false, ..ANONYMOUS }.lines().into())]),
        fires: false,
    },
];
