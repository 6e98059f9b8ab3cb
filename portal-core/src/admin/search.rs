//! Search results of admin models: the models themselves, and their rows.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::list_url::ListUrl;
use super::model_view::ModelView;
use super::models::Models;
use super::query::ListQuery;
use super::row_service::{RowService, visible_models};
use super::users;
use crate::auth::{Actor, CurrentUser};
use crate::error::Result;
use crate::pages::{SearchGroup, SearchHit, SearchQuery, SearchSource};

/// Maximum number of rows shown per model.
const ROWS: u64 = 5;

/// Minimum length of a search text, in characters; a shorter text would match too many rows.
const SHORTEST: usize = 2;

/// Maximum number of models whose rows are searched; each model requires a query.
const MODELS: usize = 12;

/// Timeout for searching one model; it does not affect the other models.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(2);

/// Search source for the admin models that the user has access to.
pub(crate) struct ModelSearch;

impl SearchSource for ModelSearch {
    async fn search(&self, query: SearchQuery<'_>) -> Result<Vec<SearchGroup>> {
        let Some(user) = query.user else {
            return Ok(Vec::new());
        };
        let registry = query.state.borrow::<Models>()?.registry();
        let models: Vec<_> = visible_models(registry.models(), user).collect();
        let mut groups = vec![named(&models, &query)];
        if query.text.chars().count() < SHORTEST {
            return Ok(groups);
        }
        let actor = Actor::from(user);
        let mut searched = models;
        searched.sort_by_key(|model| model.name != users::MODEL);
        let found = searched.iter().take(MODELS).map(|model| async {
            let rows = timeout(SEARCH_TIMEOUT, rows(model, &query, user, &actor)).await;
            match rows {
                Ok(Ok(group)) => Some(group),
                Ok(Err(error)) => {
                    tracing::warn!(%error, model = model.name, "failed to search a model");
                    None
                }
                Err(_) => {
                    tracing::warn!(model = model.name, "search of a model timed out");
                    None
                }
            }
        });
        groups.extend(join_all(found).await.into_iter().flatten());
        Ok(groups)
    }
}

/// Returns the models that match by name, with links to new rows. The list of a model with an entry
/// in the navigation is found as a page.
fn named(models: &[ModelView<'_>], query: &SearchQuery<'_>) -> SearchGroup {
    let mut hits = Vec::new();
    for model in models {
        let list = ListUrl::of(model.name);
        if !model.is_in_nav() && query.rank(model.plural).is_some() {
            hits.push(
                SearchHit::link(model.plural, list.to_string())
                    .icon("database")
                    .hint("Settings"),
            );
        }
        let title = format!("New {}", model.title.to_lowercase());
        let is_wanted = !query.text.is_empty() && query.rank(&title).is_some();
        if model.permissions.create && is_wanted {
            hits.push(SearchHit::link(title, list.with("new", "1").to_string()).icon("plus"));
        }
    }
    SearchGroup::new("Models").hits(hits)
}

async fn rows(
    model: &ModelView<'_>,
    query: &SearchQuery<'_>,
    user: &CurrentUser,
    actor: &Actor,
) -> Result<SearchGroup> {
    let group = SearchGroup::new(model.plural);
    if model.searched().next().is_none() {
        return Ok(group);
    }
    let page = RowService::open(query.state, model.name, user, actor)
        .await?
        .list(&ListQuery {
            per_page: ROWS,
            search: query.text.replace('\0', ""),
            ..ListQuery::first_page(model)
        })
        .await?;
    let list = ListUrl::of(model.name);
    Ok(group.hits(page.rows.iter().map(|row| {
        let values = &row.values;
        let href = list.record(&model.key_of(values)).to_string();
        if model.name == users::MODEL {
            let (name, email) = users::name_and_email(values);
            return SearchHit::link(name, href).icon("user").hint(email);
        }
        SearchHit::link(model.label_of(values), href)
            .icon("file-text")
            .hint(model.title)
    })))
}
