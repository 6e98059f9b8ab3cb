//! The form on the sign-in page.

use maud::{Markup, html};
use portal_core::auth::SignIn;
use portal_core::pages::components::{Banner, Button, Field, Tone};

use super::routes::{MAX_EMAIL, MAX_NAME};

pub(crate) fn sign_in(page: &SignIn<'_>) -> Markup {
    let label = if page.sign_up {
        "Create an account"
    } else {
        "Sign in"
    };
    html! {
        div class="pt-stack" {
        (Banner::new(Tone::Warning, "Any address is let in, without a password. Set Clerk's keys to turn this off.")
            .title("For development only."))
        form class="pt-form" method="post" action={ (page.base_path) "/dev/sign-in" } {
            input type="hidden" name="redirect_url" value=(page.return_to);
            (Field::email("email", "E-mail address").required(true).max_length(MAX_EMAIL).autofocus())
            (Field::text("first_name", "First name").autocomplete("given-name").max_length(MAX_NAME))
            (Field::text("last_name", "Last name").autocomplete("family-name").max_length(MAX_NAME))
            (Button::new(label).solid().submit().wide())
        }
        }
    }
}
