//! Bad tables, each with the one check that must catch it.

use super::build::*;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterVersion};
use parquet::file::statistics::Statistics;
use s3sleuth::lint::Limits;
use std::fs;
use std::path::Path;

/// A bad table.
pub struct Fixture {
    /// What is bad.
    pub name: &'static str,
    /// Number of the check that catches it.
    pub check: u8,
    /// Makes it in a folder.
    pub build: fn(&Path),
    /// Limits that a small file can break.
    pub limits: fn(&mut Limits),
    /// The statement that it is held against.
    pub ddl: Option<&'static str>,
    /// Checks that catch it too, since the one cannot be broken alone.
    pub also: &'static [u8],
}

const fn fixture(check: u8, name: &'static str, build: fn(&Path)) -> Fixture {
    Fixture { name, check, build, limits: |_| (), ddl: None, also: &[] }
}

const fn limited(check: u8, name: &'static str, limits: fn(&mut Limits)) -> Fixture {
    Fixture { limits, ..fixture(check, name, good_table) }
}

const fn declared(check: u8, name: &'static str, ddl: &'static str) -> Fixture {
    Fixture { ddl: Some(ddl), ..fixture(check, name, good_table) }
}

/// A statement that fits the good table.
pub const GOOD_DDL: &str = "CREATE EXTERNAL TABLE IF NOT EXISTS case1.logs (`event_time` timestamp, key string COMMENT \
                            'a, (b)', size bigint) PARTITIONED BY (event_date string) STORED AS PARQUET LOCATION \
                            's3://amzn-s3-demo-bucket/logs/' TBLPROPERTIES ('projection.enabled'='true', \
                            'projection.event_date.type'='date', 'projection.event_date.format'='yyyy-MM-dd', \
                            'projection.event_date.range'='2026-02-01,NOW', 'storage.location.template'=\
                            's3://amzn-s3-demo-bucket/logs/event_date=${event_date}/')";

/// Two files of their own partitions, the second as given.
fn second(root: &Path, columns: &str) {
    good_table(root);
    write(&place(root, "event_date=2026-03-02/part-0.parquet"), columns, &[], settings());
}

/// Rows at these times, in the only file.
fn at(root: &Path, times: &[Option<i64>]) {
    write(&part(root), COLUMNS, &[rows_at(times)], settings());
}

fn claim_codec(root: &Path, codec: Compression) {
    good_table(root);
    rewrite_footer(&part(root), |metadata| change_chunk(metadata, |chunk| chunk.set_compression(codec)));
}

fn wide_row(root: &Path, lengths: [usize; 2]) {
    let columns = "optional binary key (STRING); optional binary referer (STRING);";
    let texts = |length| Cells::Texts(vec![String::new(), "x".repeat(length)]);
    write(&part(root), columns, &[lengths.map(texts).into()], settings());
}

/// An export of one good file, whose manifest names these files of its day.
fn exported(root: &Path, named: &[(&str, i64)]) {
    let day = "s3_access/event_date=2026-03-01";
    let file = root.join(day).join("part-0000-00000.parquet");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    good(&file);
    let length = fs::metadata(file).unwrap().len() as i64;
    let output = |(name, more): &(&str, i64)| serde_json::json!({"path": format!("{day}/{name}"), "rows": 2, "bytes": length + more});
    let record = |state| {
        let outputs: Vec<_> = named.iter().map(output).collect();
        serde_json::json!({
            "schema": "s3sleuth.manifest.v1", "run": 0, "kind": "export", "state": state, "version": "", "outputs": outputs
        })
    };
    fs::create_dir(root.join("_toolmeta")).unwrap();
    let lines = format!("{}\n{}\n", record("prepared"), record("committed"));
    fs::write(root.join("_toolmeta/manifest.jsonl"), lines).unwrap();
}

