//! Real CloudTrail files: every record is taken, and every lifted scalar is what a generic JSON reader finds.

// A test may stop at what cannot be and say what it left out.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use s3sleuth::decode::{Block, RecordFrame, Segment};
use s3sleuth::parse::cloudtrail::{FIELDS, field, fingerprint, for_each_resource, parse_block};
use s3sleuth::parse::scalar::{boolean, integer};
use s3sleuth::parse::{FieldTable, LogType};
use serde_json::Value;
use std::collections::HashSet;
use std::path::PathBuf;

/// The folder of data shared between checkouts; `None` where it is not at hand.
fn shared(below: &str) -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let named = std::env::var_os("S3SLEUTH_SHARED").map(PathBuf::from);
    [Some(beside), named].into_iter().flatten().map(|folder| folder.join(below)).find(|folder| folder.is_dir())
}

fn records(folder: PathBuf) -> Vec<Value> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let read = |file: &PathBuf| serde_json::from_slice::<Value>(&std::fs::read(file).unwrap()).unwrap();
    files.iter().flat_map(|file| read(file)["Records"].as_array().unwrap().clone()).collect()
}

fn parse(records: &[Value]) -> FieldTable {
    let mut bytes = Vec::new();
    let mut frames = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let start = bytes.len() as u32;
        serde_json::to_writer(&mut bytes, record).unwrap();
        let (end, number) = (bytes.len() as u32, index as u64 + 1);
        frames.push(RecordFrame { start, end, segment: 0, number, offset: u64::from(start) });
    }
    let segments = vec![Segment { file: "all".into(), start: 0, first_number: 1, first_offset: 0 }];
    let mut rejects = Vec::new();
    let table =
        parse_block(Block { log: LogType::CloudTrail, bytes, segments, records: frames, framed: 0 }, &mut rejects);
    assert_eq!(rejects, []);
    table
}

/// What a field should be, by JSON pointer, in the record.
const PLACES: &[(usize, &str)] = &[
    (field::EVENT_TIME, "/eventTime"),
    (field::EVENT_ID, "/eventID"),
    (field::EVENT_VERSION, "/eventVersion"),
    (field::EVENT_SOURCE, "/eventSource"),
    (field::EVENT_NAME, "/eventName"),
    (field::EVENT_TYPE, "/eventType"),
    (field::EVENT_CATEGORY, "/eventCategory"),
    (field::MANAGEMENT_EVENT, "/managementEvent"),
    (field::READ_ONLY, "/readOnly"),
    (field::ERROR_CODE, "/errorCode"),
    (field::ERROR_MESSAGE, "/errorMessage"),
    (field::SOURCE_IP_ADDRESS, "/sourceIPAddress"),
    (field::USER_AGENT, "/userAgent"),
    (field::REQUEST_ID, "/requestID"),
    (field::HOST_ID, "/additionalEventData/x-amz-id-2"),
    (field::SHARED_EVENT_ID, "/sharedEventID"),
    (field::AWS_REGION, "/awsRegion"),
    (field::RECIPIENT_ACCOUNT_ID, "/recipientAccountId"),
    (field::VPC_ENDPOINT_ID, "/vpcEndpointId"),
    (field::VPC_ENDPOINT_ACCOUNT_ID, "/vpcEndpointAccountId"),
    (field::API_VERSION, "/apiVersion"),
    (field::PRINCIPAL_ARN, "/userIdentity/arn"),
    (field::PRINCIPAL_ACCOUNT_ID, "/userIdentity/accountId"),
    (field::INVOKED_BY, "/userIdentity/invokedBy"),
    (field::USER_IDENTITY_TYPE, "/userIdentity/type"),
    (field::USER_IDENTITY_USER_NAME, "/userIdentity/userName"),
    (field::USER_IDENTITY_PRINCIPAL_ID, "/userIdentity/principalId"),
    (field::USER_IDENTITY_ACCESS_KEY_ID, "/userIdentity/accessKeyId"),
    (field::SESSION_ISSUER_TYPE, "/userIdentity/sessionContext/sessionIssuer/type"),
    (field::SESSION_ISSUER_PRINCIPAL_ID, "/userIdentity/sessionContext/sessionIssuer/principalId"),
    (field::SESSION_ISSUER_ARN, "/userIdentity/sessionContext/sessionIssuer/arn"),
    (field::SESSION_ISSUER_ACCOUNT_ID, "/userIdentity/sessionContext/sessionIssuer/accountId"),
    (field::SESSION_ISSUER_USER_NAME, "/userIdentity/sessionContext/sessionIssuer/userName"),
    (field::WEB_ID_FEDERATED_PROVIDER, "/userIdentity/sessionContext/webIdFederationData/federatedProvider"),
    (field::SESSION_CREATION_DATE, "/userIdentity/sessionContext/attributes/creationDate"),
    (field::SESSION_MFA_AUTHENTICATED, "/userIdentity/sessionContext/attributes/mfaAuthenticated"),
    (field::SESSION_EC2_ROLE_DELIVERY, "/userIdentity/sessionContext/ec2RoleDelivery"),
    (field::TLS_VERSION, "/tlsDetails/tlsVersion"),
    (field::TLS_CIPHER_SUITE, "/tlsDetails/cipherSuite"),
    (field::TLS_CLIENT_PROVIDED_HOST_HEADER, "/tlsDetails/clientProvidedHostHeader"),
    (field::SESSION_CREDENTIAL_FROM_CONSOLE, "/sessionCredentialFromConsole"),
    (field::REQUEST_PARAMETERS, "/requestParameters"),
    (field::RESPONSE_ELEMENTS, "/responseElements"),
    (field::ADDITIONAL_EVENT_DATA, "/additionalEventData"),
    (field::SERVICE_EVENT_DETAILS, "/serviceEventDetails"),
    (field::RESOURCES, "/resources"),
    (field::ENCRYPTION_CONTEXT_ARN, "/requestParameters/encryptionContext/aws:s3:arn"),
];

