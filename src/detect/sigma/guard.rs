//! What a file of rules may be, checked before other crates read it: rules come from anywhere.

use yaml_serde::Value;

/// Most bytes of a file. Rules have a few hundred.
pub const MOST_BYTES: usize = 1 << 20;

/// Most of `[` and `{` together: the scanner of YAML looks at all that are open, time and again.
const MOST_BRACKETS: usize = 20_000;

/// Most values of a file.
const MOST_VALUES: usize = 100_000;

/// Deepest nesting of values, and of parentheses in conditions.
const MOST_DEPTH: usize = 64;

/// Most bytes of a condition.
const MOST_CONDITION: usize = 8192;

/// Checks the text.
///
/// # Errors
/// The line, from 1, if it is one that is to blame, and what is wrong.
pub fn check_text(text: &str) -> Result<(), (Option<usize>, String)> {
    if text.len() > MOST_BYTES {
        return Err((None, format!("{} bytes, more than {MOST_BYTES}: split the file", text.len())));
    }
    if text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count() > MOST_BRACKETS {
        return Err((None, format!("more than {MOST_BRACKETS} brackets: split the file")));
    }
    let deepest = text.lines().enumerate().find(|(_, line)| indent(line) > 2 * MOST_BYTES.isqrt());
    if let Some((index, _)) = deepest {
        return Err((Some(index + 1), "this line is indented too far".to_owned()));
    }
    match alias(text) {
        Some(line) => {
            let reason = "an alias of YAML (*name of &name), which can stand for any amount of text: write it out";
            Err((Some(line), reason.to_owned()))
        }
        None => Ok(()),
    }
}

/// White space, and the marks of lists and questions that may stand side by side, at the beginning of a line.
fn indent(line: &str) -> usize {
    line.bytes().take_while(|byte| matches!(byte, b' ' | b'-' | b'?' | b'\t')).count()
}

/// The line of an alias for which there is an anchor. Both may stand anywhere, also in a quoted text: better to refuse such
/// a text than to follow an alias.
fn alias(text: &str) -> Option<usize> {
    let marked = |mark: char| {
        text.match_indices(mark).filter_map(move |(at, _)| {
            let before = text[..at].chars().next_back();
            let rest = &text[at + 1..];
            let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
            let name = &rest[..rest.bytes().take_while(is_name).count()];
            let may_begin = before.is_none_or(|before| !before.is_alphanumeric());
            (may_begin && !name.is_empty()).then_some((at, name))
        })
    };
    let anchors: std::collections::HashSet<&str> = marked('&').map(|(_, name)| name).collect();
    let (at, _) = marked('*').find(|(_, name)| anchors.contains(name))?;
    Some(1 + text[..at].matches('\n').count())
}

/// The documents of a file, each with its first line from 1.
pub fn documents(text: &str) -> Vec<(usize, &str)> {
    let mut documents = Vec::new();
    let (mut first_line, mut start, mut at) = (1, 0, 0);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if line.starts_with("---") && line[3..].chars().next().is_none_or(char::is_whitespace) {
            documents.push((first_line, &text[start..at]));
            (first_line, start) = (index + 2, at + line.len());
        }
        at += line.len();
    }
    documents.push((first_line, &text[start..]));
    documents.retain(|(_, document)| !document.lines().all(is_blank));
    documents
}

fn is_blank(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// Checks what a document holds.
///
/// # Errors
/// What is wrong with it.
pub fn check_value(value: &Value) -> Result<(), String> {
    let mut values = 0;
    let mut open = vec![(value, 0, false)];
    while let Some((value, depth, is_condition)) = open.pop() {
        values += 1;
        if values > MOST_VALUES || depth > MOST_DEPTH {
            return Err(format!("more than {MOST_VALUES} values, or nested deeper than {MOST_DEPTH}"));
        }
        match value {
            Value::String(text) if is_condition => check_condition(text)?,
            Value::Sequence(items) => open.extend(items.iter().map(|item| (item, depth + 1, is_condition))),
            Value::Mapping(members) => {
                open.extend(
                    members.iter().map(|(key, value)| (value, depth + 1, key.as_str() == Some("condition"))),
                );
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_condition(text: &str) -> Result<(), String> {
    if text.len() > MOST_CONDITION {
        return Err(format!("a condition of {} bytes, more than {MOST_CONDITION}", text.len()));
    }
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    let nots = text.split(|character: char| !character.is_alphanumeric()).filter(|word| *word == "not").count();
    if deepest > MOST_DEPTH || nots > 4 * MOST_DEPTH {
        return Err(format!("a condition with parentheses deeper than {MOST_DEPTH}, or too many not"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_would_cost_too_much_are_refused_before_they_are_parsed() {
        let bomb = "a: &a [x]\nb: &b [*a, *a]\n";
        for (text, line) in [
            ("title: x\n", None),
            ("a: 'R & D'\nb: '*d'\n", None),
            ("a: &\nb: '*b*'\n", None),
            (bomb, Some(Some(2))),
            (&"x".repeat(MOST_BYTES + 1), Some(None)),
            (&"[".repeat(MOST_BRACKETS + 1), Some(None)),
            (&format!("a: 1\n{}b: 2", " ".repeat(3000)), Some(Some(2))),
            (&"- ".repeat(3000), Some(Some(1))),
        ] {
            let told = check_text(text).err().map(|(line, _)| line);
            assert_eq!(told, line, "{}", &text[..text.len().min(60)]);
        }
    }

    #[test]
    fn documents_know_their_lines() {
        let text = "# a\n---\nb: 1\n--- # c\nd: 2\n---\n# e\n";
        assert_eq!(documents(text), [(3, "b: 1\n"), (5, "d: 2\n")]);
        assert_eq!(documents("x: |\n  ---\n"), [(1, "x: |\n  ---\n")]);
    }

    #[test]
    fn conditions_are_bounded_wherever_they_stand() {
        let deep = format!("{}a{}", "(".repeat(10_000), ")".repeat(10_000));
        for (condition, is_good) in [
            ("a and (b or not c)".to_owned(), true),
            (deep, false),
            (format!("{}a{}", "(".repeat(65), ")".repeat(65)), false),
            ("not ".repeat(300) + "a", false),
        ] {
            let value: Value = yaml_serde::from_str(&format!("x:\n  condition: ['{condition}']\n")).unwrap();
            assert_eq!(check_value(&value).is_ok(), is_good, "{}", &condition[..10]);
        }
    }
}
