//! Chunks of this module against those of the parquet crate, on the same values.

use super::super::order::RowOrder;
use super::text::{self, RowLevels, TextForm};
use super::{ChunkForm, Piece, PieceForm, Scratch, codec, encode};
use crate::batch::{TextCells, Variety};
use crate::export::settings::{Compression, PageEncoding};
use crate::parse::Span;
use arrow::array::{
    ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray, UInt32Array,
};
use arrow::compute::take;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::arrow::{ArrowSchemaConverter, ArrowWriter};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use proptest::prelude::*;
use std::sync::Arc;

/// A file with one column `c`, written here.
fn own(
    array: &ArrayRef,
    pieces: Vec<Piece>,
    order: Option<&RowOrder>,
    (variety, encoding): (Variety, PageEncoding),
    compression: Compression,
) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter_with_nullable([("c", Arc::clone(array), true)]).unwrap();
    let schema = ArrowSchemaConverter::new().convert(&batch.schema()).unwrap();
    let mut scratch = Scratch::new(compression).unwrap();
    let form = ChunkForm { variety, encoding, codec: codec(compression).unwrap(), filter: false };
    let chunk = encode(pieces, order, schema.column(0), form, &mut scratch).unwrap();
    let mut file = Vec::new();
    let mut writer =
        SerializedFileWriter::new(&mut file, schema.root_schema_ptr(), Arc::new(WriterProperties::default()))
            .unwrap();
    let mut group = writer.next_row_group().unwrap();
    group.append_column(&chunk.pages, chunk.facts).unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    file
}

/// The same, written by the parquet crate.
fn theirs(array: &ArrayRef) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter_with_nullable([("c", Arc::clone(array), true)]).unwrap();
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    file
}

fn read(file: Vec<u8>) -> (RecordBatch, Arc<ParquetMetaData>) {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(Bytes::from(file), options).unwrap();
    let facts = Arc::clone(reader.metadata());
    let batches: Vec<RecordBatch> =
        reader.with_batch_size(1 << 20).build().unwrap().map(|batch| batch.unwrap()).collect();
    (arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap(), facts)
}

/// Values, statistics and, where each has one page, page index are those of the crate.
fn same(
    array: ArrayRef,
    order: Option<&RowOrder>,
    variety: Variety,
    pieces: impl Fn((PageEncoding, Compression)) -> Vec<Piece>,
) {
    let (expected, their_facts) = read(theirs(&array));
    for (encoding, compression) in [
        (PageEncoding::Compatible, Compression::Zstd(1)),
        (PageEncoding::Fast, Compression::None),
        (PageEncoding::Fast, Compression::Snappy),
        (PageEncoding::Compatible, Compression::Gzip),
    ] {
        let form = (variety, encoding);
        let (found, facts) = read(own(&array, pieces((encoding, compression)), order, form, compression));
        assert_eq!(found.column(0), expected.column(0));
        let (chunk, their_chunk) = (facts.row_group(0).column(0), their_facts.row_group(0).column(0));
        assert_eq!(chunk.statistics(), their_chunk.statistics());
        assert_eq!(chunk.num_values(), their_chunk.num_values());
        assert_eq!(chunk.definition_level_histogram(), their_chunk.definition_level_histogram());
        assert_eq!(chunk.unencoded_byte_array_data_bytes(), their_chunk.unencoded_byte_array_data_bytes());
        assert_eq!(chunk.compression(), codec(compression).unwrap());
        let offsets = |facts: &ParquetMetaData| facts.offset_index().unwrap()[0][0].clone();
        let (pages, their_pages) = (offsets(&facts), offsets(&their_facts));
        assert_eq!(pages.page_locations[0].first_row_index, 0);
        if pages.page_locations.len() == 1 && their_pages.page_locations.len() == 1 {
            assert_eq!(facts.column_index().unwrap()[0][0], their_facts.column_index().unwrap()[0][0]);
            assert_eq!(pages.unencoded_byte_array_data_bytes, their_pages.unencoded_byte_array_data_bytes);
        }
    }
}

