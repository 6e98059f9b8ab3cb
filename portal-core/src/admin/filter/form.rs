//! Form that adds or changes a filter.

use maud::{Markup, Render, html};

use super::super::field::FieldSpec;
use super::super::field_type::{FilterInput, FilterPreset};
use super::super::list_url::ListUrl;
use super::super::model_view::ModelView;
use super::super::operator::Operator;
use super::super::references::{ReferenceChoices, search_url};
use super::parser::may_be_empty;
use super::{ADDING, CHOOSE, EDITING, FIELD, OPERATOR, TO, VALUE, parameter};
use crate::pages::Href;
use crate::pages::components::{Button, Combobox, icon};

/// Operators that exist only in the form.
const IS_EMPTY: &str = "is_empty";
const IS_NOT_EMPTY: &str = "is_not_empty";
const BETWEEN: &str = "between";
const PRESET: &str = "preset:";

/// Operators of references.
const REFERENCE: [(Operator, &str); 2] = [(Operator::Equal, "is"), (Operator::NotEqual, "is not")];

/// Returns the fields that the form offers. Secrets are excluded, because comparisons would reveal
/// them.
fn offered(model: &ModelView<'_>) -> impl Iterator<Item = &'static FieldSpec> {
    model.fields().filter(|field| !field.is_write_only())
}

/// Returns the field for which the URL requests the form.
pub(in super::super) fn requested(
    model: &ModelView<'_>,
    here: &ListUrl,
) -> Option<&'static FieldSpec> {
    offered(model).find(|field| field.name == here.get(ADDING))
}

/// Returns `true` if a range of values can be entered.
fn has_range(field: &FieldSpec) -> bool {
    let offers = |operator| {
        let operators = field.kind.filter_operators().iter();
        operators.clone().any(|(offered, _)| *offered == operator)
    };
    field.references.is_none() && offers(Operator::GreaterOrEqual) && offers(Operator::LessOrEqual)
}

