//! A made-up trail in a folder, what is done to it, and what `verify` says then.

use super::support::{program, text};
use s3sleuth::synth::{SigningKey, TrailOptions, sha256, write_trail};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// The trail's folder, keys and digests.
pub struct Trail {
    pub folder: tempfile::TempDir,
    pub key: SigningKey,
    /// Digests, the earliest first.
    pub digests: Vec<PathBuf>,
    /// Log files in the order of their names.
    pub logs: Vec<PathBuf>,
}

/// What a run said.
pub struct Run {
    pub code: i32,
    pub stderr: String,
    /// By file, else key, else time: the verdict.
    pub verdicts: BTreeMap<String, Value>,
}

impl Run {
    /// The names with that verdict.
    pub fn with(&self, verdict: &str) -> Vec<&str> {
        let found = self.verdicts.iter().filter(|(_, file)| file["verdict"] == verdict);
        found.map(|(name, _)| name.as_str()).collect()
    }

    /// How many files have which verdict, but for those that are valid.
    pub fn not_valid(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for file in self.verdicts.values().filter(|file| file["verdict"] != "valid") {
            *counts.entry(file["verdict"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        counts
    }

    pub fn verdict(&self, path: &Path) -> &str {
        self.verdicts[text(path)]["verdict"].as_str().unwrap()
    }
}

/// Runs the program; nothing it prints may drive a terminal.
pub fn run(arguments: &[&str]) -> Run {
    let output = program().arg("verify").args(arguments).output().unwrap();
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(!stderr.contains("panicked") && !stderr.contains('\u{1b}'), "{stderr}");
    assert!(!stdout.contains('\u{1b}'), "{stdout}");
    let mut verdicts = BTreeMap::new();
    for line in stdout.lines() {
        let file: Value = serde_json::from_str(line).unwrap();
        let name = ["file", "s3_object", "digest_start_time"].into_iter().find_map(|name| file[name].as_str());
        assert!(file["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{file}");
        let name = name.unwrap().to_owned();
        assert!(verdicts.insert(name, file).is_none(), "one object a file: {line}");
    }
    Run { code: output.status.code().unwrap(), stderr, verdicts }
}

impl Trail {
    pub fn new(options: &TrailOptions) -> Trail {
        let folder = super::support::quick_folder();
        let key = SigningKey::organisation();
        write_trail(options, &key, folder.path()).unwrap();
        let trail = Trail { digests: Vec::new(), logs: Vec::new(), folder, key };
        trail.write_keys(&trail.key.public_key_list(0, 4_000_000_000));
        trail.listed()
    }

    fn listed(mut self) -> Trail {
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match text(&path) {
                    _ if path.is_dir() => folders.push(path),
                    name if !name.ends_with(".json.gz") => {}
                    name if name.contains("CloudTrail-Digest") => self.digests.push(path),
                    _ => self.logs.push(path),
                }
            }
        }
        self.digests.sort();
        self.logs.sort();
        self
    }

    pub fn write_keys(&self, keys: &Value) {
        fs::write(self.keys(), keys.to_string()).unwrap();
    }

    pub fn keys(&self) -> PathBuf {
        self.folder.path().join("keys.json")
    }

    /// Verifies with keys.
    pub fn verify(&self) -> Run {
        run(&[text(self.folder.path()), "--public-keys", text(&self.keys()), "--bucket", "amzn-s3-demo-trail"])
    }

    /// The log files that a digest lists.
    pub fn logs_of(&self, digest: &Path) -> Vec<PathBuf> {
        let listed = read_json(digest);
        let listed = listed["logFiles"].as_array().unwrap();
        listed.iter().map(|log| self.folder.path().join(log["s3Object"].as_str().unwrap())).collect()
    }

    /// Changes a digest without signing it.
    pub fn edit(&self, digest: &Path, edit: impl Fn(&mut Value)) {
        let mut text = read_json(digest);
        edit(&mut text);
        write_gzip(digest, text.to_string().as_bytes());
    }

    /// Changes a digest as who has the key could, and all after it so that they fit.
    pub fn edit_and_sign(&self, digest: &Path, edit: impl Fn(&mut Value)) {
        self.edit(digest, edit);
        self.sign(digest);
        let mut previous = digest;
        for next in self.digests.iter().skip_while(|path| *path <= digest).filter(|path| path.exists()) {
            self.link(next, previous);
            previous = next;
        }
    }

    /// Makes a digest the next one of another.
    pub fn link(&self, digest: &Path, previous: &Path) {
        let signature = read_plain_json(&sidecar(previous))["signature"].clone();
        let (text, named) = (read_gzip(previous), read_json(previous)["digestS3Object"].clone());
        self.edit(digest, |digest| {
            digest["previousDigestS3Object"] = named.clone();
            digest["previousDigestHashValue"] = sha256(&text).into();
            digest["previousDigestSignature"] = signature.clone();
        });
        self.sign(digest);
    }

    pub fn sign(&self, digest: &Path) {
        self.sign_with(digest, &self.key);
    }

    pub fn sign_with(&self, digest: &Path, key: &SigningKey) {
        let metadata = serde_json::json!({
            "signature": key.sign_digest(&read_gzip(digest)), "signature-algorithm": "SHA256withRSA",
        });
        fs::write(sidecar(digest), metadata.to_string()).unwrap();
    }
}

pub fn sidecar(path: &Path) -> PathBuf {
    PathBuf::from(format!("{}.meta.json", text(path)))
}

pub fn read_gzip(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

pub fn write_gzip(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(fs::File::create(path).unwrap(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap();
}

pub fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&read_gzip(path)).unwrap()
}

pub fn read_plain_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}
