//! The fields that rules can name: CloudTrail's own names, our columns of access lines, and those of both logs.

use crate::activity::operation::of_operation;
use crate::activity::outcome::Outcome;
use crate::activity::principal::PrincipalKind;
use crate::activity::short_service;
use crate::batch::columns::{few, many};
use crate::batch::{Cells, Column, Dataset, Variety};
use crate::parse::{FieldTable, LogType, time};
use std::sync::LazyLock;

/// Whose records a rule is about, by the `logsource` of Sigma.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// `product: aws`, `service: cloudtrail`: CloudTrail under its own names.
    CloudTrail,
    /// `service: s3_access`: access lines under the names of our columns.
    S3Access,
    /// `category: s3_activity`: both logs under the names of `activity`.
    Activity,
}

impl Source {
    /// Does it hold rows of that log?
    pub fn takes(self, log: LogType) -> bool {
        match self {
            Source::CloudTrail => log == LogType::CloudTrail,
            Source::S3Access => log == LogType::S3Access,
            Source::Activity => true,
        }
    }

    /// As a rule writes it.
    pub fn name(self) -> &'static str {
        match self {
            Source::CloudTrail => "product: aws, service: cloudtrail",
            Source::S3Access => "service: s3_access",
            Source::Activity => "category: s3_activity",
        }
    }

    fn columns(self) -> &'static [Column] {
        match self {
            Source::CloudTrail => CLOUDTRAIL,
            Source::S3Access => &S3_ACCESS,
            Source::Activity => &ACTIVITY,
        }
    }

    /// All that a row says, for words that are sought anywhere.
    pub fn anywhere(self) -> Field {
        Field { column: &ANYWHERE, path: Box::default(), kind: FieldKind::Text }
    }
}

/// A field of a rule.
#[derive(Clone, Debug)]
pub struct Field {
    /// The column that holds it; all are text.
    pub column: &'static Column,
    /// Where it lies in the JSON of the column; empty for the whole.
    pub path: Box<[Box<str>]>,
    /// What kind of text.
    pub kind: FieldKind,
}

/// What the values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Text.
    Text,
    /// Names of actions, of which some have two spellings.
    ActionName,
    /// JSON, in which a path leads to values.
    Json,
}

const fn text(name: &'static str, field: &'static str) -> Column {
    few(name, Cells::Text(field), "")
}

/// The same of a field whose values hardly repeat, so that they are not listed to ask once each.
const fn many_text(name: &'static str, field: &'static str) -> Column {
    many(name, Cells::Text(field), "")
}

