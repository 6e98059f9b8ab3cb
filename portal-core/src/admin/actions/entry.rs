//! Buttons and menus that start actions.

use maud::{Markup, Render, html};

use super::super::list_url::ListUrl;
use super::super::model_view::ModelView;
use super::super::selection::{ALL, KEY, SELECT};
use super::definition::{ActionTarget, AdminAction};
use crate::pages::Href;
use crate::pages::components::{BulkBar, Button, Menu, Tone};

/// Id of the form that the buttons of menus submit. Buttons in another form cannot contain one.
const FORM: &str = "start-action";

/// Returns the actions that are offered to the user for a target.
fn offered<'a>(
    model: &ModelView<'a>,
    target: ActionTarget,
) -> impl Iterator<Item = &'a AdminAction> {
    let actions = model.actions();
    actions.filter(move |action| action.is_offered_for(target))
}

/// Returns `true` if the user can run an action on selected rows.
pub(in super::super) fn may_select(model: &ModelView<'_>) -> bool {
    offered(model, ActionTarget::Many).next().is_some()
}

/// Returns `true` if the user can run an action on all rows that match, after selecting rows.
pub(in super::super) fn may_select_all(model: &ModelView<'_>) -> bool {
    let mut actions = offered(model, ActionTarget::Many);
    actions.any(|action| action.is_offered_for(ActionTarget::All))
}

/// Renders the form that the menus of a page submit, if there are any. It must not be part of
/// another form.
pub(in super::super) fn form(model: &ModelView<'_>) -> Markup {
    html! {
        @if model.actions().next().is_some() { form method="post" id=(FORM) {} }
    }
}

/// Renders the menu with the actions on one row. The page must contain the [`form`].
pub(in super::super) fn row_menu(
    model: &ModelView<'_>,
    id: &str,
    (key, label): (&str, &str),
    list: &ListUrl,
) -> Option<Menu> {
    let label = format!("Actions for {label}");
    menu(
        model,
        ActionTarget::One,
        Menu::new(id, label),
        (KEY, key),
        list,
    )
}

/// Renders the menu with the actions on all rows that match the list. The page must contain the
/// [`form`].
pub(in super::super) fn list_menu(model: &ModelView<'_>, list: &ListUrl) -> Option<Menu> {
    let menu = Menu::new("list-actions", "Actions on all rows that match");
    self::menu(model, ActionTarget::All, menu, (SELECT, ALL), list)
}

fn menu(
    model: &ModelView<'_>,
    target: ActionTarget,
    menu: Menu,
    (name, value): (&str, &str),
    list: &ListUrl,
) -> Option<Menu> {
    let mut actions = offered(model, target).peekable();
    actions.peek()?;
    Some(actions.fold(menu, |menu, action| {
        let tone = if action.is_danger {
            Tone::Danger
        } else {
            Tone::Neutral
        };
        let url = Href::from(list.below(&confirm_path(action)));
        menu.submit(
            icon(action),
            &label(action, target),
            FORM,
            url,
            (name, value),
            tone,
        )
    }))
}

/// Returns the bar with the actions on selected rows. `delete` is the URL of the form that deletes
/// them, if the user may do so.
pub(in super::super) fn bulk_bar(
    model: &ModelView<'_>,
    form: &str,
    delete: Option<String>,
    list: &ListUrl,
) -> BulkBar {
    let button = |label: String, icon: &'static str, url: &str| {
        let button = Button::new(label).size(1).icon(icon).submit();
        let url = Href::from(url).to_string();
        button.attribute("formaction", url).render()
    };
    let mut buttons = Vec::new();
    for action in offered(model, ActionTarget::Many) {
        let url = list.below(&confirm_path(action));
        let markup = button(label(action, ActionTarget::Many), icon(action), &url);
        buttons.push((url, markup));
    }
    if let Some(url) = delete {
        let markup = button("Delete…".to_owned(), "trash-2", &url);
        buttons.push((url, markup));
    }
    // Every button has its own URL; that of the form is never used.
    let first = buttons.first().map_or("", |(url, _)| url.as_str());
    let bar = BulkBar::new(form, first.to_owned(), html! {});
    buttons
        .into_iter()
        .fold(bar, |bar, (_, button)| bar.action(button))
}

fn confirm_path(action: &AdminAction) -> String {
    format!("actions/{}/confirm", action.name)
}

fn icon(action: &AdminAction) -> &'static str {
    if action.is_danger {
        "triangle-alert"
    } else {
        "zap"
    }
}

/// Returns the label of a button, which ends with `…` if a form follows.
fn label(action: &AdminAction, target: ActionTarget) -> String {
    let is_direct = action.runs_directly() && target != ActionTarget::All;
    format!("{}{}", action.title, if is_direct { "" } else { "…" })
}
