//! From what was counted to places: access logs whose path tells no account get that of CloudTrail.

use super::days::{PlaceDays, WITHOUT_HOURS};
use super::kind::LogKind;
use super::loss::Losses;
use super::requests::Requests;
use super::stage::Tables;
use super::{Coverage, Place};
use crate::detect::entities::{Entities, EntityKey, State};
use crate::detect::key_sample::share;
use crate::investigate::Selection;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Account and region.
type Home = (Option<String>, Option<String>);

/// All that was seen, or of it the places that are asked for. A selection of records leaves places out only at the end, so
/// that of the others the same is told as without it.
pub(super) fn coverage(mut tables: Tables, selection: Option<&Selection>) -> Coverage {
    let left_out = notes(&tables);
    let selected = selection
        .filter(|selection| selection.asks_beyond_buckets())
        .map(|_| std::mem::take(&mut tables.selected));
    let mut accounts: BTreeMap<Home, PlaceDays> = BTreeMap::new();
    for (key, days) in tables.accounts.take_sorted() {
        let [account_id, region] = named(&key);
        accounts.insert((account_id, region), days);
    }
    let mut buckets: BTreeMap<String, Vec<(Home, PlaceDays)>> = BTreeMap::new();
    let mut asked_for: BTreeSet<String> = BTreeSet::new();
    for (key, days) in tables.buckets.take_sorted() {
        let [account_id, region, bucket] = named(&key);
        let bucket = bucket.unwrap_or_default();
        if days.is_asked_for {
            asked_for.insert(bucket.clone());
        }
        // A call of KMS asks for a bucket of which there need not be any record.
        if !days.days().is_empty() {
            buckets.entry(bucket).or_default().push(((account_id, region), days));
        }
    }
    let owners = accounts_of_owners(&buckets);
    let mut places = Vec::new();
    let mut key = EntityKey::default();
    for (bucket, seen) in buckets {
        let home = home(&seen, &owners);
        let requests = tables.requests.get(key.set(&[Some(&bucket)]));
        places.extend(places_of(
            (bucket, home),
            seen,
            &mut accounts,
            requests.map(Losses::of).unwrap_or_default(),
        ));
    }
    for place in &places {
        let account = accounts.entry((place.account_id.clone(), place.region.clone())).or_default();
        account.widen(place.days.span_ms());
        for (number, day) in place.days.days() {
            account.change(*number, |mine| mine.merge_delays(day));
        }
    }
    if selected.is_some() {
        places.retain(|place| place.bucket.as_ref().is_some_and(|bucket| asked_for.contains(bucket)));
    }
    let is_everything = selection.is_none_or(Selection::is_everything);
    let homes: BTreeSet<Home> =
        places.iter().map(|place| (place.account_id.clone(), place.region.clone())).collect();
    for (home, mut days) in accounts {
        days.remove_empty();
        let is_shown = is_everything || days.is_asked_for || homes.contains(&home);
        if is_shown && !days.days().is_empty() {
            let (account_id, region) = home;
            places.push(Place { account_id, region, days, ..Place::default() });
        }
    }
    places.sort_by(|left, right| order(left).cmp(&order(right)));
    Coverage { places, span_ms: tables.span_ms, selected, left_out }
}

/// What is not known comes last; an account as a whole comes before its buckets.
fn order(place: &Place) -> (bool, &Option<String>, bool, &Option<String>, &Option<String>) {
    (place.account_id.is_none(), &place.account_id, place.region.is_none(), &place.region, &place.bucket)
}

fn named<const N: usize>(key: &str) -> [Option<String>; N] {
    let fields = EntityKey::fields(key);
    std::array::from_fn(|index| fields.get(index).copied().flatten().map(str::to_owned))
}

