//! Kinds of tampering, and what must be said of each: no less and no more.

use super::trail::{Trail, read_gzip, read_json, sidecar, write_gzip};
use s3sleuth::synth::{DeliveredLog, DigestWriter, SigningKey, TrailNames, TrailOptions, sha256, write_object};
use std::fs;
use std::io::Write;

/// One kind.
pub struct Tampering {
    pub name: &'static str,
    pub options: fn() -> TrailOptions,
    /// What is done.
    pub change: fn(&Trail),
    /// How many files have which verdict, but for those that are valid.
    pub expected: fn(&Trail) -> Vec<(&'static str, usize)>,
    /// Parts of the names of the files with the first of these verdicts.
    pub named: fn(&Trail) -> Vec<String>,
    pub code: i32,
}

/// The digest in the middle that things are done to.
pub const MIDDLE: usize = 20;

fn name_of(path: &std::path::Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

fn plain() -> TrailOptions {
    TrailOptions { log_bytes: 3_000, ..TrailOptions::default() }
}

fn of_organization() -> TrailOptions {
    let names = TrailNames {
        organization_id: Some("o-exampleorgid".to_owned()),
        account_id: "444455556666".to_owned(),
        prefix: "audit/AWSLogs-copy/".to_owned(),
        ..TrailNames::default()
    };
    TrailOptions { names, ..plain() }
}

fn digest(trail: &Trail) -> Vec<String> {
    vec![name_of(&trail.digests[MIDDLE])]
}

fn logs_of(trail: &Trail, index: usize) -> usize {
    trail.logs_of(&trail.digests[index]).len()
}

fn first_log(trail: &Trail) -> Vec<String> {
    vec![name_of(&trail.logs[100])]
}

fn nothing(_: &Trail) -> Vec<(&'static str, usize)> {
    Vec::new()
}

fn nobody(_: &Trail) -> Vec<String> {
    Vec::new()
}

fn remove(digest: &std::path::Path) {
    fs::remove_file(digest).unwrap();
    fs::remove_file(sidecar(digest)).unwrap();
}

fn set_null(digest: &mut serde_json::Value) {
    for name in ["S3Bucket", "S3Object", "HashValue", "HashAlgorithm", "Signature"] {
        digest[format!("previousDigest{name}")] = serde_json::Value::Null;
    }
}

fn append(path: &std::path::Path, bytes: &[u8]) {
    fs::OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

/// Adds the digest of an hour again, signed months later with a key of that time.
fn backfill(trail: &Trail) {
    let listed = read_json(&trail.digests[MIDDLE]);
    let logs: Vec<DeliveredLog> = trail
        .logs_of(&trail.digests[MIDDLE])
        .iter()
        .zip(listed["logFiles"].as_array().unwrap())
        .map(|(path, log)| DeliveredLog {
            s3_object: log["s3Object"].as_str().unwrap().to_owned(),
            sha256: sha256(&read_gzip(path)),
            events: (0, 0),
        })
        .collect();
    let start = TrailOptions::default().start;
    let key = SigningKey::stranger();
    let generated = start + 100 * 86_400;
    let hour = (start + MIDDLE as i64 * 3_600, start + (MIDDLE as i64 + 1) * 3_600);
    let object = DigestWriter::new(&TrailNames::default(), &key).backfill(hour, &logs, generated);
    write_object(&object, trail.folder.path()).unwrap();
    let lists = [
        trail.key.public_key_list(start, start + 90 * 86_400),
        key.public_key_list(start + 99 * 86_400, start + 101 * 86_400),
    ];
    // As printed for two regions, one behind the other.
    fs::write(trail.keys(), format!("{}\n{}", lists[0], lists[1])).unwrap();
}

pub const TAMPERINGS: &[Tampering] = &[
    Tampering {
        name: "flip byte",
        options: plain,
        change: |trail| {
            let mut text = read_gzip(&trail.logs[100]);
            text[700] ^= 1;
            write_gzip(&trail.logs[100], &text);
        },
        expected: |_| vec![("hash_mismatch", 1)],
        named: first_log,
        code: 5,
    },
    Tampering {
        name: "flip a compressed byte",
        options: plain,
        change: |trail| {
            let mut bytes = fs::read(&trail.logs[100]).unwrap();
            bytes[300] ^= 1;
            fs::write(&trail.logs[100], bytes).unwrap();
        },
        expected: |_| vec![("hash_mismatch", 1)],
        named: first_log,
        code: 5,
    },
    Tampering {
        name: "delete log",
        options: plain,
        change: |trail| fs::remove_file(&trail.logs[100]).unwrap(),
        expected: |_| vec![("not_found", 1)],
        named: first_log,
        code: 5,
    },
    Tampering {
        name: "delete digest",
        options: plain,
        change: |trail| remove(&trail.digests[MIDDLE]),
        // The logs that only this digest listed are in none.
        expected: |trail| vec![("missing_digest", 1), ("unverifiable", trail.logs.len() - listed_logs(trail))],
        named: digest,
        code: 5,
    },
    Tampering {
        name: "swap two logs",
        options: plain,
        change: |trail| {
            let (one, other) = (&trail.logs[100], &trail.logs[101]);
            let bytes = fs::read(one).unwrap();
            fs::copy(other, one).unwrap();
            fs::write(other, bytes).unwrap();
        },
        expected: |_| vec![("hash_mismatch", 2)],
        named: |trail| vec![name_of(&trail.logs[100]), name_of(&trail.logs[101])],
        code: 5,
    },
    Tampering {
        name: "swap two digests",
        options: plain,
        change: |trail| {
            let (one, other) = (&trail.digests[MIDDLE], &trail.digests[MIDDLE + 1]);
            let bytes = fs::read(one).unwrap();
            fs::copy(other, one).unwrap();
            fs::write(other, bytes).unwrap();
        },
        expected: |_| vec![("moved", 2)],
        named: |trail| vec![name_of(&trail.digests[MIDDLE]), name_of(&trail.digests[MIDDLE + 1])],
        code: 5,
    },
    Tampering {
        name: "append member",
        options: plain,
        change: |trail| {
            let member = super::support::gzip(b"{\"Records\":[]}");
            append(&trail.logs[100], &member);
        },
        expected: |_| vec![("trailing_data", 1)],
        named: first_log,
        code: 5,
    },
    Tampering {
        name: "append bytes to a digest",
        options: plain,
        change: |trail| append(&trail.digests[MIDDLE], b"\0"),
        expected: |_| vec![("trailing_data", 1)],
        named: digest,
        code: 5,
    },
    Tampering {
        name: "compress the same content again",
        options: plain,
        change: |trail| {
            for path in [&trail.logs[100], &trail.digests[MIDDLE]] {
                write_gzip(path, &read_gzip(path));
            }
        },
        expected: nothing,
        named: nobody,
        code: 0,
    },
    Tampering {
        name: "wrong key",
        options: plain,
        change: |trail| trail.sign_with(&trail.digests[MIDDLE], &SigningKey::stranger()),
        // The next digest has the right signature, so that what this one lists stays shown.
        expected: |_| vec![("signature_invalid", 1)],
        named: digest,
        code: 5,
    },
    Tampering {
        name: "wrong key for all",
        options: plain,
        change: |trail| {
            let mut keys = SigningKey::stranger().public_key_list(0, 4_000_000_000);
            keys["PublicKeyList"][0]["Fingerprint"] = trail.key.fingerprint().into();
            trail.write_keys(&keys);
        },
        expected: |trail| vec![("signature_invalid", trail.digests.len()), ("unverifiable", trail.logs.len())],
        named: |trail| trail.digests.iter().map(|path| name_of(path)).collect(),
        code: 5,
    },
    Tampering {
        name: "edit digest",
        options: plain,
        change: |trail| {
            trail.edit(&trail.digests[MIDDLE], |digest| {
                digest["logFiles"].as_array_mut().unwrap().pop();
            });
        },
        expected: |trail| vec![("signature_invalid", 1), ("unverifiable", logs_of(trail, MIDDLE) + 1)],
        named: digest,
        code: 5,
    },
    Tampering {
        name: "edit the times of a digest",
        options: plain,
        change: |trail| {
            trail.edit(&trail.digests[MIDDLE], |digest| {
                digest["digestStartTime"] = "2020-01-01T00:00:00Z".into();
                digest["digestEndTime"] = "2099-01-01T00:00:00Z".into();
            });
        },
        expected: |trail| vec![("signature_invalid", 1), ("unverifiable", logs_of(trail, MIDDLE))],
        named: digest,
        code: 5,
    },
    Tampering {
        name: "edit a digest and name a key that nobody has",
        options: plain,
        change: |trail| {
            trail.edit(&trail.digests[MIDDLE], |digest| digest["digestPublicKeyFingerprint"] = "other".into());
        },
        // The signature cannot be checked; the next digest has the hash.
        expected: |trail| vec![("hash_mismatch", 1), ("unverifiable", logs_of(trail, MIDDLE))],
        named: digest,
        code: 5,
    },
    Tampering {
        name: "cut a digest",
        options: plain,
        change: |trail| {
            let bytes = fs::read(&trail.digests[MIDDLE]).unwrap();
            fs::write(&trail.digests[MIDDLE], &bytes[..bytes.len() / 2]).unwrap();
        },
        // It is there, and no hour without a digest; what it lists is in none that can be read.
        expected: |trail| vec![("signature_invalid", 1), ("unverifiable", trail.logs.len() / 48)],
        named: digest,
        code: 5,
    },
    Tampering {
        name: "delete a digest and edit the next",
        options: plain,
        change: |trail| {
            for log in trail.logs_of(&trail.digests[MIDDLE]) {
                fs::remove_file(log).unwrap();
            }
            remove(&trail.digests[MIDDLE]);
            trail.edit(&trail.digests[MIDDLE + 1], |digest| {
                digest["digestStartTime"] = "2026-03-01T20:00:00Z".into();
            });
        },
        expected: |trail| {
            let listed = logs_of(trail, MIDDLE + 1);
            vec![("missing_digest", 1), ("signature_invalid", 1), ("unverifiable", listed)]
        },
        named: |_| vec!["2026-03-01T20:00:00Z".to_owned()],
        code: 5,
    },
    Tampering {
        name: "break prev hash",
        options: plain,
        change: |trail| {
            trail.edit_and_sign(&trail.digests[MIDDLE], |digest| {
                digest["previousDigestHashValue"] = "00".repeat(32).into();
            });
        },
        expected: |_| vec![("chain_broken", 1)],
        named: digest,
        code: 5,
    },
    Tampering {
        name: "break prev signature",
        options: plain,
        change: |trail| {
            trail.edit_and_sign(&trail.digests[MIDDLE], |digest| {
                digest["previousDigestSignature"] = "00".repeat(256).into();
            });
        },
        expected: |_| vec![("chain_broken", 1)],
        named: digest,
        code: 5,
    },
    Tampering {
        name: "missing hour",
        options: plain,
        change: |trail| {
            for log in trail.logs_of(&trail.digests[MIDDLE]) {
                fs::remove_file(log).unwrap();
            }
            remove(&trail.digests[MIDDLE]);
            trail.link(&trail.digests[MIDDLE + 1], &trail.digests[MIDDLE - 1]);
            trail.edit_and_sign(&trail.digests[MIDDLE + 1], |_| ());
        },
        expected: |_| vec![("missing_digest", 1)],
        named: |_| vec!["2026-03-01T20:00:00Z".to_owned()],
        code: 5,
    },
    Tampering {
        name: "null start digest",
        options: plain,
        change: |trail| trail.edit_and_sign(&trail.digests[MIDDLE], set_null),
        expected: |_| vec![("chain_broken", 1)],
        named: digest,
        code: 5,
    },
    Tampering {
        name: "null start digest after a gap",
        options: plain,
        change: |trail| {
            for log in trail.logs_of(&trail.digests[MIDDLE]) {
                fs::remove_file(log).unwrap();
            }
            remove(&trail.digests[MIDDLE]);
            trail.edit_and_sign(&trail.digests[MIDDLE + 1], set_null);
        },
        expected: |_| vec![("missing_digest", 1)],
        named: |_| vec!["2026-03-01T20:00:00Z".to_owned()],
        code: 5,
    },
    Tampering {
        name: "org-trail path",
        options: of_organization,
        change: |_| (),
        expected: nothing,
        named: nobody,
        code: 0,
    },
    Tampering { name: "backfill", options: plain, change: backfill, expected: nothing, named: nobody, code: 0 },
    Tampering {
        name: "edited backfill",
        options: plain,
        change: |trail| {
            backfill(trail);
            let name = super::support::text(&trail.digests[MIDDLE]).replace(".json.gz", "_backfill.json.gz");
            trail.edit(std::path::Path::new(&name), |digest| {
                digest["logFiles"][0]["hashValue"] = "00".repeat(32).into()
            });
        },
        expected: |_| vec![("signature_invalid", 1)],
        named: |_| vec!["_backfill.json.gz".to_owned()],
        code: 5,
    },
    Tampering {
        name: "move a log",
        options: plain,
        change: |trail| {
            let moved = super::support::text(&trail.logs[100]).replace("2026/03/01", "2026/03/09");
            fs::create_dir_all(std::path::Path::new(&moved).parent().unwrap()).unwrap();
            fs::rename(&trail.logs[100], moved).unwrap();
        },
        expected: |_| vec![("moved", 1)],
        named: first_log,
        code: 5,
    },
    Tampering {
        name: "add a log",
        options: plain,
        change: |trail| {
            let added = super::support::text(&trail.logs[100]).replace(".json.gz", "x.json.gz");
            fs::copy(&trail.logs[100], added).unwrap();
        },
        expected: |_| vec![("unverifiable", 1)],
        named: |_| vec!["x.json.gz".to_owned()],
        code: 3,
    },
];

fn listed_logs(trail: &Trail) -> usize {
    trail.digests.iter().filter(|digest| digest.exists()).map(|digest| trail.logs_of(digest).len()).sum()
}
