//! Manifests that nobody wrote with this program.

use super::hashing::{bytes_of, hexadecimal};
use super::{Case, MANIFEST, MOST_BYTES, Taking, Verdict, check, roots, write};
use crate::error::Error;
use ring::digest::{SHA256, digest};
use std::fs;
use std::path::{Path, PathBuf};

struct Folders {
    top: tempfile::TempDir,
}

impl Folders {
    fn new() -> Folders {
        let top = tempfile::tempdir().unwrap();
        fs::create_dir(top.path().join("logs")).unwrap();
        fs::write(top.path().join("logs/a"), "one").unwrap();
        fs::write(top.path().join("secret"), "secret").unwrap();
        Folders { top }
    }

    fn case(&self) -> PathBuf {
        self.top.path().join("case")
    }

    fn logs(&self) -> PathBuf {
        fs::canonicalize(self.top.path().join("logs")).unwrap()
    }

    fn take(&self) -> String {
        let roots = roots(&[self.logs()]).unwrap();
        let written = write(&Taking { folder: &self.case(), roots: &roots, arguments: &[] }).unwrap();
        assert_eq!((written.files, written.bytes, written.left.len()), (1, 3, 0));
        let text = fs::read(self.case().join(MANIFEST)).unwrap();
        assert_eq!(written.sha256, hexadecimal(digest(&SHA256, &text).as_ref()));
        String::from_utf8(text).unwrap()
    }

    fn open(&self, text: &[u8]) -> Result<Case, Error> {
        fs::write(self.case().join(MANIFEST), text).unwrap();
        Case::open(&self.case(), &[])
    }
}

/// The lines with an end whose hash is right, as somebody would write it who knows how.
fn with_end(lines: &str, files: usize) -> String {
    let lines = format!("{lines}{{\"kind\":\"end\",\"files\":{files},\"bytes\":3,\"finished\":\"x\"}}\n");
    let sha256 = hexadecimal(digest(&SHA256, lines.as_bytes()).as_ref());
    format!("{lines}{{\"kind\":\"hash\",\"sha256\":\"{sha256}\"}}\n")
}

fn without_end(text: &str) -> &str {
    &text[..text.find("{\"kind\":\"end\"").unwrap()]
}

#[test]
fn a_manifest_is_read_as_it_was_written_and_no_other_way() {
    let folders = Folders::new();
    let text = folders.take();
    let lines = without_end(&text);
    assert_eq!(folders.open(text.as_bytes()).unwrap().files(), 1);
    assert_eq!(folders.open(with_end(lines, 1).as_bytes()).unwrap().files(), 1);
    let root = serde_json::to_string(folders.logs().to_str().unwrap()).unwrap();
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let file = |path: &str, hash: &str| {
        lines
            .replace("\"path\":\"a\"", &format!("\"path\":{path}"))
            .replace(&hexadecimal(digest(&SHA256, b"one").as_ref()), hash)
    };
    let good = hexadecimal(digest(&SHA256, b"one").as_ref());
    for (text, reason) in [
        (text.replace("\"size\":3", "\"size\":4"), "changed after it was written"),
        (text.replace("\"bytes\":3", "\"bytes\":4"), "changed after"),
        (text.replace("\"hash\",", "\"hash\", "), "changed after"),
        (lines.to_owned(), "its end is missing"),
        (format!("{text}x\n"), "behind the end"),
        (text.trim_end().to_owned(), "too long or has no end"),
        (with_end(lines, 2), "number of files"),
        (with_end(&file("\"../secret\"", &good), 1), "leads out of the evidence"),
        (with_end(&file("\"x/../../secret\"", &good), 1), "leads out"),
        (with_end(&file("\"/etc/passwd\"", &good), 1), "leads out"),
        (with_end(&file("{\"hex\":\"2e2e2f736563726574\"}", &good), 1), "leads out"),
        (with_end(&file("{\"hex\":\"2\"}", &good), 1), "leads out"),
        (with_end(&file("\"a\"", "zz"), 1), "its hash is none"),
        (with_end(&lines.replace("\"root\":0", "\"root\":7"), 1), "leads out"),
        (with_end(&lines.replace(&root, "\"logs\""), 1), "not absolute"),
        (with_end(&lines.replace(&root, "\"/tmp/../etc\""), 1), "leads elsewhere"),
        (with_end(&lines.replace(&root, &deep), 1), "none of a manifest"),
        (with_end(&lines.replace("\"kind\":\"file\"", "\"kind\":\"file\",\"more\":1"), 1), "none of a manifest"),
        (with_end(&lines.replace("case.v1", "case.v9"), 1), "expected s3sleuth.case.v1"),
        (format!("{}\n", "x".repeat(1 << 20)), "too long"),
        ("\n".to_owned(), "none of a manifest"),
        (String::new(), "its end is missing"),
        ("\u{0}".repeat(100), "too long or has no end"),
    ] {
        let shown: String = text.chars().take(300).collect();
        match folders.open(text.as_bytes()) {
            Err(Error::Evidence(told)) => assert!(told.contains(reason), "{told} for {shown}"),
            other => panic!("{other:?} for {shown}"),
        }
    }
}

