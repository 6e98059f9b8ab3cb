//! Renders a schema as markup.

use maud::{Markup, Render, html};

use super::choice::{Choice, Variant, words};
use super::datetime;
use super::field_path::{FieldPath, id_of};
use super::form_input::FormInput;
use super::schema_node::{Member, Part, SchemaNode, Shape};
use crate::error::FieldError;
use crate::pages::components::{Button, Field, FieldOption, icon};

/// Options for rendering a form.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RenderOptions<'a> {
    /// URL to which row buttons post if scripts are enabled; only the form is then re-rendered.
    pub(crate) post: Option<&'a str>,
    /// Prefix of field names; the first field whose name matches receives the focus.
    pub(crate) focus: Option<&'a str>,
}

/// A rendered form.
#[derive(Debug)]
pub(crate) struct RenderedForm {
    pub(crate) fields: Markup,
    /// Errors that do not belong to any field.
    pub(crate) others: Vec<FieldError>,
    /// `true` if the fields contain buttons that edit the form rather than submit it.
    pub(crate) has_buttons: bool,
}

pub(super) fn render(
    part: &Part<'_>,
    place: &FieldPath,
    input: &FormInput,
    errors: &[FieldError],
    options: &RenderOptions<'_>,
) -> RenderedForm {
    let mut pen = Renderer {
        input,
        errors: errors.iter().map(|error| (error, false)).collect(),
        options,
        focused: false,
    };
    let fields = match &part.shape {
        Shape::Object(members) => pen.members(members, place),
        _ => pen.part(part, place, "Value"),
    };
    let has_buttons = fields.0.contains(" name=\"do\"");
    let others = pen.errors.into_iter();
    RenderedForm {
        fields,
        has_buttons,
        others: others
            .filter(|(_, shown)| !shown)
            .map(|(error, _)| error.clone())
            .collect(),
    }
}

struct Renderer<'a> {
    input: &'a FormInput,
    /// Errors, each with `true` if it has been shown next to a field.
    errors: Vec<(&'a FieldError, bool)>,
    options: &'a RenderOptions<'a>,
    focused: bool,
}

