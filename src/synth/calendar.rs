//! Times as the logs write them, from seconds since 1970.

use chrono::DateTime;

/// Writes times and keeps the text of the last day, because neighbouring records share it.
#[derive(Default)]
pub(super) struct Calendar {
    day: Option<i64>,
    access: String,
    iso: String,
}

impl Calendar {
    /// Appends `[01/Mar/2026:10:15:00 +0000]`.
    pub(super) fn access(&mut self, seconds: i64, out: &mut Vec<u8>) {
        self.turn_to(seconds);
        out.push(b'[');
        out.extend_from_slice(self.access.as_bytes());
        out.push(b':');
        clock(seconds, out);
        out.extend_from_slice(b" +0000]");
    }

    /// Appends `2026-03-01T10:15:00Z`.
    pub(super) fn iso(&mut self, seconds: i64, out: &mut Vec<u8>) {
        self.turn_to(seconds);
        out.extend_from_slice(self.iso.as_bytes());
        out.push(b'T');
        clock(seconds, out);
        out.push(b'Z');
    }

    fn turn_to(&mut self, seconds: i64) {
        let day = seconds.div_euclid(86_400);
        if self.day != Some(day) {
            self.day = Some(day);
            self.access = formatted(seconds, "%d/%b/%Y");
            self.iso = formatted(seconds, "%Y-%m-%d");
        }
    }
}

/// `seconds` in the given chrono format; the year 1970 for times that no calendar has.
pub(super) fn formatted(seconds: i64, format: &str) -> String {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default().format(format).to_string()
}

/// Appends `10:15:00`.
fn clock(seconds: i64, out: &mut Vec<u8>) {
    let second = seconds.rem_euclid(86_400) as u32;
    two(second / 3_600, out);
    out.push(b':');
    two(second / 60 % 60, out);
    out.push(b':');
    two(second % 60, out);
}

fn two(value: u32, out: &mut Vec<u8>) {
    out.push(b'0' + (value / 10) as u8);
    out.push(b'0' + (value % 10) as u8);
}

/// Appends a number in decimal.
pub(super) fn number(mut value: u64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}
