//! RAN-017: many objects are written whose names end like those of encrypted files.

use super::attack_samples::made;
use crate::detect::alert::{Severity, counted};
use crate::detect::hits::Verdict;
use crate::detect::key_sample::{about, fingerprint, reaches_percent};
use crate::detect::sample_calls::Calls;
use crate::detect::sigma::{Filter, conditions};
use crate::detect::write_bursts::{Found, MatchedRow, WriteBurst, WriteBurstDetector};
use crate::detect::{Config, Evidence, Form, Rule, Sample, Shared, Threshold};
use serde_json::json;
use std::sync::LazyLock;

/// RAN-017 `ransom-suffix`.
pub static RULE: Rule = Rule {
    id: "RAN-017",
    name: "ransom-suffix",
    title: "Many objects were written whose names end like those of encrypted files",
    severity: Severity::High,
    attack: &["T1486"],
    looks_for: "Different keys of one bucket that one caller writes within 10 minutes, wherever they begin, and that end in \
        what programs for ransom append (.locked, .lockbit, .crypt, .crypted, .wncry, .ryuk and the like) or in .enc or \
        .encrypted. It is high for the first, and for the others where at least half of the keys without the suffix are \
        named in the bucket by other requests; else, as applications encrypt files too, it is medium. Writes by a caller \
        that wrote as many on usual_days earlier days are its usual ones, and none. AWS services are left out.",
    why: "Who reads objects, encrypts them and writes them back mostly appends a suffix, and deletes the objects.",
    cannot_see: "Suffixes that are not listed, and objects that keep their names (RAN-001, RAN-005). What stands in the \
        files.",
    false_positives: "Applications that encrypt files before they upload them, on their first day.",
    next_steps: &[
        "Look for deletes of the keys without the suffix by the same caller, and restore their versions.",
        "Look for a ransom note in the bucket.",
        "Stop the caller if nobody knows of it.",
    ],
    thresholds: &[
        Threshold { name: KEYS, default: 10, source: "proposal: more than anybody uploads by hand" },
        Threshold { name: "usual_days", default: 1, source: "proposal: what was told of once is known" },
    ],
    activity_columns: &[],
    s3_access_columns: &[],
    cloudtrail_columns: &[],
    needs: &[Evidence::AccessLines, Evidence::DataEvents],
    samples: &SAMPLES,
    form: Form::Rows(|| *CONDITIONS, WriteBurstDetector::<RansomSuffix>::of),
};

const KEYS: &str = "keys";

/// Suffixes of ransomware, and those that others use as well; both stand in [`CONDITIONS`]. Those of known families are
/// listed by <https://github.com/eshlomo1/Ransomware-NOTE> and by the experiences of <https://id-ransomware.malwarehunterteam.com>.
const OF_RANSOM: [&str; 18] = [
    ".locked",
    ".lockbit",
    ".crypt",
    ".crypted",
    ".crypto",
    ".wncry",
    ".wcry",
    ".cerber",
    ".locky",
    ".zepto",
    ".ryuk",
    ".conti",
    ".akira",
    ".blackcat",
    ".phobos",
    ".rhysida",
    ".medusa",
    ".ransom",
];
const OF_OTHERS: [&str; 2] = [".enc", ".encrypted"];

static CONDITIONS: LazyLock<&'static [&'static Filter]> = LazyLock::new(|| {
    let suffixes: Vec<&str> = OF_RANSOM.iter().chain(&OF_OTHERS).copied().collect();
    conditions(&format!(
        "
title: Keys that end like encrypted files
logsource: {{category: s3_activity}}
detection:
  write:
    action: [PutObject, PostObject, CopyObject, CompleteMultipartUpload]
    outcome: success
    object_key|endswith: [{}]
  service: {{principal_kind: service}}
  condition: write and not service
",
        suffixes.join(", ")
    ))
});

