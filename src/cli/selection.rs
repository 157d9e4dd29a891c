//! What every command of an investigation takes: which events are asked for.

use super::exit::ExitStatus;
use super::input::InputArguments;
use super::values;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use s3sleuth::coverage::{Coverage, Selected};
use s3sleuth::investigate::alert_file::conditions_of_alerts;
use s3sleuth::investigate::chain::ChainStage;
use s3sleuth::investigate::pattern::{Address, Pattern};
use s3sleuth::investigate::{Conditions, Selection};
use s3sleuth::report::count::counted;
use s3sleuth::source::Inputs;
use std::path::{Path, PathBuf};

/// Options that select. Of several values of one option any is enough; different options must all hold.
#[derive(Args)]
#[command(next_help_heading = "Selection")]
pub struct SelectionArguments {
    /// Only this bucket; repeatable, * stands for any text
    #[arg(long = "bucket", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    buckets: Vec<String>,
    /// Only this object key; repeatable, * stands for any text
    #[arg(long = "key", value_name = "KEY", value_parser = NonEmptyStringValueParser::new())]
    keys: Vec<String>,
    /// Only this caller, and what it took on (AssumeRole): an ARN of a user, role or session, what stands behind its
    /// last slash (of a session ROLE/SESSION, too), anonymous, or a service; repeatable, * stands for any text
    #[arg(long = "principal", value_name = "WHO", value_parser = NonEmptyStringValueParser::new())]
    principals: Vec<String>,
    /// Only this address, network (192.0.2.0/24) or AWS service in the place of one (ec2.amazonaws.com); repeatable
    #[arg(long = "ip", value_name = "IP", value_parser = Address::parse)]
    addresses: Vec<Address>,
    /// Only this access key, and what it took on; repeatable
    #[arg(long = "access-key", value_name = "ID", value_parser = values::access_key_id)]
    access_keys: Vec<String>,
    /// Only what this alert is about: its caller, bucket, access key, address and window, and its evidence; repeatable
    #[arg(
        long = "alert",
        value_name = "ID",
        requires = "alerts_file",
        value_parser = NonEmptyStringValueParser::new()
    )]
    alerts: Vec<String>,
    /// Alerts of an earlier run: JSONL as detect writes it
    #[arg(long = "alerts", value_name = "FILE", requires = "alerts")]
    alerts_file: Option<PathBuf>,
}

impl SelectionArguments {
    /// Files that are read beside the logs, and must not be written over.
    pub fn alerts_file(&self) -> Option<&Path> {
        self.alerts_file.as_deref()
    }

    /// What was asked for: options and values.
    pub fn told(&self) -> Vec<(&'static str, String)> {
        let addresses: Vec<String> = self.addresses.iter().map(Address::to_string).collect();
        let options: [(&'static str, &[String]); 6] = [
            ("bucket", &self.buckets),
            ("key", &self.keys),
            ("principal", &self.principals),
            ("ip", &addresses),
            ("access-key", &self.access_keys),
            ("alert", &self.alerts),
        ];
        options
            .into_iter()
            .flat_map(|(name, values)| values.iter().map(move |value| (name, value.clone())))
            .collect()
    }

    /// What of it no record shows, a sentence each.
    pub fn not_found(&self, coverage: &Coverage) -> Vec<String> {
        if let Some(selected) = coverage.selected {
            return (selected.records == 0).then(|| none_of_selection("record")).into_iter().collect();
        }
        let is_unseen = |name: &&String| {
            let pattern = Pattern::new(name);
            let mut buckets = coverage.places.iter().filter_map(|place| place.bucket.as_deref());
            !buckets.any(|bucket| pattern.matches(bucket))
        };
        self.buckets.iter().filter(is_unseen).map(|name| format!("{name}: no record names this bucket")).collect()
    }

    /// The selection as asked for; the time range is that of the input.
    pub fn selection(&self) -> anyhow::Result<Selection> {
        let patterns = |texts: &[String]| texts.iter().map(|text| Pattern::new(text)).collect();
        let options = Conditions {
            buckets: patterns(&self.buckets),
            keys: patterns(&self.keys),
            principals: patterns(&self.principals),
            addresses: self.addresses.clone(),
            access_keys: self.access_keys.clone(),
            ..Conditions::default()
        };
        let alerts = match &self.alerts_file {
            Some(path) => conditions_of_alerts(path, &self.alerts)?,
            None => Vec::new(),
        };
        Ok(Selection { options, alerts })
    }

    /// Completes a selection that names callers by what they took on, in a first pass over the input. Says what could
    /// not be followed, and how the run is to end for it.
    pub fn follow(
        &self,
        selection: &mut Selection,
        input: &InputArguments,
        inputs: &Inputs,
    ) -> anyhow::Result<(Vec<String>, ExitStatus)> {
        if !selection.names_callers() {
            return Ok((Vec::new(), ExitStatus::Done));
        }
        let is_file = |path: &Path| path.is_file();
        if !inputs.files.iter().all(|input| input.path().is_some_and(is_file)) {
            let what = "what the callers took on, and access-log lines of access keys";
            let note = format!("{what}: standard input and pipes can be read only once; give files");
            return Ok((vec![note], ExitStatus::Incomplete));
        }
        let stage = ChainStage::new(selection);
        input.look_ahead(inputs, &stage)?;
        let mut notes = stage.into_found().complete(selection);
        let status = if notes.is_empty() { ExitStatus::Done } else { ExitStatus::Limit };
        notes.extend(selection.options.chain.unknown_keys().iter().map(|key| lines_of_unknown(key)));
        Ok((notes, status))
    }
}

/// What stands in the place of numbers where a selection finds nothing.
pub fn none_of_selection(what: &str) -> String {
    format!("no {what} is of the selection")
}

fn lines_of_unknown(access_key: &str) -> String {
    format!(
        "access-log lines of {access_key}: no record shows who used it, and lines name no keys but in presigned URLs"
    )
}

/// What may belong to a selection and does not count, where records are not joined, a sentence.
pub fn may_belong(selected: Option<Selected>) -> Option<String> {
    let [lines, events] = selected?.may_belong;
    let counts = [(lines, "access-log line"), (events, "CloudTrail event")];
    let counts: Vec<String> =
        counts.into_iter().filter(|(number, _)| *number > 0).map(|(number, noun)| counted(number, noun)).collect();
    (!counts.is_empty()).then(|| {
        format!(
            "{} that may belong here: what was asked for is not said there (an access key, an address, the key of a \
             deletion, a caller's name); timeline tells where another record of the same request says it",
            counts.join(" and ")
        )
    })
}
