//! Places of a form: the page that shows it, to which its actions return.

use super::super::field::FieldSpec;
use super::super::form::FormUrls;
use super::super::list_url::{LIST, ListUrl};
use super::super::model_view::ModelView;

/// Parameter of an action with the place of its form; a form in a drawer of the list has none.
const PLACE: &str = "at";

/// Value of [`PLACE`] for the page of the record.
const RECORD: &str = "record";

/// Parameter of the page of a record with the name of the open tab.
pub(super) const TAB: &str = "tab";

/// Page that shows a form, to which its actions return.
#[derive(Debug, Clone)]
pub(super) enum FormPlace {
    /// The list; the form is in a drawer.
    List,
    /// The page of the record.
    Record,
    /// The page of a record to which the row refers by a field; the form is in a drawer.
    Related {
        field: &'static FieldSpec,
        key: String,
    },
}

impl FormPlace {
    /// Reads the place from the parameters of an action.
    pub(super) fn read(here: &ListUrl, model: &ModelView<'_>) -> Self {
        if Self::is_record(here) {
            return Self::Record;
        }
        let related = here.get(PLACE).split_once(':');
        let related = related.and_then(|(name, key)| Some((model.field(name)?, key)));
        match related {
            Some((field, key)) if field.target().is_some() => Self::Related {
                field,
                key: key.to_owned(),
            },
            _ => Self::List,
        }
    }

    /// Returns `true` if an action belongs to a form on the page of a record.
    pub(super) fn is_record(here: &ListUrl) -> bool {
        here.get(PLACE) == RECORD
    }
}

/// Returns the URL of the tab of a record with the rows that refer to it.
pub(super) fn related_tab(model: &str, field: &FieldSpec, record: &ListUrl) -> ListUrl {
    record.with(TAB, format!("{model}.{}", field.name))
}

impl FormUrls {
    /// Returns the URLs of a form in a drawer of a list.
    pub(super) fn in_list(list: &ListUrl, key: Option<&str>) -> Self {
        Self {
            actions: list.clone(),
            here: match key {
                Some(key) => list.with("edit", key),
                None => list.with("new", "1"),
            },
            back: list.clone(),
            record: key.map(|key| list.record(key)),
        }
    }

    /// Returns the URLs of a form on the page of a record. `list` is the list to which it leads
    /// back.
    pub(super) fn on_record(model: &str, key: &str, list: &ListUrl) -> Self {
        let record = list.record(key);
        Self {
            actions: ListUrl::of(model)
                .with(PLACE, RECORD)
                .with(LIST, list.query()),
            here: record.clone(),
            back: record,
            record: None,
        }
    }

    /// Returns the URLs of the form for a new row that refers to a record by a field.
    pub(super) fn related(model: &str, field: &FieldSpec, key: &str, record: &ListUrl) -> Self {
        let tab = related_tab(model, field, record);
        Self {
            actions: ListUrl::of(model)
                .with(PLACE, format!("{}:{key}", field.name))
                .with(LIST, record.get(LIST)),
            here: tab.with("new", "1"),
            back: tab,
            record: None,
        }
    }
}
