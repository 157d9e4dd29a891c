//! Exports as the pipeline runs them: files, streams, order, refusals and clean-up.
#![allow(clippy::unwrap_used)]

use arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Int64Type, Schema, TimestampMillisecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{LogicalType, Type as PhysicalType};
use parquet::file::metadata::SortingColumn;
use s3sleuth::batch::{Dataset, Projection, TextLayout, Variety};
use s3sleuth::decode::{Block, Segment};
use s3sleuth::error::Error;
use s3sleuth::export::{self, ExportSettings, ExportStage, ExportSummary, Format, Target};
use s3sleuth::parse::{FieldTable, LogType, s3_access};
use s3sleuth::pipeline::stage::Stage;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

fn line(number: usize, date: &str, agent: &str) -> String {
    format!(
        "79a5 bucket [{date}:00:00:38 +0000] 192.0.2.{} - ID{number:08} REST.GET.OBJECT key%20{number} \
         \"GET /key%20{number} HTTP/1.1\" 200 - {number} 10 5 4 \"-\" \"{agent}\" - s9lzHYrF= SigV4 \
         TLS_AES_128_GCM_SHA256 AuthHeader b.s3.amazonaws.com TLSv1.3 - Yes us-east-1\n",
        number % 256
    )
}

fn table(file: &str, text: String) -> FieldTable {
    let segment = Segment { file: Arc::from(file), start: 0, first_number: 1, first_offset: 0 };
    let block = Block {
        log: LogType::S3Access,
        bytes: text.into_bytes(),
        segments: vec![segment],
        records: Vec::new(),
        framed: 0,
    };
    let mut rejects = Vec::new();
    let (table, _) = s3_access::parse_block(block, &mut rejects);
    assert_eq!(rejects, []);
    table
}

/// Units of different sizes over a few dates; every seventh unit has no rows.
fn units(count: usize) -> Vec<FieldTable> {
    let dates = ["01/Mar/2026", "02/Mar/2026", "28/Feb/2026"];
    let unit = |unit: usize| {
        let rows = if unit % 7 == 6 { 0 } else { unit % 5 * 20 + 1 };
        let lines = (0..rows).map(|row| line(unit * 1000 + row, dates[(unit + row / 9) % 3], "curl/8.0"));
        table(&format!("logs/{unit:04}"), lines.collect())
    };
    (0..count).map(unit).collect()
}

fn run(stage: &ExportStage, units: &[FieldTable], threads: usize) -> Result<(), Error> {
    let next = AtomicU64::new(0);
    let work = || {
        loop {
            let unit = next.fetch_add(1, Ordering::SeqCst);
            let Some(table) = units.get(unit as usize) else { return Ok(()) };
            // Units end in another order than they start.
            std::thread::sleep(std::time::Duration::from_micros(unit * 7919 % 500));
            let rows: Vec<u32> = (0..table.len() as u32).collect();
            let (first, second) = rows.split_at(rows.len() / 3);
            stage.observe(&mut (), unit, table, first)?;
            stage.observe(&mut (), unit, table, second)?;
            stage.unit_done(&mut (), unit)?;
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap())
    })
}

fn export(settings: &ExportSettings, target: Target, units: &[FieldTable]) -> Result<ExportSummary, Error> {
    let stage = export::open(settings, target)?;
    run(&stage, units, 1)?;
    stage.finish(())
}

fn folder_of(name: &str) -> tempfile::TempDir {
    tempfile::Builder::new().prefix(name).tempdir().unwrap()
}

/// Every file and folder below, relative and sorted.
fn tree(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            found.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Every file but the notes of the program.
fn data(root: &Path) -> Vec<String> {
    tree(root).into_iter().filter(|path| path.contains('.') && !path.starts_with("_toolmeta")).collect()
}

/// The rows of a file; its own metadata is left out.
fn read(path: &Path) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(path).unwrap()).unwrap();
    let schema = Arc::clone(builder.schema());
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    let plain = Arc::new(Schema::new(schema.fields().clone()));
    let all = concat_batches(&schema, &batches).unwrap();
    RecordBatch::try_new(plain, all.columns().to_vec()).unwrap()
}

