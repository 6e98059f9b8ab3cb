//! References in lists and forms: labels of the rows to which they point, and choices.

use std::collections::{HashMap, HashSet};

use maud::{Markup, html};
use serde_json::Value;

use super::field::FieldSpec;
use super::field_type::{plain_text, shorten};
use super::list_url::ListUrl;
use super::model_view::VisibleRow;
use super::query::ListQuery;
use super::row_service::RowService;
use crate::error::Result;
use crate::pages::Href;

/// Maximum number of rows that a form lists as the options of a select. With more rows, the field
/// searches them.
const MAX_LISTED: u64 = 100;

/// Maximum number of links in a cell.
const MAX_LINKS: usize = 10;

/// Maximum number of rows that one statement reads by their keys.
const MAX_KEYS: usize = 1000;

/// Maximum number of rows that a search returns.
const MAX_FOUND: u64 = 20;

/// Labels of the rows to which references point, by field and key.
///
/// Contains only rows that the caller may view; other references show the key.
#[derive(Debug, Default)]
pub(super) struct ReferenceLabels(HashMap<(&'static str, String), String>);

impl ReferenceLabels {
    /// Returns the labels for the references in some rows, with one query per field.
    pub(super) async fn of(rows: &RowService<'_>, referring: &[VisibleRow]) -> Result<Self> {
        Self::of_values(rows, |field| {
            let rows = referring.iter();
            rows.filter_map(|row| row.values.get(field.name)).collect()
        })
        .await
    }

    /// Returns the labels for some values of each field, with one query per field.
    pub(super) async fn of_values<'v>(
        rows: &RowService<'_>,
        values: impl Fn(&FieldSpec) -> Vec<&'v Value>,
    ) -> Result<Self> {
        let mut labels = HashMap::new();
        for field in rows.model().fields() {
            let Some(targets) = rows.targets(field).await? else {
                continue;
            };
            let model = targets.model();
            let kind = model.key().kind;
            let values = values(field).into_iter();
            let mut seen = HashSet::new();
            // An old audit entry can contain a value that is not a key.
            let keys: Vec<&Value> = values
                .flat_map(|value| field.keys(value))
                .filter(|key| kind.bind(key).is_some() && seen.insert(plain_text(key)))
                .collect();
            for keys in keys.chunks(MAX_KEYS) {
                for target in targets.get_all(keys).await? {
                    let key = model.key_of(&target.values);
                    labels.insert((field.name, key), model.label_of(&target.values));
                }
            }
        }
        Ok(Self(labels))
    }

    /// Returns the label of the row to which a field with this value refers.
    pub(super) fn get(&self, field: &FieldSpec, value: &Value) -> Option<&str> {
        self.0
            .get(&(field.name, plain_text(value)))
            .map(String::as_str)
    }

    /// Returns the labels of the rows to which a field with this value refers, separated by commas;
    /// without a label, the key. `None` if there is no row, or no label of a single row.
    pub(super) fn text(&self, field: &FieldSpec, value: &Value) -> Option<String> {
        if field.many_to_many.is_none() {
            return self.get(field, value).map(str::to_owned);
        }
        let label = |key| match self.get(field, key) {
            Some(label) => label.to_owned(),
            None => plain_text(key),
        };
        let labels: Vec<String> = field.keys(value).iter().map(label).collect();
        (!labels.is_empty()).then(|| labels.join(", "))
    }

    /// Renders the labels of the rows to which a field with this value refers, with links to their
    /// pages.
    pub(super) fn links(&self, field: &FieldSpec, value: &Value) -> Option<Markup> {
        if field.many_to_many.is_none() {
            return self.link(field, value);
        }
        let keys = field.keys(value);
        (!keys.is_empty()).then(|| {
            html! {
                @for (position, key) in keys.iter().take(MAX_LINKS).enumerate() {
                    @if position > 0 { ", " }
                    @match self.link(field, key) {
                        Some(link) => (link),
                        None => (plain_text(key)),
                    }
                }
                @if keys.len() > MAX_LINKS { " and " (keys.len() - MAX_LINKS) " more" }
            }
        })
    }

    /// Renders the label of a row with a link to its page.
    fn link(&self, field: &FieldSpec, value: &Value) -> Option<Markup> {
        let label = shorten(self.get(field, value)?);
        let url = record_url(field, &plain_text(value))?;
        Some(html! { a href=(Href::from(url)) { (label) } })
    }
}

/// Returns the URL of the page of the row to which a field refers.
pub(super) fn record_url(field: &FieldSpec, key: &str) -> Option<ListUrl> {
    let model = field.target()?;
    (!key.is_empty()).then(|| ListUrl::of(model).record(key))
}

/// Choices of a reference in a form, of the rows that the caller may view.
#[derive(Debug, Clone)]
pub(super) enum ReferenceChoices {
    /// Keys and labels of all rows.
    Listed(Vec<(String, String)>),
    /// There are too many rows; the field searches those of the model with this name.
    Searched {
        model: &'static str,
        /// Label of the current row.
        label: Option<String>,
    },
    /// Keys and labels of the rows that a form offers for a list of keys.
    Related {
        /// All rows, or those in the list if there are too many.
        rows: Vec<(String, String)>,
        /// Model whose rows can be searched and added; `None` if `rows` contains all of them.
        searched: Option<&'static str>,
    },
}

impl ReferenceChoices {
    /// Returns the choices of a field with a current key, which may be empty; `None` if the caller
    /// may not view the model.
    pub(super) async fn of(
        rows: &RowService<'_>,
        field: &FieldSpec,
        key: &str,
    ) -> Result<Option<Self>> {
        let Some(targets) = rows.targets(field).await? else {
            return Ok(None);
        };
        let listed = found(&targets, "", MAX_LISTED + 1).await?;
        let is_complete = listed.len() as u64 <= MAX_LISTED;
        if field.many_to_many.is_some() {
            let keys: Vec<Value> = key
                .lines()
                .map(|it| targets.model().parse_key(it))
                .collect();
            let keys: Vec<&Value> = keys.iter().filter(|it| !it.is_null()).collect();
            let rows = match is_complete {
                true => listed,
                false => targets.get_all(&keys).await?,
            };
            return Ok(Some(Self::Related {
                rows: rows.iter().map(|row| labeled(&targets, row)).collect(),
                searched: (!is_complete).then_some(targets.model().name),
            }));
        }
        if is_complete {
            let labeled = |row: &VisibleRow| labeled(&targets, row);
            return Ok(Some(Self::Listed(listed.iter().map(labeled).collect())));
        }
        let current = match targets.get(key).await {
            Ok(row) => Some(row),
            Err(error) if error.code() == "row_not_found" => None,
            Err(error) => return Err(error),
        };
        Ok(Some(Self::Searched {
            model: targets.model().name,
            label: current.map(|row| targets.model().label_of(&row.values)),
        }))
    }

    /// Returns the label of the row with a key.
    pub(super) fn label(&self, key: &str) -> Option<&str> {
        match self {
            Self::Listed(rows) | Self::Related { rows, .. } => {
                let found = rows.iter().find(|(known, _)| known == key);
                found.map(|(_, label)| label.as_str())
            }
            Self::Searched { label, .. } => label.as_deref(),
        }
    }
}

/// Returns the URL that searches the rows of a model.
pub(super) fn search_url(model: &str) -> String {
    format!("/api/admin/models/{model}/options")
}

/// Returns keys and labels of the rows that match a text, for a field that searches them.
pub(super) async fn search(rows: &RowService<'_>, text: &str) -> Result<Vec<(String, String)>> {
    let found = found(rows, text, MAX_FOUND).await?;
    Ok(found.iter().map(|row| labeled(rows, row)).collect())
}

async fn found(rows: &RowService<'_>, text: &str, limit: u64) -> Result<Vec<VisibleRow>> {
    let query = ListQuery {
        per_page: limit,
        search: text.trim().replace('\0', ""),
        ..ListQuery::first_page(rows.model())
    };
    rows.list_without_total(&query).await
}

fn labeled(rows: &RowService<'_>, row: &VisibleRow) -> (String, String) {
    let model = rows.model();
    (model.key_of(&row.values), model.label_of(&row.values))
}
