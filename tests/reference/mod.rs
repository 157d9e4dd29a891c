//! A second, slow reading of an access-log line, written from the format alone and not from the parser it checks.
//!
//! Every step is a plain split or a search that tries each place in turn, so that it can be read next to the format:
//! S3 writes eight fields without quotes, the request-URI, six numbers, referer and user agent, and further words.

use std::collections::BTreeSet;

/// What a line says. A field logged as `-`, or not logged at all, is `None`.
#[derive(Debug, PartialEq, Eq)]
pub struct Reading<'a> {
    pub fields: [Option<&'a [u8]>; 27],
    /// The words behind the 27th field.
    pub extra: Vec<&'a [u8]>,
    pub flags: BTreeSet<&'static str>,
}

/// The line is none that S3 wrote; the text names the step at which that showed.
pub type Quarantine = &'static str;

/// Words of the fields from version id to source region: there are ten.
const TAIL_FIELDS: usize = 10;

/// Reads one line, which is without its line end.
pub fn read_line(line: &[u8]) -> Result<Reading<'_>, Quarantine> {
    let mut values: Vec<&[u8]> = Vec::new();
    let mut flags = BTreeSet::new();

    let rest = read_owner_to_address(line, &mut values).ok_or("owner to address")?;
    let rest = read_requester_to_key(rest, &mut values, &mut flags)?;
    let written_by_s3 = &line[..line.len() - rest.len()];
    if has_forbidden_white_space(written_by_s3) {
        return Err("white space in the first eight fields");
    }
    let rest = read_uri_and_numbers(rest, &mut values, &mut flags).ok_or("request-URI and numbers")?;
    let tail = read_referer_and_user_agent(rest, &mut values, &mut flags)?;
    let extra = read_tail(tail, &mut values, &mut flags)?;

    let mut fields = [None; 27];
    for (field, value) in fields.iter_mut().zip(values) {
        *field = (value != b"-").then_some(value);
    }
    Ok(Reading { fields, extra, flags })
}

/// `owner bucket [time] address `, with one or more spaces behind each.
fn read_owner_to_address<'a>(line: &'a [u8], values: &mut Vec<&'a [u8]>) -> Option<&'a [u8]> {
    let (owner, rest) = split_at_space(line)?;
    let (bucket, rest) = split_at_space(skip_spaces(rest))?;
    let rest = skip_spaces(rest);
    // `[06/Feb/2019:00:00:38 +0000] `
    let time = rest.get(1..27)?;
    if rest[0] != b'[' || rest.get(27..29)? != b"] " || !is_time(time) {
        return None;
    }
    let (address, rest) = split_at_space(skip_spaces(&rest[29..]))?;
    values.extend([owner, bucket, time, address]);
    Some(skip_spaces(rest))
}

/// `06/Feb/2019:00:00:38 +0000`: the shape alone, whether there is such a day is asked elsewhere.
fn is_time(text: &[u8]) -> bool {
    let digits = |range: std::ops::Range<usize>| text[range].iter().all(u8::is_ascii_digit);
    digits(0..2)
        && text[2] == b'/'
        && text[3].is_ascii_uppercase()
        && text[4..6].iter().all(u8::is_ascii_lowercase)
        && text[6] == b'/'
        && digits(7..11)
        && text[11] == b':'
        && digits(12..14)
        && text[14] == b':'
        && digits(15..17)
        && text[17] == b':'
        && digits(18..20)
        && text[20] == b' '
        && (text[21] == b'+' || text[21] == b'-')
        && digits(22..26)
}

/// `requester request-id operation key `, each behind one space. The requester alone may hold spaces, so it ends at
/// the first space behind which the other three fit.
fn read_requester_to_key<'a>(
    text: &'a [u8],
    values: &mut Vec<&'a [u8]>,
    flags: &mut BTreeSet<&'static str>,
) -> Result<&'a [u8], Quarantine> {
    for end in 1..text.len() {
        if text[end] != b' ' {
            continue;
        }
        let parts: Vec<&[u8]> = split_in(4, &text[end + 1..]);
        let [request_id, operation, key, rest] = parts[..] else {
            continue;
        };
        if request_id.is_empty() || key.is_empty() || !is_operation(operation) {
            continue;
        }
        let requester = &text[..end];
        if requester.contains(&b' ') {
            let from_another_record = requester.iter().any(|byte| b"[]\"".contains(byte));
            if !requester.starts_with(b"arn:") || requester.len() < 5 || from_another_record {
                return Err("two records run into each other");
            }
            flags.insert("requester_spaces");
        }
        values.extend([requester, request_id, operation, key]);
        return Ok(rest);
    }
    Err("requester to key")
}

/// `REST.GET.OBJECT`, `S3.COMPUTE.OBJECT.CHECKSUM`, `-`.
fn is_operation(word: &[u8]) -> bool {
    let families: [&[u8]; 5] = [b"SOAP.", b"REST.", b"WEBSITE.", b"BATCH.", b"S3."];
    word == b"-"
        || families.iter().any(|family| {
            word.strip_prefix(*family).is_some_and(|name| {
                !name.is_empty()
                    && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte == b'.')
            })
        })
}

/// The request-URI is a bare `-`, or goes from a quote to the first quote with the six numbers behind it.
fn read_uri_and_numbers<'a>(
    text: &'a [u8],
    values: &mut Vec<&'a [u8]>,
    flags: &mut BTreeSet<&'static str>,
) -> Option<&'a [u8]> {
    if text.first() == Some(&b'-') {
        let (numbers, rest) = read_numbers(&text[1..])?;
        flags.insert("bare_uri");
        values.push(&text[..1]);
        values.extend(numbers);
        return Some(rest);
    }
    if text.first() != Some(&b'"') {
        return None;
    }
    for close in 1..text.len() {
        if text[close] != b'"' {
            continue;
        }
        if let Some((numbers, rest)) = read_numbers(&text[close + 1..]) {
            let uri = &text[1..close];
            if uri.contains(&b'"') {
                flags.insert("quote_in_uri");
            }
            values.push(uri);
            values.extend(numbers);
            return Some(rest);
        }
    }
    None
}

