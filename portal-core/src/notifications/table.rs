//! The notifications table.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_query::{
    Cond, Expr, ExprTrait, Func, OnConflict, Order, Query, SelectStatement, WindowStatement,
};
use uuid::Uuid;

use super::cursor::Cursor;
use super::notification::{Notification, excerpt};
use super::record::{COLUMNS, NotificationRecord, name_of, tone_of};
use crate::pages::UnreadSummary;
use crate::store::{Row, Store, StoreError, Transaction, now};

const TABLE: &str = "portal_notifications";
/// Maximum number of notifications per user; read ones are deleted first, then the oldest.
pub(super) const MAX_PER_USER: i32 = 200;
/// Maximum length of the text announced by the bell, in characters.
const MAX_ANNOUNCED_LENGTH: usize = 120;
/// Number of users whose notifications are written in one statement.
const CHUNK: usize = 500;

/// Stores a notification for each of several distinct users, and deletes surplus notifications.
pub(super) async fn insert(
    transaction: &mut Transaction,
    users: &[Uuid],
    message: &Notification,
    count: i32,
) -> Result<(), StoreError> {
    for users in users.chunks(CHUNK) {
        insert_chunk(transaction, users, message, count, now()).await?;
        prune(transaction, users).await?;
    }
    Ok(())
}

async fn insert_chunk(
    transaction: &mut Transaction,
    users: &[Uuid],
    message: &Notification,
    count: i32,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let mut insert = Query::insert()
        .into_table(TABLE)
        .columns([
            "id",
            "user_id",
            "kind",
            "group_name",
            "title",
            "plural",
            "count",
            "text",
            "link",
            "tone",
            "created_at",
            "updated_at",
        ])
        .take();
    let group = message.group.as_ref();
    let link_of_several = group.and_then(|group| group.link.as_ref());
    let link = link_of_several.filter(|_| count > 1);
    let link = link.or(message.link.as_ref());
    for user in users {
        insert.values_panic([
            Uuid::now_v7().into(),
            (*user).into(),
            message.kind.as_str().into(),
            group.map(|group| group.name.clone()).into(),
            message.title.as_str().into(),
            group.map(|group| group.plural.clone()).into(),
            count.into(),
            message.text.clone().into(),
            link.cloned().into(),
            name_of(message.tone).into(),
            now.into(),
            now.into(),
        ]);
    }
    if group.is_some() {
        // The insert conflicts if replicas concurrently write for the same user and group; both
        // notifications are then counted.
        let sum = Expr::col((TABLE, "count")).add(Expr::col(("excluded", "count")));
        insert.on_conflict(
            OnConflict::columns(["user_id", "group_name"])
                .target_and_where(Expr::col("read_at").is_null())
                .update_columns(["kind", "title", "plural", "text", "tone", "updated_at"])
                .value("link", link_of_several.or(link).cloned())
                .value("count", sum)
                .to_owned(),
        );
    }
    transaction.execute(&insert).await.map(drop)
}

/// Deletes the notifications of these users in excess of [`MAX_PER_USER`] per user.
async fn prune(transaction: &mut Transaction, users: &[Uuid]) -> Result<(), StoreError> {
    let window = WindowStatement::partition_by("user_id")
        .order_by_expr(Expr::col("read_at").is_null(), Order::Desc)
        .order_by("updated_at", Order::Desc)
        .order_by("id", Order::Desc)
        .take();
    let placed = Query::select()
        .column("id")
        .expr_window_as(Func::cust("ROW_NUMBER"), window, "place")
        .from(TABLE)
        .and_where(Expr::col("user_id").is_in(users.iter().copied()))
        .take();
    let surplus = Query::select()
        .column("id")
        .from_subquery(placed, "placed")
        .and_where(Expr::col("place").gt(MAX_PER_USER))
        .take();
    let delete = Query::delete()
        .from_table(TABLE)
        .and_where(Expr::col("id").in_subquery(surplus))
        .take();
    transaction.execute(&delete).await.map(drop)
}

