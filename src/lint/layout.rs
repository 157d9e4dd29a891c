//! Checks 16 and 17: names of folders, and what lies in them.

use super::check::Check;
use super::report::Notebook;
use crate::export::PartitionKey;

/// 16.
pub const FOLDER_NAMES: Check = Check {
    number: 16,
    name: "folder-names",
    asserts: "Partition folders are `key=value`, with the same lower-case keys in the same order everywhere \
              (Security Lake's own `accountId` and `eventDay` pass, as its crawler finds them), values without `:` \
              or other characters that Hive escapes, and all files in folders of the last key. \
              No location holds `//`.",
    why: "MSCK REPAIR TABLE skips other folders, some of them without a word, and Athena reads files in folders \
          between as rows of the same table.",
    link: "https://docs.aws.amazon.com/athena/latest/ug/msck-repair-table.html",
    next: "Rename the folders; write a special character as % and two hex digits, a time without colons. Tables \
           belong beside one another.",
};

/// 17.
pub const ONLY_PARQUET: Check = Check {
    number: 17,
    name: "only-parquet",
    asserts: "All files of a table are Parquet, but for those whose names begin with `_` or `.`.",
    why: "Athena reads every file below the location of a table, and fails at one of another form (HIVE_BAD_DATA: \
          not a Parquet file). It hides names that begin with _ or a dot.",
    link: "https://docs.aws.amazon.com/athena/latest/ug/creating-tables.html",
    next: "Move the file out of the folder, or let its name begin with _.",
};

/// Characters that Hive writes as % and two hex digits in the names of folders, besides controls
/// (<https://github.com/apache/hive/blob/master/common/src/java/org/apache/hadoop/hive/common/FileUtils.java>).
const ESCAPED: &str = "\"#'*/:=?\\{[]^\u{7f}";

/// A folder inside a table that is none of a partition.
pub(super) fn nested_folder(path: &str, notebook: &mut Notebook) {
    let found = "a folder in a table that is not key=value";
    notebook.report(FOLDER_NAMES.error(path, found));
}

/// The name of a partition folder, as far as it is wrong.
pub(super) fn check_partition(key: &str, value: &str, path: &str, notebook: &mut Notebook) {
    let mut report = |found: String| notebook.report(FOLDER_NAMES.error(path, found));
    if let Some(found) = wrong_key(key) {
        report(found);
    }
    if value.is_empty() {
        report("the value is empty; Hive writes __HIVE_DEFAULT_PARTITION__".to_owned());
    } else if let Some(special) = value.chars().find(|char| char.is_control() || ESCAPED.contains(*char)) {
        report(format!("the value {value:?} has {special:?}"));
    } else if !percent_signs_escape(value) {
        report(format!("the value {value:?} has a % without two hex digits"));
    }
}

/// What is wrong with the name of a key.
fn wrong_key(key: &str) -> Option<String> {
    if PartitionKey::SECURITY_LAKE.iter().any(|known| known.name() == key) {
        return None;
    }
    if key.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Some(format!("the key {key:?} has capitals, which MSCK REPAIR TABLE skips"));
    }
    let is_plain = key.starts_with(|char: char| char.is_ascii_lowercase() || char == '_')
        && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    (!is_plain).then(|| format!("the key {key:?} has other characters than letters, digits and _"))
}

fn percent_signs_escape(value: &str) -> bool {
    let is_hex = |text: &str| {
        let digits = text.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    value.split('%').skip(1).all(is_hex)
}

/// The keys of the folders of a table, each with the first file that has them.
pub(super) fn check_keys(keys: &[(&[String], &str)], notebook: &mut Notebook) {
    notebook.evaluated(&FOLDER_NAMES);
    let Some((expected, first)) = keys.first() else { return };
    for (found, path) in keys.iter().skip(1).filter(|(found, _)| found != expected) {
        let list = |keys: &[String]| if keys.is_empty() { "none".to_owned() } else { keys.join("/") };
        let found = format!("partition keys {}, but {} at {first}", list(found), list(expected));
        notebook.report(FOLDER_NAMES.error(path, found));
    }
}

/// A file of a table that is no Parquet file, and how many more its folder has.
pub(super) fn foreign_file(path: &str, others: usize, notebook: &mut Notebook) {
    let others = if others == 0 { String::new() } else { format!("; its folder has {others} more") };
    notebook.report(ONLY_PARQUET.error(path, format!("a file that is neither Parquet nor hidden{others}")));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_folders_are_held_against_hive() {
        for (name, findings) in [
            ("event_date=2026-03-01", 0),
            ("region=us-east-1", 0),
            ("bucket=my.bucket", 0),
            ("path=a%2Fb c", 0),
            ("event_date=__HIVE_DEFAULT_PARTITION__", 0),
            ("eventDay=20260301", 0),
            ("accountId=111122223333", 0),
            ("eventHour=1", 1),
            ("hour=12:00", 1),
            ("hour=", 1),
            ("path=50%", 1),
            ("path=%zz", 1),
            ("a-b=1", 1),
            ("=1", 1),
            ("a=b=c", 1),
            ("A=?", 2),
        ] {
            let (key, value) = name.split_once('=').unwrap();
            let mut notebook = Notebook::default();
            check_partition(key, value, name, &mut notebook);
            assert_eq!(notebook.finish(Vec::new(), 0).findings.len(), findings, "{name}");
        }
    }
}
