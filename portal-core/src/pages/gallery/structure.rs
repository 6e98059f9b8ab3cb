use maud::{Markup, html};

use super::example::{Section, example};
use crate::pages::components::{
    Button, Card, Tab, Tone, badge, breadcrumb, divider, icon, icon_names, logo, segmented_links,
    sized_icon, tabs,
};

pub(super) fn sections() -> Vec<Section> {
    vec![
        Section::new(
            "page-head",
            "Page head",
            "Breadcrumb, title, one main action, and tabs. Use it once per page; here its parts are shown, because this page already has one.",
            vec![
                example!(
                    "Breadcrumb",
                    breadcrumb(
                        &[("Admin", "#page-head"), ("Users", "#page-head")],
                        "Ada Lovelace"
                    )
                ),
                example!(
                    "Tabs: links to the parts of a page",
                    tabs(
                        "Parts of the settings",
                        &[
                            Tab::new("General", "#page-head", true),
                            Tab::new("Members", "#page-head", false),
                            Tab::new("Billing", "#page-head", false)
                        ]
                    )
                ),
                example!(
                    "Segmented links: views of the same data",
                    segmented_links(
                        "Range",
                        &[
                            Tab::new("7 days", "#page-head", false),
                            Tab::new("30 days", "#page-head", true)
                        ]
                    )
                ),
                code_only(),
            ],
        ),
        Section::new(
            "card",
            "Card",
            "A surface with a title, at most one action, a body and an optional footer.",
            vec![
                example!(
                    "All parts",
                    Card::new()
                        .title("Profile")
                        .description("Visible to other users.")
                        .actions(Button::new("Edit").size(1))
                        .body(html! { p { "Ada Lovelace, London" } })
                        .footer("Changed yesterday")
                ),
                example!(
                    "Body only",
                    Card::new().body(html! { p { "Short and quiet." } })
                ),
            ],
        ),
        Section::new(
            "divider",
            "Divider",
            "A line between two groups, with optional text.",
            vec![
                example!("Plain", divider("")),
                example!("With text", divider("or")),
            ],
        ),
        Section::new(
            "icon",
            "Icon",
            "Lucide icons, inlined. The text next to them carries the meaning.",
            vec![
                example!(
                    "Sizes",
                    html! { (icon("user")) (sized_icon("user", 2)) (sized_icon("user", 3)) }
                ),
                example!("Logo", logo()),
                example!("All icons", all_icons()),
            ],
        ),
    ]
}

fn all_icons() -> Markup {
    html! {
        ul class="pt-icons" { @for name in icon_names() { li { (sized_icon(name, 2)) span { (name) } } } }
    }
}

/// Shows only the code: a second page head would add a second `h1`.
fn code_only() -> super::example::Example {
    super::example::Example::new(
        "Complete",
        "PageHead::new(\"Users\").crumb(\"Admin\", \"/admin/overview\").description(\"Everyone who can sign in.\").actions(Button::new(\"Invite\").solid().icon(\"user-plus\"))",
        html! { p class="pt-muted" { "See the top of this page. " (badge("One h1 per page", Tone::Neutral)) } },
    )
}