/// Members of a CloudTrail record with a field of their own; what follows a name with JSON is a path in it.
static CLOUDTRAIL: &[Column] = &[
    text("eventName", "event_name"),
    text("eventSource", "event_source"),
    many_text("eventTime", "event_time"),
    many_text("eventID", "event_id"),
    text("eventVersion", "event_version"),
    text("eventType", "event_type"),
    text("eventCategory", "event_category"),
    text("managementEvent", "management_event"),
    text("readOnly", "read_only"),
    text("errorCode", "error_code"),
    text("errorMessage", "error_message"),
    text("sourceIPAddress", "source_ip_address"),
    text("userAgent", "user_agent"),
    many_text("requestID", "request_id"),
    many_text("sharedEventID", "shared_event_id"),
    text("awsRegion", "aws_region"),
    text("recipientAccountId", "recipient_account_id"),
    text("vpcEndpointId", "vpc_endpoint_id"),
    text("vpcEndpointAccountId", "vpc_endpoint_account_id"),
    text("apiVersion", "api_version"),
    text("userIdentity.type", "user_identity.type"),
    text("userIdentity.userName", "user_identity.user_name"),
    text("userIdentity.principalId", "user_identity.principal_id"),
    text("userIdentity.arn", "user_identity.arn"),
    text("userIdentity.accountId", "user_identity.account_id"),
    text("userIdentity.accessKeyId", "user_identity.access_key_id"),
    text("userIdentity.invokedBy", "user_identity.invoked_by"),
    text("userIdentity.invokedByDelegate.accountId", "user_identity.invoked_by_delegate.account_id"),
    text("userIdentity.onBehalfOf.userId", "user_identity.on_behalf_of.user_id"),
    text("userIdentity.onBehalfOf.identityStoreArn", "user_identity.on_behalf_of.identity_store_arn"),
    text("userIdentity.inScopeOf.sourceArn", "user_identity.in_scope_of.source_arn"),
    text("userIdentity.inScopeOf.sourceAccount", "user_identity.in_scope_of.source_account"),
    text("userIdentity.inScopeOf.issuerType", "user_identity.in_scope_of.issuer_type"),
    text("userIdentity.inScopeOf.credentialsIssuedTo", "user_identity.in_scope_of.credentials_issued_to"),
    text("userIdentity.credentialId", "user_identity.credential_id"),
    text("userIdentity.identityProvider", "user_identity.identity_provider"),
    text("userIdentity.sessionContext.sessionIssuer.type", "user_identity.session_context.session_issuer.type"),
    text(
        "userIdentity.sessionContext.sessionIssuer.principalId",
        "user_identity.session_context.session_issuer.principal_id",
    ),
    text("userIdentity.sessionContext.sessionIssuer.arn", "user_identity.session_context.session_issuer.arn"),
    text(
        "userIdentity.sessionContext.sessionIssuer.accountId",
        "user_identity.session_context.session_issuer.account_id",
    ),
    text(
        "userIdentity.sessionContext.sessionIssuer.userName",
        "user_identity.session_context.session_issuer.user_name",
    ),
    text(
        "userIdentity.sessionContext.webIdFederationData.federatedProvider",
        "user_identity.session_context.web_id_federation_data.federated_provider",
    ),
    text(
        "userIdentity.sessionContext.webIdFederationData.attributes",
        "user_identity.session_context.web_id_federation_data.attributes",
    ),
    text(
        "userIdentity.sessionContext.attributes.creationDate",
        "user_identity.session_context.attributes.creation_date",
    ),
    text(
        "userIdentity.sessionContext.attributes.mfaAuthenticated",
        "user_identity.session_context.attributes.mfa_authenticated",
    ),
    text("userIdentity.sessionContext.assumedRoot", "user_identity.session_context.assumed_root"),
    text("userIdentity.sessionContext.sourceIdentity", "user_identity.session_context.source_identity"),
    text("userIdentity.sessionContext.ec2RoleDelivery", "user_identity.session_context.ec2_role_delivery"),
    text("userIdentity.sessionContext.signInSessionArn", "user_identity.session_context.sign_in_session_arn"),
    text("tlsDetails.tlsVersion", "tls_details.tls_version"),
    text("tlsDetails.cipherSuite", "tls_details.cipher_suite"),
    text("tlsDetails.clientProvidedHostHeader", "tls_details.client_provided_host_header"),
    text("tlsDetails.keyExchange", "tls_details.key_exchange"),
    many_text("resources", "resources"),
    many_text("requestParameters", "request_parameters"),
    many_text("responseElements", "response_elements"),
    // Before the whole, which need not be looked through for it.
    text("additionalEventData.SSEApplied", "s3_sse"),
    many_text("additionalEventData", "additional_event_data"),
    many_text("serviceEventDetails", "service_event_details"),
    many_text("insightDetails", "insight_details"),
    many_text("addendum", "addendum"),
    text("edgeDeviceDetails", "edge_device_details"),
    text("sessionCredentialFromConsole", "session_credential_from_console"),
];

/// Members of a record that have members themselves and no field for the whole.
const WHOLES: [&str; 2] = ["userIdentity", "tlsDetails"];

/// Members that no field holds, by a path from the record.
static OTHERS: Column = many_text("", "other_fields");

/// All that a row says, a field a line.
static ANYWHERE: Column = many("", Cells::Composed(anywhere), "");

fn anywhere(table: &FieldTable, row: usize, out: &mut Vec<u8>) -> bool {
    for bytes in (0..table.width).filter_map(|field| table.bytes(row, field)) {
        out.extend_from_slice(bytes);
        out.push(b'\n');
    }
    true
}

/// The columns of access lines, all as text.
static S3_ACCESS: LazyLock<Vec<Column>> = LazyLock::new(|| as_text(Dataset::S3Access));

/// The columns of both logs, all as text.
static ACTIVITY: LazyLock<Vec<Column>> = LazyLock::new(|| as_text(Dataset::Activity));

fn as_text(dataset: Dataset) -> Vec<Column> {
    let column = |column: &Column| match column.variety {
        Variety::Few => few(column.name, text_cells(&column.cells), ""),
        Variety::Many | Variety::Random => many(column.name, text_cells(&column.cells), ""),
    };
    dataset.columns().iter().map(column).collect()
}

