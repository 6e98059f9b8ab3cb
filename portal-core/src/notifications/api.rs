//! `/api/notifications`: the caller's notifications.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::record::NotificationRecord;
use super::service::{NotificationFilter, Notifications, not_found};
use crate::auth::{Access, CurrentUser, RateClass, Routes};
use crate::error::{Error, FieldError, Result};
use crate::request::ApiQuery;
use crate::state::Data;

/// Returns the REST routes for the caller's notifications.
pub(crate) fn routes() -> Routes {
    let one = "/api/notifications/{id}";
    let writes = Routes::new()
        .post("/api/notifications/read", Access::User, read_all)
        .post(format!("{one}/read"), Access::User, read)
        .delete(one, Access::User, delete)
        .rate_class(RateClass::OwnWrite);
    Routes::new()
        .get("/api/notifications", Access::User, list)
        .merge(writes)
}

#[derive(Deserialize)]
struct NotificationQuery {
    cursor: Option<String>,
    limit: Option<String>,
    unread: Option<String>,
}

impl NotificationQuery {
    fn filter(self) -> Result<NotificationFilter> {
        let mut errors = Vec::new();
        let limit = match self.limit.as_deref().map(str::parse) {
            None => 0,
            Some(Ok(limit @ 1..=200)) => limit,
            Some(_) => {
                let message = "must be a number from 1 to 200";
                errors.push(FieldError::new("/limit", "invalid_value", message));
                0
            }
        };
        let unread_only = match self.unread.as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                let message = "must be true or false";
                errors.push(FieldError::new("/unread", "invalid_value", message));
                false
            }
        };
        if !errors.is_empty() {
            return Err(Error::invalid(errors));
        }
        Ok(NotificationFilter {
            cursor: self.cursor,
            unread_only,
            limit,
        })
    }
}

#[derive(Serialize)]
struct NotificationPage {
    /// Total number of unread notifications.
    unread: u64,
    items: Vec<NotificationRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

async fn list(
    user: CurrentUser,
    notifications: Data<Notifications>,
    ApiQuery(query): ApiQuery<NotificationQuery>,
) -> Result<Json<NotificationPage>> {
    let filter = query.filter()?;
    let (items, next_cursor) = notifications.list(user.id, &filter).await?;
    Ok(Json(NotificationPage {
        unread: notifications.count_unread(user.id).await?,
        items,
        next_cursor,
    }))
}

async fn read_all(user: CurrentUser, notifications: Data<Notifications>) -> Result<Json<Value>> {
    let read = notifications.mark_all_read(user.id).await?;
    Ok(Json(json!({ "read": read })))
}

async fn read(
    user: CurrentUser,
    notifications: Data<Notifications>,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    notifications.mark_read(user.id, id_of(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn delete(
    user: CurrentUser,
    notifications: Data<Notifications>,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    notifications.delete(user.id, id_of(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Parses an id. An invalid id is reported like that of an unknown notification.
pub(super) fn id_of(text: &str) -> Result<Uuid> {
    text.parse().map_err(|_| not_found())
}
