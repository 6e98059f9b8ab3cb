//! User preferences: JSON values by name.

use serde_json::{Map, Value};

use crate::error::FieldError;
use crate::json;
use crate::request::escape_pointer;

/// Maximum total size of a user's preferences, in bytes of JSON.
pub(super) const MAX_BYTES: usize = 16 * 1024;
/// Maximum length of a name, in characters.
const MAX_NAME_LEN: usize = 100;

/// Checks the value of one preference; the pointers of the errors are relative to the value.
pub(crate) type Check = fn(&Value) -> Vec<FieldError>;

/// Checks for the preferences whose format is defined by the portal; all others are defined by the
/// application.
pub(crate) struct PreferenceChecks(pub(crate) Vec<(&'static str, Check)>);

impl PreferenceChecks {
    /// Returns the errors in a request's preferences, with pointers into the request body.
    pub(super) fn validate(&self, given: &Map<String, Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        for (name, check) in &self.0 {
            let value = given.get(*name).filter(|value| !value.is_null());
            for mut error in value.map(check).unwrap_or_default() {
                error.pointer = format!("/preferences/{name}{}", error.pointer);
                errors.push(error);
            }
        }
        errors
    }
}

/// Returns the preferences after a change; `null` removes a preference.
pub(super) fn merged(before: &Value, patch: Map<String, Value>) -> Result<Value, Vec<FieldError>> {
    let mut after = before.as_object().cloned().unwrap_or_default();
    let mut errors = Vec::new();
    for (name, value) in patch {
        if name.is_empty() || name.chars().count() > MAX_NAME_LEN {
            errors.push(FieldError::new(
                pointer(&name),
                "invalid_name",
                format!("the name of a preference must have 1 to {MAX_NAME_LEN} characters"),
            ));
        } else if let Some(error) = unstorable(&name, &value) {
            errors.push(error);
        } else if value.is_null() {
            after.remove(&name);
        } else {
            after.insert(name, value);
        }
    }
    let after = Value::Object(after);
    if after.to_string().len() > MAX_BYTES {
        errors.push(FieldError::new(
            "/preferences",
            "too_long",
            format!("all preferences together must not exceed {MAX_BYTES} bytes"),
        ));
    }
    if errors.is_empty() {
        Ok(after)
    } else {
        Err(errors)
    }
}

/// Returns the first reason why a preference cannot be stored.
fn unstorable(name: &str, value: &Value) -> Option<FieldError> {
    let name_errors = json::validate(&Value::from(name), &pointer(name));
    let mut errors = name_errors.into_iter();
    errors
        .next()
        .or_else(|| json::validate(value, &pointer(name)).into_iter().next())
}

fn pointer(name: &str) -> String {
    format!("/preferences/{}", escape_pointer(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merge(before: Value, patch: Value) -> Result<Value, Vec<FieldError>> {
        merged(&before, patch.as_object().cloned().unwrap())
    }

    #[test]
    fn patch_replaces_and_removes_preferences() {
        let before = json!({"a": 1, "b": {"c": 2}});
        let after = merge(before, json!({"b": {"d": 3}, "a": null, "e": []})).unwrap();
        assert_eq!(after, json!({"b": {"d": 3}, "e": []}));
        assert_eq!(
            merge(Value::Null, json!({"a": 1})).unwrap(),
            json!({"a": 1})
        );
    }

    #[test]
    fn size_limit_includes_stored_preferences() {
        let half = "x".repeat(MAX_BYTES / 2);
        let before = merge(json!({}), json!({"a": half})).unwrap();
        let errors = merge(before.clone(), json!({"b": half})).unwrap_err();
        assert_eq!(
            (&*errors[0].pointer, &*errors[0].code),
            ("/preferences", "too_long")
        );
        assert!(
            merge(before, json!({"a": half})).is_ok(),
            "replaces the stored value"
        );
    }

    #[test]
    fn unstorable_names_and_values_are_rejected() {
        for name in ["", &"n".repeat(MAX_NAME_LEN + 1)] {
            let errors = merge(json!({}), json!({name: 1})).unwrap_err();
            assert_eq!(errors[0].code, "invalid_name");
        }
        for patch in [
            json!({"a": "b\0c"}),
            json!({"a": {"b\0": 1}}),
            json!({"a\0": 1}),
        ] {
            assert!(merge(json!({}), patch).is_err());
        }
    }
}
