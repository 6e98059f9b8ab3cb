//! State of a row's form: submitted input, field errors, and the original values.

use std::collections::BTreeMap;

use serde_json::Value;

use super::consequences::Question;
use super::document_format::Format;
use super::field::FieldSpec;
use super::model_view::{ModelView, VisibleRow};
use super::spec::RowValues;
use crate::error::FieldError;

/// Submitted text of a field.
#[derive(Debug, Clone, Default)]
pub(super) struct FieldInput {
    pub(super) text: String,
    pub(super) format: Format,
    /// Fingerprint of the value that the form was rendered with.
    pub(super) original: String,
    /// `true` if the user resolved a conflict by choosing the stored value instead of the text.
    takes_stored: bool,
}

/// A field that two people changed at the same time.
#[derive(Debug, Clone)]
pub(super) struct FieldConflict {
    pub(super) field: &'static FieldSpec,
    /// The text in the form, and the stored text.
    pub(super) values: [String; 2],
}

/// State of a row's form while it is being filled in.
#[derive(Debug, Clone, Default)]
pub(super) struct FormState {
    /// Key and version of the row; `None` for a new row.
    pub(super) row: Option<(String, i64)>,
    pub(super) label: String,
    pub(super) inputs: BTreeMap<&'static str, FieldInput>,
    pub(super) errors: Vec<FieldError>,
    pub(super) banner: Option<String>,
    pub(super) conflicts: Vec<FieldConflict>,
    /// Description of a change to the record since the form was rendered.
    pub(super) notice: Option<String>,
    /// Name of the field whose preview is shown.
    pub(super) preview: Option<&'static str>,
    /// A confirmation that is required before the row is saved; it replaces the fields.
    pub(super) question: Option<Question>,
    /// Submitted form, which also contains the children of the row.
    pub(super) sent: Option<FormData>,
    /// Model of which an empty child is added.
    pub(super) added: Option<String>,
}

/// Submitted form data; if several fields have the same name, the last one wins.
pub(super) type FormData = BTreeMap<String, String>;

/// Returns the name of the hidden field with the fingerprint of a field.
pub(super) fn original_name(field: &FieldSpec) -> String {
    format!("_was.{}", field.name)
}

/// Returns the name of the hidden field with a document's format.
pub(super) fn format_name(field: &FieldSpec) -> String {
    format!("_format.{}", field.name)
}

/// Returns the name of the checkbox that lists a row in a field.
pub(super) fn listed_name(field: &FieldSpec, key: &str) -> String {
    format!("_listed.{}.{key}", field.name)
}

/// Returns the keys that a form submits for a field, one per line: those of the checkboxes, and one
/// that is added.
fn submitted_keys(field: &FieldSpec, sent: &FormData) -> String {
    let start = listed_name(field, "");
    let keys = sent.keys().filter_map(|name| name.strip_prefix(&start));
    let added = sent.get(field.name).map(|key| key.trim());
    let keys = keys.chain(added.filter(|key| !key.is_empty()));
    let text = keys.collect::<Vec<_>>().join("\n");
    field.kind.normalize(&text)
}

/// Name of the button that shows the preview of a field.
pub(super) const PREVIEW: &str = "_preview";

/// Name of the button that converts a document to the other format.
pub(super) const CONVERT: &str = "_convert";

impl FormState {
    /// Returns the form for a new row.
    pub(super) fn new_row(model: &ModelView<'_>) -> Self {
        let mut draft = Self::default();
        for field in model.editable(true) {
            // The current time is filled in when the row is saved.
            draft.set(field, &field.constant_default().unwrap_or_default());
        }
        draft
    }

    /// Returns the form for a new row that refers to a record by a field.
    pub(super) fn related(model: &ModelView<'_>, field: &FieldSpec, key: &str) -> Self {
        let mut draft = Self::new_row(model);
        if let Some(input) = draft.inputs.get_mut(field.name) {
            key.clone_into(&mut input.text);
        }
        draft
    }

    /// Returns the form for a stored row.
    pub(super) fn of(model: &ModelView<'_>, record: &VisibleRow) -> Self {
        let mut draft = Self {
            row: Some((model.key_of(&record.values), record.version)),
            label: model.label_of(&record.values),
            ..Self::default()
        };
        for field in model.all_fields() {
            draft.set(field, record.values.get(field.name).unwrap_or(&Value::Null));
        }
        draft
    }

