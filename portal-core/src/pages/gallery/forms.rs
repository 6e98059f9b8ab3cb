use maud::html;

use super::PATH;
use super::example::{Section, example};
use crate::pages::components::{Button, Combobox, Field, FieldOption, ThemePicker, segmented};
use crate::pages::theme::{Theme, ThemeChoice};

fn plans() -> Vec<FieldOption> {
    vec![
        FieldOption::new("free", "Free").hint("Up to three people"),
        FieldOption::new("team", "Team").hint("Up to fifty people"),
        FieldOption::new("firm", "Enterprise").hint("Unlimited"),
    ]
}

pub(super) fn sections() -> Vec<Section> {
    let people = format!("{PATH}/options");
    vec![
        fields(),
        choices(),
        Section::new(
            "combobox",
            "Combobox",
            "One of more choices than fit into a list, such as a reference to a record. The server is queried 250 ms after the last keystroke; without JavaScript it is a select or a text field.",
            vec![
                example!(
                    "All choices in the page",
                    Combobox::new("g-plan", "Plan")
                        .options(plans())
                        .value("team", "Team")
                ),
                example!(
                    "Searched on the server, clearable, offers to create a missing choice",
                    Combobox::new("g-owner", "Owner")
                        .source(people.as_str())
                        .value("1", "Grace Lovelace")
                        .clearable()
                        .create("?name=")
                        .hint("Type a name")
                ),
                example!(
                    "Invalid",
                    Combobox::new("g-payer", "Payer")
                        .source(people.as_str())
                        .error(Some("Choose an active user."))
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
            "The six settings of the user's theme, applied and saved at once.",
            vec![example!(
                "As on the theme settings page",
                ThemePicker::new(
                    "/theme",
                    ThemeChoice::from(Theme::default()),
                    Theme::default()
                )
            )],
        ),
    ]
}

fn fields() -> Section {
    Section::new(
        "field",
        "Field",
        "Label above, hint below, error below the hint with an icon and text. A placeholder is an example, never the label.",
        vec![
            example!(
                "Text",
                Field::text("g-name", "Name").placeholder("Ada Lovelace")
            ),
            example!(
                "With a hint",
                Field::email("g-email", "E-mail")
                    .hint("Used for messages that need your attention.")
            ),
            example!("Required", Field::text("g-title", "Title").required(true)),
            example!(
                "Invalid",
                Field::text("g-slug", "Path")
                    .value("my page")
                    .error(Some("Use letters, digits and dashes only."))
            ),
            example!(
                "Read-only: submitted, not editable",
                Field::text("g-id", "ID")
                    .value("usr_7f3a91")
                    .read_only(true)
            ),
            example!(
                "Disabled: neither submitted nor editable",
                Field::text("g-off", "Invoice number")
                    .value("2026-0042")
                    .disabled(true)
            ),
            example!(
                "Unit",
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
                    (Field::date_time("g-at", "Date and time").value("2026-11-23T08:30"))
                }
            ),
            example!(
                "Password",
                html! {
                    // Browsers expect a form around a password field, to offer to save the password.
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
                "Multiple lines",
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
        "A checkbox is saved with its form; a switch takes effect immediately. Use radio buttons for up to six choices, and a select for more.",
        vec![
            example!(
                "Checkbox",
                Field::checkbox("g-mail", "Send me a summary")
                    .checked(true)
                    .hint("Every Monday.")
            ),
            example!(
                "Indeterminate",
                Field::checkbox("g-some", "All regions").indeterminate()
            ),
            example!(
                "Invalid",
                Field::checkbox("g-terms", "I agree to the terms")
                    .error(Some("Agree to the terms to continue."))
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
                Field::switch("g-switch", "Maintenance").hint("Only administrators have access.")
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
