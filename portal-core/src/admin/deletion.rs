//! Effects of a deletion on the rows that refer to the deleted rows, as one user sees them.

use std::collections::BTreeSet;

use maud::{Markup, html};
use serde_json::{Value, json};

use super::field_type::plain_text;
use super::list_url::ListUrl;
use super::model_view::ModelView;
use super::on_delete::OnDelete;
use super::repository::{Lookup, ReferringRows};
use super::row_service::RowService;
use crate::error::{Error, Result};
use crate::pages::Href;

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