/// The cells of a column as text: numbers as logged, times in RFC 3339.
fn text_cells(cells: &Cells) -> Cells {
    let leaked = |cells: &'static Cells| -> &'static Cells { Box::leak(Box::new(text_cells(cells))) };
    match cells {
        Cells::Text(name)
        | Cells::Integer(name)
        | Cells::SmallInteger(name)
        | Cells::Boolean(name)
        | Cells::Words(name) => Cells::Text(name),
        Cells::EventTime => Cells::Composed(|table, row, out| {
            let time_ms = table.rows[row].event_time_ms();
            out.extend_from_slice(time_ms.map(time::format_iso).unwrap_or_default().as_bytes());
            time_ms.is_some()
        }),
        Cells::SourceNumber => Cells::Composed(|table, row, out| {
            out.extend_from_slice(table.rows[row].number.to_string().as_bytes());
            true
        }),
        Cells::PerLog(access, trail) => Cells::PerLog(leaked(access), leaked(trail)),
        Cells::Word(word) => Cells::Word(*word),
        Cells::Composed(compose) => Cells::Composed(*compose),
        Cells::PerValue(name, compose) => Cells::PerValue(name, *compose),
        Cells::PerCaller(compose) => Cells::PerCaller(*compose),
        Cells::SourceFile => Cells::SourceFile,
        _ => Cells::NoText,
    }
}

impl Field {
    /// The field of that name.
    ///
    /// # Errors
    /// What is wrong with the name, and which there are.
    pub fn named(source: Source, name: &str) -> Result<Field, String> {
        let columns = source.columns();
        if let Some(column) = columns.iter().find(|column| column.name == name) {
            return Ok(Field { column, path: Box::default(), kind: kind_of(column) });
        }
        if source != Source::CloudTrail {
            let known: Vec<&str> = columns.iter().map(|column| column.name).collect();
            return Err(format!("{} has no field {name}; there are {}", source.name(), known.join(", ")));
        }
        let (column, path) = columns
            .iter()
            .filter(|column| kind_of(column) == FieldKind::Json)
            .find_map(|column| Some((column, name.strip_prefix(column.name)?.strip_prefix('.')?)))
            .unwrap_or((&OTHERS, name));
        if name.is_empty() || WHOLES.contains(&name) {
            return Err(format!("{name}: name one of its members, such as {name}.type or {name}.tlsVersion"));
        }
        Ok(Field { column, path: path.split('.').map(Into::into).collect(), kind: FieldKind::Json })
    }

    /// Is it a member of a record that is known to exist?
    pub fn is_known(&self) -> bool {
        !std::ptr::eq(self.column, &OTHERS)
    }

    /// Are its values those of the column?
    pub fn is_column(&self) -> bool {
        self.path.is_empty()
    }
}

fn kind_of(column: &Column) -> FieldKind {
    match column.name {
        "eventName" | "action" => FieldKind::ActionName,
        "resources"
        | "requestParameters"
        | "responseElements"
        | "additionalEventData"
        | "serviceEventDetails"
        | "insightDetails"
        | "addendum"
        | "edgeDeviceDetails"
        | "userIdentity.sessionContext.webIdFederationData.attributes" => FieldKind::Json,
        _ => FieldKind::Text,
    }
}

/// Names of actions that mean the same: as CloudTrail writes them first, then as the API and IAM call them.
const SPELLINGS: &[&[&str]] = &[
    &["PutBucketLifecycle", "PutBucketLifecycleConfiguration", "PutLifecycleConfiguration"],
    &["GetBucketLifecycle", "GetBucketLifecycleConfiguration", "GetLifecycleConfiguration"],
    &["PutBucketObjectLockConfiguration", "PutObjectLockConfiguration"],
    &["GetBucketObjectLockConfiguration", "GetObjectLockConfiguration"],
    &["PutBucketPublicAccessBlock", "PutPublicAccessBlock"],
    &["GetBucketPublicAccessBlock", "GetPublicAccessBlock"],
    &["DeleteBucketPublicAccessBlock", "DeletePublicAccessBlock"],
    &["PutBucketEncryption", "PutEncryptionConfiguration"],
    &["GetBucketEncryption", "GetEncryptionConfiguration"],
    &["PutBucketReplication", "PutReplicationConfiguration"],
    &["GetBucketReplication", "GetReplicationConfiguration"],
    &["PutBucketNotification", "PutBucketNotificationConfiguration"],
];

/// Other spellings of the name of an action.
pub fn other_spellings(name: &str) -> impl Iterator<Item = &'static str> {
    let known = if name.starts_with(['P', 'G', 'D']) { SPELLINGS } else { &[] };
    let group = known.iter().find(|group| group.contains(&name)).copied().unwrap_or_default();
    group.iter().copied().filter(move |other| *other != name)
}