/// Rows of some tables whose request was on that day, in their order.
fn expected(units: &[FieldTable], day: Option<i64>) -> RecordBatch {
    let projection = Projection::all(Dataset::S3Access, TextLayout::Copied);
    let batches: Vec<RecordBatch> = units
        .iter()
        .map(|table| {
            let on_day = |row: &u32| {
                table.rows[*row as usize].event_time_ms().map(|time| time.div_euclid(86_400_000)) == day
            };
            let rows: Vec<u32> = (0..table.len() as u32).filter(on_day).collect();
            projection.batch(table, &rows)
        })
        .collect();
    concat_batches(projection.schema(), &batches).unwrap()
}

#[test]
fn parquet_gives_the_rows_back_in_order_for_any_number_of_threads() {
    let units = units(60);
    let mut first: Option<(Vec<String>, Vec<RecordBatch>)> = None;
    for threads in [1, 4, 7] {
        let root = folder_of("threads");
        let target = Target::Path(root.path().join("out"));
        let stage = export::open(&ExportSettings::default(), target).unwrap();
        run(&stage, &units, threads).unwrap();
        let summary = stage.finish(()).unwrap();
        let rows: u64 = units.iter().map(|table| table.len() as u64).sum();
        assert_eq!(summary.rows, rows);
        let batches: Vec<RecordBatch> = summary.files.iter().map(|file| read(&file.path)).collect();
        for (file, batch) in summary.files.iter().zip(&batches) {
            assert_eq!(file.rows, batch.num_rows() as u64);
            assert_eq!(file.bytes, fs::metadata(&file.path).unwrap().len());
        }
        for (batch, day) in batches.iter().zip([20_512, 20_513, 20_514]) {
            assert_eq!(*batch, expected(&units, Some(day)));
        }
        let found = (tree(root.path()), batches);
        assert_eq!(*first.get_or_insert_with(|| found.clone()), found, "{threads} threads");
    }
    let mut expected =
        ["out", "out/_toolmeta", "out/_toolmeta/lock", "out/_toolmeta/manifest.jsonl", "out/s3_access"]
            .map(str::to_owned)
            .to_vec();
    for date in ["2026-02-28", "2026-03-01", "2026-03-02"] {
        expected.push(format!("out/s3_access/event_date={date}"));
        expected.push(format!("out/s3_access/event_date={date}/part-0000-00000.parquet"));
    }
    assert_eq!(first.unwrap().0, expected);
}

#[test]
fn parquet_files_have_the_types_and_settings_that_athena_reads() {
    let root = folder_of("schema");
    let summary = export(&ExportSettings::default(), Target::Path(root.path().to_path_buf()), &units(2)).unwrap();
    let file = fs::File::open(&summary.files[0].path).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let projection = Projection::all(Dataset::S3Access, TextLayout::Copied);
    assert_eq!(builder.schema().fields(), projection.schema().fields());
    let metadata = builder.metadata();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(metadata.file_metadata().created_by(), Some(format!("s3sleuth version {version}").as_str()));
    let pairs = metadata.file_metadata().key_value_metadata().unwrap();
    let settings = r#"{"bloom_filters":true,"compression":"zstd:1","dedup":false,"encoding":"compatible","keep_duplicates":false,"partition_by":["event_date"],"sort":"row-group"}"#;
    for (key, value) in [
        ("s3sleuth.version", version),
        ("s3sleuth.dataset", "s3_access"),
        ("s3sleuth.schema_version", "1"),
        ("s3sleuth.settings", settings),
    ] {
        assert!(pairs.iter().any(|pair| pair.key == key && pair.value.as_deref() == Some(value)), "{key}");
    }
    let mut lists = Vec::new();
    for chunk in metadata.row_group(0).columns() {
        let column = chunk.column_descr();
        let path = column.path().string();
        assert!(
            !matches!(column.logical_type_ref(), Some(LogicalType::Integer(integer)) if !integer.is_signed),
            "{path}"
        );
        assert_ne!(column.physical_type(), PhysicalType::INT96);
        if path == "event_time" {
            let logical = format!("{:?}", column.logical_type_ref());
            assert!(logical.contains("MILLIS") && logical.contains("true"), "{logical}");
        }
        let top = projection.columns().iter().find(|found| path.split('.').next() == Some(found.name)).unwrap();
        // For numbers each row group decides.
        if top.variety != Variety::Few && column.physical_type() == PhysicalType::BYTE_ARRAY {
            assert!(chunk.dictionary_page_offset().is_none(), "{path}");
        }
        if path.contains('.') {
            lists.push(path);
        }
    }
    assert_eq!(lists, ["extra_fields.list.element", "parse_flags.list.element"]);
    assert!(metadata.row_group(0).columns()[1].dictionary_page_offset().is_some());
}

