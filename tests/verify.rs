//! `verify`: every kind of tampering has its verdict, what nobody touched has none, and hostile digests do no harm.
#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, reason = "a skipped test says so")]

mod support;
#[path = "verify/tampering.rs"]
mod tampering;
#[path = "verify/trail.rs"]
mod trail;

use s3sleuth::synth::TrailOptions;
use s3sleuth::verify::Verdict;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use support::{program, shared, text};
use tampering::TAMPERINGS;
use trail::{Trail, read_gzip, read_json, read_plain_json, run, sidecar, write_gzip};

fn small() -> TrailOptions {
    TrailOptions { hours: 6, logs: 12, log_bytes: 2_000, ..TrailOptions::default() }
}

/// The verdicts on a digest and on the log that it lists, from the sentence in expected.json.
fn expected_of(sentence: &str) -> (&'static str, &'static str) {
    let log = match sentence {
        _ if sentence.contains("log INVALID (hash)") => "hash_mismatch",
        _ if sentence.contains("log INVALID (trailing data") => "trailing_data",
        _ if sentence.contains("log file deleted -> INVALID: not found") => "not_found",
        _ => "valid",
    };
    let digest = match sentence {
        _ if sentence.starts_with("valid") => "valid",
        _ if sentence.contains("INVALID: signature verification failed") => "signature_invalid",
        _ if sentence.contains("INVALID: moved") => "moved",
        _ => panic!("a sentence that this test does not know: {sentence}"),
    };
    (digest, log)
}

#[test]
fn the_shared_chain_has_the_verdicts_that_are_expected() {
    let Some(folder) = shared("cloudtrail/digest_chain") else { return };
    let expected = read_plain_json(&folder.join("expected.json"));
    let tree = folder.join("tree/amzn-s3-demo-trail");
    let keys = folder.join("public_keys.json");
    let found = run(&[text(&tree), "--public-keys", text(&keys), "--bucket", "amzn-s3-demo-trail"]);
    assert_eq!(found.code, 5);
    let (mut digests, mut logs) = (0, BTreeMap::new());
    for (key, sentence) in expected["expected"].as_object().unwrap() {
        let (digest, log) = expected_of(sentence.as_str().unwrap());
        let path = tree.join(key);
        assert_eq!(found.verdict(&path), digest, "{key}: {sentence}");
        digests += 1;
        for listed in read_json(&path)["logFiles"].as_array().unwrap() {
            let key = listed["s3Object"].as_str().unwrap().to_owned();
            let name = if log == "not_found" { key } else { text(&tree.join(key)).to_owned() };
            assert_eq!(found.verdicts[&name]["verdict"], log, "{name}: {sentence}");
            logs.insert(name, log);
        }
    }
    assert_eq!((digests, logs.len()), (9, 5));
    assert_eq!(found.verdicts.len(), 14, "and nothing else is said: {:?}", found.verdicts.keys());

    let unnamed = run(&[text(&tree), "--public-keys", text(&keys)]);
    assert!(unnamed.with("moved").is_empty(), "without a bucket the key decides");
    let wrapped = run(&[text(&tree), "--public-keys", text(&folder.join("public_key.spki.b64"))]);
    assert_eq!(wrapped.not_valid(), unnamed.not_valid());
}