/// Returns those of the given users who have not been deleted.
pub(super) async fn existing_users(
    transaction: &mut Transaction,
    users: impl IntoIterator<Item = Uuid>,
) -> Result<HashSet<Uuid>, StoreError> {
    let select = Query::select()
        .column("id")
        .from("portal_users")
        .and_where(Expr::col("id").is_in(users))
        .and_where(Expr::col("deleted_at").is_null())
        .take();
    let rows = transaction.fetch_all(&select).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// Parameters for listing a user's notifications, newest first.
pub(super) struct ListParams {
    pub(super) after: Option<Cursor>,
    pub(super) unread_only: bool,
    pub(super) limit: u64,
}

pub(super) async fn list(
    store: &Store,
    user: Uuid,
    listed: &ListParams,
) -> Result<Vec<NotificationRecord>, StoreError> {
    let mut select = select_for_user(user).columns(COLUMNS).take();
    if listed.unread_only {
        select.and_where(Expr::col("read_at").is_null());
    }
    if let Some(Cursor { at, id }) = listed.after {
        let same = Expr::col("updated_at").eq(at).and(Expr::col("id").lt(id));
        let older = Expr::col("updated_at").lt(at);
        select.cond_where(Cond::any().add(older).add(same));
    }
    select
        .order_by("updated_at", Order::Desc)
        .order_by("id", Order::Desc)
        .limit(listed.limit);
    let rows = store.fetch_all(&select).await?;
    rows.iter().map(NotificationRecord::from_row).collect()
}

fn select_for_user(user: Uuid) -> SelectStatement {
    Query::select()
        .from(TABLE)
        .and_where(Expr::col("user_id").eq(user))
        .take()
}

pub(super) async fn get(
    store: &Store,
    user: Uuid,
    id: Uuid,
) -> Result<Option<NotificationRecord>, StoreError> {
    let select = select_for_user(user)
        .columns(COLUMNS)
        .and_where(Expr::col("id").eq(id))
        .take();
    let row = store.fetch_optional(&select).await?;
    row.map(|row| NotificationRecord::from_row(&row))
        .transpose()
}

/// Returns a summary of a user's unread notifications: their count and the newest of them.
pub(super) async fn unread(store: &Store, user: Uuid) -> Result<UnreadSummary, StoreError> {
    let select = select_for_user(user)
        .columns(["id", "title", "text", "link", "tone", "updated_at"])
        .expr_window_as(
            Func::sum(Expr::col("count")),
            WindowStatement::new(),
            "messages",
        )
        .expr_window_as(
            Func::count(Expr::col("id")),
            WindowStatement::new(),
            "unread",
        )
        .and_where(Expr::col("read_at").is_null())
        .order_by("updated_at", Order::Desc)
        .limit(1)
        .take();
    let read = |row: Row| -> Result<UnreadSummary, StoreError> {
        let at: DateTime<Utc> = row.get("updated_at")?;
        let link: Option<String> = row.get("link")?;
        let text: Option<String> = row.get("text")?;
        let tone: String = row.get("tone")?;
        let id: Uuid = row.get("id")?;
        Ok(UnreadSummary {
            count: row.get::<i64>("unread")?.unsigned_abs(),
            messages: row.get::<i64>("messages")?.unsigned_abs(),
            newest_at: at.timestamp_micros(),
            newest: row.get("title")?,
            newest_text: text.map(|text| excerpt(&text, MAX_ANNOUNCED_LENGTH)),
            tone: tone_of(&tone),
            linked: link.map(|_| id),
        })
    };
    let row = store.fetch_optional(&select).await?;
    row.map_or_else(|| Ok(UnreadSummary::default()), read)
}

/// Marks one or all of a user's notifications as read; returns the number of previously unread
/// ones.
pub(super) async fn mark_read(
    store: &Store,
    user: Uuid,
    id: Option<Uuid>,
) -> Result<u64, StoreError> {
    let mut update = Query::update()
        .table(TABLE)
        .value("read_at", now())
        .and_where(Expr::col("user_id").eq(user))
        .and_where(Expr::col("read_at").is_null())
        .take();
    if let Some(id) = id {
        update.and_where(Expr::col("id").eq(id));
    }
    store.execute(&update).await
}

pub(super) async fn delete(store: &Store, user: Uuid, id: Uuid) -> Result<bool, StoreError> {
    let delete = Query::delete()
        .from_table(TABLE)
        .and_where(Expr::col("user_id").eq(user))
        .and_where(Expr::col("id").eq(id))
        .take();
    Ok(store.execute(&delete).await? > 0)
}