/// Units whose rows are in no order, in themselves and among one another, with many at the same second.
fn shuffled_units() -> Vec<FieldTable> {
    let units = 30u64;
    let time = |number: u64| number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    let line = |unit: u64, row: u64| {
        let second = time(unit * 1000 + row) % 150;
        // The first ten units in order, the next ones backwards, the rest overlapping.
        let second = match unit {
            0..10 => unit * 40 + row / 4,
            10..20 => (20 - unit) * 40 + row / 4,
            _ => second,
        };
        let time = format!("{:02}/Mar/2026:00:{:02}:{:02}", 1 + row % 2, second / 60, second % 60);
        line((unit * 1000 + row) as usize, "DATE", "curl").replace("DATE:00:00:38", &time)
    };
    (0..units).map(|unit| table(&format!("logs/{unit}"), (0..150).map(|row| line(unit, row)).collect())).collect()
}

#[test]
fn rows_of_a_row_group_are_sorted_by_time_and_those_of_one_time_stay_in_their_order() {
    let mut units = shuffled_units();
    for (unit, row) in [(3, 7), (25, 0)] {
        units[unit].rows[row].event_time_ms = s3sleuth::parse::Row::NO_TIME;
    }
    for (columns, sort_column) in [(vec![], 0), (vec!["request_id".to_owned(), "event_time".to_owned()], 1)] {
        let mut files: Option<Vec<Vec<u8>>> = None;
        for threads in [1, 3] {
            let root = folder_of("sorted");
            let settings = ExportSettings { columns: columns.clone(), ..ExportSettings::default() };
            let stage = export::open(&settings, Target::Path(root.path().to_path_buf())).unwrap();
            run(&stage, &units, threads).unwrap();
            let summary = stage.finish(()).unwrap();
            let bytes: Vec<Vec<u8>> = summary.files.iter().map(|file| fs::read(&file.path).unwrap()).collect();
            assert!(*files.get_or_insert(bytes.clone()) == bytes, "{threads} threads");
            for (file, day) in summary.files.iter().zip([Some(20_513), Some(20_514), None]) {
                let expected = expected(&units, day);
                let times =
                    expected.column_by_name("event_time").unwrap().as_primitive::<TimestampMillisecondType>();
                let mut order: Vec<u32> = (0..times.len() as u32).collect();
                order.sort_by_key(|row| times.is_valid(*row as usize).then(|| times.value(*row as usize)));
                let sorted = take_record_batch(&expected, &UInt32Array::from(order)).unwrap();
                let found = read(&file.path);
                for field in found.schema_ref().fields() {
                    assert_eq!(found.column_by_name(field.name()), sorted.column_by_name(field.name()), "{day:?}");
                }
                let builder =
                    ParquetRecordBatchReaderBuilder::try_new(fs::File::open(&file.path).unwrap()).unwrap();
                let group = builder.metadata().row_group(0);
                let declared = SortingColumn { column_idx: sort_column, descending: false, nulls_first: false };
                assert_eq!(group.sorting_columns(), Some(&vec![declared]));
            }
        }
    }
}

#[test]
fn rows_without_a_time_go_to_hives_default_partition() {
    let root = folder_of("null");
    let mut units = units(1);
    units[0].rows[0].event_time_ms = s3sleuth::parse::Row::NO_TIME;
    let summary = export(&ExportSettings::default(), Target::Path(root.path().to_path_buf()), &units).unwrap();
    let path = root.path().join("s3_access/event_date=__HIVE_DEFAULT_PARTITION__/part-0000-00000.parquet");
    assert_eq!(summary.files[0].path, path);
    let batch = read(&path);
    assert_eq!(batch, expected(&units, None));
    assert!(batch.column(0).is_null(0));
}

