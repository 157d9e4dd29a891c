//! Files of rules to rules of a run. Whatever is wrong with a rule is told with its place, and the others are read.

use super::correlation::Correlation;
use super::detector::{Data, DataForm, HitForm};
use super::expression::{Expression, Filter};
use super::fields::Source;
use super::guard;
use super::item::Items;
pub use super::item::Placeholders;
use super::metadata::{Extra, Worse, leak_line, leak_lines, sentences, severity, slug, techniques};
use super::older;
use crate::activity::evidence::Evidence;
use crate::detect::key_sample::fingerprint;
use crate::detect::{Form, Rule};
use rsigma_parser::{
    ConditionExpr, CorrelationRule, Detection, Level, LogSource, Quantifier, SigmaCollection, SigmaRule,
    parse_sigma_yaml,
};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use yaml_serde::Value;

/// Most files, and most rules of all files.
const MOST_RULES: usize = 5_000;

/// Folders in one another.
const MOST_FOLDERS: usize = 32;

/// What is wrong with a rule or a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complaint {
    /// The file as given, and what lies below it.
    pub file: String,
    /// Line from 1, of the rule or of what is wrong in it.
    pub line: Option<usize>,
    /// Title of the rule.
    pub rule: Option<String>,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Complaint { file, line, rule, reason } = self;
        write!(out, "{file}")?;
        line.iter().try_for_each(|line| write!(out, ":{line}"))?;
        rule.iter().try_for_each(|rule| write!(out, ": {rule}"))?;
        write!(out, ": {}", reason.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

/// What files of rules hold.
#[derive(Default)]
pub struct Loaded {
    /// The rules that raise alerts, in the order of their files.
    pub rules: Vec<&'static Rule>,
    /// What could not be read or expressed.
    pub complaints: Vec<Complaint>,
    /// What is odd about rules that were read.
    pub notes: Vec<Complaint>,
    /// How many rules were read, those included that only others name.
    pub read: usize,
}

/// Reads files and folders of rules. What was read stays in memory as long as the program runs.
pub fn load(paths: &[PathBuf], placeholders: &Placeholders) -> Loaded {
    let mut loading = Loading::new(placeholders);
    let mut files = Vec::new();
    for path in paths {
        find(path, 0, &mut files, &mut loading.complaints);
    }
    files.sort();
    files.dedup();
    if files.len() > MOST_RULES {
        let reason = format!("more than {MOST_RULES} files; this one and those behind it were not read");
        loading.complaints.push(Complaint { file: shown(&files[MOST_RULES]), line: None, rule: None, reason });
        files.truncate(MOST_RULES);
    }
    for file in &files {
        loading.file(file);
    }
    loading.finish()
}

/// Reads rules from a text.
pub fn load_text(file: &str, text: &str, placeholders: &Placeholders) -> Loaded {
    let mut loading = Loading::new(placeholders);
    loading.text(file, text);
    loading.finish()
}

/// The conditions of the rules in a text, and what is wrong with the others; nothing stays in memory.
pub fn filters(text: &str) -> (Vec<Filter>, Vec<Complaint>) {
    let none = Placeholders::new();
    let mut loading = Loading::new(&none);
    loading.text("", text);
    (loading.rules.into_iter().map(|rule| rule.filter).collect(), loading.complaints)
}

/// Files of rules below a path, in no order; what cannot be looked into is told, and the others are found. Links are not
/// followed.
fn find(path: &Path, depth: usize, files: &mut Vec<PathBuf>, complaints: &mut Vec<Complaint>) {
    let complain = |reason: String| Complaint { file: shown(path), line: None, rule: None, reason };
    // A path of the command line may be a link.
    let kind = if depth == 0 { fs::metadata(path) } else { fs::symlink_metadata(path) };
    let kind = match kind {
        Ok(kind) => kind,
        Err(error) => return complaints.push(complain(error.to_string())),
    };
    if kind.is_dir() {
        if depth > MOST_FOLDERS {
            return complaints.push(complain(format!("more than {MOST_FOLDERS} folders in one another")));
        }
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => return complaints.push(complain(error.to_string())),
        };
        for entry in entries {
            match entry {
                Ok(entry) => find(&entry.path(), depth + 1, files, complaints),
                Err(error) => complaints.push(complain(error.to_string())),
            }
        }
        return;
    }
    let is_rule = path.extension().is_some_and(|extension| extension == "yml" || extension == "yaml");
    if kind.is_file() && (is_rule || depth == 0) {
        files.push(path.to_owned());
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}

/// Where a rule stands.
#[derive(Clone, Debug, Default)]
struct Origin {
    file: String,
    line: Option<usize>,
    title: String,
}

impl Origin {
    fn complaint(&self, reason: impl Into<String>) -> Complaint {
        let rule = (!self.title.is_empty()).then(|| self.title.clone());
        Complaint { file: self.file.clone(), line: self.line, rule, reason: reason.into() }
    }
}

/// A detection rule with its condition.
struct ReadRule {
    origin: Origin,
    rule: SigmaRule,
    extra: Extra,
    filter: Filter,
    digest: u64,
}

/// Rules that are being read.
struct Loading<'a> {
    placeholders: &'a Placeholders,
    rules: Vec<ReadRule>,
    correlations: Vec<ReadCorrelation>,
    complaints: Vec<Complaint>,
    notes: Vec<Complaint>,
}

