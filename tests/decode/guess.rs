//! Ordinary CloudTrail files are framed by a guess: the same must come out as with care, whatever they hold.

use super::{LINE, Record, gzip, take_apart};
use proptest::prelude::*;
use s3sleuth::decode::{Block, BlockTaker, Limits, UnitReport, decode_unit, read_inputs};
use s3sleuth::ledger::RejectSink;
use s3sleuth::parse::{LogType, cloudtrail, s3_access};
use s3sleuth::source;
use std::fs;
use std::ops::ControlFlow;

/// Parses blocks as they come, guessed ones where that is wanted.
struct Parser {
    guesses: bool,
    right: usize,
    wrong: usize,
    records: Vec<Record>,
    rows: Vec<String>,
    rejects: Vec<s3sleuth::ledger::Reject>,
}

impl Parser {
    fn rows(&mut self, table: &s3sleuth::parse::FieldTable) {
        for row in 0..table.len() {
            let fields: Vec<_> = (0..table.width).map(|field| table.text(row, field)).collect();
            self.rows.push(format!("{} {:?} {fields:?}", table.source_file(row), table.rows[row].number));
        }
    }
}

impl BlockTaker for Parser {
    fn take(&mut self, block: Block) -> ControlFlow<()> {
        take_apart(&block, &mut self.records);
        let sink: &mut dyn RejectSink = &mut self.rejects;
        let table = match block.log {
            LogType::S3Access => s3_access::parse_block(block, sink).0,
            LogType::CloudTrail => cloudtrail::parse_block(block, sink),
        };
        self.rows(&table);
        ControlFlow::Continue(())
    }

    fn checks(&self) -> bool {
        self.guesses
    }

    fn check(&mut self, block: Block) -> Result<ControlFlow<()>, Block> {
        let mut records = Vec::new();
        take_apart(&block, &mut records);
        self.wrong += 1;
        let table = cloudtrail::parse_guessed(block, s3sleuth::parse::Spare::default())?;
        self.wrong -= 1;
        self.right += 1;
        self.records.append(&mut records);
        self.rows(&table);
        Ok(ControlFlow::Continue(()))
    }
}

fn read(files: &[Vec<u8>], limits: &Limits, guesses: bool) -> (Parser, UnitReport<'static>) {
    let folder = tempfile::tempdir().unwrap();
    for (index, file) in files.iter().enumerate() {
        fs::write(folder.path().join(format!("{index:03}")), file).unwrap();
    }
    // Names without the folder, so that runs can be compared.
    let mut inputs = source::collect(&[folder.path()]).unwrap();
    for input in &mut inputs.files {
        input.name = input.name.rsplit('/').next().unwrap().into();
        input.place = source::Place::Path(folder.path().join(&*input.name).into());
    }
    let (records, rows, rejects) = (Vec::new(), Vec::new(), Vec::new());
    let mut parser = Parser { guesses, right: 0, wrong: 0, records, rows, rejects };
    let mut report = UnitReport::default();
    let _ = read_inputs(&inputs.files, limits, &mut |unit| decode_unit(unit, limits, &mut parser, &mut report));
    (parser, report)
}

/// Reads the files with guesses and without, and as streams; how many guesses were right and wrong.
fn all_ways(files: &[Vec<u8>], limits: &Limits) -> (usize, usize) {
    let (guessed, guessed_report) = read(files, limits, true);
    let streamed = Limits { small_file: 0, ..limits.clone() };
    for (careful, report) in [read(files, limits, false), read(files, &streamed, false)] {
        assert_eq!(guessed.records, careful.records);
        assert_eq!(guessed.rows, careful.rows);
        assert_eq!(format!("{:?}", guessed.rejects), format!("{:?}", careful.rejects));
        assert_eq!(format!("{:?}", guessed_report.rejects), format!("{:?}", report.rejects));
        assert_eq!(format!("{:?}", guessed_report.files), format!("{:?}", report.files));
        assert_eq!(format!("{:?}", guessed_report.notices), format!("{:?}", report.notices));
        assert_eq!(guessed_report.refused, report.refused);
    }
    (guessed.right, guessed.wrong)
}

fn record(number: usize) -> String {
    format!(
        r#"{{"eventVersion":"1.11","userIdentity":{{"type":"Root","arn":"a{number}"}},"eventName":"X","eventID":"{number}"}}"#
    )
}

fn envelope(records: &[String]) -> String {
    format!("{{\"Records\":[{}]}}", records.join(","))
}

