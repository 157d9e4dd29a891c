//! placeholder
/// c
#[derive(Debug)]
pub struct Config;
