//! Changes in audit entries: differences between values, with labels instead of keys.

use std::collections::BTreeSet;

use maud::{Markup, html};
use serde_json::Value;

use super::field::FieldSpec;
use super::model_view::ModelView;
use super::references::ReferenceLabels;
use super::row_service::RowService;
use crate::auth::AuditEntry;
use crate::error::Result;

/// Maximum number of characters of a value in the list; the API returns the whole value.
const VALUE_LENGTH: usize = 80;

/// Maximum number of lines per entry: a replaced document may differ in thousands of values.
const MAX_LINES: usize = 20;

/// Titles of the fields in the audit entries of a model, and labels of their values.
pub(super) struct EntryLabels<'a> {
    model: ModelView<'a>,
    references: ReferenceLabels,
}

impl<'a> EntryLabels<'a> {
    /// Returns the labels for the values in some entries of a model.
    pub(super) async fn of(
        rows: &RowService<'a>,
        entries: impl IntoIterator<Item = &AuditEntry>,
    ) -> Result<Self> {
        let details: Vec<&Value> = entries.into_iter().map(|it| &it.details).collect();
        let references = ReferenceLabels::of_values(rows, |field| {
            let changes = details.iter().flat_map(|it| changed_fields(it));
            let of_field = changes.filter(|change| change["field"] == field.name);
            of_field.flat_map(|it| [&it["old"], &it["new"]]).collect()
        })
        .await?;
        Ok(Self {
            model: rows.model().clone(),
            references,
        })
    }

    fn value(&self, field: &FieldSpec, value: &Value) -> Markup {
        if let Some(link) = self.references.links(field, value) {
            return link;
        }
        match value {
            Value::String(text) if !self.model.choices(field).is_empty() => {
                html! { (self.model.choice_title(field.name, text)) }
            }
            value => html! { (shown(value)) },
        }
    }
}

fn changed_fields(details: &Value) -> impl Iterator<Item = &Value> {
    let changes = details.get("changes").and_then(Value::as_array);
    changes.into_iter().flatten()
}

/// Renders changed fields with their old and new values.
///
/// With labels, a field that is not one of the model's visible fields is shown only if `with_others`
/// is set. So are other details than changes.
pub(super) fn changes(
    details: &Value,
    labels: Option<&EntryLabels<'_>>,
    with_others: bool,
) -> Markup {
    let is_change = details.get("changes").is_some_and(Value::is_array);
    let others = details.as_object().filter(|_| !is_change && with_others);
    let lines = changed_fields(details).flat_map(|change| {
        let name = change["field"].as_str().unwrap_or_default();
        let (old, new) = (&change["old"], &change["new"]);
        match labels.and_then(|it| Some((it, it.model.field(name)?))) {
            Some((labels, spec)) if !is_object(old) || !is_object(new) => vec![html! {
                (field(spec.title)) (labels.value(spec, old)) " → " (labels.value(spec, new))
            }],
            Some((_, spec)) => lines(spec.title, old, new),
            None if with_others => lines(name, old, new),
            None => Vec::new(),
        }
    });
    let others = others.into_iter().flatten();
    let others = others.map(|(name, value)| html! { (field(name)) (shown(value)) });
    let lines: Vec<Markup> = lines.chain(others).collect();
    html! {
        @if lines.is_empty() {
            span class="pt-muted" { "-" }
        } @else {
            ul class="pt-changes" {
                @for line in lines.iter().take(MAX_LINES) { li { (line) } }
                @if lines.len() > MAX_LINES {
                    li class="pt-muted" { "and " (lines.len() - MAX_LINES) " more" }
                }
            }
        }
    }
}

fn is_object(value: &Value) -> bool {
    matches!(value, Value::Object(_))
}

/// Renders each difference between two values.
fn lines(name: &str, old: &Value, new: &Value) -> Vec<Markup> {
    let lines = differences(name, old, new).into_iter();
    lines
        .map(|(name, old, new)| html! { (field(&name)) (shown(old)) " → " (shown(new)) })
        .collect()
}

fn field(name: &str) -> Markup {
    html! { span class="pt-muted" { (name) ":" } " " }
}

