//! Refused records as JSONL: the contract of `--rejects`.

use crate::ledger::Reject;
use crate::parse::LogType;
use crate::report::safe::printable_json;
use serde::Serialize;

/// One refused record.
#[derive(Serialize)]
struct RejectLine<'a> {
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<u64>,
    byte_offset: u64,
    reason: &'a str,
    field: &'a str,
    /// Bytes of the whole record.
    length: u64,
    /// The record, or its beginning: bytes that are no printable text as `\xNN`, a backslash as `\\`.
    raw: String,
}

/// One object and a line end.
pub fn json_line(reject: &Reject) -> Vec<u8> {
    let number = |log| (reject.log == log).then_some(reject.number);
    let line = RejectLine {
        file: &reject.file,
        line: number(LogType::S3Access),
        record: number(LogType::CloudTrail),
        byte_offset: reject.offset,
        reason: reject.reason,
        field: reject.field,
        length: reject.length,
        raw: escaped(&reject.raw),
    };
    let json = serde_json::to_string(&line).expect("texts and numbers are JSON");
    (printable_json(&json).into_owned() + "\n").into_bytes()
}

/// Text from which the bytes can be read back.
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                _ if character.is_ascii_control() => text.push_str(&format!("\\x{:02x}", character as u32)),
                _ => text.push(character),
            }
        }
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_record_is_written_with_its_place_and_its_bytes() {
        let reject = Reject {
            file: "logs/a".into(),
            log: LogType::S3Access,
            number: 7,
            offset: 1234,
            field: "event_time",
            reason: "expected a time in brackets",
            raw: b"a\\b\x1b[2J\xff \xc3\xa9".to_vec(),
            length: 12,
        };
        let line = String::from_utf8(json_line(&reject)).unwrap();
        let expected = r#"{"file":"logs/a","line":7,"byte_offset":1234,"reason":"expected a time in brackets","field":"event_time","length":12,"raw":"a\\\\b\\x1b[2J\\xff é"}"#;
        assert_eq!(line, format!("{expected}\n"));
    }
}
