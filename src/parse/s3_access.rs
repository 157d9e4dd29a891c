//! One line of an S3 server access log.
//!
//! Format: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html>. Fields are separated by spaces and
//! nothing is escaped: request-URI, referer and user agent stand in quotes and may hold quotes and (the latter two)
//! spaces that a client chose. So the line is anchored at both ends. The eight fields that S3 writes are read from the
//! left; the request-URI ends at the first quote that is followed by the six fields of S3's numeric signature; the
//! **last** quote of the line ends the user agent and everything behind it is S3's again. Only the border between
//! referer and user agent can be ambiguous, and then the line is flagged.

mod block;
mod fields;
mod json;
mod marks;
mod members;
mod plain_line;

pub use block::{parse_block, parse_block_into};
pub use fields::{FIELDS, FLAGS, field, flag};
pub use members::{MEMBERS, REDUNDANT};

use super::ParseError;
use memchr::{memchr, memchr_iter, memrchr};
use nom::IResult;
use nom::bytes::complete::{tag, take, take_while};
use nom::error::{ErrorKind, ParseError as NomError};

/// A line taken apart. Every field borrows from the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLine<'a> {
    /// The fields by number, without brackets and enclosing quotes. `None`: logged as `-`, or the line is of a time
    /// that did not have the field yet.
    pub fields: [Option<&'a [u8]>; 27],
    /// What stands behind the 27th field, separated by spaces; empty for all lines known today.
    pub extra: &'a [u8],
    /// Bits of [`flag`].
    pub flags: u32,
}

/// Takes one line apart; `line` is without its line end.
///
/// # Errors
/// The first field that does not fit. Such a line is torn, cut or none of S3's; no field of it can be trusted.
pub fn parse_line(line: &[u8]) -> Result<AccessLine<'_>, ParseError> {
    let mut parsed = AccessLine { fields: [None; 27], extra: b"", flags: 0 };
    let at = |rest: &[u8]| line.len() - rest.len();
    let rest = written_by_s3(line, &mut parsed).map_err(|stop| stop.at(at))?;
    let rest = request_uri(rest, &mut parsed).map_err(|stop| stop.at(at))?;
    client_text_and_tail(rest, &mut parsed).map_err(|stop| stop.at(at))?;
    for value in &mut parsed.fields {
        if matches!(value, Some([b'-'])) {
            *value = None;
        }
    }
    Ok(parsed)
}

/// Does this text begin like a line of an access log: owner, bucket and a bracketed time? Used to tell files apart.
pub fn looks_like_a_line(line: &[u8]) -> bool {
    let mut parsed = AccessLine { fields: [None; 27], extra: b"", flags: 0 };
    head(line, &mut parsed).is_ok()
}

/// Where a parser stopped, and at which field.
struct Stop<'a> {
    rest: &'a [u8],
    field: usize,
    reason: &'static str,
}

impl<'a> Stop<'a> {
    fn at(self, offset: impl Fn(&'a [u8]) -> usize) -> ParseError {
        ParseError { field: FIELDS[self.field], offset: offset(self.rest), reason: self.reason }
    }
}

/// nom's error with nothing in it: fields and reasons are added where they are known.
#[derive(Debug)]
struct NoMatch;

impl<I> NomError<I> for NoMatch {
    fn from_error_kind(_: I, _: ErrorKind) -> Self {
        NoMatch
    }

    fn append(_: I, _: ErrorKind, other: Self) -> Self {
        other
    }
}

type Parsed<'a, T = &'a [u8]> = IResult<&'a [u8], T, NoMatch>;

fn no_match<T>() -> Result<T, nom::Err<NoMatch>> {
    Err(nom::Err::Error(NoMatch))
}

/// Bytes up to the next space; at least one. The space is not taken.
fn word(input: &[u8]) -> Parsed<'_> {
    match space(input).unwrap_or(input.len()) {
        0 => no_match(),
        end => take(end)(input),
    }
}

