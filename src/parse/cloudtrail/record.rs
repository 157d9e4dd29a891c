//! One record to one row of spans, in one pass.

use super::members::{
    self, KMS_KEY_ASKED, Member, Order, S3_KMS_KEY_ASKED, S3_KMS_KEY_USED, Table, WORKING_WIDTH,
};
use super::{FIELDS, field, flag, resources};
use crate::parse::derived::Derived;
use crate::parse::json::{self, Cursor, JsonError, Key, Kind, Value};
use crate::parse::{ParseError, Row, Span, scalar, time};
use std::borrow::Cow;
use std::collections::HashMap;

/// One bit a field.
#[derive(Clone, Copy, Default)]
struct Met([u64; 2]);

const _: () = assert!(WORKING_WIDTH <= 2 * u64::BITS as usize);

impl Met {
    /// Marks a field. Was it marked before?
    #[inline(always)]
    fn again(&mut self, number: usize) -> bool {
        let (word, bit) = (&mut self.0[number / 64], 1 << (number % 64));
        let before = *word & bit != 0;
        *word |= bit;
        before
    }
}

/// A JSON object with none of these is no record of CloudTrail.
const MARKS: [usize; 7] = [
    field::EVENT_NAME,
    field::EVENT_SOURCE,
    field::EVENT_TIME,
    field::EVENT_TYPE,
    field::EVENT_CATEGORY,
    field::EVENT_ID,
    field::EVENT_VERSION,
];

/// Where each member of a record that counts begins, by name.
type LastMembers<'a> = HashMap<Cow<'a, [u8]>, usize>;

/// Reads records one after the other; holds the row in the making and what is reused between rows.
pub(super) struct RecordReader {
    pub(super) derived: Derived,
    /// Where the record begins in the block.
    base: usize,
    fields: [Span; WORKING_WIDTH],
    flags: u32,
    /// Fields met.
    met: Met,
    /// The same for the record's own members, an object's by the first field of its group.
    met_in_record: Met,
    repeated: bool,
    /// The field of the member in hand, for errors.
    current: Option<usize>,
    others: Vec<Other>,
    /// Something in the object in hand has no field.
    lost: bool,
    /// The event time, where there is one.
    event_time_ms: Option<i64>,
    /// The order of members in the records before.
    order: Order,
}

/// A member of a record that has no field of its own. Offsets from the start of the record.
struct Other {
    key_start: usize,
    key_end: usize,
    value_start: usize,
    value_end: usize,
    /// It stands in for this field if that is missing.
    stands_in_for: Option<usize>,
}

impl RecordReader {
    /// For the records of a block of this many bytes.
    pub(super) fn new(block_length: usize) -> RecordReader {
        RecordReader {
            derived: Derived::behind(block_length),
            base: 0,
            fields: [Span::NULL; WORKING_WIDTH],
            flags: 0,
            met: Met::default(),
            met_in_record: Met::default(),
            repeated: false,
            current: None,
            others: Vec::new(),
            lost: false,
            event_time_ms: None,
            order: Order::new(),
        }
    }

    /// The row that was read last.
    pub(super) fn fields(&self) -> &[Span] {
        &self.fields[..field::WIDTH]
    }

    /// Reads the record that begins at `base` in the block. The row's segment and number are left to the caller.
    pub(super) fn read(&mut self, record: &[u8], base: usize) -> Result<Row, ParseError> {
        let derived = self.derived.text.len();
        let row = self.read_members(record, base, derived).and_then(|()| self.finish(record));
        if row.is_err() {
            self.derived.text.truncate(derived);
        }
        row
    }

    fn read_members(&mut self, record: &[u8], base: usize, derived: usize) -> Result<(), ParseError> {
        self.restart(base, derived);
        self.walk(record, None).map_err(|error| self.refusal(error))?;
        if self.repeated || self.others_repeat(record) {
            // Seldom enough to begin anew, so that nothing of the members that do not count stays behind.
            let mut last = LastMembers::new();
            json::members(record, |key, _| {
                last.insert(key.name(), key.start);
            })
            .map_err(|error| self.refusal(error))?;
            self.restart(base, derived);
            self.flags |= flag::DUPLICATE_MEMBER;
            self.walk(record, Some(&last)).map_err(|error| self.refusal(error))?;
        }
        Ok(())
    }

    fn restart(&mut self, base: usize, derived: usize) {
        self.derived.text.truncate(derived);
        self.base = base;
        self.fields = [Span::NULL; WORKING_WIDTH];
        self.flags = 0;
        self.met = Met::default();
        self.met_in_record = Met::default();
        self.repeated = false;
        self.current = None;
        self.others.clear();
        self.event_time_ms = None;
    }

