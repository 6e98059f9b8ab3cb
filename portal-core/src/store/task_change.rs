//! Cluster event for changed tasks. It is compact because each replica sends and receives many.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// Number of bytes of a client token's id that are sent: enough for other replicas to rule out most
/// clients.
const PREFIX: usize = 4;
const LENGTH: usize = 16 + PREFIX;
/// Maximum total size of an event's changes and owners in bytes, before encoding.
const MAX_BYTES: usize = 5600;

/// A changed task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskChange {
    pub(crate) id: Uuid,
    /// First bytes of the client token's id; zeros if the task has no client.
    pub(crate) client_prefix: [u8; PREFIX],
    /// Owner of the task. On the wire, owners are sent separately: [`TaskOwners`] contains each
    /// owner only once.
    pub(crate) owner: Option<Uuid>,
}

impl TaskChange {
    pub(crate) fn new(id: Uuid, client_token_id: Option<Uuid>) -> Self {
        Self {
            id,
            client_prefix: Self::prefix_of(client_token_id.unwrap_or_default()),
            owner: None,
        }
    }

    /// Sets the owner of the task.
    pub(crate) fn of_owner(self, owner: Option<Uuid>) -> Self {
        Self { owner, ..self }
    }

    pub(crate) fn prefix_of(client_token_id: Uuid) -> [u8; PREFIX] {
        let [a, b, c, d, ..] = client_token_id.into_bytes();
        [a, b, c, d]
    }

    /// Returns the smallest id with these first bytes.
    pub(crate) fn first_of([a, b, c, d]: [u8; PREFIX]) -> Uuid {
        Uuid::from_bytes([a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    }
}

/// Changed tasks, sent as one string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaskChanges(pub(crate) Vec<TaskChange>);

impl TaskChanges {
    /// Splits changes into events that PostgreSQL accepts, each with the owners of its tasks; a
    /// payload must be smaller than 8000 bytes.
    pub(crate) fn split(changes: impl IntoIterator<Item = TaskChange>) -> Vec<(Self, TaskOwners)> {
        let mut parts: Vec<(Self, TaskOwners)> = Vec::new();
        let mut free = 0;
        for change in changes {
            let is_new =
                |owners: &TaskOwners| change.owner.is_some_and(|owner| !owners.0.contains(&owner));
            let cost = |owners: &TaskOwners| LENGTH + if is_new(owners) { 16 } else { 0 };
            match parts.last_mut() {
                Some((changes, owners)) if cost(owners) <= free => {
                    free -= cost(owners);
                    changes.0.push(change);
                    owners.0.extend(change.owner);
                }
                _ => {
                    free = MAX_BYTES.saturating_sub(LENGTH + 16);
                    let owners = TaskOwners(change.owner.into_iter().collect());
                    parts.push((Self(vec![change]), owners));
                }
            }
        }
        parts
    }
}

/// Owners of changed tasks, sent as one string. Older versions do not send them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct TaskOwners(pub(crate) BTreeSet<Uuid>);

impl Serialize for TaskOwners {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().copied().flat_map(Uuid::into_bytes).collect();
        serializer.serialize_str(&BASE64.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for TaskOwners {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64.decode(text).map_err(D::Error::custom)?;
        let (owners, rest) = bytes.as_chunks::<16>();
        if !rest.is_empty() {
            return Err(D::Error::custom("the list of owners is truncated"));
        }
        Ok(Self(owners.iter().copied().map(Uuid::from_bytes).collect()))
    }
}

impl Serialize for TaskChanges {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(self.0.len() * LENGTH);
        for change in &self.0 {
            bytes.extend(change.id.as_bytes());
            bytes.extend(change.client_prefix);
        }
        serializer.serialize_str(&BASE64.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for TaskChanges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64.decode(text).map_err(D::Error::custom)?;
        let (changes, rest) = bytes.as_chunks::<LENGTH>();
        if !rest.is_empty() {
            return Err(D::Error::custom("the list of changes is truncated"));
        }
        let changes = changes.iter().map(|bytes| {
            let (id, client) = bytes.split_at(16);
            let id = Uuid::from_slice(id).map_err(D::Error::custom)?;
            let client = client.try_into().map_err(D::Error::custom)?;
            Ok(TaskChange {
                id,
                client_prefix: client,
                owner: None,
            })
        });
        changes.collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::ClusterEvent;

    /// Decodes a payload like the receiving replica.
    fn received(text: &str) -> (Vec<(Uuid, [u8; PREFIX])>, BTreeSet<Uuid>) {
        let notification = serde_json::from_str(text).unwrap();
        let ClusterEvent::TasksChanged { tasks, owners } = notification else {
            panic!("{text}")
        };
        let changes = tasks
            .0
            .iter()
            .map(|change| (change.id, change.client_prefix));
        (changes.collect(), owners.0)
    }

    #[test]
    fn changes_round_trip_and_fit_into_events() {
        let owner = Uuid::new_v4();
        for owner_of in [
            |_: Uuid| Some(Uuid::new_v4()),
            |owner: Uuid| Some(owner),
            |_: Uuid| None,
        ] {
            let all: Vec<_> = (0..1000)
                .map(|at| {
                    let client = (at % 2 == 0).then(Uuid::new_v4);
                    TaskChange::new(Uuid::now_v7(), client).of_owner(owner_of(owner))
                })
                .collect();
            let (mut changes, mut owners) = (Vec::new(), BTreeSet::new());
            for (tasks, of_part) in TaskChanges::split(all.iter().copied()) {
                let part = ClusterEvent::TasksChanged {
                    tasks,
                    owners: of_part,
                };
                let text = serde_json::to_string(&part).unwrap();
                // The remaining bytes are for the envelope, which adds the sender's id.
                assert!(text.len() < 7800, "{}", text.len());
                let part = received(&text);
                changes.extend(part.0);
                owners.extend(part.1);
            }
            let sent: Vec<_> = all.iter().map(|it| (it.id, it.client_prefix)).collect();
            assert_eq!(changes, sent);
            assert_eq!(owners, all.iter().filter_map(|it| it.owner).collect());
        }
        assert_eq!(TaskChanges::split([]), []);
    }

    #[test]
    fn changes_from_an_older_version_have_no_owners() {
        let changes = TaskChanges(vec![TaskChange::new(Uuid::now_v7(), None)]);
        let tasks = serde_json::to_string(&changes).unwrap();
        let text = format!("{{\"kind\":\"tasks_changed\",\"tasks\":{tasks}}}");
        let (read, owners) = received(&text);
        assert_eq!(read, [(changes.0[0].id, changes.0[0].client_prefix)]);
        assert!(owners.is_empty());
    }

    #[test]
    fn invalid_list_of_changes_is_rejected() {
        for text in ["\"AAAA\"", "\"!\"", "7"] {
            assert!(serde_json::from_str::<TaskChanges>(text).is_err(), "{text}");
        }
    }
}