/// Returns the operators that the form offers for a field, each with its name and label. Choices and
/// booleans need no operators.
fn operators(model: &ModelView<'_>, field: &FieldSpec) -> Vec<(String, &'static str)> {
    let mut all: Vec<(String, &'static str)> = Vec::new();
    if model.choices(field).is_empty() {
        let presets = field.kind.filter_presets().iter();
        all.extend(presets.map(|preset| (format!("{PRESET}{}", preset.name), preset.label)));
        let offered = match field.references {
            Some(_) => REFERENCE.as_slice(),
            None => field.kind.filter_operators(),
        };
        let offered = offered.iter();
        all.extend(offered.map(|(operator, label)| (operator.name().to_owned(), *label)));
        if has_range(field) {
            all.push((BETWEEN.to_owned(), "is between"));
        }
    }
    if may_be_empty(field) {
        if all.is_empty() {
            all.push((Operator::In.name().to_owned(), "is one of"));
        }
        all.push((IS_EMPTY.to_owned(), "is empty"));
        all.push((IS_NOT_EMPTY.to_owned(), "is not empty"));
    }
    all
}

/// Renders the button that opens the form with the first field of the list.
pub(in super::super) fn add_button(model: &ModelView<'_>, here: &ListUrl) -> Markup {
    let listed = model.listed();
    let first = listed
        .iter()
        .find(|field| offered(model).any(|other| other.name == field.name))
        .map(|field| field.name)
        .or_else(|| offered(model).next().map(|field| field.name));
    html! {
        @if let Some(first) = first {
            (Button::new("Add filter").size(1).icon("plus").href(here.with(ADDING, first))
                .attribute("data-adds-filter", ""))
        }
    }
}

/// Content of the form: those of the filter that is changed, or empty.
#[derive(Default)]
struct Content {
    operator: String,
    values: Vec<String>,
    to: String,
}

impl Content {
    /// Reads the filter that the URL requests to change.
    fn of(field: &FieldSpec, here: &ListUrl) -> Self {
        let edited: Vec<&str> = here.get(EDITING).split(',').collect();
        let value = |operator: Operator| {
            let name = parameter(field, operator);
            let pairs = here.pairs();
            let found = pairs.iter().find(|(known, _)| *known == name);
            found
                .filter(|_| edited.contains(&name.as_str()))
                .map(|(_, value)| (*value).to_owned())
        };
        let preset = field.kind.filter_presets().iter().find(|preset| {
            let mut conditions = preset.conditions.iter();
            conditions.all(|(operator, text)| value(*operator).as_deref() == Some(*text))
        });
        if let Some(preset) = preset {
            return Self {
                operator: format!("{PRESET}{}", preset.name),
                ..Self::default()
            };
        }
        let (from, to) = (
            value(Operator::GreaterOrEqual),
            value(Operator::LessOrEqual),
        );
        if let (Some(from), Some(to)) = (from, to) {
            return Self {
                operator: BETWEEN.to_owned(),
                values: vec![from],
                to,
            };
        }
        let found = Operator::ALL
            .into_iter()
            .find_map(|it| Some((it, value(it)?)));
        match found {
            None => Self::default(),
            Some((Operator::Empty, value)) => Self {
                operator: if value == "true" {
                    IS_EMPTY
                } else {
                    IS_NOT_EMPTY
                }
                .to_owned(),
                ..Self::default()
            },
            Some((operator, value)) => Self {
                operator: operator.name().to_owned(),
                values: match operator {
                    Operator::In => value.split(',').map(str::to_owned).collect(),
                    _ => vec![value],
                },
                to: String::new(),
            },
        }
    }

    fn first(&self) -> &str {
        self.values.first().map_or("", String::as_str)
    }
}

/// Renders the form for one field. `choices` are those of a reference.
pub(in super::super) fn render(
    model: &ModelView<'_>,
    field: &FieldSpec,
    choices: Option<&ReferenceChoices>,
    here: &ListUrl,
) -> Markup {
    let content = Content::of(field, here);
    let label = if here.get(EDITING).is_empty() {
        "Add filter"
    } else {
        "Change filter"
    };
    html! {
        form class="pt-toolbar pt-filter" method="get" action=(Href::from(here.path())) aria-label=(label) data-filter {
            @for (name, value) in here.first_page().without(ADDING).pairs() { input type="hidden" name=(name) value=(value); }
            // Pressing Enter activates the first button of a form, so this button must apply the
            // filter.
            button type="submit" class="pt-sr-only" tabindex="-1" aria-hidden="true" { "Apply" }
            (select(FIELD, "Field", offered(model).map(|it| (it.name, it.title)), field.name))
            button type="submit" class="pt-btn pt-no-js" data-kind="outline" data-size="1" name=(CHOOSE) value="1" formnovalidate { "Choose field" }
            @let operators = operators(model, field);
            @if !operators.is_empty() {
                (select(OPERATOR, "Operator", operators.iter().map(|(name, label)| (name.as_str(), *label)), &content.operator))
            }
            (value_control(model, field, choices, &content))
            @if has_range(field) {
                span class="pt-range" {
                    "and"
                    (input(field, TO, "Upper value", &content.to))
                }
            }
            (Button::new("Apply").solid().size(1).submit())
            (Button::new("Cancel").ghost().size(1).href(here.without(ADDING).without(EDITING)))
        }
    }
}

fn select<'a>(
    name: &str,
    label: &str,
    options: impl Iterator<Item = (&'a str, &'a str)>,
    current: &str,
) -> Markup {
    html! {
        span class="pt-select" {
            select class="pt-input" data-size="1" name=(name) aria-label=(label) {
                @for (value, words) in options { option value=(value) selected[value == current] { (words) } }
            }
            (icon("chevron-down"))
        }
    }
}

fn value_control(
    model: &ModelView<'_>,
    field: &FieldSpec,
    choices: Option<&ReferenceChoices>,
    content: &Content,
) -> Markup {
    if let Some(choices) = choices {
        return reference_control(choices, content.first());
    }
    let choices = model.choices(field);
    if !choices.is_empty() {
        return html! {
            fieldset class="pt-row" {
                legend class="pt-sr-only" { "Values" }
                @for choice in choices {
                    label class="pt-tick" {
                        input type="checkbox" name=(VALUE) value=(choice) checked[content.values.iter().any(|value| value == choice)];
                        (model.choice_title(field.name, choice))
                    }
                }
            }
        };
    }
    let values = field.kind.options();
    if !values.is_empty() {
        return select(VALUE, "Value", values.iter().copied(), content.first());
    }
    let text = content.values.join(",");
    input(field, VALUE, "Value", &text)
}

