use maud::html;

use super::PATH;
use super::example::{Section, example};
use crate::pages::components::{Button, Combobox, Field, FieldOption, segmented, theme_picker};
use crate::pages::theme::Theme;

fn plans() -> Vec<FieldOption> {
    vec![
        FieldOption::new("free", "Free").hint("Up to three people"),
        FieldOption::new("team", "Team").hint("Up to fifty people"),
        FieldOption::new("firm", "Enterprise").hint("As many as there are"),
    ]
}

pub(super) fn sections(base: &str) -> Vec<Section> {
    let people = format!("{base}{PATH}/options");
    vec![
        fields(),
        choices(),
        Section::new(
            "combobox",
            "Combobox",
            "One of more choices than fit into a list, such as a reference to a record. The server is asked 250 ms after the last key; without JavaScript it is a select or a text field.",
            vec![
                example!(
                    "All choices in the page",
                    Combobox::new("g-plan", "Plan")
                        .options(plans())
                        .value("team", "Team")
                ),
                example!(
                    "Searched on the server, can be cleared, offers to make what is missing",
                    Combobox::new("g-owner", "Owner")
                        .source(people.as_str())
                        .value("1", "Grace Lovelace")
                        .clearable()
                        .create("?name=")
                        .hint("Type a name")
                ),
                example!(
                    "Wrong",
                    Combobox::new("g-payer", "Who pays")
                        .source(people.as_str())
                        .error(Some("Choose someone who is active."))
                        .required(true)
                ),
                example!(
                    "Disabled",
                    Combobox::new("g-fixed", "Owner")
                        .options(plans())
                        .disabled(true)
                ),
            ],
        ),
        Section::new(
            "theme-picker",
            "Theme picker",
            "The six settings of the reader's theme, seen and saved at once.",
            vec![example!(
                "As on the page for app settings",
                theme_picker(&Theme::default(), &format!("{base}/theme"), html! {})
            )],
        ),
    ]
}

fn fields() -> Section {
    Section::new(
        "field",
        "Field",
        "Label above, hint below, error below that with an icon and words. A placeholder is an example, never the label.",
        vec![
            example!(
                "Text",
                Field::text("g-name", "Name").placeholder("Ada Lovelace")
            ),
            example!(
                "With a hint",
                Field::email("g-email", "E-mail").hint("We write when something needs you.")
            ),
            example!("Required", Field::text("g-title", "Title").required(true)),
            example!(
                "Wrong",
                Field::text("g-slug", "Address")
                    .value("my page")
                    .error(Some("Letters, digits and dashes only."))
            ),
            example!(
                "Read-only: sent, not changed",
                Field::text("g-id", "ID")
                    .value("usr_7f3a91")
                    .read_only(true)
            ),
            example!(
                "Disabled: neither",
                Field::text("g-off", "Invoice number")
                    .value("2026-0042")
                    .disabled(true)
            ),
            example!(
                "Icon and unit",
                Field::number("g-price", "Price")
                    .value("12.50")
                    .step("any")
                    .suffix("EUR")
            ),
            example!(
                "Search",
                Field::search("g-search", "Search").placeholder("Search people")
            ),
            example!(
                "Number, date, time",
                html! {
                    (Field::number("g-seats", "Seats").range(Some("1".into()), Some("50".into())).value("3"))
                    (Field::date("g-day", "Day").value("2026-11-23")) (Field::time("g-time", "Time").value("08:30"))
                    (Field::date_time("g-at", "Moment").value("2026-11-23T08:30"))
                }
            ),
            example!(
                "Password",
                html! {
                    // Browsers look for the form of a password, to keep it.
                    form class="pt-form" method="dialog" {
                        (Field::email("g-login", "E-mail").autocomplete("username"))
                        (Field::password("g-word", "Password").autocomplete("new-password"))
                    }
                }
            ),
            example!(
                "File",
                Field::file("g-file", "Picture").hint("PNG or JPEG, at most 1 MB")
            ),
            example!(
                "Several lines",
                Field::textarea("g-note", "Note").placeholder("What should the team know?")
            ),
            example!(
                "JSON, YAML",
                Field::code("g-code", "Settings").value("retries: 3\nqueue: mail")
            ),
            example!(
                "Select",
                Field::select("g-select", "Plan", plans()).value("team")
            ),
        ],
    )
}

fn choices() -> Section {
    Section::new(
        "choice",
        "Checkbox, radio, switch",
        "A checkbox is saved with its form, a switch takes effect at once. Radio buttons show up to six choices; more belong into a select.",
        vec![
            example!(
                "Checkbox",
                Field::checkbox("g-mail", "Send me a summary")
                    .checked(true)
                    .hint("Every Monday.")
            ),
            example!(
                "Neither yes nor no",
                Field::checkbox("g-some", "All regions").indeterminate()
            ),
            example!(
                "Wrong",
                Field::checkbox("g-terms", "I agree to the terms")
                    .error(Some("This has to be agreed to."))
            ),
            example!(
                "Disabled",
                Field::checkbox("g-fixed-box", "Two-factor sign-in")
                    .checked(true)
                    .disabled(true)
            ),
            example!(
                "Radio group",
                Field::radio("g-radio", "Plan", plans()).value("team")
            ),
            example!(
                "Switch",
                Field::switch("g-switch", "Maintenance").hint("Only administrators get in.")
            ),
            example!(
                "Switch, on",
                Field::switch("g-switch-on", "Beta features").checked(true)
            ),
            example!(
                "Segmented: a few short choices",
                segmented(
                    "Range",
                    "g-range",
                    &[("7", "7 days"), ("30", "30 days"), ("90", "90 days")],
                    "30"
                )
            ),
            example!(
                "A form",
                html! {
                    form class="pt-form" {
                        (Field::text("g-form-name", "Name").required(true)) (Field::checkbox("g-form-on", "Active").checked(true))
                        div class="pt-form-actions" { (Button::new("Create").solid().submit()) (Button::new("Cancel")) }
                    }
                }
            ),
        ],
    )
}
