//! `GET /api/admin/audit`: audit entries, newest first.

use axum::Json;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::auth::{Access, AdminUser, AuditEntry, AuditFilter, AuditLog, Routes};
use crate::error::Result;
use crate::request::{ApiQuery, ListPage};
use crate::state::Data;

pub(super) fn routes() -> Routes {
    Routes::new().get("/api/admin/audit", Access::Admin, list)
}

#[derive(Deserialize)]
struct ListQuery {
    limit: Option<String>,
    cursor: Option<String>,
    before: Option<String>,
    target: Option<String>,
    actor: Option<String>,
}

#[derive(Serialize)]
struct AuditPage {
    items: Vec<AuditEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<Uuid>,
}

async fn list(
    _: AdminUser,
    log: Data<AuditLog>,
    ApiQuery(query): ApiQuery<ListQuery>,
) -> Result<Json<AuditPage>> {
    // `before` is the id of any entry; `cursor` is the id that the previous page returned.
    let before = query.cursor.as_deref().or(query.before.as_deref());
    let page = ListPage::parse(query.limit.as_deref(), before)?;
    let filter = AuditFilter {
        target: query.target,
        actor: query.actor,
        before: page.before,
        limit: page.to_read(),
    };
    let mut items = log.list(&filter).await?;
    let next_cursor = page.next_cursor(&mut items, |entry| entry.id);
    Ok(Json(AuditPage { items, next_cursor }))
}