/// What is known of a row from its log, the service and the name of the action alone: for each column that this
/// settles, its value. Several lists if there are several possibilities.
pub fn known_of<'a>(
    log: LogType,
    event_source: &'a str,
    operation: &'a str,
) -> Vec<Vec<(&'static Column, String)>> {
    let column = |source: Source, name: &str| {
        source.columns().iter().find(|column| column.name == name).expect("a column of the list above")
    };
    let both = |name: &str, value: &str| (column(Source::Activity, name), value.to_owned());
    let common =
        |service: &str| vec![both("log", log.name()), both("service", service), both("operation", operation)];
    let mut possible = match log {
        LogType::CloudTrail => {
            let mut known = common(short_service(event_source));
            known.push(both("action", operation));
            known.push((column(Source::CloudTrail, "eventName"), operation.to_owned()));
            known.push((column(Source::CloudTrail, "eventSource"), event_source.to_owned()));
            vec![known]
        }
        LogType::S3Access => [true, false]
            .map(|on_object| {
                let mut known = common("s3");
                let (action, class) = of_operation(operation, on_object);
                known.push(both("action", &action));
                known.push(both("action_class", class.name()));
                known.push((column(Source::S3Access, "operation"), operation.to_owned()));
                known
            })
            .into(),
    };
    // A name that is empty here may be one that is not there.
    possible.iter_mut().for_each(|known: &mut Vec<_>| known.retain(|(_, value)| !value.is_empty()));
    possible
}

/// What is known of a row from how it ended, if it is a call, and from its caller, who is of one of these kinds: as
/// [`known_of`] tells it.
pub fn known_of_ending(outcome: Option<Outcome>, kinds: &[PrincipalKind]) -> Vec<Vec<(&'static Column, String)>> {
    let column = |name: &str, value: &str| {
        let column = Source::Activity.columns().iter().find(|column| column.name == name);
        (column.expect("a column of activity"), value.to_owned())
    };
    let of_kind = |kind: &PrincipalKind| {
        let mut known = vec![column("principal_kind", kind.name())];
        known.extend(outcome.map(|outcome| column("outcome", outcome.name())));
        known
    };
    kinds.iter().map(of_kind).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::cloudtrail::FIELDS;

    #[test]
    fn every_field_of_a_record_has_its_name() {
        let mapped: Vec<&str> = CLOUDTRAIL
            .iter()
            .map(|column| match column.cells {
                Cells::Text(name) => name,
                _ => "",
            })
            .collect();
        assert!(mapped.iter().all(|name| FIELDS.contains(name)));
        // What is lifted out of other members is named by its path in them.
        let lifted = [
            "s3_",
            "kms_key",
            "principal_",
            "access_key_id",
            "invoked_by",
            "host_id",
            "other_fields",
            "encryption_context",
        ];
        for name in FIELDS {
            let is_lifted = name != "s3_sse" && lifted.iter().any(|prefix| name.starts_with(prefix));
            assert_ne!(mapped.contains(&name), is_lifted, "{name}");
        }
    }

    #[test]
    fn names_lead_to_columns_and_paths() {
        for (source, name, expected) in [
            (Source::CloudTrail, "eventName", Some(("eventName", ""))),
            (Source::CloudTrail, "requestParameters", Some(("requestParameters", ""))),
            (Source::CloudTrail, "requestParameters.a.b", Some(("requestParameters", "a.b"))),
            (
                Source::CloudTrail,
                "userIdentity.sessionContext.attributes.mfaAuthenticated",
                Some(("userIdentity.sessionContext.attributes.mfaAuthenticated", "")),
            ),
            (Source::CloudTrail, "eventContext.a", Some(("", "eventContext.a"))),
            (Source::CloudTrail, "userIdentity", None),
            (Source::S3Access, "http_status", Some(("http_status", ""))),
            (Source::S3Access, "eventName", None),
            (Source::Activity, "bytes_out", Some(("bytes_out", ""))),
        ] {
            let found = Field::named(source, name).ok().map(|field| (field.column.name, field.path.join(".")));
            assert_eq!(found.as_ref().map(|(name, path)| (*name, path.as_str())), expected, "{name}");
        }
    }

    #[test]
    fn what_is_not_named_is_not_known() {
        for (log, source, operation, expected) in [
            (LogType::CloudTrail, "s3.amazonaws.com", "GetObject", vec![6]),
            (LogType::CloudTrail, "", "", vec![1]),
            (LogType::S3Access, "", "REST.GET.OBJECT", vec![6, 6]),
        ] {
            let known: Vec<usize> = known_of(log, source, operation).iter().map(Vec::len).collect();
            assert_eq!(known, expected, "{source} {operation}");
        }
    }

    #[test]
    fn both_spellings_are_known_to_each_other() {
        let others = |name| other_spellings(name).collect::<Vec<_>>();
        assert_eq!(others("PutObjectLockConfiguration"), ["PutBucketObjectLockConfiguration"]);
        assert_eq!(others("PutBucketLifecycle").len(), 2);
        assert!(others("PutObject").is_empty());
    }
}
