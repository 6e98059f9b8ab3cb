//! File formats of exports: CSV, JSON and YAML.

use serde_json::{Map, Value};

use super::field::FieldSpec;
use super::field_type::plain_text;
use super::model_view::VisibleRow;
use super::references::ReferenceLabels;
use super::yaml;

/// File format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExportFormat {
    Csv,
    Json,
    Yaml,
}

impl ExportFormat {
    pub(super) const ALL: [Self; 3] = [Self::Csv, Self::Json, Self::Yaml];

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Returns the name in URLs, which is also the extension of files.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Yaml => "yaml",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Json => "JSON",
            Self::Yaml => "YAML",
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Json => "application/json",
            Self::Yaml => "application/yaml",
        }
    }

    /// Formats a chunk of rows.
    pub(super) fn write(
        self,
        columns: &[&FieldSpec],
        rows: &[VisibleRow],
        labels: &ReferenceLabels,
        is_first: bool,
        is_last: bool,
    ) -> csv::Result<Vec<u8>> {
        let objects = || rows.iter().map(|row| object(columns, row));
        Ok(match self {
            Self::Csv => return write_csv(columns, rows, labels, is_first),
            Self::Json => {
                let mut text = String::from(if is_first { "[" } else { "" });
                for (index, row) in objects().enumerate() {
                    let separator = if is_first && index == 0 { "\n" } else { ",\n" };
                    text.push_str(separator);
                    text.push_str(&Value::Object(row).to_string());
                }
                if is_last {
                    text.push_str("\n]\n");
                }
                text.into_bytes()
            }
            Self::Yaml if is_first && rows.is_empty() => b"[]\n".to_vec(),
            Self::Yaml => {
                let items = objects().map(|row| yaml_item(&Value::Object(row)));
                items.collect::<String>().into_bytes()
            }
        })
    }
}

fn object(columns: &[&FieldSpec], row: &VisibleRow) -> Map<String, Value> {
    let value = |field: &&FieldSpec| (field.name.to_owned(), value_of(row, field).clone());
    columns.iter().map(value).collect()
}

fn value_of<'a>(row: &'a VisibleRow, field: &FieldSpec) -> &'a Value {
    row.values.get(field.name).unwrap_or(&Value::Null)
}

/// Formats a row as an item of a YAML sequence.
fn yaml_item(row: &Value) -> String {
    let text = yaml::write(row);
    let mut item = String::new();
    for (index, line) in text.lines().enumerate() {
        match (index, line) {
            (0, _) => item.push_str("- "),
            (_, "") => {}
            _ => item.push_str("  "),
        }
        item.push_str(line);
        item.push('\n');
    }
    item
}

/// Formats rows as CSV (RFC 4180). A reference is followed by a column with the label of its row.
fn write_csv(
    columns: &[&FieldSpec],
    rows: &[VisibleRow],
    labels: &ReferenceLabels,
    is_first: bool,
) -> csv::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    if is_first {
        for field in columns {
            writer.write_field(field.name)?;
            if field.target().is_some() {
                writer.write_field(format!("{}.label", field.name))?;
            }
        }
        writer.write_record(None::<&[u8]>)?;
    }
    for row in rows {
        for field in columns {
            let value = value_of(row, field);
            writer.write_field(csv_text(field, value))?;
            if field.target().is_some() {
                let label = labels.text(field, value).unwrap_or_default();
                writer.write_field(defused(label))?;
            }
        }
        writer.write_record(None::<&[u8]>)?;
    }
    writer
        .into_inner()
        .map_err(|error| error.into_error().into())
}

fn csv_text(field: &FieldSpec, value: &Value) -> String {
    match value {
        Value::Array(keys) if field.many_to_many.is_some() => {
            let keys: Vec<String> = keys.iter().map(plain_text).collect();
            defused(keys.join(","))
        }
        Value::String(text) => defused(text.clone()),
        value => plain_text(value),
    }
}

/// Prefixes a text that spreadsheets would take for a formula. Numbers remain unchanged.
fn defused(text: String) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    match is_formula && text.parse::<f64>().is_err() {
        true => format!("'{text}"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_defused_and_numbers_are_not() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-cmd|' /C calc'!A0", "'-cmd|' /C calc'!A0"),
            ("+49 30 123", "'+49 30 123"),
            ("-12.50", "-12.50"),
            ("+3", "+3"),
            ("plain", "plain"),
            ("", ""),
        ] {
            assert_eq!(defused(text.to_owned()), expected);
        }
    }

    #[test]
    fn yaml_items_form_a_sequence() {
        let rows = [
            serde_json::json!({"id": 1, "note": "one\n\n  two\n", "tags": ["a", "b"]}),
            serde_json::json!({"id": 2, "note": "", "tags": []}),
        ];
        let text: String = rows.iter().map(yaml_item).collect();
        assert_eq!(yaml::parse(&text).ok(), Some(Value::from(rows.to_vec())));
    }
}