#[test]
fn what_is_no_file_or_has_no_end_is_not_read() {
    let folders = Folders::new();
    let text = folders.take();
    let manifest = folders.case().join(MANIFEST);
    let file = fs::OpenOptions::new().write(true).open(&manifest).unwrap();
    file.set_len(MOST_BYTES + 1).unwrap();
    assert!(matches!(Case::open(&folders.case(), &[]), Err(Error::Evidence(told)) if told.contains("larger")));
    fs::remove_file(&manifest).unwrap();
    assert!(matches!(Case::open(&folders.case(), &[]), Err(Error::Input { .. })));
    fs::create_dir(&manifest).unwrap();
    assert!(matches!(Case::open(&folders.case(), &[]), Err(Error::Evidence(_))));
    fs::remove_dir(&manifest).unwrap();
    // A size that is not the file's own is not read up to, and a device in place of a file is not opened.
    let lines = without_end(&text).replace("\"size\":3", "\"size\":9999999999999");
    let case = folders.open(with_end(&lines, 1).as_bytes()).unwrap();
    assert_eq!(check(&case)[0].verdict, Verdict::Changed);
    #[cfg(unix)]
    {
        let root = serde_json::to_string(folders.logs().to_str().unwrap()).unwrap();
        let lines = without_end(&text).replace(&root, "\"/dev\"").replace("\"path\":\"a\"", "\"path\":\"zero\"");
        let case = folders.open(with_end(&lines, 1).as_bytes()).unwrap();
        let checks = check(&case);
        let zero = checks.iter().find(|check| check.path == Path::new("/dev/zero")).unwrap();
        assert_eq!((zero.verdict, zero.reason.as_str()), (Verdict::Changed, "it is no regular file any more"));
    }
}

#[test]
fn roots_are_taken_once() {
    let folders = Folders::new();
    let logs = folders.logs();
    fs::create_dir(logs.join("b")).unwrap();
    fs::create_dir(folders.top.path().join("logs.old")).unwrap();
    let old = fs::canonicalize(folders.top.path().join("logs.old")).unwrap();
    let found = roots(&[logs.join("b"), old.clone(), logs.join("a"), logs.clone(), logs.join("b/..")]).unwrap();
    assert_eq!(found, [logs, old]);
    assert!(roots(&[folders.top.path().join("nowhere")]).is_err());
}

#[test]
fn digits_are_read_in_pairs() {
    assert_eq!(bytes_of(&hexadecimal(&[0, 9, 255])), Some(vec![0, 9, 255]));
    for text in ["0", "0g", "é", "0é"] {
        assert_eq!(bytes_of(text), None, "{text}");
    }
}
