//! How much one log misses of what the other has.

use super::days::DayNumber;
use super::requests::{Compared, Requests};
use std::collections::BTreeMap;

/// So many of so many are missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Requests that were looked for.
    pub compared: u64,
    /// Of them, those that were not found.
    pub missing: u64,
}

impl Missing {
    fn see(&mut self, found: Option<bool>) {
        if let Some(found) = found {
            self.compared += 1;
            self.missing += u64::from(!found);
        }
    }

    fn add(&mut self, other: Missing) {
        self.compared += other.compared;
        self.missing += other.missing;
    }

    /// The share, rounded to a millionth.
    pub fn share(&self) -> Option<f64> {
        (self.compared > 0).then(|| millionths(self.missing as f64 / self.compared as f64))
    }

    /// Between which shares the true one lies, 19 times in 20, where a sample was compared (Wilson 1927,
    /// <https://doi.org/10.1080/01621459.1927.10502953>).
    pub fn bounds(&self) -> Option<(f64, f64)> {
        const Z: f64 = 1.96;
        if self.compared == 0 {
            return None;
        }
        let number = self.compared as f64;
        let share = self.missing as f64 / number;
        let middle = share + Z * Z / (2.0 * number);
        let reach = Z * (share * (1.0 - share) / number + Z * Z / (4.0 * number * number)).sqrt();
        let scale = 1.0 + Z * Z / number;
        Some((millionths(((middle - reach) / scale).max(0.0)), millionths(((middle + reach) / scale).min(1.0))))
    }
}

fn millionths(share: f64) -> f64 {
    (share * 1e6).round() / 1e6
}

/// What a comparison of both logs of a bucket gave, on a day or on all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// Data events of CloudTrail that the access log should have.
    pub events: Missing,
    /// Requests of the access log that CloudTrail should have.
    pub lines: Missing,
    /// Lines of the access log, of which some repeat another.
    pub sampled_lines: u64,
    /// Those that do.
    pub repeated_lines: u64,
    /// How often the sample was halved; 0 if all requests were compared.
    pub halvings: u32,
}

impl Loss {
    fn see(&mut self, compared: &Compared) {
        self.events.see(compared.event_has_line());
        self.lines.see(compared.line_has_event());
    }

    /// Share of the lines that repeat another in every byte, rounded to a millionth.
    pub fn repeated_share(&self) -> Option<f64> {
        (self.sampled_lines > 0).then(|| millionths(self.repeated_lines as f64 / self.sampled_lines as f64))
    }

    fn add(&mut self, other: &Loss) {
        self.events.add(other.events);
        self.lines.add(other.lines);
        self.sampled_lines += other.sampled_lines;
        self.repeated_lines += other.repeated_lines;
    }
}

/// What both logs of a bucket gave, by day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    by_day: BTreeMap<DayNumber, Loss>,
    halvings: u32,
}

impl Losses {
    /// Of the requests of a bucket.
    pub fn of(requests: &Requests) -> Losses {
        let mut losses = Losses { by_day: BTreeMap::new(), halvings: requests.halvings() };
        for compared in requests.compared() {
            losses.by_day.entry(compared.day).or_default().see(&compared);
        }
        for (day, lines, repeats) in requests.lines() {
            let loss = losses.by_day.entry(day).or_default();
            loss.sampled_lines += lines;
            loss.repeated_lines += repeats;
        }
        losses
    }

    /// Of one day.
    pub fn day(&self, day: DayNumber) -> Loss {
        Loss { halvings: self.halvings, ..self.by_day.get(&day).copied().unwrap_or_default() }
    }

    /// Of all days.
    pub fn total(&self) -> Loss {
        let mut total = Loss { halvings: self.halvings, ..Loss::default() };
        self.by_day.values().for_each(|loss| total.add(loss));
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_bounds_that_hold_them() {
        for (missing, compared, bounds) in
            [(0, 1000, (0.0, 0.003827)), (100, 1000, (0.082909, 0.120152)), (1, 1, (0.206543, 1.0))]
        {
            let missing = Missing { compared, missing };
            assert_eq!(missing.bounds(), Some(bounds));
            let share = missing.share().unwrap();
            assert!(bounds.0 <= share && share <= bounds.1);
        }
        assert_eq!((Missing::default().share(), Missing::default().bounds()), (None, None));
    }
}
