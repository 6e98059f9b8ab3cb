//! Integration tests: a real portal on a real database, over real sockets.
//!
//! Run them with `cargo xtask test`, which starts PostgreSQL and a browser driver.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers outside of test functions also fail their test"
)]

mod app;
mod audit;
mod auth;
mod axe;
mod bearer;
mod browser;
mod browser_security;
mod build_errors;
mod clerk_browser;
mod clerk_floods;
mod clerk_handshake;
mod clerk_sync;
mod clerk_webhooks;
mod client_tokens;
mod components;
mod compression;
mod confirm_browser;
mod crash;
mod deep_documents;
mod embed_in_axum;
mod embedded;
mod embedded_migrations;
mod error_pages;
mod field_types;
mod forms;
mod hostile_input;
mod kept_connections;
mod keyboard;
mod layout_browser;
mod layout_cache;
mod limits;
mod live_browser;
mod live_stream;
mod many_to_many;
mod metrics;
mod migrations;
mod model_actions;
mod model_defaults;
mod model_hooks;
mod model_lists;
mod model_permissions;
mod model_queries;
mod model_transactions;
mod notification_pages;
mod notifications;
mod own_tasks;
mod own_tasks_browser;
mod page_requirements;
mod pages;
mod panicking_layout;
mod prod_checks;
mod profile;
mod providers;
mod record_forms;
mod records;
mod reference_clients;
mod references;
mod rejections;
mod revocation;
mod role_sources;
mod roles;
mod route_authorization;
mod schedules;
mod search;
mod security;
mod session_identity;
mod sign_in;
mod single_connection;
mod size_budgets;
mod smoke;
mod startup;
mod statistics;
mod support;
mod task_access;
mod task_actions;
mod task_browser;
mod task_engine;
mod task_event_stream;
mod task_pages;
mod task_queue;
mod task_quotas;
mod task_rules;
mod task_websocket;
mod tasks;
mod theming;
mod theming_browser;
mod time_zones;
mod true_states;
mod unmanaged_models;
mod unsaved_input;
mod users;
