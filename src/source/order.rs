//! The order of what is read: it does not depend on how it was named or found.

use super::{Input, Place};
use std::cmp::Ordering;
use std::path::Path;

/// Names mostly begin alike, and the next sixteen bytes decide: they are compared as numbers, without looking the names up.
pub(super) fn put_in_order(files: &mut [Input]) {
    let shared = shared_prefix(files);
    let decisive = |input: &Input| {
        let rest = input.name.as_bytes().get(shared..).filter(|_| input.place != Place::Stdin).unwrap_or_default();
        let mut bytes = [0; 16];
        match rest.first_chunk() {
            Some(first) => bytes = *first,
            None => bytes[..rest.len()].copy_from_slice(rest),
        }
        let number = u128::from_be_bytes(bytes);
        ((number >> 64) as u64, number as u64)
    };
    // Few bytes each, as they are moved about.
    let mut order: Vec<((u64, u64), u32)> = files.iter().map(decisive).zip(0..).collect();
    // Stable, and quick where parts are in order already.
    order.sort_by(|(one, at), (other, other_at)| {
        one.cmp(other).then_with(|| in_order(&files[*at as usize], &files[*other_at as usize]))
    });
    let mut order: Vec<u32> = order.into_iter().map(|(_, at)| at).collect();
    for place in 0..order.len() {
        // Who belongs there may have been moved on when that place was filled.
        let mut from = order[place] as usize;
        while from < place {
            from = order[from] as usize;
        }
        order[place] = from as u32;
        files.swap(place, from);
    }
}

/// How many bytes all names that are paths have in common at their begin.
fn shared_prefix(files: &[Input]) -> usize {
    let mut names = files.iter().filter(|input| input.place != Place::Stdin).map(|input| input.name.as_bytes());
    let Some(first) = names.next() else { return 0 };
    names.fold(first.len(), |shared, name| {
        if name.starts_with(&first[..shared]) {
            return shared;
        }
        first[..shared].iter().zip(name).take_while(|(one, other)| one == other).count()
    })
}

/// Standard input first, then by name. Names that are no UTF-8 can be alike and their paths not.
pub(super) fn in_order(a: &Input, b: &Input) -> Ordering {
    let key = |input: &Input| input.place != Place::Stdin;
    let paths = || a.path().map(Path::as_os_str).cmp(&b.path().map(Path::as_os_str));
    key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name)).then_with(paths)
}
