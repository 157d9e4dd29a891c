use super::*;
use crate::batch::{Dataset, Projection, TextLayout};
use crate::export::parquet::DEFAULT_PARTITION;
use crate::parse::time::{DAY_MS, format_date};

fn table(dataset: Dataset, days: &[&str]) -> Table {
    Table {
        dataset,
        columns: Projection::all(dataset, TextLayout::Copied).schema().fields().clone(),
        keys: vec!["event_date".to_owned()],
        partitions: days.iter().map(|day| vec![(*day).to_owned()]).collect(),
    }
}

fn all(dataset: Dataset, days: &[&str], engine: Engine) -> String {
    statements(&[table(dataset, days)], "s3://case-1/lake/", engine).unwrap()
}

#[test]
fn dense_days_are_projected_and_sparse_ones_added() {
    for (days, projected) in [
        (&["2026-03-01"][..], Some("2026-03-01,2026-03-01")),
        (&["2026-03-01", "2026-03-02", "2026-03-04"], Some("2026-03-01,2026-03-04")),
        (&["2026-03-01", "2026-03-05"], None),
        (&["2026-02-27", "2026-03-01", DEFAULT_PARTITION], Some("2026-02-27,2026-03-01")),
        (&[DEFAULT_PARTITION], None),
        (&["2026-03-01", "2026-13-01"], Some("2026-03-01,2026-03-01")),
    ] {
        let text = all(Dataset::S3Access, days, Engine::Athena);
        let range = projected.map(|range| format!("'projection.event_date.range' = '{range}'"));
        assert_eq!(range.as_ref().is_some_and(|range| text.contains(range)), projected.is_some(), "{text}");
        assert_eq!(text.contains("ADD IF NOT EXISTS"), projected.is_none(), "{text}");
        assert_eq!(text.contains("Rows without a time"), days.contains(&DEFAULT_PARTITION), "{text}");
        assert!(text.contains("LOCATION 's3://case-1/lake/s3_access/'"), "{text}");
        assert!(projected.is_none() || text.contains("lake/s3_access/event_date=${event_date}/'"), "{text}");
    }
}

/// A table by bucket and date.
fn by_bucket(partitions: &[(&str, &str)]) -> Table {
    let values = |(bucket, day): &(&str, &str)| vec![(*bucket).to_owned(), (*day).to_owned()];
    Table {
        keys: vec!["bucket".to_owned(), "event_date".to_owned()],
        partitions: partitions.iter().map(values).collect(),
        ..table(Dataset::S3Access, &[])
    }
}

#[test]
fn further_keys_are_enumerated_injected_or_added() {
    let text =
        |table: &Table| statements(std::slice::from_ref(table), "s3://case-1/lake/", Engine::Athena).unwrap();
    let dense = text(&by_bucket(&[("a-1", "2026-03-01"), ("a-1", "2026-03-02"), ("b-1", "2026-03-02")]));
    for expected in [
        "PARTITIONED BY (`bucket` string, `event_date` string)",
        "'projection.bucket.type' = 'enum'",
        "'projection.bucket.values' = 'a-1,b-1'",
        "'projection.event_date.range' = '2026-03-01,2026-03-02'",
        "lake/s3_access/bucket=${bucket}/event_date=${event_date}/'",
    ] {
        assert!(dense.contains(expected), "{expected}: {dense}");
    }
    let buckets: Vec<String> = (0..25).map(|number| format!("bucket-{number}")).collect();
    let many: Vec<(&str, &str)> = buckets.iter().map(|bucket| (bucket.as_str(), "2026-03-01")).collect();
    let injected = text(&by_bucket(&many));
    assert!(injected.contains("'projection.bucket.type' = 'injected'"), "{injected}");
    assert!(injected.contains("-- bucket has too many values to list"), "{injected}");
    assert!(text(&by_bucket(&many[..24])).contains("'projection.bucket.type' = 'enum'"));
    for added in [
        // Two of nine are there.
        by_bucket(&[("a-1", "2026-03-01"), ("b-1", "2026-03-09")]),
        // A query would not find them.
        by_bucket(&[("a-1", "2026-03-01"), (DEFAULT_PARTITION, "2026-03-01")]),
    ] {
        let added = text(&added);
        assert!(added.contains("ADD IF NOT EXISTS") && !added.contains("projection."), "{added}");
        assert!(added.contains("(`bucket` = 'a-1', `event_date` = '2026-03-01')"), "{added}");
        assert_eq!(added.contains("there bucket is null"), added.contains(DEFAULT_PARTITION), "{added}");
    }
}

