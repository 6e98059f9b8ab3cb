//! Import of contacts from CSV.

use std::collections::HashMap;

use csv::{ReaderBuilder, StringRecord, Trim};
use garde::Validate;
use portal_core::FieldError;
use portal_core::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::models::{Company, Contact};

/// Columns that the file must have.
const REQUIRED: [&str; 3] = ["name", "email", "company"];

/// Arguments of the import.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, Validate)]
pub(crate) struct ImportArgs {
    /// The first line names the columns: name, email, company, and optionally position and phone.
    /// Leave it empty to import a sample.
    #[serde(default)]
    #[garde(length(max = 200_000))]
    #[schemars(title = "CSV text", extend("format" = "textarea"))]
    pub(crate) csv: String,
}

/// Result of the import.
#[derive(Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct ImportReport {
    pub(crate) added: u32,
    pub(crate) updated: u32,
    pub(crate) unchanged: u32,
    pub(crate) rejected: Vec<RejectedRow>,
}

/// A row that was not imported.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct RejectedRow {
    pub(crate) line: u64,
    pub(crate) reason: String,
}

/// A row of the file.
#[derive(Debug, Deserialize, Validate)]
struct ContactRow {
    #[garde(length(chars, min = 1, max = 120))]
    name: String,
    #[garde(email)]
    email: String,
    #[garde(length(chars, min = 1, max = 120))]
    company: String,
    #[garde(skip)]
    position: Option<String>,
    #[garde(skip)]
    phone: Option<String>,
}

/// Effect of a row.
enum Effect {
    Added,
    Updated,
    Unchanged,
}

/// Import contacts
///
/// Adds or updates contacts by their e-mail address, and adds missing companies. Rows with mistakes
/// are listed in the result. You can import the same file again.
#[monitored_background_task(requires_role = "sales", max_args = "256KiB", retries = 2)]
pub(crate) async fn import_contacts(
    task: TaskContext,
    models: Data<Models>,
    task_args: ImportArgs,
) -> Result<ImportReport, TaskError> {
    let text = match task_args.csv.trim() {
        "" => include_str!("contacts.csv"),
        text => text,
    };
    let (header, rows) = parse(text)?;
    let mut report = ImportReport::default();
    let mut seen = HashMap::new();
    let total = rows.len();
    for (number, (line, row)) in rows.into_iter().enumerate() {
        let effect = match row.and_then(|row| check(&header, &row)) {
            Ok(row) => match seen.insert(row.email.clone(), line) {
                Some(first) => Err(format!("line {first} has the same e-mail address")),
                None => save(&models, row).await?,
            },
            Err(reason) => Err(reason),
        };
        match effect {
            Ok(Effect::Added) => report.added += 1,
            Ok(Effect::Updated) => report.updated += 1,
            Ok(Effect::Unchanged) => report.unchanged += 1,
            Err(reason) => {
                tracing::warn!(line, reason, "row rejected");
                report.rejected.push(RejectedRow { line, reason });
            }
        }
        let percent = (number + 1) * 100 / total;
        task.update()
            .progress(u8::try_from(percent).unwrap_or(100))
            .message(format!(
                "{} of {total} rows, {} rejected",
                number + 1,
                report.rejected.len()
            ))
            .await?;
    }
    Ok(report)
}

type Rows = Vec<(u64, Result<StringRecord, String>)>;

/// Returns the names of the columns, and all rows with their line numbers.
fn parse(text: &str) -> Result<(StringRecord, Rows), TaskError> {
    let mut reader = ReaderBuilder::new()
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let header = reader.headers()?.clone();
    for name in REQUIRED {
        if !header.iter().any(|column| column == name) {
            return Err(TaskError::permanent(format!(
                "the column `{name}` is missing"
            )));
        }
    }
    let rows = reader.records().map(|record| match record {
        Ok(row) => (row.position().map_or(0, |place| place.line()), Ok(row)),
        Err(error) => {
            let line = error.position().map_or(0, |place| place.line());
            (
                line,
                Err("the number of values differs from the number of columns".to_owned()),
            )
        }
    });
    Ok((header, rows.collect()))
}

/// Returns the valid row, or the reasons why it is rejected.
fn check(header: &StringRecord, row: &StringRecord) -> Result<ContactRow, String> {
    let mut row: ContactRow = row
        .deserialize(Some(header))
        .map_err(|error| error.to_string())?;
    row.email = row.email.to_lowercase();
    match row.validate() {
        Ok(()) => Ok(row),
        Err(report) => {
            let reasons = report
                .iter()
                .map(|(field, error)| format!("{field}: {error}"));
            Err(reasons.collect::<Vec<_>>().join("; "))
        }
    }
}

/// Adds or updates a contact. The inner error is the reason why the model rejects it.
async fn save(models: &Models, row: ContactRow) -> Result<Result<Effect, String>> {
    match write(models, row).await {
        Ok(effect) => Ok(Ok(effect)),
        Err(error) if error.status().is_client_error() => Ok(Err(reasons(&error))),
        Err(error) => Err(error),
    }
}

async fn write(models: &Models, row: ContactRow) -> Result<Effect> {
    let company_id = company(models, &row.company).await?.id;
    let contact = Contact {
        id: 0,
        name: row.name,
        email: row.email,
        company_id,
        position: row.position,
        phone: row.phone,
    };
    let stored = models
        .find_by::<Contact>("email", contact.email.as_str())
        .await?;
    let Some(stored) = stored else {
        models.insert(&contact).await?;
        return Ok(Effect::Added);
    };
    // An empty value in the file keeps the stored one.
    let contact = Contact {
        id: stored.id,
        position: contact.position.or_else(|| stored.position.clone()),
        phone: contact.phone.or_else(|| stored.phone.clone()),
        ..contact
    };
    if contact == stored {
        return Ok(Effect::Unchanged);
    }
    models.update(&contact).await?;
    Ok(Effect::Updated)
}

/// Returns the company with a name, and adds it if it does not exist.
async fn company(models: &Models, name: &str) -> Result<Company> {
    match models.find_by::<Company>("name", name).await? {
        Some(company) => Ok(company),
        None => {
            let company = Company {
                name: name.to_owned(),
                ..Company::default()
            };
            models.insert(&company).await
        }
    }
}

fn reasons(error: &Error) -> String {
    let field = |error: &FieldError| {
        format!(
            "{} {}",
            error.pointer.trim_start_matches('/'),
            error.message
        )
    };
    match error.field_errors() {
        [] => error.detail().to_owned(),
        errors => errors.iter().map(field).collect::<Vec<_>>().join("; "),
    }
}
