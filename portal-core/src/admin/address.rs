//! Addresses of an admin page that keep where the reader is in a list.

use url::form_urlencoded;

use super::list::COLUMNS;

/// A path and the parameters after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    path: String,
    pairs: Vec<(String, String)>,
}

impl Address {
    pub(super) fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            pairs: Vec::new(),
        }
    }

    /// The same address with another value of a parameter; an empty one takes it away.
    pub(super) fn with(&self, name: &str, value: impl Into<String>) -> Self {
        let mut address = self.without(name);
        let value = value.into();
        if !value.is_empty() {
            address.pairs.push((name.to_owned(), value));
        }
        address
    }

    /// The same address with a filter, whose value may be empty.
    pub(super) fn with_filter(&self, name: &str, value: &str) -> Self {
        let mut address = self.without(name);
        address.pairs.push((name.to_owned(), value.to_owned()));
        address
    }

    /// The same address without a parameter.
    pub(super) fn without(&self, name: &str) -> Self {
        let mut address = self.clone();
        address.pairs.retain(|(known, _)| known != name);
        address
    }

    /// The value of a parameter.
    pub(super) fn get(&self, name: &str) -> &str {
        let pair = self.pairs.iter().find(|(known, _)| known == name);
        pair.map_or("", |(_, value)| value)
    }

    /// Adds what a query string says: of a parameter the first value, of the columns all of them.
    pub(super) fn read(mut self, query: &str) -> Self {
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let known = self.pairs.iter_mut().find(|(known, _)| *known == name);
            match known {
                // An empty filter compares with no value.
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

    /// The path alone.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The parameters, for the hidden fields of a form.
    pub(super) fn pairs(&self) -> Vec<(&str, &str)> {
        self.pairs
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }

    /// The parameters as a query string.
    pub(super) fn query(&self) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.pairs)
            .finish()
    }
}

impl std::fmt::Display for Address {
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
    fn parameters_are_kept_replaced_and_taken_away() {
        let address = Address::new("/admin/settings").read("model=plan&search=a%26b&page=3&empty=");
        assert_eq!(address.get("search"), "a&b");
        let next = address.with("page", "4").without("model");
        assert_eq!(next.to_string(), "/admin/settings?search=a%26b&page=4");
        assert_eq!(next.with("search", "").query(), "page=4");
        let columns = Address::new("/").read("columns=a&page=1&columns=b&page=2");
        assert_eq!(columns.query(), "columns=a%2Cb&page=1");
    }
}
