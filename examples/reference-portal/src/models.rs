//! What administrators edit under `/admin/settings`.

use portal_core::prelude::*;
use serde_json::Value;

/// Configuration documents that tasks and API routes read, by name and version
#[admin_model(list(name, version, active), search(name), order_by = name)]
pub(crate) struct AdminConfig {
    pub(crate) id: i64,
    /// The name that code asks for
    #[admin(unique)]
    pub(crate) name: String,
    /// Counts the editions of the document
    #[admin(default = 1)]
    pub(crate) version: i32,
    /// Whether code may use it
    #[admin(default = true)]
    pub(crate) active: bool,
    /// The document itself, as YAML or JSON
    #[admin(default = "{}")]
    pub(crate) configuration: Value,
}

/// Configuration of the application's own making
#[admin_model(list(name), search(name), order_by = name)]
pub(crate) struct CustomConfig {
    pub(crate) id: i64,
    /// The name that code asks for
    #[admin(unique)]
    pub(crate) name: String,
    /// The document itself, as YAML or JSON
    #[admin(default = "{}")]
    pub(crate) configuration: Value,
}

/// What a subscription plan contains
#[admin_model(list(name, plan, monthly_limit, enabled), search(name, description), order_by = name)]
pub(crate) struct SubscriptionFeature {
    pub(crate) id: i64,
    /// The name that code asks for
    #[admin(unique)]
    pub(crate) name: String,
    /// What customers are told about it
    #[admin(widget = Textarea)]
    pub(crate) description: Option<String>,
    /// The cheapest plan that has it
    #[admin(choices("free", "pro", "enterprise"), default = "free")]
    pub(crate) plan: String,
    /// Uses in a month; empty for no limit
    pub(crate) monthly_limit: Option<i32>,
    /// Whether it can be used at all
    #[admin(default = true)]
    pub(crate) enabled: bool,
}