    fn refusal(&self, error: JsonError) -> ParseError {
        let name = self.current.and_then(|number| FIELDS[number].split('.').next());
        ParseError { field: name.unwrap_or("record"), offset: error.offset, reason: error.reason }
    }

    /// Takes all members of the record, or those that count.
    fn walk(&mut self, record: &[u8], last: Option<&LastMembers<'_>>) -> Result<(), JsonError> {
        let mut cursor = Cursor::new(record);
        let mut ended = cursor.enter_object()?;
        let mut place = 0;
        while !ended {
            let begin = cursor.offset();
            let member = self.order.member(&mut cursor, &members::RECORD, &mut place)?;
            if let Some(last) = last
                && !counts(last, record, begin)?
            {
                cursor.value()?;
            } else {
                self.record_member(&mut cursor, begin, member)?;
            }
            ended = cursor.object_ends()?;
        }
        cursor.end()
    }

    /// Takes a member of the record that begins at `begin`, behind its colon.
    #[inline(always)]
    fn record_member(&mut self, cursor: &mut Cursor<'_>, begin: usize, member: Member) -> Result<(), JsonError> {
        let (number, expected) = match member {
            Member::Unknown => return self.keep(cursor, begin, None),
            Member::Otherwise(number) => return self.keep(cursor, begin, Some(number)),
            Member::Object(number, _) => (number, Some(Kind::Object)),
            Member::Array(number) => (number, Some(Kind::Array)),
            Member::Text(number)
            | Member::FirstText(number)
            | Member::Json(number)
            | Member::JsonObject(number, _) => (number, None),
        };
        self.current = Some(number);
        self.repeated |= self.met_in_record.again(number);
        let kind = expected.and_then(|_| cursor.peek());
        match (kind, expected) {
            (Some(Kind::Null), Some(_)) => {
                cursor.value()?;
            }
            (Some(kind), Some(expected)) if kind != expected => {
                self.flags |= flag::UNEXPECTED_TYPE;
                self.keep(cursor, begin, None)?;
            }
            _ => self.take_or_keep(cursor, begin, member)?,
        }
        self.current = None;
        Ok(())
    }

    /// Takes a member of the record; what its columns cannot hold whole is kept beside them as it stands.
    fn take_or_keep(&mut self, cursor: &mut Cursor<'_>, begin: usize, member: Member) -> Result<(), JsonError> {
        let (value, whole) = match member {
            Member::Object(_, table) => {
                self.lost = false;
                (self.object(cursor, table)?, !self.lost)
            }
            Member::Text(number @ (field::READ_ONLY | field::MANAGEMENT_EVENT | field::EVENT_TIME)) => {
                let value = cursor.value()?;
                self.put(number, value);
                let text = value.text().unwrap_or_default();
                let whole = match number {
                    _ if value.kind == Kind::Null => true,
                    field::EVENT_TIME => {
                        self.event_time_ms = time::iso_time(&text);
                        self.event_time_ms.is_some()
                    }
                    _ => scalar::boolean(&text).is_some(),
                };
                if !whole && number != field::EVENT_TIME {
                    self.flags |= flag::UNEXPECTED_TYPE;
                }
                (value, whole)
            }
            _ => return self.take(cursor, member),
        };
        if !whole {
            self.push_other(cursor, begin, value, None)?;
        }
        Ok(())
    }

    /// Takes a member that has no field of its own, and remembers it.
    #[inline(never)]
    fn keep(
        &mut self,
        cursor: &mut Cursor<'_>,
        begin: usize,
        stands_in_for: Option<usize>,
    ) -> Result<(), JsonError> {
        let value = cursor.value()?;
        self.push_other(cursor, begin, value, stands_in_for)
    }

    #[cold]
    fn push_other(
        &mut self,
        cursor: &Cursor<'_>,
        begin: usize,
        value: Value<'_>,
        stands_in_for: Option<usize>,
    ) -> Result<(), JsonError> {
        let key = key_at(cursor.text(), begin)?;
        self.others.push(Other {
            key_start: key.start,
            key_end: key.start + key.raw.len() + 2,
            value_start: value.start,
            value_end: value.start + value.raw.len(),
            stands_in_for,
        });
        Ok(())
    }

    /// Takes one value. This and `object` call each other as deep as the tables of members lie in one another, not as
    /// deep as the text does.
    #[inline(always)]
    fn take(&mut self, cursor: &mut Cursor<'_>, member: Member) -> Result<(), JsonError> {
        match member {
            Member::Text(number) | Member::FirstText(number) if self.take_plain(cursor, number) => Ok(()),
            _ => self.take_any(cursor, member),
        }
    }