/// Returns the values that differ; for two objects, returns each differing value inside them with
/// its path.
fn differences<'a>(
    name: &str,
    old: &'a Value,
    new: &'a Value,
) -> Vec<(String, &'a Value, &'a Value)> {
    let (Value::Object(before), Value::Object(after)) = (old, new) else {
        return vec![(name.to_owned(), old, new)];
    };
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differ = names.into_iter().filter_map(|key| {
        let (old, new) = (before.get(key), after.get(key));
        let value = |it: Option<&'a Value>| it.unwrap_or(&Value::Null);
        (old != new).then(|| (key, value(old), value(new)))
    });
    differ
        .flat_map(|(key, old, new)| differences(&format!("{name}.{key}"), old, new))
        .collect()
}

/// Formats a value for display; an object becomes pairs of names and values.
fn words(value: &Value) -> String {
    let inner = |value: &Value| match value {
        Value::Object(object) if !object.is_empty() => format!("({})", words(value)),
        value => words(value),
    };
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) if !values.is_empty() => {
            values.iter().map(inner).collect::<Vec<_>>().join(", ")
        }
        Value::Object(object) if !object.is_empty() => {
            let pairs = object
                .iter()
                .map(|(name, value)| format!("{name}: {}", inner(value)));
            pairs.collect::<Vec<_>>().join(", ")
        }
        Value::Array(_) | Value::Object(_) => "empty".to_owned(),
        value => value.to_string(),
    }
}

fn shown(value: &Value) -> String {
    cut(&words(value))
}

pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(VALUE_LENGTH) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    #[test]
    fn changes_are_readable_and_escaped() {
        let details = json!({"label": "x", "changes": [
            {"field": "name", "old": null, "new": "<b>"},
            {"field": "seats", "old": 1, "new": 2},
        ]});
        let text = changes(&details, None, true).into_string();
        assert!(text.contains("name:</span> nothing → &lt;b&gt;"), "{text}");
        assert!(text.contains("seats:</span> 1 → 2"));
        let text = changes(&json!({"days": 7}), None, true).into_string();
        assert!(text.contains("days:</span> 7"), "{text}");
        assert_eq!(
            shown(&json!("ä".repeat(200))).chars().count(),
            VALUE_LENGTH + 1
        );
    }

    #[test]
    fn nested_values_are_pairs_and_only_differences_are_shown() {
        let added = json!({"more": {}, "plan": 2, "team": {"name": "Ops", "tags": ["a", "b"]}});
        assert_eq!(
            shown(&added),
            "more: empty, plan: 2, team: (name: Ops, tags: a, b)"
        );
        let old = json!({"mail": {"host": "a", "port": 25}, "same": 1});
        let new = json!({"mail": {"host": "b", "port": 25}, "same": 1, "more": true});
        let rendered = differences("configuration", &old, &new);
        let rendered: Vec<_> = rendered
            .iter()
            .map(|(name, old, new)| format!("{name} {} {}", shown(old), shown(new)))
            .collect();
        assert_eq!(
            rendered,
            [
                "configuration.mail.host a b",
                "configuration.more nothing true"
            ]
        );
        let changes = json!({"changes": [{"field": "configuration", "old": old, "new": new}]});
        let text = super::changes(&changes, None, true).into_string();
        assert!(!text.contains("same") && text.contains("configuration.mail.host:</span> a → b"));
    }

    #[test]
    fn all_changes_are_listed_and_long_lists_are_cut() {
        let rendered = |old: Value, new: Value| {
            let change = json!({"field": "doc", "old": old, "new": new});
            changes(&json!({"changes": [change]}), None, true).into_string()
        };
        let text = rendered(json!({"a": 1}), json!({"a": 1, "b": null}));
        assert!(text.contains("doc.b:"), "{text}");
        let many: Map<String, Value> = (0..5000).map(|it| (it.to_string(), json!(it))).collect();
        let text = rendered(json!({}), many.into());
        assert_eq!(text.matches("<li").count(), MAX_LINES + 1);
        assert!(text.contains("and 4980 more"));
        let many: Map<String, Value> = (0..21).map(|it| (it.to_string(), json!(it))).collect();
        assert!(
            changes(&many.into(), None, true)
                .into_string()
                .contains("and 1 more")
        );
    }
}
