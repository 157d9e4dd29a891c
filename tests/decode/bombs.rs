//! Decompression bombs: ended early, told, and what lies behind them is read.

use super::*;
use std::io::Read;

#[test]
fn bombs_end_early_and_are_called_so() {
    let zeros = vec![0; 64 << 20];
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    for _ in 0..4 {
        encoder.write_all(&zeros).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    let begun = Instant::now();
    for bytes in [bomb.clone(), gzip(&bomb), tar(&[("b", &bomb)]), zip(&[("b", &zeros.repeat(2))])] {
        let decoded = decode_bytes(&bytes, &Limits::default());
        assert!(decoded.report.files.iter().any(|file| file.limit_hit), "{:?}", decoded.report.files);
        let told = format!("{:?}", decoded.report.files);
        assert!(told.contains("decompression bomb"), "{told}");
    }
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn what_follows_a_bomb_in_an_archive_is_read() {
    let good = lines(2);
    let zeros = vec![0; 200 << 20];
    let same = format!("{}\n", LINE.replace("curl/8.0", &"x".repeat(3000))).repeat(30_000);
    for bomb in [&zeros[..], same.as_bytes()] {
        let entries: [(&str, &[u8]); 3] =
            [("a.log", good.as_bytes()), ("b.log", bomb), ("z.log", good.as_bytes())];
        for archive in [zip(&entries), gzip(&tar(&entries))] {
            let decoded = decode_bytes(&archive, &Limits::default());
            let files = &decoded.report.files;
            assert_eq!(files.len(), 3, "{files:?}");
            assert_eq!(
                files.iter().map(|file| file.limit_hit).collect::<Vec<_>>(),
                [false, true, false],
                "{} {files:?}",
                archive.len()
            );
            assert!(files[1].name.ends_with("/b.log"));
            assert_eq!([&files[0].status, &files[2].status], [&FileStatus::Read; 2]);
            assert_eq!(matches!(files[1].status, FileStatus::Partial(_)), bomb[0] != 0, "{files:?}");
            assert_eq!(decoded.records.iter().filter(|record| record.0.ends_with("z.log")).count(), 2);
        }
    }
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (name, size) in [("b", 1400 << 20), ("z.log", 10)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(size);
        builder.append_data(&mut header, name, std::io::repeat(0).take(size)).unwrap();
    }
    let archive = builder.into_inner().unwrap().finish().unwrap();
    let decoded = decode_bytes(&archive, &Limits::default());
    let told = format!("{:?}", decoded.report.files);
    assert!(
        decoded.report.files.len() == 2 && told.contains("what follows in the archive was not read"),
        "{told}"
    );
}
