//! Countries of addresses that come again and again.

use super::Context;
use super::database::Country;
use crate::detect::memo::Memo;

/// What was looked up; nothing is where no country is known.
#[derive(Debug, Default)]
pub struct Countries(Memo<Option<Country>>);

impl Countries {
    /// The country of an address as logged ([`Context::country`]).
    pub fn of(&mut self, address: &[u8], context: &Context) -> Option<Country> {
        if !context.places.know_countries() {
            return None;
        }
        if let Some(country) = self.0.get(address) {
            return country;
        }
        let parsed = std::str::from_utf8(address).ok().and_then(|address| address.parse().ok());
        let country = parsed.and_then(|address| context.country(address));
        self.0.set(address, country);
        country
    }
}