/// Texts as pieces of at most `rows` rows.
fn text_pieces(texts: &[Option<String>], rows: usize, form: TextForm, compression: Compression) -> Vec<Piece> {
    let mut scratch = Scratch::new(compression).unwrap();
    let mut piece = |texts: &[Option<String>]| {
        let mut text = Vec::new();
        let place = |one: &Option<String>| {
            let start = text.len();
            one.as_ref().map_or(Span::NULL, |one| {
                text.extend_from_slice(one.as_bytes());
                Span::new(start, text.len())
            })
        };
        let places = texts.iter().map(place).collect();
        let cells = TextCells::Made { text, places };
        let numbers: Vec<u32> = (0..texts.len() as u32).collect();
        let pieces = text::pieces(&cells, &numbers, RowLevels::FLAT, form, &mut scratch);
        Piece::Text(pieces.unwrap())
    };
    texts.chunks(rows).map(&mut piece).collect()
}

fn same_texts(texts: &[Option<String>], rows: usize) {
    let array: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
    for variety in [Variety::Few, Variety::Many, Variety::Random] {
        same(Arc::clone(&array), None, variety, |(encoding, compression)| {
            let form = TextForm::new(variety, PieceForm { encoding, filters: false, pages: true });
            text_pieces(texts, rows, form, compression)
        });
    }
}

