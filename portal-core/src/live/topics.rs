//! Topics and their access rules.

use std::collections::HashMap;

use uuid::Uuid;

use crate::auth::{Access, User};

/// The users of the portal.
pub(super) const USERS: &str = "users";
/// The tasks of all users.
pub(super) const TASKS: &str = "tasks";

/// A user's own tasks.
pub(crate) const OWN_TASKS: &str = "own_tasks";

/// A user's notifications.
pub(super) const NOTIFICATIONS: &str = "notifications";

/// Maximum length of a topic name.
const MAX_LEN: usize = 100;

/// A topic and its access rule.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) name: String,
    pub(super) access: Access,
    /// `true` if each user has a separate topic that only they receive.
    pub(super) personal: bool,
}

/// A topic, or the topic of one user if it is personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TopicKey {
    pub(super) topic: usize,
    pub(super) user: Option<Uuid>,
}

/// A portal's topics: builtin ones and those declared by the application.
#[derive(Debug)]
pub(crate) struct Topics {
    all: Vec<Topic>,
    by_name: HashMap<String, usize>,
}

impl Topics {
    /// Creates the builtin topics, to which models and the application add their own.
    pub(crate) fn new() -> Self {
        let mut topics = Self {
            all: Vec::new(),
            by_name: HashMap::new(),
        };
        for name in [USERS, TASKS, "audit"] {
            topics.put(name, Access::Admin, false);
        }
        for name in [NOTIFICATIONS, OWN_TASKS] {
            topics.put(name, Access::User, true);
        }
        topics
    }

    /// Adds a topic, or returns the problem with it.
    pub(crate) fn add(&mut self, name: &str, access: Access, personal: bool) -> Result<(), String> {
        let is_name = (1..=MAX_LEN).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte));
        if !is_name {
            return Err(format!(
                "invalid topic name `{name}`; use 1 to {MAX_LEN} letters, digits and `-_.:/`"
            ));
        }
        if self.by_name.contains_key(name) {
            return Err(format!("duplicate topic `{name}`"));
        }
        self.put(name, access, personal);
        Ok(())
    }

    fn put(&mut self, name: &str, access: Access, personal: bool) {
        self.by_name.insert(name.to_owned(), self.all.len());
        self.all.push(Topic {
            name: name.to_owned(),
            access,
            personal,
        });
    }

    /// Returns the access rule of each topic.
    pub(crate) fn guards(&self) -> impl Iterator<Item = (&str, &Access)> {
        self.all
            .iter()
            .map(|topic| (topic.name.as_str(), &topic.access))
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    pub(super) fn get(&self, topic: usize) -> Option<&Topic> {
        self.all.get(topic)
    }

    /// Returns the key under which a user receives a topic, if they have access.
    pub(super) fn key_for(&self, topic: usize, user: Option<&User>) -> Option<TopicKey> {
        let declared = self.get(topic)?;
        declared.access.check(user).ok()?;
        match (declared.personal, user) {
            (false, _) => Some(TopicKey { topic, user: None }),
            (true, user) => Some(TopicKey {
                topic,
                user: Some(user?.id),
            }),
        }
    }

    /// Returns the name on the wire: `orders`, or `inbox@…` with the user's id for a personal
    /// topic.
    pub(super) fn wire_name(&self, key: TopicKey) -> String {
        let name = self.get(key.topic).map_or("", |topic| &topic.name);
        match key.user {
            None => name.to_owned(),
            Some(user) => format!("{name}@{user}"),
        }
    }

    /// Parses a name on the wire; returns `None` if this version of the portal has no such topic.
    pub(super) fn read_wire_name(&self, name: &str) -> Option<TopicKey> {
        let (name, user) = match name.split_once('@') {
            None => (name, None),
            Some((name, user)) => (name, Some(user.parse().ok()?)),
        };
        let topic = self.find(name)?;
        let is_personal = self.get(topic)?.personal;
        (is_personal == user.is_some()).then_some(TopicKey { topic, user })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Role, Roles};

    fn user(role: &str) -> User {
        User::for_tests(role.parse::<Role>().unwrap(), &Roles::default())
    }

    #[test]
    fn duplicate_and_invalid_topic_names_are_rejected() {
        let mut topics = Topics::new();
        assert_eq!(topics.add("model:plan", Access::Admin, false), Ok(()));
        for name in ["", "a b", "a,b", "a@b", "ä", &"x".repeat(101)] {
            assert!(topics.add(name, Access::User, false).is_err(), "{name}");
        }
        for name in ["model:plan", "users", "notifications"] {
            let error = topics.add(name, Access::Public, false).unwrap_err();
            assert!(error.contains("duplicate topic"), "{error}");
        }
    }

    #[test]
    fn users_receive_only_topics_they_may_access() {
        let mut topics = Topics::new();
        topics.add("news", Access::Public, false).unwrap();
        let visible = |user: Option<&User>| {
            let names = ["users", "notifications", "news"];
            names.map(|name| topics.key_for(topics.find(name).unwrap(), user).is_some())
        };
        assert_eq!(visible(None), [false, false, true]);
        assert_eq!(visible(Some(&user("user"))), [false, true, true]);
        let mut admin = user("admin");
        assert_eq!(visible(Some(&admin)), [true, true, true]);
        admin.is_active = false;
        assert_eq!(visible(Some(&admin)), [false, false, true]);
    }

    #[test]
    fn wire_name_contains_the_user() {
        let topics = Topics::new();
        let user = Some(Uuid::new_v4());
        for (name, user) in [("users", None), ("notifications", user)] {
            let topic = topics.find(name).unwrap();
            let key = TopicKey { topic, user };
            assert_eq!(topics.read_wire_name(&topics.wire_name(key)), Some(key));
        }
        let alien = format!("users@{}", Uuid::nil());
        for name in ["unknown", "notifications", "notifications@x", &alien] {
            assert_eq!(topics.read_wire_name(name), None, "{name}");
        }
    }
}