/// A correlation that is not yet joined with the rules it names.
struct ReadCorrelation {
    origin: Origin,
    rule: CorrelationRule,
    extra: Extra,
    digest: u64,
}

impl<'a> Loading<'a> {
    fn new(placeholders: &'a Placeholders) -> Loading<'a> {
        let (rules, correlations, complaints, notes) = Default::default();
        Loading { placeholders, rules, correlations, complaints, notes }
    }

    fn file(&mut self, path: &Path) {
        let name = shown(path);
        // A byte more tells a file that is too large.
        let text = fs::File::open(path).and_then(|file| {
            let mut bytes = Vec::new();
            file.take(guard::MOST_BYTES as u64 + 1).read_to_end(&mut bytes).map(|_| bytes)
        });
        let complain = |reason: String| Complaint { file: name.clone(), line: None, rule: None, reason };
        match text.map(String::from_utf8) {
            Ok(Ok(text)) => self.text(&name, &text),
            Ok(Err(_)) => self.complaints.push(complain("this is no UTF-8".to_owned())),
            Err(error) => self.complaints.push(complain(error.to_string())),
        }
    }

    fn text(&mut self, file: &str, text: &str) {
        let origin = |line| Origin { file: file.to_owned(), line, title: String::new() };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if let Err((line, reason)) = guard::check_text(text) {
            self.complaints.push(origin(line).complaint(reason));
            return;
        }
        // Documents with actions build upon each other.
        let has_actions = text.lines().any(|line| line.starts_with("action:"));
        let documents = if has_actions { vec![(1, text)] } else { guard::documents(text) };
        if documents.is_empty() {
            self.complaints.push(origin(None).complaint("no rule in it"));
        }
        for (line, document) in documents {
            if self.rules.len() + self.correlations.len() >= MOST_RULES {
                self.complaints.push(origin(Some(line)).complaint(format!("more than {MOST_RULES} rules")));
                return;
            }
            if let Err(complaint) = self.document(origin(Some(line)), document) {
                self.complaints.push(complaint);
            }
        }
    }

    fn document(&mut self, mut origin: Origin, text: &str) -> Result<(), Complaint> {
        let first_line = origin.line.unwrap_or(1);
        let mut documents = Vec::new();
        for document in yaml_serde::Deserializer::from_str(text) {
            let value = Value::deserialize(document).map_err(|error| {
                let line = error.location().map(|place| place.line() + first_line - 1);
                let text = error.to_string();
                // Its line is that in the document.
                let reason = text.split(" at line ").next().unwrap_or_default();
                Origin { line: line.or(origin.line), ..origin.clone() }.complaint(format!("no YAML: {reason}"))
            })?;
            if let Some(title) = value.get("title").and_then(Value::as_str) {
                origin.title = leak_free_line(title);
            }
            guard::check_value(&value).map_err(|reason| origin.complaint(reason))?;
            documents.push(value);
        }
        let split = match &documents[..] {
            [rule] => older::split(rule, &origin.name()).map_err(|reason| origin.complaint(reason))?,
            _ => None,
        };
        if split.as_ref().is_some_and(|split| !split.has_timeframe) {
            self.notes.push(origin.complaint("it has no timeframe, and counts the records of ten years together"));
        }
        let SigmaCollection { rules, correlations, filters, errors, .. } =
            parse_sigma_yaml(split.as_ref().map_or(text, |split| &split.text))
                .map_err(|error| origin.complaint(error.to_string()))?;
        // Of a rule in two both are needed.
        let is_read = split.is_none() && !(rules.is_empty() && correlations.is_empty());
        let told = if is_read { &mut self.notes } else { &mut self.complaints };
        told.extend(errors.into_iter().map(|reason| origin.complaint(reason)));
        if !filters.is_empty() {
            self.complaints
                .push(origin.complaint("filters of Sigma are not supported: write a condition with not"));
        }
        let digest = fingerprint(&format!("{:?} {text}", self.placeholders));
        for rule in rules {
            origin.title = leak_free_line(&rule.title);
            match self.compile(&origin, rule, digest) {
                Ok(rule) => self.rules.push(rule),
                // Its other half has nothing to count.
                Err(reason) if split.is_some() => return Err(origin.complaint(reason)),
                Err(reason) => self.complaints.push(origin.complaint(reason)),
            }
        }
        for rule in correlations {
            origin.title = leak_free_line(&rule.title);
            let extra = extra(&rule.custom_attributes).map_err(|reason| origin.complaint(reason))?;
            self.correlations.push(ReadCorrelation { origin: origin.clone(), rule, extra, digest });
        }
        Ok(())
    }

    fn compile(&mut self, origin: &Origin, rule: SigmaRule, digest: u64) -> Result<ReadRule, String> {
        let extra = extra(&rule.custom_attributes)?;
        let source = source(&rule.logsource)?;
        let mut items = Items::new(source, self.placeholders);
        let mut named = BTreeMap::new();
        for (name, detection) in &rule.detection.named {
            named.insert(name.as_str(), detection);
        }
        let conditions = rule.detection.conditions.iter().map(|it| condition(it, &named, &mut items));
        let mut conditions = conditions.collect::<Result<Vec<_>, _>>()?;
        let mut expression = match conditions.len() {
            0 => return Err("no condition".to_owned()),
            1 => conditions.remove(0),
            _ => Expression::Any(conditions),
        };
        expression.sort_by_cost();
        self.notes.extend(items.notes.iter().map(|note| origin.complaint(note.clone())));
        Ok(ReadRule { origin: origin.clone(), rule, extra, filter: Filter { source, expression }, digest })
    }

    /// Joins correlations with the rules they name.
    fn finish(mut self) -> Loaded {
        self.refuse_repeats();
        let halves = self.rules.iter().filter(|rule| rule.is_half()).count();
        let read = self.rules.len() - halves + self.correlations.len();
        let mut parts: Vec<Part> = Vec::with_capacity(self.rules.len());
        for rule in self.rules {
            let is_hidden = rule.is_half();
            let ReadRule { origin, rule, extra, filter, digest } = rule;
            parts.push(Part { origin, rule, extra, filter: Box::leak(Box::new(filter)), digest, is_hidden });
        }
        let mut correlated = Vec::new();
        for correlation in self.correlations {
            match correlation.join(&mut parts) {
                Ok(rule) => correlated.push((correlation.origin.place(), rule)),
                Err(reason) => self.complaints.push(correlation.origin.complaint(reason)),
            }
        }
        let plain = parts.iter().filter(|part| !part.is_hidden).map(|part| (part.origin.place(), part.to_rule()));
        let mut rules: Vec<_> = plain.chain(correlated).collect();
        rules.sort_by(|(place, _), (other, _)| place.cmp(other));
        self.complaints.sort();
        self.complaints.dedup();
        self.notes.sort();
        let rules = rules.into_iter().map(|(_, rule)| rule).collect();
        Loaded { rules, complaints: self.complaints, notes: self.notes, read }
    }

    /// Of rules with the same id the first one stays.
    fn refuse_repeats(&mut self) {
        let mut seen: HashMap<String, String> = HashMap::new();
        let complaints = &mut self.complaints;
        let mut is_first = |id: Option<&String>, origin: &Origin| {
            let Some(id) = id else { return true };
            let place = origin.name();
            let known = seen.entry(id.to_lowercase()).or_insert_with(|| place.clone());
            let is_first = *known == place;
            if !is_first {
                complaints.push(origin.complaint(format!("the rule in {known} has the same id {id}")));
            }
            is_first
        };
        self.rules.retain(|rule| is_first(rule.extra.id.as_ref().or(rule.rule.id.as_ref()), &rule.origin));
        self.correlations.retain(|rule| is_first(rule.extra.id.as_ref().or(rule.rule.id.as_ref()), &rule.origin));
    }
}

fn leak_free_line(text: &str) -> String {
    crate::report::safe::printable(&text.split_whitespace().collect::<Vec<_>>().join(" ")).into_owned()
}

/// A detection rule, and whether only correlations see what it finds.
struct Part {
    origin: Origin,
    rule: SigmaRule,
    extra: Extra,
    filter: &'static Filter,
    digest: u64,
    is_hidden: bool,
}

/// What detections and correlations have in common.
struct About<'a> {
    id: Option<&'a str>,
    name: Option<&'a str>,
    title: &'a str,
    description: Option<&'a str>,
    false_positives: &'a [String],
    tags: &'a [String],
    level: Option<Level>,
    references: &'a [String],
    extra: &'a Extra,
    needs: Vec<Evidence>,
}

