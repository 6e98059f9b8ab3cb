//! The form on the sign-in page.

use maud::{Markup, html};
use portal_core::auth::SignIn;

use super::routes::MAX_NAME;

pub(crate) fn sign_in(page: &SignIn<'_>) -> Markup {
    let label = if page.sign_up {
        "Create an account"
    } else {
        "Sign in"
    };
    html! {
        div class="banner" role="note" {
            "For development only: any address is let in, without a password. "
            "Set Clerk's keys to turn this off."
        }
        form method="post" action={ (page.base_path) "/dev/sign-in" } {
            input type="hidden" name="redirect_url" value=(page.return_to);
            p {
                label for="email" { "E-mail address" }
                input id="email" name="email" type="email" required autocomplete="email" autofocus maxlength="254";
            }
            p {
                label for="first_name" { "First name" }
                input id="first_name" name="first_name" type="text" autocomplete="given-name" maxlength=(MAX_NAME);
            }
            p {
                label for="last_name" { "Last name" }
                input id="last_name" name="last_name" type="text" autocomplete="family-name" maxlength=(MAX_NAME);
            }
            button type="submit" class="btn btn-primary" { (label) }
        }
    }
}
