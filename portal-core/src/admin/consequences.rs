//! Confirmations of account changes that have consequences, and messages after changes to a row.

use serde_json::Value;

use super::model_view::ModelView;
use super::row_service::ChangedRow;
use super::spec::RowValues;
use super::users::{self, name_and_email};
use crate::auth::Role;

/// Maximum length of a label in a message, in characters.
const LABEL_LENGTH: usize = 60;
/// Maximum number of fields that a message names.
const MAX_NAMED: usize = 3;

/// A confirmation that is required before a change is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) title: String,
    pub(super) text: String,
    pub(super) verb: &'static str,
    pub(super) is_danger: bool,
}

/// Returns the confirmation for a change to the administrator role or the deactivation of an
/// account.
pub(super) fn question(present: &RowValues, given: &RowValues, is_own: bool) -> Option<Question> {
    let (name, email) = name_and_email(present);
    let name = shorten(&name);
    let ask = |title: String, text: String, verb, is_danger| {
        Some(Question {
            title,
            text,
            verb,
            is_danger,
        })
    };
    let deactivates = present.get("is_active") != Some(&Value::Bool(false))
        && given.get("is_active") == Some(&Value::Bool(false));
    if deactivates && is_own {
        return ask(
            "Deactivate your own account?".to_owned(),
            "You lose access immediately, in every browser. Only another administrator can reactivate \
             your account."
                .to_owned(),
            "Deactivate my account",
            true,
        );
    }
    if deactivates {
        return ask(
            format!("Deactivate {name}?"),
            format!(
                "{email} loses access immediately and cannot sign in until an administrator reactivates \
                 the account. Running tasks continue."
            ),
            "Deactivate",
            true,
        );
    }
    let admin = Value::from(Role::Admin.as_str());
    let was_admin = present.get("user_type") == Some(&admin);
    match given.get("user_type") {
        Some(role) if *role == admin && !was_admin => ask(
            format!("Make {name} an administrator?"),
            format!(
                "{email} gets access to all pages, records and tasks, and can change the role of every \
                 user, including yours."
            ),
            "Make administrator",
            false,
        ),
        Some(role) if *role != admin && was_admin && is_own => ask(
            "Give up your administrator role?".to_owned(),
            "You lose access to this page and to all other administration pages immediately. Only \
             another administrator can restore your role."
                .to_owned(),
            "Give up role",
            true,
        ),
        Some(role) if *role != admin && was_admin => ask(
            format!("Remove the administrator role from {name}?"),
            format!("{email} loses access to all administration pages immediately."),
            "Remove role",
            true,
        ),
        _ => None,
    }
}

/// Returns the message after a change: the effect on the account or, without an effect, the changed
/// fields.
pub(super) fn saved(model: &ModelView<'_>, changed: &ChangedRow) -> String {
    let ChangedRow { row, changed } = changed;
    let after = &row.values;
    let is_changed = |name: &str| changed.iter().any(|field| field.name == name);
    let label = shorten(&model.label_of(after));
    if model.name == users::MODEL {
        let name = shorten(&name_and_email(after).0);
        let role = after.get("user_type").and_then(Value::as_str);
        let role = role.unwrap_or_default();
        let mut parts = Vec::new();
        if is_changed("user_type") {
            parts.push(if role == Role::Admin.as_str() {
                "is now an administrator".to_owned()
            } else {
                format!("now has the role {}", model.choice_title("user_type", role))
            });
        }
        if is_changed("is_active") {
            let is_active = after.get("is_active") == Some(&Value::Bool(true));
            parts.push(if is_active {
                "can sign in again".to_owned()
            } else {
                "is deactivated".to_owned()
            });
        }
        if !parts.is_empty() {
            return format!("{name} {}", parts.join(" and "));
        }
    }
    let changed: Vec<&str> = changed.iter().map(|field| field.title).collect();
    match changed.len() {
        0 => format!("“{label}” is unchanged"),
        count if count > MAX_NAMED => format!("Saved “{label}”: {count} fields changed"),
        _ => format!("Saved “{label}”: {} changed", changed.join(", ")),
    }
}

/// Shortens a label so that it fits into a message.
pub(super) fn shorten(text: &str) -> String {
    match text.char_indices().nth(LABEL_LENGTH) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::admin::record::Record;
    use crate::admin::{FieldSpec, ModelSpec};
    use crate::auth::Roles;

    fn values(value: Value) -> RowValues {
        match value {
            Value::Object(values) => values,
            _ => RowValues::new(),
        }
    }

    fn person(role: &str, is_active: bool) -> RowValues {
        values(json!({
            "first_name": "Łukasz", "last_name": "", "email": "lu@example.com",
            "user_type": role, "is_active": is_active,
        }))
    }

    #[test]
    fn only_changes_with_consequences_require_confirmation() {
        let title = |present: RowValues, given: Value, is_own| {
            question(&present, &values(given), is_own).map(|it| it.title)
        };
        let admin = json!({"user_type": "ADMIN"});
        let user = json!({"user_type": "USER"});
        let off = json!({"is_active": false});
        for (present, given, is_own, expected) in [
            (
                person("USER", true),
                &admin,
                false,
                Some("Make Łukasz an administrator?"),
            ),
            (
                person("ADMIN", true),
                &user,
                false,
                Some("Remove the administrator role from Łukasz?"),
            ),
            (
                person("ADMIN", true),
                &user,
                true,
                Some("Give up your administrator role?"),
            ),
            (
                person("USER", true),
                &off,
                false,
                Some("Deactivate Łukasz?"),
            ),
            (
                person("ADMIN", true),
                &off,
                true,
                Some("Deactivate your own account?"),
            ),
            (
                person("USER", false),
                &json!({"is_active": true}),
                false,
                None,
            ),
            (person("GUEST", true), &user, false, None),
            (person("ADMIN", true), &admin, true, None),
            (person("USER", false), &off, false, None),
        ] {
            let asked = title(present.clone(), given.clone(), is_own);
            assert_eq!(asked.as_deref(), expected, "{present:?} {given}");
        }
    }

    #[test]
    fn message_states_the_differences() {
        let model = ModelSpec::users(&Roles::default());
        let model = ModelView::of_admin(&model);
        let say = |before: RowValues, after: RowValues| {
            let differs = |field: &&FieldSpec| before.get(field.name) != after.get(field.name);
            let changed = model.fields().filter(differs).collect();
            let record = Record {
                values: after.clone(),
                version: 1,
            };
            let row = model.show(record);
            saved(&model, &ChangedRow { row, changed })
        };
        assert_eq!(
            say(person("USER", true), person("ADMIN", true)),
            "Łukasz is now an administrator"
        );
        assert_eq!(
            say(person("ADMIN", true), person("USER", false)),
            "Łukasz now has the role User and is deactivated"
        );
        assert_eq!(
            say(person("USER", false), person("USER", true)),
            "Łukasz can sign in again"
        );
        assert!(say(person("USER", true), person("USER", true)).ends_with("is unchanged"));
        assert_eq!(shorten(&"ä".repeat(500)).chars().count(), LABEL_LENGTH + 1);
    }
}
