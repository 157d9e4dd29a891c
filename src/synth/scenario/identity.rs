//! The `userIdentity` of CloudTrail.

use super::clock::HOUR;
use super::company::{ACCOUNT, Actor, ActorKind};
use super::event::Caller;
use crate::synth::calendar::Calendar;
use crate::synth::json::Json;
use crate::synth::random::Random;
use crate::synth::world::text;

/// 17 letters and digits that belong to an actor, as in `AROA…`.
pub(super) fn unique(actor: &Actor) -> String {
    let seed = actor.name.bytes().fold(7u64, |hash, byte| hash.wrapping_mul(131).wrapping_add(u64::from(byte)));
    text(&mut Random::new(seed), |random, out| random.upper(out, 17))
}

/// The access key of an actor: of a user, or of a session of a role.
pub(super) fn access_key(actor: &Actor) -> String {
    let prefix = if actor.kind == ActorKind::User { "AKIA" } else { "ASIA" };
    format!("{prefix}{}", &unique(actor)[1..])
}

/// Writes who sends a call; `by` is the service through which it comes.
pub(super) fn write(json: &mut Json<'_>, caller: &Caller, time: i64, by: Option<&str>, calendar: &mut Calendar) {
    let actor = caller.actor;
    let unique = unique(actor);
    json.object("userIdentity");
    match actor.kind {
        ActorKind::Role => role(json, caller, &unique, time, calendar),
        ActorKind::User => {
            json.text("type", "IAMUser").text("principalId", &format!("AIDA{unique}"));
            json.text("arn", &actor.principal()).text("accountId", ACCOUNT);
            json.text("accessKeyId", &access_key(actor)).text("userName", actor.name);
        }
        ActorKind::ForeignRole(account) => {
            let id = format!("AROA{unique}:{}", caller.session_name());
            json.text("type", "AWSAccount").text("principalId", &id).text("accountId", account);
        }
        ActorKind::Anonymous => {
            json.text("type", "AWSAccount").text("principalId", "").text("accountId", "anonymous");
        }
        ActorKind::Service | ActorKind::Identity | ActorKind::Lifecycle => {
            json.text("type", "AWSService").text("invokedBy", actor.name);
        }
    }
    if let Some(service) = by {
        json.text("invokedBy", service);
    }
    json.close();
}

fn role(json: &mut Json<'_>, caller: &Caller, unique: &str, time: i64, calendar: &mut Calendar) {
    let (session, id) = (caller.session_name(), format!("AROA{unique}"));
    json.text("type", "AssumedRole").text("principalId", &format!("{id}:{session}"));
    json.text("arn", &caller.actor.requester(&session)).text("accountId", ACCOUNT);
    json.text("accessKeyId", &access_key(caller.actor)).object("sessionContext");
    json.object("sessionIssuer").text("type", "Role").text("principalId", &id);
    json.text("arn", &caller.actor.principal()).text("accountId", ACCOUNT);
    json.text("userName", caller.actor.name).close();
    json.object("webIdFederationData").close().object("attributes");
    json.plain("creationDate", |out| calendar.iso(time - time.rem_euclid(HOUR), out));
    json.text("mfaAuthenticated", "false").close();
    if session.starts_with("i-") {
        json.text("ec2RoleDelivery", "2.0");
    }
    json.close();
}