    #[inline(never)]
    fn take_any(&mut self, cursor: &mut Cursor<'_>, member: Member) -> Result<(), JsonError> {
        let object = cursor.peek() == Some(Kind::Object);
        match member {
            Member::Object(_, table) if object => {
                self.object(cursor, table)?;
            }
            Member::JsonObject(number, table) if object => {
                let value = self.object(cursor, table)?;
                self.put_json(number, value);
            }
            Member::Object(..) => {
                if cursor.value()?.kind != Kind::Null {
                    self.flags |= flag::UNEXPECTED_TYPE;
                    self.lost = true;
                }
            }
            Member::Text(number) => self.put(number, cursor.value()?),
            Member::FirstText(number) => self.put_first(number, cursor.value()?),
            Member::Otherwise(number) => {
                let value = cursor.value()?;
                if self.fields[number].is_null() {
                    self.set(number, value);
                }
            }
            Member::Json(number) | Member::JsonObject(number, _) | Member::Array(number) => {
                self.put_json(number, cursor.value()?);
            }
            Member::Unknown => {
                cursor.value()?;
                self.lost = true;
            }
        }
        Ok(())
    }

    fn object<'a>(&mut self, cursor: &mut Cursor<'a>, table: &'static Table) -> Result<Value<'a>, JsonError> {
        cursor.peek();
        let start = cursor.offset();
        let mut ended = cursor.enter_object()?;
        let mut place = 0;
        while !ended {
            let member = self.order.member(cursor, table, &mut place)?;
            self.take(cursor, member)?;
            ended = cursor.object_ends()?;
        }
        Ok(cursor.object_from(start))
    }

    #[inline]
    fn put(&mut self, number: usize, value: Value<'_>) {
        self.mark(number);
        self.set(number, value);
    }

    #[inline(always)]
    fn mark(&mut self, number: usize) {
        if self.met.again(number) {
            self.flags |= flag::DUPLICATE_MEMBER;
        }
    }

    /// Takes a plain string as a field, if one stands right here.
    #[inline(always)]
    fn take_plain(&mut self, cursor: &mut Cursor<'_>, number: usize) -> bool {
        let Some((start, end)) = cursor.plain_string() else { return false };
        self.mark(number);
        self.fields[number] = Span::new(self.base + start, self.base + end);
        true
    }

    fn put_json(&mut self, number: usize, value: Value<'_>) {
        self.fields[number] = self.derived.value(self.base, value);
    }

    /// An array's first string counts if it is not empty, as in `[""]`.
    fn put_first(&mut self, number: usize, value: Value<'_>) {
        if value.kind != Kind::Array {
            return self.put(number, value);
        }
        let (mut first, mut empty) = (None, true);
        let _checked_before = Cursor::new(value.raw).elements(|cursor| {
            let element = cursor.value()?;
            empty = false;
            if element.kind == Kind::String && first.is_none() {
                first = Some(element);
            }
            Ok(())
        });
        match first {
            Some(text) if text.raw.len() > 2 => {
                self.put(number, Value { start: value.start + text.start, ..text });
            }
            None if !empty => self.put(number, value),
            _ => self.fields[number] = Span::NULL,
        }
    }

    #[inline]
    fn set(&mut self, number: usize, value: Value<'_>) {
        if matches!(value.kind, Kind::Object | Kind::Array) {
            self.flags |= flag::UNEXPECTED_TYPE;
        }
        self.fields[number] = self.derived.value(self.base, value);
    }

    /// The text of a field of the row in the making; empty for null.
    fn text<'a>(&'a self, record: &'a [u8], number: usize) -> &'a [u8] {
        let span = self.fields[number];
        if span.is_null() {
            return b"";
        }
        let in_record = || &record[span.start as usize - self.base..span.end as usize - self.base];
        self.derived.get(span).unwrap_or_else(in_record)
    }

    /// Do two members without a field of their own have the same name?
    fn others_repeat(&self, record: &[u8]) -> bool {
        if self.others.len() < 2 {
            return false;
        }
        let name = |other: &Other| {
            let raw = &record[other.key_start + 1..other.key_end - 1];
            Key { raw, start: other.key_start, escaped: raw.contains(&b'\\') }.name()
        };
        let mut names: Vec<_> = self.others.iter().map(name).collect();
        names.sort_unstable();
        names.windows(2).any(|pair| pair[0] == pair[1])
    }

