//! URLs of admin pages, which preserve the position in a list.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::form_urlencoded;

use super::filter;
use super::list::COLUMNS;
use super::query::CURSOR;
use super::users;
use super::views::SAVE_VIEW;
use crate::pages::Href;

/// Path of the settings. The list of a model is one level below it.
pub(super) const SETTINGS: &str = "/admin/settings";

/// Path of the list of users.
pub(super) const USERS: &str = "/admin/users";

/// Parameter that opens a saved view.
pub(super) const VIEW: &str = "view";

/// Parameter with the id of the saved view from which the user started.
pub(super) const IN_VIEW: &str = "in_view";

/// Parameter of the page of a row with the query of the list to which it leads back.
pub(super) const LIST: &str = "list";

/// Bytes that are percent-encoded if a key is part of a path.
const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// A path with query parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListUrl {
    path: String,
    pairs: Vec<(String, String)>,
}

impl ListUrl {
    pub(super) fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            pairs: Vec::new(),
        }
    }

    /// Returns the URL of a model's list.
    pub(super) fn of(model: &str) -> Self {
        match model {
            users::MODEL => Self::new(USERS),
            model => Self::new(format!("{SETTINGS}/{model}")),
        }
    }

    /// Returns the URL with a parameter set to a value; an empty value removes the parameter.
    pub(super) fn with(&self, name: &str, value: impl Into<String>) -> Self {
        let mut address = self.without(name);
        let value = value.into();
        if !value.is_empty() {
            address.pairs.push((name.to_owned(), value));
        }
        address
    }

    /// Returns the URL with a filter, whose value may be empty.
    pub(super) fn with_filter(&self, name: &str, value: &str) -> Self {
        let mut address = self.without(name);
        address.pairs.push((name.to_owned(), value.to_owned()));
        address
    }

    /// Returns the URL without a parameter.
    pub(super) fn without(&self, name: &str) -> Self {
        let mut address = self.clone();
        address.pairs.retain(|(known, _)| known != name);
        address
    }

    /// Returns the URL of the first page of the same list.
    pub(super) fn first_page(&self) -> Self {
        self.without("page").without(CURSOR)
    }

    /// Returns the URL with the list as a saved view shows it. The other parameters are kept.
    pub(super) fn open_view(&self, id: &str, query: &str) -> Self {
        let mut list = Self::new(&self.path).read(query).with(IN_VIEW, id);
        for (name, value) in &self.pairs {
            if name != VIEW {
                list = list.with_filter(name, value);
            }
        }
        list
    }

    /// Returns the id of the saved view from which the user started, or an empty text.
    pub(super) fn in_view(&self) -> &str {
        self.get(IN_VIEW)
    }

    /// Returns the parameters that a saved view contains, as a query string.
    pub(super) fn state(&self) -> String {
        let mut state = self.clone();
        state.pairs.retain(|(name, _)| {
            ["search", "sort", COLUMNS].contains(&name.as_str()) || name.starts_with("filter[")
        });
        state.query()
    }

    /// Returns `true` if a saved view with this query shows the same list.
    pub(super) fn has_state(&self, query: &str) -> bool {
        let sorted = |state: &str| {
            let pairs = form_urlencoded::parse(state.as_bytes()).into_owned();
            let mut pairs: Vec<(String, String)> = pairs.collect();
            pairs.sort();
            pairs
        };
        sorted(&self.state()) == sorted(query)
    }

    /// Returns the parameters that select and sort rows, as a query string.
    pub(super) fn list_query(&self) -> String {
        let shown = [COLUMNS, filter::ADDING, filter::EDITING, IN_VIEW, SAVE_VIEW];
        let list = shown
            .iter()
            .fold(self.clone(), |list, name| list.without(name));
        list.query()
    }

    /// Returns the value of a parameter; empty if it is missing.
    pub(super) fn get(&self, name: &str) -> &str {
        let pair = self.pairs.iter().find(|(known, _)| known == name);
        pair.map_or("", |(_, value)| value)
    }

    /// Adds the parameters of a query string: the first value of each, and all values of the
    /// columns.
    pub(super) fn read(mut self, query: &str) -> Self {
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let known = self.pairs.iter_mut().find(|(known, _)| *known == name);
            match known {
                // An empty filter matches missing values.
                _ if value.is_empty() && !name.starts_with("filter[") => {}
                None => self.pairs.push((name.into_owned(), value.into_owned())),
                Some((name, values)) if name == COLUMNS => {
                    values.push(',');
                    values.push_str(&value);
                }
                Some(_) => {}
            }
        }
        self
    }

    /// Returns the URL of an action on a row.
    pub(super) fn row_action(&self, key: &str, action: &str) -> String {
        let key = utf8_percent_encode(key, KEY);
        self.below(&format!("rows/{key}/{action}"))
    }

    /// Returns the URL of the page of a row, which leads back to this list.
    pub(super) fn record(&self, key: &str) -> Self {
        let key = utf8_percent_encode(key, KEY);
        Self::new(format!("{}/rows/{key}", self.path)).with(LIST, self.query())
    }

    /// Returns the URL of a path below this one, with the same parameters. After an action at this
    /// URL, the user returns to the list.
    pub(super) fn below(&self, path: &str) -> String {
        let pairs = self.pairs.clone();
        let path = format!("{}/{path}", self.path);
        Self { path, pairs }.to_string()
    }

    /// Returns the path without parameters.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Returns the parameters, for the hidden fields of a form.
    pub(super) fn pairs(&self) -> Vec<(&str, &str)> {
        self.pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }

    /// Returns the parameters as a query string.
    pub(super) fn query(&self) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.pairs)
            .finish()
    }
}

impl From<ListUrl> for Href<'_> {
    fn from(list: ListUrl) -> Self {
        list.to_string().into()
    }
}

impl From<&ListUrl> for Href<'_> {
    fn from(list: &ListUrl) -> Self {
        list.to_string().into()
    }
}

/// The path inside the portal, without its base path.
impl std::fmt::Display for ListUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.path)?;
        if !self.pairs.is_empty() {
            write!(f, "?{}", self.query())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_kept_replaced_and_removed() {
        let address = ListUrl::new("/admin/settings").read("model=plan&search=a%26b&page=3&empty=");
        assert_eq!(address.get("search"), "a&b");
        let next = address.with("page", "4").without("model");
        assert_eq!(next.to_string(), "/admin/settings?search=a%26b&page=4");
        assert_eq!(next.with("search", "").query(), "page=4");
        let columns = ListUrl::new("/").read("columns=a&page=1&columns=b&page=2");
        assert_eq!(columns.query(), "columns=a%2Cb&page=1");
    }

    #[test]
    fn actions_contain_model_and_key_and_keep_the_parameters() {
        let list = ListUrl::of("plan").read("page=3");
        assert_eq!(list.below("create"), "/admin/settings/plan/create?page=3");
        let update = list.row_action("a/b", "update");
        assert_eq!(update, "/admin/settings/plan/rows/a%2Fb/update?page=3");
        let user = ListUrl::of("user").row_action("7", "update");
        assert_eq!(user, "/admin/users/rows/7/update");
    }

    #[test]
    fn page_of_a_row_leads_back_to_the_list() {
        let list = ListUrl::of("plan").read("page=3&search=a%26b");
        let record = list.record("a/b");
        let path = "/admin/settings/plan/rows/a%2Fb";
        assert_eq!(record.path(), path);
        assert_eq!(ListUrl::of("plan").read(record.get(LIST)), list);
        assert_eq!(ListUrl::of("plan").record("a/b").to_string(), path);
    }
}
