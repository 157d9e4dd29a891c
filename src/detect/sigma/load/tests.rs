use super::*;
use std::time::{Duration, Instant};

fn rule(detection: &str) -> String {
    format!("title: T\nlogsource:\n  product: aws\n  service: cloudtrail\ndetection:\n{detection}")
}

fn told(text: &str) -> Vec<String> {
    filters(text).1.iter().map(ToString::to_string).collect()
}

#[test]
fn what_cannot_be_read_or_expressed_is_told_with_its_place() {
    for (text, reason) in [
        ("", ": no rule in it"),
        ("a: [", ":2: no YAML"),
        ("- a\n", ":1: Document is not a YAML mapping"),
        ("title: T\n", ":1: T: Missing required field 'detection'"),
        (&rule("  a: {eventName: x}\n"), "Missing required field 'condition'"),
        (&rule("  a: {eventName: x}\n  condition: b\n"), ":1: T: no detection is called b"),
        (&rule("  a: {eventName: x}\n  condition: 1 of b*\n"), "no detection is called b*"),
        (&rule("  a: {eventName: x}\n  condition: a | near b\n"), "the aggregation | near b is not supported"),
        (&rule("  a: {eventName: x}\n  condition: b | count() > 5\n"), ":1: T: no detection is called b"),
        (&rule("  a: {eventName: x}\n  timeframe: soon\n  condition: a | count() > 5\n"), "soon"),
        (&rule("  a: {eventName|near: x}\n  condition: a\n"), "Unknown modifier 'near'"),
        (
            &rule("  a: {eventName|re: '(?!a)b'}\n  condition: a\n"),
            "a: the regular expression (?!a)b: look-around",
        ),
        (&rule("  a: {eventName|re: '('}\n  condition: a\n"), "unclosed group"),
        (&rule("  a: {eventName|re: '\\w{1000}{1000}'}\n  condition: a\n"), "is too large"),
        (&rule("  a: {sourceIPAddress|cidr: nowhere}\n  condition: a\n"), "nowhere is no network"),
        (&rule("  a: {sourceIPAddress|gt: x}\n  condition: a\n"), "x is no number"),
        (&rule("  a: {eventName|exists: maybe}\n  condition: a\n"), "takes true or false"),
        (&rule("  a: {eventName|contains|endswith: x}\n  condition: a\n"), "exclude one another"),
        (&rule("  a: {eventName|base64: x*}\n  condition: a\n"), "cannot be encoded"),
        (&rule("  a: {userIdentity: x}\n  condition: a\n"), "name one of its members"),
        (&rule("  a: {}\n  condition: a\n"), "it is empty"),
        (
            "title: T\nlogsource: {product: windows, category: process_creation}\ndetection:\n  a: {Image: x}\n  \
          condition: a\n",
            "its log source (category: process_creation, product: windows) is not read here",
        ),
        (
            "title: T\nlogsource: {service: s3_access}\ndetection:\n  a: {eventName: x}\n  condition: a\n",
            "service: s3_access has no field eventName; there are event_time, ",
        ),
        (
            "title: T\nfilter:\n  rules: [x]\n  selection: {eventName: x}\n  condition: selection\nlogsource: \
          {product: aws}\n",
            "filters of Sigma are not supported",
        ),
        (
            "title: T\nlogsource: {service: s3_access}\ns3sleuth: {nonsense: 1}\ndetection:\n  a: {operation: x}\n  \
          condition: a\n",
            "s3sleuth: unknown field `nonsense`",
        ),
    ] {
        let complaints = told(text);
        assert!(complaints.len() == 1 && complaints[0].contains(reason), "{reason}: {complaints:?}");
    }
}

#[test]
fn a_line_is_that_of_the_file() {
    let text = format!("{}---\n# two\n{}", rule("  a: {eventName: x}\n  condition: a\n"), rule("  a: [\n"));
    assert_eq!(told(&text).len(), 1);
    assert!(told(&text)[0].starts_with(":16: no YAML: "), "{:?}", told(&text));
    let text = format!("{}---\n{}", rule("  a: {eventName: x}\n  condition: a\n"), rule("  a: {eventName: x}\n"));
    assert!(told(&text)[0].starts_with(":9: T: "), "{:?}", told(&text));
}

