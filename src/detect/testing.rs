//! Rows for the tests of detectors, without a log around them.

use super::batch::{Column, Columns, cell};
use super::codes::{Act, Codes, Ended, Who, act};
use super::deletions::Deletions;
use super::evidence::EvidenceColumns;
use super::history::History;
use super::key_sample::fingerprint;
use super::key_shape::KeyShapes;
use super::kms_use::KmsUse;
use super::known::is_delivering;
use super::names::Names;
use super::policy::Calls;
use super::sight::{Sight, grants_by_acl};
use super::stage::{Common, DetectWorker};
use super::text_column::TextColumn;
use super::{Config, DetectBatch, Detector, Findings, Rule, Shared};
use crate::activity::outcome::is_throttling;
use crate::decode::{Block, Segment};
use crate::parse::{FieldTable, LogType, s3_access};
use arrow::array::{Array, BooleanArray, Int32Array, Int64Array, TimestampMillisecondArray};
use std::sync::Arc;

/// Lines of an access log as they are parsed.
pub fn access_table(lines: &str) -> FieldTable {
    let segment = Segment { file: "a.log".into(), start: 0, first_number: 1, first_offset: 0 };
    let block = Block {
        log: LogType::S3Access,
        bytes: lines.as_bytes().to_vec(),
        segments: vec![segment],
        records: vec![],
        framed: 0,
    };
    s3_access::parse_block(block, &mut Vec::new()).0
}

/// One row of `activity`, with the native columns that rules read; the default is of no interest to any rule.
#[derive(Clone, Debug)]
pub struct Activity {
    pub time_ms: Option<i64>,
    pub file: &'static str,
    pub line: i64,
    pub service: &'static str,
    pub action: &'static str,
    pub operation: &'static str,
    pub outcome: &'static str,
    pub status: Option<i32>,
    pub error_code: Option<&'static str>,
    pub error_message: Option<&'static str>,
    pub bucket: Option<&'static str>,
    pub key: Option<String>,
    pub version: Option<&'static str>,
    pub principal: &'static str,
    pub kind: &'static str,
    pub ip: &'static str,
    pub access_key: Option<&'static str>,
    pub request: String,
    pub bytes: Option<i64>,
    pub invoked_by: Option<&'static str>,
    pub agent: Option<&'static str>,
    pub parameters: Option<&'static str>,
    pub kms_key: Option<&'static str>,
    pub acl_required: Option<bool>,
}

impl Default for Activity {
    fn default() -> Self {
        Activity {
            time_ms: Some(0),
            file: "a.log",
            line: 1,
            service: "s3",
            action: "HeadObject",
            operation: "REST.HEAD.OBJECT",
            outcome: "success",
            status: Some(200),
            error_code: None,
            error_message: None,
            bucket: Some("bucket"),
            key: Some("key".to_owned()),
            version: None,
            principal: "arn:aws:iam::111122223333:user/ann",
            kind: "user",
            ip: "192.0.2.1",
            access_key: None,
            request: "R1".to_owned(),
            bytes: None,
            invoked_by: None,
            agent: None,
            parameters: None,
            kms_key: None,
            acl_required: None,
        }
    }
}