#[test]
fn columns_and_datasets_can_be_chosen() {
    let root = folder_of("columns");
    let settings = ExportSettings {
        datasets: vec![Dataset::Activity, Dataset::S3Access],
        columns: vec!["bucket_name".to_owned(), "event_time".to_owned()],
        ..ExportSettings::default()
    };
    let summary = export(&settings, Target::Path(root.path().to_path_buf()), &units(2)).unwrap();
    let datasets: Vec<&str> =
        summary.files.iter().map(|file| file.path.strip_prefix(root.path()).unwrap()).map(top).collect();
    assert!(datasets.contains(&"activity") && datasets.contains(&"s3_access"));
    for file in &summary.files {
        let schema = Arc::clone(read(&file.path).schema_ref());
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["bucket_name", "event_time"]);
    }
}

fn top(path: &Path) -> &str {
    path.components().next().unwrap().as_os_str().to_str().unwrap()
}

#[test]
fn a_folder_in_use_is_refused_and_force_replaces_data_files_only() {
    let root = folder_of("force");
    let target = || Target::Path(root.path().to_path_buf());
    let mut settings = ExportSettings::default();
    fs::create_dir(root.path().join("s3_access")).unwrap();
    fs::write(root.path().join("s3_access/.hidden"), "").unwrap();
    export(&settings, target(), &units(9)).unwrap();
    let error = export(&settings, target(), &units(1)).unwrap_err();
    assert!(matches!(&error, Error::Usage(text) if text.contains("--force")), "{error}");
    let foreign = root.path().join("s3_access/event_date=2026-03-01/notes.txt");
    fs::write(&foreign, "mine").unwrap();
    settings.force = true;
    let units = vec![table("f", line(1, "02/Mar/2026", "x"))];
    export(&settings, target(), &units).unwrap();
    let files = data(root.path());
    let new = "s3_access/event_date=2026-03-02/part-0001-00000.parquet";
    assert_eq!(files, ["s3_access/.hidden", "s3_access/event_date=2026-03-01/notes.txt", new]);
    assert_eq!(read(&root.path().join(new)), expected(&units, Some(20_514)));
}

#[test]
fn what_an_interrupted_run_left_neither_blocks_the_next_one_nor_stays() {
    let root = folder_of("killed");
    let partition = root.path().join("s3_access/event_date=2026-03-01");
    let other = root.path().join("s3_access/event_date=2026-02-01");
    fs::create_dir_all(&partition).unwrap();
    fs::create_dir_all(&other).unwrap();
    for path in [partition.join(".part-0000-00000.parquet.tmp-7"), other.join(".part-0000-00001.parquet.tmp-7-1")]
    {
        fs::write(path, "begun").unwrap();
    }
    fs::write(other.join(".mine"), "").unwrap();
    let target = || Target::Path(root.path().to_path_buf());
    export(&ExportSettings::default(), target(), &units(1)).unwrap();
    let files = data(root.path());
    let published = "s3_access/event_date=2026-03-01/part-0000-00000.parquet";
    assert_eq!(files, ["s3_access/event_date=2026-02-01/.mine", published]);
    assert!(matches!(export(&ExportSettings::default(), target(), &units(1)), Err(Error::Usage(_))));
    let foreign = folder_of("foreign");
    fs::create_dir_all(foreign.path().join("s3_access/a/b")).unwrap();
    fs::write(foreign.path().join("s3_access/a/b/notes.txt"), "mine").unwrap();
    let refused = export(&ExportSettings::default(), Target::Path(foreign.path().to_path_buf()), &units(1));
    assert!(matches!(refused, Err(Error::Usage(_))));
}

#[test]
fn force_leaves_rows_of_one_export_only_also_where_the_new_one_has_none() {
    let root = folder_of("replace");
    let target = || Target::Path(root.path().to_path_buf());
    let both = ExportSettings {
        datasets: vec![Dataset::Activity, Dataset::S3Access],
        force: true,
        ..ExportSettings::default()
    };
    export(&both, target(), &units(9)).unwrap();
    let files = data;
    assert_eq!(files(root.path()).len(), 6);
    let one = ExportSettings { datasets: vec![Dataset::Activity], force: true, ..ExportSettings::default() };
    export(&one, target(), &[]).unwrap();
    assert!(files(root.path()).iter().all(|path| path.starts_with("s3_access")));
    assert_eq!(files(root.path()).len(), 3);
    export(&both, target(), &[]).unwrap();
    assert_eq!(files(root.path()), Vec::<String>::new());
}

