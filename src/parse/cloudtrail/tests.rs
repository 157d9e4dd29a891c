use super::*;
use crate::decode::{RecordFrame, Segment};

/// The fields of a record that are not null and the names of its flags.
fn fields(record: &str) -> Vec<(&'static str, String)> {
    let table = parse_record(record.as_bytes()).unwrap_or_else(|error| panic!("{error}: {record}"));
    let text = |number: usize| table.text(0, number).map(|text| (FIELDS[number], text.to_owned()));
    let flags = FLAGS.iter().enumerate().filter(|(bit, _)| table.rows[0].flags & (1 << bit) != 0);
    let flags = flags.map(|(_, name)| (*name, String::new()));
    (0..FIELDS.len()).filter_map(text).chain(flags).collect()
}

/// Checks those fields of a record that are named; all others must be null, but for the event's name and time.
fn check(members: &str, expected: &[(&str, &str)]) {
    let record = format!("{{\"eventName\":\"X\",\"eventTime\":\"2026-03-01T00:00:00Z\",{members}}}");
    let mut fields = fields(&record);
    fields.retain(|(name, _)| !matches!(*name, "event_name" | "event_time"));
    let fields: Vec<_> = fields.iter().map(|(name, text)| (*name, text.as_str())).collect();
    assert_eq!(fields, expected, "{record}");
}

#[test]
fn an_s3_data_event_is_taken_apart() {
    let request = r#"{"bucketName":"logs","Host":"logs.s3.amazonaws.com","key":"a b/ü+%2B.gz"}"#;
    let extra = r#"{"SignatureVersion":"SigV4","bytesTransferredIn":1376.0,"SSEApplied":"SSE_S3","AuthenticationMethod":"AuthHeader","x-amz-id-2":"5YGy=","bytesTransferredOut":0.0,"aclRequired":"Yes"}"#;
    let resources = r#"[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::logs/a"}]"#;
    check(
        &format!(
            r#""eventSource":"s3.amazonaws.com","requestParameters":{request},"additionalEventData":{extra},"responseElements":null,"resources":{resources},"readOnly":false"#
        ),
        &[
            ("event_source", "s3.amazonaws.com"),
            ("read_only", "false"),
            ("host_id", "5YGy="),
            ("s3_bucket", "logs"),
            ("s3_key", "a b/ü+%2B.gz"),
            ("s3_sse", "SSE_S3"),
            ("s3_bytes_in", "1376.0"),
            ("s3_bytes_out", "0.0"),
            ("s3_auth_method", "AuthHeader"),
            ("s3_signature_version", "SigV4"),
            ("s3_acl_required", "Yes"),
            ("resources", resources),
            ("request_parameters", request),
            ("additional_event_data", extra),
        ],
    );
}

