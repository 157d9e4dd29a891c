//! Sigma rules against a slow reading of the same rules: random conditions over random records, through the whole stage.

use s3sleuth::detect::sample_run::{run, tables};
use s3sleuth::detect::sigma::load::load_text;
use s3sleuth::detect::{Logs, Sample};
use s3sleuth::parse::LogType;
use serde_json::{Map, Value, json};

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }
}

const NAMES: [&str; 5] = ["GetObject", "DeleteBucket", "getobjectacl", "ListBuckets", "Decrypt"];
const SOURCES: [&str; 3] = ["s3.amazonaws.com", "kms.amazonaws.com", "sts.amazonaws.com"];
const KINDS: [&str; 3] = ["IAMUser", "Root", "AssumedRole"];
const ADDRESSES: [&str; 4] = ["10.1.2.3", "10.200.0.1", "2001:db8::7", "AWS Internal"];
const TEXTS: [&str; 8] = ["abc", "ABCabc", "a", "xyz a?c", "12", "12.0", "é-Ü", "a*c"];
const FIELDS: [&str; 9] = [
    "eventName",
    "eventSource",
    "userIdentity.type",
    "errorCode",
    "userAgent",
    "sourceIPAddress",
    "requestParameters.a",
    "requestParameters.b.c",
    "requestParameters.l.k",
];

fn scalar(random: &mut Random) -> Value {
    match random.below(7) {
        0 => json!(12),
        1 => json!(true),
        2 => Value::Null,
        3 => json!(7.5),
        _ => json!(random.of(&TEXTS)),
    }
}

fn record(random: &mut Random, number: usize) -> Value {
    let mut record = json!({
        "eventTime": "2026-03-01T01:02:03Z",
        "eventName": random.of(&NAMES),
        "eventSource": random.of(&SOURCES),
        "sourceIPAddress": random.of(&ADDRESSES),
        "userIdentity": {"type": random.of(&KINDS), "arn": "arn:aws:iam::111122223333:user/ann"},
        "eventID": format!("{number}"),
        "eventType": "AwsApiCall",
    });
    let mut set =
        |name: &str, value: Value| record.as_object_mut().expect("an object").insert(name.to_owned(), value);
    if random.below(2) == 0 {
        set("errorCode", json!(random.of(&["AccessDenied", "abc"])));
    }
    if random.below(4) != 0 {
        set("userAgent", json!(random.of(&TEXTS)));
    }
    if random.below(4) != 0 {
        let mut parameters = Map::new();
        if random.below(3) != 0 {
            parameters.insert("a".to_owned(), scalar(random));
        }
        if random.below(3) != 0 {
            let list: Vec<Value> = (0..random.below(3)).map(|_| scalar(random)).collect();
            let value =
                if random.below(2) == 0 { json!({"c": list}) } else { json!({"c": {"d": scalar(random)}}) };
            parameters.insert("b".to_owned(), value);
        }
        if random.below(3) != 0 {
            let list: Vec<Value> = (0..random.below(3)).map(|_| json!({"k": scalar(random)})).collect();
            parameters.insert("l".to_owned(), json!(list));
        }
        set("requestParameters", parameters.into());
    }
    record
}

/// An item: the key with modifiers, and its values.
type Item = (String, Value);

const MODIFIERS: [&str; 14] = [
    "",
    "",
    "",
    "|contains",
    "|startswith",
    "|endswith",
    "|contains|all",
    "|re",
    "|cidr",
    "|exists",
    "|gte",
    "|cased",
    "|startswith|cased",
    "|fieldref",
];

fn pattern(random: &mut Random) -> Value {
    match random.below(12) {
        0 => json!(12),
        1 => json!(true),
        2 => Value::Null,
        3 => json!(""),
        4 => json!("*"),
        5 => json!(random.of(&["a*", "*c", "*b*", "a*b*c", "?bc", "*a?c*", "A\\*C", "*\\?c"])),
        6 => json!(random.of(&NAMES)),
        7 => json!(random.of(&SOURCES)),
        8 => json!(random.of(&KINDS)),
        _ => json!(random.of(&TEXTS)),
    }
}

fn item(random: &mut Random) -> Item {
    let modifier = random.of(&MODIFIERS);
    let one = |random: &mut Random| match modifier {
        "|re" => json!(random.of(&["^a", "b+c$", "(?i)abc", "[0-9]{2}", "Root|User"])),
        "|cidr" => json!(random.of(&["10.0.0.0/9", "2001:db8::/32", "0.0.0.0/0"])),
        "|gte" => json!(random.of(&[7, 12, 13])),
        "|fieldref" => json!(random.of(&FIELDS)),
        "" => pattern(random),
        // Texts only: what these do with null and numbers is not laid down.
        _ => json!(random.of(&["a", "A", "abc", "Get", "s3.", "c", "Root", "*b*"])),
    };
    let value = match (modifier, random.below(3)) {
        ("|exists", _) => json!(random.below(2) == 0),
        (_, 0) => Value::Array((0..1 + random.below(3)).map(|_| one(random)).collect()),
        _ => one(random),
    };
    (format!("{}{modifier}", random.of(&FIELDS)), value)
}

