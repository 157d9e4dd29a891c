//! Commands of the AWS CLI that bring objects back, for somebody to read and to run; nothing here runs them.
//!
//! Keys come from clients and can hold anything. All arguments are one JSON text in single quotes that holds neither
//! quotes nor anything but printable ASCII: a shell sees one word, the CLI no option, file name or address
//! (`--key file://…` would be read), and the key arrives as it is. Comments hold nothing that ends a line.

use super::redact::redacted;
use super::safe::printable;
use crate::investigate::event::Source;
use crate::investigate::key_history::{ChangeRow, Fate, Restore};
use crate::parse::time::format_iso;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{self, Write};

/// The longest key that S3 takes, in bytes
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>).
const MOST_KEY: usize = 1024;

/// The largest object that `copy-object` copies
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>).
const MOST_COPIED: u64 = 5 << 30;

const HEAD: &str = "\
#!/bin/sh
# Commands that bring back what the logs show as deleted or overwritten, made from logs alone by s3sleuth recover.
# Nothing has been run. Read each before you run it: the logs do not show the bucket as it is now.
# Commands for objects of which the logs do not name a version only list what is there.
set -eu
";

/// Writes a script.
pub struct ScriptWriter<W: Write> {
    output: W,
    keeps_secrets: bool,
    /// Commands that were written.
    pub commands: u64,
}

impl<W: Write> ScriptWriter<W> {
    /// Begins.
    ///
    /// # Errors
    /// Output that failed.
    pub fn new(mut output: W, keeps_secrets: bool) -> io::Result<ScriptWriter<W>> {
        output.write_all(HEAD.as_bytes())?;
        Ok(ScriptWriter { output, keeps_secrets, commands: 0 })
    }

    /// Writes what is to be done after a change.
    ///
    /// # Errors
    /// Output that failed.
    pub fn row(&mut self, row: &ChangeRow) -> io::Result<()> {
        if row.restore == Restore::Superseded {
            return Ok(());
        }
        let mut text = String::from("\n");
        for line in comment(row) {
            let line = if self.keeps_secrets { line.into() } else { redacted(&line) };
            // Writing to a string does not fail.
            let _written = writeln!(text, "# {}", printable(&line));
        }
        let commands = commands(row);
        self.commands += commands.iter().filter(|command| matches!(command, Line::Command(..))).count() as u64;
        for command in commands {
            match command {
                Line::Command(name, arguments) => {
                    let _written = writeln!(text, "aws s3api {name} --cli-input-json {}", quoted(&arguments));
                }
                Line::Comment(comment) => {
                    let _written = writeln!(text, "# {}", printable(&comment));
                }
            }
        }
        self.output.write_all(text.as_bytes())
    }

    /// Ends; gives the output back.
    ///
    /// # Errors
    /// Output that failed.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }
}

enum Line {
    Command(&'static str, Value),
    Comment(String),
}

/// What happened, and what shows it.
fn comment(row: &ChangeRow) -> Vec<String> {
    let record = &row.record;
    let place = |source: &Source| format!("{}:{}", source.file, source.line);
    let places = |sources: &[Source]| sources.iter().map(place).collect::<Vec<_>>().join(", ");
    let object = match (&record.bucket, &record.key) {
        (Some(bucket), Some(key)) => format!("s3://{bucket}/{key}"),
        (Some(bucket), None) => format!("unknown keys of s3://{bucket}"),
        _ => "an object that no log names".to_owned(),
    };
    let who = record.principal.as_deref().unwrap_or("an unknown caller");
    let when =
        record.time_ms.map_or_else(|| "at an unknown time".to_owned(), |time| format!("at {}", format_iso(time)));
    let mut lines = vec![
        object,
        format!("{} by {who} {when} ({})", row.change.name(), places(&record.sources)),
        format!("{}: {}", row.fate.name(), row.why),
    ];
    if !row.evidence.is_empty() {
        lines.push(format!("evidence: {}", places(&row.evidence)));
    }
    lines
}

fn commands(row: &ChangeRow) -> Vec<Line> {
    let record = &row.record;
    let (Some(bucket), Some(key)) = (&record.bucket, &record.key) else {
        return vec![Line::Comment("list the versions of the bucket to find out what is gone".to_owned())];
    };
    // What was repaired or cut is not the name.
    if key.contains('\u{fffd}') || key.len() > MOST_KEY || bucket.contains('\u{fffd}') {
        return vec![Line::Comment("the logs do not hold the key as it is: no command can be made".to_owned())];
    }
    let is_gone = row.fate == Fate::Permanent;
    match &row.restore {
        Restore::RemoveMarkers(ids) => ids
            .iter()
            .map(|id| Line::Command("delete-object", json!({"Bucket": bucket, "Key": key, "VersionId": id})))
            .collect(),
        Restore::CopyVersion(id) => {
            let source = json!({"Bucket": bucket, "Key": key, "VersionId": id});
            let mut lines = Vec::new();
            if is_gone {
                let comment = "what is gone does not come back: this copies another version, which is left";
                lines.push(Line::Comment(comment.to_owned()));
            }
            if record.size.is_some_and(|size| size > MOST_COPIED) {
                lines.push(Line::Comment("larger than 5 GiB: copy it in parts (aws s3 cp) instead".to_owned()));
            }
            lines.push(Line::Command("copy-object", json!({"Bucket": bucket, "Key": key, "CopySource": source})));
            lines
        }
        Restore::LookUp => {
            let arguments = json!({"Bucket": bucket, "Prefix": key, "MaxKeys": 20});
            let why = if is_gone { "what is gone does not come back, and the" } else { "the" };
            let comment = format!("{why} logs name no version to bring back: this only lists what there is");
            vec![Line::Comment(comment), Line::Command("list-object-versions", arguments)]
        }
        Restore::Nothing if is_gone => {
            let comment = "no command: nothing in the bucket brings it back; look for a backup or a replica";
            vec![Line::Comment(comment.to_owned())]
        }
        Restore::Nothing => vec![Line::Comment("nothing to be done".to_owned())],
        Restore::Superseded => Vec::new(),
    }
}

/// JSON as one word of a shell: printable ASCII without single quotes, in single quotes.
fn quoted(arguments: &Value) -> String {
    let mut word = String::from("'");
    for character in arguments.to_string().chars() {
        match character {
            ' '..='~' if character != '\'' => word.push(character),
            _ => {
                // Characters that are no ASCII, and quotes, can only stand inside strings.
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    let _written = write!(word, "\\u{unit:04x}");
                }
            }
        }
    }
    word.push('\'');
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_key_holds_is_one_word_and_comes_back() {
        for key in [
            "plain/key",
            "it's",
            "$(touch /tmp/x)`id`",
            "a\nb; rm -rf /",
            "-rf --key=x",
            "file:///etc/passwd",
            "\u{0}\u{1b}[2J\u{7f}",
            "é日本\u{1f600}\u{202e}",
            "\\u0027\\'\"",
            "# comment",
        ] {
            let word = quoted(&json!({"Key": key}));
            let inside = word.strip_prefix('\'').and_then(|word| word.strip_suffix('\'')).unwrap();
            assert!(inside.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'\''), "{word}");
            let back: Value = serde_json::from_str(inside).unwrap();
            assert_eq!(back["Key"], key);
        }
    }
}
