//! What the rules about strangers who try names have in common.

use crate::detect::baseline::Network;
use crate::detect::batch::cell;
use crate::detect::codes::{Act, Codes, Ended, Who};
use crate::detect::{DetectBatch, Severity};

/// Does somebody without credentials ask for a bucket as such: whether it is there, what is in it, how it is set?
pub(super) fn asks_for_bucket(codes: &Codes, row: usize) -> bool {
    codes.who[row] == Who::Anonymous
        && (matches!(codes.act[row], Act::List | Act::Settings) || codes.act[row].is_listing())
        && codes.key[row] == 0
}

/// The same, and it was refused.
pub(super) fn is_refused_bucket(codes: &Codes, row: usize) -> bool {
    asks_for_bucket(codes, row) && codes.ended[row] == Ended::Denied
}

/// A fingerprint of the request: what both logs show is one. Without an id each row is one of its own.
pub(super) fn request(batch: &DetectBatch<'_>, codes: &Codes, row: usize) -> u64 {
    match codes.request[row] {
        0 => {
            let line = batch.integer("source_line").value(row) as u64;
            codes.key[row] ^ line.rotate_left(20) ^ batch.event_time().value(row) as u64
        }
        request => request,
    }
}

/// Address of a row.
pub(super) fn address<'a>(batch: &DetectBatch<'a>, row: usize) -> Option<&'a str> {
    cell(batch.text("remote_ip"), row)
}

/// The network of an address: /24, of IPv6 /48.
pub(super) fn network_of(address: &str) -> Option<String> {
    Network::of(address).map(|network| network.to_string())
}

/// A level below, but never below the mildest.
pub(super) fn milder(severity: Severity) -> Severity {
    let at = Severity::ALL.iter().position(|level| *level == severity).unwrap_or(0);
    Severity::ALL[at.saturating_sub(1)]
}
