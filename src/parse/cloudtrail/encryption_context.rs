//! Which object S3 asked KMS for, from the parameters alone.

use crate::parse::json::{self, Kind};
use std::borrow::Cow;

/// The text of `encryptionContext."aws:s3:arn"` in `requestParameters`: what
/// [`field::ENCRYPTION_CONTEXT_ARN`](super::field::ENCRYPTION_CONTEXT_ARN) is where the record is at hand.
pub fn encryption_context_arn(parameters: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut arn = None;
    // Parameters that are no object have none; the last one counts, as in a record.
    let _no_object = json::members(parameters, |key, context| {
        if context.kind == Kind::Object && *key.name() == *b"encryptionContext" {
            let _checked_before = json::members(context.raw, |key, value| {
                if *key.name() == *b"aws:s3:arn" {
                    arn = value.text();
                }
            });
        }
    });
    arn
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::cloudtrail::{field, parse_record};

    #[test]
    fn the_parameters_alone_give_what_the_record_gives() {
        for (parameters, expected) in [
            (r#"{"encryptionContext":{"aws:s3:arn":"arn:aws:s3:::b/k"},"keyId":"k"}"#, Some("arn:aws:s3:::b/k")),
            (r#"{"encryptionContext":{"aws:s3:\u0061rn":"\u00e9"}}"#, Some("é")),
            (r#"{"encryptionContext":{"aws:s3:arn":"a","aws:s3:arn":"b"}}"#, Some("b")),
            (r#"{"encryptionContext":{"aws:s3:arn":"a"},"encryptionContext":{}}"#, Some("a")),
            (r#"{"encryptionContext":{"aws:s3:arn":null}}"#, None),
            (r#"{"encryptionContext":["aws:s3:arn"]}"#, None),
            (r#"{"aws:s3:arn":"a"}"#, None),
            ("[]", None),
        ] {
            let record = format!("{{\"eventName\":\"Decrypt\",\"requestParameters\":{parameters}}}");
            let table = parse_record(record.as_bytes()).unwrap();
            assert_eq!(table.text(0, field::ENCRYPTION_CONTEXT_ARN), expected, "{parameters}");
            let alone = encryption_context_arn(parameters.as_bytes());
            assert_eq!(alone.as_deref(), expected.map(str::as_bytes), "{parameters}");
        }
        assert_eq!(encryption_context_arn(b"{\"encryptionContext\":{\"aws:s3:arn\":"), None);
    }
}