#[test]
fn parameters_of_s3_are_read_in_all_their_spellings() {
    let source = r#""eventSource":"s3-outposts.amazonaws.com","requestParameters":"#;
    let field = |request: &str, name: &str| {
        let fields = fields(&format!("{{{source}{request}}}"));
        fields.into_iter().find(|(field, _)| *field == name).map(|(_, text)| text)
    };
    for (request, name, expected) in [
        (r#"{"Bucket":"b"}"#, "s3_bucket", Some("b")),
        (r#"{"Bucket":"b","bucketName":"a"}"#, "s3_bucket", Some("a")),
        (r#"{"bucketName":"a","Bucket":"b"}"#, "s3_bucket", Some("a")),
        (r#"{"bucketName":["a","b"]}"#, "s3_bucket", Some("a")),
        (r#"{"Key":"k"}"#, "s3_key", Some("k")),
        (r#"{"k\u0065y":"\u00e9\ud83d\ude00\u0000"}"#, "s3_key", Some("é😀\0")),
        (r#"{"versionId":[""]}"#, "s3_version_id", None),
        (r#"{"versionId":[]}"#, "s3_version_id", None),
        (r#"{"versionId":"null"}"#, "s3_version_id", Some("null")),
        (r#"{"versionId":[1]}"#, "s3_version_id", Some("[1]")),
        (r#"{"versionId":null}"#, "s3_version_id", None),
        (r#"{"x-amz-copy-source":"/b/k"}"#, "s3_copy_source", Some("/b/k")),
        (r#"{"x-amz-server-side-encryption-aws-kms-key-id":"alias/a"}"#, "kms_key_arn", Some("alias/a")),
        ("null", "request_parameters", None),
        (r#""{\"bucketName\":\"b\"}""#, "request_parameters", Some(r#"{"bucketName":"b"}"#)),
    ] {
        assert_eq!(field(request, name).as_deref(), expected, "{request}");
    }
    // The same names mean other things elsewhere: here a version of a policy.
    let other = r#""eventSource":"iam.amazonaws.com","requestParameters":{"versionId":"v1","key":"k"}"#;
    let expected =
        [("event_source", "iam.amazonaws.com"), ("request_parameters", r#"{"versionId":"v1","key":"k"}"#)];
    check(other, &expected);
}

#[test]
fn the_key_of_a_kms_event_comes_from_where_it_is() {
    let key = "arn:aws:kms:us-east-1:111122223333:key/1a";
    for (source, members, expected) in [
        ("kms", format!(r#""resources":[{{"ARN":"{key}"}}],"requestParameters":{{"keyId":"1a"}}"#), Some(key)),
        ("kms", format!(r#""resources":[{{"ARN":"arn:aws:kms:r:1:alias/a"}},{{"arn":"{key}"}}]"#), Some(key)),
        ("kms", format!(r#""resources":[{{"ARN":"{}"}}]"#, key.replace('/', "\\/")), Some(key)),
        ("kms", r#""resources":[],"requestParameters":{"keyId":"alias/a"}"#.to_owned(), Some("alias/a")),
        ("kms", r#""requestParameters":null"#.to_owned(), None),
        ("ssm", r#""requestParameters":{"keyId":"alias/a"}"#.to_owned(), None),
        (
            "s3",
            format!(
                r#""requestParameters":{{"x-amz-server-side-encryption-aws-kms-key-id":"a"}},"responseElements":{{"x-amz-server-side-encryption-aws-kms-key-id":"{key}"}}"#
            ),
            Some(key),
        ),
    ] {
        let record = format!(r#"{{{members},"eventSource":"{source}.amazonaws.com"}}"#);
        let table = parse_record(record.as_bytes()).unwrap();
        assert_eq!(table.text(0, field::KMS_KEY_ARN), expected, "{record}");
    }
    let context = r#"{"encryptionContext":{"aws:s3:arn":"arn:aws:s3:::b/k","x":{}}}"#;
    check(
        &format!(r#""requestParameters":{context}"#),
        &[("request_parameters", context), ("encryption_context_arn", "arn:aws:s3:::b/k")],
    );
}

#[test]
fn an_identity_is_taken_apart_with_every_member() {
    check(
        r#""userIdentity":{"type":"AssumedRole","userName":"n","principalId":"p","arn":"a","accountId":"1",
        "accessKeyId":"ASIA","invokedBy":"AWS Internal","invokedByDelegate":{"accountId":"2"},
        "onBehalfOf":{"userId":"u","identityStoreArn":"i"},"inScopeOf":{"sourceArn":"s","sourceAccount":"3",
        "issuerType":"t","credentialsIssuedTo":"c"},"credentialId":"d","identityProvider":"q",
        "sessionContext":{"sessionIssuer":{"type":"Role","principalId":"P","arn":"A","accountId":"4","userName":"N"},
        "webIdFederationData":{"federatedProvider":"f","attributes":{"x":1}},
        "attributes":{"creationDate":"2026","mfaAuthenticated":"false"},"assumedRoot":"true","sourceIdentity":"y",
        "ec2RoleDelivery":"2.0","signInSessionArn":"z"}}"#,
        &[
            ("principal_arn", "a"),
            ("principal_account_id", "1"),
            ("access_key_id", "ASIA"),
            ("invoked_by", "AWS Internal"),
            ("user_identity.type", "AssumedRole"),
            ("user_identity.user_name", "n"),
            ("user_identity.principal_id", "p"),
            ("user_identity.arn", "a"),
            ("user_identity.account_id", "1"),
            ("user_identity.access_key_id", "ASIA"),
            ("user_identity.invoked_by", "AWS Internal"),
            ("user_identity.invoked_by_delegate.account_id", "2"),
            ("user_identity.on_behalf_of.user_id", "u"),
            ("user_identity.on_behalf_of.identity_store_arn", "i"),
            ("user_identity.in_scope_of.source_arn", "s"),
            ("user_identity.in_scope_of.source_account", "3"),
            ("user_identity.in_scope_of.issuer_type", "t"),
            ("user_identity.in_scope_of.credentials_issued_to", "c"),
            ("user_identity.credential_id", "d"),
            ("user_identity.identity_provider", "q"),
            ("user_identity.session_context.session_issuer.type", "Role"),
            ("user_identity.session_context.session_issuer.principal_id", "P"),
            ("user_identity.session_context.session_issuer.arn", "A"),
            ("user_identity.session_context.session_issuer.account_id", "4"),
            ("user_identity.session_context.session_issuer.user_name", "N"),
            ("user_identity.session_context.web_id_federation_data.federated_provider", "f"),
            ("user_identity.session_context.web_id_federation_data.attributes", r#"{"x":1}"#),
            ("user_identity.session_context.attributes.creation_date", "2026"),
            ("user_identity.session_context.attributes.mfa_authenticated", "false"),
            ("user_identity.session_context.assumed_root", "true"),
            ("user_identity.session_context.source_identity", "y"),
            ("user_identity.session_context.ec2_role_delivery", "2.0"),
            ("user_identity.session_context.sign_in_session_arn", "z"),
        ],
    );
    check(
        r#""userIdentity":{"accessKeyId":"","sessionContext":{"sessionIssuer":{},"webIdFederationData":null}}"#,
        &[("user_identity.access_key_id", "")],
    );
}

#[test]
fn odd_members_are_kept_and_flagged() {
    for (members, expected) in [
        (r#""userIdentity":null,"resources":null,"tlsDetails":{}"#, vec![]),
        (r#""errorMessage":"Failed authentication""#, vec![("error_message", "Failed authentication")]),
        (r#""sessionCredentialFromConsole":true"#, vec![("session_credential_from_console", "true")]),
        (r#""sessionCredentialFromConsole":"true""#, vec![("session_credential_from_console", "true")]),
        (r#""readOnly":"True","eventVersion":1.10"#, vec![("event_version", "1.10"), ("read_only", "True")]),
        (r#""eventId":"1","sharedEventId":"2""#, vec![("event_id", "1"), ("shared_event_id", "2")]),
        (r#""eventId":"1","eventID":"2""#, vec![("event_id", "2"), ("other_fields", r#"{"eventId":"1"}"#)]),
        (r#""userAgent":["a"]"#, vec![("user_agent", r#"["a"]"#), ("unexpected_type", "")]),
        (r#""userIdentity":"x""#, vec![("other_fields", r#"{"userIdentity":"x"}"#), ("unexpected_type", "")]),
        (r#""resources":{}"#, vec![("other_fields", r#"{"resources":{}}"#), ("unexpected_type", "")]),
        (
            r#""eventContext" : {"a": 1}, "a\"b":[]"#,
            vec![("other_fields", r#"{"eventContext":{"a": 1},"a\"b":[]}"#)],
        ),
        (r#""awsRegion":"a","awsRegion":"b""#, vec![("aws_region", "b"), ("duplicate_member", "")]),
        (r#""awsRegion":"a","awsR\u0065gion":null"#, vec![("duplicate_member", "")]),
        (r#""x":1,"y":2,"x":3"#, vec![("other_fields", r#"{"y":2,"x":3}"#), ("duplicate_member", "")]),
        (
            r#""tlsDetails":{"tlsVersion":"TLSv1.3","keyExchange":"k"},"tlsDetails":{"tlsVersion":"TLSv1.2"}"#,
            vec![("tls_details.tls_version", "TLSv1.2"), ("duplicate_member", "")],
        ),
        (
            r#""tlsDetails":{"tlsVersion":"TLSv1.3","tlsVersion":"TLSv1.2"}"#,
            vec![("tls_details.tls_version", "TLSv1.2"), ("duplicate_member", "")],
        ),
    ] {
        check(members, &expected);
    }
}

#[test]
fn records_that_are_no_calls_are_kept() {
    let flags = |record: &str| {
        let table = parse_record(record.as_bytes()).unwrap();
        (table.rows[0].event_time_ms(), table.rows[0].flags)
    };
    let no_call = flag::MISSING_EVENT_NAME | flag::NOT_AN_API_CALL;
    for (record, expected) in [
        (
            r#"{"eventVersion":"1.0","accountId":"1","eventId":"e","eventCategory":"Aggregated","eventType":"AwsAggregatedEvent","timeWindow":{}}"#,
            (None, no_call | flag::MISSING_EVENT_TIME),
        ),
        (
            r#"{"eventTime":"1970-01-01T00:00:01Z","eventType":"AwsCloudTrailInsight","insightDetails":{"state":"Start"}}"#,
            (Some(1000), no_call),
        ),
        (
            r#"{"eventTime":"1970-01-01T00:00:01Z","eventName":"GetObject","eventType":"AwsVpceEvent","errorCode":"VpceAccessDenied"}"#,
            (Some(1000), 0),
        ),
        (r#"{"eventName":"X"}"#, (None, flag::MISSING_EVENT_TIME)),
        (r#"{"eventName":"X","eventTime":"soon"}"#, (None, flag::BAD_EVENT_TIME)),
        (r#"{"eventName":"X","eventTime":1741046400}"#, (None, flag::BAD_EVENT_TIME)),
        (r#"{"eventName":"X","eventTime":"2021-01-01 00:00:00.000000000"}"#, (Some(1_609_459_200_000), 0)),
    ] {
        assert_eq!(flags(record), expected, "{record}");
    }
    let aggregated = parse_record(br#"{"eventCategory":"Aggregated","accountId":"1","eventId":"e"}"#).unwrap();
    assert_eq!(aggregated.text(0, field::RECIPIENT_ACCOUNT_ID), Some("1"));
    assert_eq!(aggregated.text(0, field::EVENT_ID), Some("e"));
}

#[test]
fn what_is_no_record_is_refused_with_its_place() {
    let none = "no member of a CloudTrail record";
    for (record, field, offset, reason) in [
        ("", "record", 0, "expected an object"),
        ("[]", "record", 0, "expected an object"),
        ("\"x\"", "record", 0, "expected an object"),
        ("{}", "record", 0, none),
        (r#"{"eventName":null,"userIdentity":{}}"#, "record", 0, none),
        (r#"{"eventName":"X""#, "record", 16, "expected a comma or the closing bracket"),
        (r#"{"eventName":"X"} {"#, "record", 18, "expected the end of the text"),
        (r#"{"eventName":"X}"#, "event_name", 16, "expected a closing quote"),
        (r#"{"userIdentity":{"arn":tru}}"#, "user_identity", 23, "expected true, false or null"),
        (r#"{"requestParameters":{"a":{"b":[1,]}}}"#, "request_parameters", 34, "expected a value"),
        (r#"{"other":01}"#, "record", 9, "expected a number without leading zeros"),
    ] {
        let error = parse_record(record.as_bytes()).unwrap_err();
        assert_eq!((error.field, error.offset, error.reason), (field, offset, reason), "{record}");
    }
}

#[test]
fn a_block_gives_rows_and_rejects_with_their_places() {
    let mut block = Block {
        log: LogType::CloudTrail,
        bytes: Vec::new(),
        segments: Vec::new(),
        records: Vec::new(),
        framed: 0,
    };
    let file = "a.json".into();
    block.segments.push(Segment { file, start: 0, first_number: 1, first_offset: 0 });
    let records: [&[u8]; 4] = [
        br#"{"eventID":"1","userAgent":"\u00e9","new":1}"#,
        br#"{"eventID":"\n","userAgent":tru}"#,
        b"{\"eventID\":\"3\",\"userAgent\":\"a\xff\\t\"}",
        br#"{"eventID":"4","userAgent":"\u00ea"}"#,
    ];
    for (index, record) in records.iter().enumerate() {
        let start = block.bytes.len() as u32;
        block.bytes.extend_from_slice(record);
        let (end, number) = (block.bytes.len() as u32, index as u64 + 5);
        block.records.push(RecordFrame { start, end, segment: 0, number, offset: u64::from(start) });
    }
    let mut rejects = Vec::new();
    let table = parse_block(block, &mut rejects);
    let rows: Vec<_> = (0..table.len())
        .map(|row| (table.rows[row].number, table.text(row, field::EVENT_ID), table.text(row, field::USER_AGENT)))
        .collect();
    let text = Some;
    assert_eq!(rows, [(5, text("1"), text("é")), (7, text("3"), text("a\u{fffd}\t")), (8, text("4"), text("ê"))]);
    assert_eq!(table.text(0, field::OTHER_FIELDS), Some(r#"{"new":1}"#));
    assert_eq!(table.replaced_fields, 1);
    assert_eq!(rejects.len(), 1);
    assert_eq!((&*rejects[0].file, rejects[0].number, rejects[0].field), ("a.json", 6, "user_agent"));
    assert_eq!(rejects[0].raw, records[1]);
}

#[test]
fn copies_of_an_event_have_one_fingerprint_and_others_have_not() {
    let of = |id: &str, account: &str| {
        let record = format!(r#"{{"eventName":"X","eventID":"{id}","recipientAccountId":"{account}"}}"#);
        fingerprint(&parse_record(record.as_bytes()).unwrap(), 0)
    };
    let long = "x".repeat(200);
    assert_eq!(of("a", "1"), Some(xxh3_128(b"a\x001")));
    assert_eq!(of(&long, "1"), Some(xxh3_128(format!("{long}\x001").as_bytes())));
    assert_ne!(of("a", "11"), of("a1", "1"));
    assert_eq!(of("", "1"), None);
    assert_eq!(fingerprint(&parse_record(br#"{"eventName":"X"}"#).unwrap(), 0), None);
}

#[test]
fn what_the_columns_cannot_hold_stands_in_other_fields() {
    for (members, expected) in [
        (r#""eventName":"X","new":1"#, Some(r#"{"new":1}"#)),
        (
            r#""eventName":"X","userIdentity":{"type":"Root","new":{"a":1}}"#,
            Some(r#"{"userIdentity":{"type":"Root","new":{"a":1}}}"#),
        ),
        (
            r#""eventName":"X","userIdentity":{"sessionContext":{"attributes":{"new":"x"}}}"#,
            Some(r#"{"userIdentity":{"sessionContext":{"attributes":{"new":"x"}}}}"#),
        ),
        (
            r#""eventName":"X","tlsDetails":{"tlsVersion":"TLSv1.3","new":2}"#,
            Some(r#"{"tlsDetails":{"tlsVersion":"TLSv1.3","new":2}}"#),
        ),
        (r#""eventName":"X","readOnly":"maybe""#, Some(r#"{"readOnly":"maybe"}"#)),
        (r#""eventName":"X","managementEvent":7"#, Some(r#"{"managementEvent":7}"#)),
        (r#""eventName":"X","eventTime":"soon""#, Some(r#"{"eventTime":"soon"}"#)),
        (r#""eventName":"X","eventTime":1772326923"#, Some(r#"{"eventTime":1772326923}"#)),
        (r#""eventName":"X","readOnly":"True","managementEvent":null,"eventTime":"2026-03-01T00:00:00Z""#, None),
        (r#""eventName":"X","requestParameters":{"anything":1}"#, None),
    ] {
        let table = parse_record(format!("{{{members}}}").as_bytes()).unwrap();
        assert_eq!(table.text(0, field::OTHER_FIELDS), expected, "{members}");
    }
}
