use super::*;
use crate::batch::{Projection, TextLayout};
use crate::decode::{Block, Segment};
use crate::parse::{FieldTable, cloudtrail};
use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{Field, TimeUnit};
use std::sync::Arc;

const LINES: &str = concat!(
    "79a5 b [06/Feb/2026:00:00:38 +0000] 192.0.2.3 - 3E57427F3EXAMPLE REST.GET.OBJECT a%2520b+c \"GET /a?\"x\" HTTP/1.1\" ",
    "099 - 10 9223372036854775808 5 4 \"-\" \"\" - s9lzHYrF= SigV4 - - - TLSv1.3 - Yes us-east-1 new  \u{e9}\n",
    "79a5 b [31/Feb/2026:00:00:38 +0000] - arn:aws:iam::1:user/u 3E57427F3EXAMPLE BATCH.DELETE.OBJECT a%20b - 204 - - 7 - ",
    "- - - - s9lzHYrF= - - - - - - -\n",
);

const RECORDS: [&str; 4] = [
    r#"{"eventVersion":"1.08","eventTime":"2026-03-01T01:02:03Z","eventID":"e","eventSource":"kms.amazonaws.com",
        "eventName":"Decrypt","readOnly":"True","managementEvent":false,"userAgent":"a \"b\" \u00e9",
        "userIdentity":{"type":"AssumedRole","accessKeyId":"","sessionContext":{"sessionIssuer":{"arn":"a"},
        "attributes":{"mfaAuthenticated":"false"}},"new":1},
        "requestParameters":{"encryptionContext":{"aws:s3:arn":"arn:aws:s3:::b/k"}},
        "resources":[{"ARNPrefix":"arn:p","type":"AWS::S3::Object"},{"accountId":1},5,{}]}"#,
    r#"{"eventName":"GetObject","eventSource":"s3.amazonaws.com","eventTime":"nowhen","readOnly":"maybe",
        "requestParameters":{"bucketName":"b","key":"k"},"additionalEventData":{"bytesTransferredOut":1376.0},
        "resources":[]}"#,
    r#"{"eventType":"AwsCloudTrailInsight","eventCategory":"Insight","insightDetails":{"state":"Start"}}"#,
    r#"{"eventName":"X","requestParameters":"text","errorCode":{"a":1},"tlsDetails":{"tlsVersion":"TLSv1.3"}}"#,
];

fn access_table() -> FieldTable {
    let segment = Segment { file: "logs/a".into(), start: 0, first_number: 7, first_offset: 0 };
    let bytes = LINES.as_bytes().to_vec();
    let block = Block { log: LogType::S3Access, bytes, segments: vec![segment], records: vec![], framed: 2 };
    let mut rejects = Vec::new();
    let (table, _) = s3_access::parse_block(block, &mut rejects);
    assert_eq!((table.len(), rejects), (2, vec![]));
    table
}

fn trail_tables() -> Vec<FieldTable> {
    let table = |record: &&str| FieldTable {
        segments: vec![Segment { file: "trail".into(), start: 0, first_number: 1, first_offset: 0 }],
        ..cloudtrail::parse_record(record.as_bytes()).unwrap()
    };
    RECORDS.iter().map(table).collect()
}

fn tables() -> Vec<FieldTable> {
    std::iter::once(access_table()).chain(trail_tables()).collect()
}

fn columns(table: &FieldTable) -> RecordBatch {
    let rows: Vec<u32> = (0..table.len() as u32).collect();
    Projection::all(Dataset::of(table.log), TextLayout::Copied).batch(table, &rows)
}

fn plan(dataset: Option<&str>, schema: &Schema) -> ReadBack {
    match recognise(dataset, schema) {
        Recognised::Rows(plan) => plan,
        other => panic!("{other:?}"),
    }
}

fn back(plan: &ReadBack, batch: &RecordBatch) -> FieldTable {
    let rows = plan.rows(batch).unwrap();
    let mut builder = TableBuilder::new(plan, &Arc::from("export.parquet"));
    (0..batch.num_rows()).for_each(|row| builder.push(&rows, row, row as u64 + 1));
    builder.take().unwrap()
}

#[test]
fn every_field_comes_back_or_is_named_here_with_the_reason() {
    for log in LogType::ALL {
        let schema = Projection::all(Dataset::of(log), TextLayout::Views).schema().clone();
        let plan = plan(None, &schema);
        assert_eq!((plan.log(), plan.notices()), (log, Vec::<String>::new()));
        let width = log.field_count();
        let comes_back = |field: &usize| {
            plan.leaves.iter().any(|leaf| match leaf.target {
                Target::Field(number)
                | Target::Status(number)
                | Target::Words(number)
                | Target::Objects(number, ..) => number == *field,
                Target::Time | Target::Flags | Target::File | Target::Number => false,
            })
        };
        let lost: Vec<usize> = (0..width).filter(|field| !comes_back(field)).collect();
        let expected = match log {
            // The instant comes back; the text that it was logged as has no column, and no rule reads it.
            LogType::S3Access => vec![s3_access::field::EVENT_TIME],
            // The same, and what is made again of `request_parameters`.
            LogType::CloudTrail => vec![cloudtrail::field::EVENT_TIME, cloudtrail::field::ENCRYPTION_CONTEXT_ARN],
        };
        assert_eq!(lost, expected, "{}", log.name());
    }
}