#[test]
fn ordinary_files_are_guessed_and_others_read_with_care() {
    let [a, b] = [1, 2].map(record);
    let both = envelope(&[a.clone(), b.clone()]);
    let inside = |member: &str| a.replacen('{', &format!("{{\"eventVersion\":1,{member},"), 1);
    for (text, expected) in [
        (both.clone(), (1, 0)),
        (format!("{both} \r\n\t"), (1, 0)),
        (envelope(std::slice::from_ref(&a)), (1, 0)),
        (envelope(&[inside(r#""x":"},{\"eventVersion\":""#), b.clone()]), (1, 0)),
        (envelope(&[inside(&format!("\"x\":[{b},{b}]")), b.clone()]), (0, 1)),
        (envelope(&[inside(&format!("\"x\":[{{}},{b}]")), b.clone()]), (0, 1)),
        (envelope(&[inside("\"x\":tru"), b.clone()]), (0, 1)),
        (envelope(&[inside("\"x\":\"\n\""), b.clone()]), (0, 1)),
        (envelope(&[a.clone(), r#"{"eventVersion":null}"#.to_owned()]), (0, 1)),
        (envelope(&[format!("{a} "), b.clone()]), (0, 1)),
        (envelope(&[a.clone(), format!("{b}\n")]), (0, 0)),
        (envelope(&[format!("{a},"), b.clone()]), (0, 1)),
        (envelope(&[a.clone(), "{}".to_owned()]), (0, 1)),
        (envelope(&[a.clone(), "1".to_owned()]), (0, 1)),
        (format!("{both}\x0c"), (0, 0)),
        (format!("{both},"), (0, 0)),
        (format!("{both}{both}"), (0, 1)),
        (format!("{both}\n{both}\n"), (0, 1)),
        (both.replace("]}", "],\"x\":1}"), (0, 0)),
        (both.replace("\"Records\"", "\"records\""), (0, 0)),
        (both[..both.len() - 1].to_owned(), (0, 0)),
        (both[..both.len() - 9].to_owned(), (0, 0)),
        (envelope(&[]), (0, 0)),
        (envelope(&[inside("\"eventSource\":\"aws:s3\"")]), (0, 0)),
        (format!("{LINE}\n{LINE}\n"), (0, 0)),
        (format!("{LINE}\n{both}"), (0, 0)),
        ("hello".to_owned(), (0, 0)),
    ] {
        let files = [gzip(text.as_bytes())];
        assert_eq!(all_ways(&files, &Limits::default()), expected, "{text}");
        let short = Limits { max_line: record(1).len(), ..Limits::default() };
        all_ways(&files, &short);
        all_ways(&files, &Limits { max_line: short.max_line - 1, ..short });
        all_ways(&files, &Limits { max_decompressed: text.len() as u64 - 1, ..Limits::default() });
        all_ways(&[gzip(&files[0])], &Limits::default());
    }
}

#[test]
fn files_of_all_kinds_keep_their_order() {
    let both = envelope(&[record(1), record(2)]);
    let broken = both.replacen("\"Root\"", "Root", 1);
    let [good, bad] = [&both, &broken].map(|text| gzip(text.as_bytes()));
    let lines = format!("{LINE}\n").repeat(3);
    let files = [
        good.clone(),
        bad.clone(),
        good.clone(),
        both.clone().into_bytes(),
        gzip(lines.as_bytes()),
        good.clone(),
        good.clone(),
        lines.into_bytes(),
        [&good[..], &good].concat(),
        good[..good.len() - 5].to_vec(),
        good.clone(),
        b"other".to_vec(),
        bad,
        good,
    ];
    for block_size in [1, 300, 2000, 2 << 20] {
        let (right, wrong) = all_ways(&files, &Limits { block_size, ..Limits::default() });
        assert!(right > 0 && wrong > 0, "{block_size}: {right} {wrong}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn files_that_are_nearly_ordinary_come_out_as_with_care(
        counts in prop::collection::vec(1..4usize, 1..4),
        edits in prop::collection::vec(
            (any::<prop::sample::Index>(), r#"(\[|\]|\{|\}|:|,|"|\\|[0-9a n]|\n|\},\{"eventVersion":|\]\}){0,3}"#, 0..12usize),
            0..3,
        ),
    ) {
        let mut texts: Vec<String> = counts.iter().map(|count| envelope(&(0..*count).map(record).collect::<Vec<_>>())).collect();
        for (place, insert, remove) in edits {
            let file = place.index(texts.len());
            let text = &mut texts[file];
            let at = place.index(text.len());
            let end = (at + remove).min(text.len());
            text.replace_range(at..end, &insert);
        }
        let files: Vec<_> = texts.iter().map(|text| gzip(text.as_bytes())).collect();
        all_ways(&files, &Limits::default());
    }
}
