use super::file::BaselineError;
use super::*;
use crate::detect::sample_lines::Reads;
use crate::detect::testing::shuffled;
use crate::parse::time::DAY_MS;
use crate::parse::{FieldTable, LogType, s3_access};
use crate::pipeline::stage::Stage;

fn table(lines: &str) -> FieldTable {
    let sample = crate::detect::sample_run::block(LogType::S3Access, lines).unwrap();
    let mut rejects = Vec::new();
    let (table, _) = s3_access::parse_block(sample, &mut rejects);
    assert!(rejects.is_empty() && !table.is_empty());
    table
}

fn learn(lines: &str, cut: usize) -> Learned {
    let (stage, table) = (LearnStage::default(), table(lines));
    let rows: Vec<u32> = (0..table.len() as u32).collect();
    let mut whole = stage.worker();
    for (unit, part) in (0..).zip(rows.chunks(cut)) {
        let mut worker = stage.worker();
        stage.observe(&mut worker, unit, &table, part).unwrap();
        whole = stage.merge(worker, whole);
    }
    stage.finish(whole)
}

/// A day of reads, by a caller and into a bucket that depend on the number.
fn part(number: i64) -> String {
    let requester = ["arn:aws:iam::111122223333:user/ann", "arn:aws:iam::111122223333:user/bob"];
    let from_ms = Reads::USUAL.from_ms + number * DAY_MS / 3;
    let requester = requester[number as usize % 2];
    let address = ["192.0.2.10", "198.51.100.7", "2001:db8:1::9"][number as usize % 3];
    Reads { requester, address, from_ms, every_ms: 600_000, count: 40, ..Reads::USUAL }.lines()
}

#[test]
fn what_was_learned_is_counted_by_who_where_and_how() {
    let learned = learn(&(part(0) + &part(3)), 7);
    let ann = "arn:aws:iam::111122223333:user/ann";
    let seen = |dimension, fields: &[&str]| match learned.entry(dimension, fields) {
        Known::Seen(entry) => Some((entry.total().requests, entry.days())),
        _ => None,
    };
    assert_eq!(seen(Dimension::Principal, &[ann]), Some((40, 1)));
    assert_eq!(seen(Dimension::Bucket, &["example-data"]), Some((80, 2)));
    assert_eq!(seen(Dimension::Prefix, &["example-data", "reports/"]), Some((80, 2)));
    assert_eq!(seen(Dimension::Address, &["192.0.2.10"]), Some((80, 2)));
    assert_eq!(seen(Dimension::PrincipalNetwork, &[ann, "192.0.2.0/24"]), Some((40, 1)));
    assert_eq!(seen(Dimension::PrincipalUserAgent, &[ann, "aws-cli"]), Some((40, 1)));
    assert_eq!(seen(Dimension::PrincipalAction, &[ann, "s3:GetObject"]), Some((40, 1)));
    assert_eq!(seen(Dimension::PrincipalNetwork, &[ann, "198.51.100.0/24"]), None);
    let Known::Seen(hours) = learned.entry(Dimension::PrincipalBucket, &[ann, "example-data"]) else { panic!() };
    assert_eq!(hours.stretches().len(), 7);
    assert_eq!(hours.total(), Count { requests: 40, reads: 40, bytes: 800_000 });
    assert_eq!((learned.records(), learned.notes()), ([80, 0], Vec::new()));
}

#[test]
fn denied_requests_make_nothing_usual_but_are_a_rate() {
    let learned = learn(&Reads { done: false, count: 9, ..Reads::USUAL }.lines(), 100);
    let ann = Reads::USUAL.requester;
    assert!(matches!(learned.entry(Dimension::PrincipalNetwork, &[ann, "192.0.2.0/24"]), Known::Never));
    let Known::Seen(entry) = learned.entry(Dimension::PrincipalBucket, &[ann, "example-data"]) else { panic!() };
    assert_eq!(entry.total(), Count { requests: 9, reads: 0, bytes: 0 });
}

#[test]
fn parts_are_joined_in_any_order_to_what_one_run_learns() {
    let parts: Vec<String> = (0..6).map(part).collect();
    let whole = learn(&parts.concat(), usize::MAX).save();
    assert_eq!(learn(&parts.concat(), 11).save(), whole);
    for seed in 1..6 {
        let mut learned: Vec<Learned> = shuffled(parts.clone(), seed).iter().map(|part| learn(part, 50)).collect();
        // Joined two by two, and by files between.
        while learned.len() > 1 {
            let (left, mut right) = (learned.remove(0), learned.remove(0));
            right.merge(Learned::load(&left.save()).unwrap());
            learned.push(right);
        }
        assert_eq!(learned[0].save(), whole, "{seed}");
    }
}