#[test]
fn columns_of_rows_that_came_back_are_the_same() {
    for table in tables() {
        let before = columns(&table);
        let again = back(&plan(None, &before.schema()), &before);
        assert_eq!(columns(&again), before);
        let activity = Projection::all(Dataset::Activity, TextLayout::Copied);
        let rows: Vec<u32> = (0..table.len() as u32).collect();
        assert_eq!(activity.batch(&again, &rows), activity.batch(&table, &rows));
        for row in 0..table.len() {
            if table.log == LogType::CloudTrail {
                let arn = |table: &FieldTable| {
                    table.text(row, cloudtrail::field::ENCRYPTION_CONTEXT_ARN).map(str::to_owned)
                };
                assert_eq!(arn(&again), arn(&table));
                assert_eq!(cloudtrail::fingerprint(&again, row), cloudtrail::fingerprint(&table, row));
            }
            assert_eq!(again.rows[row].number, table.rows[row].number);
            assert_eq!(again.source_file(row), table.source_file(row));
        }
    }
}

#[test]
fn rows_with_the_same_values_have_the_same_text_and_others_not() {
    let table = access_table();
    let batch = columns(&table);
    let plan = plan(None, &batch.schema());
    let again = back(&plan, &arrow::compute::concat_batches(&batch.schema(), [&batch, &batch]).unwrap());
    assert_eq!(again.record(0), again.record(2));
    assert_ne!(again.record(0), again.record(1));
}

