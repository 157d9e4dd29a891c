//! What a check is, and **the** list of checks. Each is written down beside the code that carries it out.

use super::{content, ddl, layout, manifest, order, schema, sizes};
use serde::Serialize;

/// A check: what must hold, why, and what to do where it does not.
#[derive(Debug)]
pub struct Check {
    /// From 1, never given to another check.
    pub number: u8,
    /// Stable name, lower case.
    pub name: &'static str,
    /// What holds in a folder that passes.
    pub asserts: &'static str,
    /// What Athena does where it does not hold.
    pub why: &'static str,
    /// Where that is documented.
    pub link: &'static str,
    /// What to do about a finding.
    pub next: &'static str,
}

/// Every check, by number.
pub const CHECKS: [&Check; 21] = [
    &schema::types::NO_INT96,
    &schema::types::READABLE_TYPES,
    &schema::types::MILLISECOND_TIMESTAMPS,
    &schema::lists::THREE_LEVEL_LISTS,
    &schema::lists::NO_EMPTY_STRUCT,
    &schema::names::PLAIN_NAMES,
    &schema::names::NOT_RESERVED,
    &schema::names::DISTINCT_NAMES,
    &schema::same::SAME_SCHEMA,
    &sizes::CODEC,
    &sizes::ROW_GROUP_SIZE,
    &sizes::PAGE_SIZE,
    &sizes::FILE_SIZE,
    &order::SORTED,
    &order::DATE_FOLDER,
    &layout::FOLDER_NAMES,
    &layout::ONLY_PARQUET,
    &content::ROW_WIDTH,
    &content::DECODABLE,
    &ddl::DDL_FITS,
    &manifest::AS_IN_MANIFEST,
];

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Queries work, but cost more, need quotes, or other readers fail.
    Warning,
    /// Queries fail, or answer wrongly.
    Error,
}

impl Severity {
    /// As reports name it.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// A place where a check does not hold.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Number of the check.
    pub check: u8,
    /// Name of the check.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// File or folder, below the folder that was checked; `.` is that folder itself.
    pub path: String,
    /// The first row group it is about, from 0; `None`: the whole file or folder.
    pub row_group: Option<usize>,
    /// The first row of that row group it is about, from 0.
    pub row: Option<u64>,
    /// The column, members after dots.
    pub column: Option<String>,
    /// What was found.
    pub found: String,
    /// Why it matters for Athena.
    pub why: &'static str,
    /// Where that is documented.
    pub link: &'static str,
    /// What to do.
    pub next: &'static str,
}

impl Check {
    /// A finding that makes queries fail or answer wrongly.
    pub(super) fn error(&self, path: &str, found: impl Into<String>) -> Finding {
        self.finding(Severity::Error, path, found.into())
    }

    /// A finding that costs.
    pub(super) fn warning(&self, path: &str, found: impl Into<String>) -> Finding {
        self.finding(Severity::Warning, path, found.into())
    }

    fn finding(&self, severity: Severity, path: &str, found: String) -> Finding {
        Finding {
            check: self.number,
            name: self.name,
            severity,
            path: path.to_owned(),
            row_group: None,
            row: None,
            column: None,
            found,
            why: self.why,
            link: self.link,
            next: self.next,
        }
    }
}

impl Finding {
    /// Names the column.
    pub(super) fn in_column(mut self, column: impl Into<String>) -> Finding {
        self.column = Some(column.into());
        self
    }

    /// Names the first row group.
    pub(super) fn in_row_group(mut self, number: usize) -> Finding {
        self.row_group = Some(number);
        self
    }

    /// Names the first row.
    pub(super) fn at_row(mut self, number: u64) -> Finding {
        self.row = Some(number);
        self
    }
}

/// The manual of the checks (`docs/athena-lint.md`), from the list.
pub fn checks_page() -> String {
    let mut page = "# Checks of `s3sleuth athena-lint`\n\n<!-- Generated from src/lint: UPDATE_DOCS=1 cargo test --release \
                    --test docs -->\n\nAn **error** makes Athena fail or answer wrongly; exit code 5. A **warning** \
                    costs time or money, needs quotes, or is refused by other readers; exit code 5 only with \
                    `--strict`. A check that could not be carried out says why.\n"
        .to_owned();
    for check in CHECKS {
        page += &format!(
            "\n## {} {}\n\n**Holds:** {}\n\n**Why:** {} ([source]({}))\n\n**What to do:** {}\n",
            check.number, check.name, check.asserts, check.why, check.link, check.next
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole_and_each_check_says_everything() {
        for (index, check) in CHECKS.iter().enumerate() {
            assert_eq!(usize::from(check.number), index + 1, "{}", check.name);
            assert!(check.link.starts_with("https://"), "{}", check.name);
            for text in [check.asserts, check.why, check.next] {
                assert!(text.ends_with('.') && text.len() > 20, "{}: {text}", check.name);
            }
            let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            assert!(check.name.bytes().all(is_plain), "{}", check.name);
        }
        let names: std::collections::BTreeSet<&str> = CHECKS.iter().map(|check| check.name).collect();
        assert_eq!(names.len(), CHECKS.len());
    }
}
