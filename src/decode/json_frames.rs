//! JSON text in any envelope to records of CloudTrail and of access logs as CloudWatch delivers them, as a stream.
//!
//! Recognised: `{"Records":[…]}`, bare arrays and objects, one object a line or one right behind the other, EventBridge
//! events, CloudWatch Logs subscriptions, the answers of GetLogEvents, FilterLogEvents and LookupEvents, and the lines of
//! an export task of CloudWatch, which have a time before the record. What is broken is refused with its place, and
//! reading goes on at the next thing that looks like the begin of a record.

use super::blocks::Form;
use super::json_scan::{
    LONGEST_TIME, LOOK_AHEAD, ValueScan, record_start, record_text, stray_end, time_before_record,
};
use super::lines::{Refused, TOO_LONG};
use super::sniff;
use super::stream::{Decoder, Flow, Framing};
use super::window::Window;
use crate::parse::LogType;
use memchr::memmem;
use serde::Deserialize;
use std::borrow::Cow;
use std::ops::Range;

/// What a file with the metadata of a digest is called.
const SIGNATURE: &str = "the signature of a CloudTrail digest file";

/// Reason of what breaks off.
const ENDS_INSIDE: &str = "the input ends inside it";

/// Bytes of a file that may be read again after breaks however short the file is.
const REREAD_FREE: u64 = 64 << 20;

/// Beyond [`REREAD_FREE`]: how often a file may be read again, on average, as far as it has been read.
const REREAD_TIMES: u64 = 16;

/// Reason of the rest of a file that is given up.
const GIVEN_UP: &str = "too much of the file is broken; the rest of it was not read";

/// Cuts all of `window` into records.
pub fn frame(decoder: &mut Decoder<'_>, file: &mut Framing, window: &mut Window<'_>) -> Flow {
    let max = decoder.limits.longest_line();
    let mut frames =
        Frames { decoder, file, window, max, number: 1, loose: false, nothing: "no records", reach: 0, reread: 0 };
    frames.all()?;
    if frames.number == 1 && frames.file.partial.is_none() {
        frames.file.ignored = Some(frames.nothing);
    }
    Flow::Continue(())
}

/// Why an element could not be read. The window still begins with it.
enum Trouble {
    /// It is no JSON of the expected shape.
    Broken(&'static str),
    /// It is longer than allowed.
    TooLong,
    /// The input ends inside it.
    Ended,
    /// Nobody wants more.
    Cancelled,
    /// It shows that the file is none of ours.
    Foreign(&'static str),
}

type Result<T> = std::result::Result<T, Trouble>;

/// What the elements of an array are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Elements {
    /// Records.
    Records,
    /// Whatever may stand in a file of its own.
    Objects,
    /// Log events of CloudWatch, the record as text in `message`.
    LogEvents,
    /// Events of LookupEvents, the record as text in `CloudTrailEvent`.
    Lookup,
    /// To be passed over.
    Nothing,
}

/// What is known of an object's members while they go by.
#[derive(Default)]
struct Members {
    any: bool,
    /// An array of records was among them and has been read.
    streamed: bool,
    /// What belongs beside logs is called so.
    beside: Option<&'static str>,
    control: bool,
    detail_type: bool,
    detail: Option<Range<usize>>,
}

#[derive(Deserialize)]
struct LogEvent<'a> {
    #[serde(borrow)]
    message: Cow<'a, str>,
}

#[derive(Deserialize)]
struct LookupEvent<'a> {
    #[serde(borrow, rename = "CloudTrailEvent")]
    record: Cow<'a, str>,
}

struct Frames<'f, 'd, 'w> {
    decoder: &'f mut Decoder<'d>,
    file: &'f mut Framing,
    window: &'f mut Window<'w>,
    max: usize,
    /// Number of the next record.
    number: u64,
    /// Structure was lost: closing brackets between records mean nothing any more.
    loose: bool,
    /// What to call a file without records.
    nothing: &'static str,
    /// Offset up to which values have been looked at since the last break.
    reach: u64,
    /// Bytes looked at before breaks that have to be looked at again. Without a bound on it a file of brackets that
    /// are never closed would take time quadratic in the longest record.
    reread: u64,
}