/// Renders the rows to which a reference can refer: in a select, or in a field that searches them.
fn reference_control(choices: &ReferenceChoices, key: &str) -> Markup {
    match choices {
        ReferenceChoices::Listed(rows)
        | ReferenceChoices::Related {
            rows,
            searched: None,
        } => {
            let rows = rows
                .iter()
                .map(|(key, label)| (key.as_str(), label.as_str()));
            select(VALUE, "Value", rows, key)
        }
        ReferenceChoices::Searched { model, .. }
        | ReferenceChoices::Related {
            searched: Some(model),
            ..
        } => Combobox::new(VALUE, "Value")
            .source(search_url(model))
            .value(key, choices.label(key).unwrap_or(key))
            .render(),
    }
}

fn input(field: &FieldSpec, name: &str, label: &str, value: &str) -> Markup {
    let FilterInput {
        input_type,
        inputmode,
        hint,
    } = field.kind.filter_input();
    // A relative date does not fit into a date input.
    let value =
        if input_type.starts_with("date") && !value.starts_with(|it: char| it.is_ascii_digit()) {
            ""
        } else {
            value
        };
    html! {
        input class="pt-input" data-size="1" type=(input_type) name=(name) inputmode=[inputmode] value=(value)
            aria-label={ (label) @if let Some(hint) = hint { " (" (hint) ")" } } placeholder=(label) autocomplete="off";
        @if let Some(hint) = hint { span class="pt-hint" aria-hidden="true" { (hint) } }
    }
}

/// Returns the URL that a submitted form redirects to; `None` if the request does not submit it.
///
/// `here` contains the parameters of the list and of the form; `query` may contain the value
/// several times.
pub(in super::super) fn sent(
    model: &ModelView<'_>,
    here: &ListUrl,
    query: &str,
) -> Option<ListUrl> {
    let field = model.field(here.get(FIELD))?;
    let list = [FIELD, OPERATOR, VALUE, TO, CHOOSE, ADDING]
        .iter()
        .fold(here.first_page(), |list, name| list.without(name));
    if !here.get(CHOOSE).is_empty() {
        return Some(list.with(ADDING, field.name));
    }
    let values: Vec<String> = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, value)| name == VALUE && !value.trim().is_empty())
        .map(|(_, value)| value.trim().to_owned())
        .collect();
    let (operator, to) = (here.get(OPERATOR), here.get(TO).trim());
    let conditions: Vec<(Operator, String)> = match operator {
        IS_EMPTY => vec![(Operator::Empty, "true".to_owned())],
        IS_NOT_EMPTY => vec![(Operator::Empty, "false".to_owned())],
        BETWEEN => {
            let from = values.first().cloned();
            let to = Some(to).filter(|to| !to.is_empty()).map(str::to_owned);
            let bounds = [
                (Operator::GreaterOrEqual, from),
                (Operator::LessOrEqual, to),
            ];
            let bounds = bounds.into_iter();
            bounds
                .filter_map(|(operator, value)| Some((operator, value?)))
                .collect()
        }
        operator => match preset(field, operator) {
            Some(preset) => {
                let conditions = preset.conditions.iter();
                conditions
                    .map(|(operator, text)| (*operator, (*text).to_owned()))
                    .collect()
            }
            None if values.is_empty() => Vec::new(),
            None if values.len() > 1 => vec![(Operator::In, values.join(","))],
            None => {
                let operator = Operator::parse(operator).unwrap_or(Operator::Equal);
                // A list with one value is the same as equality, whose description is shorter.
                let is_single = operator == Operator::In && !values[0].contains(',');
                let operator = if is_single { Operator::Equal } else { operator };
                vec![(operator, values[0].clone())]
            }
        },
    };
    // An empty form does not change anything.
    if conditions.is_empty() {
        return Some(list.without(EDITING));
    }
    let edited = here.get(EDITING).split(',');
    let list = edited.fold(list.without(EDITING), |list, name| {
        match name.starts_with("filter[") {
            true => list.without(name),
            false => list,
        }
    });
    Some(conditions.iter().fold(list, |list, (operator, value)| {
        list.with_filter(&parameter(field, *operator), value)
    }))
}

fn preset(field: &FieldSpec, operator: &str) -> Option<&'static FilterPreset> {
    let name = operator.strip_prefix(PRESET)?;
    let presets = field.kind.filter_presets();
    presets.iter().find(|preset| preset.name == name)
}

/// Returns the key of a reference in the filter that the URL requests to change; empty if there is
/// no such filter.
pub(in super::super) fn edited_key(field: &FieldSpec, here: &ListUrl) -> String {
    Content::of(field, here).first().to_owned()
}
