//! Whether rows came from logs, from exports of logs, or from both: then most of them were read twice.

use crate::ledger::Notice;
use crate::parse::LogType;
use std::sync::Arc;

/// For each log, what its rows came from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Origins {
    /// Lines or records as AWS delivers them.
    pub logs: [bool; LogType::ALL.len()],
    /// Rows of an export.
    pub exports: [bool; LogType::ALL.len()],
}

impl Origins {
    /// Joins two.
    pub fn merge(&mut self, other: Origins) {
        for log in LogType::ALL.map(|log| log as usize) {
            self.logs[log] |= other.logs[log];
            self.exports[log] |= other.exports[log];
        }
    }

    /// Did rows of this log come from both?
    pub fn both(&self, log: LogType) -> bool {
        self.logs[log as usize] && self.exports[log as usize]
    }
}

/// What is told where rows of a log came from both.
pub fn notice(log: LogType) -> Notice {
    let text = format!(
        "it holds both logs and exports of {}: a row that stands in both is counted twice; name one of them",
        log.name()
    );
    Notice { name: Arc::from("the input"), text }
}
