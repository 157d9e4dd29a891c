//! Who did it, in one form for both logs.

use crate::parse::{FieldTable, cloudtrail::field as trail, s3_access::field as access};

/// What kind of caller it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// IAM user.
    User,
    /// IAM role, through a session.
    Role,
    /// Root of an account.
    Root,
    /// AWS service.
    Service,
    /// Another account, or a canonical user id.
    Account,
    /// Federated, SAML, web or Identity Center user.
    Federated,
    /// Nobody: the request was not authenticated.
    Anonymous,
    /// The log does not say.
    Unknown,
}

impl PrincipalKind {
    /// The word in the `principal_kind` column.
    pub fn name(self) -> &'static str {
        match self {
            PrincipalKind::User => "user",
            PrincipalKind::Role => "role",
            PrincipalKind::Root => "root",
            PrincipalKind::Service => "service",
            PrincipalKind::Account => "account",
            PrincipalKind::Federated => "federated",
            PrincipalKind::Anonymous => "anonymous",
            PrincipalKind::Unknown => "unknown",
        }
    }
}

/// A caller: the texts borrow from the row where they can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal<'a> {
    /// Kind of caller.
    pub kind: PrincipalKind,
    /// The name under which both logs count it; a role is `arn:PARTITION:iam::ACCOUNT:role/NAME` without its path.
    pub name: Name<'a>,
    /// Name of the session of a role.
    pub session_name: Option<&'a str>,
    /// Account of the caller.
    pub account_id: Option<&'a str>,
}

/// The name of a principal, composed only when it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name<'a> {
    /// As logged.
    Logged(&'a str),
    /// `arn:PARTITION:iam::ACCOUNT:role/NAME`.
    Role {
        /// `aws`, `aws-cn`, `aws-us-gov`.
        partition: &'a str,
        /// Account of the role.
        account_id: &'a str,
        /// Name without path.
        role: &'a str,
    },
    /// The log does not say.
    None,
}

impl Name<'_> {
    /// Appends the name; `false` if there is none.
    pub fn write(self, out: &mut Vec<u8>) -> bool {
        match self {
            Name::Logged(text) => out.extend_from_slice(text.as_bytes()),
            Name::Role { partition, account_id, role } => {
                for part in ["arn:", partition, ":iam::", account_id, ":role/", role] {
                    out.extend_from_slice(part.as_bytes());
                }
            }
            Name::None => return false,
        }
        true
    }
}

const ANONYMOUS: Principal<'static> = Principal {
    kind: PrincipalKind::Anonymous,
    name: Name::Logged("anonymous"),
    session_name: None,
    account_id: None,
};

/// The requester of an access-log row.
pub fn of_access(table: &FieldTable, row: usize) -> Principal<'_> {
    match table.text(row, access::REQUESTER) {
        None | Some("Anonymous") => ANONYMOUS,
        Some(requester) => of_requester(requester),
    }
}

fn of_requester(requester: &str) -> Principal<'_> {
    if let Some(service) = requester.strip_prefix("svc:") {
        return logged(PrincipalKind::Service, service, None);
    }
    if requester == "AmazonS3" {
        return logged(PrincipalKind::Service, requester, None);
    }
    of_arn(requester).unwrap_or_else(|| logged(PrincipalKind::Account, requester, None))
}

/// A caller known by its ARN alone.
pub(crate) fn of_arn(arn: &str) -> Option<Principal<'_>> {
    let rest = arn.strip_prefix("arn:")?;
    let (partition, rest) = cut(rest, b':')?;
    let (_service, rest) = cut(rest, b':')?;
    let (_region, rest) = cut(rest, b':')?;
    let (account_id, resource) = cut(rest, b':')?;
    let (kind, path) = cut(resource, b'/').unwrap_or((resource, ""));
    let account = (!account_id.is_empty()).then_some(account_id);
    Some(match kind {
        // CloudFront's origin access identities.
        "user" if account_id == "cloudfront" => logged(PrincipalKind::Service, arn, None),
        "assumed-role" => {
            let (role, session) = cut(path, b'/').unwrap_or((path, ""));
            role_session(partition, account_id, role, (!session.is_empty()).then_some(session))
        }
        "role" => role_session(partition, account_id, last_segment(path), None),
        "user" => logged(PrincipalKind::User, arn, account),
        "root" => logged(PrincipalKind::Root, arn, account),
        "federated-user" => logged(PrincipalKind::Federated, arn, account),
        _ => logged(PrincipalKind::Unknown, arn, account),
    })
}