    fn set(&mut self, field: &FieldSpec, value: &Value) {
        // A secret is never part of a page; if the field is left empty, the secret is unchanged.
        let shown = if field.is_write_only() {
            &Value::Null
        } else {
            value
        };
        let text = field.kind.text_in(Format::default(), shown);
        let mut input = FieldInput {
            text,
            ..FieldInput::default()
        };
        input.original = input.fingerprint(field);
        self.inputs.insert(field.name, input);
    }

    /// Reads the submitted form for an existing row or a new row.
    pub(super) fn read(model: &ModelView<'_>, key: Option<&str>, sent: &FormData) -> Self {
        let get = |name: &str| sent.get(name).map(String::as_str).unwrap_or_default();
        let row = key.map(|key| (key.to_owned(), get("_version").parse().unwrap_or(-1)));
        let mut draft = Self {
            label: get("_label").to_owned(),
            ..Self::default()
        };
        for field in model.editable(row.is_none()) {
            let text = match sent.get(field.name) {
                _ if field.many_to_many.is_some() => submitted_keys(field, sent),
                Some(text) => text.replace("\r\n", "\n"),
                None => field.kind.unsubmitted_text().to_owned(),
            };
            let input = FieldInput {
                text,
                format: Format::from_name(get(&format_name(field))),
                original: get(&original_name(field)).to_owned(),
                takes_stored: get(&format!("resolve.{}", field.name)) == "theirs",
            };
            draft.inputs.insert(field.name, input);
        }
        draft.row = row;
        draft
    }

    /// Converts a document to the other format. `target` is a field and a format, such as
    /// `limits:json`. A document that cannot be parsed is left unchanged, with a field error.
    pub(super) fn convert(&mut self, model: &ModelView<'_>, target: &str) {
        let (name, format) = target.split_once(':').unwrap_or((target, ""));
        let Some(field) = model.field(name) else {
            return;
        };
        let Some(input) = self.inputs.get_mut(field.name) else {
            return;
        };
        match field.kind.parse_in(input.format, &input.text) {
            Ok(_) if input.text.trim().is_empty() => input.format = Format::from_name(format),
            Ok(value) => {
                input.format = Format::from_name(format);
                input.text = field.kind.text_in(input.format, &value);
            }
            Err(error) => self.errors.push(located(field, error)),
        }
    }

    /// Returns the submitted values; for a stored row, only the changed ones.
    pub(super) fn values(&self, model: &ModelView<'_>) -> Result<RowValues, Vec<FieldError>> {
        let is_new = self.row.is_none();
        let mut values = RowValues::new();
        let mut errors = Vec::new();
        for field in model.editable(is_new) {
            let Some(input) = self.inputs.get(field.name) else {
                continue;
            };
            if !is_new && !input.is_changed(field) {
                continue;
            }
            match input.value(field, is_new) {
                Ok(Some(value)) => drop(values.insert(field.name.to_owned(), value)),
                Ok(None) => {}
                Err(error) => errors.push(located(field, error)),
            }
        }
        if errors.is_empty() {
            return Ok(values);
        }
        // The other fields are also checked, so that all errors are reported at once.
        if is_new && let Err(more) = model.new_row(values) {
            let is_reported =
                |error: &FieldError| errors.iter().any(|known| known.pointer == error.pointer);
            let more: Vec<FieldError> = more
                .into_iter()
                .filter(|error| !is_reported(error))
                .collect();
            errors.extend(more);
        }
        Err(errors)
    }

    /// Updates the form to the stored row. Changed fields keep their text; fields that someone else
    /// also changed become conflicts.
    pub(super) fn rebase(&mut self, model: &ModelView<'_>, present: &VisibleRow) {
        let present = Self::of(model, present);
        for (name, now) in &present.inputs {
            let Some(field) = model.field(name) else {
                continue;
            };
            match self.inputs.get_mut(name) {
                Some(mine) if mine.is_changed(field) => {
                    if mine.original != now.original && mine.fingerprint(field) != now.original {
                        let values = if field.is_write_only() {
                            ["(hidden)".to_owned(), "(hidden)".to_owned()]
                        } else {
                            [mine.text.clone(), now.text.clone()]
                        };
                        self.conflicts.push(FieldConflict { field, values });
                    }
                    mine.original.clone_from(&now.original);
                }
                _ => drop(self.inputs.insert(field.name, now.clone())),
            }
        }
        self.row = present.row;
        self.label = present.label;
    }

