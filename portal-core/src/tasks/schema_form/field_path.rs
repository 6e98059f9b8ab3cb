//! Location of a part: its field name in the form, and its JSON pointer in the value.

use crate::request::escape_pointer;

/// The field name and JSON pointer of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FieldPath {
    pub(super) name: String,
    pub(super) pointer: String,
    is_root: bool,
    pub(super) is_row: bool,
}

impl FieldPath {
    pub(super) fn root(prefix: &str) -> Self {
        Self {
            name: prefix.to_owned(),
            pointer: String::new(),
            is_root: true,
            is_row: false,
        }
    }

    fn below(&self, name: &str, pointer: String) -> Self {
        let separator = if self.is_root { '.' } else { '/' };
        Self {
            name: format!("{}{separator}{name}", self.name),
            pointer,
            is_root: false,
            is_row: false,
        }
    }

    /// Returns the location of a field in an object.
    pub(super) fn member(&self, name: &str) -> Self {
        let escaped = escape_pointer(name);
        let pointer = format!("{}/{escaped}", self.pointer);
        // In field names, `?` marks a switch and `@` precedes the index of a variant.
        let name = escaped.replace('?', "~2").replace('@', "~3");
        self.below(&name, pointer)
    }

    /// Returns the location of a list row, from its key and its index.
    pub(super) fn row(&self, key: &str, index: usize) -> Self {
        Self {
            is_row: true,
            ..self.below(key, format!("{}/{index}", self.pointer))
        }
    }

    /// Returns the location of the value in a map row.
    pub(super) fn entry(&self, key: &str, name: &str) -> Self {
        let pointer = format!("{}/{}", self.pointer, escape_pointer(name));
        self.below(&format!("{key}/value"), pointer)
    }

    /// Returns the name of the field that contains the key of a map row.
    pub(super) fn entry_key(&self, key: &str) -> String {
        self.below(&format!("{key}/key"), String::new()).name
    }

    /// Returns the location of a variant, which represents the whole value.
    pub(super) fn variant(&self, index: usize) -> Self {
        self.below(&format!("@{index}"), self.pointer.clone())
    }

    /// Returns the field name of an optional group's switch.
    pub(super) fn switch(&self) -> String {
        format!("{}?", self.name)
    }

    /// Returns the id of the part's element; characters not allowed in an id are escaped.
    pub(super) fn id(&self) -> String {
        id_of(&self.name)
    }
}

pub(super) fn id_of(name: &str) -> String {
    let mut id = String::from("f-");
    for character in name.chars() {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '/' | '-' | '@' => id.push(character),
            other => {
                id.push('_');
                id.push_str(&format!("{:x}", u32::from(other)));
            }
        }
    }
    id
}
