//! A strict reader of the pages: what it does not know is an error.

/// Elements that a report is made of. None of them runs, loads or sends anything.
const ELEMENTS: [&str; 53] = [
    "a", "article", "b", "bdi", "body", "br", "code", "dd", "details", "div", "dl", "dt", "h1", "h2", "h3", "h4",
    "head", "header", "html", "input", "label", "li", "line", "main", "meta", "nav", "ol", "p", "rect", "section",
    "span", "style", "summary", "svg", "table", "tbody", "td", "text", "th", "thead", "time", "title", "tr", "ul",
    "wbr", "!doctype", "i", "em", "strong", "small", "abbr", "caption", "colgroup",
];

/// Attributes, none of which can name an address but `href`, which is checked.
const ATTRIBUTES: [&str; 26] = [
    "aria-hidden",
    "aria-label",
    "charset",
    "checked",
    "class",
    "content",
    "height",
    "href",
    "html",
    "http-equiv",
    "id",
    "lang",
    "name",
    "open",
    "preserveaspectratio",
    "role",
    "title",
    "type",
    "viewbox",
    "width",
    "x",
    "x1",
    "x2",
    "y",
    "y1",
    "y2",
];

const VOID: [&str; 5] = ["br", "input", "meta", "wbr", "!doctype"];

/// What a page says.
pub struct Page {
    /// The text a reader sees, titles of drawings among it, without the style sheet.
    pub text: String,
    /// Ids of elements.
    pub ids: Vec<String>,
    /// Where links lead to, without the `#`.
    pub targets: Vec<String>,
    /// The content policy.
    pub policy: Option<String>,
    /// The style sheet.
    pub style: String,
}

/// Reads a page.
///
/// # Panics
/// If there is anything in it that a report does not consist of.
pub fn read(html: &str) -> Page {
    let mut page =
        Page { text: String::new(), ids: Vec::new(), targets: Vec::new(), policy: None, style: String::new() };
    let mut open: Vec<String> = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let is_style = open.last().is_some_and(|name| name == "style");
        let before = &rest[..start];
        if is_style {
            page.style.push_str(before)
        } else {
            page.text.push_str(&decoded(before))
        }
        let end = end_of_tag(&rest[start..]);
        let tag = &rest[start + 1..start + end];
        rest = &rest[start + end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            let opened = open.pop();
            assert_eq!(
                opened.as_deref(),
                Some(name.trim().to_ascii_lowercase().as_str()),
                "</{tag}> ends nothing"
            );
            continue;
        }
        let (name, attributes) = attributes(tag);
        assert!(ELEMENTS.contains(&name.as_str()), "<{tag}>");
        see(&mut page, &name, &attributes);
        if !tag.ends_with('/') && !VOID.contains(&name.as_str()) {
            open.push(name);
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
    page
}

fn see(page: &mut Page, element: &str, attributes: &[(String, String)]) {
    for (name, value) in attributes {
        assert!(ATTRIBUTES.contains(&name.as_str()), "{element} {name}={value}");
        assert!(
            !value.contains("//") && !value.to_ascii_lowercase().contains("script:"),
            "{element} {name}={value}"
        );
        match name.as_str() {
            "href" => {
                page.targets.push(value.strip_prefix('#').unwrap_or_else(|| panic!("{value}")).to_owned());
            }
            "id" => page.ids.push(value.clone()),
            _ => {}
        }
    }
    let is_policy = attributes.iter().any(|(_, value)| value == "Content-Security-Policy");
    if let Some((_, policy)) = attributes.iter().find(|(name, _)| is_policy && name == "content") {
        page.policy = Some(policy.clone());
    }
}

/// The place of the `>` that ends the tag at the beginning of the text.
fn end_of_tag(text: &str) -> usize {
    let mut quoted = false;
    for (place, character) in text.char_indices() {
        match character {
            '"' => quoted = !quoted,
            '>' if !quoted => return place,
            _ => {}
        }
    }
    panic!("a tag without an end: {}", &text[..text.len().min(200)])
}

fn attributes(tag: &str) -> (String, Vec<(String, String)>) {
    let tag = tag.trim_end_matches('/');
    let (name, mut rest) = tag.split_once([' ', '\n']).unwrap_or((tag, ""));
    let mut attributes = Vec::new();
    while !rest.trim_start().is_empty() {
        rest = rest.trim_start();
        let end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        rest = &rest[end..];
        let value = match rest.strip_prefix("=\"") {
            Some(quoted) => {
                let (value, after) = quoted.split_once('"').unwrap_or_else(|| panic!("{tag}"));
                rest = after;
                decoded(value)
            }
            None => String::new(),
        };
        attributes.push((name, value));
    }
    (name.to_ascii_lowercase(), attributes)
}

fn decoded(text: &str) -> String {
    let mut decoded = text.to_owned();
    for (entity, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#96;", "`"),
        ("&nbsp;", "\u{a0}"),
        ("&amp;", "&"),
    ] {
        decoded = decoded.replace(entity, character);
    }
    decoded
}