/// A table in the layout of Security Lake.
fn of_security_lake(days: &[&str]) -> Table {
    let values = |day: &&str| ["eu-west-1", "111122223333", day].map(str::to_owned).to_vec();
    Table {
        keys: ["region", "accountId", "eventDay"].map(str::to_owned).to_vec(),
        partitions: days.iter().map(values).collect(),
        ..table(Dataset::Ocsf, &[])
    }
}

#[test]
fn folders_with_capitals_have_columns_without_them_and_are_never_left_to_msck() {
    let text = |days: &[&str]| statements(&[of_security_lake(days)], "s3://case-1/lake/", Engine::Athena).unwrap();
    let projected = text(&["20260228", "20260301"]);
    for expected in [
        "PARTITIONED BY (`region` string, `accountid` string, `eventday` string)",
        "'projection.accountid.values' = '111122223333'",
        "'projection.eventday.format' = 'yyyyMMdd'",
        "'projection.eventday.range' = '20260228,20260301'",
        "lake/ocsf/region=${region}/accountId=${accountid}/eventDay=${eventday}/'",
    ] {
        assert!(projected.contains(expected), "{expected}: {projected}");
    }
    let added = text(&["20260228", DEFAULT_PARTITION]);
    assert!(
        added.contains("ADD IF NOT EXISTS") && !added.contains("projection.") && !added.contains("MSCK"),
        "{added}"
    );
    let place = "(`region` = 'eu-west-1', `accountid` = '111122223333', `eventday` = '20260228') \
                 LOCATION 's3://case-1/lake/ocsf/region=eu-west-1/accountId=111122223333/eventDay=20260228/'";
    assert!(
        added.contains(place) && added.contains("Rows without a time lie in the default partition"),
        "{added}"
    );
}

#[test]
fn at_most_a_hundred_partitions_are_added_at_once() {
    let days: Vec<String> = (0..250).map(|number| format_date(number * 3 * DAY_MS)).collect();
    let days: Vec<&str> = days.iter().map(String::as_str).collect();
    let text = all(Dataset::CloudTrail, &days, Engine::Athena);
    let sizes: Vec<usize> = text
        .split("ALTER TABLE `cloudtrail`")
        .skip(1)
        .map(|statement| statement.matches("\n  PARTITION (").count())
        .collect();
    assert_eq!(sizes, [100, 100, 50]);
    assert!(text.contains(
        "PARTITION (`event_date` = '1970-01-04') LOCATION 's3://case-1/lake/cloudtrail/event_date=1970-01-04/'"
    ));
}

#[test]
fn every_column_has_its_type_and_what_it_means() {
    for dataset in Dataset::ALL {
        let text = all(dataset, &["2026-03-01"], Engine::Spark);
        for column in dataset.columns() {
            assert!(text.contains(&format!("\n  `{}` ", column.name)), "{} {text}", column.name);
            assert!(text.contains(&format!(" COMMENT '{}'", column.about.replace('\'', "’"))), "{}", column.about);
            // Glue's limit: https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html
            assert!(column.about.len() <= 255, "{}", column.about);
        }
        assert!(!text.contains("projection."));
    }
    let text = all(Dataset::CloudTrail, &["2026-03-01"], Engine::Athena);
    for expected in [
        "`event_time` timestamp",
        "`management_event` boolean",
        "`s3_bytes_in` bigint",
        "`resources` array<struct<arn:string,account_id:string,type:string>>",
        "`tls_details` struct<tls_version:string,",
    ] {
        assert!(text.contains(expected), "{expected}");
    }
}