#[test]
fn a_replacement_that_fails_leaves_the_former_export_as_it_was() {
    let root = folder_of("restore");
    let settings = ExportSettings { force: true, ..ExportSettings::default() };
    export(&settings, Target::Path(root.path().to_path_buf()), &units(9)).unwrap();
    let former = tree(root.path());
    let old = expected(&units(9), Some(20_512));
    let stage = export::open(&settings, Target::Path(root.path().to_path_buf())).unwrap();
    run(&stage, &units(20), 1).unwrap();
    // Nothing can be published in place of a folder.
    let last = root.path().join("s3_access/event_date=2026-03-02/part-0001-00000.parquet");
    fs::create_dir(&last).unwrap();
    let error = stage.finish(()).unwrap_err();
    assert!(matches!(&error, Error::Output { path, .. } if *path == last), "{error}");
    fs::remove_dir(&last).unwrap();
    assert_eq!(tree(root.path()), former);
    assert_eq!(read(&root.path().join("s3_access/event_date=2026-02-28/part-0000-00000.parquet")), old);
}

#[test]
fn an_export_that_ends_early_leaves_nothing_behind() {
    let root = folder_of("early");
    let kinds = [Format::Parquet, Format::Jsonl, Format::Csv, Format::Arrow];
    for format in kinds {
        let settings = ExportSettings { format, ..ExportSettings::default() };
        let stage = export::open(&settings, Target::Path(root.path().join("out"))).unwrap();
        run(&stage, &units(9), 2).unwrap();
        stage.stop();
        drop(stage);
        assert_eq!(tree(root.path()), Vec::<String>::new(), "{}", format.name());
    }
}

#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_a_partition_is_not_followed() {
    let root = folder_of("link");
    let elsewhere = folder_of("elsewhere");
    fs::create_dir(root.path().join("s3_access")).unwrap();
    let link = root.path().join("s3_access/event_date=2026-03-01");
    std::os::unix::fs::symlink(elsewhere.path(), &link).unwrap();
    let settings = ExportSettings { force: true, ..ExportSettings::default() };
    let error = export(&settings, Target::Path(root.path().to_path_buf()), &units(1)).unwrap_err();
    assert!(matches!(&error, Error::Output { path, .. } if *path == link), "{error}");
    assert_eq!(tree(elsewhere.path()), Vec::<String>::new());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_an_output_error_with_its_path() {
    for format in [Format::Jsonl, Format::Csv, Format::Arrow] {
        let settings = ExportSettings { format, ..ExportSettings::default() };
        let error = export(&settings, Target::Path("/dev/full".into()), &units(3)).unwrap_err();
        assert!(matches!(&error, Error::Output { path, .. } if path == Path::new("/dev/full")), "{error}");
        let full = Box::new(fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
        let error = export(&settings, Target::Stream(full), &units(3)).unwrap_err();
        assert!(matches!(&error, Error::Output { .. }), "{error}");
    }
}

/// A stream whose bytes the test can read.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn stream(settings: &ExportSettings, units: &[FieldTable], threads: usize) -> Vec<u8> {
    let shared = Shared::default();
    let stage = export::open(settings, Target::Stream(Box::new(shared.clone()))).unwrap();
    run(&stage, units, threads).unwrap();
    let summary = stage.finish(()).unwrap();
    let bytes = shared.0.lock().unwrap().clone();
    assert_eq!(summary.files[0].path, PathBuf::from("-"));
    assert_eq!(summary.files[0].bytes, bytes.len() as u64);
    bytes
}

#[test]
fn streams_are_the_same_for_any_number_of_threads() {
    let units = units(40);
    for format in [Format::Jsonl, Format::Csv, Format::Arrow] {
        let settings = ExportSettings { format, ..ExportSettings::default() };
        let one = stream(&settings, &units, 1);
        assert_eq!(one, stream(&settings, &units, 5), "{}", format.name());
    }
}