    /// Adds the read-only fields, which a form does not submit, and the stored values that were
    /// chosen in a conflict.
    pub(super) fn fill_read_only(&mut self, model: &ModelView<'_>, present: &VisibleRow) {
        for (name, stored) in Self::of(model, present).inputs {
            let input = self.inputs.entry(name).or_insert_with(|| stored.clone());
            if input.takes_stored {
                *input = stored;
            }
        }
    }

    /// Returns the errors of a field as one text.
    pub(super) fn error_of(&self, field: &FieldSpec) -> Option<String> {
        let pointer = field.pointer();
        let messages: Vec<String> = self
            .errors
            .iter()
            .filter_map(|error| {
                let rest = error.pointer.strip_prefix(&pointer)?;
                match rest.strip_prefix('/') {
                    Some(inner) => Some(match inner.parse::<usize>() {
                        Ok(index) => format!("item {}: {}", index + 1, error.message),
                        Err(_) => format!("{inner}: {}", error.message),
                    }),
                    None if rest.is_empty() && is_syntax(error) => Some(sentence(&error.message)),
                    None if rest.is_empty() => Some(error.message.clone()),
                    None => None,
                }
            })
            .collect();
        (!messages.is_empty()).then(|| messages.join("; "))
    }

    /// Returns the errors of the row as a whole, and of fields that the form does not contain.
    pub(super) fn form_errors(&self) -> Vec<&str> {
        // Errors in children are shown next to these.
        let belongs = |error: &FieldError| {
            let name = error.pointer.split('/').nth(1).unwrap_or_default();
            self.inputs.contains_key(name) || name == "children"
        };
        self.errors
            .iter()
            .filter(|error| !belongs(error))
            .map(|error| error.message.as_str())
            .collect()
    }
}

impl FieldInput {
    /// Converts the text to a value; `None` omits the field.
    fn value(&self, field: &FieldSpec, is_new: bool) -> Result<Option<Value>, FieldError> {
        if !field.kind.is_scalar() && self.text.trim().is_empty() {
            return Ok(field.default_value().ok().flatten());
        }
        let is_choice = !field.choices.is_empty();
        if self.text.is_empty() && (!field.kind.accepts_empty_text() || field.nullable || is_choice)
        {
            return Ok((!is_new || field.nullable).then_some(Value::Null));
        }
        field.kind.parse_in(self.format, &self.text).map(Some)
    }

    pub(super) fn is_changed(&self, field: &FieldSpec) -> bool {
        !self.takes_stored && self.fingerprint(field) != self.original
    }

    /// Returns a short text that is equal for equal values.
    fn fingerprint(&self, field: &FieldSpec) -> String {
        let text = field.kind.normalize_in(self.format, &self.text);
        // The hash is FNV-1a: the result must be the same in every replica, and an attacker gains
        // nothing from a collision.
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        format!("{hash:016x}")
    }
}

/// Returns the error of a value as an error of its field. The message of an error in a document
/// states its line.
fn located(field: &FieldSpec, mut error: FieldError) -> FieldError {
    if field.kind.is_document() {
        error.pointer.clear();
    }
    error.pointer.insert_str(0, &field.pointer());
    error
}

fn is_syntax(error: &FieldError) -> bool {
    matches!(&*error.code, "invalid_yaml" | "invalid_json")
}