/// Offset of the first space. Most words are short: the first sixteen bytes are looked at eight at a time before a
/// vectorised search is worth its call.
#[inline]
fn space(input: &[u8]) -> Option<usize> {
    const SPACES: u64 = 0x2020_2020_2020_2020;
    const ONES: u64 = 0x0101_0101_0101_0101;
    let Some(head) = input.first_chunk::<16>() else { return memchr(b' ', input) };
    for (index, half) in head.chunks_exact(8).enumerate() {
        let differing =
            u64::from_le_bytes([half[0], half[1], half[2], half[3], half[4], half[5], half[6], half[7]]) ^ SPACES;
        // The lowest byte that is zero sets its highest bit (https://graphics.stanford.edu/~seander/bithacks.html).
        let zero = differing.wrapping_sub(ONES) & !differing & (ONES << 7);
        if zero != 0 {
            return Some(index * 8 + zero.trailing_zeros() as usize / 8);
        }
    }
    memchr(b' ', &input[16..]).map(|at| at + 16)
}

/// A word and the one space behind it.
fn word_and_space(input: &[u8]) -> Parsed<'_> {
    match space(input) {
        None | Some(0) => no_match(),
        Some(end) => Ok((&input[end + 1..], &input[..end])),
    }
}

/// A word and the spaces behind it: real lines of 2022 hold two behind the address.
fn word_and_spaces(input: &[u8]) -> Parsed<'_> {
    let (rest, word) = word_and_space(input)?;
    Ok((spaces(rest), word))
}

fn spaces(mut input: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] = input {
        input = rest;
    }
    input
}

/// `[06/Feb/2019:00:00:38 +0000]` and the spaces behind it, as the text between the brackets. The shape is checked
/// here, the calendar later.
fn bracketed_time(input: &[u8]) -> Parsed<'_> {
    let (rest, _) = tag(&b"["[..])(input)?;
    let (rest, text) = take(26usize)(rest)?;
    let (rest, _) = tag(&b"] "[..])(rest)?;
    let shaped = text.iter().zip(b"00/Aaa/0000:00:00:00 +0000").all(|(byte, shape)| match shape {
        b'0' => byte.is_ascii_digit(),
        b'A' => byte.is_ascii_uppercase(),
        b'a' => byte.is_ascii_lowercase(),
        b'+' => matches!(byte, b'+' | b'-'),
        fixed => byte == fixed,
    });
    if shaped { Ok((spaces(rest), text)) } else { no_match() }
}

/// The first four fields.
fn head<'a>(line: &'a [u8], parsed: &mut AccessLine<'a>) -> Result<&'a [u8], Stop<'a>> {
    let parsers: [fn(&[u8]) -> Parsed<'_>; 4] =
        [word_and_spaces, word_and_spaces, bracketed_time, word_and_spaces];
    let reasons = ["expected a word", "expected a word", "expected a time in brackets", "expected a word"];
    let mut rest = line;
    for (number, parser) in parsers.into_iter().enumerate() {
        let stop = Stop { rest, field: number, reason: reasons[number] };
        let (after, value) = parser(rest).map_err(|_| stop)?;
        parsed.fields[number] = Some(value);
        rest = after;
    }
    Ok(rest)
}

/// The eight fields that S3 writes before any text of the client.
fn written_by_s3<'a>(line: &'a [u8], parsed: &mut AccessLine<'a>) -> Result<&'a [u8], Stop<'a>> {
    let middle = head(line, parsed)?;
    let torn = |reason| Stop { rest: middle, field: field::REQUESTER, reason };
    let requester_end = requester_end(middle).ok_or(torn("expected requester, request id, operation and key"))?;
    let requester = &middle[..requester_end];
    if memchr(b' ', requester).is_some() {
        let arn =
            requester.starts_with(b"arn:") && !requester.iter().any(|byte| matches!(byte, b'[' | b']' | b'"'));
        if !arn || requester.len() == 4 {
            return Err(torn("two records run into each other"));
        }
        parsed.flags |= flag::REQUESTER_SPACES;
    }
    parsed.fields[field::REQUESTER] = Some(requester);
    let mut rest = &middle[requester_end + 1..];
    for number in [field::REQUEST_ID, field::OPERATION, field::OBJECT_KEY_RAW] {
        let stop = Stop { rest, field: number, reason: "expected a word" };
        let (after, value) = word_and_space(rest).map_err(|_| stop)?;
        parsed.fields[number] = Some(value);
        rest = after;
    }
    if holds_other_white_space(&line[..line.len() - rest.len()]) {
        return Err(Stop { rest: line, field: 0, reason: "expected no white space but spaces" });
    }
    Ok(rest)
}