/// Names of detections with their items: all items of one of the maps must hold.
type Detections = Vec<(String, Vec<Vec<Item>>)>;

fn detections(random: &mut Random) -> Detections {
    let names = ["sel_a", "sel_b", "filter_a"];
    let mut maps = |_: &str| {
        let count = 1 + random.below(2);
        (0..count)
            .map(|_| {
                let mut items: Vec<Item> = (0..1 + random.below(2)).map(|_| item(random)).collect();
                items.dedup_by(|left, right| left.0 == right.0);
                items
            })
            .collect()
    };
    names.iter().map(|name| ((*name).to_owned(), maps(name))).collect()
}

#[derive(Debug)]
enum Condition {
    Name(&'static str),
    Not(Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    OneOf(&'static str),
    AllOf(&'static str),
    AtLeast(u64),
}

fn condition(random: &mut Random, depth: usize) -> Condition {
    let mut inner = || Box::new(condition(random, depth + 1));
    let (left, right) = if depth < 3 { (Some(inner()), Some(inner())) } else { (None, None) };
    match (random.below(8), left, right) {
        (0 | 1, Some(left), Some(right)) => Condition::And(left, right),
        (2 | 3, Some(left), Some(right)) => Condition::Or(left, right),
        (4, Some(left), _) => Condition::Not(left),
        (5, ..) => Condition::OneOf(random.of(&["sel_*", "them"])),
        (6, ..) => Condition::AllOf(random.of(&["sel_*", "them"])),
        (7, ..) => Condition::AtLeast(2),
        _ => Condition::Name(random.of(&["sel_a", "sel_b", "filter_a"])),
    }
}

impl Condition {
    fn text(&self) -> String {
        match self {
            Condition::Name(name) => (*name).to_owned(),
            Condition::Not(one) => format!("not ({})", one.text()),
            Condition::And(left, right) => format!("({} and {})", left.text(), right.text()),
            Condition::Or(left, right) => format!("({} or {})", left.text(), right.text()),
            Condition::OneOf(names) => format!("1 of {names}"),
            Condition::AllOf(names) => format!("all of {names}"),
            Condition::AtLeast(count) => format!("{count} of them"),
        }
    }

    fn holds(&self, detections: &Detections, record: &Value) -> bool {
        let detected =
            |maps: &Vec<Vec<Item>>| maps.iter().any(|items| items.iter().all(|item| holds(item, record)));
        let named = |names: &str| -> Vec<bool> {
            let prefix = names.strip_suffix('*').unwrap_or("");
            detections
                .iter()
                .filter(|(name, _)| name.starts_with(prefix))
                .map(|(_, maps)| detected(maps))
                .collect()
        };
        match self {
            Condition::Name(wanted) => detections.iter().any(|(name, maps)| name == wanted && detected(maps)),
            Condition::Not(one) => !one.holds(detections, record),
            Condition::And(left, right) => left.holds(detections, record) && right.holds(detections, record),
            Condition::Or(left, right) => left.holds(detections, record) || right.holds(detections, record),
            Condition::OneOf(names) => named(names).contains(&true),
            Condition::AllOf(names) => !named(names).contains(&false),
            Condition::AtLeast(count) => named("them").iter().filter(|it| **it).count() as u64 >= *count,
        }
    }
}

/// The values at a path, as text; lists are looked into.
fn values(value: &Value, path: &[&str]) -> Vec<String> {
    match (value, path) {
        (Value::Array(items), _) => items.iter().flat_map(|item| values(item, path)).collect(),
        (Value::Null, []) => Vec::new(),
        (Value::String(text), []) => vec![text.clone()],
        (other, []) => vec![other.to_string()],
        (Value::Object(members), [first, rest @ ..]) => {
            members.get(*first).map(|member| values(member, rest)).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

fn holds((key, expected): &Item, record: &Value) -> bool {
    let (field, modifiers) = key.split_once('|').unwrap_or((key, ""));
    let path: Vec<&str> = field.split('.').collect();
    let values = values(record, &path);
    let patterns = match expected {
        Value::Array(patterns) => patterns.clone(),
        one => vec![one.clone()],
    };
    let matches = |pattern: &Value| one_holds(modifiers, pattern, &values, record);
    match modifiers {
        "exists" => *expected == json!(!values.is_empty()),
        "contains|all" => patterns.iter().all(matches),
        _ => patterns.iter().any(matches),
    }
}

fn one_holds(modifiers: &str, pattern: &Value, found: &[String], record: &Value) -> bool {
    let lower = |text: &str| text.to_lowercase();
    if pattern.is_null() {
        return found.is_empty();
    }
    let text = pattern.as_str().map_or_else(|| pattern.to_string(), str::to_owned);
    found.iter().any(|value| match modifiers {
        "" if pattern.is_string() => glob(&glob_of(&lower(&text)), &lower(value)),
        "" => lower(value) == lower(&text) || equal_numbers(value, &text),
        "contains" | "contains|all" => glob(&glob_of(&lower(&format!("*{text}*"))), &lower(value)),
        "startswith" => glob(&glob_of(&lower(&format!("{text}*"))), &lower(value)),
        "endswith" => glob(&glob_of(&lower(&format!("*{text}"))), &lower(value)),
        "cased" => glob(&glob_of(&text), value),
        "startswith|cased" => glob(&glob_of(&format!("{text}*")), value),
        "re" => expression(&text, value),
        "cidr" => network(&text, value),
        "gte" => value.parse::<f64>().is_ok_and(|value| Some(value) >= pattern.as_f64()),
        "fieldref" => {
            let path: Vec<&str> = text.split('.').collect();
            values(record, &path).iter().any(|other| lower(other) == lower(value))
        }
        other => panic!("{other}"),
    })
}

fn equal_numbers(left: &str, right: &str) -> bool {
    matches!((left.parse::<f64>(), right.parse::<f64>()), (Ok(left), Ok(right)) if (left - right).abs() < 1e-9)
}

/// The expressions above, by hand.
fn expression(text: &str, value: &str) -> bool {
    match text {
        "^a" => value.starts_with('a'),
        "b+c$" => value.ends_with("bc"),
        "(?i)abc" => value.to_lowercase().contains("abc"),
        "[0-9]{2}" => value.as_bytes().windows(2).any(|pair| pair.iter().all(u8::is_ascii_digit)),
        "Root|User" => value.contains("Root") || value.contains("User"),
        other => panic!("{other}"),
    }
}

fn network(text: &str, value: &str) -> bool {
    let is_v4 = value.starts_with("10.");
    match text {
        "10.0.0.0/9" => value == "10.1.2.3",
        "2001:db8::/32" => value.starts_with("2001:db8:"),
        "0.0.0.0/0" => is_v4,
        other => panic!("{other}"),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Sign {
    Is(char),
    One,
    Any,
}

fn glob_of(text: &str) -> Vec<Sign> {
    let mut signs = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        signs.push(match (character, characters.peek()) {
            ('\\', Some(next @ ('*' | '?' | '\\'))) => {
                let sign = Sign::Is(*next);
                characters.next();
                sign
            }
            ('*', _) => Sign::Any,
            ('?', _) => Sign::One,
            (other, _) => Sign::Is(other),
        });
    }
    signs
}

fn glob(signs: &[Sign], text: &str) -> bool {
    let rest = |text: &str| text.chars().next().map(|first| text[first.len_utf8()..].to_owned());
    match signs.split_first() {
        None => text.is_empty(),
        Some((Sign::Any, others)) => glob(others, text) || rest(text).is_some_and(|rest| glob(signs, &rest)),
        Some((Sign::One, others)) => rest(text).is_some_and(|rest| glob(others, &rest)),
        Some((Sign::Is(character), others)) => {
            text.strip_prefix(*character).is_some_and(|rest| glob(others, rest))
        }
    }
}

#[test]
fn random_rules_match_the_records_that_a_slow_reading_says() {
    let mut random = Random(7);
    let (mut rules_that_match, mut matches) = (0, 0);
    for round in 0..600 {
        let records: Vec<Value> = (0..48).map(|number| record(&mut random, number)).collect();
        let (detections, condition) = (detections(&mut random), condition(&mut random, 0));
        let mut detection: Map<String, Value> = detections
            .iter()
            .map(|(name, maps)| {
                let maps = maps.iter().map(|items| Value::Object(items.iter().cloned().collect())).collect();
                (name.clone(), Value::Array(maps))
            })
            .collect();
        detection.insert("condition".to_owned(), json!(condition.text()));
        let rule = json!({
            "title": "T", "logsource": {"product": "aws", "service": "cloudtrail"}, "detection": detection,
        });
        let loaded = load_text("rule", &rule.to_string(), &Default::default());
        assert!(loaded.complaints.is_empty(), "{:?} {rule}", loaded.complaints);
        let file: &'static str = json!({ "Records": records }).to_string().leak();
        let logs = Logs::Written(vec![(LogType::CloudTrail, file)].leak());
        let tables = tables(&Sample { name: "random", logs, fires: true }).expect("records");
        let cut = [usize::MAX, 7][round % 2];
        let found: u64 = run(loaded.rules[0], &tables, cut).alerts.iter().map(|alert| alert.evidence_total).sum();
        let expected = records.iter().filter(|record| condition.holds(&detections, record)).count() as u64;
        assert_eq!(found, expected, "{rule:#}");
        rules_that_match += usize::from(expected > 0 && expected < 48);
        matches += expected;
    }
    // The rules say something: many match some records and not others.
    assert!(rules_that_match > 100 && matches > 2_000, "{rules_that_match} {matches}");
}
