//! Which rows of a model to list: page, order, search and filters, from a query string.

use serde_json::Value;
use url::form_urlencoded;

use super::field::{FieldKind, FieldSpec};
use super::fields;
use super::spec::ModelSpec;
use crate::error::{Error, Fault, Result};
use crate::json;

const PAGE_SIZES: [u64; 4] = [10, 20, 50, 100];
const LAST_PAGE: u64 = 1_000_000;

/// Which rows to list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ListQuery {
    pub(crate) page: u64,
    pub(crate) per_page: u64,
    pub(crate) sort: Vec<Sort>,
    pub(crate) search: String,
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
    /// One value, but for [`Operator::In`].
    pub(crate) values: Vec<Value>,
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Contains,
}

impl Operator {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "eq" => Self::Equal,
            "ne" => Self::NotEqual,
            "lt" => Self::Less,
            "lte" => Self::LessOrEqual,
            "gt" => Self::Greater,
            "gte" => Self::GreaterOrEqual,
            "in" => Self::In,
            "contains" => Self::Contains,
            _ => return None,
        })
    }

    fn suits(self, kind: FieldKind) -> bool {
        let is_ordered = !matches!(
            kind,
            FieldKind::Boolean | FieldKind::Uuid | FieldKind::Json { .. }
        );
        match self {
            Self::Contains => matches!(kind, FieldKind::Text | FieldKind::Json { .. }),
            Self::Equal | Self::NotEqual | Self::In => !matches!(kind, FieldKind::Json { .. }),
            _ => is_ordered,
        }
    }
}

impl ListQuery {
    /// The first page in the model's own order.
    pub(crate) fn first_page(model: &ModelSpec) -> Self {
        let sort = model.options.order_by.iter();
        Self {
            page: 1,
            per_page: 10,
            sort: sort
                .map(|&(field, descending)| Sort { field, descending })
                .collect(),
            search: String::new(),
            filters: Vec::new(),
        }
    }

    /// Reads a query string; an error names everything that is wrong with it.
    pub(crate) fn parse(model: &ModelSpec, query: &str) -> Result<Self> {
        let (list, faults) = Self::parse_leniently(model, query);
        if faults.is_empty() {
            Ok(list)
        } else {
            Err(Error::invalid(faults))
        }
    }

    /// Reads a query string as far as it is valid, and states the parameters that were left out.
    pub(crate) fn parse_leniently(model: &ModelSpec, query: &str) -> (Self, Vec<Fault>) {
        let mut list = Self::first_page(model);
        let mut faults = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if !name.starts_with("filter[") && seen.iter().any(|known| *known == name) {
                faults.push(fault(&name, "duplicate", "give this once"));
                continue;
            }
            seen.push(name.clone().into_owned());
            if let Err(more) = list.set(model, &name, &value) {
                faults.extend(more);
            }
        }
        (list, faults)
    }

    fn set(&mut self, model: &ModelSpec, name: &str, value: &str) -> Result<(), Vec<Fault>> {
        match name {
            "page" => {
                self.page = number(value, |page| (1..=LAST_PAGE).contains(&page))
                    .ok_or_else(|| vec![fault(name, "out_of_range", "pages are counted from 1")])?;
            }
            "per_page" => {
                self.per_page = number(value, |size| PAGE_SIZES.contains(&size))
                    .ok_or_else(|| vec![fault(name, "not_allowed", "write 10, 20, 50 or 100")])?;
            }
            "search" => self.search = value.trim().replace('\0', ""),
            "sort" if value.trim().is_empty() => {}
            "sort" => self.sort = parse_sort(model, value)?,
            _ => {
                let filter = parse_filter(model, name, value).map_err(|fault| vec![fault])?;
                self.filters.push(filter);
            }
        }
        Ok(())
    }

    /// How many rows stand before the page.
    pub(crate) fn offset(&self) -> u64 {
        (self.page - 1) * self.per_page
    }
}

fn fault(parameter: &str, code: &str, message: impl Into<String>) -> Fault {
    let pointer = format!("/{}", crate::request::escape_pointer(parameter));
    Fault::new(pointer, code, message)
}

fn number(text: &str, is_allowed: impl Fn(u64) -> bool) -> Option<u64> {
    text.parse().ok().filter(|number| is_allowed(*number))
}

fn parse_sort(model: &ModelSpec, value: &str) -> Result<Vec<Sort>, Vec<Fault>> {
    let mut sort: Vec<Sort> = Vec::new();
    let mut faults = Vec::new();
    for word in value.split(',').map(str::trim) {
        let name = word.strip_prefix('-').unwrap_or(word);
        match sortable(model, name) {
            Some(field) if sort.iter().any(|known| known.field == field.name) => {}
            Some(field) => sort.push(Sort {
                field: field.name,
                descending: word.starts_with('-'),
            }),
            None => {
                let names = model.fields.iter().filter(|field| is_sortable(field));
                let names: Vec<&str> = names.map(|field| field.name).collect();
                faults.push(fault(
                    "sort",
                    "unknown_field",
                    format!("`{name}` cannot be sorted by, only {}", names.join(", ")),
                ));
            }
        }
    }
    if faults.is_empty() {
        Ok(sort)
    } else {
        Err(faults)
    }
}

/// A field that can be sorted by.
pub(crate) fn sortable(model: &ModelSpec, name: &str) -> Option<&'static FieldSpec> {
    model.field(name).filter(|field| is_sortable(field))
}

fn is_sortable(field: &FieldSpec) -> bool {
    !matches!(field.kind, FieldKind::Json { .. }) && !field.is_write_only()
}

/// Reads `filter[field]` and `filter[field][operator]`.
fn parse_filter(model: &ModelSpec, parameter: &str, value: &str) -> Result<Filter, Fault> {
    let parts = parameter
        .strip_prefix("filter[")
        .and_then(|rest| rest.strip_suffix(']'))
        .map(|inner| inner.split_once("][").unwrap_or((inner, "eq")));
    let Some((name, operator)) = parts else {
        return Err(fault(
            parameter,
            "unknown_parameter",
            "there are only page, per_page, sort, search and filter[field]",
        ));
    };
    let Some(field) = model.field(name) else {
        return Err(fault(
            parameter,
            "unknown_field",
            format!("there is no field `{name}`"),
        ));
    };
    let Some(operator) = Operator::parse(operator) else {
        return Err(fault(
            parameter,
            "unknown_operator",
            "write eq, ne, lt, lte, gt, gte, in or contains",
        ));
    };
    if !operator.suits(field.kind) || field.is_write_only() {
        return Err(fault(
            parameter,
            "not_allowed",
            "this field cannot be compared in this way",
        ));
    }
    let texts: Vec<&str> = match operator {
        Operator::In => value.split(',').collect(),
        _ => vec![value],
    };
    let values = texts
        .into_iter()
        .map(|text| match (operator, field.kind) {
            (Operator::Contains, _) => Ok(Value::String(text.replace('\0', ""))),
            // Nothing stands for no value, where that is possible and not a text itself.
            (_, kind) if text.is_empty() && field.nullable && kind != FieldKind::Text => {
                Ok(Value::Null)
            }
            (_, kind) => {
                let value = fields::parse(kind, text)?;
                match json::faults(&value, "").into_iter().next() {
                    None => Ok(value),
                    Some(fault) => Err(fault),
                }
            }
        })
        .collect::<Result<Vec<Value>, Fault>>()
        .map_err(|it| fault(parameter, &it.code, it.message))?;
    Ok(Filter {
        field: field.name,
        operator,
        values,
    })
}
