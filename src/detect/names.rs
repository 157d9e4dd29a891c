//! Callers and buckets by number, so that a row carries no text and what follows from a name is found out once.

use super::entities::{MOST_FIELD, field};
use super::key_sample::fingerprint_of;
use super::known::{is_account_id, is_canonical_id, is_delivering};
use super::memo::Memo;
use hashbrown::HashMap;

/// Names of each kind that are held before all are forgotten. They are only an aid: what is counted under them has been
/// taken over by then.
const MOST: usize = 1 << 13;

/// A name, and what follows from it alone.
#[derive(Clone, Debug)]
pub struct Name {
    /// As the log has it, cut as in [`field`]; `None` if the log does not say.
    pub text: Option<Box<str>>,
    /// Fingerprint of the whole name.
    pub fingerprint: u64,
    /// Is it an AWS service that delivers logs?
    pub delivers: bool,
    /// Is it an account, by its 12 digits or its canonical id?
    pub is_account: bool,
    /// Is it a role?
    pub is_role: bool,
}

/// Names of one kind.
#[derive(Clone, Debug, Default)]
pub struct Numbered {
    /// Of the names that come often.
    recent: Memo<u32>,
    numbers: HashMap<Box<[u8]>, u32>,
    unnamed: Option<u32>,
    names: Vec<Name>,
}

impl Numbered {
    /// The number of a name, which is valid UTF-8.
    pub fn number(&mut self, name: Option<&[u8]>) -> u32 {
        let Some(name) = name else { return self.unnamed.unwrap_or_else(|| self.add(None)) };
        if let Some(number) = self.recent.get(name) {
            return number;
        }
        let number = self.numbers.get(name).copied().unwrap_or_else(|| self.add(Some(name)));
        self.recent.set(name, number);
        number
    }

    fn add(&mut self, name: Option<&[u8]>) -> u32 {
        let number = self.names.len() as u32;
        let text = name.map(|name| String::from_utf8_lossy(name));
        self.names.push(Name {
            text: text.as_deref().map(|name| field(name).into()),
            fingerprint: fingerprint_of(name.unwrap_or_default()),
            delivers: text.as_deref().is_some_and(is_delivering),
            is_role: text.as_deref().is_some_and(|name| name.contains(":role/")),
            is_account: text.as_deref().is_some_and(|name| is_account_id(name) || is_canonical_id(name)),
        });
        match name {
            Some(name) => {
                // What is too long to be a name is crafted: each gets a number of its own, and no memory.
                if name.len() <= MOST_FIELD {
                    self.numbers.insert(name.into(), number);
                }
            }
            None => self.unnamed = Some(number),
        }
        number
    }

    /// What is known of the name with that number.
    pub fn name(&self, number: u32) -> &Name {
        &self.names[number as usize]
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.names.len()
    }
}

/// Names of callers and buckets.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Callers.
    pub callers: Numbered,
    /// Buckets.
    pub buckets: Numbered,
    /// Callers in buckets, by the numbers of both.
    numbers: HashMap<(u32, u32), u32>,
    places: Vec<(u32, u32)>,
    /// Of the places that come often, by slot: caller, bucket and the number of the place.
    recent: Vec<Option<(u32, u32, u32)>>,
}

/// Slots for places that come often; a power of two.
const RECENT_PLACES: usize = 4096;

impl Name {
    /// Is it an account, and another than this one?
    pub fn is_other_account(&self, account: Option<&[u8]>) -> bool {
        self.is_account && self.text.as_deref().map(str::as_bytes) != account
    }
}

impl Names {
    /// The number of a caller in a bucket.
    pub fn place(&mut self, caller: u32, bucket: u32) -> u32 {
        let slot = (caller.wrapping_mul(0x9E37) ^ bucket) as usize % RECENT_PLACES;
        if let Some(Some((_, _, place))) = self.recent.get(slot).filter(|known| {
            known.is_some_and(|(known_caller, known_bucket, _)| (known_caller, known_bucket) == (caller, bucket))
        }) {
            return *place;
        }
        let place = *self.numbers.entry((caller, bucket)).or_insert_with(|| {
            self.places.push((caller, bucket));
            self.places.len() as u32 - 1
        });
        self.recent.resize(RECENT_PLACES, None);
        self.recent[slot] = Some((caller, bucket, place));
        place
    }

    /// The numbers of the caller and the bucket.
    pub fn of_place(&self, place: u32) -> (u32, u32) {
        self.places[place as usize]
    }

    /// Are there so many that it is time to begin anew?
    pub fn are_many(&self) -> bool {
        self.callers.count() > MOST || self.buckets.count() > MOST || self.places.len() > 2 * MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_one_number_and_none_is_no_empty_name() {
        let mut names = Numbered::default();
        let numbers = [Some("a"), Some("b"), None, Some(""), Some("a"), None]
            .map(|name: Option<&str>| names.number(name.map(str::as_bytes)));
        assert_eq!(numbers, [0, 1, 2, 3, 0, 2]);
        assert_eq!(names.name(1).text.as_deref(), Some("b"));
        assert_eq!((names.name(2).text.as_deref(), names.name(3).text.as_deref()), (None, Some("")));
    }

    #[test]
    fn a_name_too_long_is_cut_and_not_remembered() {
        let mut names = Numbered::default();
        let long = "x".repeat(5000);
        assert_ne!(names.number(Some(long.as_bytes())), names.number(Some(long.as_bytes())));
        assert!(names.name(0).text.as_ref().unwrap().len() < 1100 && names.numbers.is_empty());
        assert_eq!(names.name(0).fingerprint, fingerprint_of(long.as_bytes()));
    }
}