impl About<'_> {
    fn to_rule(&self, data: Data) -> &'static Rule {
        let About { title, extra, .. } = self;
        let id = extra.id.as_deref().or(self.id).map_or_else(|| format!("{:016x}", data.digest), str::to_owned);
        let name = extra.name.as_deref().or(self.name).map_or_else(|| slug(title), str::to_owned);
        let or = |text: &Option<String>, other: &str| {
            leak_line(&sentences([text.as_deref().unwrap_or(other)].into_iter()))
        };
        let known = if self.false_positives.is_empty() { "The rule names none." } else { "" };
        let steps = extra.next_steps.iter().cloned();
        let see = self.references.iter().map(|reference| format!("Read {reference}"));
        let steps: Vec<String> = if extra.next_steps.is_empty() { see.collect() } else { steps.collect() };
        let needs = extra.evidence();
        Box::leak(Box::new(Rule {
            id: leak_line(&id),
            name: leak_line(&name),
            title: leak_line(title),
            severity: severity(self.level),
            attack: leak_lines(techniques(self.tags).iter().map(String::as_str)),
            looks_for: leak_line(&sentences([self.description.unwrap_or(title)].into_iter())),
            why: or(&extra.why, "The rule does not say"),
            cannot_see: or(&extra.cannot_see, "What the logs in the input do not show"),
            false_positives: leak_line(&sentences(self.false_positives.iter().map(String::as_str).chain([known]))),
            next_steps: leak_lines(steps.iter().map(String::as_str)),
            thresholds: &[],
            activity_columns: &[],
            s3_access_columns: &[],
            cloudtrail_columns: &[],
            needs: Vec::leak(if needs.is_empty() { self.needs.clone() } else { needs }),
            samples: extra.samples(),
            form: Form::Data(Box::leak(Box::new(data))),
        }))
    }
}

