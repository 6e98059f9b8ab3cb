//! Rows of a model on behalf of a user, regardless of the service that stores them.

use axum::http::StatusCode;
use serde_json::Value;

use super::actions::{ActionRun, RowCursor};
use super::cursor::Position;
use super::field::FieldSpec;
use super::field_type::plain_text;
use super::model_view::{ModelView, VisibleRow};
use super::models::Models;
use super::policy::Operation;
use super::precondition::Precondition;
use super::query::ListQuery;
use super::record::{Record, row_not_found};
use super::repository::{ModelTable, reference_unknown};
use super::selection::{MAX_MATCHING, RowSelection, check_count};
use super::spec::{ModelSpec, RowValues};
use super::total::RowTotal;
use super::users::{self, UserAccounts};
use crate::auth::{Access, Actor, Auth, Roles, User};
use crate::error::{Error, FieldError, Result};
use crate::state::PortalState;
use crate::tasks::TaskContext;

/// Rows of a model that one user may see, and the operations that they may perform.
pub(crate) struct RowService<'a> {
    state: &'a PortalState,
    user: &'a User,
    actor: &'a Actor,
    view: ModelView<'a>,
    /// The rows in the user's scope.
    table: ModelTable<'a>,
    /// Stores changes to rows of the users model.
    accounts: Option<UserAccounts<'a>>,
}

/// One page of rows, and the total number of rows.
#[derive(Debug)]
pub(crate) struct VisiblePage {
    pub(crate) rows: Vec<VisibleRow>,
    pub(crate) total: RowTotal,
    pub(crate) place: Place,
}

/// Place of a page in its list.
#[derive(Debug)]
pub(crate) enum Place {
    /// Number of the page.
    Number(u64),
    /// Cursors of the neighboring pages.
    Between {
        previous: Option<String>,
        next: Option<String>,
    },
}

/// A changed row.
#[derive(Debug)]
pub(crate) struct ChangedRow {
    pub(crate) row: VisibleRow,
    /// Fields whose values differ from those before the change.
    pub(crate) changed: Vec<&'static FieldSpec>,
}

impl VisiblePage {
    /// Returns the number of the page; 1 if the pages have no numbers.
    pub(super) fn number(&self) -> u64 {
        match self.place {
            Place::Number(number) => number,
            Place::Between { .. } => 1,
        }
    }
}

impl<'a> RowService<'a> {
    /// Returns the rows of a model by name, for a user whose changes are recorded.
    ///
    /// Fails if the user may not view the model. If it does not exist, administrators receive
    /// `404 model_unknown`, and other users cannot distinguish it from a forbidden model.
    pub(crate) async fn open(
        state: &'a PortalState,
        model: &str,
        user: &'a User,
        actor: &'a Actor,
    ) -> Result<Self> {
        let models = state.borrow::<Models>()?;
        if models.registry().find(model).is_none() {
            Access::Admin.check(Some(user))?;
        }
        let table = models.table(model)?;
        let policy = &table.model.policy;
        policy.check(Operation::View, user)?;
        let scope = policy.rows(user, state).await?;
        let accounts = if table.model.name == users::MODEL {
            let (auth, roles) = (state.borrow::<Auth>()?, state.borrow::<Roles>()?);
            Some(UserAccounts::new(auth, roles))
        } else {
            None
        };
        Ok(Self {
            state,
            user,
            actor,
            view: ModelView::new(table.model, user),
            table: table.changed_by(actor).within(scope),
            accounts,
        })
    }

