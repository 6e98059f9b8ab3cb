//! A form: a struct with validation rules, the rendered form with its errors, and a redirect.

use axum::http::StatusCode;
use garde::Validate;
use portal_core::pages::components::{Button, Field, PageHead};
use portal_core::prelude::*;
use serde::Deserialize;

#[derive(Deserialize, Validate)]
pub(crate) struct Booking {
    #[garde(length(chars, min = 1, max = 60))]
    boat: String,
    #[garde(range(min = 1, max = 14))]
    nights: u8,
    #[garde(range(min = 2.0, max = 25.0))]
    meters: f64,
    /// Browsers do not submit unchecked checkboxes, so this needs a default.
    #[serde(default)]
    #[garde(skip)]
    electricity: bool,
}

fn form(state: &FormState) -> Markup {
    html! {
        (PageHead::new("Book a berth"))
        form method="post" class="pt-form" {
            (state.banner())
            (Field::text("boat", "Boat").required(true).state(state))
            (Field::number("nights", "Nights").value("1").required(true).state(state))
            (Field::number("meters", "Length").suffix("m").step("any").required(true).state(state))
            (Field::checkbox("electricity", "Electricity").state(state))
            div class="pt-form-actions" { (Button::new("Book berth").solid().submit()) }
        }
    }
}

/// Book a berth
#[page("/berths/book")]
pub(crate) async fn book() -> Markup {
    form(&FormState::default())
}

/// Book a berth
#[page("/berths/book", method = post)]
pub(crate) async fn save_booking(input: FormInput<Booking>) -> Result<PageResponse> {
    let (booking, _) = match input.into_result() {
        Ok(valid) => valid,
        Err(state) => return Ok((StatusCode::UNPROCESSABLE_ENTITY, form(&state)).into_page()),
    };
    let Booking {
        boat,
        nights,
        meters,
        electricity,
    } = booking;
    let power = if electricity { "with" } else { "without" };
    let text =
        format!("Berth booked for {boat} ({meters} m), {nights} nights, {power} electricity");
    Ok(Flash::success(text).redirect("/berths").into_page())
}
