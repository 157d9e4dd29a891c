//! Text as HTML and SVG: what comes from logs can only get in as text.
//!
//! No text from a log stands in an attribute, so quotes end nothing; they are escaped all the same.

use crate::detect::evidence::shortened;
use crate::report::count::grouped;
use crate::report::redact::redacted;
use crate::report::safe::printable;
use std::fmt::Write as _;

/// Bytes of a text from a log that are shown, if nothing else is said. What is longer ends with `…`.
const MOST_TEXT: usize = 300;

/// A piece of a page.
#[derive(Debug, Default)]
pub struct Markup {
    text: String,
    /// May lines break inside the text that is written now?
    breaks: bool,
}

impl Markup {
    /// Markup that is written in this program.
    pub fn raw(&mut self, markup: &'static str) -> &mut Markup {
        self.text.push_str(markup);
        self
    }

    /// Another piece.
    pub fn add(&mut self, other: &Markup) -> &mut Markup {
        self.text.push_str(&other.text);
        self
    }

    /// Any text, maybe from a log: without secrets of presigned URLs, every character that hides or drives something made
    /// visible, and nothing in it is markup.
    pub fn text(&mut self, text: &str) -> &mut Markup {
        self.cut_text(text, MOST_TEXT)
    }

    /// The same, of which at most so many bytes are shown.
    pub fn cut_text(&mut self, text: &str, most: usize) -> &mut Markup {
        // Before it is cut: the beginning of a secret is one too.
        let safe = redacted(text);
        let shown = shortened(&safe, most);
        for character in printable(shown).chars() {
            match character {
                // A line may break behind the parts of a name: before its letters are torn apart.
                '/' | ':' if self.breaks => self.text.push_str(if character == '/' { "/<wbr>" } else { ":<wbr>" }),
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' => self.text.push_str("&quot;"),
                '\'' => self.text.push_str("&#39;"),
                '`' => self.text.push_str("&#96;"),
                _ => self.text.push(character),
            }
        }
        if shown.len() < safe.len() {
            self.text.push('…');
        }
        self
    }

    /// A name from a log, as text that is kept apart from the direction of what is around it.
    pub fn name(&mut self, name: &str, most: usize) -> &mut Markup {
        self.raw("<bdi>");
        self.breaks = true;
        self.cut_text(name, most);
        self.breaks = false;
        self.raw("</bdi>")
    }

    /// Text between tags.
    pub fn wrapped(&mut self, before: &'static str, text: &str, after: &'static str) -> &mut Markup {
        self.raw(before).text(text).raw(after)
    }

    /// A number with thousands separators.
    pub fn number(&mut self, number: u64) -> &mut Markup {
        self.text.push_str(&grouped(number));
        self
    }

    /// A coordinate of a drawing, to a tenth.
    pub fn at(&mut self, coordinate: f64) -> &mut Markup {
        let rounded = format!("{coordinate:.1}");
        self.text.push_str(rounded.strip_suffix(".0").unwrap_or(&rounded));
        self
    }

    /// The id of an alert, which is 16 hexadecimal digits.
    pub fn anchor(&mut self, alert_id: &str) -> &mut Markup {
        self.text.extend(alert_id.chars().filter(char::is_ascii_hexdigit));
        self
    }

    /// A hash of the page's policy, of [`policy_hash`].
    pub fn policy(&mut self, hash: &str) -> &mut Markup {
        self.text.push_str(hash);
        self
    }

    /// A rectangle of left, top, width and height, with what a pointer on it shows.
    pub fn rect(&mut self, class: &'static str, place: [f64; 4], title: &str) -> &mut Markup {
        self.raw("<rect class=\"").raw(class).raw("\" x=\"").at(place[0]).raw("\" y=\"").at(place[1]);
        self.raw("\" width=\"").at(place[2]).raw("\" height=\"").at(place[3]);
        if title.is_empty() {
            return self.raw("\"/>");
        }
        self.raw("\"><title>").text(title).raw("</title></rect>")
    }

    /// A line from one point to another.
    pub fn line(&mut self, class: &'static str, [x1, y1, x2, y2]: [f64; 4]) -> &mut Markup {
        self.raw("<line class=\"").raw(class).raw("\" x1=\"").at(x1).raw("\" y1=\"").at(y1);
        self.raw("\" x2=\"").at(x2).raw("\" y2=\"").at(y2).raw("\"/>")
    }

    /// A label at a point.
    pub fn label(&mut self, class: &'static str, [x, y]: [f64; 2], text: &str) -> &mut Markup {
        self.raw("<text class=\"").raw(class).raw("\" x=\"").at(x).raw("\" y=\"").at(y).raw("\">");
        self.text(text).raw("</text>")
    }

    /// The beginning of a drawing of that width and height, and what it shows.
    pub fn open_svg(&mut self, width: f64, height: f64, about: &'static str) -> &mut Markup {
        self.raw("<div class=\"plot\"><svg viewBox=\"0 0 ").at(width).raw(" ").at(height);
        self.raw("\" role=\"img\" aria-label=\"").raw(about).raw("\">")
    }

    /// Its end.
    pub fn close_svg(&mut self) -> &mut Markup {
        self.raw("</svg></div>\n")
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Nothing yet?
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The page.
    pub fn into_text(self) -> String {
        self.text
    }
}

impl std::fmt::Display for Markup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// A hash as the policy of a page names it.
pub fn policy_hash(text: &str) -> String {
    use base64::Engine;
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let mut hash = String::new();
    let _ = write!(hash, "'sha256-{}'", base64::engine::general_purpose::STANDARD.encode(digest.as_ref()));
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_never_markup_and_never_a_secret() {
        for (text, safe) in [
            ("plain é к", "plain é к"),
            ("</title><script>alert(1)</script>", "&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;"),
            ("\" onload='x' `y`", "&quot; onload=&#39;x&#39; &#96;y&#96;"),
            ("&lt;b&#62;", "&amp;lt;b&amp;#62;"),
            ("]]><!--", "]]&gt;&lt;!--"),
            ("a\u{202e}b\0\u{1b}[2J\n", "a\\u{202e}b\\u{0}\\u{1b}[2J\\u{a}"),
            ("GET /k?X-Amz-Signature=abc HTTP/1.1", "GET /k?X-Amz-Signature=REDACTED HTTP/1.1"),
        ] {
            let mut markup = Markup::default();
            markup.text(text);
            assert_eq!(markup.into_text(), safe);
        }
        let mut markup = Markup::default();
        markup.cut_text(&format!("{}?X-Amz-Signature=abcdef", "é".repeat(10)), 40);
        assert!(!markup.to_string().contains("abc") && markup.to_string().ends_with('…'), "{markup}");
    }

    #[test]
    fn coordinates_are_short() {
        for (number, text) in [(0.0, "0"), (10.04, "10"), (3.25, "3.2"), (99.99, "100")] {
            let mut markup = Markup::default();
            markup.at(number);
            assert_eq!(markup.into_text(), text);
        }
    }
}