#[test]
fn views_show_all_columns_of_aws_or_are_not_made() {
    for (view, count) in [(&VIEWS[0], 26), (&VIEWS[1], 26)] {
        let whole = table(view.dataset, &["2026-03-01"]);
        for engine in Engine::ALL {
            let text = view.statement(&whole, engine).unwrap();
            let shown = text.lines().filter(|line| line.starts_with("  ")).count();
            assert_eq!(shown, count + 1, "{text}");
            assert!(text.ends_with(&format!("FROM {}", view.dataset.name())));
            assert_eq!(text.matches('(').count(), text.matches(')').count(), "{text}");
        }
        let columns = whole.columns.iter().skip(3).cloned().collect();
        assert!(view.statement(&Table { columns, ..whole }, Engine::Athena).is_none());
    }
    // AWS's queries ask for the text that lines have.
    let text = all(Dataset::S3Access, &["2026-03-01"], Engine::Athena);
    assert!(text.contains("  CASE WHEN acl_required THEN 'Yes' END AS \"aclrequired\""), "{text}");
}

#[test]
fn a_location_that_cannot_be_read_or_quoted_is_refused() {
    for (location, engine, is_good) in [
        ("s3://b/p", Engine::Athena, true),
        ("s3://b/p///", Engine::Athena, true),
        ("s3://", Engine::Athena, false),
        ("s3://b//p", Engine::Athena, false),
        ("/data/lake", Engine::Athena, false),
        ("/data/lake", Engine::Spark, true),
        ("s3a://b/p", Engine::Spark, true),
        ("s3://b/'; DROP TABLE x", Engine::Athena, false),
        ("lake\n", Engine::DuckDb, false),
    ] {
        let result = statements(&[table(Dataset::S3Access, &["2026-03-01"])], location, engine);
        assert_eq!(result.is_ok(), is_good, "{location}");
    }
}

#[test]
fn what_lies_in_a_folder_is_told_by_its_files() {
    let root = tempfile::tempdir().unwrap();
    let write = |path: &str, dataset: Dataset| {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let schema = Projection::all(dataset, TextLayout::Copied).schema().clone();
        let file = std::fs::File::create(path).unwrap();
        parquet::arrow::ArrowWriter::try_new(file, schema, None).unwrap().close().unwrap();
    };
    assert!(tables(root.path()).is_err());
    write("s3_access/event_date=2026-03-01/a.parquet", Dataset::S3Access);
    write("s3_access/event_date=2026-03-02/a.parquet", Dataset::S3Access);
    write("s3_access/event_date=2026-03-02/.b.parquet", Dataset::Activity);
    write("s3_access/_old/event_date=2026-03-03/a.parquet", Dataset::Activity);
    write("activity/event_date=2026-03-01/a.parquet", Dataset::Activity);
    #[cfg(unix)]
    for link in ["cloudtrail", "s3_access/event_date=2026-03-04", "activity/event_date=2026-03-01/b.parquet"] {
        std::os::unix::fs::symlink(root.path().join("s3_access/event_date=2026-03-01"), root.path().join(link))
            .unwrap();
    }
    let found = tables(root.path()).unwrap();
    #[cfg(unix)]
    std::fs::remove_file(root.path().join("s3_access/event_date=2026-03-04")).unwrap();
    assert_eq!(
        found,
        [table(Dataset::S3Access, &["2026-03-01", "2026-03-02"]), table(Dataset::Activity, &["2026-03-01"])]
    );
    for (path, reason) in [
        ("s3_access/event_date=2026-03-04/a.parquet", "other columns"),
        ("s3_access/region=x/a.parquet", "other partition folders"),
        ("s3_access/event_date=it's/a.parquet", "cannot stand in a statement"),
    ] {
        write(path, if reason.contains("columns") { Dataset::CloudTrail } else { Dataset::S3Access });
        let error = tables(root.path()).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
        std::fs::remove_dir_all(root.path().join(path).parent().unwrap()).unwrap();
    }
}