/// All, by check.
pub const FIXTURES: &[Fixture] = &[
    fixture(1, "INT96", |root| with_column(root, "optional int96 seen;")),
    fixture(1, "INT96 in a struct", |root| with_column(root, "optional group info { optional int96 seen; }")),
    fixture(2, "unsigned integer", |root| with_column(root, "optional int32 hits (INTEGER(32,false));")),
    fixture(2, "unsigned integer, as old writers say it", |root| {
        with_column(root, "optional int64 hits (UINT_64);")
    }),
    fixture(2, "TIME", |root| with_column(root, "optional int32 clock (TIME(MILLIS,true));")),
    fixture(2, "UUID", |root| with_column(root, "optional fixed_len_byte_array (16) trace (UUID);")),
    fixture(2, "FLOAT16", |root| with_column(root, "optional fixed_len_byte_array (2) ratio (FLOAT16);")),
    fixture(2, "40 digits", |root| with_column(root, "optional fixed_len_byte_array (20) cost (DECIMAL(40,2));")),
    fixture(3, "microseconds", |root| with_column(root, "optional int64 seen (TIMESTAMP(MICROS,true));")),
    fixture(3, "nanoseconds in a list", |root| {
        let nested = "optional group times (LIST) { repeated group list { optional int64 element (TIMESTAMP(NANOS,true)); } }";
        with_column(root, nested);
    }),
    fixture(4, "list of two levels", |root| {
        with_column(root, "optional group tags (LIST) { repeated binary element (STRING); }");
    }),
    fixture(4, "repeated field", |root| with_column(root, "repeated binary tags (STRING);")),
    fixture(4, "names of Hive", |root| {
        with_column(root, "optional group tags (LIST) { repeated group bag { optional binary item (STRING); } }");
    }),
    fixture(4, "map without key_value", |root| {
        let map = "optional group tags (MAP) { repeated group entries { required binary key (STRING); optional binary \
                   value (STRING); } }";
        with_column(root, map);
    }),
    fixture(5, "empty struct", |root| with_type(root, group("info", Vec::new()))),
    fixture(5, "empty struct in a struct", |root| {
        with_type(root, group("info", vec![group("detail", Vec::new())]))
    }),
    fixture(6, "space in a name", |root| with_type(root, number("bytes sent"))),
    fixture(6, "256 characters", |root| with_type(root, number(&"a".repeat(256)))),
    fixture(6, "capitals", |root| with_column(root, "optional int64 bytesSent;")),
    fixture(6, "underscore in front", |root| with_column(root, "optional int64 _id;")),
    fixture(7, "reserved column", |root| with_column(root, "optional binary user (STRING);")),
    fixture(7, "reserved column that OCSF does not give", |root| {
        with_column(
            root,
            "optional int32 class_uid; optional binary user (STRING); optional binary values (STRING);",
        );
    }),
    fixture(7, "reserved key", |root| good(&place(root, "date=2026-03-01/part-0.parquet"))),
    fixture(8, "column twice", |root| with_type(root, number("key"))),
    Fixture { also: &[6], ..fixture(8, "names that differ in case", |root| with_type(root, number("KEY"))) },
    fixture(8, "column and key", |root| with_column(root, "optional binary event_date (STRING);")),
    fixture(9, "other type", |root| second(root, &COLUMNS.replace("int64 size", "double size"))),
    fixture(9, "column missing", |root| second(root, &COLUMNS.replace("optional int64 size;", ""))),
    fixture(9, "other order", |root| {
        let columns: Vec<&str> = COLUMNS.split_inclusive(';').collect();
        second(root, &[columns[0], columns[2], columns[1]].concat());
    }),
    fixture(10, "Brotli", |root| claim_codec(root, Compression::BROTLI(Default::default()))),
    fixture(10, "LZ4", |root| claim_codec(root, Compression::LZ4_RAW)),
    fixture(10, "not compressed", |root| {
        write(&part(root), COLUMNS, &[rows()], settings().set_compression(Compression::UNCOMPRESSED));
    }),
    limited(11, "large row group", |limits| limits.row_group_bytes = 20),
    limited(11, "many rows", |limits| limits.row_group_rows = 3),
    limited(12, "large page", |limits| limits.page_bytes = 4),
    Fixture {
        limits: |limits| limits.page_bytes = 4,
        ..fixture(12, "large page of version 2", |root| {
            write(&part(root), COLUMNS, &[rows()], settings().set_writer_version(WriterVersion::PARQUET_2_0));
        })
    },
    fixture(13, "two small files", |root| {
        good_table(root);
        good(&place(root, "event_date=2026-03-01/part-1.parquet"));
    }),
    Fixture {
        limits: |limits| limits.file_bytes = (1, 100),
        ..fixture(13, "two large files", |root| {
            good_table(root);
            good(&place(root, "event_date=2026-03-01/part-1.parquet"));
        })
    },
    fixture(14, "out of order", |root| at(root, &[Some(2), Some(1)])),
    fixture(14, "texts out of order", |root| {
        let path = place(root, "event_date=__HIVE_DEFAULT_PARTITION__/part-0.parquet");
        let texts = Cells::Texts(vec!["b".to_owned(), "a".to_owned()]);
        write(&path, "optional binary key (STRING);", &[vec![texts]], settings());
    }),
    fixture(14, "no order declared", |root| {
        write(&part(root), COLUMNS, &[rows()], settings().set_sorting_columns(None));
    }),
    fixture(14, "no minimum and maximum", |root| {
        write(&part(root), COLUMNS, &[rows()], settings().set_statistics_enabled(EnabledStatistics::None));
    }),
    fixture(14, "wrong maximum", |root| {
        good_table(root);
        let claimed = Statistics::int64(Some(DAY_MS), Some(DAY_MS + 5), None, Some(0), false);
        rewrite_footer(&part(root), |metadata| change_chunk(metadata, |chunk| chunk.set_statistics(claimed)));
    }),
    fixture(15, "row of the day before", |root| at(root, &[Some(-1), Some(0)])),
    fixture(15, "row of the day after", |root| at(root, &[Some(0), Some(86_400_000)])),
    fixture(15, "row without a time", |root| at(root, &[Some(0), None])),
    fixture(15, "dated row in the default partition", |root| {
        good(&place(root, "event_date=__HIVE_DEFAULT_PARTITION__/part-0.parquet"));
    }),
    fixture(15, "folder of no date", |root| good(&place(root, "event_date=2026-02-30/part-0.parquet"))),
    fixture(16, "capitals in a key", |root| {
        good(&place(root, "Region=us-east-1/event_date=2026-03-01/part-0.parquet"));
    }),
    fixture(16, "colon in a value", |root| good(&place(root, "hour=12:00/part-0.parquet"))),
    fixture(16, "folder in a table", |root| good(&place(root, "event_date=2026-03-01/more/part-0.parquet"))),
    fixture(16, "other keys", |root| {
        good_table(root);
        good(&place(root, "region=us-east-1/event_date=2026-03-01/part-0.parquet"));
    }),
    declared(
        16,
        "// in the location",
        "CREATE EXTERNAL TABLE logs (event_time timestamp, key string, size bigint) \
                                        PARTITIONED BY (event_date string) LOCATION 's3://b//logs/'",
    ),
    fixture(17, "note beside the files", |root| {
        good_table(root);
        fs::write(place(root, "event_date=2026-03-01/README.md"), "a note").unwrap();
    }),
    fixture(17, "JSON in the table", |root| {
        good_table(root);
        fs::write(place(root, "manifest.json"), "{}").unwrap();
    }),
    Fixture {
        limits: |limits| limits.row_bytes = 100,
        ..fixture(18, "wide value", |root| wide_row(root, [101, 0]))
    },
    Fixture {
        limits: |limits| limits.row_bytes = 100,
        ..fixture(18, "two values that are wide together", |root| wide_row(root, [60, 60]))
    },
    fixture(19, "no magic", |root| {
        good_table(root);
        let mut bytes = fs::read(part(root)).unwrap();
        let last = bytes.len() - 1;
        bytes[last] = b'2';
        fs::write(part(root), bytes).unwrap();
    }),
    fixture(19, "empty file", |root| fs::write(part(root), "").unwrap()),
    fixture(19, "cut file", |root| {
        good_table(root);
        let bytes = fs::read(part(root)).unwrap();
        fs::write(part(root), &bytes[..bytes.len() / 2]).unwrap();
    }),
    fixture(19, "wrong checksum", |root| with_checksum(&part(root), false)),
    fixture(19, "damaged page", |root| {
        good_table(root);
        let mut bytes = fs::read(part(root)).unwrap();
        // Behind the header of the first page.
        bytes[40..60].fill(0xff);
        fs::write(part(root), bytes).unwrap();
    }),
    fixture(19, "fewer rows than the footer says", |root| {
        good_table(root);
        rewrite_footer(&part(root), |metadata| change_group(metadata, |group| group.set_num_rows(5)));
    }),
    fixture(19, "chunk outside of the file", |root| {
        good_table(root);
        rewrite_footer(&part(root), |metadata| {
            change_chunk(metadata, |chunk| chunk.set_total_compressed_size(1 << 20))
        });
    }),
    declared(
        20,
        "column missing in the statement",
        "CREATE EXTERNAL TABLE logs (event_time timestamp, key string) \
                                                     PARTITIONED BY (event_date string)",
    ),
    declared(
        20,
        "column missing in the files",
        "CREATE EXTERNAL TABLE logs (event_time timestamp, key string, size \
                                                 bigint, more int) PARTITIONED BY (event_date string)",
    ),
    declared(
        20,
        "other type",
        "CREATE EXTERNAL TABLE logs (event_time string, key string, size bigint) PARTITIONED BY \
                                (event_date string)",
    ),
    declared(
        20,
        "other partition columns",
        "CREATE EXTERNAL TABLE logs (event_time timestamp, key string, size bigint)",
    ),
    declared(
        20,
        "projection that ends before",
        "CREATE EXTERNAL TABLE logs (event_time timestamp, key string, size \
                                                 bigint) PARTITIONED BY (event_date string) TBLPROPERTIES \
                                                 ('projection.enabled'='true','projection.event_date.type'='date',\
                                                 'projection.event_date.format'='yyyy-MM-dd',\
                                                 'projection.event_date.range'='2026-01-01,2026-02-28')",
    ),
    fixture(21, "file of the manifest gone", |root| {
        exported(root, &[("part-0000-00000.parquet", 0), ("part-0000-00001.parquet", 0)]);
    }),
    fixture(21, "file of another size", |root| exported(root, &[("part-0000-00000.parquet", 1)])),
    fixture(21, "file that the manifest does not name", |root| exported(root, &[])),
];

