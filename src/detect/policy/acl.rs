//! Access control lists: a canned one, grants in headers, or a list in the body
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html>).

use super::Access;
use super::grants::{Grantee, Grants, cut};
use super::json::{each, first_text, texts};
use crate::detect::known::is_canonical_id;
use serde_json::Value;

/// What an ACL is on: a permission means other things on a bucket than on an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// A bucket.
    Bucket,
    /// An object.
    Object,
}

/// Grants that are read. S3 takes at most 100.
const MOST_GRANTS: usize = 256;

/// The headers that grant, and what.
const HEADERS: [(&str, &str); 5] = [
    ("x-amz-grant-read", "READ"),
    ("x-amz-grant-write", "WRITE"),
    ("x-amz-grant-read-acp", "READ_ACP"),
    ("x-amz-grant-write-acp", "WRITE_ACP"),
    ("x-amz-grant-full-control", "FULL_CONTROL"),
];

/// Whom the parameters of a call let in. `None`: they hold no ACL.
pub fn of_parameters(parameters: &Value, on: On) -> Option<Grants> {
    let mut grants = Grants::default();
    let mut is_any = false;
    // Some records put the headers into an object of their own.
    for holder in [Some(parameters), parameters.get("accessControlList")].into_iter().flatten() {
        if let Some(canned) = holder.get("x-amz-acl") {
            is_any = true;
            texts(canned).take(MOST_GRANTS).for_each(|name| add_canned(&mut grants, &name, on));
        }
        for (header, permission) in HEADERS {
            if let Some(value) = holder.get(header) {
                is_any = true;
                let entries = texts(value).take(MOST_GRANTS);
                entries.for_each(|entries| add_header(&mut grants, &entries, permission, on));
            }
        }
    }
    if let Some(body) = parameters.get("AccessControlPolicy") {
        is_any = true;
        add_body(&mut grants, body, on);
    }
    is_any.then_some(grants)
}

fn add_canned(grants: &mut Grants, name: &str, on: On) {
    let read = access("READ", on);
    match name.to_ascii_lowercase().as_str() {
        "public-read" => grants.add(Grantee::Everybody, Vec::new(), read),
        "public-read-write" => grants.add(Grantee::Everybody, Vec::new(), read.and(access("WRITE", on))),
        "authenticated-read" => grants.add(Grantee::Authenticated, Vec::new(), read),
        _ => {}
    }
}

/// `uri="http://acs.amazonaws.com/groups/global/AllUsers", id="…"`, with or without quotes.
fn add_header(grants: &mut Grants, entries: &str, permission: &str, on: On) {
    for entry in entries.split(',').take(MOST_GRANTS) {
        let Some((kind, value)) = entry.split_once('=') else { continue };
        let value = value.trim().trim_matches(['"', '\'']);
        let grantee = match kind.trim().to_ascii_lowercase().as_str() {
            "uri" => of_group(value),
            "id" => of_id(value),
            "emailaddress" => Some(Grantee::Email(cut(value))),
            _ => None,
        };
        grantee.into_iter().for_each(|grantee| grants.add(grantee, Vec::new(), access(permission, on)));
    }
}

fn add_body(grants: &mut Grants, body: &Value, on: On) {
    let owner = body.get("Owner").and_then(|owner| owner.get("ID")).and_then(first_text);
    let lists = body.get("AccessControlList").map(each).unwrap_or_default();
    let entries = lists.iter().filter_map(|list| list.get("Grant")).flat_map(each).take(MOST_GRANTS);
    for entry in entries {
        let Some(grantee) = entry.get("Grantee") else { continue };
        let text = |name: &str| grantee.get(name).and_then(first_text);
        let permission = entry.get("Permission").and_then(first_text).unwrap_or_default();
        let id = text("ID").filter(|id| Some(id) != owner.as_ref());
        let found = text("URI")
            .and_then(|uri| of_group(&uri))
            .or_else(|| id.and_then(|id| of_id(&id)))
            .or_else(|| text("EmailAddress").map(|address| Grantee::Email(cut(&address))));
        found.into_iter().for_each(|grantee| grants.add(grantee, Vec::new(), access(&permission, on)));
    }
}

/// The two groups that are open to others; that of log delivery is a service of the owner's.
fn of_group(uri: &str) -> Option<Grantee> {
    let (_, name) = uri.split_once("acs.amazonaws.com/groups/global/")?;
    match name {
        "AllUsers" => Some(Grantee::Everybody),
        "AuthenticatedUsers" => Some(Grantee::Authenticated),
        _ => None,
    }
}

fn of_id(id: &str) -> Option<Grantee> {
    is_canonical_id(id).then(|| Grantee::Account(id.to_owned()))
}

