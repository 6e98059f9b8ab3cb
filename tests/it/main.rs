//! Integration tests: a real portal on a real database, over real sockets.
//!
//! Run them with `cargo xtask test`, which starts PostgreSQL and a browser driver.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers outside of test functions also fail their test"
)]

mod route_authorization;
mod app;
mod audit;
mod auth;
mod axe;
mod bearer;
mod panicking_layout;
mod browser;
mod browser_security;
mod size_budgets;
mod build_errors;
mod clerk_browser;
mod clerk_floods;
mod clerk_webhooks;
mod client_tokens;
mod components;
mod compression;
mod confirm_browser;
mod crash;
mod deep_documents;
mod embed_in_axum;
mod embedded;
mod error_pages;
mod forms;
mod clerk_handshake;
mod hostile_input;
mod kept_connections;
mod layout_cache;
mod keyboard;
mod layout_browser;
mod limits;
mod live_stream;
mod live_browser;
mod prod_checks;
mod metrics;
mod task_websocket;
mod notification_pages;
mod notifications;
mod single_connection;
mod statistics;
mod own_tasks;
mod own_tasks_browser;
mod pages;
mod search;
mod profile;
mod providers;
mod record_forms;
mod rejections;
mod revocation;
mod role_sources;
mod roles;
mod schedules;
mod security;
mod reference_clients;
mod session_identity;
mod sign_in;
mod smoke;
mod startup;
mod support;
mod task_access;
mod task_actions;
mod task_browser;
mod task_engine;
mod task_pages;
mod task_queue;
mod task_quotas;
mod task_rules;
mod tasks;
mod theming;
mod theming_browser;
mod time_zones;
mod true_states;
mod unsaved_input;
mod users;
mod task_event_stream;