impl Activity {
    /// Calls with the rows as a batch of that log.
    pub fn batch<T>(log: LogType, rows: &[Activity], call: impl FnOnce(&DetectBatch<'_>) -> T) -> T {
        let text = |cell: fn(&Activity) -> Option<&str>| Column::Text(TextColumn::made(rows.iter().map(cell)));
        let fixed = |value: Option<&'static str>| Column::Text(TextColumn::made(rows.iter().map(|_| value)));
        let status = if log == LogType::S3Access { |row: &Activity| row.status } else { |_: &Activity| None };
        let trail_only = |value| fixed((log == LogType::CloudTrail).then_some(value));
        let activity: Vec<(&str, Column<'_>)> = vec![
            (
                "event_time",
                Column::Array(Arc::new(rows.iter().map(|row| row.time_ms).collect::<TimestampMillisecondArray>())),
            ),
            ("source_file", text(|row| Some(row.file))),
            ("source_line", Column::Array(Arc::new(rows.iter().map(|row| row.line).collect::<Int64Array>()))),
            ("service", text(|row| Some(row.service))),
            ("action", text(|row| Some(row.action))),
            (
                "operation",
                if log == LogType::CloudTrail {
                    text(|row| Some(row.action))
                } else {
                    text(|row| Some(row.operation))
                },
            ),
            ("outcome", text(|row| Some(row.outcome))),
            ("http_status", Column::Array(Arc::new(rows.iter().map(status).collect::<Int32Array>()))),
            ("error_code", text(|row| row.error_code)),
            ("bucket_name", text(|row| row.bucket)),
            ("object_key", text(|row| row.key.as_deref())),
            ("version_id", text(|row| row.version)),
            ("principal", text(|row| Some(row.principal))),
            ("principal_kind", text(|row| Some(row.kind))),
            ("remote_ip", text(|row| Some(row.ip))),
            ("account_id", trail_only("111122223333")),
            ("region", fixed(Some("eu-west-1"))),
            ("access_key_id", text(|row| row.access_key)),
            ("request_id", text(|row| Some(&row.request))),
            ("bytes_out", Column::Array(Arc::new(rows.iter().map(|row| row.bytes).collect::<Int64Array>()))),
            ("invoked_by", text(|row| row.invoked_by)),
            ("event_id", fixed(None)),
            ("host_id", fixed(None)),
            ("user_agent", text(|row| row.agent)),
        ];
        let flag = || Column::Array(Arc::new(rows.iter().map(|row| row.acl_required).collect::<BooleanArray>()));
        let native = vec![
            ("error_message", text(|row| row.error_message)),
            ("recipient_account_id", trail_only("111122223333")),
            ("aws_region", trail_only("eu-west-1")),
            ("request_parameters", text(|row| row.parameters)),
            ("kms_key_arn", text(|row| row.kms_key)),
            ("bucket_owner", fixed(None)),
            ("response_elements", fixed(None)),
            ("acl_required", flag()),
            ("s3_acl_required", flag()),
            ("request_uri", fixed(None)),
            ("requester", text(|row| Some(row.principal))),
            ("turn_around_time_ms", Column::Array(Arc::new(rows.iter().map(|_| None).collect::<Int64Array>()))),
            ("tls_version", fixed(Some("TLSv1.3"))),
        ];
        let [activity, native] = [activity, native].map(|arrays| Columns::made(rows.len(), arrays));
        let calls = Calls::default();
        call(&DetectBatch { log, activity: &activity, native: &native, calls: &calls })
    }
}

/// The codes of a batch.
pub fn codes(batch: &DetectBatch<'_>) -> Codes {
    let mut codes = Codes::default();
    sights(batch, &mut Names::default()).iter().for_each(|sight| codes.push(sight));
    codes
}

/// The rows of a batch as [`super::sight::Seer`] sees them in a table, from the columns of both datasets.
pub fn sights<'a>(batch: &DetectBatch<'a>, names: &mut Names) -> Vec<Sight<'a>> {
    (0..batch.len()).map(|row| sight(batch, names, row)).collect()
}

fn sight<'a>(batch: &DetectBatch<'a>, names: &mut Names, row: usize) -> Sight<'a> {
    let text = |name| cell(batch.text(name), row);
    let has = |name| batch.native.has(name);
    let native = |name| has(name).then(|| cell(batch.native_text(name), row)).flatten();
    let hash = |name| text(name).map_or(0, fingerprint);
    let is_trail = batch.log == LogType::CloudTrail;
    let (service, operation) = (text("service").unwrap_or_default(), text("operation").unwrap_or_default());
    let act = act(batch.log, service, operation);
    let status = batch.http_status();
    let status = status.is_valid(row).then(|| status.value(row));
    let moved = is_trail || status.is_none_or(|status| (200..300).contains(&status));
    let ended = match text("outcome") {
        Some("success") if moved => Ended::Done,
        Some("success") => Ended::Unchanged,
        Some("denied") => Ended::Denied,
        Some("throttled") => Ended::Throttled,
        _ => Ended::Failed,
    };
    let who = match text("principal_kind") {
        Some("anonymous") => Who::Anonymous,
        Some("service") => Who::Service,
        _ => Who::Principal,
    };
    let bytes = batch.integer("bytes_out");
    let code = text("error_code").unwrap_or_default();
    let delivers = |caller: Option<&str>| caller.is_some_and(is_delivering);
    let is_setting = is_trail && matches!(act, Act::OtherS3 | Act::OtherService) && ended == Ended::Done;
    let account = if is_trail { "recipient_account_id" } else { "bucket_owner" };
    let caller = names.callers.number(text("principal").map(str::as_bytes));
    let bucket = text("bucket_name").map(|bucket| names.buckets.number(Some(bucket.as_bytes())));
    Sight {
        log: batch.log,
        time_ms: batch.event_time().is_valid(row).then(|| batch.event_time().value(row)),
        act,
        ended,
        who,
        caller,
        bucket: bucket.map(|bucket| (bucket, names.place(caller, bucket))),
        key: hash("object_key"),
        shape: text("object_key").and_then(|key| KeyShapes::default().of(key.as_bytes())),
        bytes_out: if (act, ended) == (Act::Read, Ended::Done) && bytes.is_valid(row) {
            u64::try_from(bytes.value(row)).unwrap_or(0)
        } else {
            0
        },
        request: hash("request_id"),
        by_delivery: delivers(text("principal")) || delivers(text("invoked_by")),
        is_strained: status.is_some_and(|status| status >= 500)
            || code.starts_with("KMS.")
            || code == "ServiceUnavailable"
            || is_throttling(code, false),
        address: text("remote_ip").filter(|_| who == Who::Anonymous).map(str::as_bytes),
        account: native(account).map(str::as_bytes),
        is_foreign: names.callers.name(caller).is_other_account(native(account).map(str::as_bytes)),
        event: hash("event_id"),
        names_version: act == Act::Delete && text("version_id").is_some(),
        grants: act == Act::Write
            && native("request_parameters").is_some_and(|text| grants_by_acl(text.as_bytes())),
        marks: super::marks::Marks::default(),
        setting: native("request_parameters")
            .filter(|_| is_setting)
            .map(|parameters| [service, operation, parameters]),
        asked: 0,
    }
}