/// What a permission amounts to.
fn access(permission: &str, on: On) -> Access {
    let (read, write) = match on {
        On::Bucket => (Access::LIST, Access::WRITE.and(Access::DELETE)),
        On::Object => (Access::READ, Access::NONE),
    };
    match permission {
        "READ" => read,
        "WRITE" => write,
        "READ_ACP" => Access::LIST,
        "WRITE_ACP" => Access::PERMISSIONS,
        "FULL_CONTROL" => read.and(write).and(Access::LIST).and(Access::PERMISSIONS),
        _ => Access::NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const OTHER: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9";
    const OWNER: &str = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be";

    fn granted(parameters: &Value, on: On) -> Option<String> {
        let grants = of_parameters(parameters, on)?;
        let of = |(grant, access): (&super::super::Grant, Access)| {
            format!("{}={}", &grant.grantee.name()[..grant.grantee.name().len().min(16)], access.text())
        };
        Some(grants.iter().map(of).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn canned_lists_and_headers_are_read() {
        use On::{Bucket, Object};
        let all = r#"uri="http://acs.amazonaws.com/groups/global/AllUsers""#;
        for (parameters, on, expected) in [
            (json!({"x-amz-acl": "private"}), Bucket, Some("")),
            (json!({"x-amz-acl": "public-read"}), Bucket, Some("everybody=list")),
            (json!({"x-amz-acl": "public-read"}), Object, Some("everybody=read")),
            (json!({"x-amz-acl": ["public-read"]}), Object, Some("everybody=read")),
            (json!({"x-amz-acl": "public-read-write"}), Bucket, Some("everybody=list+write+delete")),
            (json!({"x-amz-acl": "public-read-write"}), Object, Some("everybody=read")),
            (json!({"x-amz-acl": "authenticated-read"}), Object, Some("authenticated=read")),
            (json!({"x-amz-acl": "bucket-owner-full-control"}), Object, Some("")),
            (json!({"x-amz-grant-read": all}), Object, Some("everybody=read")),
            (
                json!({"x-amz-grant-write": "uri=http://acs.amazonaws.com/groups/global/AuthenticatedUsers"}),
                Bucket,
                Some("authenticated=write+delete"),
            ),
            (
                json!({"x-amz-grant-full-control": format!("id=\"{OTHER}\", emailAddress=\"x@example.com\"")}),
                Object,
                Some("0a1b2c3d4e5f6071=read+list+permissions x@example.com=read+list+permissions"),
            ),
            (json!({"accessControlList": {"x-amz-grant-write-acp": all}}), Bucket, Some("everybody=permissions")),
            (
                json!({"x-amz-grant-write": "uri=\"http://acs.amazonaws.com/groups/s3/LogDelivery\""}),
                Bucket,
                Some(""),
            ),
            (json!({"x-amz-grant-read": "id=me,nonsense,=,uri="}), Object, Some("")),
            (json!({"bucketName": "b"}), Bucket, None),
        ] {
            assert_eq!(granted(&parameters, on).as_deref(), expected, "{parameters}");
        }
    }

    #[test]
    fn lists_in_the_body_hold_one_grant_or_several() {
        let body = |grants: Value| {
            json!({"AccessControlPolicy": {"xmlns": "http://s3.amazonaws.com/doc/2006-03-01/",
                "Owner": {"ID": OWNER}, "AccessControlList": {"Grant": grants}}})
        };
        let group = |name: &str, permission: &str| {
            json!({"Grantee": {"xsi:type": "Group", "URI": format!("http://acs.amazonaws.com/groups/global/{name}")},
                "Permission": permission})
        };
        let user = |id: &str, permission: &str| json!({"Grantee": {"xsi:type": "CanonicalUser", "ID": id}, "Permission": permission});
        for (grants, expected) in [
            (group("AllUsers", "READ"), "everybody=list"),
            (json!([user(OWNER, "FULL_CONTROL"), group("AllUsers", "WRITE")]), "everybody=write+delete"),
            (json!([group("AuthenticatedUsers", "READ_ACP")]), "authenticated=list"),
            (json!([user(OWNER, "FULL_CONTROL"), user(OTHER, "READ")]), "0a1b2c3d4e5f6071=list"),
            (json!({"Grantee": {"EmailAddress": "x@example.com"}, "Permission": "READ"}), "x@example.com=list"),
            (json!([user(OWNER, "FULL_CONTROL")]), ""),
            (json!("nonsense"), ""),
            (json!([{"Grantee": [], "Permission": {}}, null]), ""),
        ] {
            assert_eq!(granted(&body(grants.clone()), On::Bucket).as_deref(), Some(expected), "{grants}");
        }
    }
}