#[test]
fn the_sources_are_known_by_their_names() {
    for (source, expected) in [
        ("product: aws, service: cloudtrail", true),
        ("product: AWS, service: CloudTrail", true),
        ("service: s3_access", true),
        ("product: aws, category: s3_activity", true),
        ("product: aws", false),
        ("product: gcp, service: cloudtrail", false),
        ("category: cloud", false),
    ] {
        let text = format!("title: T\nlogsource: {{{source}}}\ndetection:\n  a: [x]\n  condition: a\n");
        assert_eq!(told(&text).is_empty(), expected, "{source}");
    }
}

#[test]
fn rules_of_one_id_are_one() {
    let one = format!("id: 1\n{}", rule("  a: {eventName: x}\n  condition: a\n")).replace("id: 1", "id: 'A'");
    let loaded = load_text("f", &format!("{one}---\n{}", one.replace("'A'", "'a'")), &Placeholders::new());
    assert_eq!((loaded.rules.len(), loaded.complaints.len()), (1, 1));
    assert!(loaded.complaints[0].to_string().contains("the rule in f:1 has the same id a"));
}

/// Rules raised, rules read, complaints and notes.
fn numbers(text: &str) -> [usize; 4] {
    let loaded = load_text("f", text, &Placeholders::new());
    [loaded.rules.len(), loaded.read, loaded.complaints.len(), loaded.notes.len()]
}

#[test]
fn a_rule_whose_condition_counts_is_one_rule_and_its_detection_raises_nothing() {
    let counts = |count: &str, timeframe: &str| {
        rule(&format!("  a: {{eventName: x}}\n  condition: a | {count} > 5\n{timeframe}"))
    };
    let good = counts("count() by userIdentity.arn", "  timeframe: 5m\n");
    for (text, expected) in [
        (good.clone(), [1, 1, 0, 0]),
        (counts("count(eventName)", "timeframe: 5m\n"), [1, 1, 0, 0]),
        (counts("count(eventName)", ""), [1, 1, 0, 1]),
        (counts("count(userIdentity)", "  timeframe: 5m\n"), [0, 1, 1, 0]),
        (counts("count()", "  timeframe: soon\n"), [0, 0, 1, 0]),
        (format!("{good}---\n{good}"), [2, 2, 0, 0]),
        (format!("id: a\n{good}---\nid: a\n{good}"), [1, 1, 1, 0]),
        (good.replace("eventName: x", "eventName|re: ("), [0, 0, 1, 0]),
    ] {
        assert_eq!(numbers(&text), expected, "{text}");
    }
}

#[test]
fn a_rule_becomes_one_of_ours() {
    let text = "title: \"A  title\\e[2J\"\nid: 12345678-0000-4000-8000-000000000000\ndescription: |\n  What it\n  \
                is for\nreferences: [https://example.com]\nlevel: critical\ntags: [attack.impact, attack.t1485]\n\
                falsepositives: [Tests, Games.]\nlogsource: {service: s3_access}\ndetection:\n  a: {operation: x}\n  \
                condition: a\n";
    let rule = load_text("f", text, &Placeholders::new()).rules[0];
    assert_eq!((rule.id, rule.name), ("12345678-0000-4000-8000-000000000000", "a-title-2j"));
    assert_eq!((rule.title, rule.looks_for), ("A title\\u{1b}[2J", "What it is for."));
    assert_eq!((rule.severity.name(), rule.attack), ("critical", &["T1485"][..]));
    assert_eq!((rule.false_positives, rule.next_steps), ("Tests. Games.", &["Read https://example.com"][..]));
    assert_eq!(rule.needs, [Evidence::AccessLines]);
}

#[test]
fn placeholders_come_from_the_configuration_and_match_nothing_without() {
    let text = rule("  a: {eventName|expand: 'x%names%'}\n  condition: a\n");
    let notes = |placeholders: &Placeholders| load_text("f", &text, placeholders).notes.len();
    assert_eq!(notes(&Placeholders::new()), 1);
    assert_eq!(notes(&[("names".to_owned(), ["1".to_owned()].into())].into()), 0);
}

