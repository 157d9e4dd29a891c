//! Which program took evidence or ran on it: its version, its own bytes, and its rules.

use super::hashing::{hash_file, hexadecimal};
use crate::detect::{Form, RULES, Rule};
use ring::digest::{Context, SHA256};

/// The SHA-256 of the rules: of their names, texts, columns and thresholds, and of what rules that are data ask for. What
/// rules that are code do belongs to the version of the program.
pub fn catalogue_sha256() -> String {
    let mut context = Context::new(&SHA256);
    RULES.iter().for_each(|rule| context.update(described(rule).as_bytes()));
    hexadecimal(context.finish().as_ref())
}

fn described(rule: &Rule) -> String {
    let data = if let Form::Data(data) = rule.form { data.digest } else { 0 };
    let thresholds: Vec<(&str, u64)> =
        rule.thresholds.iter().map(|threshold| (threshold.name, threshold.default)).collect();
    let texts = [rule.title, rule.looks_for, rule.why, rule.cannot_see, rule.false_positives];
    let columns = [rule.activity_columns, rule.s3_access_columns, rule.cloudtrail_columns];
    let (severity, next) = (rule.severity.name(), rule.next_steps);
    format!("{:?}\n", (rule.id, rule.name, severity, rule.attack, texts, next, thresholds, columns, data))
}

/// The SHA-256 of the program's own file, where the system tells which it is.
pub fn program_sha256() -> Option<String> {
    let path = std::env::current_exe().ok()?;
    Some(hexadecimal(&hash_file(&path).ok()?.sha256))
}
