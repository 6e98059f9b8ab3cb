//! Admin models, edited by administrators and editors under `/admin/settings`.

use portal_core::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Configuration documents that tasks and API routes read, by name and version
#[admin_model(list(name, version, active), search(name), order_by = name)]
pub(crate) struct AdminConfig {
    pub(crate) id: i64,
    /// Unique key used in code
    #[admin(unique)]
    pub(crate) name: String,
    /// Version number
    #[admin(default = 1)]
    pub(crate) version: i32,
    /// Available to code
    #[admin(default = true)]
    pub(crate) active: bool,
    /// YAML or JSON
    #[admin(default = "{}")]
    pub(crate) configuration: Value,
}

/// App-specific configuration
#[admin_model(list(name), search(name), order_by = name)]
pub(crate) struct CustomConfig {
    pub(crate) id: i64,
    /// Unique key used in code
    #[admin(unique)]
    pub(crate) name: String,
    /// YAML or JSON
    #[admin(default = "{}")]
    pub(crate) configuration: Value,
}

// Editors may change features, but only administrators assign plans, and add and delete features.
/// Features of subscription plans
#[admin_model(
    list(name, plan, monthly_limit, enabled),
    search(name, description),
    order_by = name,
    view = "permission:features:write",
    change = "permission:features:write"
)]
pub(crate) struct SubscriptionFeature {
    pub(crate) id: i64,
    /// Unique key used in code
    #[admin(unique)]
    pub(crate) name: String,
    /// Shown to customers
    #[admin(widget = Textarea)]
    pub(crate) description: Option<String>,
    /// Cheapest plan that includes this feature
    #[admin(choices("free", "pro", "enterprise"), default = "free", change = requires_admin)]
    pub(crate) plan: String,
    /// Monthly uses. Leave empty for unlimited.
    pub(crate) monthly_limit: Option<i32>,
    /// Available to customers
    #[admin(default = true)]
    pub(crate) enabled: bool,
}

/// Arguments of [`set_availability`].
#[derive(Deserialize, JsonSchema)]
struct AvailabilityArgs {
    /// Available to customers
    enabled: bool,
}

/// Set availability
#[admin_action(
    SubscriptionFeature,
    on(many, all),
    confirm = "Change {count} features?"
)]
async fn set_availability(
    rows: Rows<SubscriptionFeature>,
    args: AvailabilityArgs,
) -> Result<ActionReport> {
    rows.for_each(|feature| {
        feature.enabled = args.enabled;
        Ok(())
    })
    .await
}
