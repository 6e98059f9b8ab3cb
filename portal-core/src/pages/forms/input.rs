//! Extractor for submitted forms.

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use garde::Validate;
use serde::de::DeserializeOwned;

use super::state::FormState;
use super::values;
use crate::error::{Error, FieldError};
use crate::request::{body_bytes, escape_pointer, garde_errors, media_type};

/// Maximum number of fields in one form.
const MAX_FIELDS: usize = 1000;

/// Extractor for a form (`application/x-www-form-urlencoded`): a struct, or errors by field.
///
/// Errors are reported for malformed values (such as text in a number field), empty required fields
/// and violated `garde` rules.
///
/// Unlike axum's `Form`, it does not reject a form with invalid values: the handler renders the
/// form again, with the submitted values and the errors next to them.
///
/// Empty fields are `None` in an `Option`. Browsers do not send unchecked checkboxes, so they
/// require `#[serde(default)]`; so does a `Vec`, which collects all fields with the same name.
///
/// ```
/// use axum::http::StatusCode;
/// use portal_core::pages::components::{Button, Field};
/// use portal_core::prelude::*;
///
/// #[derive(serde::Deserialize, garde::Validate)]
/// struct Booking {
///     #[garde(length(chars, min = 1, max = 80))]
///     boat: String,
///     #[garde(range(min = 1, max = 14))]
///     nights: u8,
/// }
///
/// fn form(state: &FormState) -> Markup {
///     html! {
///         form method="post" class="pt-form" {
///             (state.banner())
///             (Field::text("boat", "Boat").required(true).state(state))
///             (Field::number("nights", "Nights").value("1").required(true).state(state))
///             (Button::new("Book").solid().submit())
///         }
///     }
/// }
///
/// /// Book a berth
/// #[page("/book")]
/// async fn book() -> Markup {
///     form(&FormState::default())
/// }
///
/// /// Book a berth
/// #[page("/book", method = post)]
/// async fn save_booking(input: FormInput<Booking>) -> Result<PageResponse> {
///     let (booking, _) = match input.into_result() {
///         Ok(valid) => valid,
///         Err(state) => return Ok((StatusCode::UNPROCESSABLE_ENTITY, form(&state)).into_page()),
///     };
///     let text = format!("{} is booked for {} nights", booking.boat, booking.nights);
///     Ok(Flash::success(text).redirect("/book").into_page())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct FormInput<T> {
    value: Option<T>,
    state: FormState,
}

impl<T> FormInput<T> {
    /// Returns the value with the submitted input, or the form state with its errors.
    ///
    /// # Errors
    ///
    /// Returns the state for rendering the form again if any value is invalid.
    pub fn into_result(self) -> Result<(T, FormState), FormState> {
        match self.value {
            Some(value) => Ok((value, self.state)),
            None => Err(self.state),
        }
    }

    /// Returns the submitted values with their errors.
    #[must_use]
    pub const fn state(&self) -> &FormState {
        &self.state
    }
}

impl<T: DeserializeOwned + Validate<Context = ()>> FormInput<T> {
    /// Decodes and validates the fields of a form.
    fn new(fields: Vec<(String, String)>) -> Self {
        let (value, mut errors) = values::read::<T>(&fields);
        let mut is_right = errors.is_empty();
        if let Some(value) = &value {
            for fault in garde_errors(value) {
                // A malformed field has a placeholder value, so its rule violations are
                // meaningless.
                let is_known = errors.iter().any(|it| it.pointer == fault.pointer);
                if !is_known {
                    is_right = false;
                    errors.push(fault);
                }
            }
        }
        for (name, text) in &fields {
            if text.contains('\0') || name.contains('\0') {
                is_right = false;
                let pointer = format!("/{}", escape_pointer(name));
                let message = "must not contain the character U+0000";
                errors.push(FieldError::new(pointer, "invalid_value", message));
            }
        }
        Self {
            value: value.filter(|_| is_right),
            state: FormState::submitted(fields, errors),
        }
    }
}

