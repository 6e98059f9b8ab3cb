//! Where a part of a value stands: in the form, and in the value.

use crate::request::escape_pointer;

/// The name of a part's field, and its JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) name: String,
    pub(super) pointer: String,
    is_root: bool,
    pub(super) is_row: bool,
}

impl Place {
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

    /// A member of an object.
    pub(super) fn member(&self, name: &str) -> Self {
        let escaped = escape_pointer(name);
        let pointer = format!("{}/{escaped}", self.pointer);
        // `?` ends the name of a switch, `@` begins the number of a variant.
        let name = escaped.replace('?', "~2").replace('@', "~3");
        self.below(&name, pointer)
    }

    /// A row of a list: what its key is, and the how manieth it is.
    pub(super) fn row(&self, key: &str, index: usize) -> Self {
        Self {
            is_row: true,
            ..self.below(key, format!("{}/{index}", self.pointer))
        }
    }

    /// The value of a row of a map.
    pub(super) fn entry(&self, key: &str, name: &str) -> Self {
        let pointer = format!("{}/{}", self.pointer, escape_pointer(name));
        self.below(&format!("{key}/value"), pointer)
    }

    /// The name of the field of a map's key.
    pub(super) fn entry_key(&self, key: &str) -> String {
        self.below(&format!("{key}/key"), String::new()).name
    }

    /// The fields of a variant, which is the whole value.
    pub(super) fn variant(&self, index: usize) -> Self {
        self.below(&format!("@{index}"), self.pointer.clone())
    }

    /// The name of the switch of what is optional as a whole.
    pub(super) fn switch(&self) -> String {
        format!("{}?", self.name)
    }

    /// The id of the part's element: a name may hold what no id may.
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
