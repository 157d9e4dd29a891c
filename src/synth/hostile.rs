//! What an attacker sends to confuse a reader of the access log.
//!
//! S3 escapes nothing in the request-URI, the referer and the user agent. The fields S3 writes itself stay true, so
//! every line still has exactly one right reading from its two ends.

use super::access_line::Draft;
use super::random::Random;

/// User agents that imitate what follows them, break out of their quotes or are not text.
const AGENTS: [&[u8]; 10] = [
    br#"x" - FAKEHOSTID= SigV4 TLS_FAKE AuthHeader evil.example TLSv1.3 - - us-east-1"#,
    br#"curl/8.16.0" - s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP/XV/VLi31234= SigV4 TLS_AES_128_GCM_SHA256 AuthHeader bucket.s3.amazonaws.com TLSv1.3 - Yes"#,
    br#""Mozilla/5.0 (Windows NT 10.0; Win64; x64)"#,
    br#"Mozilla/5.0 (iPad; CPU OS 13_3 like Mac OS X)""#,
    br#""linux64" sra-toolkit vdb-dump.3-head (phid=noce2034c0,libc=2.17)"#,
    br#"scanner "1.0" "quoted" "thrice""#,
    b"caf\xe9 bot\xff\xfe/1.0",
    b"nul\0byte and \x1b[31mcolour\x1b[0m",
    br#"=HYPERLINK("http://evil.example","click")"#,
    br#"<script>alert("log")</script>"#,
];

/// Referers with spaces, quotes, a forged rest of the line or bytes that are not UTF-8.
const REFERERS: [&[u8]; 6] = [
    br#"https://example.com/" 200 - 1 1 1 1 "-" "forged" - x= SigV4"#,
    br#"a "b" c"#,
    br#"https://example.com/?q="quoted words""#,
    br#"https://example.com//?s=index/\think\template\driver\file/write&content=<?php$a="b";?>"#,
    b"https://example.com/\xc3\x28\xa0\xa1",
    br#"-" "Mozilla/5.0 (forged)"#,
];

/// Query texts with quotes; a target holds no raw space, because HTTP ends it there.
const QUERIES: [&[u8]; 4] = [
    br#"?response-content-disposition=attachment;%20filename="export.csv""#,
    br#"?x="%20200%20-%201%201%201%201%20"-"%20"ua""#,
    br#"?s=index/\think\template&content=<?php$password%20=%20"secret";?>"#,
    b"?name=\xd0\xba\xd0\xb8\xf0\x28\x8c",
];

/// Replaces one or two of the fields that a client controls. Lines without these fields stay as they are.
pub(super) fn taint(draft: &mut Draft, random: &mut Random) {
    if draft.bare || draft.agent.is_empty() {
        return;
    }
    match random.below(8) {
        0..=3 => replace(&mut draft.agent, random.pick(&AGENTS)),
        4..=5 => replace(&mut draft.referer, random.pick(&REFERERS)),
        6 => query(&mut draft.target, random.pick(&QUERIES)),
        _ => {
            replace(&mut draft.agent, random.pick(&AGENTS));
            query(&mut draft.target, random.pick(&QUERIES));
        }
    }
}

fn replace(field: &mut Vec<u8>, text: &[u8]) {
    field.clear();
    field.extend_from_slice(text);
}

/// Puts a query between the path and the protocol version.
fn query(target: &mut Vec<u8>, text: &[u8]) {
    const PROTOCOL: &[u8] = b" HTTP/1.1";
    if target.ends_with(PROTOCOL) {
        target.truncate(target.len() - PROTOCOL.len());
        target.extend_from_slice(text);
        target.extend_from_slice(PROTOCOL);
    }
}