/// What lies before and behind the first `at`, a character of ASCII. The pieces of an ARN are too short for a search
/// by words to pay off.
fn cut(text: &str, at: u8) -> Option<(&str, &str)> {
    let place = text.bytes().position(|byte| byte == at)?;
    Some((&text[..place], &text[place + 1..]))
}

fn role_session<'a>(
    partition: &'a str,
    account_id: &'a str,
    role: &'a str,
    session_name: Option<&'a str>,
) -> Principal<'a> {
    let name = Name::Role { partition, account_id, role };
    Principal { kind: PrincipalKind::Role, name, session_name, account_id: Some(account_id) }
}

fn logged<'a>(kind: PrincipalKind, name: &'a str, account_id: Option<&'a str>) -> Principal<'a> {
    Principal { kind, name: Name::Logged(name), session_name: None, account_id }
}

fn last_segment(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The ARN of a CloudTrail row's role or session of a role. If [`is_of_role`] holds for it, it alone decides what
/// [`of_trail`] says.
pub fn session_of_trail(table: &FieldTable, row: usize) -> Option<&[u8]> {
    let is_role = matches!(table.bytes(row, trail::USER_IDENTITY_TYPE), Some(b"AssumedRole" | b"Role"));
    table.bytes(row, trail::USER_IDENTITY_ARN).filter(|_| is_role && !is_anonymous(table, row))
}

/// Is an ARN one of a role or of a session of a role?
pub fn is_of_role(arn: &[u8]) -> bool {
    std::str::from_utf8(arn).ok().and_then(of_arn).is_some_and(|principal| principal.kind == PrincipalKind::Role)
}

/// Both spellings occur in both members.
fn is_anonymous(table: &FieldTable, row: usize) -> bool {
    [trail::USER_IDENTITY_ACCOUNT_ID, trail::USER_IDENTITY_PRINCIPAL_ID]
        .iter()
        .any(|field| matches!(table.bytes(row, *field), Some(b"anonymous" | b"ANONYMOUS_PRINCIPAL")))
}

/// A requester of an access log; of the session of a role (`arn:PARTITION:sts::ACCOUNT:assumed-role/ROLE/SESSION`) what
/// stands before the session, and whether it is one. Kind, name and account of the caller follow from these two.
pub fn without_session(requester: &[u8]) -> (&[u8], bool) {
    const PATH: &[u8] = b"assumed-role/";
    let session = || {
        let end = memchr::memrchr(b'/', requester)?;
        let resource = memchr::memchr_iter(b':', requester).nth(4)? + 1;
        let is_session = requester[resource..].starts_with(PATH) && end >= resource + PATH.len();
        is_session.then(|| &requester[..end])
    };
    session().map_or((requester, false), |role| (role, true))
}

/// The ARN of a session of a role, which is named as [`Name::Role`] is written; `None` of what is no role.
pub fn arn_of_session(role: &str, session: &str) -> Option<String> {
    let (head, role) = role.split_once(":role/")?;
    Some(format!("{}:assumed-role/{role}/{session}", head.replacen(":iam::", ":sts::", 1)))
}

/// The caller of a CloudTrail row
/// (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>).
pub fn of_trail(table: &FieldTable, row: usize) -> Principal<'_> {
    // Text costs a check of its characters each time, so it is taken only where it is used.
    let bytes = |field| table.bytes(row, field).filter(|text| !text.is_empty());
    let text = |field| table.text(row, field).filter(|text| !text.is_empty());
    if is_anonymous(table, row) {
        return ANONYMOUS;
    }
    let [arn, principal_id, user_name, account_id, invoked_by] = [
        trail::USER_IDENTITY_ARN,
        trail::USER_IDENTITY_PRINCIPAL_ID,
        trail::USER_IDENTITY_USER_NAME,
        trail::USER_IDENTITY_ACCOUNT_ID,
        trail::USER_IDENTITY_INVOKED_BY,
    ];
    let first = |fields: &[usize]| fields.iter().find_map(|field| text(*field)).map_or(Name::None, Name::Logged);
    let kind = match bytes(trail::USER_IDENTITY_TYPE) {
        Some(b"AssumedRole" | b"Role") => {
            return of_role(text(arn), || text(trail::SESSION_ISSUER_ARN)).unwrap_or_else(|| Principal {
                kind: PrincipalKind::Role,
                name: first(&[arn, principal_id]),
                session_name: None,
                account_id: text(account_id),
            });
        }
        Some(b"Root") => PrincipalKind::Root,
        Some(b"IAMUser") => PrincipalKind::User,
        Some(b"AWSService") => PrincipalKind::Service,
        Some(b"AWSAccount") => PrincipalKind::Account,
        Some(b"FederatedUser" | b"SAMLUser" | b"WebIdentityUser" | b"IdentityCenterUser" | b"Directory") => {
            PrincipalKind::Federated
        }
        None if bytes(invoked_by).is_some() => PrincipalKind::Service,
        _ => PrincipalKind::Unknown,
    };
    let name = match kind {
        PrincipalKind::Service => first(&[invoked_by, arn, principal_id]),
        PrincipalKind::Account => first(&[arn, account_id, principal_id]),
        PrincipalKind::Federated => first(&[arn, user_name, principal_id]),
        _ => first(&[arn, principal_id, user_name]),
    };
    Principal { kind, name, session_name: None, account_id: text(account_id) }
}

