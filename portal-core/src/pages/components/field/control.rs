use maud::{Markup, PreEscaped, Render, html};

use super::{ControlKind, Field};
use crate::pages::components::icon;

impl Field {
    fn described_by(&self) -> Option<String> {
        let parts = [
            (self.hint.is_some(), "hint"),
            (self.error.is_some(), "error"),
        ];
        let ids: Vec<String> = parts
            .iter()
            .filter(|(there, _)| *there)
            .map(|(_, part)| format!("{}-{part}", self.id))
            .collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    fn notes(&self) -> Markup {
        html! {
            @if let Some(hint) = &self.hint { p class="pt-hint" id={ (self.id) "-hint" } { (hint) } }
            @if let Some(error) = &self.error {
                p class="pt-error" id={ (self.id) "-error" } { (icon("circle-alert")) span { (error) } }
            }
        }
    }

    fn control(&self) -> Markup {
        let described_by = self.described_by();
        let invalid = self.error.as_ref().map(|_| "true");
        match &self.kind {
            ControlKind::Input(kind) => {
                let value = (!matches!(*kind, "password" | "file") && !self.value.is_empty())
                    .then_some(&self.value);
                let described_by = match (&self.suffix, described_by) {
                    (None, notes) => notes,
                    (Some(_), None) => Some(format!("{}-unit", self.id)),
                    (Some(_), Some(notes)) => Some(format!("{}-unit {notes}", self.id)),
                };
                let input = html! {
                    input class="pt-input" type=(kind) id=(self.id) name=(self.name) value=[value]
                        placeholder=[&self.placeholder] autocomplete=[self.autocomplete] pattern=[&self.pattern]
                        min=[&self.min] max=[&self.max] step=[&self.step] maxlength=[self.max_length]
                        aria-describedby=[described_by] aria-invalid=[invalid]
                        required[self.required] disabled[self.disabled] readonly[self.read_only] autofocus[self.autofocus];
                };
                if self.icon.is_none() && self.suffix.is_none() {
                    return input;
                }
                html! {
                    span class="pt-affix" data-icon[self.icon.is_some()] {
                        @if let Some(name) = &self.icon { (icon(name)) }
                        (input)
                        @if let Some(unit) = &self.suffix { span id={ (self.id) "-unit" } { (unit) } }
                    }
                }
            }
            ControlKind::Area { rows, mono } => html! {
                textarea class="pt-input" id=(self.id) name=(self.name) rows=(rows) data-mono[*mono] spellcheck=[mono.then_some("false")]
                    placeholder=[&self.placeholder] maxlength=[self.max_length]
                    aria-describedby=[described_by] aria-invalid=[invalid]
                    required[self.required] disabled[self.disabled] readonly[self.read_only] autofocus[self.autofocus] {
                    // HTML parsers drop one leading line break, so this one keeps a line break at
                    // the start of the value.
                    (PreEscaped("\n")) (self.value)
                }
            },
            ControlKind::Select(options) => html! {
                span class="pt-select" {
                    select class="pt-input" id=(self.id) name=(self.name) aria-describedby=[described_by] aria-invalid=[invalid]
                        required[self.required] disabled[self.disabled || self.read_only] autofocus[self.autofocus] {
                        @for option in options {
                            option value=(option.value) selected[option.value == self.value] { (option.label) }
                        }
                    }
                    (icon("chevron-down"))
                }
            },
            ControlKind::Radio(options) => html! {
                @for (at, option) in options.iter().enumerate() {
                    @let id = if at == 0 { self.id.clone() } else { format!("{}-{at}", self.id) };
                    @let hint_id = option.hint.as_ref().map(|_| format!("{id}-about"));
                    div class="pt-check" {
                        input type="radio" id=(id) name=(self.name) value=(option.value) aria-describedby=[&hint_id]
                            checked[option.value == self.value] required[self.required] disabled[self.disabled || self.read_only];
                        label for=(id) { (option.label) }
                        @if let Some(hint) = &option.hint { p class="pt-hint" id=[&hint_id] { (hint) } }
                    }
                }
            },
            ControlKind::Checkbox { switch } => html! {
                input type="checkbox" data-mixed[self.indeterminate] role=[switch.then_some("switch")] id=(self.id) name=(self.name) value="true"
                    aria-describedby=[described_by] aria-invalid=[invalid] checked[self.checked]
                    required[self.required] disabled[self.disabled || self.read_only] autofocus[self.autofocus];
            },
        }
    }
}

impl Render for Field {
    fn render(&self) -> Markup {
        if let ControlKind::Checkbox { .. } = self.kind {
            return html! {
                div class="pt-check" { (self.control()) label for=(self.id) { (self.label) } (self.notes()) }
            };
        }
        let label = html! {
            (self.label)
            @if self.required { " " span class="pt-req" aria-hidden="true" { "*" } }
        };
        if let ControlKind::Radio(_) = self.kind {
            return html! {
                fieldset class="pt-field pt-radios" aria-describedby=[self.described_by()] {
                    legend class="pt-legend" { (label) }
                    (self.control())
                    (self.notes())
                }
            };
        }
        html! {
            div class="pt-field" {
                label for=(self.id) { (label) }
                (self.control())
                (self.notes())
            }
        }
    }
}
