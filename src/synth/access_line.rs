//! One access-log line before it is written, and the writing.

use super::calendar::{Calendar, number};
use super::random::Random;
use super::world::{Bucket, OWNER};

/// What the transport fields of a line show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// No request over the network: `-` for cipher, host and version.
    None,
    /// The website endpoint, without encryption.
    Website,
    /// TLS 1.2 to the bucket's endpoint.
    Tls12,
    /// TLS 1.3 to the bucket's endpoint.
    Tls13,
}

/// The fields of a line. Texts hold bytes as they stand in the log, without the quotes; an empty text is `-`.
pub(super) struct Draft {
    pub(super) time: i64,
    pub(super) address: Vec<u8>,
    pub(super) requester: Vec<u8>,
    pub(super) request_id: Vec<u8>,
    pub(super) operation: &'static str,
    pub(super) key: Vec<u8>,
    pub(super) target: Vec<u8>,
    /// Whether request-URI, referer and user agent stand as `-` without quotes.
    pub(super) bare: bool,
    pub(super) status: &'static str,
    pub(super) error: &'static str,
    pub(super) sent: Option<u64>,
    pub(super) size: Option<u64>,
    pub(super) total: Option<u64>,
    pub(super) turnaround: Option<u64>,
    pub(super) referer: Vec<u8>,
    pub(super) agent: Vec<u8>,
    pub(super) versioned: bool,
    /// Length of the host id: 64, 76 or 88 characters.
    pub(super) host_id: usize,
    /// `AuthHeader`, `QueryString`, or empty for unsigned requests.
    pub(super) auth: &'static str,
    pub(super) transport: Transport,
    pub(super) access_point: bool,
    pub(super) acl: bool,
    pub(super) region: &'static str,
}

impl Draft {
    /// A line whose every field is `-` or empty.
    pub(super) fn new() -> Self {
        Self {
            time: 0,
            address: Vec::new(),
            requester: Vec::new(),
            request_id: Vec::new(),
            operation: "-",
            key: Vec::new(),
            target: Vec::new(),
            bare: false,
            status: "-",
            error: "-",
            sent: None,
            size: None,
            total: None,
            turnaround: None,
            referer: Vec::new(),
            agent: Vec::new(),
            versioned: false,
            host_id: 76,
            auth: "",
            transport: Transport::Tls13,
            access_point: false,
            acl: false,
            region: "-",
        }
    }

    /// Appends the line with its newline, as `fields` (25 to 27) fields.
    pub(super) fn write(
        &self,
        bucket: &Bucket,
        fields: u32,
        calendar: &mut Calendar,
        random: &mut Random,
        out: &mut Vec<u8>,
    ) {
        out.extend_from_slice(OWNER.as_bytes());
        out.push(b' ');
        out.extend_from_slice(bucket.name.as_bytes());
        out.push(b' ');
        calendar.access(self.time, out);
        for text in [&self.address, &self.requester, &self.request_id] {
            or_dash(text, out);
        }
        or_dash(self.operation.as_bytes(), out);
        or_dash(&self.key, out);
        self.quoted(&self.target, out);
        or_dash(self.status.as_bytes(), out);
        or_dash(self.error.as_bytes(), out);
        for value in [self.sent, self.size, self.total, self.turnaround] {
            out.push(b' ');
            match value {
                Some(value) => number(value, out),
                None => out.push(b'-'),
            }
        }
        self.quoted(&self.referer, out);
        self.quoted(&self.agent, out);
        self.tail(bucket, fields, random, out);
        out.push(b'\n');
    }

    /// The fields after the user agent, which S3 writes and no client can reach.
    fn tail(&self, bucket: &Bucket, fields: u32, random: &mut Random, out: &mut Vec<u8>) {
        out.push(b' ');
        if self.versioned {
            random.version_id(out);
        } else {
            out.push(b'-');
        }
        out.push(b' ');
        let padding = match self.host_id {
            64 => 0,
            76 => 1,
            _ => 2,
        };
        random.base64(out, self.host_id, padding);
        or_dash(if self.auth.is_empty() { b"" } else { b"SigV4" }, out);
        let (cipher, version) = match self.transport {
            Transport::None | Transport::Website => ("-", "-"),
            Transport::Tls12 => ("ECDHE-RSA-AES128-GCM-SHA256", "TLSv1.2"),
            Transport::Tls13 => ("TLS_AES_128_GCM_SHA256", "TLSv1.3"),
        };
        or_dash(cipher.as_bytes(), out);
        or_dash(self.auth.as_bytes(), out);
        out.push(b' ');
        match self.transport {
            Transport::None => out.push(b'-'),
            Transport::Website => {
                out.extend_from_slice(bucket.name.as_bytes());
                out.extend_from_slice(b".s3-website-");
                out.extend_from_slice(bucket.region.as_bytes());
                out.extend_from_slice(b".amazonaws.com");
            }
            _ => out.extend_from_slice(bucket.host.as_bytes()),
        }
        or_dash(version.as_bytes(), out);
        out.push(b' ');
        if self.access_point {
            out.extend_from_slice(b"arn:aws:s3:");
            out.extend_from_slice(bucket.region.as_bytes());
            out.extend_from_slice(b":111122223333:accesspoint/analytics-ap");
        } else {
            out.push(b'-');
        }
        if fields > 25 {
            or_dash(if self.acl { b"Yes" } else { b"" }, out);
        }
        if fields > 26 {
            or_dash(self.region.as_bytes(), out);
        }
    }

    /// Appends a space and `text` in quotes, as it is: the log escapes nothing.
    fn quoted(&self, text: &[u8], out: &mut Vec<u8>) {
        if self.bare {
            out.extend_from_slice(b" -");
            return;
        }
        out.extend_from_slice(b" \"");
        out.extend_from_slice(if text.is_empty() { b"-" } else { text });
        out.push(b'"');
    }
}

/// Appends a space and `text`, or `-` if it is empty.
fn or_dash(text: &[u8], out: &mut Vec<u8>) {
    out.push(b' ');
    out.extend_from_slice(if text.is_empty() { b"-" } else { text });
}