#[test]
fn floods_are_coarsened_then_sampled_in_any_order_alike() {
    let names: Vec<String> = (0..40_000).map(|number| format!("caller-{number}")).collect();
    let fill = |names: &[String]| {
        let mut learned = Learned::default();
        let table = &mut learned.tables[Dimension::Principal as usize];
        for (number, name) in (0..).zip(names) {
            let mut key = EntityKey::default();
            let hour = 400_000 + name.len() as u32 * 30 + number % 2;
            let count = Count { requests: 1, ..Count::default() };
            let key = key.set(&[Some(name)]);
            crate::detect::entities::Entities::observe(table, key, 1, |entry: &mut Entry, level| {
                let grain = 24.max(entry::grain_hours(level));
                crate::detect::entities::State::merge(
                    entry,
                    Entry::of(hour / 2 * 2, grain, 0, count, true),
                    level,
                );
            });
        }
        learned
    };
    let whole = fill(&names);
    assert!(whole.bytes() <= Dimension::Principal.budget() && whole.notes().len() == 1, "{:?}", whole.notes());
    let order = shuffled(names, 3);
    let mut parts = order.chunks(9000).map(fill);
    let mut joined = parts.next().unwrap();
    parts.for_each(|part| joined.merge(Learned::load(&part.save()).unwrap()));
    assert_eq!(joined.save(), whole.save());
    let unsaid = order.iter().filter(|name| matches!(whole.entry(Dimension::Principal, &[name]), Known::Unsaid));
    assert!(unsaid.count() > 10_000);
}

#[test]
fn records_in_both_parts_are_told() {
    let (left, right) = (learn(&part(0), 50), learn(&(part(0) + &part(1)), 50));
    assert_eq!((left.in_both(&right), left.in_both(&learn(&part(1), 50))), (40, 0));
}

fn resealed(file: &[u8], change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let head = b"s3sleuth.baseline.v1\n".len();
    let mut plain = zstd::decode_all(&file[head + blake3::OUT_LEN..]).unwrap();
    change(&mut plain);
    let packed = zstd::encode_all(plain.as_slice(), 1).unwrap();
    [&file[..head], blake3::hash(&packed).as_bytes(), &packed].concat()
}

#[test]
fn a_file_is_read_or_refused_with_the_reason() {
    let file = learn(&part(0), 50).save();
    let reason = |bytes: &[u8]| Learned::load(bytes).err();
    assert_eq!(reason(&file), None);
    assert_eq!(reason(b"{}"), Some(BaselineError::Other));
    assert_eq!(reason(b"s3sleuth.baseline.v2\nwhatever"), Some(BaselineError::Version("2".to_owned())));
    assert_eq!(reason(b"s3sleuth.baseline.vX\n"), Some(BaselineError::Other));
    assert!(matches!(reason(&file[..file.len() - 1]), Some(BaselineError::Damaged(_))));
    assert!(matches!(reason(&file[..30]), Some(BaselineError::Damaged(_))));
    let longer = resealed(&file, |plain| plain.push(0));
    assert!(matches!(reason(&longer), Some(BaselineError::Damaged(_))));
    // Much from little.
    let bomb = resealed(&file, |plain| plain.resize((128 << 20) + 1, 0));
    assert!(bomb.len() < 1 << 20);
    assert_eq!(reason(&bomb), Some(BaselineError::TooLarge));
}

#[test]
fn an_entry_that_claims_too_much_makes_no_room() {
    let head = |entries: u32| {
        let learned = Learned::default();
        let mut plain =
            zstd::decode_all(&learned.save()[b"s3sleuth.baseline.v1\n".len() + blake3::OUT_LEN..]).unwrap();
        // The entries of the first dimension stand last in its line of the head: number, level, dropped, entries.
        let at = plain.len() - 4 * DIMENSIONS + 3;
        plain.splice(at..=at, crate::detect::saved(&entries));
        plain
    };
    let entry = |counts: u32| crate::detect::saved(&("1:a", 1u32, 0u32, counts, 0u32));
    let reason = |plain: &[u8]| Learned::load(&seal(plain)).err();
    assert_eq!(reason(&[head(1), entry(0)].concat()), None);
    let too_large = BaselineError::Damaged("an entry is larger than any that is written");
    assert_eq!(reason(&[head(1), entry(u32::MAX)].concat()), Some(too_large));
    for plain in [head(u32::MAX), [head(1), entry(7)].concat()] {
        assert_eq!(reason(&plain), Some(BaselineError::Damaged("an entry makes no sense")));
    }
}

#[test]
fn no_bytes_of_a_file_can_make_it_panic() {
    let lines = Reads { count: 3, every_ms: 7_200_000, ..Reads::USUAL }.lines();
    let file = learn(&lines, 50).save();
    let head = b"s3sleuth.baseline.v1\n".len() + blake3::OUT_LEN;
    let length = zstd::decode_all(&file[head..]).unwrap().len();
    for at in 0..length {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let changed = resealed(&file, |plain| plain[at] = value);
            if let Ok(mut learned) = Learned::load(&changed) {
                // What was taken up can be used.
                learned.merge(Learned::load(&file).unwrap());
                let again = Learned::load(&learned.save()).unwrap();
                Dimension::ALL.iter().for_each(|dimension| assert!(again.entries(*dimension).len() < 20));
            }
        }
        assert!(Learned::load(&resealed(&file, |plain| plain.truncate(at))).is_err());
    }
}