    /// What can be said only when all members are known.
    fn finish(&mut self, record: &[u8]) -> Result<Row, ParseError> {
        self.stand_in(record);
        if MARKS.iter().all(|number| self.fields[*number].is_null()) {
            let reason = "no member of a CloudTrail record";
            return Err(ParseError { field: "record", offset: 0, reason });
        }
        self.fields[field::PRINCIPAL_ARN] = self.fields[field::USER_IDENTITY_ARN];
        self.fields[field::PRINCIPAL_ACCOUNT_ID] = self.fields[field::USER_IDENTITY_ACCOUNT_ID];
        self.fields[field::INVOKED_BY] = self.fields[field::USER_IDENTITY_INVOKED_BY];
        if !self.text(record, field::USER_IDENTITY_ACCESS_KEY_ID).is_empty() {
            self.fields[field::ACCESS_KEY_ID] = self.fields[field::USER_IDENTITY_ACCESS_KEY_ID];
        }
        let source = self.text(record, field::EVENT_SOURCE);
        let (from_kms, from_s3) = (source.starts_with(b"kms."), source.starts_with(b"s3"));
        if !from_s3 && !source.is_empty() {
            self.fields[field::S3_BUCKET..=field::S3_ACL_REQUIRED].fill(Span::NULL);
        }
        if from_kms {
            self.kms_key_of_kms(record);
        } else if from_s3 {
            let used = self.fields[S3_KMS_KEY_USED];
            let asked = self.fields[S3_KMS_KEY_ASKED];
            self.fields[field::KMS_KEY_ARN] = if used.is_null() { asked } else { used };
        }
        self.gather_others(record);
        let event_time = self.event_time_ms;
        self.flags |= self.row_flags(record, event_time.is_some());
        Ok(Row {
            event_time_ms: event_time.unwrap_or(Row::NO_TIME),
            number: 0,
            segment: 0,
            flags: self.flags,
            record: Span::NULL,
        })
    }

    fn stand_in(&mut self, record: &[u8]) {
        let mut others = std::mem::take(&mut self.others);
        others.retain(|other| {
            let Some(number) = other.stands_in_for.filter(|number| self.fields[*number].is_null()) else {
                return true;
            };
            // Checked before, so it is a value.
            if let Ok(value) = Cursor::new(&record[other.value_start..other.value_end]).value() {
                self.set(number, Value { start: other.value_start, ..value });
            }
            false
        });
        self.others = others;
    }

    fn kms_key_of_kms(&mut self, record: &[u8]) {
        let mut key = None;
        let resources = self.fields[field::RESOURCES];
        if !resources.is_null() {
            let offset = resources.start as usize - self.base;
            let _checked_before = resources::walk(&mut Cursor::new(&record[offset..]), |entry| {
                if let (None, Some(arn)) = (key, entry.arn.filter(is_key_arn)) {
                    key = Some(Value { start: offset + arn.start, ..arn });
                }
            });
        }
        match key {
            Some(arn) => self.set(field::KMS_KEY_ARN, arn),
            None => self.fields[field::KMS_KEY_ARN] = self.fields[KMS_KEY_ASKED],
        }
    }

    /// Joins the members without a field to one JSON object.
    fn gather_others(&mut self, record: &[u8]) {
        let others = std::mem::take(&mut self.others);
        if !others.is_empty() {
            self.fields[field::OTHER_FIELDS] = self.derived.add(|derived| {
                for (index, other) in others.iter().enumerate() {
                    derived.push(if index == 0 { b'{' } else { b',' });
                    derived.extend_from_slice(&record[other.key_start..other.key_end]);
                    derived.push(b':');
                    derived.extend_from_slice(&record[other.value_start..other.value_end]);
                }
                derived.push(b'}');
            });
        }
        self.others = others;
    }

    fn row_flags(&self, record: &[u8], has_time: bool) -> u32 {
        let summary =
            matches!(self.text(record, field::EVENT_TYPE), b"AwsAggregatedEvent" | b"AwsCloudTrailInsight")
                || matches!(self.text(record, field::EVENT_CATEGORY), b"Aggregated" | b"Insight");
        let missing_time = self.fields[field::EVENT_TIME].is_null();
        [
            (missing_time, flag::MISSING_EVENT_TIME),
            (!missing_time && !has_time, flag::BAD_EVENT_TIME),
            (self.fields[field::EVENT_NAME].is_null(), flag::MISSING_EVENT_NAME),
            (summary, flag::NOT_AN_API_CALL),
        ]
        .iter()
        .fold(0, |flags, (raised, bit)| if *raised { flags | bit } else { flags })
    }
}

/// The name of the member that begins at or behind `begin`.
fn key_at(text: &[u8], begin: usize) -> Result<Key<'_>, JsonError> {
    Cursor::at(text, begin).key()
}

/// Is the member that begins at or behind `begin` the last one of its name?
fn counts(last: &LastMembers<'_>, record: &[u8], begin: usize) -> Result<bool, JsonError> {
    let key = key_at(record, begin)?;
    Ok(last.get(&key.name()) == Some(&key.start))
}

/// The ARN of a KMS key, not of an alias or grant.
fn is_key_arn(value: &Value<'_>) -> bool {
    value.kind == Kind::String
        && value.text().is_some_and(|text| {
            let holds = |part: &[u8]| memchr::memmem::find(&text, part).is_some();
            text.starts_with(b"arn:") && holds(b":kms:") && holds(b":key/")
        })
}
