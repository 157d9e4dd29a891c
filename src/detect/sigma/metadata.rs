//! What a rule says of itself, as the manual and alerts show it.

use crate::activity::evidence::Evidence;
use crate::detect::alert::Severity;
use crate::detect::{Logs, Sample};
use crate::parse::LogType;
use crate::report::safe::printable;
use rsigma_parser::Level;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Our own additions to a rule, under its key `s3sleuth`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Extra {
    /// Id in place of Sigma's.
    pub id: Option<String>,
    /// Name in alerts.
    pub name: Option<String>,
    /// What the caller did, as the end of a sentence.
    pub did: Option<String>,
    /// Why it matters.
    pub why: Option<String>,
    /// What it cannot see.
    pub cannot_see: Option<String>,
    /// What to do next.
    pub next_steps: Vec<String>,
    /// Kinds of records of which one is needed.
    pub needs: Vec<Need>,
    /// Only in buckets that hold logs.
    pub in_log_buckets: bool,
    /// Keep quiet the roles that may change settings.
    pub quiet_for_iac_roles: bool,
    /// From how many requests on the level is another.
    pub worse: Option<Worse>,
    /// Members that the CloudTrail records of all samples have, unless they say otherwise.
    pub record: Map<String, Value>,
    /// Logs to try the rule on.
    pub samples: Vec<ExtraSample>,
}

/// Another level for many requests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worse {
    /// From so many on.
    pub requests: u64,
    /// As Sigma names levels.
    pub level: String,
}

impl Worse {
    /// Requests and level.
    ///
    /// # Errors
    /// That there is no such level.
    pub fn severity(&self) -> Result<(u64, Severity), String> {
        let level = self.level.parse().map_err(|_| format!("s3sleuth: worse: no level {}", self.level))?;
        Ok((self.requests, severity(Some(level))))
    }
}

/// A kind of records.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// Lines of access logs.
    AccessLines,
    /// Data events.
    DataEvents,
    /// Management events.
    ManagementEvents,
    /// Events of KMS.
    KmsEvents,
}

impl Need {
    fn evidence(self) -> Evidence {
        match self {
            Need::AccessLines => Evidence::AccessLines,
            Need::DataEvents => Evidence::DataEvents,
            Need::ManagementEvents => Evidence::ManagementEvents,
            Need::KmsEvents => Evidence::KmsEvents,
        }
    }
}

/// A log to try a rule on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtraSample {
    /// `fires`, `near_miss_1`, `denied_twin` and the like: whether it must raise an alert follows from the name.
    name: String,
    /// Records of CloudTrail.
    #[serde(default)]
    cloudtrail: Vec<Map<String, Value>>,
    /// Lines of an access log.
    #[serde(default)]
    s3_access: Option<String>,
}

impl Extra {
    /// The kinds of records, unless the rule names none.
    pub fn evidence(&self) -> Vec<Evidence> {
        self.needs.iter().map(|need| need.evidence()).collect()
    }

    /// The samples, for as long as the program runs.
    pub fn samples(&self) -> &'static [Sample] {
        let sample = |sample: &ExtraSample| {
            let mut logs = Vec::new();
            if let Some(lines) = &sample.s3_access {
                logs.push((LogType::S3Access, leak(lines)));
            }
            if !sample.cloudtrail.is_empty() {
                let records = sample.cloudtrail.iter().map(|record| {
                    let mut whole = self.record.clone();
                    whole.extend(record.clone());
                    Value::Object(whole)
                });
                let file = serde_json::json!({"Records": records.collect::<Vec<_>>()});
                logs.push((LogType::CloudTrail, leak(&file.to_string())));
            }
            Sample {
                name: leak(&sample.name),
                logs: Logs::Written(Vec::leak(logs)),
                fires: sample.name.starts_with("fires"),
            }
        };
        Vec::leak(self.samples.iter().map(sample).collect())
    }
}

/// The text for as long as the program runs, which loads its rules once; on one line and harmless for a terminal.
pub fn leak_line(text: &str) -> &'static str {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    leak(&printable(&line))
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.into())
}

/// Lines for as long as the program runs.
pub fn leak_lines<'a>(lines: impl Iterator<Item = &'a str>) -> &'static [&'static str] {
    Vec::leak(lines.map(leak_line).collect())
}

/// A sentence out of several, each with its full stop.
pub fn sentences<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let sentence = |text: &str| {
        let text = text.trim();
        if text.ends_with(['.', '!', '?', ')']) { text.to_owned() } else { format!("{text}.") }
    };
    texts.filter(|text| !text.trim().is_empty()).map(sentence).collect::<Vec<_>>().join(" ")
}

/// The level of that of Sigma; without one it is medium.
pub fn severity(level: Option<Level>) -> Severity {
    match level {
        Some(Level::Informational) => Severity::Info,
        Some(Level::Low) => Severity::Low,
        Some(Level::Medium) | None => Severity::Medium,
        Some(Level::High) => Severity::High,
        Some(Level::Critical) => Severity::Critical,
    }
}

/// ATT&CK technique ids among tags.
pub fn techniques(tags: &[String]) -> Vec<String> {
    let technique = |tag: &String| {
        let id = tag.strip_prefix("attack.")?.to_ascii_uppercase();
        let is_technique = id.starts_with('T') && id[1..].starts_with(|digit: char| digit.is_ascii_digit());
        is_technique.then_some(id)
    };
    tags.iter().filter_map(technique).collect()
}

/// `A bucket, deleted!` → `a-bucket-deleted`
pub fn slug(title: &str) -> String {
    let words = title.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-").chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_sigma_become_ours() {
        let tags =
            ["attack.t1562.008", "attack.impact", "attack.T1490", "cve.2020.1", "attack.tool"].map(String::from);
        assert_eq!(techniques(&tags), ["T1562.008", "T1490"]);
        assert_eq!(slug("AWS: S3 Bucket  deleted!"), "aws-s3-bucket-deleted");
        assert_eq!(sentences(["a", " b. ", ""].into_iter()), "a. b.");
        assert_eq!(leak_line("a\n  b\u{1b}[2J"), "a b\\u{1b}[2J");
    }
}
