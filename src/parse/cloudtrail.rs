//! placeholder
#![allow(missing_docs)]
use super::FieldTable;
pub const FIELDS: [&str; 0] = [];
pub const FLAGS: [&str; 0] = [];
pub fn resources(_: &FieldTable, _: usize, _: &mut dyn FnMut(&[Option<&str>])) -> bool {
    false
}
pub mod field {
    pub const EVENT_SOURCE: usize = 0;
    pub const EVENT_NAME: usize = 0;
    pub const READ_ONLY: usize = 0;
    pub const ERROR_CODE: usize = 0;
    pub const ERROR_MESSAGE: usize = 0;
    pub const USER_IDENTITY_ACCOUNT_ID: usize = 0;
    pub const USER_IDENTITY_PRINCIPAL_ID: usize = 0;
    pub const USER_IDENTITY_ARN: usize = 0;
    pub const USER_IDENTITY_USER_NAME: usize = 0;
    pub const USER_IDENTITY_INVOKED_BY: usize = 0;
    pub const USER_IDENTITY_TYPE: usize = 0;
    pub const USER_IDENTITY_SESSION_CONTEXT_SESSION_ISSUER_ARN: usize = 0;
}
