//! Which datasets and columns an export takes from each log.

use super::settings::ExportSettings;
use crate::batch::{Dataset, Projection, TextLayout};
use crate::error::Error;
use crate::parse::LogType;

/// The datasets of an export with their columns.
pub(super) struct Selection {
    /// `None`: the dataset has none of the columns asked for, so its rows end the run.
    datasets: Vec<(Dataset, Option<Projection>)>,
}

impl Selection {
    /// Checks the names. Where no dataset is asked for, those that the input turns out to hold decide, and a column
    /// needs to be in one of them only. The columns of `left_out` stand elsewhere, as keys of partitions.
    pub(super) fn new(
        settings: &ExportSettings,
        layout: TextLayout,
        left_out: &[&str],
    ) -> Result<Selection, Error> {
        if let Some(twice) = first_repeated(&settings.columns) {
            return Err(Error::Usage(format!("the column {twice} is asked for twice")));
        }
        let mut asked = settings.datasets.clone();
        asked.sort();
        asked.dedup();
        if !asked.is_empty() {
            let datasets = asked.into_iter().map(|dataset| {
                let columns: Vec<&str> = settings.columns.iter().map(String::as_str).collect();
                Ok((dataset, Some(projection(dataset, &columns, layout, left_out)?)))
            });
            return Ok(Selection { datasets: datasets.collect::<Result<_, Error>>()? });
        }
        let native = LogType::ALL.map(Dataset::of);
        if let Some(name) = settings.columns.iter().find(|name| !native.iter().any(|dataset| has(*dataset, name)))
        {
            return Err(Error::Usage(format!("no log has a column {name}: {}", columns_of(&native))));
        }
        let datasets = native.into_iter().map(|dataset| {
            let columns: Vec<&str> =
                settings.columns.iter().map(String::as_str).filter(|name| has(dataset, name)).collect();
            let none = columns.is_empty() && !settings.columns.is_empty();
            Ok((dataset, if none { None } else { Some(projection(dataset, &columns, layout, left_out)?) }))
        });
        Ok(Selection { datasets: datasets.collect::<Result<_, Error>>()? })
    }

    /// Every dataset that may get rows.
    pub(super) fn datasets(&self) -> impl Iterator<Item = Dataset> + '_ {
        self.datasets.iter().map(|(dataset, _)| *dataset)
    }

    /// The columns of every dataset that may get rows.
    pub(super) fn projections(&self) -> impl Iterator<Item = &Projection> + '_ {
        self.datasets.iter().filter_map(|(_, projection)| projection.as_ref())
    }

    /// The columns to build of rows of that log; else why there are none.
    pub(super) fn of(&self, log: LogType) -> Result<Vec<&Projection>, String> {
        let taking = self.datasets.iter().filter(|(dataset, _)| dataset.takes(log));
        let projections = taking.map(|(dataset, projection)| {
            projection.as_ref().ok_or_else(|| {
                let name = dataset.name();
                format!("{name} has none of the columns asked for; pick one log with --log")
            })
        });
        projections.collect()
    }
}

fn has(dataset: Dataset, name: &str) -> bool {
    dataset.columns().iter().any(|column| column.name == name)
}

fn projection(
    dataset: Dataset,
    columns: &[&str],
    layout: TextLayout,
    left_out: &[&str],
) -> Result<Projection, Error> {
    if let Some(name) = columns.iter().find(|name| !has(dataset, name)) {
        return Err(Error::Usage(no_column(dataset, name)));
    }
    let is_asked = |name: &&str| !left_out.contains(name);
    let names: Vec<&str> = match columns {
        [] => dataset.columns().iter().map(|column| column.name).filter(is_asked).collect(),
        _ => columns.iter().copied().filter(is_asked).collect(),
    };
    if names.is_empty() {
        let keys = left_out.join(", ");
        return Err(Error::Usage(format!("no column is left beside the partition keys {keys}: ask for one more")));
    }
    Projection::named(dataset, &names, layout).map_err(|name| Error::Usage(no_column(dataset, name)))
}

fn no_column(dataset: Dataset, name: &str) -> String {
    format!("{} has no column {name}: {}", dataset.name(), columns_of(&[dataset]))
}

/// The columns to choose from.
fn columns_of(datasets: &[Dataset]) -> String {
    let list = |dataset: &Dataset| {
        let names: Vec<&str> = dataset.columns().iter().map(|column| column.name).collect();
        format!("{} has {}", dataset.name(), names.join(", "))
    };
    datasets.iter().map(list).collect::<Vec<_>>().join("; ")
}

fn first_repeated(names: &[String]) -> Option<&String> {
    names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(datasets: &[Dataset], columns: &[&str]) -> Result<Selection, Error> {
        let settings = ExportSettings {
            datasets: datasets.to_vec(),
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            ..ExportSettings::default()
        };
        Selection::new(&settings, TextLayout::Copied, &["account_id", "region"])
    }

    fn columns(selection: &Selection, log: LogType) -> Result<Vec<Vec<&'static str>>, String> {
        let projections = selection.of(log)?;
        Ok(projections.iter().map(|one| one.columns().iter().map(|column| column.name).collect()).collect())
    }

    #[test]
    fn columns_stand_in_the_order_asked_and_must_exist() {
        let both = selection(&[], &["event_name", "operation", "event_time"]).unwrap();
        assert_eq!(columns(&both, LogType::S3Access).unwrap(), [["operation", "event_time"]]);
        assert_eq!(columns(&both, LogType::CloudTrail).unwrap(), [["event_name", "event_time"]]);
        let one = selection(&[], &["operation"]).unwrap();
        assert!(columns(&one, LogType::CloudTrail).unwrap_err().contains("--log"));
        let asked = selection(&[Dataset::S3Access], &["operation"]).unwrap();
        assert_eq!(columns(&asked, LogType::CloudTrail).unwrap(), Vec::<Vec<&str>>::new());
        let beside_keys = selection(&[Dataset::Activity], &["region", "action"]).unwrap();
        assert_eq!(columns(&beside_keys, LogType::CloudTrail).unwrap(), [["action"]]);
        let all = columns(&selection(&[Dataset::Activity], &[]).unwrap(), LogType::CloudTrail).unwrap();
        assert_eq!(all[0].len(), Dataset::Activity.columns().len() - 2);
        for (datasets, names, expected) in [
            (&[][..], &["nothing"][..], "no log has a column nothing: "),
            (&[Dataset::Activity], &["event_name"], "activity has no column event_name: "),
            (&[], &["operation", "operation"], "the column operation is asked for twice"),
            (
                &[Dataset::Activity],
                &["region"],
                "no column is left beside the partition keys account_id, region: ask for one more",
            ),
        ] {
            let error = selection(datasets, names).err().unwrap();
            assert!(error.to_string().starts_with(expected), "{error}");
        }
        let error = selection(&[], &["nothing"]).err().unwrap().to_string();
        for part in [": s3_access has event_time, ", "object_key", "; cloudtrail has event_time, ", "event_name"] {
            assert!(error.contains(part), "{part}: {error}");
        }
        let error = selection(&[Dataset::Activity], &["event_name"]).err().unwrap().to_string();
        assert!(error.starts_with("activity has no column event_name: activity has event_time, "), "{error}");
    }
}