/// What a detector finds that has seen rows without what all detectors share.
pub fn finish(detector: impl Detector + 'static) -> Findings {
    finish_over(Box::new(detector), &Deletions::default())
}

/// The same, with what was deleted.
pub fn finish_over(detector: Box<dyn Detector>, deletions: &Deletions) -> Findings {
    let (config, known) = Default::default();
    let (history, kms) = (History::default(), KmsUse::default());
    let (history, kms, deletions) = (history.view_after(None), kms.view(), deletions.view());
    let shared = Shared { config: &config, known: &known, history: &history, kms: &kms, deletions: &deletions };
    detector.finish(&shared)
}

/// What a rule finds in rows of both logs; checks that another order and cut find the same, and so do states that
/// were saved.
pub fn detect(rule: &'static Rule, config: &Config, rows: &[(LogType, Activity)]) -> Findings {
    let observe = |worker: &mut DetectWorker, log: LogType, part: &[Activity]| {
        let (mut hits, mut wanted) = (Vec::new(), Vec::new());
        Activity::batch(log, part, |batch| {
            for (row, sight) in (0..).zip(sights(batch, &mut worker.seer.names)) {
                if worker.see(&sight, row, &mut wanted) {
                    hits.push(row);
                }
            }
        });
        worker.seen(log, &wanted, &mut |some, take| {
            let some: Vec<Activity> = some.iter().map(|row| part[*row as usize].clone()).collect();
            Activity::batch(log, &some, |batch| take(&EvidenceColumns::of(batch)));
        });
        let hits: Vec<Activity> = hits.iter().map(|row| part[*row as usize].clone()).collect();
        Activity::batch(log, &hits, |batch| worker.observe_hits(batch, &codes(batch)));
    };
    let mut whole = DetectWorker::of(&Arc::new(Common::of(&[rule], config)), &Arc::default());
    for log in LogType::ALL {
        let of_log: Vec<Activity> =
            rows.iter().filter(|(other, _)| *other == log).map(|(_, row)| row.clone()).collect();
        observe(&mut whole, log, &of_log);
    }
    let whole = whole.finish(config);
    for (seed, cut) in [(1, 3), (2, 1000)] {
        let mut merged = DetectWorker::of(&Arc::new(Common::of(&[rule], config)), &Arc::default());
        for part in shuffled(rows.to_vec(), seed).chunks(cut) {
            let mut worker = DetectWorker::of(&Arc::new(Common::of(&[rule], config)), &Arc::default());
            part.iter().for_each(|(log, row)| observe(&mut worker, *log, std::slice::from_ref(row)));
            worker.merge(merged);
            merged = worker;
        }
        let merged = merged.finish(config);
        assert_eq!(merged.alerts, whole.alerts, "{} depends on the order", rule.id);
        assert_eq!((merged.suppressed, merged.notes), (whole.suppressed.clone(), whole.notes.clone()));
    }
    whole
}

/// Feeds a detector 300,000 rows of callers, buckets and days of their own, in two orders and as two merged halves;
/// checks that its bytes stay in the budget each time and that the findings are the same.
pub fn flood<D: Detector + 'static>(fresh: impl Fn() -> D, bytes: fn(&D) -> usize, log: LogType, row: &Activity) {
    let rows: Vec<Activity> = (0..300_000)
        .map(|number| {
            let name: &'static str = Box::leak(format!("name-{number}").into_boxed_str());
            let time_ms = Some(number * 40_000_000);
            Activity { principal: name, bucket: row.bucket.map(|_| name), time_ms, line: number, ..row.clone() }
        })
        .collect();
    let shuffled = shuffled(rows.clone(), 5);
    let (left, right) = shuffled.split_at(140_000);
    let findings = [vec![&rows[..]], vec![&shuffled[..]], vec![left, right]].map(|parts| {
        let mut whole = fresh();
        for part in parts {
            let mut detector = fresh();
            Activity::batch(log, part, |batch| detector.observe(batch, &codes(batch)));
            whole.merge(Box::new(detector));
        }
        assert!((1 << 20..24 << 20).contains(&bytes(&whole)), "{} bytes", bytes(&whole));
        finish(whole)
    });
    assert!(!findings[0].notes.is_empty(), "{}", findings[0].alerts.len());
    for other in &findings[1..] {
        assert!(other.alerts == findings[0].alerts && other.notes == findings[0].notes);
    }
}

/// The items in another order, the same for the same seed; 0 leaves the order.
pub fn shuffled<T>(mut items: Vec<T>, seed: u64) -> Vec<T> {
    let mut state = seed;
    for index in (1..items.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if seed != 0 {
            items.swap(index, (state >> 33) as usize % (index + 1));
        }
    }
    items
}