/// What a table is, how it is made, and the statement that it is held against.
type Good = (&'static str, fn(&Path), Option<&'static str>);

/// Tables that pass.
pub const GOOD: &[Good] = &[
    ("plain", good_table, None),
    ("with a statement", good_table, Some(GOOD_DDL)),
    (
        "version 2",
        |root| {
            write(
                &part(root),
                COLUMNS,
                &[rows(), rows()],
                settings().set_writer_version(WriterVersion::PARQUET_2_0),
            );
        },
        None,
    ),
    ("checksum", |root| with_checksum(&part(root), true), None),
    (
        "hidden files and more tables",
        |root| {
            good_table(root);
            fs::create_dir_all(root.join("logs/_toolmeta")).unwrap();
            fs::write(root.join("logs/_toolmeta/manifest.jsonl"), "{}").unwrap();
            fs::write(root.join("logs/_SUCCESS"), "").unwrap();
            fs::write(root.join("README.md"), "beside the tables").unwrap();
            fs::create_dir(root.join("other")).unwrap();
            good(&root.join("other/data.parquet"));
            // Files are told by their content too.
            good(&root.join("logs/event_date=2026-03-01/.part-1.parquet.tmp-1"));
        },
        None,
    ),
    ("no extension", |root| good(&place(root, "event_date=2026-03-01/000000_0")), None),
    (
        "rows without a time",
        |root| {
            let path = place(root, "event_date=__HIVE_DEFAULT_PARTITION__/part-0.parquet");
            write(&path, COLUMNS, &[rows_at(&[None, None])], settings());
        },
        None,
    ),
    (
        "nested columns",
        |root| {
            let nested = "optional group tags (LIST) { repeated group list { optional group element { optional binary \
                          name (STRING); } } } optional group codes (MAP) { repeated group key_value { required binary \
                          key (STRING); optional int64 value; } } optional int32 born (DATE); optional \
                          fixed_len_byte_array (16) cost (DECIMAL(38,2)); optional int32 level (INTEGER(8,true));";
            with_column(root, nested);
        },
        None,
    ),
    (
        "wide values of different rows",
        |root| {
            let texts = |first: usize, second: usize| Cells::Texts(vec!["x".repeat(first), "x".repeat(second)]);
            let columns = "optional binary key (STRING); optional binary referer (STRING);";
            write(&part(root), columns, &[vec![texts(60, 90), texts(9, 5)]], settings());
        },
        None,
    ),
];
