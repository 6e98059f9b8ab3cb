//! Choices in a form: one of several values, or one of several shapes.

use serde_json::Value;

use super::schema_node::{Part, SchemaNode, Shape};

/// One option in a select.
#[derive(Debug, Clone)]
pub(super) struct Choice<'a> {
    pub(super) value: &'a Value,
    title: Option<&'a str>,
    description: Option<&'a str>,
}

impl<'a> Choice<'a> {
    fn new(value: &'a Value) -> Self {
        Self {
            value,
            title: None,
            description: None,
        }
    }

    /// Returns the values of an `enum` if none of them is an array or an object.
    pub(super) fn of_values(values: &'a [Value]) -> Option<Vec<Self>> {
        let values = values.iter().filter(|value| !value.is_null());
        values
            .map(|value| is_plain(value).then(|| Self::new(value)))
            .collect()
    }

    /// Returns the values of the branches if all branches are constants.
    pub(super) fn of_branches(branches: &[&'a Value]) -> Option<Vec<Self>> {
        let mut choices = Vec::new();
        for branch in branches {
            let about = |key| branch.get(key).and_then(Value::as_str);
            if let Some(value) = branch.get("const").filter(|value| is_plain(value)) {
                choices.push(Self {
                    value,
                    title: about("title"),
                    description: about("description"),
                });
            } else {
                choices.extend(Self::of_values(branch.get("enum")?.as_array()?)?);
            }
        }
        Some(choices)
    }

    /// Returns the text that the form submits for the value.
    pub(super) fn sent(&self) -> String {
        sent(self.value)
    }

    /// Returns the text that is displayed for the value.
    pub(super) fn label(&self) -> String {
        let word = self.title.map_or_else(|| sent(self.value), str::to_owned);
        match self.description {
            Some(description) => format!("{word} – {description}"),
            None => word,
        }
    }
}

/// Returns a string without quotes, and any other value as JSON.
fn sent(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn is_plain(value: &Value) -> bool {
    !value.is_array() && !value.is_object()
}

/// One variant of a union.
#[derive(Debug, Clone)]
pub(super) struct Variant<'a> {
    pub(super) label: String,
    pub(super) description: Option<&'a str>,
    pub(super) part: Part<'a>,
}

/// Returns the variants of a union. A branch with several constants becomes one variant per
/// constant.
pub(super) fn branches<'a>(union: &SchemaNode<'a>, branches: &[&'a Value]) -> Vec<Variant<'a>> {
    let mut variants = Vec::new();
    for branch in branches {
        let node = union.below(branch);
        let part = Part::of(node, true);
        match &part.shape {
            Shape::Choice(choices) => variants.extend(choices.iter().map(|choice| Variant {
                label: choice.label(),
                description: None,
                part: Part {
                    node: part.node.clone(),
                    shape: Shape::Constant(choice.value),
                    required: true,
                },
            })),
            _ => variants.push(Variant {
                label: label(&part, variants.len()),
                description: part.node.text("description"),
                part,
            }),
        }
    }
    variants
}

/// Returns the label of a variant: its title, the value of its tag, its only field or its type.
fn label(part: &Part<'_>, index: usize) -> String {
    if let Some(title) = part.node.text("title") {
        return title.to_owned();
    }
    match &part.shape {
        Shape::Constant(value) => sent(value),
        Shape::Object(members) => {
            let tag = members.iter().find_map(|member| match member.part.shape {
                Shape::Constant(value) => Some(sent(value)),
                _ => None,
            });
            match (tag, &members[..]) {
                (Some(tag), _) => words(&tag),
                (None, [only]) => words(only.name),
                _ => format!("Option {}", index + 1),
            }
        }
        Shape::Text => "Text".to_owned(),
        Shape::Number { .. } => "Number".to_owned(),
        Shape::Boolean => "Yes or no".to_owned(),
        Shape::List { .. } => "List".to_owned(),
        _ => format!("Option {}", index + 1),
    }
}

/// Converts `first_name` to "First name".
pub(super) fn words(name: &str) -> String {
    let mut words = name.replace(['_', '-'], " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}