impl Renderer<'_> {
    fn members(&mut self, members: &[Member<'_>], place: &FieldPath) -> Markup {
        html! {
            @for member in members {
                @let label = member.part.node.text("title").map_or_else(|| words(member.name), str::to_owned);
                (self.part(&member.part, &place.member(member.name), &label))
            }
        }
    }

    fn part(&mut self, part: &Part<'_>, place: &FieldPath, label: &str) -> Markup {
        match &part.shape {
            Shape::Constant(_) => html! {},
            Shape::Object(members) => {
                self.group(part, place, label, |pen| pen.members(members, place))
            }
            Shape::List { items } => self.group(part, place, label, |pen| {
                pen.list(part, items, place, label)
            }),
            Shape::Map { values } => self.group(part, place, label, |pen| {
                pen.map(part, values, place, label)
            }),
            Shape::Variants(variants) if part.has_switch() => {
                self.group(part, place, label, |pen| {
                    pen.variants(variants, place, "Type", None, None)
                })
            }
            Shape::Variants(variants) => {
                let error = self.error(&place.pointer, false);
                html! {
                    div class="pt-group" {
                        (self.variants(variants, place, label, part.node.text("description"), error))
                    }
                }
            }
            _ => self.field(part, place, label),
        }
    }

    /// Renders a field with one value.
    fn field(&mut self, part: &Part<'_>, place: &FieldPath, label: &str) -> Markup {
        let node = &part.node;
        let error = self.error(&place.pointer, matches!(part.shape, Shape::Json));
        let value = self.input.get(&place.name).unwrap_or_default();
        let mut hint = node.text("description").map(str::to_owned);
        let name = place.name.as_str();
        let field = match &part.shape {
            Shape::Choice(choices) => select(part, name, label, choices),
            Shape::Boolean if part.is_open() => {
                let options = [("", "Not set"), ("true", "Yes"), ("false", "No")];
                let options = options.map(|(value, label)| FieldOption::new(value, label));
                Field::select(name, label, options.into())
            }
            Shape::Boolean => Field::switch(name, label).checked(self.input.is_checked(name)),
            Shape::Number { whole } => {
                let step = node.get("multipleOf").map(ToString::to_string);
                let step = step.unwrap_or_else(|| if *whole { "1" } else { "any" }.to_owned());
                Field::number(name, label)
                    .range(bound(node, *whole, MINIMUM), bound(node, *whole, MAXIMUM))
                    .step(step)
            }
            Shape::Json => {
                hint = Some(match hint {
                    Some(hint) => format!("{hint} (JSON)"),
                    None => "JSON".to_owned(),
                });
                Field::code(name, label)
            }
            _ => text_field(node, name, label, value, &mut hint),
        };
        let field = match hint {
            Some(hint) => field.hint(hint),
            None => field,
        };
        let field = match part.shape {
            Shape::Boolean if !part.is_open() => field,
            // `required` only marks the field. It does not block submission, because the form has
            // `novalidate`.
            _ => field
                .value(value)
                .required(part.required && !part.node.nullable),
        };
        let field = if self.takes_focus(place, error.is_some()) {
            field.autofocus()
        } else {
            field
        };
        field.id(place.id()).error(error).render()
    }

    /// Renders a group of fields, with a switch if the group is optional.
    fn group(
        &mut self,
        part: &Part<'_>,
        place: &FieldPath,
        label: &str,
        body: impl FnOnce(&mut Self) -> Markup,
    ) -> Markup {
        // The description of the type is not repeated in every row.
        let hint = part.node.text("description").filter(|_| !place.is_row);
        let error = self.error(&place.pointer, false);
        let (switch, id) = (place.switch(), place.id());
        html! {
            fieldset class="pt-group" id=(id) aria-describedby=[error.as_ref().map(|_| format!("{id}-error"))] {
                legend {
                    @if part.has_switch() {
                        label {
                            input type="checkbox" role="switch" name=(switch) value="true" checked[self.input.is_checked(&switch)];
                            (label)
                        }
                    } @else { (label) }
                }
                @if let Some(hint) = hint { p class="pt-hint" { (hint) } }
                (error_text(&id, error.as_deref()))
                div class="pt-group-body" { (body(self)) }
            }
        }
    }

    fn list(
        &mut self,
        part: &Part<'_>,
        items: &Part<'_>,
        place: &FieldPath,
        label: &str,
    ) -> Markup {
        let keys = self.input.keys(&place.name);
        let one = singular(label);
        html! {
            @for (index, key) in keys.iter().enumerate() {
                @let here = place.row(key, index);
                @let title = format!("{one} {}", index + 1);
                div class="pt-item" data-plain[is_plain(items)] {
                    input type="hidden" name=(place.name) value=(key);
                    (self.part(items, &here, &title))
                    (self.row_buttons(place, key, &title, Some((index, keys.len()))))
                }
            }
            (self.add_button(part, place, &one, keys.len(), "maxItems"))
        }
    }

    fn map(
        &mut self,
        part: &Part<'_>,
        values: &Part<'_>,
        place: &FieldPath,
        label: &str,
    ) -> Markup {
        let keys = self.input.keys(&place.name);
        let one = singular(label);
        html! {
            @for (index, key) in keys.iter().enumerate() {
                @let key_name = place.entry_key(key);
                @let name = self.input.get(&key_name).unwrap_or_default();
                @let here = place.entry(key, name);
                @let title = format!("{one} {}", index + 1);
                div class="pt-item pt-entry" data-plain[is_plain(values)] {
                    input type="hidden" name=(place.name) value=(key);
                    (Field::text(key_name.as_str(), format!("Key of {title}")).id(id_of(&key_name)).value(name).placeholder("key"))
                    (self.part(values, &here, &format!("Value of {title}")))
                    (self.row_buttons(place, key, &title, None))
                }
            }
            (self.add_button(part, place, &one, keys.len(), "maxProperties"))
        }
    }

    fn variants(
        &mut self,
        variants: &[Variant<'_>],
        place: &FieldPath,
        label: &str,
        hint: Option<&str>,
        error: Option<String>,
    ) -> Markup {
        let chosen = self
            .input
            .get(&place.name)
            .and_then(|index| index.parse().ok());
        let chosen: usize = chosen.unwrap_or(0);
        let id = format!("{}-kind", place.id());
        let described = error.as_ref().map(|_| format!("{id}-error"));
        html! {
            div class="pt-field" {
                label for=(id) { (label) }
                div class="pt-row" {
                    span class="pt-select pt-grow" {
                        select class="pt-input" id=(id) name=(place.name) data-variants aria-describedby=[described] aria-invalid=[error.as_ref().map(|_| "true")] {
                            @for (index, variant) in variants.iter().enumerate() {
                                option value=(index) selected[index == chosen] { (variant.label) }
                            }
                        }
                        (icon("chevron-down"))
                    }
                    span class="pt-no-js" { (Button::new("Show fields").attribute("name", "do").attribute("value", "redraw").submit()) }
                }
                @if let Some(hint) = hint { p class="pt-hint" { (hint) } }
                (error_text(&id, error.as_deref()))
            }
            @for (index, variant) in variants.iter().enumerate() {
                @let shown = index == chosen;
                div class="pt-group-body" data-variant=(index) hidden[!shown] {
                    @if let Some(description) = variant.description { p class="pt-hint" { (description) } }
                    // Errors are shown only for the submitted variant.
                    @if shown { (self.variant(variant, &place.variant(index))) }
                    @else { (Renderer { input: self.input, errors: Vec::new(), options: self.options, focused: true }.variant(variant, &place.variant(index))) }
                }
            }
        }
    }

    fn variant(&mut self, variant: &Variant<'_>, place: &FieldPath) -> Markup {
        match &variant.part.shape {
            Shape::Object(members) => self.members(members, place),
            _ => self.part(&variant.part, place, &variant.label),
        }
    }

    fn row_buttons(
        &self,
        place: &FieldPath,
        key: &str,
        title: &str,
        order: Option<(usize, usize)>,
    ) -> Markup {
        let button = |name: &'static str, verb: &str, says: &str| {
            self.acting(
                Button::icon_only(name, format!("{says} {title}")),
                format!("{verb} {} {key}", place.name),
            )
        };
        html! {
            div class="pt-item-actions" {
                @if let Some((index, rows)) = order && rows > 1 {
                    (button("arrow-up", "up", "Move up").disabled(index == 0))
                    (button("arrow-down", "down", "Move down").disabled(index + 1 == rows))
                }
                (button("x", "remove", "Remove"))
            }
        }
    }

    fn add_button(
        &self,
        part: &Part<'_>,
        place: &FieldPath,
        one: &str,
        rows: usize,
        most: &str,
    ) -> Markup {
        let is_full = part.node.count(most).is_some_and(|most| rows >= most);
        let button = Button::new(format!("Add {}", lower_first(one))).icon("plus");
        html! {
            div { (self.acting(button, format!("add {}", place.name)).disabled(is_full)) }
        }
    }

    /// Returns a button that changes rows; if scripts are enabled, it re-renders only the form.
    fn acting<'b>(&self, button: Button<'b>, what: String) -> Button<'b> {
        let button = button
            .size(1)
            .submit()
            .attribute("name", "do")
            .attribute("value", what);
        match self.options.post {
            Some(post) => button.attribute("hx-post", post.to_owned()),
            None => button,
        }
    }

    fn takes_focus(&mut self, place: &FieldPath, is_wrong: bool) -> bool {
        let is_wanted = |wanted: &str| place.name.starts_with(wanted);
        let takes = !self.focused && (is_wrong || self.options.focus.is_some_and(is_wanted));
        self.focused |= takes;
        takes
    }

    /// Returns the errors at a pointer and, for values without fields of their own, those below it.
    fn error(&mut self, pointer: &str, with_below: bool) -> Option<String> {
        let mut texts = Vec::new();
        for (error, shown) in &mut self.errors {
            let Some(rest) = error.pointer.strip_prefix(pointer) else {
                continue;
            };
            if rest.is_empty() {
                texts.push(sentence(&error.message));
            } else if with_below && rest.starts_with('/') {
                texts.push(format!("{rest}: {}", error.message));
            } else {
                continue;
            }
            *shown = true;
        }
        (!texts.is_empty()).then(|| texts.join("; "))
    }
}