impl<T: DeserializeOwned + Validate<Context = ()>, S: Send + Sync> FromRequest<S> for FormInput<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        if media_type(request.headers()) != "application/x-www-form-urlencoded" {
            return Err(Error::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "send the form with `Content-Type: application/x-www-form-urlencoded`",
            ));
        }
        let bytes = body_bytes(request, state).await?;
        let mut pairs = url::form_urlencoded::parse(&bytes).into_owned();
        let fields: Vec<_> = pairs.by_ref().take(MAX_FIELDS).collect();
        if pairs.next().is_some() {
            return Err(Error::bad_request(format!(
                "a form has at most {MAX_FIELDS} fields"
            )));
        }
        Ok(Self::new(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize, garde::Validate)]
    struct Order {
        #[garde(length(min = 2))]
        name: String,
        #[garde(range(min = 1, max = 9))]
        seats: u32,
        #[garde(skip)]
        price: Option<f64>,
        #[serde(default)]
        #[garde(skip)]
        gift: bool,
        #[serde(default)]
        #[garde(inner(length(max = 3)))]
        tags: Vec<String>,
    }

    fn input(form: &str) -> FormInput<Order> {
        let fields = url::form_urlencoded::parse(form.as_bytes());
        FormInput::new(fields.into_owned().collect())
    }

    fn errors(form: &str) -> Vec<(String, String)> {
        let state = input(form).into_result().unwrap_err();
        let errors = state.errors().iter();
        errors
            .map(|it| (it.pointer.clone(), it.code.clone()))
            .collect()
    }

    #[test]
    fn valid_form_is_a_struct() {
        let form = "name=Ada&seats=+2+&price=&gift=true&tags=a&tags=b&button=save";
        let (order, state) = input(form).into_result().unwrap();
        let expected = Order {
            name: "Ada".to_owned(),
            seats: 2,
            price: None,
            gift: true,
            tags: vec!["a".to_owned(), "b".to_owned()],
        };
        assert_eq!(order, expected);
        assert_eq!(state.value("name"), Some("Ada"));
        let (order, _) = input("name=Ada&seats=2&price=1.5").into_result().unwrap();
        assert_eq!(
            (order.price, order.gift, order.tags.len()),
            (Some(1.5), false, 0)
        );
    }

    #[test]
    fn every_invalid_field_has_an_error() {
        let wrong = errors("name=x&seats=many&price=cheap&gift=perhaps&tags=a&tags=long");
        let pointers: Vec<_> = wrong.iter().map(|(pointer, _)| pointer.as_str()).collect();
        for pointer in ["/name", "/seats", "/price", "/gift", "/tags/1"] {
            assert!(
                pointers.contains(&pointer),
                "{pointer} is not in {pointers:?}"
            );
        }
        assert_eq!(pointers.len(), 5, "{pointers:?}");
        assert_eq!(
            errors("name=Ada&seats=10"),
            [("/seats".to_owned(), "invalid_value".to_owned())]
        );
        assert_eq!(
            errors("name=Ada"),
            [("/seats".to_owned(), "missing".to_owned())]
        );
        assert_eq!(
            errors("name=Ada&seats="),
            [("/seats".to_owned(), "missing".to_owned())]
        );
        assert_eq!(errors("name=A%00a&seats=2")[0].0, "/name");
    }

    #[test]
    fn error_of_a_number_states_its_range() {
        for (text, message) in [
            ("x", "Must be a whole number."),
            ("1.5", "Must be a whole number."),
            ("-1", "Must be a whole number from 0 to 4294967295."),
            ("4294967296", "Must be a whole number from 0 to 4294967295."),
        ] {
            let state = input(&format!("name=Ada&seats={text}"))
                .into_result()
                .unwrap_err();
            assert_eq!(state.error("seats").as_deref(), Some(message), "{text}");
            assert_eq!(state.value("seats"), Some(text));
        }
    }

    #[test]
    fn error_of_a_missing_field_is_in_the_banner() {
        let state = input("name=x").into_result().unwrap_err();
        let banner = state.banner().into_string();
        assert!(banner.contains("seats: Must not be empty."), "{banner}");
        assert!(!banner.contains("name"), "{banner}");
        assert_eq!(FormState::default().banner().into_string(), "");
    }

    #[test]
    fn only_field_errors_are_added_to_a_form() {
        let duplicate = FieldError::new("/name", "not_unique", "another row has this value");
        let error = Error::conflict("not_unique", "taken").with_field_errors(vec![duplicate]);
        let (_, state) = input("name=Ada&seats=1").into_result().unwrap();
        let state = state.with_rejection(error).unwrap();
        assert_eq!(
            state.error("name").as_deref(),
            Some("Another row has this value.")
        );
        assert!(state.with_rejection(Error::internal("broken")).is_err());
    }
}