impl Part {
    fn is_called(&self, reference: &str) -> bool {
        [&self.rule.id, &self.rule.name, &self.extra.id].into_iter().flatten().any(|name| name == reference)
    }

    fn to_rule(&self) -> &'static Rule {
        let SigmaRule { id, name, title, description, falsepositives, tags, level, references, detection, .. } =
            &self.rule;
        let conditions = detection.condition_strings.join("`, or `");
        let form = HitForm {
            did: leak_line(self.extra.did.as_deref().unwrap_or(&format!("matched the rule {title}"))),
            reason: leak_line(&format!("Each record meets the condition `{conditions}` of the rule.")),
            in_log_buckets: self.extra.in_log_buckets,
            is_quiet_for_iac_roles: self.extra.quiet_for_iac_roles,
            worse: self.extra.worse.as_ref().and_then(|worse| worse.severity().ok()),
        };
        let about = About {
            id: id.as_deref(),
            name: name.as_deref(),
            title,
            description: description.as_deref(),
            false_positives: falsepositives,
            tags,
            level: *level,
            references,
            extra: &self.extra,
            needs: needs_of(self.filter.source),
        };
        let filters = Vec::leak(vec![self.filter]);
        about.to_rule(Data { filters, form: DataForm::Hits(form), digest: self.digest })
    }
}

