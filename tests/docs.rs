//! Generated pages are current. `UPDATE_DOCS=1 cargo test --release --test docs` rewrites them.

use std::path::Path;

fn check(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, expected).expect("docs/ can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "docs/{name} is out of date: UPDATE_DOCS=1 cargo test --release --test docs");
}

#[test]
fn the_schema_page_is_current() {
    check("schema.md", &s3sleuth::batch::schema_page());
}

#[test]
fn the_page_of_the_detectors_is_current() {
    check("detectors.md", &s3sleuth::detect::manual::manual_page());
}

#[test]
fn the_page_of_the_checks_for_athena_is_current() {
    check("athena-lint.md", &s3sleuth::lint::checks_page());
}
