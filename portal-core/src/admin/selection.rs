//! Rows that a request selects: by their keys, or all that match a list query.

use serde_json::Value;

use super::filter::parser;
use super::model_view::ModelView;
use super::query::ListQuery;
use super::spec::RowValues;
use crate::error::{Error, FieldError, Result};
use crate::fields::Fields;

/// Maximum number of keys in a request.
const MAX_KEYS: usize = 1000;

/// Maximum number of rows that a selection by a list query may match.
pub(crate) const MAX_MATCHING: u64 = 10_000;

/// Name of the form field that selects rows by key.
pub(super) const KEY: &str = "id";

/// Name of the form field that selects all rows that match the list.
pub(super) const SELECT: &str = "select";
pub(super) const ALL: &str = "all";

/// Name of the form field with the number of rows that the user confirmed.
pub(super) const CONFIRM: &str = "confirm";

/// Rows that a request selects.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RowSelection {
    /// Rows with these keys. Keys without a row are ignored.
    Keys(Vec<String>),
    /// All rows that match the search and the filters of a list.
    Matching {
        query: Box<ListQuery>,
        /// Number of rows that the user confirmed; fails if a different number matches.
        confirmed: Option<u64>,
    },
}

impl RowSelection {
    /// Takes the selection out of a request body: `{"ids": [..]}`, or
    /// `{"all": true, "filter": {..}, "search": "..", "confirm": n}`.
    pub(super) fn take_from(
        model: &ModelView<'_>,
        body: &mut RowValues,
    ) -> Result<Self, Vec<FieldError>> {
        let [ids, all, filter, search, confirm] =
            ["ids", "all", "filter", "search", "confirm"].map(|name| body.remove(name));
        let by_query = [
            ("all", all.is_some()),
            ("filter", filter.is_some()),
            ("search", search.is_some()),
            ("confirm", confirm.is_some()),
        ];
        if let Some(ids) = ids {
            let mut errors: Vec<FieldError> = by_query
                .into_iter()
                .filter(|(_, is_given)| *is_given)
                .map(|(name, _)| {
                    let message = "is not allowed together with `ids`";
                    FieldError::new(format!("/{name}"), "not_allowed", message)
                })
                .collect();
            return match keys(&ids) {
                Ok(keys) if errors.is_empty() => Ok(Self::Keys(keys)),
                Ok(_) => Err(errors),
                Err(more) => {
                    errors.extend(more);
                    Err(errors)
                }
            };
        }
        if !by_query.iter().any(|(_, is_given)| *is_given) {
            return Err(vec![FieldError::new(
                "/ids",
                "missing",
                "must be a list of ids; use `all` to select all rows that match a filter",
            )]);
        }
        matching(model, all, filter, search, confirm)
    }

    /// Reads the selection of a submitted form of a list.
    pub(super) fn of_form(fields: &Fields, list: ListQuery) -> Result<Self> {
        if fields.find(SELECT) == Some(ALL) {
            let confirmed = fields.find(CONFIRM).and_then(|text| text.parse().ok());
            return Ok(Self::Matching {
                query: Box::new(list),
                confirmed,
            });
        }
        let ids = fields.pairs().iter().filter(|(name, _)| name == KEY);
        let keys: Vec<String> = ids.map(|(_, key)| key.clone()).collect();
        match keys.len() {
            0..=MAX_KEYS => Ok(Self::Keys(keys)),
            _ => Err(Error::bad_request(format!(
                "select at most {MAX_KEYS} rows at once"
            ))),
        }
    }
}

fn matching(
    model: &ModelView<'_>,
    all: Option<Value>,
    filter: Option<Value>,
    search: Option<Value>,
    confirm: Option<Value>,
) -> Result<RowSelection, Vec<FieldError>> {
    let mut errors = Vec::new();
    if all != Some(Value::Bool(true)) {
        let message = "must be true to select all rows that match";
        errors.push(FieldError::new("/all", "invalid_value", message));
    }
    let mut query = ListQuery::first_page(model);
    match search {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) => errors.extend(query.set_search(&text).err()),
        Some(_) => errors.push(FieldError::new("/search", "invalid_type", "must be a text")),
    }
    match filter {
        None | Some(Value::Null) => {}
        Some(filter) => match parser::parse_object(model, &filter, "/filter") {
            Ok(filters) => query.filters = filters,
            Err(more) => errors.extend(more),
        },
    }
    let confirmed = match &confirm {
        None | Some(Value::Null) => None,
        Some(number) => {
            let count = number.as_u64();
            if count.is_none() {
                let message = "must be the number of rows";
                errors.push(FieldError::new("/confirm", "invalid_type", message));
            }
            count
        }
    };
    if confirmed.is_none()
        && errors.is_empty()
        && query.search.is_empty()
        && query.filters.is_empty()
    {
        errors.push(FieldError::new(
            "/confirm",
            "missing",
            "must be the number of rows, because neither `filter` nor `search` restricts them",
        ));
    }
    match errors.is_empty() {
        true => Ok(RowSelection::Matching {
            query: Box::new(query),
            confirmed,
        }),
        false => Err(errors),
    }
}

fn keys(ids: &Value) -> Result<Vec<String>, Vec<FieldError>> {
    let invalid = |pointer: String, code: &str, message: String| {
        Err(vec![FieldError::new(pointer, code, message)])
    };
    let ids = match ids {
        Value::Array(ids) => ids,
        _ => {
            let message = "must be a list of ids".to_owned();
            return invalid("/ids".to_owned(), "invalid_type", message);
        }
    };
    if ids.len() > MAX_KEYS {
        let message = format!("must contain at most {MAX_KEYS} ids");
        return invalid("/ids".to_owned(), "too_long", message);
    }
    let mut keys = Vec::with_capacity(ids.len());
    let mut errors = Vec::new();
    for (index, id) in ids.iter().enumerate() {
        match id {
            Value::String(text) => keys.push(text.clone()),
            Value::Number(number) => keys.push(number.to_string()),
            _ => errors.push(FieldError::new(
                format!("/ids/{index}"),
                "invalid_type",
                "must be a string or a number",
            )),
        }
    }
    match errors.is_empty() {
        true => Ok(keys),
        false => Err(errors),
    }
}

/// Fails if the number of matching rows is above the limit, or is not the number that the user
/// confirmed. `count` is at most [`MAX_MATCHING`] + 1.
pub(super) fn check_count(count: u64, confirmed: Option<u64>) -> Result<()> {
    if count > MAX_MATCHING {
        return Err(Error::invalid(vec![FieldError::new(
            "/filter",
            "too_long",
            format!("matches more than {MAX_MATCHING} rows; restrict it further"),
        )]));
    }
    match confirmed {
        Some(confirmed) if confirmed != count => {
            let detail = format!("{count} rows match, not {confirmed}; confirm the current number");
            Err(Error::conflict("count_changed", detail).with_extension("total", count))
        }
        _ => Ok(()),
    }
}
