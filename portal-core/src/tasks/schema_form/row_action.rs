//! Actions that add, move and remove rows in a list or map.

use super::encode;
use super::field_path::FieldPath;
use super::form_input::FormInput;
use super::schema_node::{Part, Shape};

/// Action of a row button: `add args.tags`, `remove args.tags 3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RowAction {
    Add { list: String },
    Remove { list: String, key: String },
    Up { list: String, key: String },
    Down { list: String, key: String },
}

impl RowAction {
    /// Parses the value of a button.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (verb, rest) = text.split_once(' ')?;
        if verb == "add" {
            return Some(Self::Add {
                list: rest.to_owned(),
            });
        }
        // The name of a list may contain spaces, but a key does not.
        let (list, key) = rest.rsplit_once(' ')?;
        let (list, key) = (list.to_owned(), key.to_owned());
        match verb {
            "remove" => Some(Self::Remove { list, key }),
            "up" => Some(Self::Up { list, key }),
            "down" => Some(Self::Down { list, key }),
            _ => None,
        }
    }

    fn list(&self) -> &str {
        match self {
            Self::Add { list }
            | Self::Remove { list, .. }
            | Self::Up { list, .. }
            | Self::Down { list, .. } => list,
        }
    }

    /// Returns the name of the added row, so that the row can receive the focus.
    pub(crate) fn added(&self, input: &FormInput) -> Option<String> {
        match self {
            Self::Add { list } => {
                let key = input.keys(list).pop()?;
                let separator = if list.contains('.') { '/' } else { '.' };
                Some(format!("{list}{separator}{key}"))
            }
            _ => None,
        }
    }
}

pub(super) fn apply(part: &Part<'_>, place: &FieldPath, input: &mut FormInput, change: &RowAction) {
    let Some((list, place)) = find(part, place, input, change.list()) else {
        return;
    };
    let keys = input.keys_mut(&place.name);
    let position = |wanted: &String| keys.iter().position(|key| key == wanted);
    match change {
        RowAction::Add { .. } => {
            let numbers = keys.iter().filter_map(|key| key.parse::<u64>().ok());
            let key = numbers
                .max()
                .map_or(0, |last| last.saturating_add(1))
                .to_string();
            let index = keys.len();
            keys.push(key.clone());
            match &list.shape {
                Shape::List { items } => encode::initial(items, &place.row(&key, index), input),
                Shape::Map { values } => encode::initial(values, &place.entry(&key, ""), input),
                _ => {}
            }
        }
        RowAction::Remove { key, .. } => {
            keys.retain(|one| one != key);
        }
        RowAction::Up { key, .. } => {
            if let Some(at) = position(key)
                && at > 0
            {
                keys.swap(at, at - 1);
            }
        }
        RowAction::Down { key, .. } => {
            if let Some(at) = position(key)
                && at + 1 < keys.len()
            {
                keys.swap(at, at + 1);
            }
        }
    }
}

/// Returns the list with the given name, and its location.
fn find<'p, 'a>(
    part: &'p Part<'a>,
    place: &FieldPath,
    input: &FormInput,
    wanted: &str,
) -> Option<(&'p Part<'a>, FieldPath)> {
    if !wanted.starts_with(&place.name) {
        return None;
    }
    let is_list = matches!(part.shape, Shape::List { .. } | Shape::Map { .. });
    if is_list && place.name == wanted {
        return Some((part, place.clone()));
    }
    let keys = input.keys(&place.name).into_iter();
    match &part.shape {
        Shape::Object(members) => members
            .iter()
            .find_map(|member| find(&member.part, &place.member(member.name), input, wanted)),
        Shape::List { items } => keys
            .enumerate()
            .find_map(|(index, key)| find(items, &place.row(key, index), input, wanted)),
        Shape::Map { values } => keys
            .into_iter()
            .find_map(|key| find(values, &place.entry(key, ""), input, wanted)),
        Shape::Variants(variants) => variants
            .iter()
            .enumerate()
            .find_map(|(index, variant)| find(&variant.part, &place.variant(index), input, wanted)),
        _ => None,
    }
}
