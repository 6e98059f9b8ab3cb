use maud::html;

use super::example::{Section, example};
use crate::pages::components::{Button, Confirm, Conflict, Drawer, Field, Tab, tabs};

pub(super) fn sections() -> Vec<Section> {
    vec![
        Section::new(
            "drawer",
            "Drawer",
            "Edits one record without leaving its list. Warns before changes are lost; Esc or a click outside closes it. On a phone it fills the screen.",
            vec![
                example!(
                    "A form with a fixed footer",
                    html! {
                        (Button::new("Edit user").opens("g-drawer"))
                        (Drawer::new("g-drawer", "Edit user").description("ada@example.com")
                            .form("#drawer", html! {})
                            .body(html! { (Field::text("g-d-name", "Name").value("Ada Lovelace")) (Field::switch("g-d-on", "Active").checked(true)) })
                            .footer(Button::new("Save").solid().submit()))
                    }
                ),
                example!(
                    "With tabs: the record and its history",
                    html! {
                        (Button::new("Open record").opens("g-history"))
                        (Drawer::new("g-history", "Pro plan")
                            .tabs(tabs("Parts of the record", &[Tab::new("Record", "#drawer", false), Tab::new("History", "#drawer", true)]))
                            .body(html! { p { "Grace changed the price from 10 to 12." } }))
                    }
                ),
            ],
        ),
        Section::new(
            "conflict",
            "Conflict panel",
            "Someone else saved changes first. Both values of each field, and a choice; nothing is lost.",
            vec![example!(
                "Two fields differ",
                Conflict::new(
                    "Grace changed this 2 minutes ago. Choose the values to keep, then save again."
                )
                .field("price", "Price", "12", "15")
                .field("note", "Note", "For small teams", "")
            )],
        ),
        Section::new(
            "dialog",
            "Confirm",
            "Before a destructive action. The title names the item, the button names the action. To delete many items at once, the user must type a phrase.",
            vec![
                example!(
                    "One item",
                    html! {
                        (Button::new("Delete…").icon("trash-2").opens("g-confirm"))
                        (Confirm::new("g-confirm", "Delete “Ada Lovelace”?", "#dialog", "Delete user").text("Their tasks are deleted too. This cannot be undone."))
                    }
                ),
                example!(
                    "Many items",
                    html! {
                        (Button::new("Delete all…").icon("trash-2").opens("g-confirm-all"))
                        (Confirm::new("g-confirm-all", "Delete 1,204 orders?", "#dialog", "Delete orders").text("This cannot be undone.").type_to_confirm("delete 1204"))
                    }
                ),
            ],
        ),
    ]
}
