//! Requests without TLS, and lines that have none either.

use crate::detect::sample_lines::Reads;
use crate::detect::{Logs, Sample};
use crate::parse::LogType::S3Access;

/// Lines as S3 writes them for requests over HTTP.
fn plain(reads: Reads) -> String {
    reads.lines().replace(" TLS_AES_128_GCM_SHA256 ", " - ").replace(" TLSv1.3 ", " - ")
}

const ANONYMOUS: Reads = Reads { requester: "-", ..Reads::USUAL };

pub(super) static SAMPLES: [Sample; 7] = [
    Sample { name: "fires", logs: Logs::Made(|| vec![(S3Access, plain(Reads::USUAL).into())]), fires: true },
    Sample {
        name: "fires_anonymous",
        logs: Logs::Made(|| vec![(S3Access, plain(Reads { count: 3, ..ANONYMOUS }).into())]),
        fires: true,
    },
    Sample {
        name: "near_miss_1",
        logs: Logs::Made(|| vec![(S3Access, Reads::USUAL.lines().into())]),
        fires: false,
    },
    // A site has no other way.
    Sample {
        name: "near_miss_2",
        logs: Logs::Made(|| vec![(S3Access, plain(ANONYMOUS).replace("REST.GET", "WEBSITE.GET").into())]),
        fires: false,
    },
    // The source of a copy, of which S3 logs no transport.
    Sample {
        name: "near_miss_3",
        logs: Logs::Made(|| {
            vec![(S3Access, plain(Reads::USUAL).replace("REST.GET.OBJECT", "REST.COPY.OBJECT_GET").into())]
        }),
        fires: false,
    },
    // A line of an old log ends before the fields.
    Sample {
        name: "near_miss_4",
        logs: Logs::Made(|| {
            let lines = plain(Reads::USUAL);
            let end = lines.find(" hostid").unwrap_or(lines.len());
            vec![(S3Access, format!("{}\n", &lines[..end]).into())]
        }),
        fires: false,
    },
    // Strangers who are refused; a caller with credentials would count.
    Sample {
        name: "denied_twin",
        logs: Logs::Made(|| vec![(S3Access, plain(Reads { done: false, ..ANONYMOUS }).into())]),
        fires: false,
    },
];