fn error_text(id: &str, error: Option<&str>) -> Markup {
    html! {
        @if let Some(error) = error {
            p class="pt-error" id={ (id) "-error" } { (icon("circle-alert")) span { (error) } }
        }
    }
}

fn select(part: &Part<'_>, name: &str, label: &str, choices: &[Choice<'_>]) -> Field {
    // If there is no default, nothing is preselected.
    let empty = (part.is_optional() || part.default().is_none()).then(|| {
        FieldOption::new(
            "",
            if part.is_optional() {
                "Not set"
            } else {
                "Choose…"
            },
        )
    });
    let choices = choices
        .iter()
        .map(|choice| FieldOption::new(choice.sent(), choice.label()));
    Field::select(name, label, empty.into_iter().chain(choices).collect())
}

fn text_field(
    node: &SchemaNode<'_>,
    name: &str,
    label: &str,
    value: &str,
    hint: &mut Option<String>,
) -> Field {
    let longest = node.count("maxLength");
    let field = match node.format() {
        "email" => Field::email(name, label),
        "uri" | "url" => Field::url(name, label),
        "date" => Field::date(name, label),
        "date-time" if value.is_empty() || datetime::from_field(value).is_some() => {
            *hint = Some(
                hint.take()
                    .map_or_else(|| "In UTC".to_owned(), |hint| format!("{hint} (UTC)")),
            );
            Field::date_time(name, label).step("any")
        }
        "partial-date-time" => Field::date_time(name, label).step("any"),
        "time" | "partial-time" => Field::time(name, label).step("any"),
        "uuid" => Field::text(name, label).placeholder("00000000-0000-0000-0000-000000000000"),
        "textarea" => Field::textarea(name, label),
        _ if value.contains('\n') || longest.is_some_and(|longest| longest > 200) => {
            Field::textarea(name, label)
        }
        _ => Field::text(name, label),
    };
    let field = match node.text("pattern") {
        Some(pattern) => field.pattern(pattern),
        None => field,
    };
    match longest {
        Some(longest) => field.max_length(longest),
        None => field,
    }
}

