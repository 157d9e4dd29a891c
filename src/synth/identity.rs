//! The `userIdentity` element of CloudTrail in every type.

use super::calendar::Calendar;
use super::json::Json;
use super::random::Random;
use super::world::{ACCOUNT, Kind, Principal};

/// Account of requesters from outside.
pub(super) const PARTNER: &str = "444455556666";

/// Types that no principal of the world has, with their weights.
pub(super) const RARE: [(u32, &str); 8] = [
    (300, "AWSService"),
    (200, "AWSAccount"),
    (60, "Root"),
    (120, "FederatedUser"),
    (120, "WebIdentityUser"),
    (80, "SAMLUser"),
    (80, "IdentityCenterUser"),
    (40, "Unknown"),
];

/// Writes the identity of a principal of the world. With `by` the call came through that AWS service.
pub(super) fn principal(
    json: &mut Json<'_>,
    who: &Principal,
    time: i64,
    by: Option<&str>,
    calendar: &mut Calendar,
) {
    match who.kind {
        Kind::Role => assumed_role(json, who, time, by, calendar),
        Kind::User => {
            json.object("userIdentity").text("type", "IAMUser");
            json.text("principalId", &format!("AIDA{}", who.unique)).text("arn", &who.requester);
            json.text("accountId", ACCOUNT).text("accessKeyId", &format!("AKIA{}", who.access_key));
            json.text("userName", &who.name);
            invoked_by(json, by);
            json.close();
        }
        Kind::Canonical | Kind::CloudFront => {
            json.object("userIdentity").text("type", "AWSAccount");
            json.text("principalId", &format!("AIDA{}:partner", who.unique)).text("accountId", PARTNER).close();
        }
        Kind::Anonymous => {
            json.object("userIdentity").text("type", "AWSAccount");
            json.text("principalId", "").text("accountId", "anonymous").close();
        }
    }
}

fn assumed_role(json: &mut Json<'_>, who: &Principal, time: i64, by: Option<&str>, calendar: &mut Calendar) {
    let (name, session) = (&who.name, &who.session);
    let id = format!("AROA{}", who.unique);
    json.object("userIdentity").text("type", "AssumedRole");
    json.text("principalId", &format!("{id}:{session}")).text("arn", &who.requester).text("accountId", ACCOUNT);
    json.text("accessKeyId", &format!("ASIA{}", who.access_key)).object("sessionContext");
    json.object("sessionIssuer").text("type", "Role").text("principalId", &id);
    json.text("arn", &format!("arn:aws:iam::{ACCOUNT}:role/{name}")).text("accountId", ACCOUNT);
    json.text("userName", name).close();
    json.object("webIdFederationData").close().object("attributes");
    // A session lasts an hour; it was created at the full hour before.
    json.plain("creationDate", |out| calendar.iso(time - time.rem_euclid(3_600), out));
    json.text("mfaAuthenticated", "false").close();
    if session.starts_with("i-") {
        json.text("ec2RoleDelivery", "2.0");
    }
    json.close();
    invoked_by(json, by);
    json.close();
}

fn invoked_by(json: &mut Json<'_>, by: Option<&str>) {
    if let Some(service) = by {
        json.text("invokedBy", service);
    }
}

/// Writes an identity of one of the [`RARE`] types.
pub(super) fn rare(json: &mut Json<'_>, kind: &str, random: &mut Random) {
    let id = super::world::text(random, |random, out| random.upper(out, 17));
    json.object("userIdentity").text("type", kind);
    match kind {
        "AWSService" => json.text("invokedBy", random.pick(&["cloudtrail.amazonaws.com", "config.amazonaws.com"])),
        "AWSAccount" => json.text("principalId", &format!("AIDA{id}:partner")).text("accountId", PARTNER),
        "Root" => json
            .text("principalId", ACCOUNT)
            .text("arn", &format!("arn:aws:iam::{ACCOUNT}:root"))
            .text("accountId", ACCOUNT)
            .text("accessKeyId", ""),
        "FederatedUser" => json
            .text("principalId", &format!("{ACCOUNT}:fed-user"))
            .text("arn", &format!("arn:aws:sts::{ACCOUNT}:federated-user/fed-user"))
            .text("accountId", ACCOUNT)
            .text("accessKeyId", &format!("ASIA{}", &id[..16])),
        "WebIdentityUser" => json
            .text("principalId", "arn:aws:iam::111122223333:oidc-provider/token.example.com:aud:repo:main")
            .text("userName", "repo:main")
            .text("identityProvider", "arn:aws:iam::111122223333:oidc-provider/token.example.com"),
        "SAMLUser" => json
            .text("principalId", &format!("{id}=:user@example.com"))
            .text("userName", "user@example.com")
            .text("identityProvider", &format!("{id}=")),
        "IdentityCenterUser" => {
            json.text("accountId", ACCOUNT).object("onBehalfOf");
            json.text("userId", "544894e8-80c1-707f-60e3-3ba6510dfac1");
            json.text("identityStoreArn", "arn:aws:identitystore::111122223333:identitystore/d-9067642ac7")
                .close();
            json.text("credentialId", "EXAMPLEVHULjJdTUdPJfofVa1sufHDoj7aYcOYcxFVllWR_Whr1fEXAMPLE")
        }
        _ => json.text("principalId", "").text("accountId", ACCOUNT),
    };
    json.close();
}