/// Files that are cut and changed anywhere are read or refused, and what is read can be put to a record.
#[test]
fn changed_files_do_no_harm() {
    let rules = include_str!("../../../../tests/sigma/forms.yml");
    let documents: Vec<&str> = guard::documents(rules).into_iter().map(|(_, text)| text).collect();
    let record =
        r#"{"eventSource":"s3.amazonaws.com","eventName":"ListBuckets","requestParameters":{"l":[1,"x"]}}"#;
    let table = crate::parse::cloudtrail::parse_record(record.as_bytes()).unwrap();
    let cells = super::super::CellTable::new(&table, &[0]);
    let signs = [
        "[", "{", "*", "&a", "'", "\"", "|", ": ", "- ", "\n", "%", "\\", "(", "not ", "\u{0}", "é", "!!int ", "#",
    ];
    let (mut read, mut refused, mut state) = (0, 0, 1_u64);
    for number in 0..3_000 {
        let mut text = documents[number % documents.len()].split("s3sleuth:").next().unwrap().to_owned();
        for _ in 0..1 + number % 3 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = (state >> 33) as usize % text.len();
            let at = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap();
            match number % 4 {
                0 => text.truncate(at.max(1)),
                1 => text.replace_range(at..at + text[at..].chars().next().unwrap().len_utf8(), ""),
                _ => text.insert_str(at, signs[(state >> 20) as usize % signs.len()]),
            }
        }
        let (filters, complaints) = filters(&text);
        for filter in &filters {
            filter.select(&cells, &[0]);
        }
        read += filters.len();
        refused += complaints.len();
    }
    assert!(read > 500 && refused > 500, "{read} {refused}");
}

/// Hostile files end in an error or are read, and soon.
#[test]
fn hostile_files_cost_little() {
    let values = |value: &dyn Fn(usize) -> String| {
        let list: Vec<String> = (0..10_000).map(|number| format!("      - '{}'\n", value(number))).collect();
        rule(&format!("  a:\n    userAgent|contains:\n{}  condition: a\n", list.concat()))
    };
    let deep = |open: &str, close: &str, count: usize| format!("{}a{}", open.repeat(count), close.repeat(count));
    let regexes: String = (0..150).map(|number| format!("      - '(a+)+{number}$'\n")).collect();
    let bomb: String = (1..30).map(|level| format!("b{level}: &b{level} [*b{0}, *b{0}]\n", level - 1)).collect();
    let indented: String = (0..1_300).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    for (name, text, is_read) in [
        ("patterns", values(&|number| format!("pattern {number}")), true),
        ("wildcards", values(&|number| format!("a*b*c*{number}*d")), true),
        ("question marks", values(&|number| format!("a?{number}")), false),
        ("parentheses", rule(&format!("  a: {{eventName: x}}\n  condition: {}\n", deep("(", ")", 10_000))), false),
        ("not", rule(&format!("  a: {{eventName: x}}\n  condition: {}a\n", "not ".repeat(10_000))), false),
        ("or", rule(&format!("  a: {{eventName: x}}\n  condition: {}a\n", "a or ".repeat(1_500))), true),
        ("regexes", rule(&format!("  a:\n    userAgent|re:\n{regexes}  condition: a\n")), true),
        ("bomb", format!("b0: &b0 x\n{bomb}{}", rule("  a: {eventName: x}\n  condition: a\n")), false),
        ("brackets", "[".repeat(19_000), false),
        ("braces", "{a: ".repeat(19_000), false),
        ("indented", indented, false),
        ("dashes", "- ".repeat(2_000), false),
        ("questions", "? ".repeat(2_000), false),
        ("huge", "a: b\n".repeat(300_000), false),
        ("documents", "---\na: b\n".repeat(20_000), false),
        ("keys", (0..60_000).map(|number| format!("k{number}: v\n")).collect(), false),
    ] {
        let start = Instant::now();
        let (filters, complaints) = filters(&text);
        assert!(start.elapsed() < Duration::from_secs(20), "{name}: {:?}", start.elapsed());
        assert_eq!(
            (filters.len(), complaints.is_empty()),
            (usize::from(is_read), is_read),
            "{name}: {complaints:?}"
        );
    }
}