/// Where the requester ends: at the first space that is followed by a word, an operation and a word. CloudFront's
/// origin access identities hold spaces.
fn requester_end(input: &[u8]) -> Option<usize> {
    memchr_iter(b' ', input).filter(|&end| end > 0).find(|&end| {
        let after = || -> Parsed<'_, bool> {
            let (rest, _request_id) = word_and_space(&input[end + 1..])?;
            let (rest, operation) = word_and_space(rest)?;
            let (rest, _key) = word_and_space(rest)?;
            Ok((rest, is_operation(operation)))
        };
        matches!(after(), Ok((_, true)))
    })
}

/// `REST.GET.OBJECT`, `S3.EXPIRE.OBJECT` and the like, or `-`.
fn is_operation(word: &[u8]) -> bool {
    let Some(dot) = memchr(b'.', word) else {
        return word == b"-";
    };
    matches!(&word[..dot], b"SOAP" | b"REST" | b"WEBSITE" | b"BATCH" | b"S3")
        && word.len() > dot + 1
        && word[dot + 1..].iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'))
}

/// Tab, vertical tab, form feed and carriage return never stand in what S3 writes.
fn holds_other_white_space(text: &[u8]) -> bool {
    // Without branches, so that the compiler takes many bytes at a time.
    text.iter().fold(false, |found, byte| found | ((byte.wrapping_sub(9) < 5) & (*byte != b'\n')))
}

/// Request-URI and the six fields behind it, which show where it ends.
fn request_uri<'a>(input: &'a [u8], parsed: &mut AccessLine<'a>) -> Result<&'a [u8], Stop<'a>> {
    let refused = |reason| Stop { rest: input, field: field::REQUEST_URI, reason };
    match input {
        [b'-', rest @ ..] => {
            let (rest, numbers) = numeric_signature(rest)
                .map_err(|_| refused("expected status, error code, sizes and times behind the request-URI"))?;
            parsed.flags |= flag::BARE_URI;
            parsed.fields[field::HTTP_STATUS..=field::TURN_AROUND_TIME_MS].copy_from_slice(&numbers.map(Some));
            Ok(rest)
        }
        [b'"', text @ ..] => {
            for (quotes_inside, end) in memchr_iter(b'"', text).enumerate() {
                if let Ok((rest, numbers)) = numeric_signature(&text[end + 1..]) {
                    parsed.flags |= if quotes_inside > 0 { flag::QUOTE_IN_URI } else { 0 };
                    parsed.fields[field::REQUEST_URI] = Some(&text[..end]);
                    parsed.fields[field::HTTP_STATUS..=field::TURN_AROUND_TIME_MS]
                        .copy_from_slice(&numbers.map(Some));
                    return Ok(rest);
                }
            }
            Err(refused("expected a closing quote, status, error code, sizes and times"))
        }
        _ => Err(refused("expected a quote or -")),
    }
}

/// ` 200 - 113 - 7 5 ` before a referer: status, error code, two sizes and two times, each behind one space.
fn numeric_signature(input: &[u8]) -> Parsed<'_, [&[u8]; 6]> {
    let (rest, _) = tag(&b" "[..])(input)?;
    let (rest, status) = word_and_space(rest)?;
    if status != b"-" && !(status.len() == 3 && status.iter().all(u8::is_ascii_digit)) {
        return no_match();
    }
    let (rest, error_code) = word_and_space(rest)?;
    if holds_other_white_space(error_code) {
        return no_match();
    }
    let (rest, bytes_sent) = number_and_space(rest)?;
    let (rest, object_size) = number_and_space(rest)?;
    let (rest, total_time) = number_and_space(rest)?;
    let (rest, turn_around_time) = number_and_space(rest)?;
    match rest {
        [b'"' | b'-', ..] => {
            Ok((rest, [status, error_code, bytes_sent, object_size, total_time, turn_around_time]))
        }
        _ => no_match(),
    }
}

/// Digits or `-`, and the space behind.
fn number_and_space(input: &[u8]) -> Parsed<'_> {
    match input {
        [b'-', b' ', rest @ ..] => Ok((rest, &input[..1])),
        _ => {
            let (rest, digits) = take_while(|byte: u8| byte.is_ascii_digit())(input)?;
            match (digits, rest) {
                ([_, ..], [b' ', rest @ ..]) => Ok((rest, digits)),
                _ => no_match(),
            }
        }
    }
}

