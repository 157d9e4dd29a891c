//! What an event was done to.

use crate::parse::json::{Cursor, JsonError, Kind, KnownName, Value};
use std::borrow::Cow;

/// One entry of `resources`. AWS leaves out what it likes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource<'a> {
    /// `ARN`, else `ARNPrefix` (listings), else `arn` (normalised exports).
    pub arn: Option<Cow<'a, str>>,
    /// The owner; S3 gives it for buckets and not for objects.
    pub account_id: Option<Cow<'a, str>>,
    /// `AWS::S3::Object` and the like; absent in STS events.
    pub resource_type: Option<Cow<'a, str>>,
}

/// Calls `each` for every object in the array `resources` of a row, given as the JSON text in the table. Entries that
/// are no objects are passed over.
pub fn for_each_resource<'a>(array: &'a [u8], mut each: impl FnMut(Resource<'a>)) {
    // The array was checked when its record was parsed; of any other text this takes what it can read.
    let _ = walk(&mut Cursor::new(array), |entry| {
        let text = |value: Option<Value<'a>>| value?.text().map(lossy);
        let arn = text(entry.arn);
        each(Resource { arn, account_id: text(entry.account_id), resource_type: text(entry.resource_type) });
    });
}

fn lossy(text: Cow<'_, [u8]>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => match std::str::from_utf8(text) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => String::from_utf8_lossy(text),
        },
        Cow::Owned(text) => Cow::Owned(String::from_utf8_lossy(&text).into_owned()),
    }
}

/// One entry as it stands in the text.
#[derive(Default)]
pub(super) struct Entry<'a> {
    pub(super) arn: Option<Value<'a>>,
    account_id: Option<Value<'a>>,
    resource_type: Option<Value<'a>>,
}

enum Member {
    Arn(usize),
    AccountId,
    Type,
    Other,
}

static TYPE: KnownName = KnownName::new("type");
static ARN: KnownName = KnownName::new("ARN");
static ACCOUNT_ID: KnownName = KnownName::new("accountId");

/// Takes the name of a member and its colon.
#[inline]
fn member(cursor: &mut Cursor<'_>) -> Result<Member, JsonError> {
    if cursor.name_is(&TYPE) {
        return Ok(Member::Type);
    } else if cursor.name_is(&ARN) {
        return Ok(Member::Arn(0));
    } else if cursor.name_is(&ACCOUNT_ID) {
        return Ok(Member::AccountId);
    }
    Ok(match &*cursor.key()?.name() {
        b"ARN" => Member::Arn(0),
        b"ARNPrefix" => Member::Arn(1),
        b"arn" => Member::Arn(2),
        b"accountId" => Member::AccountId,
        b"type" => Member::Type,
        _ => Member::Other,
    })
}

/// Takes an array of resources from a cursor.
pub(super) fn walk<'a>(cursor: &mut Cursor<'a>, mut each: impl FnMut(Entry<'a>)) -> Result<(), JsonError> {
    cursor.elements(|cursor| {
        if cursor.peek() != Some(Kind::Object) {
            return cursor.value().map(|_| ());
        }
        // By falling preference: ARN, ARNPrefix, arn.
        let mut arns = [None; 3];
        let mut entry = Entry::default();
        let mut ended = cursor.enter_object()?;
        while !ended {
            let member = member(cursor)?;
            let value = Some(cursor.value()?).filter(|value| value.kind != Kind::Null);
            match member {
                Member::Arn(preference) => arns[preference] = value,
                Member::AccountId => entry.account_id = value,
                Member::Type => entry.resource_type = value,
                Member::Other => {}
            }
            ended = cursor.object_ends()?;
        }
        entry.arn = arns.into_iter().flatten().next();
        each(entry);
        Ok(())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_resource_is_read() {
        let array = br#"[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::b/\u00e9"},
            {"ARNPrefix":"arn:aws:s3:::b/","accountId":"342082656213","type":"AWS::S3::Object"},
            {"arn":"a"}, {"arn":"low","ARN":"high"}, {"ARN":null,"accountId":1}, {}, 5, null, [{}]]"#;
        let mut seen = Vec::new();
        for_each_resource(array, |resource| {
            let text = |value: Option<Cow<'_, str>>| value.map_or("-".to_owned(), Cow::into_owned);
            seen.push([text(resource.arn), text(resource.account_id), text(resource.resource_type)].join(" "));
        });
        assert_eq!(
            seen,
            [
                "arn:aws:s3:::b/é - AWS::S3::Object",
                "arn:aws:s3:::b/ 342082656213 AWS::S3::Object",
                "a - -",
                "high - -",
                "- 1 -",
                "- - -",
            ]
        );
        for_each_resource(b"{}", |_| unreachable!());
        for_each_resource(b"[{]", |_| unreachable!());
    }
}