#[test]
fn jsonl_says_every_column_of_a_row() {
    let settings = ExportSettings {
        format: Format::Jsonl,
        columns: [
            "event_time",
            "request_id",
            "object_key",
            "error_code",
            "bytes_sent",
            "user_agent",
            "parse_flags",
        ]
        .map(str::to_owned)
        .to_vec(),
        ..ExportSettings::default()
    };
    let units = [table("f", line(7, "02/Mar/2026", "a \u{1F4A3} \"b\" \\ \u{1}"))];
    let expected = concat!(
        r#"{"event_time":"2026-03-02T00:00:38Z","request_id":"ID00000007","object_key":"key 7","error_code":null,"#,
        r#""bytes_sent":7,"user_agent":"a 💣 \"b\" \\ \u0001","parse_flags":["quote_in_ref_ua"]}"#,
        "\n"
    );
    assert_eq!(String::from_utf8(stream(&settings, &units, 1)).unwrap(), expected);
}

#[test]
fn all_columns_of_the_datasets_can_be_written_as_text() {
    for dataset in [Dataset::S3Access, Dataset::Activity] {
        for format in [Format::Jsonl, Format::Csv] {
            let settings = ExportSettings { format, datasets: vec![dataset], ..ExportSettings::default() };
            let text = String::from_utf8(stream(&settings, &units(3), 1)).unwrap();
            let header = usize::from(format == Format::Csv);
            assert_eq!(text.lines().count(), 63 + header, "{}", format.name());
            if format == Format::Jsonl {
                let row: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
                assert_eq!(row.as_object().unwrap().len(), dataset.columns().len());
            }
        }
    }
}

#[test]
fn an_arrow_stream_gives_the_rows_back() {
    let settings = ExportSettings { format: Format::Arrow, ..ExportSettings::default() };
    let units = units(8);
    let bytes = stream(&settings, &units, 3);
    let reader = arrow::ipc::reader::StreamReader::try_new(bytes.as_slice(), None).unwrap();
    let schema = reader.schema();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    let all = concat_batches(&schema, &batches).unwrap();
    assert!(schema.fields().iter().all(|field| *field.data_type() != DataType::Utf8View));
    let projection = Projection::all(Dataset::S3Access, TextLayout::Copied);
    let rows = |table: &FieldTable| projection.batch(table, &(0..table.len() as u32).collect::<Vec<_>>());
    let expected: Vec<RecordBatch> = units.iter().map(rows).collect();
    assert_eq!(all, concat_batches(projection.schema(), &expected).unwrap());
    assert_eq!(all.column_by_name("source_line").unwrap().as_primitive::<Int64Type>().value(0), 1);
}

#[test]
fn a_file_appears_at_the_end_and_is_replaced_only_by_force() {
    let root = folder_of("file");
    let path = root.path().join("rows.csv");
    let mut settings = ExportSettings { format: Format::Csv, ..ExportSettings::default() };
    let stage = export::open(&settings, Target::Path(path.clone())).unwrap();
    run(&stage, &units(2), 1).unwrap();
    assert!(!path.exists());
    stage.finish(()).unwrap();
    let written = fs::read_to_string(&path).unwrap();
    assert!(written.starts_with("event_time,bucket_owner,"));
    let error = export(&settings, Target::Path(path.clone()), &[]).unwrap_err();
    assert!(matches!(&error, Error::Usage(text) if text.contains("--force")), "{error}");
    settings.force = true;
    settings.datasets = vec![Dataset::S3Access];
    export(&settings, Target::Path(path.clone()), &[]).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), written.lines().next().unwrap().to_owned() + "\r\n");
    assert_eq!(tree(root.path()), ["rows.csv"]);
}

#[test]
fn settings_that_make_no_sense_are_refused_at_once() {
    let root = folder_of("usage");
    let path = || Target::Path(root.path().join("x"));
    let plain = ExportSettings::default;
    for (settings, target) in [
        (plain(), Target::Stream(Box::new(Vec::new()))),
        (ExportSettings { columns: vec!["no".to_owned()], ..plain() }, path()),
        (
            ExportSettings {
                format: Format::Csv,
                datasets: vec![Dataset::S3Access, Dataset::Activity],
                ..plain()
            },
            path(),
        ),
        (ExportSettings { format: Format::Csv, ..plain() }, Target::Path(root.path().to_path_buf())),
    ] {
        assert!(matches!(export::open(&settings, target), Err(Error::Usage(_))));
    }
    assert_eq!(tree(root.path()), Vec::<String>::new());
}
