//! Text from logs that stays text in Markdown.

use super::safe::printable;

/// A cell of a table: no pipe, code, emphasis, link, image or HTML comes of it, and it stays on its line.
pub fn cell(text: &str) -> String {
    let text = printable(text);
    let mut safe = String::with_capacity(text.len() + 8);
    let mut characters = text.chars().peekable();
    let mut before = ' ';
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        match character {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '!' | '|' | '~' | '^'
            | '$' | '@' => {
                safe.push('\\');
                safe.push(character);
            }
            // What makes links of bare addresses: `https://`, `mailto:`, `www.`.
            ':' if next.is_some_and(|next| !next.is_ascii_digit()) => safe.push_str("\\:"),
            '.' if before.eq_ignore_ascii_case(&'w') => safe.push_str("\\."),
            _ => safe.push(character),
        }
        before = character;
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_text_comes_of_a_text() {
        for (text, safe) in [
            ("plain-name/2026", "plain-name/2026"),
            ("a|b", "a\\|b"),
            ("a\\|b", "a\\\\\\|b"),
            ("`x`", "\\`x\\`"),
            ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert\\(1\\)&gt;"),
            ("&lt;", "&amp;lt;"),
            ("[a](https://x)", "\\[a\\]\\(https\\://x\\)"),
            ("![](javascript:x)", "\\!\\[\\]\\(javascript\\:x\\)"),
            ("www.evil.example", "www\\.evil.example"),
            ("a@evil.example", "a\\@evil.example"),
            ("*b* _i_ ~s~", "\\*b\\* \\_i\\_ \\~s\\~"),
            ("line\nend\r\u{1b}[0m", "line\\\\u\\{a\\}end\\\\u\\{d\\}\\\\u\\{1b\\}\\[0m"),
            ("09:00:01", "09:00:01"),
        ] {
            assert_eq!(cell(text), safe);
        }
    }
}
