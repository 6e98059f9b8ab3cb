//! List filters: the form that adds a filter, and the chips that describe active filters.

use maud::{Markup, html};

use super::field::FieldSpec;
use super::field_type::FilterInput;
use super::list_url::ListUrl;
use super::model_view::ModelView;
use super::operator::Operator;
use crate::error::FieldError;
use crate::pages::Href;
use crate::pages::components::{Button, icon};

/// Parameter with the field for which the filter form is shown.
pub(super) const ADDING: &str = "add_filter";

const FIELD: &str = "_field";
const OPERATOR: &str = "_operator";
const VALUE: &str = "_value";
/// Name of the button that only chooses a different field.
const CHOOSE: &str = "_choose";

/// Operators that exist only in the form. URLs express both of them with an empty value.
const EMPTY: &str = "empty";
const NOT_EMPTY: &str = "not_empty";

type Words = (&'static str, &'static str);

const NULL: [Words; 2] = [(EMPTY, "is empty"), (NOT_EMPTY, "is not empty")];

/// Returns the fields that the form offers. Secrets are excluded, because comparisons would reveal
/// them.
fn offered(model: &ModelView<'_>) -> impl Iterator<Item = &'static FieldSpec> {
    model.fields().filter(|field| !field.is_write_only())
}

/// Returns the operators that the form offers for a field. Choices and booleans need no operators.
fn operators(model: &ModelView<'_>, field: &FieldSpec) -> Vec<Words> {
    if !model.choices(field).is_empty() {
        return Vec::new();
    }
    let operators = field.kind.filter_operators().iter();
    let mut operators: Vec<Words> = operators
        .map(|(operator, label)| (operator.name(), *label))
        .collect();
    let may_be_empty =
        field.nullable && !field.kind.accepts_empty_text() && field.kind.supports(Operator::Equal);
    if may_be_empty && !operators.is_empty() {
        operators.extend(NULL);
    }
    operators
}

/// Renders the button that opens the form with the first field of the list.
pub(super) fn add_button(model: &ModelView<'_>, here: &ListUrl) -> Markup {
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

/// Renders the form for one field, if the URL requests it.
pub(super) fn form(model: &ModelView<'_>, adding: &str, here: &ListUrl) -> Markup {
    let Some(field) = offered(model).find(|field| field.name == adding) else {
        return html! {};
    };
    html! {
        form class="pt-toolbar pt-filter" method="get" action=(Href::from(here.path())) aria-label="Add filter" data-filter {
            @for (name, value) in here.first_page().pairs() { input type="hidden" name=(name) value=(value); }
            // Pressing Enter activates the first button of a form, so this button must apply the
            // filter.
            button type="submit" class="pt-sr-only" tabindex="-1" aria-hidden="true" { "Apply" }
            (select(FIELD, "Field", offered(model).map(|it| (it.name, it.title)), field.name))
            button type="submit" class="pt-btn pt-no-js" data-kind="outline" data-size="1" name=(CHOOSE) value="1" formnovalidate { "Choose field" }
            @let operators = operators(model, field);
            @if !operators.is_empty() { (select(OPERATOR, "Operator", operators.into_iter(), "")) }
            (value_control(model, field))
            (Button::new("Apply").solid().size(1).submit())
            (Button::new("Cancel").ghost().size(1).href(here))
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

fn value_control(model: &ModelView<'_>, field: &FieldSpec) -> Markup {
    let choices = model.choices(field);
    if !choices.is_empty() {
        return html! {
            fieldset class="pt-row" {
                legend class="pt-sr-only" { "Values" }
                @for choice in choices {
                    label class="pt-tick" {
                        input type="checkbox" name=(VALUE) value=(choice);
                        (model.choice_title(field.name, choice))
                    }
                }
            }
        };
    }
    let values = field.kind.options();
    if !values.is_empty() {
        return select(VALUE, "Value", values.iter().copied(), "");
    }
    let FilterInput {
        input_type,
        inputmode,
        hint,
    } = field.kind.filter_input();
    html! {
        input class="pt-input" data-size="1" type=(input_type) name=(VALUE) inputmode=[inputmode]
            aria-label={ "Value" @if let Some(hint) = hint { " (" (hint) ")" } } placeholder="Value" autocomplete="off";
        @if let Some(hint) = hint { span class="pt-hint" aria-hidden="true" { (hint) } }
    }
}

/// Returns the URL that a submitted form redirects to; `None` if the request does not submit it.
///
/// `here` contains the parameters of the list and of the form; `query` may contain the value
/// several times.
pub(super) fn sent(model: &ModelView<'_>, here: &ListUrl, query: &str) -> Option<ListUrl> {
    let field = model.field(here.get(FIELD))?;
    let list = [FIELD, OPERATOR, VALUE, CHOOSE, ADDING]
        .iter()
        .fold(here.first_page(), |list, name| list.without(name));
    if !here.get(CHOOSE).is_empty() {
        return Some(list.with(ADDING, field.name));
    }
    let values: Vec<String> = url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, value)| name == VALUE && !value.trim().is_empty())
        .map(|(_, value)| value.trim().to_owned())
        .collect();
    let operator = match here.get(OPERATOR) {
        EMPTY => return Some(list.with_filter(&parameter(field, "eq"), "")),
        NOT_EMPTY => return Some(list.with_filter(&parameter(field, "ne"), "")),
        _ if values.is_empty() => return Some(list),
        _ if values.len() > 1 => "in",
        "" => "eq",
        operator => operator,
    };
    Some(list.with_filter(&parameter(field, operator), &values.join(",")))
}

fn parameter(field: &FieldSpec, operator: &str) -> String {
    match operator {
        "eq" => format!("filter[{}]", field.name),
        operator => format!("filter[{}][{operator}]", field.name),
    }
}

/// Returns the filters in a URL, each as its parameter and a description of its condition.
pub(super) fn chips(model: &ModelView<'_>, here: &ListUrl) -> Vec<(String, String)> {
    let filters = here.pairs().into_iter();
    filters
        .filter_map(|(name, value)| {
            let inner = name.strip_prefix("filter[")?;
            let (field, operator) = inner.split_once(']').unwrap_or((inner, ""));
            let operator = operator.trim_matches(['[', ']']);
            Some((name.to_owned(), condition(model, field, operator, value)))
        })
        .collect()
}

/// Returns a message about the ignored parameters of a list, with the reasons.
pub(super) fn ignored(model: &ModelView<'_>, errors: &[FieldError]) -> String {
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

/// Formats a condition, such as “Monthly limit ≥ 10,000”.
fn condition(model: &ModelView<'_>, name: &str, operator: &str, value: &str) -> String {
    let Some(field) = model.field(name) else {
        return format!("{name}: {value}");
    };
    let title = field.title;
    let is_empty = value.is_empty() && field.nullable && !field.kind.accepts_empty_text();
    let unknown = operator;
    let operator = match operator {
        "" => Some(Operator::Equal),
        name => Operator::parse(name),
    };
    let shown = match operator {
        Some(Operator::In) => {
            let values: Vec<_> = value.split(',').map(|it| words(model, field, it)).collect();
            values.join(", ")
        }
        _ => words(model, field, value),
    };
    match operator {
        Some(Operator::Equal) if is_empty => format!("{title} is empty"),
        Some(Operator::NotEqual) if is_empty => format!("{title} is not empty"),
        Some(Operator::Equal | Operator::In) => format!("{title}: {shown}"),
        Some(Operator::NotEqual) => format!("{title} is not {shown}"),
        Some(Operator::Contains) => format!("{title} contains “{value}”"),
        Some(comparison) => format!("{title} {} {shown}", field.kind.comparison_word(comparison)),
        None => format!("{title} {unknown} {shown}"),
    }
}

/// Formats a value for display; an invalid one is shown unchanged.
fn words(model: &ModelView<'_>, field: &FieldSpec, text: &str) -> String {
    let described = field.kind.describe_value(text);
    described.unwrap_or_else(|| model.choice_title(field.name, text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::ModelSpec;
    use crate::auth::Roles;

    fn here(query: &str) -> ListUrl {
        ListUrl::new("/admin/users").read(query)
    }

    fn chip(query: &str) -> String {
        let model = ModelSpec::users(&Roles::default());
        let model = ModelView::of_admin(&model);
        let mut chips = chips(&model, &here(query));
        assert_eq!(chips.len(), 1, "{chips:?}");
        chips.remove(0).1
    }

    #[test]
    fn chips_describe_conditions_in_words() {
        assert_eq!(chip("filter[user_type]=ADMIN"), "Role: Administrator");
        assert_eq!(
            chip("filter[user_type][in]=ADMIN,USER"),
            "Role: Administrator, User"
        );
        assert_eq!(chip("filter[is_active]=false"), "Active: No");
        assert_eq!(chip("filter[email][contains]=@x"), "E-mail contains “@x”");
        assert_eq!(
            chip("filter[last_login][gte]=2026-05-01T10:00:30Z"),
            "Last sign-in from 2026-05-01 10:00 UTC"
        );
        assert_eq!(chip("filter[last_login]="), "Last sign-in is empty");
        assert_eq!(chip("filter[last_login][ne]="), "Last sign-in is not empty");
        assert_eq!(chip("filter[nope]=1"), "nope: 1");
    }

    #[test]
    fn submitted_form_redirects_to_the_filtered_list() {
        let model = ModelSpec::users(&Roles::default());
        let model = ModelView::of_admin(&model);
        let lead = |query: &str| sent(&model, &here(query), query).map(|to| to.query());
        let decoded = |query: &str| {
            let query = lead(query).unwrap();
            let pairs = url::form_urlencoded::parse(query.as_bytes());
            let pairs = pairs.map(|(name, value)| format!("{name}={value}"));
            pairs.collect::<Vec<_>>().join("&")
        };
        assert_eq!(
            decoded("search=a&page=3&_field=email&_operator=contains&_value=+b+"),
            "search=a&filter[email][contains]=b"
        );
        assert_eq!(
            decoded("_field=user_type&_value=ADMIN"),
            "filter[user_type]=ADMIN"
        );
        assert_eq!(
            decoded("_field=user_type&_value=ADMIN&_value=USER"),
            "filter[user_type][in]=ADMIN,USER"
        );
        assert_eq!(
            decoded("_field=last_login&_operator=empty&_value=x"),
            "filter[last_login]="
        );
        assert_eq!(
            decoded("_field=is_active&_choose=1&_value=x"),
            "add_filter=is_active"
        );
        assert_eq!(decoded("search=a&_field=email&_value="), "search=a");
        assert_eq!(lead("_field=nope&_value=1"), None);
        assert_eq!(lead("search=a"), None);
    }
}