/// Formats a message as a sentence.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::admin::record::Record;
    use crate::admin::{AdminModel, FieldValues, ModelOptions, ModelSpec};

    struct Plan;

    impl AdminModel for Plan {
        const SOURCE: crate::Source = crate::source!(Plan);
        const NAME: &'static str = "plan";
        const TITLE: &'static str = "Plan";
        const PLURAL: &'static str = "Plans";
        const DESCRIPTION: &'static str = "";
        const OPTIONS: ModelOptions = ModelOptions {
            list: &[],
            search: &[],
            order_by: &[],
            read_only: false,
        };
        const FIELDS: &'static [FieldSpec] = &[
            FieldSpec::new::<i64>("id").primary_key(),
            FieldSpec::new::<String>("name"),
            FieldSpec::new::<Option<i64>>("seats"),
            FieldSpec::new::<bool>("active"),
            FieldSpec::new::<Map<String, Value>>("limits"),
        ];

        fn to_values(&self) -> Vec<Value> {
            Vec::new()
        }

        fn from_values(_: FieldValues) -> Result<Self, Vec<FieldError>> {
            Ok(Self)
        }
    }

    fn model() -> ModelView<'static> {
        ModelView::of_admin(Box::leak(Box::new(ModelSpec::of::<Plan>())))
    }

    fn record(name: &str, seats: i64, version: i64) -> VisibleRow {
        let values =
            json!({"id": 1, "name": name, "seats": seats, "active": true, "limits": {"a": 1}});
        match values {
            Value::Object(values) => model().show(Record { values, version }),
            _ => panic!("not an object"),
        }
    }

    /// Returns the data a browser submits for a form, with some fields changed.
    fn sent(draft: &FormState, changes: &[(&str, &str)]) -> FormData {
        let mut sent = FormData::new();
        if let Some((_, version)) = &draft.row {
            sent.insert("_version".to_owned(), version.to_string());
        }
        for (name, input) in &draft.inputs {
            sent.insert((*name).to_owned(), input.text.replace('\n', "\r\n"));
            sent.insert(format!("_was.{name}"), input.original.clone());
            sent.insert(format!("_format.{name}"), input.format.as_str().to_owned());
        }
        for (name, value) in changes {
            sent.insert((*name).to_owned(), (*value).to_owned());
        }
        sent
    }

    #[test]
    fn only_changed_fields_are_submitted() {
        let model = model();
        let shown = FormState::of(&model, &record("Basic", 3, 1));
        let back = FormState::read(&model, Some("1"), &sent(&shown, &[("seats", "")]));
        assert_eq!(
            Value::Object(back.values(&model).unwrap()),
            json!({"seats": null})
        );
        let mut unchecked = sent(&shown, &[]);
        unchecked.remove("active");
        let back = FormState::read(&model, Some("1"), &unchecked);
        assert_eq!(
            Value::Object(back.values(&model).unwrap()),
            json!({"active": false})
        );
    }

    #[test]
    fn reformatted_document_is_not_a_change() {
        let model = model();
        let shown = FormState::of(&model, &record("Basic", 3, 1));
        let json = [("limits", "{ \"a\": 1 }"), ("_format.limits", "json")];
        let back = FormState::read(&model, Some("1"), &sent(&shown, &json));
        assert_eq!(back.values(&model).unwrap(), RowValues::new());
    }

    #[test]
    fn document_format_can_be_switched() {
        let model = model();
        let shown = FormState::of(&model, &record("Basic", 3, 1));
        assert_eq!(shown.inputs["limits"].text.trim(), "a: 1");
        let mut back = FormState::read(&model, Some("1"), &sent(&shown, &[]));
        back.convert(&model, "limits:json");
        assert_eq!(back.inputs["limits"].text, "{\n  \"a\": 1\n}");
        assert_eq!(back.inputs["limits"].format, Format::Json);
        let mut back = FormState::read(&model, Some("1"), &sent(&back, &[]));
        back.convert(&model, "limits:yaml");
        assert_eq!(back.inputs["limits"].text.trim(), "a: 1");
        let broken = [("limits", "a: 1\na: 2\n")];
        let mut back = FormState::read(&model, Some("1"), &sent(&shown, &broken));
        back.convert(&model, "limits:json");
        assert_eq!(back.inputs["limits"].text, "a: 1\na: 2\n");
        assert_eq!(back.inputs["limits"].format, Format::Yaml);
        let error = back.error_of(model.field("limits").unwrap());
        assert_eq!(error.as_deref(), Some("Line 2: “a” appears twice."));
    }

    #[test]
    fn stale_form_keeps_changed_fields_and_updates_others() {
        let model = model();
        let shown = FormState::of(&model, &record("Basic", 3, 1));
        let mut back = FormState::read(&model, Some("1"), &sent(&shown, &[("name", "Mine")]));
        back.rebase(&model, &record("Theirs", 4, 2));
        assert_eq!(back.row, Some(("1".to_owned(), 2)));
        assert_eq!(back.inputs["name"].text, "Mine");
        let [conflict] = &back.conflicts[..] else {
            panic!("one field was changed on both sides")
        };
        assert_eq!(conflict.field.name, "name");
        assert_eq!(conflict.values, ["Mine", "Theirs"]);
        assert_eq!(back.inputs["seats"].text, "4");
        let theirs = FormState::read(
            &model,
            Some("1"),
            &sent(&back, &[("resolve.name", "theirs")]),
        );
        assert_eq!(theirs.values(&model).unwrap(), RowValues::new());
        let again = FormState::read(&model, Some("1"), &sent(&back, &[]));
        assert_eq!(
            Value::Object(again.values(&model).unwrap()),
            json!({"name": "Mine"})
        );
    }
}