/// Referer, user agent and what S3 wrote behind them. The last quote of the line is S3's.
fn client_text_and_tail<'a>(input: &'a [u8], parsed: &mut AccessLine<'a>) -> Result<(), Stop<'a>> {
    let refused = |field, reason| Stop { rest: input, field, reason };
    let Some(last_quote) = memrchr(b'"', input) else {
        parsed.flags |= flag::BARE_REF_UA;
        return tail(input, field::REFERER, parsed);
    };
    let (referer, user_agent) = match input {
        [b'-', b' ', b'"', ..] if last_quote > 2 => {
            parsed.flags |= flag::BARE_REF_UA;
            (&input[..1], &input[3..last_quote])
        }
        [b'"', ..] if last_quote > 0 => {
            let inside = &input[1..last_quote];
            let mut borders = memchr_iter(b'"', inside).filter(|&quote| inside[quote..].starts_with(b"\" \""));
            match (borders.next(), inside) {
                (Some(border), _) => {
                    // The quote that opens the user agent may close the referer of another reading.
                    if borders.next().is_some() {
                        parsed.flags |= flag::AMBIGUOUS_REF_UA;
                    }
                    (&inside[..border], &inside[border + 3..])
                }
                (None, [referer @ .., b'"', b' ', b'-']) => (referer, &inside[inside.len() - 1..]),
                _ => {
                    return Err(refused(field::USER_AGENT, "expected a quoted referer and a quoted user agent"));
                }
            }
        }
        _ => {
            return Err(refused(field::REFERER, "expected a quoted referer and a quoted user agent"));
        }
    };
    if memchr(b'"', referer).is_some() || memchr(b'"', user_agent).is_some() {
        parsed.flags |= flag::QUOTE_IN_REF_UA;
    }
    parsed.fields[field::REFERER] = Some(referer);
    parsed.fields[field::USER_AGENT] = Some(user_agent);
    tail(&input[last_quote + 1..], field::VERSION_ID, parsed)
}

/// The fields from number `first` on, as words; what is more than 27 is kept as extra.
fn tail<'a>(input: &'a [u8], first: usize, parsed: &mut AccessLine<'a>) -> Result<(), Stop<'a>> {
    if holds_other_white_space(input) {
        return Err(Stop { rest: input, field: first, reason: "expected no white space but spaces" });
    }
    let mut rest = spaces(input);
    let mut number = first;
    while let Ok((after, value)) = word(rest) {
        if number == FIELDS.len() {
            parsed.flags |= flag::EXTRA_FIELDS;
            parsed.extra = rest.trim_ascii_end();
            return Ok(());
        }
        rest = spaces(after);
        if number == field::HOST_ID && is_stray_principal(value, rest) {
            parsed.flags |= flag::STRAY_PRINCIPAL;
            continue;
        }
        parsed.fields[number] = Some(value);
        number += 1;
    }
    if number <= field::VERSION_ID {
        return Err(Stop { rest: input, field: number, reason: "the line ends before it" });
    }
    Ok(())
}

