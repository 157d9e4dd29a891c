//! Where a record belongs: its account, region and bucket, as values of partitions.
//!
//! A value is what the record says, so that a partition holds just the rows whose column says so: `recipient_account_id`,
//! `aws_region`, `s3_bucket`, `bucket_name`, for `activity` its own `account_id`, `region` and `bucket_name`, and for `ocsf`
//! its `cloud.account.uid` and `cloud.region`. Lines of access logs do not say account and region; these, and what a CloudTrail record leaves out, are taken from the path of
//! the file. The host of an access line is no source for `s3_access`: the client chooses it.

use super::key::{DEFAULT_PARTITION, PartitionKey};
use super::log_path::LogPath;
use crate::activity::region_of_access;
use crate::batch::Dataset;
use crate::parse::cloudtrail::field as trail;
use crate::parse::s3_access::field as access;
use crate::parse::{FieldTable, LogType};
use std::collections::HashMap;
use std::sync::Arc;

/// The value of a partition key in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// One that may name a folder.
    Known(&'a str),
    /// Neither the record nor its path tells.
    Unknown,
    /// Text that AWS cannot have named anything.
    Malformed(&'a str),
}

impl<'a> Value<'a> {
    /// The value of a key other than the date.
    pub(super) fn of(
        key: PartitionKey,
        dataset: Dataset,
        table: &'a FieldTable,
        row: usize,
        path: LogPath<'a>,
    ) -> Value<'a> {
        let field = |field| table.text(row, field).filter(|text| !text.is_empty());
        let told = match (key, table.log) {
            (PartitionKey::AccountId | PartitionKey::LakeAccountId, LogType::CloudTrail) => {
                field(trail::RECIPIENT_ACCOUNT_ID).or(path.account_id)
            }
            (PartitionKey::AccountId | PartitionKey::LakeAccountId, LogType::S3Access) => path.account_id,
            (PartitionKey::Region, LogType::CloudTrail) => field(trail::AWS_REGION).or(path.region),
            (PartitionKey::Region, LogType::S3Access) => {
                let has_column = matches!(dataset, Dataset::Activity | Dataset::Ocsf);
                has_column.then(|| region_of_access(table, row)).flatten().or(path.region)
            }
            (PartitionKey::Bucket, LogType::CloudTrail) => field(trail::S3_BUCKET),
            (PartitionKey::Bucket, LogType::S3Access) => field(access::BUCKET_NAME),
            (PartitionKey::EventDate | PartitionKey::LakeEventDay, _) => None,
        };
        match told {
            Some(text) if key.allows(text) => Value::Known(text),
            Some(text) => Value::Malformed(text),
            None => Value::Unknown,
        }
    }

    /// What names the folder.
    pub(super) fn known(self) -> Option<&'a str> {
        if let Value::Known(text) = self { Some(text) } else { None }
    }
}

/// Values of the keys other than the date, in the order of the keys; `None` is the default partition.
pub(super) type Place = Box<[Option<Box<str>>]>;

/// Numbers of places, in the order in which the input has them.
#[derive(Debug)]
pub(super) struct Places {
    keys: Vec<PartitionKey>,
    numbers: HashMap<Arc<Place>, u32>,
    places: Vec<Arc<Place>>,
    limit: usize,
}

impl Places {
    /// The number of the place that has no values: where there are no such keys, or the place has no number.
    pub(super) const NOWHERE: u32 = 0;

    /// No places but [`Places::NOWHERE`]. At most `limit` get a number.
    pub(super) fn new(keys: &[PartitionKey], limit: usize) -> Places {
        let none: Place = place_keys(keys).map(|_| None).collect();
        let none = Arc::new(none);
        let numbers = HashMap::from([(Arc::clone(&none), Places::NOWHERE)]);
        Places { keys: keys.to_vec(), numbers, places: vec![none], limit }
    }

    /// The number of a place. Those beyond the limit share that of [`Places::NOWHERE`].
    pub(super) fn number(&mut self, place: &Arc<Place>) -> u32 {
        if let Some(number) = self.numbers.get(place) {
            return *number;
        }
        if self.places.len() > self.limit {
            return Places::NOWHERE;
        }
        let number = self.places.len() as u32;
        self.places.push(Arc::clone(place));
        self.numbers.insert(Arc::clone(place), number);
        number
    }

    /// The folder of a partition below its dataset, in Hive's form: `account_id=111122223333/event_date=2026-03-01`. `date`
    /// is in that form, whatever the key. Each value is one that [`PartitionKey::allows`], or Hive's word for none: no log text can get into a path.
    pub(super) fn folder(&self, number: u32, date: Option<String>) -> String {
        let lake_date = date.as_ref().map(|date| date.replace('-', ""));
        let mut values = self.places[number as usize].iter();
        let mut part = |key: &PartitionKey| {
            let value = match key {
                PartitionKey::EventDate => date.as_deref(),
                PartitionKey::LakeEventDay => lake_date.as_deref(),
                _ => values.next().and_then(Option::as_deref),
            };
            format!("{}={}", key.name(), value.filter(|value| key.allows(value)).unwrap_or(DEFAULT_PARTITION))
        };
        self.keys.iter().map(&mut part).collect::<Vec<_>>().join("/")
    }
}

/// The keys that make a place: all but dates.
pub(super) fn place_keys(keys: &[PartitionKey]) -> impl Iterator<Item = PartitionKey> {
    keys.iter().copied().filter(|key| !key.is_date())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_follow_the_order_of_the_keys_and_places_beyond_the_limit_are_nowhere() {
        use PartitionKey::{Bucket, EventDate, Region};
        let mut places = Places::new(&[Bucket, EventDate, Region], 2);
        let place = |bucket: &str, region: Option<&str>| -> Arc<Place> {
            Arc::new(Box::new([Some(Box::from(bucket)), region.map(Box::from)]))
        };
        let numbers = [
            places.number(&place("b-1", Some("us-east-1"))),
            places.number(&place("b-2", None)),
            places.number(&place("b-3", None)),
            places.number(&place("b-1", Some("us-east-1"))),
        ];
        assert_eq!(numbers, [1, 2, Places::NOWHERE, 1]);
        let date = || Some("2026-03-01".to_owned());
        assert_eq!(places.folder(1, date()), "bucket=b-1/event_date=2026-03-01/region=us-east-1");
        assert_eq!(places.folder(2, None), format!("bucket=b-2/event_date={0}/region={0}", DEFAULT_PARTITION));
        let mut places = Places::new(&PartitionKey::SECURITY_LAKE, 2);
        let account: Arc<Place> = Arc::new(Box::new([None, Some(Box::from("111122223333"))]));
        let number = places.number(&account);
        let region = format!("region={DEFAULT_PARTITION}");
        assert_eq!(places.folder(number, date()), format!("{region}/accountId=111122223333/eventDay=20260301"));
        let nowhere = Places::new(&[Bucket, EventDate, Region], 2);
        assert_eq!(
            nowhere.folder(0, date()),
            format!("bucket={0}/event_date=2026-03-01/region={0}", DEFAULT_PARTITION)
        );
    }
}
