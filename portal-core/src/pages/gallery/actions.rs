use maud::html;

use super::example::{Section, example};
use crate::pages::components::{Button, Menu, Tone, copy_button, kbd, tooltip};

pub(super) fn sections() -> Vec<Section> {
    vec![
        Section::new(
            "button",
            "Button",
            "For what happens on this page; a link that looks like one leads elsewhere. One solid button a view, danger only where something is destroyed.",
            vec![
                example!(
                    "Solid: the one thing this view is for",
                    Button::new("Save changes").solid()
                ),
                example!("Soft", Button::new("Add to list").soft().icon("plus")),
                example!(
                    "Outline: everything else",
                    Button::new("Export").icon("download")
                ),
                example!(
                    "Ghost: part of a row or toolbar",
                    Button::new("Cancel").ghost()
                ),
                example!(
                    "Danger",
                    Button::new("Delete user").danger().icon("trash-2")
                ),
                example!(
                    "Sizes",
                    html! {
                        (Button::new("Small").size(1)) (Button::new("Usual")) (Button::new("Large").size(3))
                    }
                ),
                example!(
                    "Icon alone: the label is for screen readers",
                    Button::icon_only("refresh-cw", "Refresh")
                ),
                example!(
                    "Busy: keeps its width, shows a spinner after 300 ms",
                    html! {
                        (Button::new("Saving").solid().busy(true)) (Button::new("Loading").busy(true))
                    }
                ),
                example!(
                    "Disabled: say nearby why",
                    html! {
                        (Button::new("Save changes").solid().disabled(true)) (Button::new("Export").disabled(true))
                    }
                ),
                example!(
                    "A link",
                    Button::new("Read the guide")
                        .href("#button")
                        .icon_end("arrow-right")
                ),
            ],
        ),
        Section::new(
            "menu",
            "Menu",
            "Actions on one thing that need no place of their own. Opens without JavaScript; Esc closes it.",
            vec![example!(
                "Links, forms, dialogs and a divider",
                Menu::new("g-menu", "Actions for Ada")
                    .link("pencil", "Edit", "#menu")
                    .post("copy", "Duplicate", "#menu", html! {}, Tone::Neutral)
                    .divider()
                    .dialog("trash-2", "Delete…", "g-confirm", Tone::Danger)
            )],
        ),
        Section::new(
            "tooltip",
            "Tooltip",
            "A word or two more about a control, on hover and focus. Never the only copy of what it says. Esc hides it.",
            vec![example!(
                "On a button",
                tooltip(
                    "g-tip",
                    "All columns, as CSV",
                    Button::new("Export").attribute("aria-describedby", "g-tip")
                )
            )],
        ),
        Section::new(
            "kbd",
            "Keys",
            "Which keys do the same as a control. Press ? on any page for all of them.",
            vec![
                example!("A combination", kbd("Ctrl K")),
                example!(
                    "One after the other",
                    html! { (kbd("G")) " then " (kbd("O")) }
                ),
            ],
        ),
        Section::new(
            "copy",
            "Copy button",
            "Copies a value; says \"Copied\" for two seconds, aloud as well. Hidden where scripts do not run.",
            vec![example!(
                "An id",
                html! { code { "tok_7f3a" } " " (copy_button("tok_7f3a")) }
            )],
        ),
    ]
}