/// An order of rows in which some pieces stay whole, as `whole` says in turn, and the rows of all others are shuffled in
/// runs of at most `longest` rows.
fn shuffled(rows: usize, piece_rows: usize, whole: &[bool], seed: u64, longest: usize) -> (Vec<u32>, RowOrder) {
    let is_whole = |row: usize| whole[row / piece_rows % whole.len()];
    let mut mixed: Vec<usize> = (0..rows).filter(|row| !is_whole(*row)).collect();
    mixed.sort_by_key(|row| (*row as u64 ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut pieces = (0..rows).step_by(piece_rows).filter(|row| is_whole(*row));
    let mut order = Vec::new();
    for mixed in mixed.chunks(longest) {
        order.extend(mixed.iter().map(|row| *row as u32));
        order.extend(pieces.next().into_iter().flat_map(|row| row as u32..rows.min(row + piece_rows) as u32));
    }
    order.extend(pieces.flat_map(|row| row as u32..rows.min(row + piece_rows) as u32));
    let starts: Vec<usize> = (0..rows).step_by(piece_rows).chain([rows]).collect();
    let row_order = RowOrder::new(&order, &starts);
    (order, row_order)
}

/// Rows that were put in order are those of the crate in that order; and whether pages were made before makes no
/// difference.
fn same_in_order(
    array: &ArrayRef,
    (rows, order): &(Vec<u32>, RowOrder),
    pieces: impl Fn(TextForm, Compression) -> Vec<Piece>,
) {
    let in_order = take(array, &UInt32Array::from(rows.clone()), None).unwrap();
    for variety in [Variety::Few, Variety::Many, Variety::Random] {
        let pieces = |pages: bool, encoding: PageEncoding, compression: Compression| {
            pieces(TextForm::new(variety, PieceForm { encoding, filters: false, pages }), compression)
        };
        same(Arc::clone(&in_order), Some(order), variety, |(encoding, compression)| {
            pieces(true, encoding, compression)
        });
        for (encoding, compression) in
            [(PageEncoding::Compatible, Compression::Zstd(1)), (PageEncoding::Fast, Compression::Snappy)]
        {
            let [one, other] = [true, false].map(|pages| {
                let pieces = pieces(pages, encoding, compression);
                own(&in_order, pieces, Some(order), (variety, encoding), compression)
            });
            assert!(one == other, "{variety:?} {encoding:?}");
        }
    }
}

/// Texts of all lengths and alphabets, repeated or not, with runs of the same and of null.
fn texts() -> impl Strategy<Value = Vec<Option<String>>> {
    let text = prop_oneof![
        "[a-c]{0,3}",
        "GET /[a-z]{5} HTTP/1.1",
        "\\PC{0,90}",
        "[\u{10fff0}-\u{10ffff}é~]{0,40}",
        "arn:aws:iam::[0-9]{2}:role/[a-z]{60}/\\PC{10}",
    ];
    let run = (proptest::option::weighted(0.8, text), prop_oneof![Just(1usize), 1usize..40]);
    proptest::collection::vec(run, 1..120)
        .prop_map(|runs| runs.into_iter().flat_map(|(text, count)| vec![text; count]).collect())
}

fn numbers() -> impl Strategy<Value = Vec<Option<i64>>> {
    let number = prop_oneof![
        any::<i64>(),
        0i64..5,
        Just(i64::MIN),
        Just(i64::MAX),
        1_700_000_000_000i64..1_700_000_001_000
    ];
    let run = (proptest::option::weighted(0.8, number), prop_oneof![Just(1usize), 1usize..40]);
    proptest::collection::vec(run, 1..120)
        .prop_map(|runs| runs.into_iter().flat_map(|(number, count)| vec![number; count]).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn texts_read_back_and_are_told_as_by_the_parquet_crate(texts in texts(), rows in 1usize..2000) {
        same_texts(&texts, rows);
    }

    #[test]
    fn numbers_read_back_and_are_told_as_by_the_parquet_crate(numbers in numbers(), rows in 1usize..2000) {
        let small: Vec<Option<i32>> = numbers.iter().map(|one| one.map(|one| one as i32)).collect();
        let arrays: [ArrayRef; 3] = [
            Arc::new(Int64Array::from(numbers.clone())),
            Arc::new(Int32Array::from(small)),
            Arc::new(TimestampMillisecondArray::from(numbers).with_timezone("UTC")),
        ];
        for array in arrays {
            same(Arc::clone(&array), None, Variety::Many, |_| {
                let starts = (0..array.len()).step_by(rows);
                starts.map(|start| Piece::Numbers(array.slice(start, rows.min(array.len() - start)))).collect()
            });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn rows_can_be_put_in_another_order(
        texts in texts(),
        numbers in numbers(),
        piece_rows in 1usize..2000,
        whole in proptest::collection::vec(any::<bool>(), 1..5),
        seed in any::<u64>(),
        longest in 1usize..3000,
    ) {
        let order = shuffled(texts.len(), piece_rows, &whole, seed, longest);
        let array: ArrayRef = Arc::new(StringArray::from(texts.clone()));
        same_in_order(&array, &order, |form, compression| {
            text_pieces(&texts, piece_rows, form, compression)
        });
        let order = shuffled(numbers.len(), piece_rows, &whole, seed, longest);
        let array: ArrayRef = Arc::new(Int64Array::from(numbers));
        same_in_order(&array, &order, |_, _| {
            let starts = (0..array.len()).step_by(piece_rows);
            let slice = |start: usize| array.slice(start, piece_rows.min(array.len() - start));
            starts.map(|start| Piece::Numbers(slice(start))).collect()
        });
    }
}

#[test]
fn lists_that_are_pages_already_can_be_put_in_another_order() {
    let text = |row: usize| (row % 9 != 3).then(|| format!("value {:07}{}", row * 31, "x".repeat(row % 50)));
    let texts: Vec<Option<String>> = (0..30_000).map(text).collect();
    let array: ArrayRef = Arc::new(StringArray::from(texts.clone()));
    for whole in [[false, false], [true, false]] {
        let order = shuffled(texts.len(), 5000, &whole, 77, 20_000);
        same_in_order(&array, &order, |form, compression| text_pieces(&texts, 5000, form, compression));
    }
}

#[test]
fn many_rows_make_many_pages_with_and_without_a_dictionary() {
    for distinct in [1, 2, 300, 5000, 100_000] {
        let text = |row: usize| (row % 7 != 3).then(|| format!("value {:07}", row * 31 % distinct));
        let texts: Vec<Option<String>> = (0..70_000).map(text).collect();
        same_texts(&texts, 3000);
        same_texts(&texts[..25_000], 20_000);
        let numbers = (0..70_000).map(|row| (row % 7 != 3).then_some((row * 31 % distinct) as i64 * 1000));
        let array: ArrayRef = Arc::new(numbers.collect::<Int64Array>());
        same(Arc::clone(&array), None, Variety::Many, |_| vec![Piece::Numbers(Arc::clone(&array))]);
    }
}

#[test]
fn texts_as_long_as_pages_and_only_nulls_and_nothing_but_empty_texts() {
    let long = |row: usize| Some(format!("{row}{}", "x".repeat(row * 100_000)));
    same_texts(&(0..24).map(long).collect::<Vec<_>>(), 7);
    same_texts(&vec![None; 50_000], 10_000);
    same_texts(&vec![Some(String::new()); 3000], 1000);
    same_texts(&[None, Some("\u{10ffff}".repeat(30)), Some("é".repeat(40))], 1);
}

#[test]
fn texts_made_to_meet_in_the_hash_end_the_dictionary_and_nothing_else() {
    let meeting =
        |row: usize| Some(format!("beginning{:08}{}{:08}ending of it", row % 2000, "m".repeat(30), row % 2000));
    same_texts(&(0..8000).map(meeting).collect::<Vec<_>>(), 3000);
}