const LOCKED: Calls = Calls {
    parameters: r#"{"bucketName":"reports","key":"2026/{}.csv.LOCKED"}"#,
    every_ms: 10_000,
    count: 12,
    ..Calls::USUAL
};
const APPLICATION: Calls =
    Calls { parameters: r#"{"bucketName":"reports","key":"backups/{}.tar.enc"}"#, ..LOCKED };
const READ: Calls = Calls {
    name: "GetObject",
    parameters: r#"{"bucketName":"reports","key":"backups/{}.tar"}"#,
    ..LOCKED.after_minutes(-30)
};

static SAMPLES: [Sample; 7] = [
    made!("fires": LOCKED),
    made!("fires_known": READ, APPLICATION),
    made!("near_miss_1": Calls { count: 9, ..LOCKED }),
    made!("near_miss_2": Calls { every_ms: 80_000, ..LOCKED }),
    made!("near_miss_3": Calls { parameters: r#"{"bucketName":"reports","key":"2026/{}.locked.csv"}"#, ..LOCKED }),
    made!("near_miss_4": Calls { name: "GetObject", ..LOCKED }),
    made!("denied_twin": LOCKED.refused()),
];

struct RansomSuffix {
    keys: u64,
    usual_days: u64,
}

/// A write that counts, and one with a suffix of ransomware.
const WRITE: u8 = 0;
const RANSOM: u8 = 1;

/// The key without one of the suffixes.
fn stem<'k>(key: &'k str, suffixes: &[&str]) -> Option<&'k str> {
    suffixes.iter().find_map(|suffix| {
        let (stem, end) = key.split_at_checked(key.len().checked_sub(suffix.len())?)?;
        end.eq_ignore_ascii_case(suffix).then_some(stem)
    })
}

impl WriteBurst for RansomSuffix {
    const RULE: &'static Rule = &RULE;
    const WINDOW_MINUTES: i64 = 11;

    fn new(config: &Config) -> Self {
        RansomSuffix { keys: config.threshold(&RULE, KEYS), usual_days: config.threshold(&RULE, "usual_days") }
    }

    fn least(&self) -> u64 {
        self.keys
    }

    fn kinds(&self, row: &MatchedRow<'_, '_, '_>) -> u8 {
        let is_of_ransom = row.key().is_some_and(|key| stem(key, &OF_RANSOM).is_some());
        1 << WRITE | u8::from(is_of_ransom) << RANSOM
    }

    fn other(&self, row: &MatchedRow<'_, '_, '_>) -> Option<u64> {
        let key = row.key()?;
        stem(key, &OF_RANSOM).or_else(|| stem(key, &OF_OTHERS)).map(fingerprint)
    }

    fn judge(&self, found: &Found<'_>, shared: &Shared<'_>) -> Verdict {
        if found.earlier_days >= self.usual_days {
            return Verdict::Nothing;
        }
        let of_ransom = found.of_kind(RANSOM);
        let is_of_ransom = of_ransom >= self.keys;
        let known = shared.known.key_sample(found.bucket).map_or((0, 0), |keys| {
            (found.others.distinct_in_both(keys), keys.halvings().max(found.others.halvings()))
        });
        let are_known = reaches_percent(known, (found.others.distinct(), found.others.halvings()), 50);
        let mut alert = found.alert(self);
        alert.severity = if is_of_ransom || are_known { Severity::High } else { Severity::Medium };
        let keys = counted(found.count(), "object", "different objects");
        alert.summary = format!(
            "{} wrote {}{keys} of {} whose names end like those of encrypted files, up to {} in about 10 minutes.",
            found.name(),
            about(found.halvings()),
            found.bucket,
            found.stretch.peak.min(found.count()),
        );
        if is_of_ransom {
            alert.reasons.push("The suffixes are those of programs for ransom.".to_owned());
        }
        if are_known {
            alert.reasons.push("Other requests name the keys without the suffix.".to_owned());
        }
        if !is_of_ransom && !are_known {
            alert.reasons.push("Applications encrypt files under such names too.".to_owned());
        }
        alert.observed.insert("with_suffix_of_ransom", json!(of_ransom));
        alert.observed.insert("known_without_suffix", json!(known.0));
        alert.expected.insert("usual_days", json!(self.usual_days));
        Verdict::Alert(alert)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::sample_run::{run, tables};

    fn levels(sample: &Sample) -> Vec<Severity> {
        let found = run(&RULE, &tables(sample).unwrap(), 5);
        found.alerts.iter().map(|alert| alert.severity).collect()
    }

    #[test]
    fn a_suffix_that_others_use_counts_less_unless_its_object_is_known() {
        let twice = made!("twice": APPLICATION, APPLICATION.after_days(1), APPLICATION.after_days(2));
        for (sample, expected) in [
            (&made!("fires": LOCKED), &[Severity::High][..]),
            (&made!("fires": APPLICATION), &[Severity::Medium]),
            (&made!("fires": READ, APPLICATION), &[Severity::High]),
            // What was told of once is known.
            (&twice, &[Severity::Medium]),
        ] {
            assert_eq!(levels(sample), expected);
        }
    }

    #[test]
    fn a_suffix_is_taken_off_in_either_case() {
        for (key, expected) in
            [("a.csv.LockBit", Some("a.csv")), ("é", None), (".locked", Some("")), ("locked", None)]
        {
            assert_eq!(stem(key, &OF_RANSOM), expected, "{key}");
        }
    }
}