/// A role by the ARN of its session, else by that of the issuer, whose path is dropped.
fn of_role<'a>(arn: Option<&'a str>, issuer: impl FnOnce() -> Option<&'a str>) -> Option<Principal<'a>> {
    let session = arn.and_then(of_arn).filter(|principal| principal.kind == PrincipalKind::Role);
    session.or_else(|| issuer().and_then(of_arn))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_of_one_role_are_one_caller_and_no_other_is() {
        let role = "arn:aws:sts::111122223333:assumed-role/app";
        let user = "arn:aws:iam::111122223333:user/team/ann";
        for (requester, expected) in [
            ("arn:aws:sts::111122223333:assumed-role/app/i-1", (role, true)),
            ("arn:aws:sts::111122223333:assumed-role/app/i-2", (role, true)),
            (role, (role, false)),
            (user, (user, false)),
            ("arn:aws:sts::111122223333:assumed-role/app/i:1", (role, true)),
            ("arn:aws:sts::111122223333:assumed-role/", ("arn:aws:sts::111122223333:assumed-role/", false)),
            ("a/b:c:d:e:f:assumed-role/app", ("a/b:c:d:e:f:assumed-role/app", false)),
            ("assumed-role/a/b", ("assumed-role/a/b", false)),
            ("svc:cloudtrail.amazonaws.com", ("svc:cloudtrail.amazonaws.com", false)),
            ("", ("", false)),
        ] {
            assert_eq!(without_session(requester.as_bytes()), (expected.0.as_bytes(), expected.1), "{requester}");
        }
    }

    #[test]
    fn a_role_has_sessions_with_arns() {
        for (role, expected) in [
            ("arn:aws:iam::111122223333:role/app", Some("arn:aws:sts::111122223333:assumed-role/app/i-1")),
            ("arn:aws-cn:iam::111122223333:role/a", Some("arn:aws-cn:sts::111122223333:assumed-role/a/i-1")),
            ("arn:aws:iam::111122223333:user/ann", None),
        ] {
            let arn = arn_of_session(role, "i-1");
            assert_eq!(arn.as_deref(), expected);
            // And back.
            let mut name = Vec::new();
            arn.as_deref().and_then(of_arn).inspect(|principal| _ = principal.name.write(&mut name));
            assert!(arn.is_none() || name == role.as_bytes(), "{role}");
        }
    }

    #[test]
    fn a_requester_has_the_name_that_cloudtrail_gives_it() {
        for (requester, kind, name, session) in [
            (
                "arn:aws:sts::111122223333:assumed-role/app/i-0123",
                PrincipalKind::Role,
                "arn:aws:iam::111122223333:role/app",
                Some("i-0123"),
            ),
            (
                "arn:aws-cn:iam::111122223333:role/path/app",
                PrincipalKind::Role,
                "arn:aws-cn:iam::111122223333:role/app",
                None,
            ),
            (
                "arn:aws:iam::111122223333:user/path/ann",
                PrincipalKind::User,
                "arn:aws:iam::111122223333:user/path/ann",
                None,
            ),
            ("arn:aws:iam::111122223333:root", PrincipalKind::Root, "arn:aws:iam::111122223333:root", None),
            ("svc:delivery.logs.amazonaws.com", PrincipalKind::Service, "delivery.logs.amazonaws.com", None),
            ("AmazonS3", PrincipalKind::Service, "AmazonS3", None),
            (
                "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E2",
                PrincipalKind::Service,
                "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E2",
                None,
            ),
            ("79a59df900b949e5", PrincipalKind::Account, "79a59df900b949e5", None),
        ] {
            let principal = of_requester(requester);
            let mut written = Vec::new();
            assert!(principal.name.write(&mut written));
            assert_eq!(
                (principal.kind, String::from_utf8(written).unwrap().as_str(), principal.session_name),
                (kind, name, session),
                "{requester}"
            );
        }
    }
}