/// The batch with a column replaced by what `change` makes of it.
fn changed(batch: &RecordBatch, name: &str, change: impl Fn(&ArrayRef) -> ArrayRef) -> RecordBatch {
    let index = batch.schema().index_of(name).unwrap();
    let mut columns = batch.columns().to_vec();
    columns[index] = change(&columns[index]);
    let schema = batch.schema();
    let fields = schema.fields().iter().zip(&columns);
    let fields: Vec<Field> =
        fields.map(|(field, column)| field.as_ref().clone().with_data_type(column.data_type().clone())).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

#[test]
fn types_that_other_programs_choose_are_read_alike() {
    let table = access_table();
    let before = columns(&table);
    let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let zone = Some("+00:00".into());
    for (name, data_type) in [
        ("bucket_name", DataType::LargeUtf8),
        ("bucket_name", DataType::Utf8View),
        ("bucket_name", dictionary),
        ("user_agent", DataType::Binary),
        ("source_file", DataType::LargeBinary),
        ("http_status", DataType::Int64),
        ("http_status", DataType::UInt16),
        ("http_status", DataType::Utf8),
        ("bytes_sent", DataType::Int32),
        ("bytes_sent", DataType::Float64),
        ("source_line", DataType::UInt64),
        ("acl_required", DataType::Utf8),
        ("event_time", DataType::Timestamp(TimeUnit::Second, None)),
        ("event_time", DataType::Timestamp(TimeUnit::Microsecond, zone)),
        ("event_time", DataType::Timestamp(TimeUnit::Nanosecond, None)),
        ("event_time", DataType::Utf8),
    ] {
        let other = changed(&before, name, |array| {
            let none = DataType::Timestamp(TimeUnit::Millisecond, None);
            let array = if name == "event_time" { cast(array, &none).unwrap() } else { Arc::clone(array) };
            cast(&array, &data_type).unwrap()
        });
        let again = back(&plan(None, &other.schema()), &other);
        assert_eq!(columns(&again), before, "{name} as {data_type}");
    }
}

#[test]
fn values_that_cannot_be_told_are_refused_with_the_column() {
    let before = columns(&access_table());
    let refused = |batch: &RecordBatch| match recognise(None, &batch.schema()) {
        Recognised::Foreign(reason) => reason,
        other => panic!("{other:?}"),
    };
    for (name, data_type, expected) in [
        ("bucket_name", DataType::Int64, "column bucket_name of type Int64, which is not read as text"),
        ("bytes_sent", DataType::Boolean, "column bytes_sent of type Boolean, which is not read as a number"),
        ("event_time", DataType::Int64, "column event_time of type Int64, which is not read as an instant"),
        ("parse_flags", DataType::Utf8, "column parse_flags of type Utf8, which is not read as a list of texts"),
    ] {
        let batch = changed(&before, name, |array| arrow::array::new_null_array(&data_type, array.len()));
        let reason = refused(&batch);
        assert!(reason.contains(expected), "{reason}");
    }
    let beyond = changed(&before, "bytes_sent", |array| {
        Arc::new(arrow::array::UInt64Array::from(vec![u64::MAX; array.len()]))
    });
    let reason = plan(None, &beyond.schema()).rows(&beyond).err().unwrap();
    assert!(reason.starts_with("column bytes_sent: "), "{reason}");
}

fn text_schema(names: &[&str]) -> Schema {
    Schema::new(names.iter().map(|name| Field::new(*name, DataType::Utf8, true)).collect::<Vec<_>>())
}

#[test]
fn tables_are_told_by_their_name_or_by_their_columns() {
    for dataset in [Dataset::Activity, Dataset::Ocsf] {
        let schema = Projection::all(dataset, TextLayout::Copied).schema().clone();
        for name in [None, Some(dataset.name())] {
            assert!(matches!(recognise(name, &schema), Recognised::Ignored(_)));
        }
    }
    let few = ["bucket_name", "operation", "object_key_raw", "host_header", "request_uri", "event_date"];
    let plan = plan(None, &text_schema(&few));
    assert_eq!(plan.log(), LogType::S3Access);
    let [missing, unknown] = &plan.notices()[..] else { panic!("{:?}", plan.notices()) };
    assert!(missing.contains("null: event_time, bucket_owner, remote_ip, "), "{missing}");
    assert_eq!(unknown, "columns that are not known are not read: event_date");
    assert!(matches!(recognise(Some("s3_access"), &text_schema(&["operation"])), Recognised::Rows(_)));
    let many: Vec<String> = (0..3000).map(|number| format!("{number:0200}")).collect();
    let names: Vec<&str> = many.iter().map(String::as_str).chain(["operation"]).collect();
    let Recognised::Rows(plan) = recognise(Some("s3_access"), &text_schema(&names)) else { panic!() };
    assert!(plan.notices()[1].ends_with("0, and 2940 more") && plan.notices()[1].len() < 5000);
    for names in [
        &["a", "b"][..],
        &few[..4],
        // In two of the lists.
        &["remote_ip", "error_code", "object_key", "bucket_name", "version_id", "host_id"],
        &[
            "bucket_name",
            "operation",
            "object_key_raw",
            "host_header",
            "request_uri",
            "a",
            "b",
            "c",
            "d",
            "e",
            "f",
        ],
    ] {
        let told = recognise(None, &text_schema(names));
        assert!(matches!(told, Recognised::Foreign(_)), "{names:?}: {told:?}");
    }
}

#[test]
fn a_key_that_is_only_there_as_logged_is_decoded() {
    let table = access_table();
    let rows = [0, 1];
    let names = ["event_time", "operation", "object_key_raw", "bucket_name", "host_id", "parse_flags"];
    let batch = Projection::named(Dataset::S3Access, &names, TextLayout::Views).unwrap().batch(&table, &rows);
    let again = back(&plan(Some("s3_access"), &batch.schema()), &batch);
    let keys = |table: &FieldTable| {
        rows.map(|row| table.text(row as usize, s3_access::field::OBJECT_KEY).map(str::to_owned))
    };
    assert_eq!(keys(&again), keys(&table));
}

#[test]
fn what_cloudwatch_delivers_has_other_names_and_one_key() {
    let names: Vec<&str> =
        s3_access::REDUNDANT.into_iter().chain(s3_access::MEMBERS.iter().map(|(name, _)| *name)).collect();
    let columns = names.iter().map(|name| {
        let text = match *name {
            "request_time" => "2026-04-29T14:32:16.007Z",
            "http_status" => "200",
            name => name,
        };
        Arc::new(arrow::array::StringArray::from(vec![Some(text)])) as ArrayRef
    });
    let batch = RecordBatch::try_new(Arc::new(text_schema(&names)), columns.collect()).unwrap();
    let plan = plan(None, &batch.schema());
    assert_eq!(plan.notices(), Vec::<String>::new());
    let table = back(&plan, &batch);
    for (name, number) in s3_access::MEMBERS {
        let expected = match number {
            s3_access::field::EVENT_TIME => None,
            s3_access::field::HTTP_STATUS => Some("200"),
            _ => Some(name),
        };
        assert_eq!(table.text(0, number), expected);
    }
    assert_eq!(table.text(0, s3_access::field::OBJECT_KEY), Some("key_name"));
    assert_eq!(table.rows[0].event_time_ms(), Some(1_777_473_136_007));
    assert_eq!((&**table.source_file(0), table.rows[0].number), ("export.parquet", 1));
}
