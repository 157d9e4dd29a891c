//! Counts as people read them.

/// `1234567` → `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 file`, `2 files`, `1,234 files`: the plural of these nouns ends with s.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{} {}", grouped(number), of_number(number, noun, &format!("{noun}s")))
}

/// The word that goes with the number: `is` or `are`, `file` or `files`.
pub fn of_number<'a>(number: u64, one: &'a str, many: &'a str) -> &'a str {
    if number == 1 { one } else { many }
}

/// `a, b, c and 2 more`: the first of so many names, as they are. No more than these need be given.
pub fn first_of<'a>(names: impl IntoIterator<Item = &'a str>, all: usize) -> String {
    let shown: Vec<&str> = names.into_iter().take(NAMED).collect();
    match all.saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {} more", shown.join(", "), grouped(more as u64)),
    }
}

/// Names in a sentence.
const NAMED: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_and_nouns_agree() {
        for (number, text) in
            [(0, "0 files"), (1, "1 file"), (2, "2 files"), (999, "999 files"), (1_234_567, "1,234,567 files")]
        {
            assert_eq!(counted(number, "file"), text);
        }
        assert_eq!((of_number(1, "is", "are"), of_number(0, "is", "are")), ("is", "are"));
    }

    #[test]
    fn a_list_says_how_many_it_leaves_out() {
        for (names, all, text) in [
            (&["a"][..], 1, "a"),
            (&["a", "b", "c"], 3, "a, b, c"),
            (&["a", "b", "c", "d"], 4, "a, b, c and 1 more"),
            (&["a", "b", "c"], 2_000, "a, b, c and 1,997 more"),
        ] {
            assert_eq!(first_of(names.iter().copied(), all), text);
        }
    }
}