    /// Returns the rows in the scope of the user.
    pub(super) fn table(&self) -> &ModelTable<'a> {
        &self.table
    }

    /// Returns the model as the user sees it.
    pub(crate) fn model(&self) -> &ModelView<'a> {
        &self.view
    }

    pub(super) fn state(&self) -> &'a PortalState {
        self.state
    }

    pub(super) fn actor(&self) -> &'a Actor {
        self.actor
    }

    pub(super) fn user(&self) -> &'a User {
        self.user
    }

    /// Returns the selected rows that the user can see, for an action.
    pub(super) async fn cursor(
        &self,
        run: ActionRun,
        selection: RowSelection,
        task: Option<TaskContext>,
    ) -> Result<RowCursor> {
        let models = self.state.borrow::<Models>()?;
        let caller = (self.user, self.actor);
        RowCursor::new(models, &self.table, caller, run, selection, task).await
    }

    /// Fails with `403 not_permitted` if the user may not perform an operation on any row.
    pub(crate) fn permit(&self, operation: Operation) -> Result<()> {
        self.table.model.policy.check(operation, self.user)
    }

    /// Returns the page of rows with the number in the query, and the exact number of rows.
    pub(crate) async fn list(&self, query: &ListQuery) -> Result<VisiblePage> {
        let page = self.table.list(query).await?;
        Ok(VisiblePage {
            rows: self.show(page.records),
            total: RowTotal::Exact(page.total),
            place: Place::Number(query.page),
        })
    }

    /// Returns the page of rows at a position. The number of rows can be an estimate; it is not
    /// counted if all rows are on the page.
    pub(crate) async fn page_at(
        &self,
        query: &ListQuery,
        position: &Position,
    ) -> Result<VisiblePage> {
        let (rows, place) = self.rows_at(query, position).await?;
        let total = match place {
            Place::Between { next: None, .. } if *position == Position::First => {
                RowTotal::Exact(rows.len() as u64)
            }
            _ => self.table.total(query).await?,
        };
        Ok(VisiblePage { rows, total, place })
    }

    /// Returns a page of rows for browsing: with a number if the rows can be counted and the query
    /// contains no position. If there are fewer pages, returns the last one.
    pub(crate) async fn browse(&self, query: &ListQuery) -> Result<VisiblePage> {
        if let Some(position) = &query.position {
            let page = self.page_at(query, position).await?;
            let is_past_the_end = page.rows.is_empty() && matches!(position, Position::After(_));
            return match is_past_the_end {
                // All rows after the cursor have been deleted.
                true => self.page_at(query, &Position::Last).await,
                false => Ok(page),
            };
        }
        if query.page == 1 {
            let page = self.page_at(query, &Position::First).await?;
            let place = match page.total {
                RowTotal::Exact(_) => Place::Number(1),
                RowTotal::Estimate(_) | RowTotal::MoreThan(_) => page.place,
            };
            return Ok(VisiblePage { place, ..page });
        }
        let total = self.table.total(query).await?;
        let RowTotal::Exact(number) = total else {
            let (rows, place) = self.rows_at(query, &Position::First).await?;
            return Ok(VisiblePage { rows, total, place });
        };
        let page = query.page.min(number.div_ceil(query.per_page).max(1));
        let query = ListQuery {
            page,
            ..query.clone()
        };
        Ok(VisiblePage {
            rows: self.list_without_total(&query).await?,
            total,
            place: Place::Number(page),
        })
    }

    /// Returns the rows at a position, without counting all rows.
    pub(super) async fn rows_at(
        &self,
        query: &ListQuery,
        position: &Position,
    ) -> Result<(Vec<VisibleRow>, Place)> {
        let page = self.table.page_at(query, position).await?;
        let place = Place::Between {
            previous: page.previous,
            next: page.next,
        };
        Ok((self.show(page.records), place))
    }

    fn show(&self, records: Vec<Record>) -> Vec<VisibleRow> {
        let rows = records.into_iter();
        rows.map(|record| self.view.show(record)).collect()
    }

    /// Returns the rows of a page, without counting all rows.
    pub(super) async fn list_without_total(&self, query: &ListQuery) -> Result<Vec<VisibleRow>> {
        Ok(self.show(self.table.list_without_total(query).await?))
    }

    /// Returns the rows with one of the keys that the user can see, in any order.
    pub(super) async fn get_all(&self, keys: &[&Value]) -> Result<Vec<VisibleRow>> {
        Ok(self.show(self.table.get_all(keys).await?))
    }

    /// Returns the row with a key. Fails with `404 row_not_found` if the user cannot see such a
    /// row.
    pub(crate) async fn get(&self, key: &str) -> Result<VisibleRow> {
        Ok(self.view.show(self.record(key).await?))
    }

    /// Adds a row with the given values.
    pub(crate) async fn create(&self, given: RowValues) -> Result<VisibleRow> {
        self.permit(Operation::Create)?;
        let row = self.checked_new(given).await?;
        let added = self.table.insert(&row).await;
        let added = added.map_err(|error| self.view.redact(error))?;
        Ok(self.view.show(added))
    }

    /// Changes a row; with `full`, omitted values are reset to their defaults.
    pub(crate) async fn change(
        &self,
        key: &str,
        expected: &Precondition,
        given: RowValues,
        full: bool,
    ) -> Result<ChangedRow> {
        self.permit(Operation::Change)?;
        let present = self.record(key).await?;
        if !expected.is_met_by(&present) {
            return Err(self.view.stale(present));
        }
        let changed = match &self.accounts {
            Some(accounts) => {
                let (table, view) = (&self.table, &self.view);
                accounts.change(table, view, &present, given, full).await?
            }
            None => self.store(key, &present, given, full).await?,
        };
        Ok(self.changed(&present, changed))
    }

    async fn store(
        &self,
        key: &str,
        present: &Record,
        given: RowValues,
        full: bool,
    ) -> Result<Record> {
        let Some(row) = self.checked_row(present, given, full).await? else {
            return Ok(present.clone());
        };
        match self.table.update(key, present, &row).await {
            Ok(record) => Ok(record),
            Err(error) => Err(self.explain(key, error).await),
        }
    }

    /// Returns a new row with the given values, checked.
    pub(super) async fn checked_new(&self, given: RowValues) -> Result<RowValues> {
        let submitted = SubmittedKeys::of(&self.view, &given);
        let row = self.view.new_row(given).map_err(Error::invalid)?;
        self.check_references(None, &row, &submitted).await?;
        Ok(row)
    }

    /// Returns a row after a change, checked; `None` if it is the same, because a write that changes
    /// nothing must not make the row stale for other writers.
    pub(super) async fn checked_row(
        &self,
        present: &Record,
        given: RowValues,
        full: bool,
    ) -> Result<Option<RowValues>> {
        let submitted = SubmittedKeys::of(&self.view, &given);
        let row = self.view.changed_row(&present.values, given, full);
        let row = row.map_err(Error::invalid)?;
        if row == present.values {
            return Ok(None);
        }
        self.check_references(Some(&present.values), &row, &submitted)
            .await?;
        Ok(Some(row))
    }

    /// Returns the number of selected rows, and the first of them, at most `limit`.
    pub(super) async fn selected(
        &self,
        selection: &RowSelection,
        limit: u64,
    ) -> Result<(u64, Vec<VisibleRow>)> {
        match selection {
            RowSelection::Keys(keys) => {
                let keys: Vec<Value> = keys
                    .iter()
                    .filter_map(|it| self.table.parse_key(it))
                    .collect();
                let keys: Vec<&Value> = keys.iter().collect();
                let mut rows = self.get_all(&keys).await?;
                let count = rows.len() as u64;
                rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
                Ok((count, rows))
            }
            RowSelection::Matching { query, .. } => {
                let count = self.table.count_up_to(query, MAX_MATCHING + 1).await?;
                check_count(count, None)?;
                let first = ListQuery {
                    page: 1,
                    per_page: limit,
                    ..query.as_ref().clone()
                };
                Ok((count, self.list_without_total(&first).await?))
            }
        }
    }

    /// Returns the rows to which a field refers; `None` if the field is not a reference, or if the
    /// user may not view the model.
    pub(crate) async fn targets(&self, field: &FieldSpec) -> Result<Option<RowService<'a>>> {
        match field.target() {
            Some(target) => self.visible(target).await,
            None => Ok(None),
        }
    }

    /// Returns the fields that refer to this model and that the user may view, each with the rows
    /// of its model.
    pub(super) async fn referring(&self) -> Result<Vec<(RowService<'a>, &'static FieldSpec)>> {
        let registry = self.state.borrow::<Models>()?.registry();
        let mut referring = Vec::new();
        for (model, field) in registry.related(self.view.name) {
            if model.policy.shows(field, self.user)
                && let Some(rows) = self.visible(model.name).await?
            {
                referring.push((rows, field));
            }
        }
        Ok(referring)
    }

    /// Returns the rows of another model; `None` if the user may not view it.
    pub(super) async fn visible(&self, model: &str) -> Result<Option<RowService<'a>>> {
        match RowService::open(self.state, model, self.user, self.actor).await {
            Ok(rows) => Ok(Some(rows)),
            Err(error) if error.status() == StatusCode::FORBIDDEN => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn record(&self, key: &str) -> Result<Record> {
        self.table.get(key).await?.ok_or_else(row_not_found)
    }

    /// Fails if a reference would point to a row that the user cannot see, as if it did not exist.
    /// References that are not changed are not checked.
    async fn check_references(
        &self,
        present: Option<&RowValues>,
        row: &RowValues,
        submitted: &SubmittedKeys,
    ) -> Result<()> {
        let mut errors = Vec::new();
        for field in self.view.fields() {
            let value = row.get(field.name).filter(|value| !value.is_null());
            if let (Some(value), true) = (value, field.many_to_many.is_some()) {
                let before = present.and_then(|it| it.get(field.name));
                let before = before.map_or(&[][..], |value| field.keys(value));
                let added = field.keys(value).iter().filter(|key| !before.contains(key));
                let added: Vec<&Value> = added.collect();
                let unknown = self.unknown_keys(field, &added).await?;
                errors.extend(unknown.into_iter().map(|key| submitted.error(field, key)));
                continue;
            }
            let is_changed = value.is_some() && value != present.and_then(|it| it.get(field.name));
            if field.references.is_none() || !is_changed {
                continue;
            }
            let key = value.map(plain_text).unwrap_or_default();
            let is_visible = match self.targets(field).await? {
                Some(rows) => rows.table.get(&key).await?.is_some(),
                None => false,
            };
            if !is_visible {
                errors.push(reference_unknown(field));
            }
        }
        match errors.as_slice() {
            [] => Ok(()),
            _ => Err(Error::invalid(errors)),
        }
    }

    /// Returns the keys that are not those of rows which the user can see.
    async fn unknown_keys<'k>(
        &self,
        field: &FieldSpec,
        keys: &[&'k Value],
    ) -> Result<Vec<&'k Value>> {
        let mut visible = Vec::new();
        if !keys.is_empty()
            && let Some(targets) = self.targets(field).await?
        {
            let key = targets.view.key().name;
            let rows = targets.get_all(keys).await?.into_iter();
            visible.extend(rows.filter_map(|mut row| row.values.remove(key)));
        }
        let keys = keys.iter().copied();
        Ok(keys.filter(|key| !visible.contains(key)).collect())
    }

    /// Returns the changed row with the visible fields that differ.
    pub(super) fn changed(&self, present: &Record, record: Record) -> ChangedRow {
        let differs =
            |field: &&FieldSpec| present.values.get(field.name) != record.values.get(field.name);
        ChangedRow {
            changed: self.view.fields().filter(differs).collect(),
            row: self.view.show(record),
        }
    }

    /// Adds the current row to a conflict, and removes from other errors what the user may not see.
    pub(super) async fn explain(&self, key: &str, error: Error) -> Error {
        if error.code() != "stale" {
            return self.view.redact(error);
        }
        match self.record(key).await {
            Ok(current) => self.view.stale(current),
            Err(error) => error,
        }
    }
}

