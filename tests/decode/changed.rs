//! Files that are others when they are read than when they were found.

use super::*;

#[test]
fn a_file_that_becomes_shorter_while_it_is_read_tells_what_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    fs::write(&path, format!("{LINE}\n").repeat(100)).unwrap();
    let limits = Limits { block_size: 2000, small_file: 0, ..Limits::default() };
    let (mut units, mut report, mut lines) = (Vec::new(), UnitReport::default(), 0);
    let _ = read_inputs(&source::collect(&[&path]).unwrap().files, &limits, &mut |unit| {
        units.push(unit);
        ControlFlow::Continue(())
    });
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(7000).unwrap();
    for unit in units {
        let mut each = |block: Block| {
            lines += block.framed;
            ControlFlow::Continue(())
        };
        let _ = decode_unit(unit, &limits, &mut each, &mut report);
    }
    let lost = report.files.iter().filter(|file| matches!(file.status, FileStatus::Partial(_))).count();
    assert!(lines > 20 && lines < 100 && lost > 1, "{lines} {:?}", report.files);
}

#[test]
fn a_small_file_that_is_another_one_when_it_is_opened_is_read_as_it_is_then_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let limits = Limits { small_file: 1000, ..Limits::default() };
    let units = || {
        let mut units = Vec::new();
        let _ = read_inputs(&source::collect(&[&path]).unwrap().files, &limits, &mut |unit| {
            units.push(unit);
            ControlFlow::Continue(())
        });
        units
    };
    let opened = |units: Vec<Unit>| {
        let mut decoded = Decoded::default();
        for unit in units {
            let mut each = |block: Block| {
                take_apart(&block, &mut decoded.records);
                ControlFlow::Continue(())
            };
            let _ = decode_unit(unit, &limits, &mut each, &mut decoded.report);
        }
        decoded
    };
    for (found, now) in [(2, 3), (3, 1), (0, 2), (2, 0), (3, 50)] {
        fs::write(&path, lines(found)).unwrap();
        let units = units();
        fs::write(&path, lines(now)).unwrap();
        let decoded = opened(units);
        assert_eq!(decoded.texts(), lines(now).lines().collect::<Vec<_>>(), "{found} {now}");
        let told = decoded.report.files.iter().filter(|file| matches!(file.status, FileStatus::Partial(_)));
        assert_eq!((told.count(), decoded.report.files.len()), (1, 2), "{found} {now}");
    }
    fs::write(&path, lines(1)).unwrap();
    let [gone, folder] = [units(), units()];
    fs::remove_file(&path).unwrap();
    assert!(matches!(opened(gone).status(), FileStatus::Skipped(_)));
    fs::create_dir(&path).unwrap();
    assert!(opened(folder).report.files.iter().any(|file| matches!(file.status, FileStatus::Skipped(_))));
}
