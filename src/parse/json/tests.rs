use super::*;
use proptest::prelude::*;

/// What serde_json says, or nothing where it refuses a number for its size alone.
fn reference(text: &str) -> Option<bool> {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(_) => Some(true),
        Err(error) if error.to_string().starts_with("number out of range") => None,
        Err(_) => Some(false),
    }
}

const TEXTS: &[&str] = &[
    "",
    " ",
    "{}",
    "[]",
    " [ ] ",
    "{ }",
    "[1,]",
    "[,1]",
    "{\"a\":1,}",
    "{,}",
    "{\"a\"}",
    "{\"a\":}",
    "{a:1}",
    "{\"a\":1 \"b\":2}",
    "[1 2]",
    "[1]]",
    "[1",
    "{\"a\":[}",
    "{\"a\":1]",
    "[}",
    "{]",
    "{} {}",
    "\u{feff}{}",
    "0",
    "-0",
    "-",
    "01",
    "-01",
    "1.",
    ".5",
    "1.5",
    "1e5",
    "1E+5",
    "1e-5",
    "1e",
    "1e+",
    "+1",
    "1.5e",
    "0x1",
    "1a",
    "NaN",
    "true",
    "tru",
    "truex",
    "false",
    "null",
    "nul",
    "True",
    "\"\"",
    "\"a",
    "\"\t\"",
    "\"\u{7f}\"",
    "\"\\\"",
    "\"\\a\"",
    "\"\\/\\b\\f\\n\\r\\t\\\\\\\"\"",
    "\"\\u00e9\"",
    "\"\\u00G9\"",
    "\"\\u00\"",
    "\"\\uD83D\"",
    "\"\\uD83D\\uDE00\"",
    "\"\\uDE00\"",
    "\"\\uD83D\\u0041\"",
    "\"\\uD83Dx\"",
    "\"\\uD83D\\n\"",
    "'a'",
    "[1,2/*x*/]",
    "\"12345678\u{1}\"",
    "\"1234567\\\"",
    "{\"\\u0061\":1}",
    "{1:1}",
    "[\"\n\"]",
];

#[test]
fn texts_are_accepted_or_refused_as_serde_json_does() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for text in TEXTS.iter().map(|text| (*text).to_owned()).chain([1, 2, 127, 128, 129, 500].map(deep)) {
        assert_eq!(Some(validate(text.as_bytes()).is_ok()), reference(&text), "{text}");
    }
}

#[test]
fn errors_tell_the_place() {
    for (text, offset, reason) in [
        ("{\"a\":1,}", 7, "expected a member's name in quotes"),
        ("[1 2]", 3, "expected a comma or the closing bracket"),
        ("{\"a\" 1}", 5, "expected a colon"),
        ("{\"a\":tru}", 5, "expected true, false or null"),
        ("{\"a\":01}", 5, "expected a number without leading zeros"),
        ("[\"abc", 5, "expected a closing quote"),
        ("[\"a\nc\"]", 3, "expected control characters to be escaped"),
        ("[\"a\\uD83Dc\"]", 3, "expected an escape sequence that stands for a character"),
        ("{} x", 3, "expected the end of the text"),
        ("", 0, "expected a value"),
    ] {
        assert_eq!(validate(text.as_bytes()), Err(JsonError { offset, reason }), "{text}");
    }
    let error = validate("{\"a\":".repeat(200).as_bytes()).unwrap_err();
    assert_eq!((error.offset, error.reason), (127 * 5, "nested too deep"));
}

#[test]
fn the_nesting_limit_counts_the_levels_that_a_caller_walks() {
    let text = format!("{{\"a\":{}{}}}", "[".repeat(126), "]".repeat(126));
    let walk = |text: &str| members(text.as_bytes(), |_, _| {}).is_ok();
    assert!(walk(&text));
    assert!(!walk(&text.replace("[]", "[[]]")));
}

#[test]
fn bytes_that_are_no_utf8_are_left_to_the_caller() {
    let value = validate(b" \"a\xffb\\n\" ").unwrap();
    assert_eq!((value.start, value.kind, value.escaped), (1, Kind::String, true));
    assert_eq!(value.text().as_deref(), Some(&b"a\xffb\n"[..]));
}

#[test]
fn members_come_with_their_names_and_places() {
    let mut seen = Vec::new();
    members(b" { \"a\" : 1 , \"\\u0062\" : [ {} ] } ", |key, value| {
        seen.push((key.name().into_owned(), key.start, value.raw, value.start));
    })
    .unwrap();
    assert_eq!(seen, [(b"a".to_vec(), 3, &b"1"[..], 9), (b"b".to_vec(), 13, &b"[ {} ]"[..], 24)]);
}

/// Text that is nearly JSON: a value as serde_json writes it, with a few characters changed.
fn nearly_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        any::<String>().prop_map(serde_json::Value::from),
    ];
    let value = leaf.prop_recursive(6, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    });
    let edit = (any::<prop::sample::Index>(), "[\\[\\]{}:,\"\\\\uDd8cC0-9eE.+\\- \ttrfnl\u{1}é]{0,3}", 0..3usize);
    (value, any::<bool>(), prop::collection::vec(edit, 0..4)).prop_map(|(value, pretty, edits)| {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let mut characters: Vec<char> = text.unwrap().chars().collect();
        for (place, insert, remove) in edits {
            let at = place.index(characters.len() + 1);
            let end = (at + remove).min(characters.len());
            characters.splice(at..end, insert.chars());
        }
        characters.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nearly_json_is_accepted_or_refused_as_serde_json_does(text in nearly_json()) {
        if let Some(expected) = reference(&text) {
            prop_assert_eq!(validate(text.as_bytes()).is_ok(), expected);
        }
    }

    #[test]
    fn strings_are_unescaped_as_serde_json_does(pieces in prop::collection::vec((any::<char>(), 0..3u8), 0..40)) {
        let mut text = String::from("\"");
        for (character, form) in &pieces {
            if *form == 0 {
                let quoted = serde_json::to_string(&character.to_string()).unwrap();
                text.push_str(&quoted[1..quoted.len() - 1]);
            } else {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    text.push_str(&if *form == 1 { format!("\\u{unit:04x}") } else { format!("\\u{unit:04X}") });
                }
            }
        }
        text.push('"');
        let expected: String = serde_json::from_str(&text).unwrap();
        let value = validate(text.as_bytes()).unwrap();
        let unescaped = value.text().unwrap();
        prop_assert_eq!(&*unescaped, expected.as_bytes());
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = validate(&bytes);
        unescape(&bytes, &mut Vec::new());
    }
}