impl ReadCorrelation {
    fn join(&self, parts: &mut [Part]) -> Result<&'static Rule, String> {
        let mut numbers = Vec::new();
        for reference in &self.rule.rules {
            let number = parts.iter().position(|part| part.is_called(reference));
            numbers.push(number.ok_or_else(|| {
                format!(
                    "it names the rule {reference}, and no detection rule that could be read has this id or name"
                )
            })?);
        }
        let named = numbers.iter().zip(&self.rule.rules);
        let sources: Vec<(Source, &str, &str)> = named
            .map(|(number, reference)| {
                (parts[*number].filter.source, reference.as_str(), &*parts[*number].rule.title)
            })
            .collect();
        let correlation = Correlation::of(&self.rule, &sources)?;
        let mut needs = BTreeSet::new();
        for number in &numbers {
            parts[*number].is_hidden |= !self.rule.generate;
            needs.extend(needs_of(parts[*number].filter.source));
        }
        let digests: Vec<u64> = numbers.iter().map(|number| parts[*number].digest).collect();
        let CorrelationRule { id, name, title, description, falsepositives, tags, level, references, .. } =
            &self.rule;
        let about = About {
            id: id.as_deref(),
            name: name.as_deref(),
            title,
            description: description.as_deref(),
            false_positives: falsepositives,
            tags,
            level: *level,
            references,
            extra: &self.extra,
            needs: needs.into_iter().collect(),
        };
        let filters = Vec::leak(numbers.iter().map(|number| parts[*number].filter).collect());
        let digest = fingerprint(&format!("{} {digests:?}", self.digest));
        Ok(about.to_rule(Data { filters, form: DataForm::Correlation(correlation), digest }))
    }
}

impl Origin {
    fn place(&self) -> (String, Option<usize>) {
        (self.file.clone(), self.line)
    }

    /// `file:line`
    fn name(&self) -> String {
        self.file.clone() + &self.line.map(|line| format!(":{line}")).unwrap_or_default()
    }
}

impl ReadRule {
    /// Is it the detection of a rule that was split ([`older`])? It bears the name of its place.
    fn is_half(&self) -> bool {
        self.rule.name.as_ref() == Some(&self.origin.name())
    }
}

/// Our key of a rule.
fn extra(attributes: &HashMap<String, Value>) -> Result<Extra, String> {
    let Some(value) = attributes.get("s3sleuth") else { return Ok(Extra::default()) };
    let json = serde_json::to_value(value).map_err(|error| format!("s3sleuth: {error}"))?;
    let extra: Extra = serde_json::from_value(json).map_err(|error| format!("s3sleuth: {error}"))?;
    extra.worse.as_ref().map(Worse::severity).transpose()?;
    Ok(extra)
}

