//! What policies and ACLs allow, and whom.
//!
//! A policy is read statement by statement ([`document`]), and each that allows something is weighed against its
//! conditions ([`condition`]): what is left open to whom is a [`Grant`]. "Public" means what AWS means by it
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>): open to everybody
//! unless a condition holds it to fixed values. ACLs ([`acl`]) give grants of the same kind.

pub mod access;
pub mod acl;
pub mod call;
pub mod condition;
pub mod difference;
pub mod document;
pub mod grants;
pub mod json;

pub use access::Access;
pub use call::{Call, Calls};
pub use document::Policy;
pub use grants::{Grant, Grantee, Grants};