/// The places of one bucket. Lines without an account go where the bucket is at home.
fn places_of(
    (bucket, home): (String, Home),
    seen: Vec<(Home, PlaceDays)>,
    accounts: &mut BTreeMap<Home, PlaceDays>,
    losses: Losses,
) -> Vec<Place> {
    let mut by_home: BTreeMap<Home, PlaceDays> = BTreeMap::new();
    for (from, days) in seen {
        let is_lost = from.0.is_none() && (from.1.is_none() || from.1 == home.1);
        let target = if is_lost { home.clone() } else { from.clone() };
        if target != from {
            move_counts(&days, accounts, &from, &target);
        }
        let mine = by_home.entry(target).or_default();
        mine.merge(days, 0);
    }
    let place = |((account_id, region), days)| Place {
        account_id,
        region,
        bucket: Some(bucket.clone()),
        days,
        losses: Losses::default(),
    };
    let mut places: Vec<Place> = by_home.into_iter().map(place).collect();
    // The access log is that of one place; what was compared belongs there.
    let lines =
        |place: &Place| -> u64 { place.days.days().iter().map(|(_, day)| day.of(LogKind::AccessLines)).sum() };
    if let Some(place) = places.iter_mut().rev().max_by_key(|place| lines(place)) {
        place.losses = losses;
    }
    places
}

/// Account and region that a bucket belongs to, as CloudTrail tells.
fn home_by_trail(seen: &[(Home, PlaceDays)]) -> Option<&Home> {
    let only = |is_it: fn(&PlaceDays) -> bool| {
        let mut homes = seen.iter().filter(|((account_id, _), days)| account_id.is_some() && is_it(days));
        homes.next().filter(|_| homes.next().is_none()).map(|(home, _)| home)
    };
    if seen.iter().any(|(_, days)| days.is_owner) { only(|days| days.is_owner) } else { only(|_| true) }
}

/// Account and region that a bucket belongs to, as far as anything tells: CloudTrail; else another bucket of the same
/// owner, and the endpoints of its requests.
fn home(seen: &[(Home, PlaceDays)], owners: &HashMap<u64, Option<String>>) -> Home {
    if let Some(home) = home_by_trail(seen) {
        return home.clone();
    }
    let owner = seen.iter().find_map(|(_, days)| days.owner_id);
    let account_id = owner.and_then(|owner| owners.get(&owner)?.clone());
    let endpoint = seen.iter().filter_map(|(_, days)| days.endpoint_region.as_deref()).min();
    (account_id, endpoint.map(str::to_owned))
}

/// The account behind each owner of buckets that access lines name; `None` if buckets contradict each other.
fn accounts_of_owners(buckets: &BTreeMap<String, Vec<(Home, PlaceDays)>>) -> HashMap<u64, Option<String>> {
    let mut accounts: HashMap<u64, Option<String>> = HashMap::new();
    for seen in buckets.values() {
        let owner = seen.iter().find_map(|(_, days)| days.owner_id);
        let account_id = home_by_trail(seen).and_then(|(account_id, _)| account_id.as_deref());
        if let (Some(owner), Some(account_id)) = (owner, account_id) {
            let known = accounts.entry(owner).or_insert_with(|| Some(account_id.to_owned()));
            *known = known.take().filter(|known| known == account_id);
        }
    }
    accounts
}

fn move_counts(days: &PlaceDays, accounts: &mut BTreeMap<Home, PlaceDays>, from: &Home, target: &Home) {
    for (number, day) in days.days() {
        if let Some(account) = accounts.get_mut(from) {
            account.change(*number, |mine| mine.subtract_counts(day));
        }
        accounts.entry(target.clone()).or_default().change(*number, |mine| mine.add_counts(day));
    }
}

fn notes(tables: &Tables) -> Vec<String> {
    let mut notes = Vec::new();
    let tables_of_days = [("accounts and regions", &tables.accounts), ("buckets", &tables.buckets)];
    for (what, table) in tables_of_days {
        if table.state_level() >= WITHOUT_HOURS {
            notes.push(format!(
                "More days of {what} than the memory holds by hours: hours without rows were not looked for."
            ));
        } else if table.state_level() > 0 {
            notes.push(format!(
                "More days of {what} than the memory holds: how long their logs took to arrive is told up to twice too long."
            ));
        }
        notes.extend(left_out(what, table));
    }
    if tables.requests.state_level() >= Requests::LEVELS {
        notes.push("More buckets than the memory holds requests of: their logs were not compared.".to_owned());
    }
    notes.extend(left_out("buckets, whose logs were to be compared,", &tables.requests));
    notes
}

fn left_out<S: State>(what: &str, table: &Entities<S>) -> Option<String> {
    (table.halvings() > 0).then(|| {
        let part = share(table.halvings());
        format!(
            "More {what} than the memory holds: {part} was looked at, and {} records of the others were not.",
            table.dropped_rows()
        )
    })
}
