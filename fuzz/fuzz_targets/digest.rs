//! Any bytes as a digest beside a genuine one that names it as the one before, and as its metadata: no crash, each file
//! has a verdict, and none is valid that nobody signed. With the first bit set, the bytes are put into gzip, so that the
//! fuzzer need not find its checksum.
#![no_main]
mod guarded;

use libfuzzer_sys::fuzz_target;
use s3sleuth::source;
use s3sleuth::synth::{DigestWriter, SigningKey, TrailNames, TrailObject, write_object};
use s3sleuth::verify::{Options, PublicKeys, Verdict, verify};

const HOUR: i64 = 3_600;
const START: i64 = 1_772_323_200;

fuzz_target!(
    init: guarded::abort_unless_guarded(),
    |bytes: &[u8]| {
        let [mode, bytes @ ..] = bytes else { return };
        let folder = tempfile::tempdir().expect("a temporary folder");
        let key = SigningKey::organisation();
        let mut digests = DigestWriter::new(&TrailNames::default(), &key);
        let first = digests.digest((START, START + HOUR), &[]);
        let next = digests.digest((START + HOUR, START + 2 * HOUR), &[]);
        write_object(&next, folder.path()).expect("it can be written");
        let hostile = TrailObject { text: bytes.to_vec(), metadata: None, ..first.clone() };
        write_object(&hostile, folder.path()).expect("it can be written");
        let path = folder.path().join(&first.s3_object);
        if mode & 1 == 0 {
            std::fs::write(&path, bytes).expect("it can be written");
        }
        if mode & 2 == 2 {
            std::fs::write(format!("{}.meta.json", path.display()), bytes).expect("it can be written");
        }
        let keys = key.public_key_list(0, 4_000_000_000).to_string();
        let public_keys = PublicKeys::parse(&keys).expect("they are as AWS lists them");
        let inputs = source::collect(&[folder.path()]).expect("it is there");
        let report = verify(&inputs, &Options { public_keys, ..Options::default() }).expect("there are digests");
        let of_files: Vec<_> = report.files.iter().filter(|file| file.file.is_some()).collect();
        assert!(of_files.len() >= 2);
        if bytes != first.text {
            assert_ne!(of_files[0].verdict, Verdict::Valid, "{:?}", of_files[0]);
        }
    }
);
