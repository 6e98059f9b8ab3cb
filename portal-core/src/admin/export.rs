//! Exports: the rows of a list as a file, streamed page by page.

use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use url::form_urlencoded;

use super::api::ModelUser;
use super::cursor::Position;
use super::export_format::ExportFormat;
use super::field::FieldSpec;
use super::list::COLUMNS;
use super::model_view::{ModelView, VisibleRow};
use super::policy::Operation;
use super::query::ListQuery;
use super::references::ReferenceLabels;
use super::row_service::{Place, RowService};
use crate::auth::AuditLog;
use crate::error::{Error, FieldError, Result};
use crate::state::PortalState;

/// Number of rows that are in memory at once.
const CHUNK: u64 = 500;

/// A started export. The scope is determined again for each chunk.
struct Export {
    state: PortalState,
    user: ModelUser,
    model: String,
    query: ListQuery,
    /// Names of the columns; empty for all.
    columns: Vec<String>,
    format: ExportFormat,
    /// Start of the next chunk; `None` after the last one.
    position: Option<Position>,
}

/// `GET /api/admin/models/{model}/export`: the rows of a list as a file.
pub(super) async fn export(
    State(state): State<PortalState>,
    user: ModelUser,
    Path(model): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response> {
    let rows = user.rows(&state, &model).await?;
    rows.permit(Operation::Export)?;
    let raw = query.unwrap_or_default();
    let (format, columns, list) = parameters(rows.model(), &raw)?;
    let query = ListQuery {
        per_page: CHUNK,
        ..ListQuery::parse(rows.model(), &list)?
    };
    let name = rows.model().name;
    let details = json!({"format": format.name(), "query": list});
    let log = state.borrow::<AuditLog>()?;
    log.record(user.actor.clone(), &format!("{name}.export"), name, details)
        .await?;
    drop(rows);

    let date = crate::store::now().format("%Y-%m-%d");
    let file = format!("attachment; filename=\"{name}-{date}.{}\"", format.name());
    let export = Export {
        state: state.clone(),
        user,
        model,
        query,
        columns,
        format,
        position: Some(Position::First),
    };
    let mut chunks = Box::pin(stream::try_unfold(export, Export::next));
    // If the first chunk cannot be read, the response reports the error.
    let first = chunks.try_next().await?;
    let chunks = stream::iter(first.map(Ok)).chain(chunks);
    let mut response = Body::from_stream(chunks).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(format.content_type()),
    );
    if let Ok(file) = HeaderValue::try_from(file) {
        headers.insert(header::CONTENT_DISPOSITION, file);
    }
    Ok(response)
}

impl Export {
    /// Reads and formats the next chunk.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>> {
        let Some(position) = self.position.take() else {
            return Ok(None);
        };
        let is_first = position == Position::First;
        let rows = self.user.rows(&self.state, &self.model).await?;
        rows.permit(Operation::Export)?;
        let (page, place) = rows.rows_at(&self.query, &position).await?;
        let next = match place {
            Place::Between { next, .. } => next,
            Place::Number(_) => None,
        };
        let text = self.write(&rows, &page, is_first, next.is_none()).await?;
        let next = match next {
            None => None,
            // An incomplete file must not look like a complete one.
            Some(text) => match Position::parse(&text, rows.model(), &self.query.sort) {
                Some(next) if next != position => Some(next),
                _ => return Err(Error::internal("the cursor of an export does not advance")),
            },
        };
        drop(rows);
        self.position = next;
        Ok(Some((Bytes::from(text), self)))
    }

    async fn write(
        &self,
        rows: &RowService<'_>,
        page: &[VisibleRow],
        is_first: bool,
        is_last: bool,
    ) -> Result<Vec<u8>> {
        let model = rows.model();
        let columns = columns(model, &self.columns);
        let labels = match self.format {
            ExportFormat::Csv => ReferenceLabels::of(rows, page).await?,
            ExportFormat::Json | ExportFormat::Yaml => ReferenceLabels::default(),
        };
        self.format
            .write(&columns, page, &labels, is_first, is_last)
            .map_err(Error::internal)
    }
}

/// Returns the format, the columns, and the query string of the list.
fn parameters(model: &ModelView<'_>, query: &str) -> Result<(ExportFormat, Vec<String>, String)> {
    let mut format = None;
    let mut chosen = Vec::new();
    let mut list = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "format" => format = Some(value.into_owned()),
            COLUMNS => chosen.extend(value.split(',').map(str::to_owned)),
            // An export contains all pages.
            "page" | "per_page" | "cursor" => {}
            _ => drop(list.append_pair(&name, &value)),
        }
    }
    let mut errors = Vec::new();
    let parsed = format.as_deref().and_then(ExportFormat::parse);
    if parsed.is_none() {
        let code = if format.is_none() {
            "missing"
        } else {
            "not_allowed"
        };
        errors.push(FieldError::new(
            "/format",
            code,
            "must be csv, json or yaml",
        ));
    }
    for name in &chosen {
        if !exported(model).any(|field| field.name == name) {
            let message = format!("unknown field `{name}`");
            errors.push(FieldError::new("/columns", "unknown_field", message));
        }
    }
    match parsed {
        Some(format) if errors.is_empty() => Ok((format, chosen, list.finish())),
        _ => Err(Error::invalid(errors)),
    }
}

/// Returns the fields and computed columns that an export can contain.
fn exported<'a>(model: &'a ModelView<'_>) -> impl Iterator<Item = &'a FieldSpec> {
    model.all_fields().filter(|field| !field.is_write_only())
}

/// Returns the chosen columns, or all of them. The key is always the first one, so that the rows can
/// be identified.
fn columns<'a>(model: &'a ModelView<'_>, chosen: &[String]) -> Vec<&'a FieldSpec> {
    let is_chosen = |field: &&FieldSpec| {
        !field.primary_key && (chosen.is_empty() || chosen.iter().any(|name| *name == field.name))
    };
    let key: &FieldSpec = model.key();
    let others = exported(model).filter(is_chosen);
    std::iter::once(key).chain(others).collect()
}
