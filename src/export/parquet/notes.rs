//! What a person should know of the partitions.

use super::key::PartitionKey;
use super::partition::Defaulted;
use crate::report::count::{counted, of_number};
use std::collections::BTreeMap;

/// A sentence for each thing that put rows into a default partition.
pub(super) fn of(defaulted: &BTreeMap<PartitionKey, Defaulted>, diverted: u64) -> Vec<String> {
    let mut notes = Vec::new();
    for (key, Defaulted { unknown, malformed, example }) in defaulted {
        let (key, article) = (key.name(), if *key == PartitionKey::AccountId { "an" } else { "a" });
        if *unknown > 0 {
            let (their, rows) = (of_number(*unknown, "its", "their"), rows(*unknown));
            notes.push(format!(
                "{rows} in the default partition of {key}: neither record nor path says {their} {key}"
            ));
        }
        if let Some(example) = example {
            notes.push(format!(
                "{} in the default partition of {key}: AWS gives no such name to {article} {key}, the first is \
                 {example:?}",
                rows(*malformed)
            ));
        }
    }
    if diverted > 0 {
        notes.push(format!(
            "{} in the default partition of all keys: there are more than 10,000 partitions; choose fewer keys with \
             --partition-by",
            rows(diverted)
        ));
    }
    notes
}

/// `1 row lies`, `2 rows lie`.
fn rows(number: u64) -> String {
    format!("{} {}", counted(number, "row"), of_number(number, "lies", "lie"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_told_with_its_count() {
        let account = Defaulted { unknown: 1, ..Defaulted::default() };
        let bucket = Defaulted { unknown: 0, malformed: 2, example: Some("..\u{1b}".to_owned()) };
        let defaulted = BTreeMap::from([(PartitionKey::AccountId, account), (PartitionKey::Bucket, bucket)]);
        let notes = of(&defaulted, 7);
        assert_eq!(notes.len(), 3);
        for (note, expected) in notes.iter().zip(["1 row lies", "\"..\\u{1b}\"", "7 rows lie in"]) {
            assert!(note.contains(expected), "{note}");
        }
        assert!(of(&BTreeMap::new(), 0).is_empty());
    }
}
