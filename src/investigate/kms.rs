//! Calls of KMS that S3 made for a request, joined to it: the same object in the same second, by the same caller.
//!
//! Several requests for an object in one second cannot be told apart by the logs: the calls are given to them in turn.
//! With bucket keys a call names the bucket alone, and stands for itself.

use super::event::{Event, column};
use super::sorted::Grouping;
use std::collections::{BTreeMap, HashMap};

/// Events of one second, by the first 8 bytes of their keys; of more of them those that come together are looked at.
pub(super) const OF_SECOND: Grouping = Grouping { key_bytes: 8, most_rows: 50_000, most_bytes: 8 << 20 };

/// Calls that are told of one request.
const MOST_CALLS: usize = 100;

const ACTION: usize = column("action");
const BUCKET: usize = column("bucket_name");
const KEY: usize = column("object_key");
const OUTCOME: usize = column("outcome");
const PRINCIPAL: usize = column("principal");
const ACTION_CLASS: usize = column("action_class");
const ERROR_CODE: usize = column("error_code");

/// What became of calls of KMS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KmsTally {
    /// Calls that were joined to their requests.
    pub joined_calls: u64,
    /// Calls that may be of the selection, and whose request is not of it.
    pub unattributed_calls: u64,
}

impl KmsTally {
    pub(super) fn add(&mut self, other: KmsTally) {
        self.joined_calls += other.joined_calls;
        self.unattributed_calls += other.unattributed_calls;
    }
}

/// The events of a second that are asked for, calls of KMS joined to their requests.
pub(super) fn joined<'a>(second: Vec<Event<'a>>, tally: &mut KmsTally) -> Vec<Event<'a>> {
    if !second.iter().any(|event| event.kms_object.is_some()) {
        return second;
    }
    let mut requests: HashMap<(String, Option<&str>), Requests> = HashMap::new();
    for (number, event) in second.iter().enumerate().filter(|(_, event)| event.kms_object.is_none()) {
        if let (Some(bucket), Some(key)) = (event.text(BUCKET), event.text(KEY)) {
            let of = requests.entry((format!("{bucket}/{key}"), event.text(PRINCIPAL))).or_default();
            for kind in [Some(Kind::Any), Kind::of_request(event)].into_iter().flatten() {
                of.numbers[kind as usize].push(number);
            }
        }
    }
    let mut calls: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (number, call) in second.iter().enumerate() {
        let Some(object) = &call.kms_object else { continue };
        let of = requests.get_mut(&(object.clone(), call.text(PRINCIPAL)));
        if let Some(request) = of.and_then(|requests| requests.next(Kind::of_call(call))) {
            calls.entry(request).or_default().push(number);
        }
    }
    drop(requests);
    with_calls(second, &calls, tally)
}

/// What a call of KMS is made for: what is read is decrypted, what is written gets a key.
#[derive(Clone, Copy)]
enum Kind {
    Read,
    Write,
    Any,
}

impl Kind {
    fn of_request(event: &Event<'_>) -> Option<Kind> {
        match event.text(ACTION_CLASS) {
            Some("read") => Some(Kind::Read),
            Some("write") => Some(Kind::Write),
            _ => None,
        }
    }

    fn of_call(call: &Event<'_>) -> Kind {
        match call.text(ACTION) {
            Some("Decrypt") => Kind::Read,
            Some("GenerateDataKey" | "GenerateDataKeyWithoutPlaintext" | "Encrypt") => Kind::Write,
            _ => Kind::Any,
        }
    }
}

/// Requests of a caller for an object, by kind, and whose turn it is.
#[derive(Default)]
struct Requests {
    numbers: [Vec<usize>; 3],
    turns: [usize; 3],
}

impl Requests {
    /// The request that the next call of a kind is given to. When each has had its turn the last one gets all.
    fn next(&mut self, kind: Kind) -> Option<usize> {
        let kind = if self.numbers[kind as usize].is_empty() { Kind::Any } else { kind } as usize;
        let (numbers, turn) = (&self.numbers[kind], &mut self.turns[kind]);
        let number = numbers.get(*turn).or(numbers.last()).copied();
        *turn += 1;
        number
    }
}

/// The requests with their calls, and what else is asked for; calls that were only perhaps of the selection are counted.
fn with_calls<'a>(
    second: Vec<Event<'a>>,
    calls: &BTreeMap<usize, Vec<usize>>,
    tally: &mut KmsTally,
) -> Vec<Event<'a>> {
    let mut events: Vec<Option<Event<'_>>> = second.into_iter().map(Some).collect();
    for (request, calls) in calls {
        let taken: Vec<Event<'_>> = calls.iter().filter_map(|call| events[*call].take()).collect();
        let Some(request) = events[*request].as_mut() else { continue };
        tally.joined_calls += taken.len() as u64;
        for call in taken.into_iter().take(MOST_CALLS) {
            request.kms_calls.push(sentence(&call));
            request.sources.extend(call.sources);
            if request.session_chain.is_empty() {
                request.session_chain = call.session_chain;
            }
        }
        let more = calls.len().saturating_sub(MOST_CALLS);
        if more > 0 {
            request.kms_calls.push(format!("… {more} more"));
        }
    }
    let (selected, others): (Vec<Event<'_>>, Vec<Event<'_>>) =
        events.into_iter().flatten().partition(|event| event.is_selected);
    tally.unattributed_calls += others.len() as u64;
    selected
}

/// `Decrypt success arn:aws:kms:…`
fn sentence(call: &Event<'_>) -> String {
    let words = [call.text(ACTION), call.text(OUTCOME), call.text(ERROR_CODE), call.kms_key.as_deref()];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::joined::tests::event;
    use super::*;
    use crate::parse::LogType::{CloudTrail, S3Access};

    #[test]
    fn calls_go_to_the_requests_of_their_object_and_caller_in_turn() {
        let request = |line, class, who| {
            let names = [("bucket_name", "b"), ("object_key", "k"), ("action_class", class), ("principal", who)];
            event(S3Access, 1000, line, &names)
        };
        let call = |line, action, who, object: &str| {
            let mut call =
                event(CloudTrail, 1000, line, &[("action", action), ("outcome", "success"), ("principal", who)]);
            (call.kms_object, call.kms_key) = (Some(object.to_owned()), Some("arn:key".to_owned()));
            call.is_selected = false;
            call
        };
        let second = vec![
            request(1, "read", "ann"),
            request(2, "write", "ann"),
            request(3, "read", "ann"),
            request(4, "read", "bob"),
            call(5, "GenerateDataKey", "ann", "b/k"),
            call(6, "Decrypt", "ann", "b/k"),
            call(7, "Decrypt", "ann", "b/k"),
            call(8, "Decrypt", "ann", "b/k"),
            call(9, "Decrypt", "bob", "b/k"),
            call(10, "Decrypt", "ann", "b"),
            call(11, "Decrypt", "ann", "b/other"),
        ];
        let mut tally = KmsTally::default();
        let rows = joined(second, &mut tally);
        let lines = |event: &Event<'_>| event.sources.iter().map(|source| source.line).collect::<Vec<_>>();
        assert_eq!(
            rows.iter().map(lines).collect::<Vec<_>>(),
            [vec![1, 6], vec![2, 5], vec![3, 7, 8], vec![4, 9]]
        );
        assert_eq!(rows[0].kms_calls, ["Decrypt success arn:key"]);
        assert_eq!(tally, KmsTally { joined_calls: 5, unattributed_calls: 2 });
    }
}