#[test]
fn each_kind_of_tampering_has_its_verdict_and_nothing_else_has_one() {
    let mut failed = Vec::new();
    for tampering in TAMPERINGS {
        let trail = Trail::new(&(tampering.options)());
        assert_eq!((trail.digests.len(), trail.logs.len()), (48, 500));
        (tampering.change)(&trail);
        let found = trail.verify();
        let expected: BTreeMap<String, usize> =
            (tampering.expected)(&trail).into_iter().map(|(verdict, count)| (verdict.to_owned(), count)).collect();
        if found.not_valid() != expected || found.code != tampering.code {
            let not_valid = found.verdicts.values().filter(|file| file["verdict"] != "valid");
            let reasons: Vec<_> = not_valid.map(|file| &file["reason"]).take(3).collect();
            let (name, counts, code) = (tampering.name, found.not_valid(), found.code);
            failed.push(format!("{name}: {expected:?} expected: {counts:?}, {code}, {reasons:?}"));
        }
        if let Some((verdict, _)) = (tampering.expected)(&trail).first() {
            let names = found.with(verdict);
            for part in (tampering.named)(&trail) {
                assert!(names.iter().any(|name| name.contains(&part)), "{}: {part} in {names:?}", tampering.name);
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(TAMPERINGS.len() >= 13);
}

#[test]
fn nothing_is_said_against_a_chain_that_nobody_touched() {
    let trail = Trail::new(&TrailOptions { log_bytes: 3_000, ..TrailOptions::default() });
    let found = trail.verify();
    assert_eq!((found.code, found.verdicts.len(), found.not_valid().len()), (0, 548, 0), "{}", found.stderr);
    for line in
        ["48 digests: 48 valid", "500 log files: 500 valid", "2026-03-01T00:00:00Z to 2026-03-03T00:00:00Z"]
    {
        assert!(found.stderr.contains(line), "{line} in {}", found.stderr);
    }
    let one = &found.verdicts[text(&trail.logs[0])];
    assert_eq!(one["kind"], "log");
    assert_eq!(one["s3_bucket"], "amzn-s3-demo-trail");
    assert!(text(&trail.logs[0]).ends_with(one["s3_object"].as_str().unwrap()));
    assert!(one["digest_s3_object"].as_str().unwrap().contains("CloudTrail-Digest"));
    // The end of a trail, and one day of it.
    let day = trail.folder.path().join("AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/02");
    let logs = trail.folder.path().join("AWSLogs/111122223333/CloudTrail");
    let found = run(&[text(&day), text(&logs), "--public-keys", text(&trail.keys())]);
    assert!(found.with("missing_digest").is_empty() && found.with("chain_broken").is_empty());
    assert!(found.stderr.contains("digests before were not given"), "{}", found.stderr);
    assert_eq!(found.code, 3, "logs of the first day are in no digest");
    // Who cuts off the beginning cannot make the rest pass for the whole.
    let first = trail.digests.iter().find(|digest| text(digest).contains("/2026/03/02/")).unwrap();
    trail.edit(first, |digest| {
        for name in ["S3Bucket", "S3Object", "HashValue", "HashAlgorithm", "Signature"] {
            digest[format!("previousDigest{name}")] = serde_json::Value::Null;
        }
    });
    let found = run(&[text(&day), text(&logs), "--public-keys", text(&trail.keys())]);
    assert_eq!(found.with("signature_invalid").len(), 1, "{}", found.stderr);
    assert!(found.stderr.contains("digests before were not given"), "{}", found.stderr);
}

#[test]
fn signatures_come_from_the_next_digest_and_from_a_list() {
    let trail = Trail::new(&small());
    let newest = trail.digests.last().unwrap();
    let metadata = read_plain_json(&sidecar(newest));
    for digest in &trail.digests {
        fs::remove_file(sidecar(digest)).unwrap();
    }
    let found = trail.verify();
    assert_eq!(found.code, 3);
    let of_newest = trail.logs_of(newest).len();
    assert!(of_newest > 0);
    assert_eq!(found.not_valid(), BTreeMap::from([("unverifiable".to_owned(), of_newest + 1)]));
    assert_eq!(found.verdict(newest), "unverifiable");
    assert_eq!(found.verdicts[text(&trail.digests[0])]["signature_source"], "next_digest");

    let list = trail.folder.path().join("signatures.list");
    let key = read_json(newest)["digestS3Object"].as_str().unwrap().to_owned();
    for (form, good) in [
        (json!({key.clone(): metadata}), true),
        (json!({key.clone(): metadata["signature"]}), true),
        (json!({format!("s3://amzn-s3-demo-trail/{key}"): {"Metadata": metadata}}), true),
        (json!([{"Key": key, "Metadata": metadata}]), true),
        // What `head-object` prints names no key.
        (json!({"ContentLength": 5, "Metadata": metadata}), true),
        (json!({key.clone(): "00ff"}), false),
        (json!({key.clone(): "no digits"}), false),
    ] {
        fs::write(&list, form.to_string()).unwrap();
        let found =
            run(&[text(trail.folder.path()), "--public-keys", text(&trail.keys()), "--signatures", text(&list)]);
        let expected = if good { "valid" } else { "signature_invalid" };
        assert_eq!((found.verdict(newest), found.code), (expected, if good { 0 } else { 5 }), "{form}");
    }
    // One behind the other, for digests of other chains too.
    let other = json!({"Metadata": {"signature": "00ff"}});
    fs::write(&list, format!("{}\n{other}", json!({"Metadata": metadata}))).unwrap();
    let found =
        run(&[text(trail.folder.path()), "--public-keys", text(&trail.keys()), "--signatures", text(&list)]);
    assert_eq!((found.verdict(newest), found.code), ("valid", 0));

    // A digest that was changed fails by what the next one has of it.
    let edited = &trail.digests[2];
    trail.edit(edited, |digest| digest["awsAccountId"] = "000000000000".into());
    let found = trail.verify();
    assert_eq!((found.verdict(edited), found.code), ("signature_invalid", 5));
    assert_eq!(found.verdict(&trail.digests[3]), "valid");
}

#[test]
fn without_keys_hashes_and_links_are_checked_and_nothing_is_called_valid() {
    let trail = Trail::new(&small());
    let folder = text(trail.folder.path());
    let found = run(&[folder]);
    assert_eq!((found.code, found.with("unverifiable").len()), (3, 18), "{:?}", found.not_valid());
    assert!(found.stderr.contains("signatures not checked: of 6 digests"), "{}", found.stderr);
    trail.edit(&trail.digests[2], |digest| digest["awsAccountId"] = "000000000000".into());
    fs::remove_file(&trail.logs[0]).unwrap();
    write_gzip(&trail.logs[1], b"{}");
    let found = run(&[folder]);
    assert_eq!(found.code, 5);
    assert_eq!(found.verdict(&trail.digests[3]), "chain_broken", "its link does not hold");
    assert_eq!((found.with("not_found").len(), found.verdict(&trail.logs[1])), (1, "hash_mismatch"));

    // A key that is not in the list says nothing either way, nor does one that was not valid then.
    let mut keys = trail.key.public_key_list(0, 4_000_000_000);
    keys["PublicKeyList"][0]["Fingerprint"] = "other".into();
    trail.write_keys(&keys);
    assert_eq!(trail.verify().verdict(&trail.digests[0]), "unverifiable");
    trail.write_keys(&trail.key.public_key_list(0, 1_000_000_000));
    let found = trail.verify();
    let reason = found.verdicts[text(&trail.digests[0])]["reason"].as_str().unwrap();
    assert!(reason.contains("is valid from 1970-01-01T00:00:00Z to 2001"), "{reason}");
    // As the first version of the AWS CLI prints times.
    let mut keys = trail.key.public_key_list(0, 4_000_000_000);
    keys["PublicKeyList"][0]["ValidityStartTime"] = 0.0.into();
    keys["PublicKeyList"][0]["ValidityEndTime"] = 4e9.into();
    trail.write_keys(&keys);
    assert_eq!(trail.verify().verdict(&trail.digests[0]), "valid");
}

#[test]
fn copies_of_any_shape_are_verified() {
    let trail = Trail::new(&small());
    let flat = tempfile::tempdir().unwrap();
    for path in trail.digests.iter().chain(&trail.logs) {
        let name = flat.path().join(path.file_name().unwrap());
        fs::copy(path, &name).unwrap();
        if sidecar(path).exists() {
            fs::copy(sidecar(path), sidecar(&name)).unwrap();
        }
    }
    let found = run(&[text(flat.path()), "--public-keys", text(&trail.keys())]);
    assert_eq!((found.code, found.verdicts.len()), (0, 18), "{:?}", found.not_valid());
    // Decompressed ones are what was hashed.
    for path in trail.digests.iter().chain(&trail.logs) {
        let plain = path.with_extension("");
        fs::write(&plain, read_gzip(path)).unwrap();
        fs::remove_file(path).unwrap();
        if sidecar(path).exists() {
            fs::rename(sidecar(path), sidecar(&plain)).unwrap();
        }
    }
    let found = trail.verify();
    assert_eq!((found.code, found.verdicts.len()), (0, 18), "{:?}", found.not_valid());
    // Two copies are two files, and each has its verdict.
    let both = run(&[text(flat.path()), text(trail.folder.path()), "--public-keys", text(&trail.keys())]);
    assert_eq!((both.code, both.verdicts.len()), (0, 36), "{:?}", both.not_valid());
}

#[test]
fn the_forms_of_the_result_agree() {
    let trail = Trail::new(&small());
    write_gzip(&trail.logs[1], b"{}");
    let folder = text(trail.folder.path());
    let keys = trail.keys();
    let output = |format: &str| {
        let output =
            program().args(["verify", folder, "--public-keys", text(&keys), "--format", format]).output().unwrap();
        assert_eq!(output.status.code(), Some(5), "{format}");
        String::from_utf8(output.stdout).unwrap()
    };
    let json: Value = serde_json::from_str(&output("json")).unwrap();
    let lines: Vec<Value> = output("jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json["files"], Value::Array(lines));
    assert_eq!(json["summary"]["logs"], json!({"valid": 11, "hash_mismatch": 1}));
    assert_eq!(json["summary"]["chains"][0]["digests"], 6);
    let table = output("table");
    let name = text(&trail.logs[1]);
    for part in
        ["hash_mismatch (1)", name, "do: download the object again", "12 log files: 11 valid, 1 hash_mismatch"]
    {
        assert!(table.contains(part), "{part} in {table}");
    }
}

#[test]
fn every_verdict_is_explained() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verify.md")).unwrap();
    for verdict in Verdict::ALL {
        assert!(page.contains(&format!("| `{}` |", verdict.name())), "{}", verdict.name());
    }
}

#[test]
fn hostile_digests_do_no_harm() {
    let trail = Trail::new(&small());
    let folder = trail.folder.path();
    let name = |hour: u32| {
        folder.join(format!(
            "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/09/\
             111122223333_CloudTrail-Digest_us-east-1_other_us-east-1_20260309T{hour:02}0000Z.json.gz"
        ))
    };
    let secret = tempfile::tempdir().unwrap();
    fs::write(secret.path().join("secret"), "a secret").unwrap();
    let outside = format!("../../../../../../../../../..{}/secret", text(secret.path()));
    let mut listing = read_json(&trail.digests[0]);
    listing["logFiles"] = json!([
        {"s3Bucket": "b", "s3Object": outside, "hashValue": s3sleuth::synth::sha256(b"a secret"), "hashAlgorithm": "SHA-256"},
        {"s3Bucket": "b", "s3Object": "/etc/passwd\u{1b}[2J", "hashValue": "zz", "hashAlgorithm": "SHA-256"},
        {"s3Bucket": "b", "s3Object": "", "hashValue": "", "hashAlgorithm": "MD5"},
    ]);
    write_gzip(&name(1), listing.to_string().as_bytes());
    write_gzip(&name(2), &[b"{\"a\":".repeat(500_000), b"}".repeat(500_000)].concat());
    write_gzip(&name(3), &[b"{\"logFiles\":[" as &[u8], &b"{},".repeat(3_000_000), b"{}]}"].concat());
    write_gzip(&name(4), b"");
    fs::write(name(5), b"\x1f\x8b\x08").unwrap();
    fs::write(name(6), b"").unwrap();
    fs::create_dir(name(7)).unwrap();
    fs::write(sidecar(&name(1)), b"[\"\xff").unwrap();
    let found = trail.verify();
    assert_eq!(found.code, 5);
    assert_eq!(found.verdict(&trail.digests[0]), "valid");
    for hour in [2, 3, 4, 5, 6] {
        assert_eq!(found.verdict(&name(hour)), "signature_invalid", "{hour}");
    }
    assert_eq!(found.verdict(&name(1)), "moved");
    assert!(
        !found.verdicts.values().any(|file| file["file"].as_str().is_some_and(|path| path.contains("secret")))
    );
    // It is signed by nobody, and what it lists counts for nothing.
    assert_eq!(found.verdicts[&outside]["verdict"], "unverifiable");
}

#[test]
fn a_bomb_ends_at_its_limit_and_the_rest_is_verified() {
    let trail = Trail::new(&small());
    write_gzip(&trail.logs[1], &vec![b' '; 300 << 20]);
    write_gzip(&trail.digests[1], &vec![b' '; 300 << 20]);
    let found = trail.verify();
    assert_eq!(found.code, 6, "{}", found.stderr);
    assert_eq!(
        (found.verdict(&trail.logs[1]), found.verdict(&trail.digests[1])),
        ("unverifiable", "unverifiable")
    );
    assert_eq!(found.verdict(&trail.digests[2]), "valid");
}

#[cfg(unix)]
#[test]
fn links_are_not_followed_and_pipes_not_waited_for() {
    let trail = Trail::new(&small());
    let elsewhere = tempfile::tempdir().unwrap();
    let log = &trail.logs[1];
    let target = elsewhere.path().join("log");
    fs::copy(log, &target).unwrap();
    fs::remove_file(log).unwrap();
    std::os::unix::fs::symlink(&target, log).unwrap();
    let found = trail.verify();
    assert_eq!(found.code, 5);
    let [name] = found.with("not_found")[..] else { panic!("{:?}", found.not_valid()) };
    let reason = found.verdicts[name]["reason"].as_str().unwrap();
    assert!(reason.contains("symbolic link"), "{reason}");

    let pipe = elsewhere.path().join("1_CloudTrail-Digest_r_t_r_20260301T010000Z.json.gz");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let found = run(&[text(&pipe)]);
    assert_eq!((found.code, found.verdict(&pipe)), (3, "unverifiable"));
}

#[test]
fn misuse_is_told_in_a_line() {
    let trail = Trail::new(&small());
    let folder = text(trail.folder.path());
    let bad = trail.folder.path().join("bad");
    fs::write(&bad, "{\"PublicKeyList\": []}").unwrap();
    let logs = trail.folder.path().join("AWSLogs/111122223333/CloudTrail");
    for (arguments, message) in [
        (vec!["no-such-folder"], "no-such-folder"),
        (vec!["-"], "by their names"),
        (vec![text(&logs)], "no digest file of CloudTrail"),
        (vec![folder, "--public-keys", text(&bad)], "it lists no key"),
        (vec![folder, "--public-keys", text(&trail.logs[0])], "cannot read"),
        (vec![folder, "--public-keys", "no-such-file"], "no-such-file"),
        (vec![folder, "--signatures", text(&bad)], "expected"),
    ] {
        let output = program().arg("verify").args(&arguments).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(message) && stderr.lines().count() <= 3, "{arguments:?}: {stderr}");
    }
}
