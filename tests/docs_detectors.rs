//! The manual of the detectors is the one in the source.

use std::path::Path;

#[test]
fn the_page_of_the_detectors_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/detectors.md");
    let page = s3sleuth::detect::manual::manual_page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/detectors.md is out of date: run `UPDATE_DOCS=1 cargo test --test docs_detectors`"
    );
}
