//! What the input cannot show, whatever is asked of it.

use crate::activity::evidence::{Evidence, EvidenceCounts};

/// A sentence for each kind of record that the input lacks, and for what each log never says.
pub fn blind_spots(evidence: &EvidenceCounts) -> Vec<String> {
    let mut spots = evidence.missing();
    if evidence.of(Evidence::AccessLines) > 0 {
        spots.push(
            "requests whose access-log line was not delivered: AWS delivers access logs as best effort".to_owned(),
        );
    }
    spots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_with_what_it_would_show() {
        let spots = blind_spots(&EvidenceCounts::default());
        assert_eq!(spots.len(), Evidence::ALL.len());
        for (spot, kind) in spots.iter().zip(Evidence::ALL) {
            assert_eq!(*spot, format!("no {}: they would show {}", kind.name(), kind.shows()));
        }
    }
}