/// Some lines of 2019 hold a principal id (`AIDA…`) before the host id, which is then 56 bytes or longer.
fn is_stray_principal(value: &[u8], rest: &[u8]) -> bool {
    let [b'A', kind @ ..] = value else {
        return false;
    };
    matches!(value.len(), 20 | 21)
        && kind[..3].iter().all(u8::is_ascii_uppercase)
        && kind[3..].iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        && word(rest).is_ok_and(|(_, host_id)| host_id.len() >= 56)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "79a5 b [06/Feb/2026:00:00:38 +0000] 192.0.2.3 - 3E57427F3EXAMPLE REST.GET.OBJECT a.txt ";
    const NUMBERS: &str = " 200 - 10 10 5 4 ";
    const TAIL: &str =
        " - s9lzHYrF= SigV4 TLS_AES_128_GCM_SHA256 AuthHeader b.s3.amazonaws.com TLSv1.3 - Yes us-east-1";

    fn flags(line: &str) -> Result<Vec<&'static str>, &'static str> {
        let parsed = parse_line(line.as_bytes()).map_err(|error| error.field)?;
        Ok(FLAGS
            .iter()
            .enumerate()
            .filter(|(bit, _)| parsed.flags & (1 << bit) != 0)
            .map(|(_, name)| *name)
            .collect())
    }

    #[test]
    fn each_flag_is_raised_by_its_line_and_only_by_it() {
        let long_host_id = "x".repeat(76);
        let plain = format!("{HEAD}\"GET /a.txt HTTP/1.1\"{NUMBERS}\"-\" \"curl/8.0\"{TAIL}");
        for (line, expected) in [
            (plain.clone(), Ok(vec![])),
            (
                plain.replace(" - 3E5", " arn:aws:iam::cloudfront:user/CloudFront OAI E2 3E5"),
                Ok(vec!["requester_spaces"]),
            ),
            (plain.replace(" - 3E5", " rn:aws:iam::1 two records 3E5"), Err("requester")),
            (plain.replace(" - 3E5", " arn:aws:iam::1:00:38 +0000] 192.0.2.4 - 3E5"), Err("requester")),
            (plain.replace("/a.txt HTTP", "/a.txt?x=\"y\" HTTP"), Ok(vec!["quote_in_uri"])),
            (plain.replace("\"GET /a.txt HTTP/1.1\"", "-"), Ok(vec!["bare_uri"])),
            (plain.replace("curl/8.0", "cu\"rl"), Ok(vec!["quote_in_ref_ua"])),
            (plain.replace("curl/8.0", "a\" \"b"), Ok(vec!["quote_in_ref_ua", "ambiguous_ref_ua"])),
            (
                plain.replace("\"-\" \"curl/8.0\"", "\"https://x/\" \"y\" \"z\""),
                Ok(vec!["quote_in_ref_ua", "ambiguous_ref_ua"]),
            ),
            (
                plain.replace("\"-\" \"curl/8.0\"", "\"x\" \" \"y\""),
                Ok(vec!["quote_in_ref_ua", "ambiguous_ref_ua"]),
            ),
            (plain.replace("\"-\" \"curl/8.0\"", "\"x\" \" \""), Ok(vec![])),
            (plain.replace("\"-\" \"curl/8.0\"", "- \"x\" \"y\""), Ok(vec!["quote_in_ref_ua", "bare_ref_ua"])),
            (plain.replace("\"-\" \"curl/8.0\"", "- -"), Ok(vec!["bare_ref_ua"])),
            (plain.replace("\"-\" \"curl/8.0\"", "- \"two words\""), Ok(vec!["bare_ref_ua"])),
            (
                plain.replace("s9lzHYrF=", &format!("AIDAISBTTLPGXGH6YFFAY {long_host_id}")),
                Ok(vec!["stray_principal_before_hostid"]),
            ),
            (plain.clone() + " new", Ok(vec!["extra_fields"])),
            (plain.replace("06/Feb", "31/Feb"), Ok(vec![])),
            (plain.replace("[06/Feb", "[6/Feb"), Err("event_time")),
            (plain.replace(TAIL, ""), Err("version_id")),
            (plain.replace("192.0.2.3", "192.0\t.2.3"), Err("bucket_owner")),
        ] {
            assert_eq!(flags(&line), expected, "{line}");
        }
    }

    #[test]
    fn nothing_a_client_sends_reaches_the_fields_s3_wrote() {
        let forged_tail = " - FAKE= SigV2 FAKE QueryString evil.example TLSv1.0 - - eu-west-1";
        for text in [
            "\"",
            "\" \"",
            "\"-\" \"-\"",
            forged_tail,
            &format!("x\"{forged_tail}"),
            &format!("\" \"x\"{forged_tail}"),
        ] {
            let line = format!("{HEAD}\"GET /a.txt HTTP/1.1\"{NUMBERS}\"{text}\" \"{text}\"{TAIL}");
            let plain = format!("{HEAD}\"GET /a.txt HTTP/1.1\"{NUMBERS}\"-\" \"-\"{TAIL}");
            let (line, plain) = (parse_line(line.as_bytes()).unwrap(), parse_line(plain.as_bytes()).unwrap());
            for number in (0..27).filter(|number| !matches!(*number, field::REFERER | field::USER_AGENT)) {
                assert_eq!(line.fields[number], plain.fields[number], "{} after {text}", FIELDS[number]);
            }
        }
    }
}
