//! The form on the sign-in page.

use maud::{Markup, html};
use portal_core::FieldError;
use portal_core::auth::SignInPage;
use portal_core::pages::components::{Banner, Button, Field, Tone};

use super::DevUser;
use super::routes::{MAX_EMAIL, MAX_NAME};
use crate::query;

pub(crate) fn sign_in(page: &SignInPage<'_>) -> Markup {
    let label = if page.sign_up {
        "Create an account"
    } else {
        "Sign in"
    };
    let given = |name: &str| query::value(page.query, name).unwrap_or_default();
    let (email, first_name, last_name) = (given("email"), given("first_name"), given("last_name"));
    // If the form was rejected, the page shows it again and revalidates its fields to obtain the
    // errors.
    let errors = match query::has(page.query, "checked") {
        true => DevUser::of_form(&email, &first_name, &last_name).err(),
        false => None,
    };
    let errors = errors.unwrap_or_default();
    let field = |field: Field, name: &str, value: &str| {
        let field = field.value(value).error(message(&errors, name));
        match errors.first() {
            Some(first) if first.pointer == format!("/{name}") => field.autofocus(),
            None if name == "email" => field.autofocus(),
            _ => field,
        }
    };
    let name = |name: &str, label: &str| {
        let field = Field::text(name, label).max_length(MAX_NAME);
        if page.sign_up {
            field
        } else {
            field.placeholder("Optional")
        }
    };
    html! {
        div class="pt-stack" {
            form class="pt-form" method="post" action={ (page.base_path) "/dev/sign-in" } {
                input type="hidden" name="redirect_url" value=(page.return_to);
                @if page.sign_up { input type="hidden" name="sign_up" value="true"; }
                (field(Field::email("email", "E-mail address").required(true).max_length(MAX_EMAIL), "email", &email))
                div class="pt-pair" {
                    (field(name("first_name", "First name").autocomplete("given-name"), "first_name", &first_name))
                    (field(name("last_name", "Last name").autocomplete("family-name"), "last_name", &last_name))
                }
                (Button::new(label).solid().size(3).submit().wide())
            }
            (Banner::new(Tone::Warning, "Anyone can sign in with any e-mail address, without a password. Set Clerk's keys to turn this off.")
                .title("For development only"))
        }
    }
}

/// Returns the error for a field as a sentence.
fn message(errors: &[FieldError], name: &str) -> Option<String> {
    let pointer = format!("/{name}");
    let error = errors.iter().find(|error| error.pointer == pointer)?;
    let mut message = error.message.to_string();
    if let Some(first) = message.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    Some(message + ".")
}
