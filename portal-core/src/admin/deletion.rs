//! Deletions on behalf of a user, and their effects on the rows that refer to the deleted rows.

use std::collections::{BTreeSet, HashMap};

use maud::{Markup, html};
use serde_json::{Value, json};

use super::field_type::plain_text;
use super::list_url::ListUrl;
use super::model_view::{ModelView, VisibleRow};
use super::models::Models;
use super::on_delete::OnDelete;
use super::policy::Operation;
use super::precondition::Precondition;
use super::record::Record;
use super::repository::{CascadeRights, Lookup, ReferringRows};
use super::row_service::RowService;
use super::selection::RowSelection;
use crate::error::{Error, Result};
use crate::pages::Href;
use crate::store::Connection;

/// Maximum number of rows of a field that are counted.
const COUNTED: usize = 1000;

/// Maximum number of keys in the URL of a filtered list.
const MAX_KEYS: usize = 20;

/// Effects of a deletion.
#[derive(Debug, Clone, Default)]
pub(super) struct DeletionEffects {
    effects: Vec<Effect>,
    /// Rules of rows that the user cannot see.
    hidden: BTreeSet<OnDelete>,
}

/// Effect on the rows that refer to deleted rows by a field.
#[derive(Debug, Clone)]
struct Effect {
    rule: OnDelete,
    model: &'static str,
    field: &'static str,
    field_title: &'static str,
    noun: String,
    count: usize,
    /// `true` if there are more rows than the count.
    is_more: bool,
    is_permitted: bool,
    list: Option<ListUrl>,
}

impl DeletionEffects {
    /// Returns the effects of deleting the rows with some keys.
    pub(super) async fn of(rows: &RowService<'_>, keys: Vec<Value>) -> Result<Self> {
        let mut all = Self::default();
        let lookup = Lookup {
            limit: COUNTED,
            with_restricted: true,
        };
        for found in rows.referring_rows(keys, lookup).await? {
            all.add(rows, &found).await?;
        }
        Ok(all)
    }

    async fn add(&mut self, rows: &RowService<'_>, found: &ReferringRows<'_>) -> Result<()> {
        let rule = found.field.on_delete;
        let visible = rows.visible(found.model.name).await?;
        let visible = visible.filter(|it| it.model().field(found.field.name).is_some());
        let Some(visible) = visible else {
            self.hidden.insert(rule);
            return Ok(());
        };
        let count = visible.count_visible(&found.records).await?;
        if count < found.records.len() {
            self.hidden.insert(rule);
        }
        if count == 0 {
            return Ok(());
        }
        let model = visible.model();
        self.effects.push(Effect {
            rule,
            model: model.name,
            field: found.field.name,
            field_title: found.field.title,
            noun: noun(model, count),
            count,
            is_more: found.is_cut,
            is_permitted: model.permissions.delete,
            list: list(model.name, found),
        });
        Ok(())
    }

    /// Returns `true` if nothing refers to the rows.
    pub(super) fn is_empty(&self) -> bool {
        self.effects.is_empty() && self.hidden.is_empty()
    }

    /// Returns `true` if the user cannot delete the rows as long as others refer to them.
    pub(super) fn prevent_deletion(&self) -> bool {
        // Users cannot delete rows that they do not see.
        let hidden = self.hidden.iter().any(|rule| *rule != OnDelete::SetNull);
        let prevents = |effect: &Effect| match effect.rule {
            OnDelete::Restrict => true,
            OnDelete::SetNull => false,
            OnDelete::Cascade => !effect.is_permitted,
        };
        hidden || self.effects.iter().any(prevents)
    }

    /// Renders the effects as a list, with links to the rows.
    pub(super) fn render(&self) -> Markup {
        html! {
            @if !self.is_empty() {
                ul class="pt-effects" {
                    @for effect in &self.effects { li { (effect.render()) } }
                    @for rule in &self.hidden { li { "Other records " (hidden(*rule)) } }
                }
            }
        }
    }

    /// Adds to the error of a rejected deletion the rows that prevent it.
    pub(super) fn explain(&self, error: Error) -> Error {
        let is_restricted = |effect: &&Effect| effect.rule == OnDelete::Restrict;
        let restricted = self.effects.iter().filter(is_restricted);
        let mut names: Vec<String> = restricted.clone().map(Effect::amount).collect();
        if self.hidden.contains(&OnDelete::Restrict) || names.is_empty() {
            names.push("other rows".to_owned());
        }
        let detail = format!(
            "the row is referenced by {}; change or delete them first",
            names.join(" and ")
        );
        let referring: Vec<Value> = restricted
            .map(|it| json!({"model": it.model, "field": it.field, "count": it.count}))
            .collect();
        Error::conflict("referenced", detail)
            .with_cause(error)
            .with_extension("referring", referring)
    }
}

impl<'a> RowService<'a> {
    /// Deletes a row.
    pub(crate) async fn delete(&self, key: &str, expected: &Precondition) -> Result<()> {
        self.permit(Operation::Delete)?;
        let table = self.table().clone().cascading(self.cascade_rights().await?);
        let error = match table.delete(key, expected).await {
            Ok(()) => return Ok(()),
            Err(error) => self.explain(key, error).await,
        };
        let keys = self.table().parse_key(key).into_iter().collect();
        Err(self.explain_referenced(error, keys).await)
    }