/// Whose records a rule is about.
fn source(log_source: &LogSource) -> Result<Source, String> {
    let LogSource { category, product, service, .. } = log_source;
    let is = |part: &Option<String>, name: &str| part.as_ref().is_some_and(|part| part.eq_ignore_ascii_case(name));
    let is_aws = product.is_none() || is(product, "aws");
    if is_aws && is(service, "cloudtrail") {
        Ok(Source::CloudTrail)
    } else if is_aws && is(service, "s3_access") {
        Ok(Source::S3Access)
    } else if is_aws && is(category, "s3_activity") {
        Ok(Source::Activity)
    } else {
        let known = [Source::CloudTrail, Source::S3Access, Source::Activity].map(Source::name).join("; ");
        let named = [("category", category), ("product", product), ("service", service)];
        let named: Vec<String> =
            named.iter().filter_map(|(name, part)| Some(format!("{name}: {}", part.as_ref()?))).collect();
        Err(format!("its log source ({}) is not read here; there are: {known}", named.join(", ")))
    }
}

fn needs_of(source: Source) -> Vec<Evidence> {
    match source {
        Source::CloudTrail => vec![Evidence::DataEvents, Evidence::ManagementEvents],
        Source::S3Access => vec![Evidence::AccessLines],
        Source::Activity => vec![Evidence::AccessLines, Evidence::DataEvents, Evidence::ManagementEvents],
    }
}

type Named<'a> = BTreeMap<&'a str, &'a Detection>;

/// A condition with the detections that it names put in.
fn condition(expression: &ConditionExpr, named: &Named<'_>, items: &mut Items<'_>) -> Result<Expression, String> {
    let mut all = |expressions: &[ConditionExpr]| {
        expressions.iter().map(|one| condition(one, named, items)).collect::<Result<Vec<_>, _>>()
    };
    Ok(match expression {
        ConditionExpr::And(expressions) => Expression::All(all(expressions)?),
        ConditionExpr::Or(expressions) => Expression::Any(all(expressions)?),
        ConditionExpr::Not(one) => Expression::Not(Box::new(condition(one, named, items)?)),
        ConditionExpr::Identifier(name) => {
            let detected = named.get(name.as_str()).ok_or_else(|| format!("no detection is called {name}"))?;
            detection(detected, items).map_err(|reason| format!("{name}: {reason}"))?
        }
        ConditionExpr::Selector { quantifier, pattern } => {
            let chosen = named.iter().filter(|(name, _)| pattern.matches_detection_name(name));
            let chosen = chosen
                .map(|(name, one)| detection(one, items).map_err(|reason| format!("{name}: {reason}")))
                .collect::<Result<Vec<_>, _>>()?;
            if chosen.is_empty() {
                return Err(format!("no detection is called {pattern}"));
            }
            match quantifier {
                Quantifier::Any => Expression::Any(chosen),
                Quantifier::All => Expression::All(chosen),
                Quantifier::Count(least) => Expression::AtLeast(*least, chosen),
            }
        }
    })
}

fn detection(detected: &Detection, items: &mut Items<'_>) -> Result<Expression, String> {
    match detected {
        Detection::AllOf(all) if all.is_empty() => Err("it is empty".to_owned()),
        Detection::AllOf(all) => {
            all.iter().map(|item| items.item(item)).collect::<Result<_, _>>().map(Expression::All)
        }
        Detection::AnyOf(any) if any.is_empty() => Err("it is empty".to_owned()),
        Detection::AnyOf(any) => {
            any.iter().map(|one| detection(one, items)).collect::<Result<_, _>>().map(Expression::Any)
        }
        Detection::And(all) => {
            all.iter().map(|one| detection(one, items)).collect::<Result<_, _>>().map(Expression::All)
        }
        Detection::Keywords(values) => items.keywords(values, &[]),
        Detection::ArrayMatch { .. } | Detection::Conditional { .. } => {
            Err("blocks over the members of a list (Sigma 3) are not supported".to_owned())
        }
    }
}

#[cfg(test)]
mod tests;
