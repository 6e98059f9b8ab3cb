use maud::html;

use super::example::{Section, example};
use crate::pages::components::{Button, Menu, Tone, copy_button, kbd, tooltip};

pub(super) fn sections() -> Vec<Section> {
    vec![
        Section::new(
            "button",
            "Button",
            "For actions on this page; links to other pages can look like buttons. Use one solid button per view, and danger only for destructive actions.",
            vec![
                example!(
                    "Solid: the main action of the view",
                    Button::new("Save changes").solid()
                ),
                example!("Soft", Button::new("Add to list").soft().icon("plus")),
                example!(
                    "Outline: any other action",
                    Button::new("Export").icon("download")
                ),
                example!(
                    "Ghost: an action inside a row or toolbar",
                    Button::new("Cancel").ghost()
                ),
                example!(
                    "Danger",
                    Button::new("Delete user").danger().icon("trash-2")
                ),
                example!(
                    "Sizes",
                    html! {
                        (Button::new("Small").size(1)) (Button::new("Medium")) (Button::new("Large").size(3))
                    }
                ),
                example!(
                    "Icon only: the label is for screen readers",
                    Button::icon_only("refresh-cw", "Refresh")
                ),
                example!(
                    "Busy: keeps its width, shows a spinner after 300 ms",
                    html! {
                        (Button::new("Saving").solid().busy(true)) (Button::new("Loading").busy(true))
                    }
                ),
                example!(
                    "Disabled: explain the reason nearby",
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
            "Actions on one item that need no separate buttons. Opens without JavaScript; Esc closes it.",
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
            "A short description of a control, on hover and focus. Do not put essential information only here. Esc hides it.",
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
            "Keyboard shortcuts of a control. Press ? on any page to see all shortcuts.",
            vec![
                example!("A combination", kbd("Ctrl K")),
                example!("A sequence", html! { (kbd("G")) " then " (kbd("O")) }),
            ],
        ),
        Section::new(
            "copy",
            "Copy button",
            "Copies a value; shows \"Copied\" for two seconds and announces it to screen readers. Hidden where scripts do not run.",
            vec![example!(
                "An ID",
                html! { code { "tok_7f3a" } " " (copy_button("tok_7f3a")) }
            )],
        ),
    ]
}
