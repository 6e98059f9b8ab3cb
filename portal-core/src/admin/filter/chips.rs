//! Chips: descriptions of the active filters in words.

use super::super::field::FieldSpec;
use super::super::list_url::ListUrl;
use super::super::model_view::ModelView;
use super::super::operator::Operator;
use super::super::references::ReferenceLabels;
use super::{ADDING, EDITING, parameter};
use crate::error::FieldError;

/// Description of one or more filters on a field.
#[derive(Debug)]
pub(in super::super) struct Chip {
    pub(in super::super) words: String,
    /// Parameters of the filters.
    parameters: Vec<String>,
    field: Option<&'static str>,
}

impl Chip {
    /// Returns the URL of the list without the filters.
    pub(in super::super) fn remove(&self, here: &ListUrl) -> String {
        let names = self.parameters.iter();
        names
            .fold(here.clone(), |list, name| list.without(name))
            .to_string()
    }

    /// Returns the URL of the form that changes the filters; `None` if the field is unknown.
    pub(in super::super) fn edit(&self, here: &ListUrl) -> Option<String> {
        let form = here.with(ADDING, self.field?);
        Some(form.with(EDITING, self.parameters.join(",")).to_string())
    }
}

/// A filter in a URL.
struct UrlFilter<'a> {
    parameter: &'a str,
    name: &'a str,
    field: Option<&'static FieldSpec>,
    operator: &'a str,
    value: &'a str,
}

/// Returns the descriptions of the filters in a URL.
pub(in super::super) fn chips(
    model: &ModelView<'_>,
    labels: &ReferenceLabels,
    here: &ListUrl,
) -> Vec<Chip> {
    let pairs = here.pairs();
    let mut filters: Vec<UrlFilter<'_>> = pairs
        .iter()
        .filter_map(|(parameter, value)| {
            let inner = parameter.strip_prefix("filter[")?;
            let (name, operator) = inner.split_once(']').unwrap_or((inner, ""));
            Some(UrlFilter {
                parameter,
                name,
                field: model.field(name),
                operator: operator.trim_matches(['[', ']']),
                value,
            })
        })
        .collect();
    let mut chips = Vec::new();
    while !filters.is_empty() {
        let filter = filters.remove(0);
        let combined = filter
            .field
            .and_then(|field| combined(model, field, &filter, &filters));
        let (words, parameters) = match combined {
            Some(combined) => combined,
            None => {
                let words = condition(model, labels, &filter);
                (words, vec![filter.parameter.to_owned()])
            }
        };
        filters.retain(|other| !parameters.iter().any(|name| name == other.parameter));
        chips.push(Chip {
            words,
            parameters,
            field: filter.field.map(|field| field.name),
        });
    }
    chips
}

/// Describes a filter together with others on the same field, if they are a preset or a range.
fn combined(
    model: &ModelView<'_>,
    field: &'static FieldSpec,
    filter: &UrlFilter<'_>,
    others: &[UrlFilter<'_>],
) -> Option<(String, Vec<String>)> {
    let value = |operator: Operator| {
        let name = parameter(field, operator);
        let all = std::iter::once(filter).chain(others);
        all.into_iter()
            .find(|it| it.parameter == name)
            .map(|it| (name, it.value))
    };
    for preset in field.kind.filter_presets() {
        let found = preset.conditions.iter().map(|(operator, text)| {
            let (name, value) = value(*operator)?;
            (value == *text).then_some(name)
        });
        let Some(names) = found.collect::<Option<Vec<_>>>() else {
            continue;
        };
        if names.iter().any(|name| name == filter.parameter) {
            return Some((format!("{}: {}", field.title, preset.label), names));
        }
    }
    let (from_name, from) = value(Operator::GreaterOrEqual)?;
    let (to_name, to) = value(Operator::LessOrEqual)?;
    if ![&from_name, &to_name].contains(&&filter.parameter.to_owned()) {
        return None;
    }
    let words = |text: &str| words(model, &ReferenceLabels::default(), field, text);
    let words = format!("{}: {} – {}", field.title, words(from), words(to));
    Some((words, vec![from_name, to_name]))
}

/// Formats a condition, such as “Monthly limit ≥ 10,000”.
fn condition(model: &ModelView<'_>, labels: &ReferenceLabels, filter: &UrlFilter<'_>) -> String {
    let (value, unknown) = (filter.value, filter.operator);
    let Some(field) = filter.field else {
        return format!("{}: {value}", filter.name);
    };
    let title = field.title;
    let is_empty = value.is_empty() && field.nullable && !field.kind.accepts_empty_text();
    let operator = match unknown {
        "" => Some(Operator::Equal),
        name => Operator::parse(name),
    };
    let shown = match operator {
        Some(Operator::In) => {
            let values = value.split(',');
            let values: Vec<_> = values.map(|it| words(model, labels, field, it)).collect();
            values.join(", ")
        }
        _ => words(model, labels, field, value),
    };
    match operator {
        Some(Operator::Empty) if value == "true" => format!("{title} is empty"),
        Some(Operator::Empty) if value == "false" => format!("{title} is not empty"),
        Some(Operator::Equal) if is_empty => format!("{title} is empty"),
        Some(Operator::NotEqual) if is_empty => format!("{title} is not empty"),
        Some(Operator::Equal | Operator::In) => format!("{title}: {shown}"),
        Some(Operator::NotEqual) => format!("{title} is not {shown}"),
        Some(Operator::Contains) => format!("{title} contains “{value}”"),
        Some(Operator::StartsWith) => format!("{title} starts with “{value}”"),
        Some(comparison) => format!("{title} {} {shown}", field.kind.comparison_word(comparison)),
        None => format!("{title} {unknown} {shown}"),
    }
}

/// Formats a value for display; an invalid one is shown unchanged.
fn words(model: &ModelView<'_>, labels: &ReferenceLabels, field: &FieldSpec, text: &str) -> String {
    if let Some(label) = labels.get(field, &text.into()) {
        return label.to_owned();
    }
    let described = field.kind.describe_value(text);
    described.unwrap_or_else(|| model.choice_title(field.name, text).to_owned())
}

/// Returns a message about the ignored parameters of a list, with the reasons.
pub(in super::super) fn ignored(model: &ModelView<'_>, errors: &[FieldError]) -> String {
    let sentences = errors.iter().map(|error| {
        let name = error.pointer.trim_start_matches('/');
        let Some(field) = name
            .strip_prefix("filter[")
            .and_then(|it| it.split(']').next())
        else {
            return format!("“{name}” was ignored: {}.", error.message);
        };
        match model.field(field) {
            Some(field) => format!(
                "The filter on “{}” was ignored: {}.",
                field.title, error.message
            ),
            None => format!("Unknown filter “{field}” was ignored."),
        }
    });
    sentences.collect::<Vec<_>>().join(" ")
}
