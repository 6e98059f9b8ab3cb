//! List queries: page, order, search text and filters from a query string.

use serde_json::Value;
use url::form_urlencoded;

use super::cursor::Position;
use super::field::FieldSpec;
use super::filter::parser;
use super::model_view::ModelView;
use super::operator::Operator;
use crate::error::{Error, FieldError, Result};

const PAGE_SIZES: [u64; 4] = [10, 20, 50, 100];
pub(super) const LAST_PAGE: u64 = 1_000_000;

/// Maximum length of a searched text, in characters. Databases limit the length of patterns.
pub(super) const MAX_TEXT: usize = 1000;

/// Parameter with the position of the page.
pub(super) const CURSOR: &str = "cursor";

/// Selection and order of the rows to list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ListQuery {
    pub(crate) page: u64,
    pub(crate) per_page: u64,
    /// Start of the page instead of its number.
    pub(crate) position: Option<Position>,
    pub(crate) sort: Vec<Sort>,
    pub(crate) search: String,
    /// Fields that contain the search text.
    pub(crate) searched: Vec<&'static str>,
    pub(crate) filters: Vec<Filter>,
}

/// A field to sort by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sort {
    pub(crate) field: &'static str,
    pub(crate) descending: bool,
}

/// A condition on a field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Filter {
    pub(crate) field: &'static str,
    pub(crate) operator: Operator,
    /// A single value, except for [`Operator::In`].
    pub(crate) values: Vec<Value>,
}

impl ListQuery {
    /// Returns the query for the first page in the model's default order.
    pub(crate) fn first_page(model: &ModelView<'_>) -> Self {
        Self {
            page: 1,
            per_page: 10,
            position: None,
            sort: model
                .order()
                .map(|(field, descending)| Sort { field, descending })
                .collect(),
            search: String::new(),
            searched: model.searched().map(|field| field.name).collect(),
            filters: Vec::new(),
        }
    }

    /// Parses a query string. Reports all errors at once.
    pub(crate) fn parse(model: &ModelView<'_>, query: &str) -> Result<Self> {
        let (list, errors) = Self::parse_leniently(model, query);
        if errors.is_empty() {
            Ok(list)
        } else {
            Err(Error::invalid(errors))
        }
    }

    /// Parses the valid parts of a query string, and returns the errors of ignored parameters.
    pub(crate) fn parse_leniently(model: &ModelView<'_>, query: &str) -> (Self, Vec<FieldError>) {
        let mut list = Self::first_page(model);
        let mut errors = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        let mut cursor = None;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if !name.starts_with("filter[") && seen.iter().any(|known| *known == name) {
                errors.push(parameter_error(&name, "duplicate", "must occur only once"));
                continue;
            }
            seen.push(name.clone().into_owned());
            if name == CURSOR {
                cursor = Some(value);
                continue;
            }
            if let Err(more) = list.set(model, &name, &value) {
                errors.extend(more);
            }
        }
        if let Some(cursor) = cursor {
            // The order may follow the cursor in the query string.
            match Position::parse(&cursor, model, &list.sort) {
                _ if seen.iter().any(|name| name == "page") => {
                    let message = "is not allowed together with `page`";
                    errors.push(parameter_error(CURSOR, "not_allowed", message));
                }
                None => {
                    let message = "must be a cursor of a list in the same order";
                    errors.push(parameter_error(CURSOR, "invalid_value", message));
                }
                position => list.position = position,
            }
        }
        if let Err(error) = parser::check_number(&list.filters) {
            list.filters.clear();
            errors.push(error);
        }
        (list, errors)
    }

    fn set(
        &mut self,
        model: &ModelView<'_>,
        name: &str,
        value: &str,
    ) -> Result<(), Vec<FieldError>> {
        match name {
            "page" => {
                self.page =
                    number(value, |page| (1..=LAST_PAGE).contains(&page)).ok_or_else(|| {
                        vec![parameter_error(
                            name,
                            "invalid_value",
                            "must be between 1 and 1000000",
                        )]
                    })?;
            }
            "per_page" => {
                self.per_page =
                    number(value, |size| PAGE_SIZES.contains(&size)).ok_or_else(|| {
                        vec![parameter_error(
                            name,
                            "not_allowed",
                            "must be 10, 20, 50 or 100",
                        )]
                    })?;
            }
            "search" => {
                let search = self.set_search(value);
                search.map_err(|it| vec![parameter_error(name, &it.code, it.message)])?;
            }
            "sort" if value.trim().is_empty() => {}
            "sort" => self.sort = parse_sort(model, value)?,
            _ => {
                let filter = parser::parse_parameter(model, name, value);
                self.filters.push(filter.map_err(|error| vec![error])?);
            }
        }
        Ok(())
    }

    /// Sets the search text. A part of a longer text would match more rows than the text.
    pub(super) fn set_search(&mut self, text: &str) -> Result<(), FieldError> {
        let text = text.trim().replace('\0', "");
        if text.chars().count() > MAX_TEXT {
            let message = format!("must have at most {MAX_TEXT} characters");
            return Err(FieldError::new("/search", "too_long", message));
        }
        self.search = text;
        Ok(())
    }

    /// Returns the number of rows before the page.
    pub(crate) fn offset(&self) -> u64 {
        (self.page - 1) * self.per_page
    }
}

fn parameter_error(parameter: &str, code: &str, message: impl Into<String>) -> FieldError {
    let pointer = format!("/{}", crate::request::escape_pointer(parameter));
    FieldError::new(pointer, code, message)
}

fn number(text: &str, is_allowed: impl Fn(u64) -> bool) -> Option<u64> {
    text.parse().ok().filter(|number| is_allowed(*number))
}

/// Returns an order as written in URLs.
pub(super) fn sort_text(sort: &[Sort]) -> String {
    let words = sort.iter().map(|sort| {
        let sign = if sort.descending { "-" } else { "" };
        format!("{sign}{}", sort.field)
    });
    words.collect::<Vec<_>>().join(",")
}

fn parse_sort(model: &ModelView<'_>, value: &str) -> Result<Vec<Sort>, Vec<FieldError>> {
    let mut sort: Vec<Sort> = Vec::new();
    let mut errors = Vec::new();
    for word in value.split(',').map(str::trim) {
        let name = word.strip_prefix('-').unwrap_or(word);
        match sortable(model, name) {
            Some(field) if sort.iter().any(|known| known.field == field.name) => {}
            Some(field) => sort.push(Sort {
                field: field.name,
                descending: word.starts_with('-'),
            }),
            None if is_computed(model, name) => errors.push(parameter_error(
                "sort",
                "not_allowed",
                format!("`{name}` is computed, so rows cannot be sorted by it"),
            )),
            None => {
                let names = model.fields().filter(|field| is_sortable(field));
                let names: Vec<&str> = names.map(|field| field.name).collect();
                errors.push(parameter_error(
                    "sort",
                    "unknown_field",
                    format!(
                        "sorting by `{name}` is not supported; use {}",
                        names.join(", ")
                    ),
                ));
            }
        }
    }
    if errors.is_empty() {
        Ok(sort)
    } else {
        Err(errors)
    }
}

/// Returns the field if rows can be sorted by it.
pub(crate) fn sortable(model: &ModelView<'_>, name: &str) -> Option<&'static FieldSpec> {
    model.field(name).filter(|field| is_sortable(field))
}

fn is_computed(model: &ModelView<'_>, name: &str) -> bool {
    model.computed().iter().any(|spec| spec.name == name)
}

fn is_sortable(field: &FieldSpec) -> bool {
    field.kind.is_scalar() && !field.is_write_only()
}