const MINIMUM: (&str, &str, i64) = ("minimum", "exclusiveMinimum", 1);
const MAXIMUM: (&str, &str, i64) = ("maximum", "exclusiveMaximum", -1);

/// Returns the minimum or maximum; an exclusive bound on an integer becomes the adjacent integer.
fn bound(
    node: &SchemaNode<'_>,
    whole: bool,
    (key, excluded, step): (&str, &str, i64),
) -> Option<String> {
    if let Some(bound) = node.get(key).filter(|bound| bound.is_number()) {
        return Some(bound.to_string());
    }
    let bound = node.get(excluded)?;
    match bound.as_i64() {
        Some(bound) if whole => bound.checked_add(step).map(|bound| bound.to_string()),
        _ => bound.is_number().then(|| bound.to_string()),
    }
}

fn is_plain(part: &Part<'_>) -> bool {
    !matches!(
        part.shape,
        Shape::Object(_) | Shape::List { .. } | Shape::Map { .. } | Shape::Variants(_)
    )
}

/// Converts "Recipients" to "Recipient".
fn singular(label: &str) -> String {
    if let Some(stem) = label.strip_suffix("ies") {
        return format!("{stem}y");
    }
    if label.ends_with("ss") {
        return label.to_owned();
    }
    label.strip_suffix('s').unwrap_or(label).to_owned()
}

fn lower_first(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    text
}

/// Capitalizes the first character of a message.
fn sentence(message: &str) -> String {
    let mut text = message.to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}