    /// Deletes all selected rows or none, and returns the number of deleted rows. Rows that the
    /// user cannot see are ignored, like rows that do not exist.
    pub(crate) async fn delete_all(&self, selection: &RowSelection) -> Result<u64> {
        self.permit(Operation::Delete)?;
        let table = self.table().clone().cascading(self.cascade_rights().await?);
        match selection {
            RowSelection::Keys(keys) => match table.delete_all(keys).await {
                Ok(deleted) => Ok(deleted),
                Err(error) => {
                    let keys = keys.iter().filter_map(|it| self.table().parse_key(it));
                    Err(self.explain_referenced(error, keys.collect()).await)
                }
            },
            RowSelection::Matching { query, confirmed } => {
                table.delete_matching(query, *confirmed).await
            }
        }
    }

    /// Returns the rows of other models that the user may delete by cascade.
    pub(super) async fn cascade_rights(&self) -> Result<CascadeRights> {
        let registry = self.state().borrow::<Models>()?.registry();
        let mut rights = HashMap::new();
        let mut waiting = vec![self.model().name];
        while let Some(target) = waiting.pop() {
            for (model, field) in registry.referring(target) {
                let is_new = !rights.contains_key(model.name);
                if field.on_delete != OnDelete::Cascade || !is_new {
                    continue;
                }
                if model.policy.allows(Operation::Delete, self.user()) {
                    let scope = model.policy.rows(self.user(), self.state()).await?;
                    rights.insert(model.name, scope);
                    waiting.push(model.name);
                }
            }
        }
        Ok(CascadeRights::Only(rights))
    }

    /// Adds to the error of a rejected deletion the rows that refer to the rows with some keys.
    async fn explain_referenced(&self, error: Error, keys: Vec<Value>) -> Error {
        if error.code() != "referenced" {
            return error;
        }
        // Rows outside of the scope are not deleted, so their effects do not matter.
        let visible = self.get_all(&keys.iter().collect::<Vec<_>>()).await;
        let key = |row: &VisibleRow| row.values.get(self.model().key().name).cloned();
        let keys = visible.map(|rows| rows.iter().filter_map(key).collect());
        let effects = match keys {
            Ok(keys) => DeletionEffects::of(self, keys).await,
            Err(error) => Err(error),
        };
        match effects {
            Ok(effects) => effects.explain(error),
            Err(_) => error,
        }
    }

    /// Returns the rows that refer to the rows with some keys, including those that the user cannot
    /// see.
    pub(super) async fn referring_rows(
        &self,
        keys: Vec<Value>,
        lookup: Lookup,
    ) -> Result<Vec<ReferringRows<'a>>> {
        let mut connection = Connection::Pool(self.state().borrow::<Models>()?.store());
        self.table()
            .referring(&mut connection, keys, lookup, false)
            .await
    }

    /// Returns how many of some rows the user can see.
    pub(super) async fn count_visible(&self, records: &[Record]) -> Result<usize> {
        let key = self.model().key().name;
        let keys: Vec<&Value> = records.iter().filter_map(|it| it.values.get(key)).collect();
        Ok(self.get_all(&keys).await?.len())
    }
}

impl Effect {
    /// Returns the number of rows with their noun, such as "3 contacts".
    fn amount(&self) -> String {
        match self.is_more {
            true => format!("more than {} {}", self.count, self.noun),
            false => format!("{} {}", self.count, self.noun),
        }
    }

    fn render(&self) -> Markup {
        let amount = self.amount();
        let amount = html! {
            @match &self.list {
                Some(list) => a href=(Href::from(list)) { (amount) },
                None => (amount),
            }
        };
        html! {
            @match self.rule {
                OnDelete::Restrict => { (amount) " must be changed or deleted first" },
                OnDelete::SetNull => { (amount) ": “" (self.field_title) "” becomes empty" },
                OnDelete::Cascade if self.is_permitted => { (amount) " will be deleted as well" },
                OnDelete::Cascade => { (amount) " would be deleted as well, which your account does not allow" },
            }
        }
    }
}

fn hidden(rule: OnDelete) -> &'static str {
    match rule {
        OnDelete::Restrict => "that you cannot see must be changed or deleted first",
        OnDelete::SetNull => "that you cannot see will no longer refer to it",
        OnDelete::Cascade => {
            "that you cannot see would be deleted as well, which your account does not allow"
        }
    }
}

fn noun(model: &ModelView<'_>, count: usize) -> String {
    let noun = if count == 1 {
        model.title
    } else {
        model.plural
    };
    noun.to_lowercase()
}

/// Returns the list of the referring rows; `None` if its URL would be too long.
fn list(model: &str, found: &ReferringRows<'_>) -> Option<ListUrl> {
    let name = found.field.name;
    let list = ListUrl::of(model);
    match found.targets.as_slice() {
        [key] => Some(list.with(&format!("filter[{name}]"), plain_text(key))),
        keys if keys.len() > MAX_KEYS => None,
        keys => {
            let keys: Vec<String> = keys.iter().map(plain_text).collect();
            let is_plain = |key: &String| !key.contains(',');
            let all_plain = keys.iter().all(is_plain);
            all_plain.then(|| list.with(&format!("filter[{name}][in]"), keys.join(",")))
        }
    }
}
