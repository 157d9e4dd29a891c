//! What an export makes of its inputs: two exports may share a folder's tables only if they make the same.

use crate::export::settings::SortScope;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All settings that shape rows and files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The columns of the files of each dataset.
    pub columns: BTreeMap<String, Vec<String>>,
    /// Version of names and types of the columns.
    pub schema_version: String,
    /// Keys of the partitions, outermost first.
    pub partition_by: Vec<String>,
    /// Compression of pages, as the option spells it.
    pub compression: String,
    /// Encoding of values, as the option spells it.
    pub encoding: String,
    /// Columns in which single values are sought have Bloom filters. Manifests from before there were any do not say.
    #[serde(default = "by_default")]
    pub bloom_filters: bool,
    /// Order of the rows, as the option spells it. Manifests of before there was a choice do not say it.
    #[serde(default = "by_row_group")]
    pub sort: String,
    /// The log whose rows alone were taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// Rows before this instant were left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Rows from this instant on were left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// CloudTrail events that stand in several inputs were kept.
    pub keep_duplicates: bool,
    /// Access-log lines that repeat an earlier one were dropped.
    pub dedup: bool,
}

fn by_default() -> bool {
    true
}

fn by_row_group() -> String {
    SortScope::RowGroup.name().to_owned()
}

impl Job {
    /// The datasets that it makes.
    pub fn datasets(&self) -> impl Iterator<Item = &str> {
        self.columns.keys().map(String::as_str)
    }

    /// What the files themselves say of it, as JSON. Their columns and the version of these stand there as they are.
    pub fn settings(&self) -> String {
        let mut settings = serde_json::to_value(self).unwrap_or_default();
        if let Some(settings) = settings.as_object_mut() {
            settings.retain(|name, _| !["columns", "schema_version"].contains(&name.as_str()));
        }
        settings.to_string()
    }

    /// Do both make the same dataset?
    pub fn meets(&self, other: &Job) -> bool {
        self.columns.keys().any(|dataset| other.columns.contains_key(dataset))
    }

    /// The first setting that is not the same, with both values.
    pub fn difference(&self, other: &Job) -> Option<String> {
        let fields = |job: &Job| serde_json::to_value(job).ok().and_then(|value| value.as_object().cloned());
        let (ours, theirs) = (fields(self)?, fields(other)?);
        let differs = ours.keys().chain(theirs.keys()).find(|name| ours.get(*name) != theirs.get(*name))?;
        let show = |value: Option<&serde_json::Value>| value.map_or("none".to_owned(), ToString::to_string);
        if differs == "columns" {
            return Some("datasets or columns".to_owned());
        }
        Some(format!("{differs}: {} there, {} here", show(theirs.get(differs)), show(ours.get(differs))))
    }

    /// How to get the same settings, where nothing but instants differs: those that are counted back from now are others
    /// in each run.
    pub fn instants_of(&self, other: &Job) -> Option<String> {
        let same = Job { since: other.since.clone(), until: other.until.clone(), ..self.clone() };
        let instants = [("--since", &self.since, &other.since), ("--until", &self.until, &other.until)];
        if same != *other || instants.iter().any(|(_, here, there)| here.is_some() != there.is_some()) {
            return None;
        }
        let option =
            |(name, _, there): (&str, _, &Option<String>)| there.as_ref().map(|time| format!("{name} {time}"));
        let options: Vec<String> = instants.into_iter().filter_map(option).collect();
        Some(format!(
            ". A time back from now, such as 7d, is another one in each run: {} goes on with the export that is there",
            options.join(" ")
        ))
    }
}

#[cfg(test)]
pub(in crate::export) fn sample(datasets: &[&str], compression: &str) -> Job {
    Job {
        columns: datasets.iter().map(|name| ((*name).to_owned(), vec!["event_time".to_owned()])).collect(),
        schema_version: "1".to_owned(),
        partition_by: vec!["event_date".to_owned()],
        compression: compression.to_owned(),
        encoding: "compatible".to_owned(),
        bloom_filters: true,
        sort: by_row_group(),
        log: None,
        since: None,
        until: None,
        keep_duplicates: false,
        dedup: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_from_before_there_were_choices_are_read_and_files_tell_what_their_columns_do_not() {
        let job = Job { since: Some("2026".to_owned()), ..sample(&["s3_access"], "zstd:1") };
        let mut json = serde_json::to_value(&job).unwrap();
        for later in ["bloom_filters", "sort"] {
            json.as_object_mut().unwrap().remove(later).unwrap();
        }
        assert_eq!(serde_json::from_value::<Job>(json).unwrap(), job);
        let told = r#"{"bloom_filters":true,"compression":"zstd:1","dedup":false,"encoding":"compatible","keep_duplicates":false,"partition_by":["event_date"],"since":"2026","sort":"row-group"}"#;
        assert_eq!(job.settings(), told);
    }

    #[test]
    fn the_first_difference_is_named_with_both_values() {
        let job = sample(&["s3_access"], "zstd:1");
        assert_eq!(job.difference(&job), None);
        for (other, expected) in [
            (sample(&["s3_access"], "snappy"), "compression: \"snappy\" there, \"zstd:1\" here"),
            (Job { sort: "file".to_owned(), ..job.clone() }, "sort: \"file\" there, \"row-group\" here"),
            (Job { since: Some("2026".to_owned()), ..job.clone() }, "since: \"2026\" there, none here"),
            (Job { bloom_filters: false, ..job.clone() }, "bloom_filters: false there, true here"),
            (sample(&["cloudtrail"], "zstd:1"), "datasets or columns"),
        ] {
            assert_eq!(job.difference(&other).as_deref(), Some(expected));
        }
        let times = |since: Option<&str>, until: Option<&str>| Job {
            since: since.map(str::to_owned),
            until: until.map(str::to_owned),
            ..job.clone()
        };
        for (here, there, expected) in [
            (times(Some("2026"), None), times(Some("2025"), None), Some(": --since 2025 goes on")),
            (times(Some("3"), Some("4")), times(Some("1"), Some("2")), Some(": --since 1 --until 2 goes on")),
            (times(Some("2026"), None), times(None, None), None),
            (times(None, None), times(None, Some("2026")), None),
            (times(Some("3"), None), Job { sort: "file".to_owned(), ..times(Some("4"), None) }, None),
        ] {
            let advice = here.instants_of(&there);
            assert_eq!(advice.is_some(), expected.is_some(), "{advice:?}");
            assert!(expected.is_none_or(|words| advice.is_some_and(|advice| advice.contains(words))));
        }
        let mut former = serde_json::to_value(&job).unwrap();
        former.as_object_mut().unwrap().remove("sort");
        assert_eq!(serde_json::from_value::<Job>(former).unwrap(), job);
        assert!(
            job.meets(&sample(&["cloudtrail", "s3_access"], "x")) && !job.meets(&sample(&["cloudtrail"], "x"))
        );
    }
}
