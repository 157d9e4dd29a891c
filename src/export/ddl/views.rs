//! Views under the names and types that AWS documents, so that queries written for its tables run unchanged.

use super::Engine;
use super::tables::Table;
use crate::batch::Dataset;
use arrow::datatypes::Fields;

/// A view over a table.
pub struct View {
    /// Its name.
    pub name: &'static str,
    /// The dataset that it shows.
    pub dataset: Dataset,
    columns: &'static [(&'static str, Value)],
}

/// A value of a view's column.
enum Value {
    /// A column, or a member of a struct.
    Same(&'static str),
    /// The same as text.
    Text(&'static str),
    /// `Yes` where it is true, as access logs write it.
    Yes(&'static str),
    /// `06/Feb/2026:00:00:38 +0000`
    AccessLogTime(&'static str),
    /// `2026-02-06T00:00:38Z`
    IsoTime(&'static str),
    /// A struct, null where that column is.
    Struct(&'static str, &'static [(&'static str, Value)]),
    /// An array of structs, from one.
    Structs(&'static str, &'static [(&'static str, &'static str)]),
}

use Value::{AccessLogTime, IsoTime, Same, Struct, Structs, Text, Yes};

/// All views.
pub static VIEWS: [View; 2] = [
    View {
        name: "s3_access_aws",
        dataset: Dataset::S3Access,
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-s3-access-logs-to-identify-requests.html
        columns: &[
            ("bucketowner", Same("bucket_owner")),
            ("bucket_name", Same("bucket_name")),
            ("requestdatetime", AccessLogTime("event_time")),
            ("remoteip", Same("remote_ip")),
            ("requester", Same("requester")),
            ("requestid", Same("request_id")),
            ("operation", Same("operation")),
            ("key", Same("object_key_raw")),
            ("request_uri", Same("request_uri")),
            ("httpstatus", Text("http_status")),
            ("errorcode", Same("error_code")),
            ("bytessent", Same("bytes_sent")),
            ("objectsize", Same("object_size")),
            ("totaltime", Text("total_time_ms")),
            ("turnaroundtime", Text("turn_around_time_ms")),
            ("referrer", Same("referer")),
            ("useragent", Same("user_agent")),
            ("versionid", Same("version_id")),
            ("hostid", Same("host_id")),
            ("sigv", Same("signature_version")),
            ("ciphersuite", Same("cipher_suite")),
            ("authtype", Same("auth_type")),
            ("endpoint", Same("host_header")),
            ("tlsversion", Same("tls_version")),
            ("accesspointarn", Same("access_point_arn")),
            ("aclrequired", Yes("acl_required")),
        ],
    },
    View {
        name: "cloudtrail_aws",
        dataset: Dataset::CloudTrail,
        // https://docs.aws.amazon.com/athena/latest/ug/create-cloudtrail-table-understanding.html
        columns: &[
            ("eventversion", Same("event_version")),
            ("useridentity", Struct("user_identity", USER_IDENTITY)),
            ("eventtime", IsoTime("event_time")),
            ("eventsource", Same("event_source")),
            ("eventname", Same("event_name")),
            ("awsregion", Same("aws_region")),
            ("sourceipaddress", Same("source_ip_address")),
            ("useragent", Same("user_agent")),
            ("errorcode", Same("error_code")),
            ("errormessage", Same("error_message")),
            ("requestparameters", Same("request_parameters")),
            ("responseelements", Same("response_elements")),
            ("additionaleventdata", Same("additional_event_data")),
            ("requestid", Same("request_id")),
            ("eventid", Same("event_id")),
            ("resources", Structs("resources", &[("arn", "arn"), ("accountid", "account_id"), ("type", "type")])),
            ("eventtype", Same("event_type")),
            ("apiversion", Same("api_version")),
            ("readonly", Text("read_only")),
            ("recipientaccountid", Same("recipient_account_id")),
            ("serviceeventdetails", Same("service_event_details")),
            ("sharedeventid", Same("shared_event_id")),
            ("vpcendpointid", Same("vpc_endpoint_id")),
            ("vpcendpointaccountid", Same("vpc_endpoint_account_id")),
            ("eventcategory", Same("event_category")),
            (
                "tlsdetails",
                Struct(
                    "tls_details",
                    &[
                        ("tlsversion", Same("tls_details.tls_version")),
                        ("ciphersuite", Same("tls_details.cipher_suite")),
                        ("clientprovidedhostheader", Same("tls_details.client_provided_host_header")),
                    ],
                ),
            ),
        ],
    },
];

static USER_IDENTITY: &[(&str, Value)] = &[
    ("type", Same("user_identity.type")),
    ("principalid", Same("user_identity.principal_id")),
    ("arn", Same("user_identity.arn")),
    ("accountid", Same("user_identity.account_id")),
    ("invokedby", Same("user_identity.invoked_by")),
    ("accesskeyid", Same("user_identity.access_key_id")),
    ("username", Same("user_identity.user_name")),
    (
        "sessioncontext",
        Struct(
            "user_identity.session_context",
            &[
                (
                    "attributes",
                    Struct(
                        "user_identity.session_context.attributes",
                        &[
                            (
                                "mfaauthenticated",
                                Same("user_identity.session_context.attributes.mfa_authenticated"),
                            ),
                            ("creationdate", Same("user_identity.session_context.attributes.creation_date")),
                        ],
                    ),
                ),
                (
                    "sessionissuer",
                    Struct(
                        "user_identity.session_context.session_issuer",
                        &[
                            ("type", Same("user_identity.session_context.session_issuer.type")),
                            ("principalid", Same("user_identity.session_context.session_issuer.principal_id")),
                            ("arn", Same("user_identity.session_context.session_issuer.arn")),
                            ("accountid", Same("user_identity.session_context.session_issuer.account_id")),
                            ("username", Same("user_identity.session_context.session_issuer.user_name")),
                        ],
                    ),
                ),
                ("ec2roledelivery", Same("user_identity.session_context.ec2_role_delivery")),
            ],
        ),
    ),
];

impl View {
    /// The statement, if the table has all columns that the view shows.
    pub fn statement(&self, table: &Table, engine: Engine) -> Option<String> {
        let has_all = self.columns.iter().all(|(_, value)| value.is_in(&table.columns));
        let quote = engine.quote_in_query();
        let shown = self.columns.iter().map(|(name, value)| {
            let value = value.sql(engine);
            format!("  {value} AS {quote}{name}{quote}")
        });
        let keys = table.keys.iter().map(|key| format!("  {quote}{key}{quote}"));
        let shown: Vec<String> = shown.chain(keys).collect();
        has_all.then(|| {
            format!(
                "CREATE OR REPLACE VIEW {} AS\nSELECT\n{}\nFROM {}",
                self.name,
                shown.join(",\n"),
                table.dataset.name()
            )
        })
    }
}

impl Value {
    fn path(&self) -> &'static str {
        match self {
            Same(path) | Text(path) | Yes(path) | AccessLogTime(path) | IsoTime(path) => path,
            Struct(path, _) | Structs(path, _) => path,
        }
    }

    fn is_in(&self, columns: &Fields) -> bool {
        let column = self.path().split('.').next();
        columns.iter().any(|field| Some(field.name().as_str()) == column)
    }

    fn sql(&self, engine: Engine) -> String {
        match (self, engine) {
            (Same(path), _) => (*path).to_owned(),
            (Text(path), Engine::Spark) => format!("CAST({path} AS STRING)"),
            (Text(path), _) => format!("CAST({path} AS VARCHAR)"),
            (Yes(path), _) => format!("CASE WHEN {path} THEN 'Yes' END"),
            (AccessLogTime(path), Engine::Athena) => {
                format!("format_datetime({path}, 'dd/MMM/yyyy:HH:mm:ss') || ' +0000'")
            }
            (AccessLogTime(path), Engine::Spark) => {
                format!("concat(date_format({path}, 'dd/MMM/yyyy:HH:mm:ss'), ' +0000')")
            }
            (AccessLogTime(path), Engine::DuckDb) => {
                format!("strftime({path} AT TIME ZONE 'UTC', '%d/%b/%Y:%H:%M:%S +0000')")
            }
            (IsoTime(path), Engine::Athena) => format!("format_datetime({path}, 'yyyy-MM-dd''T''HH:mm:ss''Z''')"),
            (IsoTime(path), Engine::Spark) => format!("date_format({path}, \"yyyy-MM-dd'T'HH:mm:ss'Z'\")"),
            (IsoTime(path), Engine::DuckDb) => {
                format!("strftime({path} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ')")
            }
            (Struct(path, members), _) => {
                format!("CASE WHEN {path} IS NOT NULL THEN {} END", row(members, engine))
            }
            (Structs(path, members), _) => {
                let members: Vec<(&str, String)> =
                    members.iter().map(|(name, member)| (*name, format!("r.{member}"))).collect();
                let element = made(&members, &vec!["varchar".to_owned(); members.len()], engine);
                match engine {
                    Engine::DuckDb => format!("list_transform({path}, lambda r: {element})"),
                    Engine::Athena | Engine::Spark => format!("transform({path}, r -> {element})"),
                }
            }
        }
    }

    /// Its type in Athena's queries. Members of structs are texts or structs.
    fn athena_type(&self) -> String {
        match self {
            Struct(_, members) => {
                let member = |(name, value): &(&str, Value)| format!("{name} {}", value.athena_type());
                format!("row({})", members.iter().map(member).collect::<Vec<_>>().join(", "))
            }
            _ => "varchar".to_owned(),
        }
    }
}

fn row(members: &[(&'static str, Value)], engine: Engine) -> String {
    let values: Vec<(&str, String)> = members.iter().map(|(name, value)| (*name, value.sql(engine))).collect();
    let types: Vec<String> = members.iter().map(|(_, value)| value.athena_type()).collect();
    made(&values, &types, engine)
}

/// A struct of named values; `types` are those of Athena, which has no other way to name them.
fn made(values: &[(&str, String)], types: &[String], engine: Engine) -> String {
    let each = |one: &dyn Fn(&str, &str) -> String| {
        values.iter().map(|(name, value)| one(name, value)).collect::<Vec<_>>().join(", ")
    };
    match engine {
        Engine::Athena => {
            let types = values.iter().zip(types).map(|((name, _), kind)| format!("{name} {kind}"));
            let types: Vec<String> = types.collect();
            format!("CAST(row({}) AS row({}))", each(&|_, value| value.to_owned()), types.join(", "))
        }
        Engine::Spark => format!("named_struct({})", each(&|name, value| format!("'{name}', {value}"))),
        Engine::DuckDb => format!("struct_pack({})", each(&|name, value| format!("\"{name}\" := {value}"))),
    }
}
