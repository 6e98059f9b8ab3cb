//! `/api/client-tokens`: creates, lists and revokes a user's client tokens.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::auth::{Access, ClientTokens, CurrentUser, NewClientToken, RateClass, Routes};
use crate::error::Result;
use crate::state::Data;

pub(super) fn routes() -> Routes {
    let writes = Routes::new()
        .post("/api/client-tokens", Access::User, create_token)
        .delete(
            "/api/client-tokens/{client_token}",
            Access::User,
            delete_token,
        )
        .rate_class(RateClass::ClientToken);
    Routes::new()
        .get("/api/client-tokens", Access::User, list_tokens)
        .merge(writes)
}

async fn create_token(
    user: CurrentUser,
    tokens: Data<ClientTokens>,
) -> Result<(StatusCode, Json<NewClientToken>)> {
    // A token has all permissions of its owner and outlives the session.
    user.require_not_impersonated()?;
    Ok((StatusCode::CREATED, Json(tokens.create(user.id).await?)))
}

async fn list_tokens(user: CurrentUser, tokens: Data<ClientTokens>) -> Result<Json<Value>> {
    let tokens = tokens.list_for_user(user.id).await?;
    Ok(Json(json!({ "client_tokens": tokens })))
}

async fn delete_token(
    user: CurrentUser,
    tokens: Data<ClientTokens>,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    tokens.revoke(&id, user.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