/// Fields that only events of S3 have.
const S3_PLACES: &[(usize, &str)] = &[
    (field::S3_BUCKET, "/requestParameters/bucketName"),
    (field::S3_KEY, "/requestParameters/key"),
    (field::S3_COPY_SOURCE, "/requestParameters/x-amz-copy-source"),
    (field::S3_SSE, "/additionalEventData/SSEApplied"),
    (field::S3_BYTES_IN, "/additionalEventData/bytesTransferredIn"),
    (field::S3_BYTES_OUT, "/additionalEventData/bytesTransferredOut"),
    (field::S3_AUTH_METHOD, "/additionalEventData/AuthenticationMethod"),
    (field::S3_SIGNATURE_VERSION, "/additionalEventData/SignatureVersion"),
];

fn expected(record: &Value, pointer: &str) -> Option<String> {
    match record.pointer(pointer)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[test]
fn every_lifted_scalar_is_what_a_generic_reader_finds() {
    let Some(folder) = shared("data/cloudtrail/invictus") else {
        println!("skipped: the folder shared/data/cloudtrail/invictus is not at hand");
        return;
    };
    let records = records(folder);
    let table = parse(&records);
    assert_eq!((records.len(), table.len(), table.replaced_fields), (2_900, 2_900, 0));
    let mut compared = vec![0; FIELDS.len()];
    for (row, record) in records.iter().enumerate() {
        let from_s3 = record["eventSource"].as_str().unwrap().starts_with("s3");
        let places = PLACES.iter().chain(S3_PLACES.iter().filter(|_| from_s3));
        for (number, pointer) in places {
            let wanted = expected(record, pointer);
            compared[*number] += usize::from(wanted.is_some());
            assert_eq!(table.text(row, *number), wanted.as_deref(), "{} of {record}", FIELDS[*number]);
        }
        let bytes = |number| table.bytes(row, number);
        assert_eq!(bytes(field::READ_ONLY).and_then(boolean), record["readOnly"].as_bool());
        let sent = &record["additionalEventData"]["bytesTransferredOut"];
        let sent = sent.as_f64().filter(|_| from_s3).map(|bytes| bytes as i64);
        assert_eq!(bytes(field::S3_BYTES_OUT).and_then(integer), sent);
        let mut arns = Vec::new();
        for_each_resource(bytes(field::RESOURCES).unwrap_or(b"[]"), |resource| {
            arns.push(resource.arn.map(|arn| arn.into_owned()));
        });
        let resources = record["resources"].as_array().map_or(&[][..], Vec::as_slice);
        let arn = |entry: &Value| entry["ARN"].as_str().or(entry["ARNPrefix"].as_str()).map(str::to_owned);
        assert_eq!(arns, resources.iter().map(arn).collect::<Vec<_>>());
        assert!(table.rows[row].event_time_ms().is_some());
        assert_eq!((table.rows[row].flags, table.text(row, field::OTHER_FIELDS)), (0, None), "{record}");
    }
    for number in [field::S3_BUCKET, field::S3_BYTES_OUT, field::SESSION_ISSUER_ARN, field::TLS_VERSION] {
        assert!(compared[number] > 0, "{} never occurs", FIELDS[number]);
    }
    let fingerprints: HashSet<_> = (0..table.len()).map(|row| fingerprint(&table, row).unwrap()).collect();
    let ids: HashSet<_> =
        records.iter().map(|record| [&record["eventID"], &record["recipientAccountId"]]).collect();
    assert_eq!(fingerprints.len(), ids.len());
}
