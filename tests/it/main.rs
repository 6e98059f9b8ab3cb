//! Integration tests: a real portal on a real database, over real sockets.
//!
//! Run them with `cargo xtask test`, which starts PostgreSQL and a browser driver.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers outside of test functions also fail their test"
)]

mod access_walk;
mod app;
mod audit;
mod auth;
mod axe;
mod bearer;
mod broken_layout;
mod browser;
mod browser_rules;
mod budget;
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
mod handshake;
mod hostile_input;
mod kept_connections;
mod kept_frames;
mod keyboard;
mod layout_browser;
mod limits;
mod live;
mod live_browser;
mod locks;
mod metrics;
mod monitor;
mod notification_pages;
mod notifications;
mod one_connection;
mod overview;
mod own_tasks;
mod own_tasks_browser;
mod pages;
mod palette;
mod profile;
mod providers;
mod record_forms;
mod rejections;
mod revocation;
mod role_sources;
mod roles;
mod schedules;
mod security;
mod seed_clients;
mod session_identity;
mod sign_in;
mod smoke;
mod startup;
mod support;
mod task_access;
mod task_actions;
mod task_browser;
mod task_engine;
mod task_monitor;
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
mod watching;
