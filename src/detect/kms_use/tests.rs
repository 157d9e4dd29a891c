use super::*;
use crate::detect::testing::{Activity, codes, shuffled};

fn state(parts: &[&[Activity]]) -> KmsUse {
    let mut whole = KmsUse::default();
    for part in parts {
        let mut one = KmsUse::default();
        Activity::batch(LogType::CloudTrail, part, |batch| one.observe(batch, &codes(batch)));
        whole.merge(one);
    }
    whole
}

/// All that a view says, as text.
fn told(of_state: &KmsUse) -> String {
    let view = of_state.view();
    let every = i64::MIN..=i64::MAX;
    let calls: Vec<_> = view
        .quotas()
        .map(|of| {
            let drivers = view.drivers(&of, &(0..=i64::from(u32::MAX)));
            let top: Vec<_> = drivers.by_kind().map(|(kind, tally)| (kind, tally.top(9), tally.halvings())).into();
            format!(
                "{of:?} {:?} {top:?} {:?}",
                view.loads(&of, every.clone()).collect::<Vec<_>>(),
                drivers.saving()
            )
        })
        .collect();
    let notes: Vec<String> = of_state.notes().collect();
    format!("{calls:?} {:?} {notes:?} {}", view.failed(every, |_, _| true), of_state.bytes())
}

fn call(number: i64, context: &'static str, is_refused: bool) -> Activity {
    Activity {
        service: "kms",
        action: "Decrypt",
        outcome: if is_refused { "throttled" } else { "success" },
        error_code: is_refused.then_some("ThrottlingException"),
        bucket: None,
        time_ms: Some(number / 4 * 1000),
        line: number,
        kms_key: Some("arn:aws:kms:eu-west-1:111122223333:key/1"),
        parameters: Some(context),
        ..Activity::default()
    }
}

#[test]
fn the_busiest_second_and_who_drove_it_are_known() {
    let object = r#"{"encryptionContext":{"aws:s3:arn":"arn:aws:s3:::b/a/k"}}"#;
    let bucket = r#"{"encryptionContext":{"aws:s3:arn":"arn:aws:s3:::c"}}"#;
    let rows: Vec<Activity> = (0..402)
        .map(|number| call(number, if number < 400 { object } else { bucket }, number % 100 == 0))
        .collect();
    let state = state(&[&rows]);
    let view = state.view();
    let of = view.quotas().next().unwrap();
    assert_eq!((of.account, of.region, of.quota), (Some("111122223333"), Some("eu-west-1"), SYMMETRIC));
    let mut load = Load::default();
    view.loads(&of, 0..=9).for_each(|(minute, one)| load.add(minute, &one));
    assert_eq!((load.requests, load.refused, load.peak, load.peak_at, load.is_average), (402, 5, 4, 0, false));
    let drivers = view.drivers(&of, &(0..=1));
    let names: Vec<&str> =
        drivers.by_kind().into_iter().flat_map(|(_, tally)| tally.top(9)).map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["arn:aws:kms:eu-west-1:111122223333:key/1", "arn:aws:iam::111122223333:user/ann", "b", "c", "b/a/"]
    );
    assert_eq!(drivers.of_bucket("b"), Some(Uses { requests: 400, refused: 4 }));
    let saving = drivers.saving().unwrap();
    assert_eq!((saving.for_objects, saving.left, saving.spared_percent), (400, 4, 98));
    assert!(view.drivers(&of, &(60..=119)).saving().is_none());
}

#[test]
fn over_the_budget_what_is_left_depends_neither_on_order_nor_on_merges() {
    let rows: Vec<Activity> = (0..60_000)
        .map(|number| {
            let name: &'static str = Box::leak(format!("name-{number}").into_boxed_str());
            let is_call = number % 4 > 0;
            let base = if is_call { call(number, "{}", number % 3 == 0) } else { Activity::default() };
            Activity {
                principal: name,
                kms_key: Some(name),
                bucket: (!is_call).then_some(name),
                error_code: if is_call { base.error_code } else { Some("SlowDown") },
                outcome: if is_call { base.outcome } else { "throttled" },
                time_ms: Some(number * 1_000_003 % 90_000_000_000),
                request: format!("R{number}"),
                ..base
            }
        })
        .collect();
    let other = shuffled(rows.clone(), 5);
    let (left, right) = other.split_at(20_000);
    let whole = state(&[&rows]);
    assert!(whole.bytes() <= CALLS_BUDGET + FAILURES_BUDGET && whole.notes().count() > 0, "{}", whole.bytes());
    let told_whole = told(&whole);
    assert!(told_whole == told(&state(&[&other])) && told_whole == told(&state(&[left, right])));
    let restored: KmsUse = crate::detect::restore(&crate::detect::saved(&whole)).unwrap();
    assert!(told(&restored) == told_whole);
}
