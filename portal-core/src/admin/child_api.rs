//! Children of a record in a request body: `{"children": {"activity": [..]}}`.

use serde_json::Value;

use super::child_rows::{CHILDREN, ChildChange, ChildChanges, Children, MAX_CHILDREN};
use super::field_type::plain_text;
use super::precondition::Precondition;
use super::row_service::RowService;
use super::spec::RowValues;
use crate::error::{Error, FieldError, Result};
use crate::request::escape_pointer;

/// Member of a body with the children of a record.
const MEMBER: &str = "children";

/// Member of an existing child with the version that the caller expects.
const VERSION: &str = "_version";

/// Member that removes a child.
const REMOVE: &str = "_delete";

/// Takes the changes of children out of a request body.
pub(super) async fn take<'a>(
    rows: &RowService<'a>,
    body: &mut RowValues,
) -> Result<Vec<ChildChanges<'a>>> {
    if rows.model().children().is_empty() {
        return Ok(Vec::new());
    }
    let mut given = match body.remove(MEMBER) {
        None => return Ok(Vec::new()),
        Some(Value::Object(given)) => given,
        Some(_) => return Err(Error::invalid(vec![wrong_type("", "an object")])),
    };
    let mut errors = Vec::new();
    let mut groups = Vec::new();
    for children in Children::of(rows).await? {
        let changes = match given.remove(children.name()) {
            None => continue,
            Some(list) => changes(&children, list, &mut errors),
        };
        groups.push(ChildChanges { children, changes });
    }
    for name in given.keys() {
        let pointer = format!("{CHILDREN}{}", escape_pointer(name));
        let message = "is not a model whose rows are children of this one";
        errors.push(FieldError::new(pointer, "unknown_field", message));
    }
    match errors.as_slice() {
        [] => Ok(groups),
        _ => Err(Error::invalid(errors)),
    }
}

fn changes(
    children: &Children<'_>,
    list: Value,
    errors: &mut Vec<FieldError>,
) -> Vec<(usize, ChildChange)> {
    let at = format!("/{}", children.name());
    let list = match list {
        Value::Array(list) if list.len() <= MAX_CHILDREN => list,
        Value::Array(_) => {
            let message = format!("must contain at most {MAX_CHILDREN} rows");
            let pointer = format!("/{MEMBER}{at}");
            errors.push(FieldError::new(pointer, "too_long", message));
            return Vec::new();
        }
        _ => {
            errors.push(wrong_type(&at, "a list of rows"));
            return Vec::new();
        }
    };
    let mut changes = Vec::new();
    for (index, row) in list.into_iter().enumerate() {
        let at = format!("{at}/{index}");
        match row {
            Value::Object(row) => match change(children, row, &at) {
                Ok(change) => changes.push((index, change)),
                Err(error) => errors.push(error),
            },
            _ => errors.push(wrong_type(&at, "an object")),
        }
    }
    changes
}

/// Reads one child: an existing one has a version, and a new one has none.
fn change(
    children: &Children<'_>,
    mut row: RowValues,
    at: &str,
) -> Result<ChildChange, FieldError> {
    let removes = match row.remove(REMOVE) {
        None => false,
        Some(Value::Bool(removes)) => removes,
        Some(_) => return Err(wrong_type(&format!("{at}/{REMOVE}"), "true or false")),
    };
    let Some(version) = row.remove(VERSION) else {
        if removes {
            let pointer = format!("/{MEMBER}{at}/{VERSION}");
            let message = "must be the version of the row, the number in its `ETag`";
            return Err(FieldError::new(pointer, "missing", message));
        }
        return Ok(ChildChange::Add(row));
    };
    let Some(version) = version.as_i64() else {
        return Err(wrong_type(&format!("{at}/{VERSION}"), "a whole number"));
    };
    let expected = Precondition::OneOf(vec![version]);
    let field = children.rows.model().key().name;
    let key = row.get(field).map(plain_text).unwrap_or_default();
    if key.is_empty() {
        let pointer = format!("/{MEMBER}{at}/{field}");
        let message = "must be the key of the row";
        return Err(FieldError::new(pointer, "missing", message));
    }
    Ok(match removes {
        true => ChildChange::Remove { key, expected },
        false => ChildChange::Change {
            key,
            expected,
            values: row,
        },
    })
}

fn wrong_type(at: &str, expected: &str) -> FieldError {
    let pointer = format!("/{MEMBER}{at}");
    FieldError::new(pointer, "invalid_type", format!("must be {expected}"))
}