impl Frames<'_, '_, '_> {
    fn all(&mut self) -> Flow {
        loop {
            self.pass_separators();
            let result = match self.window.unread().first().copied() {
                None => return Flow::Continue(()),
                Some(b'{') => self.object(),
                Some(b'[') if !self.loose => {
                    self.window.advance(1);
                    self.array(Elements::Objects)
                }
                Some(b'0'..=b'9') if self.pass_time() => Ok(()),
                Some(_) => self.stray_text(),
            };
            match result {
                Ok(()) => {}
                Err(Trouble::Cancelled) => return Flow::Break(()),
                Err(Trouble::Foreign(reason)) => {
                    self.file.foreign = Some(reason);
                    return Flow::Continue(());
                }
                Err(Trouble::Broken(reason)) => self.resume(reason, 1)?,
                Err(Trouble::Ended) => self.resume(ENDS_INSIDE, 1)?,
                Err(Trouble::TooLong) => self.too_long()?,
            }
        }
    }

    /// White space, commas and byte order marks between records; after a break also what closes an envelope.
    fn pass_separators(&mut self) {
        loop {
            let unread = self.window.fill_to(3);
            let count = match unread {
                [b' ' | b'\t' | b'\r' | b'\n' | b',', ..] => 1,
                [b']' | b'}', ..] if self.loose => 1,
                [0xef, 0xbb, 0xbf, ..] => 3,
                _ => return,
            };
            self.window.advance(count);
        }
    }

    /// The time that an export task of CloudWatch puts before each record, if it stands here.
    fn pass_time(&mut self) -> bool {
        let length = time_before_record(self.window.fill_to(LONGEST_TIME + 1));
        self.window.advance(length.unwrap_or(0));
        length.is_some()
    }

    /// An object in a file or bare array: an envelope or a record.
    fn object(&mut self) -> Result<()> {
        let mut members = Members::default();
        let mut at = 1;
        loop {
            at = self.space(at)?;
            match self.at(at)? {
                b'}' => break,
                b',' if members.any => at = self.space(at + 1)?,
                _ if members.any => return Err(Trouble::Broken("expected a comma or the end of the object")),
                _ => {}
            }
            if self.at(at)? != b'"' {
                return Err(Trouble::Broken("expected the name of a member"));
            }
            let name_end = self.value(at)?;
            let name = at + 1..name_end - 1;
            let colon = self.space(name_end)?;
            if self.at(colon)? != b':' {
                return Err(Trouble::Broken("expected a colon behind the name of a member"));
            }
            let value = self.space(colon + 1)?;
            let is_array = self.at(value)? == b'[';
            members.any = true;
            if let Some(elements) = self.envelope(name.clone(), is_array, &members) {
                self.window.advance(value + 1);
                self.array(elements)?;
                members.streamed = true;
                at = 0;
                continue;
            }
            let value_end = self.value(value)?;
            self.note(name, value..value_end, &mut members);
            at = value_end;
            if members.streamed {
                self.window.advance(at);
                at = 0;
            }
        }
        self.end_of_object(at + 1, &members)
    }

    /// Is this member the array of an envelope?
    fn envelope(&self, name: Range<usize>, is_array: bool, members: &Members) -> Option<Elements> {
        match &self.window.unread()[name] {
            _ if !is_array => None,
            b"Records" => Some(Elements::Records),
            b"Events" => Some(Elements::Lookup),
            b"logEvents" if members.control => Some(Elements::Nothing),
            b"logEvents" | b"events" => Some(Elements::LogEvents),
            _ => None,
        }
    }

    fn note(&mut self, name: Range<usize>, value: Range<usize>, members: &mut Members) {
        let text = self.window.unread();
        match &text[name] {
            b"digestStartTime" | b"digestS3Bucket" => members.beside = Some("a CloudTrail digest file"),
            // Its metadata alone, or what `aws s3api head-object` prints.
            b"signature-algorithm" => members.beside = Some(SIGNATURE),
            b"Metadata" if memmem::find(&text[value.clone()], b"\"signature-algorithm\"").is_some() => {
                members.beside = Some(SIGNATURE);
            }
            b"detail-type" => members.detail_type = true,
            b"detail" if text[value.start] == b'{' => members.detail = Some(value),
            b"messageType" if &text[value.clone()] == b"\"CONTROL_MESSAGE\"" => {
                members.control = true;
                self.nothing = "a control message of CloudWatch Logs";
            }
            _ => {}
        }
    }

    fn end_of_object(&mut self, end: usize, members: &Members) -> Result<()> {
        if let Some(name) = members.beside {
            self.nothing = name;
        } else if members.detail_type && members.detail.is_some() {
            self.record(members.detail.clone().unwrap_or(0..end))?;
        } else if members.any && !members.streamed && !members.control {
            self.record(0..end)?;
        }
        self.window.advance(end);
        Ok(())
    }

    /// The elements of an array whose opening bracket has been taken.
    fn array(&mut self, elements: Elements) -> Result<()> {
        let mut first = true;
        loop {
            let gap = self.window.offset();
            self.pass_array_separators();
            let comma = first || self.window.offset() > gap;
            match self.window.unread().first() {
                None => return Err(Trouble::Ended),
                Some(b']') => {
                    self.window.advance(1);
                    return Ok(());
                }
                // A record behind a missing comma is whole; to refuse it would lose it.
                Some(byte) if !comma && *byte != b'{' => {
                    return Err(Trouble::Broken("expected a comma or the end of the array"));
                }
                Some(b'{') if elements == Elements::Objects => self.object()?,
                Some(_) => match self.element(elements) {
                    Err(Trouble::TooLong) if !self.holds_record_start() => {
                        if self.too_long().is_break() {
                            return Err(Trouble::Cancelled);
                        }
                    }
                    result => result?,
                },
            }
            first = false;
        }
    }

    fn pass_array_separators(&mut self) {
        while let [b' ' | b'\t' | b'\r' | b'\n' | b',', ..] = self.window.fill_to(1) {
            self.window.advance(1);
        }
    }

    fn element(&mut self, elements: Elements) -> Result<()> {
        let is_object = self.at(0)? == b'{';
        let end = self.value(0)?;
        if end == 0 {
            return Err(Trouble::Broken("expected an object or the end of the array"));
        }
        let text = &self.window.unread()[..end];
        let inner = match elements {
            Elements::Nothing => None,
            _ if !is_object => Some(Err("expected an object")),
            Elements::Records | Elements::Objects => {
                self.record(0..end)?;
                None
            }
            Elements::LogEvents => Some(
                serde_json::from_slice(text)
                    .map_err(|_| "expected a log event with a text in message")
                    .and_then(|event: LogEvent<'_>| record_text(event.message)),
            ),
            Elements::Lookup => Some(
                serde_json::from_slice(text)
                    .map_err(|_| "expected an event with a text in CloudTrailEvent")
                    .and_then(|event: LookupEvent<'_>| record_text(event.record)),
            ),
        };
        match inner {
            None => {}
            Some(Ok(record)) => {
                let record = record.into_owned();
                self.emit(record.as_bytes())?;
            }
            Some(Err(reason)) => self.refuse(end, reason)?,
        }
        self.window.advance(end);
        Ok(())
    }

    /// A record that stands in the window.
    fn record(&mut self, place: Range<usize>) -> Result<()> {
        let (offset, number) = (self.window.offset(), self.number);
        let unread = self.window.unread();
        self.number += 1;
        append(self.decoder, self.file, (number, offset), &unread[place], unread)
    }

    /// A record that was text inside an element.
    fn emit(&mut self, bytes: &[u8]) -> Result<()> {
        let (offset, number) = (self.window.offset(), self.number);
        let unread = self.window.unread();
        self.number += 1;
        append(self.decoder, self.file, (number, offset), bytes, unread)
    }

    /// Refuses the next `length` bytes, without taking them.
    fn refuse(&mut self, length: usize, reason: &'static str) -> Result<()> {
        let mut refused = Refused { offset: self.window.offset(), ..Refused::default() };
        refused.add(&self.window.unread()[..length]);
        go_on(self.reject(refused, reason))
    }

    fn reject(&mut self, mut refused: Refused, reason: &'static str) -> Flow {
        self.number += 1;
        self.decoder.output.reject(refused.reject(LogType::CloudTrail, self.file, self.number - 1, reason))
    }

    /// Text between records, up to the end of its line or the begin of a record.
    fn stray_text(&mut self) -> Result<()> {
        let mut refused = Refused { offset: self.window.offset(), ..Refused::default() };
        loop {
            let text = self.window.unread();
            let end = stray_end(text);
            let sure = end.unwrap_or(text.len().saturating_sub(if self.window.ended() { 0 } else { LOOK_AHEAD }));
            refused.add(&text[..sure]);
            self.window.advance(sure);
            if end.is_some() || (!self.window.more() && self.window.unread().is_empty()) {
                break;
            }
        }
        go_on(self.reject(refused, "expected a JSON object"))
    }

    /// After a break: refuses what lies before the next begin of a record, not before `from`.
    fn resume(&mut self, reason: &'static str, from: usize) -> Flow {
        let refused = Refused { offset: self.window.offset(), ..Refused::default() };
        self.resume_with(refused, reason, from)
    }

    fn resume_with(&mut self, mut refused: Refused, reason: &'static str, mut from: usize) -> Flow {
        self.loose = true;
        loop {
            let text = self.window.unread();
            let start = record_start(text, from);
            let tail = if self.window.ended() { 0 } else { LOOK_AHEAD + 1 };
            let sure = start.unwrap_or(text.len().saturating_sub(tail).max(from.min(text.len())));
            refused.add(&text[..sure]);
            self.window.advance(sure);
            from = from.saturating_sub(sure);
            if start.is_some() {
                self.reject(refused, reason)?;
                return self.count_reread();
            }
            if !self.window.more() && self.window.unread().is_empty() {
                self.file.partial = Some(format!("{reason} (byte {})", refused.offset));
                return if refused.length > 0 { self.reject(refused, reason) } else { Flow::Continue(()) };
            }
        }
    }

    /// After a break, at the place where reading goes on.
    fn count_reread(&mut self) -> Flow {
        let offset = self.window.offset();
        self.reread += self.reach.saturating_sub(offset);
        self.reach = 0;
        if self.reread <= REREAD_FREE.max(offset.saturating_mul(REREAD_TIMES)) {
            return Flow::Continue(());
        }
        self.file.partial = Some(format!("{GIVEN_UP} (from byte {offset})"));
        let mut refused = Refused { offset, ..Refused::default() };
        while !self.window.unread().is_empty() || self.window.more() {
            refused.add(self.window.unread());
            self.window.advance(self.window.unread().len());
        }
        self.reject(refused, GIVEN_UP)
    }

    /// Notes that the element has been looked at up to `end`.
    fn reached(&mut self, end: usize) {
        self.reach = self.reach.max(self.window.offset() + end as u64);
    }

    /// Does another record seem to begin inside of this one? Then a bracket is missing.
    fn holds_record_start(&self) -> bool {
        record_start(self.window.unread(), 1).is_some()
    }

    /// Passes over an element beyond the limit, whatever its length.
    fn too_long(&mut self) -> Flow {
        if self.holds_record_start() {
            self.file.limit_hit = true;
            return self.resume(TOO_LONG, 1);
        }
        let mut refused = Refused { offset: self.window.offset(), ..Refused::default() };
        let mut scan = ValueScan::default();
        self.file.limit_hit = true;
        loop {
            let text = self.window.unread();
            let fed = scan.feed(text);
            let count = match fed {
                Ok(end) => end.unwrap_or(text.len()),
                Err(_) => return self.resume_with(refused, TOO_LONG, 1),
            };
            refused.add(&text[..count]);
            self.window.advance(count);
            if fed != Ok(None) || !self.window.more() {
                return self.reject(refused, TOO_LONG);
            }
        }
    }

    /// The byte at `at` of the element.
    fn at(&mut self, at: usize) -> Result<u8> {
        self.reached(at);
        if at > self.max {
            return Err(Trouble::TooLong);
        }
        self.window.fill_to(at + 1).get(at).copied().ok_or(Trouble::Ended)
    }

    fn space(&mut self, mut at: usize) -> Result<usize> {
        while matches!(self.at(at)?, b' ' | b'\t' | b'\r' | b'\n') {
            at += 1;
        }
        Ok(at)
    }

    /// Where the value ends that begins at `start` of the element.
    fn value(&mut self, start: usize) -> Result<usize> {
        let mut scan = ValueScan::default();
        let mut at = start;
        loop {
            let text = self.window.unread();
            let fed = scan.feed(&text[at..]);
            let looked_at = fed.unwrap_or_else(|no_value| Some(no_value.at));
            at = looked_at.map_or(text.len(), |count| at + count);
            self.reached(at);
            let end = fed.map_err(|no_value| Trouble::Broken(no_value.reason))?;
            if at > self.max {
                return Err(Trouble::TooLong);
            }
            if end.is_some() {
                return Ok(at);
            }
            if !self.window.more() {
                let whole = scan.is_scalar() && self.window.broken().is_none();
                return if whole { Ok(at) } else { Err(Trouble::Ended) };
            }
        }
    }
}

/// Appends a record, unless it is the first one and shows that the file, `around` it, is none of ours.
fn append(
    decoder: &mut Decoder<'_>,
    file: &Framing,
    (number, offset): (u64, u64),
    record: &[u8],
    around: &[u8],
) -> Result<()> {
    if number == 1
        && let Some(reason) = sniff::foreign(record, around)
    {
        return Err(Trouble::Foreign(reason));
    }
    let form = if sniff::is_access_record(record) { Form::AccessObjects } else { Form::TrailObjects };
    go_on(decoder.append(form, |block| block.record(&file.name, number, offset, record)))
}

fn go_on(flow: Flow) -> Result<()> {
    if flow.is_break() { Err(Trouble::Cancelled) } else { Ok(()) }
}
