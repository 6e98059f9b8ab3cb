//! Formats in which forms show documents.

use serde_json::Value;

use super::yaml;
use crate::error::FieldError;
use crate::json;

/// Format in which a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Format {
    #[default]
    Yaml,
    Json,
}

impl Format {
    /// Returns the name used in forms.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
        }
    }

    /// Returns the title of the button that converts to this format.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Yaml => "YAML",
            Self::Json => "JSON",
        }
    }

    /// Returns the format with a name, or the default format if the name is unknown.
    pub(super) fn from_name(name: &str) -> Self {
        if name == "json" {
            Self::Json
        } else {
            Self::Yaml
        }
    }

    /// Formats a document.
    pub(super) fn write(self, value: &Value) -> String {
        match self {
            Self::Yaml => yaml::write(value),
            Self::Json => yaml::write_json(value),
        }
    }

    /// Parses a document.
    pub(super) fn parse(self, text: &str) -> Result<Value, FieldError> {
        match self {
            Self::Yaml => yaml::parse(text),
            Self::Json => json::parse(text.as_bytes()).map_err(json::ParseError::into_field_error),
        }
    }
}
