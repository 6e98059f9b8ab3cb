//! The hint that tasks have changed: small, since each replica sends and hears many of them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// How many bytes of a client token are told: enough for others to know whose it is not.
const PREFIX: usize = 4;
const LENGTH: usize = 16 + PREFIX;

/// A task that has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskChange {
    pub(crate) id: Uuid,
    /// How the token of its client begins; zeros if it has none.
    pub(crate) client: [u8; PREFIX],
}

impl TaskChange {
    pub(crate) fn new(id: Uuid, client_token_id: Option<Uuid>) -> Self {
        Self {
            id,
            client: Self::prefix_of(client_token_id.unwrap_or_default()),
        }
    }

    pub(crate) fn prefix_of(client_token_id: Uuid) -> [u8; PREFIX] {
        let [a, b, c, d, ..] = client_token_id.into_bytes();
        [a, b, c, d]
    }

    /// The smallest id that begins so.
    pub(crate) fn first_of([a, b, c, d]: [u8; PREFIX]) -> Uuid {
        Uuid::from_bytes([a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    }
}

/// Tasks that have changed; one text on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaskChanges(pub(crate) Vec<TaskChange>);

impl TaskChanges {
    /// How many fit into one notification of PostgreSQL, which is under 8000 bytes.
    pub(crate) const MOST: usize = 280;
}

impl Serialize for TaskChanges {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(self.0.len() * LENGTH);
        for change in &self.0 {
            bytes.extend(change.id.as_bytes());
            bytes.extend(change.client);
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
            return Err(D::Error::custom("the changes are cut off"));
        }
        let changes = changes.iter().map(|bytes| {
            let (id, client) = bytes.split_at(16);
            let id = Uuid::from_slice(id).map_err(D::Error::custom)?;
            let client = client.try_into().map_err(D::Error::custom)?;
            Ok(TaskChange { id, client })
        });
        changes.collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_survive_the_wire_and_fit_into_a_notification() {
        let changes = (0..TaskChanges::MOST).map(|at| {
            let client = (at % 2 == 0).then(Uuid::new_v4);
            TaskChange::new(Uuid::now_v7(), client)
        });
        let changes = TaskChanges(changes.collect());
        let text = serde_json::to_string(&changes).unwrap();
        // The envelope around it names the sender and the kind.
        assert!(text.len() < 7800, "{}", text.len());
        assert_eq!(serde_json::from_str::<TaskChanges>(&text).unwrap(), changes);
    }

    #[test]
    fn what_is_no_list_of_changes_is_refused() {
        for text in ["\"AAAA\"", "\"!\"", "7"] {
            assert!(serde_json::from_str::<TaskChanges>(text).is_err(), "{text}");
        }
    }
}