/// Lists of keys as they were submitted, for the pointers of errors.
struct SubmittedKeys(RowValues);

impl SubmittedKeys {
    fn of(model: &ModelView<'_>, given: &RowValues) -> Self {
        let fields = model.fields().filter(|field| field.many_to_many.is_some());
        let list =
            |field: &FieldSpec| Some((field.name.to_owned(), given.get(field.name)?.clone()));
        Self(fields.filter_map(list).collect())
    }

    /// Returns the error for a key of a row that does not exist, or that the user cannot see.
    fn error(&self, field: &FieldSpec, key: &Value) -> FieldError {
        let keys = self.0.get(field.name).map_or(&[][..], |it| field.keys(it));
        let same = |it: &Value| plain_text(it) == plain_text(key);
        let mut error = reference_unknown(field);
        if let Some(position) = keys.iter().position(same) {
            error.pointer.push_str(&format!("/{position}"));
        }
        error
    }
}

/// Returns the models that a user may view, in the order of the registry.
pub(crate) fn visible_models<'a>(
    models: &'a [ModelSpec],
    user: &User,
) -> impl Iterator<Item = ModelView<'a>> {
    models
        .iter()
        .filter(|model| model.policy.allows(Operation::View, user))
        .map(|model| ModelView::new(model, user))
}
