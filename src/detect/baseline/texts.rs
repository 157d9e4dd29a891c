//! Texts of rows by number, and what follows from a text alone, found out once.

use super::families::{Network, agent_family};
use crate::activity::operation::of_operation;
use crate::activity::{names_object, short_service};
use crate::detect::names::Numbered;
use crate::parse::{FieldTable, LogType, cloudtrail::field as trail, s3_access::field as access};

/// Texts of a kind that are numbered before all are forgotten.
const MOST_NUMBERED: usize = 1 << 14;

/// Bytes of the first part of a key that are kept.
const MOST_PREFIX: usize = 128;

/// Texts beside those of callers and buckets, by number.
#[derive(Debug, Default)]
pub struct Texts {
    /// Addresses.
    pub addresses: Numbered,
    /// Of an address, by its number.
    address_networks: Vec<Option<u32>>,
    /// Networks.
    pub networks: Numbered,
    agents: Numbered,
    /// Of a user agent, by its number.
    agent_families: Vec<u32>,
    /// Families of user agents.
    pub families: Numbered,
    /// Actions, as `service:Action`.
    pub actions: Numbered,
    /// First parts of keys.
    pub prefixes: Numbered,
    /// A text that is composed.
    text: String,
}

impl Texts {
    /// Are there so many that it is time to begin anew?
    pub fn are_many(&self) -> bool {
        let kinds = [&self.addresses, &self.agents, &self.families, &self.networks, &self.actions, &self.prefixes];
        kinds.iter().any(|kind| kind.count() > MOST_NUMBERED)
    }

    /// The number of an address, and that of its network.
    pub fn address(&mut self, address: &[u8]) -> (u32, Option<u32>) {
        let number = self.addresses.number(Some(address));
        if number as usize >= self.address_networks.len() {
            let network = std::str::from_utf8(address).ok().and_then(Network::of);
            let network = network.map(|network| self.networks.number(Some(network.to_string().as_bytes())));
            self.address_networks.push(network);
        }
        (number, self.address_networks[number as usize])
    }

    /// The number of the family of a user agent.
    pub fn family(&mut self, agent: &[u8]) -> u32 {
        let number = self.agents.number(Some(agent));
        if number as usize >= self.agent_families.len() {
            let family = agent_family(&String::from_utf8_lossy(agent));
            self.agent_families.push(self.families.number(Some(family.as_bytes())));
        }
        self.agent_families[number as usize]
    }

    /// The number of the action of a row, as `service:Action`.
    pub fn action(&mut self, table: &FieldTable, row: usize) -> u32 {
        self.text.clear();
        match table.log {
            LogType::S3Access => {
                let operation = table.text(row, access::OPERATION).unwrap_or_default();
                self.text.push_str("s3:");
                self.text.push_str(&of_operation(operation, names_object(table, row)).0);
            }
            LogType::CloudTrail => {
                self.text.push_str(table.text(row, trail::EVENT_SOURCE).map_or("", short_service));
                self.text.push(':');
                self.text.push_str(table.text(row, trail::EVENT_NAME).unwrap_or_default());
            }
        }
        // Access logs do not tell the two apart.
        let action = if self.text == "s3:ListObjectsV2" { "s3:ListObjects" } else { &self.text };
        self.actions.number(Some(action.as_bytes()))
    }

    /// The number of the first part of a key.
    pub fn prefix(&mut self, key: &[u8]) -> u32 {
        let end = key.iter().take(MOST_PREFIX).position(|byte| *byte == b'/').map_or(0, |place| place + 1);
        self.prefixes.number(Some(&key[..end]))
    }
}
