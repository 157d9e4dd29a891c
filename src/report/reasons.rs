//! Sentences about rules, for people: rules with the same reason in one.

/// `RULE: reason` of several rules with the same reason as `RULE, RULE: reason`, where the first of them stands; all other
/// sentences as they are.
pub fn joined(sentences: &[String]) -> Vec<String> {
    let mut joined: Vec<(String, Option<&str>)> = Vec::new();
    for sentence in sentences {
        let of_rules = sentence.split_once(": ").filter(|(ids, _)| are_ids(ids));
        let Some((ids, reason)) = of_rules else {
            joined.push((sentence.clone(), None));
            continue;
        };
        match joined.iter_mut().find(|(_, known)| *known == Some(reason)) {
            Some((known, _)) => *known += &format!(", {ids}"),
            None => joined.push((ids.to_owned(), Some(reason))),
        }
    }
    let sentence = |(text, reason): (String, Option<&str>)| match reason {
        Some(reason) => format!("{text}: {reason}"),
        None => text,
    };
    joined.into_iter().map(sentence).collect()
}

/// `LOG-001`, or several with commas.
fn are_ids(text: &str) -> bool {
    let is_id =
        |id: &str| id.contains('-') && id.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'-'));
    text.split(", ").all(is_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_with_the_same_reason_are_told_in_one_sentence() {
        let sentences = [
            "LOG-001: no lines",
            "LOG-002: no events",
            "the baseline was not used: no lines",
            "GET-006, GET-007: no lines",
            "no colon",
            "LOG-003: no events",
        ];
        let expected = [
            "LOG-001, GET-006, GET-007: no lines",
            "LOG-002, LOG-003: no events",
            "the baseline was not used: no lines",
            "no colon",
        ];
        assert_eq!(joined(&sentences.map(str::to_owned)), expected);
    }
}
