//! From which countries and autonomous systems the baseline knows callers.

use crate::detect::Config;
use crate::detect::alert::{Alert, Severity};
use crate::detect::baseline::{DAY_HOURS, Dimension, hour_of};
use crate::detect::context::{Country, Places, System};
use crate::detect::hits::Group;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

/// By caller.
#[derive(Debug, Default)]
pub struct KnownPlaces {
    of_callers: HashMap<String, Vec<Place>>,
    /// Does the baseline hold all networks?
    is_whole: bool,
}

/// Where a network is, and from which hour since 1970 UTC it is known.
#[derive(Debug)]
struct Place {
    first_hour: u32,
    country: Option<Country>,
    system: Option<u32>,
}

impl KnownPlaces {
    /// Of a baseline, by the databases of the configuration.
    pub fn of(config: &Config) -> KnownPlaces {
        let (Some(learned), places) = (&config.baseline, &config.context.places) else {
            return KnownPlaces::default();
        };
        if places.are_unknown() {
            return KnownPlaces::default();
        }
        let mut of_callers: HashMap<String, Vec<Place>> = HashMap::new();
        for (fields, entry) in learned.entries(Dimension::PrincipalNetwork) {
            let [caller, network] = fields[..] else { continue };
            let Some(address) = network.split('/').next().and_then(|text| text.parse().ok()) else { continue };
            let (country, system) = (places.country(address), places.system(address).map(|system| system.number));
            let place = Place { first_hour: entry.hours().0, country, system };
            of_callers.entry(caller.to_owned()).or_default().push(place);
        }
        KnownPlaces { of_callers, is_whole: learned.is_whole(Dimension::PrincipalNetwork) }
    }

    /// Holds an alert about a new network of a caller against where the caller was before its day: a system that is known
    /// makes it milder, a country that is not worse.
    pub fn hold_against(&self, alert: &mut Alert, group: &Group<'_>, places: &Places) {
        let known = group.entity[0].and_then(|caller| self.of_callers.get(caller));
        let (Some(known), Some(address)) = (known, address(alert, group)) else { return };
        let first_hour = group.seen_ms().0.and_then(hour_of).unwrap_or(0);
        let today = first_hour / DAY_HOURS * DAY_HOURS;
        let before = || known.iter().filter(|place| place.first_hour < today);
        let mut step: isize = 0;
        if let Some(System { number, .. }) = places.system(address) {
            if before().any(|place| place.system == Some(number)) {
                step -= 1;
                alert.reasons.push(format!("The baseline knows the caller from other networks of AS{number}."));
            } else {
                alert.reasons.push(format!("The baseline does not know the caller from AS{number}."));
            }
        }
        let countries: BTreeSet<Country> = before().filter_map(|place| place.country).collect();
        if let Some(country) = places.country(address)
            && self.is_whole
            && !countries.is_empty()
            && !countries.contains(&country)
        {
            step += 1;
            let names: Vec<String> = countries.iter().take(MOST_NAMED).map(Country::to_string).collect();
            let more = if countries.len() > MOST_NAMED { " and others" } else { "" };
            alert.reasons.push(format!(
                "The baseline does not know the caller from {country}, only from {}{more}.",
                names.join(", ")
            ));
        }
        let at = Severity::ALL.iter().position(|level| *level == alert.severity).unwrap_or(0);
        alert.severity = Severity::ALL[at.saturating_add_signed(step).min(Severity::ALL.len() - 1)];
    }
}

/// Countries that an alert names.
const MOST_NAMED: usize = 10;

/// The address of an alert, or the first of its network.
fn address(alert: &Alert, group: &Group<'_>) -> Option<IpAddr> {
    let network = group.entity[2].unwrap_or_default();
    let of_network = || {
        if network.contains(':') { format!("{}::", network.trim_end_matches(':')) } else { format!("{network}.0") }
    };
    alert.remote_ip.as_deref().and_then(|address| address.parse().ok()).or_else(|| of_network().parse().ok())
}