/// ` 404 NoSuchKey 272 - 9 - `, and then a referer: a quote or a dash.
fn read_numbers(text: &[u8]) -> Option<([&[u8]; 6], &[u8])> {
    let parts: Vec<&[u8]> = split_in(8, text);
    let [before, status, error_code, bytes_sent, object_size, total_time, turn_around_time, rest] = parts[..]
    else {
        return None;
    };
    let digits_or_dash = |word: &[u8]| word == b"-" || !word.is_empty() && word.iter().all(u8::is_ascii_digit);
    let fits = before.is_empty()
        && (status == b"-" || status.len() == 3 && digits_or_dash(status))
        && !error_code.is_empty()
        && !has_forbidden_white_space(error_code)
        && [bytes_sent, object_size, total_time, turn_around_time].into_iter().all(digits_or_dash)
        && (rest.starts_with(b"\"") || rest.starts_with(b"-"));
    fits.then_some(([status, error_code, bytes_sent, object_size, total_time, turn_around_time], rest))
}

/// Gives back what stands behind the user agent.
///
/// What S3 writes behind it holds no quote, so the last quote of the line closes the user agent. The border between
/// referer and user agent is one of the places with `" "`; where there are several, nobody can tell which.
fn read_referer_and_user_agent<'a>(
    text: &'a [u8],
    values: &mut Vec<&'a [u8]>,
    flags: &mut BTreeSet<&'static str>,
) -> Result<&'a [u8], Quarantine> {
    let Some(last_quote) = text.iter().rposition(|byte| *byte == b'"') else {
        flags.insert("bare_ref_ua");
        if has_forbidden_white_space(text) {
            return Err("white space behind the numbers");
        }
        let (referer, rest) = split_at_space(text).ok_or("the line ends before the user agent")?;
        let (user_agent, rest) = split_at_space(skip_spaces(rest)).ok_or("the line ends before the version id")?;
        values.extend([referer, user_agent]);
        return Ok(rest);
    };
    let tail = &text[last_quote + 1..];
    let (referer, user_agent) = if text.starts_with(b"- \"") && last_quote > 2 {
        flags.insert("bare_ref_ua");
        (&text[..1], &text[3..last_quote])
    } else if text.starts_with(b"\"") && last_quote > 0 {
        let inside = &text[1..last_quote];
        let borders: Vec<usize> =
            (0..inside.len()).filter(|place| inside[*place..].starts_with(b"\" \"")).collect();
        if borders.len() > 1 {
            flags.insert("ambiguous_ref_ua");
        }
        match borders.first() {
            Some(border) => (&inside[..*border], &inside[border + 3..]),
            None if inside.ends_with(b"\" -") => (&inside[..inside.len() - 3], &inside[inside.len() - 1..]),
            None => return Err("no border between referer and user agent"),
        }
    } else {
        return Err("no quoted referer");
    };
    if referer.contains(&b'"') || user_agent.contains(&b'"') {
        flags.insert("quote_in_ref_ua");
    }
    values.extend([referer, user_agent]);
    Ok(tail)
}

/// Version id and the fields added over the years; gives back the words that are not known yet.
fn read_tail<'a>(
    text: &'a [u8],
    values: &mut Vec<&'a [u8]>,
    flags: &mut BTreeSet<&'static str>,
) -> Result<Vec<&'a [u8]>, Quarantine> {
    if has_forbidden_white_space(text) {
        return Err("white space behind the user agent");
    }
    let mut words = words(text);
    if words.is_empty() {
        return Err("the line ends before the version id");
    }
    // Lines of 2019: a principal id between version id and host id.
    if words.len() >= 3 && is_principal_id(words[1]) && words[2].len() >= 56 {
        flags.insert("stray_principal_before_hostid");
        words.remove(1);
    }
    let extra = if words.len() > TAIL_FIELDS { words.split_off(TAIL_FIELDS) } else { Vec::new() };
    if !extra.is_empty() {
        flags.insert("extra_fields");
    }
    values.extend(words);
    Ok(extra)
}

/// `AIDAISBTTLPGXGH6YFFAY`: A, three capitals, 16 or 17 capitals and digits.
fn is_principal_id(word: &[u8]) -> bool {
    (word.len() == 20 || word.len() == 21)
        && word[0] == b'A'
        && word[1..4].iter().all(u8::is_ascii_uppercase)
        && word[4..].iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// Tab, vertical tab, form feed and carriage return: S3 writes none of them.
fn has_forbidden_white_space(text: &[u8]) -> bool {
    text.iter().any(|byte| b"\t\x0b\x0c\r".contains(byte))
}

/// A word that is not empty, and what stands behind the one space after it.
fn split_at_space(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = text.iter().position(|byte| *byte == b' ')?;
    (space > 0).then(|| (&text[..space], &text[space + 1..]))
}

fn skip_spaces(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|byte| **byte == b' ').count();
    &text[spaces..]
}

/// `count` parts with one space between each; the last holds all that is left.
fn split_in(count: usize, text: &[u8]) -> Vec<&[u8]> {
    text.splitn(count, |byte| *byte == b' ').collect()
}

/// All words of a text, however many spaces stand between them.
fn words(text: &[u8]) -> Vec<&[u8]> {
    text.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).collect()
}
