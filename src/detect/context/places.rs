//! Where addresses are, by the databases that the configuration names.

use super::ReadFile;
use super::database::{Country, Database, System};
use crate::detect::alert::Alert;
use serde_json::json;
use std::net::IpAddr;
use std::sync::Arc;

/// The databases.
#[derive(Clone, Debug, Default)]
pub struct Places {
    countries: Option<Arc<Database>>,
    systems: Option<Arc<Database>>,
}

impl Places {
    /// Reads the files, where they are named.
    ///
    /// # Errors
    /// One sentence: in which file what is wrong.
    pub fn of(countries: Option<&str>, systems: Option<&str>, read: &mut ReadFile<'_>) -> Result<Places, String> {
        let countries = countries.map(|file| Database::open::<Country>(file, read(file)?)).transpose()?;
        let systems = systems.map(|file| Database::open::<System>(file, read(file)?)).transpose()?;
        Ok(Places { countries: countries.map(Arc::new), systems: systems.map(Arc::new) })
    }

    /// Is there no database?
    pub fn are_unknown(&self) -> bool {
        self.countries.is_none() && self.systems.is_none()
    }

    /// Are countries known?
    pub fn know_countries(&self) -> bool {
        self.countries.is_some()
    }

    /// The country of an address.
    pub fn country(&self, address: IpAddr) -> Option<Country> {
        self.countries.as_ref()?.of(address)
    }

    /// The autonomous system of an address.
    pub fn system(&self, address: IpAddr) -> Option<System> {
        self.systems.as_ref()?.of(address)
    }

    /// Adds to an alert with one address where that is, under the names of the databases' own members.
    pub fn tell(&self, alert: &mut Alert) {
        let Some(address) = &alert.remote_ip else { return };
        let Ok(parsed) = address.parse() else { return };
        let mut places = Vec::new();
        let mut place = |place: String, database: &Option<Arc<Database>>| {
            let as_of = database.as_ref().and_then(|database| database.as_of());
            places.push(format!("in {place}{}", as_of.map(|day| format!(" as of {day}")).unwrap_or_default()));
        };
        if let Some(country) = self.country(parsed) {
            place(country.to_string(), &self.countries);
            alert.observed.insert("country", json!(country.to_string()));
        }
        if let Some(system) = self.system(parsed) {
            place(system.to_string(), &self.systems);
            alert.observed.insert("autonomous_system_number", json!(system.number));
            alert.observed.insert("autonomous_system_organization", json!(system.organization));
        }
        if !places.is_empty() {
            alert.reasons.push(format!("{address} is {}.", places.join(" and ")));
        }
    }

    /// Sentences about databases that are damaged.
    pub fn notes(&self) -> impl Iterator<Item = String> {
        [&self.countries, &self.systems].into_iter().flatten().filter_map(|database| database.note())
    }
}
