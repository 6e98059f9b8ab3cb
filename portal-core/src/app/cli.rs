//! A portal's command line.

use std::collections::HashMap;
use std::error::Error as _;
use std::process::ExitCode;

use axum::http::Method;
use clap::{Arg, ArgMatches, Command};

use super::build_error::{BuildError, chain};
use super::builder::PortalBuilder;
use super::maintenance;
use super::validate::ValidatedPortal;
use crate::auth::{Actor, AdminEmails, RouteKind, UserChange, UserFilter, Users};
use crate::config::{Config, PORTAL_SETTINGS, Setting, SettingSources, Settings};
use crate::error::Error;
use crate::store::Store;

/// Exit code for a runtime failure.
const EXIT_FAILURE: u8 = 1;
/// Exit code for an invalid configuration or command line.
const EXIT_USAGE: u8 = 2;

/// Reason why a command failed.
pub(super) enum Failure {
    Usage(String),
    Failed(String),
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        match &error {
            BuildError::Config(_) => Self::Usage(error.to_string()),
            BuildError::Other(error) => Self::Failed(on_terminal(error)),
            _ => Self::Failed(chain(&error)),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Failed(on_terminal(&error))
    }
}

/// Formats an error for a terminal.
///
/// For a server error, returns the cause, because the error's own text is written for clients,
/// which must not see the cause.
fn on_terminal(error: &Error) -> String {
    match error.source() {
        Some(cause) if error.status().is_server_error() => chain(cause),
        _ => chain(error),
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl PortalBuilder {
    /// Runs the portal as a program, with flags, the environment and `.env`.
    ///
    /// Executes the subcommand; without one, serves until SIGINT or SIGTERM. Errors are printed.
    /// The exit code is 0 on success, 2 for an invalid configuration or command line, and 1 for
    /// runtime failures.
    pub async fn run(self) -> ExitCode {
        let matches = match command(self.provider.settings()).try_get_matches() {
            Ok(matches) => matches,
            Err(error) => {
                let _ = error.print();
                return ExitCode::from(if error.use_stderr() { EXIT_USAGE } else { 0 });
            }
        };
        match execute(self, &matches).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(Failure::Usage(message)) => {
                eprintln!("error: {message}");
                ExitCode::from(EXIT_USAGE)
            }
            Err(Failure::Failed(message)) => {
                eprintln!("error: {message}");
                ExitCode::from(EXIT_FAILURE)
            }
        }
    }
}

fn command(provider_settings: &[Setting]) -> Command {
    let flags = PORTAL_SETTINGS
        .iter()
        .chain(provider_settings)
        .map(|setting| {
            let default = setting
                .default
                .map(|value| format!(" [default: {value}]"))
                .unwrap_or_default();
            Arg::new(setting.name)
                .long(setting.flag())
                .value_name("VALUE")
                .help(format!("{}{default} [env: {}]", setting.help, setting.name))
                .hide_possible_values(true)
                .global(true)
        });
    Command::new("portal")
        .about("Serve and manage a user portal; the default command is `serve`")
        .after_help("Flags override environment variables, which override `.env`, which overrides defaults.\nAn empty variable counts as unset.")
        .args(flags)
        .subcommand(Command::new("serve").about("Serve until SIGINT or SIGTERM (the default)"))
        .subcommand(super::database_cli::command())
        .subcommand(Command::new("routes").about("List all routes with their access rules"))
        .subcommand(Command::new("config").about("Print the effective configuration with masked secrets"))
        .subcommand(
            Command::new("maintenance")
                .about("Restrict access to administrators, on all replicas, without a restart")
                .subcommand_required(true)
                .subcommand(Command::new("on").about("Restrict access to administrators"))
                .subcommand(Command::new("off").about("Restore access for everyone"))
                .subcommand(Command::new("status").about("Print whether maintenance mode is on")),
        )
        .subcommand(
            Command::new("users")
                .about("Manage users")
                .subcommand_required(true)
                .subcommand(Command::new("list").about("List all users"))
                .subcommand(Command::new("sync").about("Synchronize users from the identity provider"))
                .subcommand(
                    Command::new("role")
                        .about("Change the role of a user")
                        .arg(Arg::new("email").required(true).value_name("EMAIL"))
                        .arg(Arg::new("role").required(true).value_name("ROLE")),
                ),
        )
}

fn flags(matches: &ArgMatches, provider_settings: &[Setting]) -> HashMap<String, String> {
    PORTAL_SETTINGS
        .iter()
        .chain(provider_settings)
        .filter_map(|setting| {
            Some((
                setting.name.to_owned(),
                matches.get_one::<String>(setting.name)?.clone(),
            ))
        })
        .collect()
}

async fn execute(builder: PortalBuilder, matches: &ArgMatches) -> Result<(), Failure> {
    let provider_settings = builder.provider.settings();
    let innermost = leaf_matches(matches);
    let sources =
        SettingSources::of_process(flags(innermost, provider_settings), provider_settings)
            .map_err(|error| Failure::Usage(error.to_string()))?;
    let settings = Settings::load(provider_settings, &sources);
    if let Some(("config", _)) = matches.subcommand() {
        print_config(&settings);
    }
    let plan = builder.validate(Some(settings))?;
    #[cfg(feature = "telemetry")]
    crate::telemetry::init(&plan.config);
    match matches.subcommand() {
        None | Some(("serve", _)) => {
            let store = plan.open_store().await?;
            // Binding the port first ensures that the process exits before it claims a task if the
            // port is in use.
            let listener = super::serve::listen(&plan.config).await?;
            plan.assemble(store).await?.serve_on(listener).await?;
        }
        Some(("db", matches)) => super::database_cli::run(&plan, matches).await?,
        Some(("routes", _)) => print_routes(&plan),
        Some(("maintenance", matches)) => {
            let command = matches.subcommand_name().unwrap_or_default();
            maintain(&plan, command).await?;
        }
        Some(("users", matches)) => {
            let store = plan.open_store().await?;
            match matches.subcommand() {
                Some(("role", matches)) => change_role(&store, matches, &plan).await?,
                Some(("sync", _)) => {
                    let report = plan.sync_users(store).await?;
                    println!(
                        "{} users at the identity provider, {} banned; {} created, {} updated and {} deleted in the portal",
                        report.found, report.banned, report.created, report.updated, report.deleted
                    );
                }
                _ => list_users(&store).await?,
            }
        }
        _ => {}
    }
    Ok(())
}

/// Returns the matches of the innermost subcommand. Flags may precede or follow the subcommand;
/// clap passes global flags on to subcommands.
fn leaf_matches(mut matches: &ArgMatches) -> &ArgMatches {
    while let Some((_, inner)) = matches.subcommand() {
        matches = inner;
    }
    matches
}

fn print_config(settings: &Settings) {
    for (name, value, origin) in settings.describe() {
        println!("{name:<36} {value:<48} {origin}");
    }
    let (config, _) = Config::read(settings.clone());
    println!(
        "\nAPP_ENV is {}, the portal's origin is {}",
        config.app_env, config.public_url
    );
}

async fn maintain(plan: &ValidatedPortal, command: &str) -> Result<(), Failure> {
    let store = plan.connect().await?;
    if command != "status" {
        let notice = (command == "on").then(maintenance::MaintenanceNotice::default);
        maintenance::switch(&store, Actor::command_line(), notice).await?;
    }
    let is_on = maintenance::stored(&store).await?.on;
    println!("maintenance is {}", if is_on { "on" } else { "off" });
    if plan.config.maintenance {
        println!("MAINTENANCE=on is set and takes precedence; only administrators have access");
    }
    Ok(())
}

fn print_routes(plan: &ValidatedPortal) {
    for page in &plan.pages {
        println!(
            "page   {:<6} {:<40} {:<12} {}",
            page.method.as_str(),
            page.path,
            page.access.to_string(),
            page.source
        );
    }
    for task in plan.tasks.startable() {
        let path = format!(
            "/api/{}/tasks/{{client_token}}/start/{}",
            task.group, task.name
        );
        println!(
            "task   POST   {path:<40} {:<12} {}",
            task.access.to_string(),
            task.source
        );
    }
    for model in plan.models.models() {
        println!(
            "model         {:<40} {:<12} {}",
            format!("/api/admin/models/{}", model.name),
            model.policy.view_access().to_string(),
            model.source
        );
    }
    for route in plan.list_routes() {
        let is_printed_above = matches!(
            route.kind,
            RouteKind::Page | RouteKind::Task | RouteKind::Model
        );
        if !is_printed_above {
            let method = route.method.as_ref().map_or("", Method::as_str);
            println!(
                "{:<6} {method:<6} {:<40} {}",
                route.kind, route.path, route.guard
            );
        }
    }
}

async fn list_users(store: &Store) -> Result<(), Failure> {
    let users = Users::new(store.clone());
    let mut filter = UserFilter {
        limit: 100,
        ..UserFilter::default()
    };
    loop {
        let (page, _) = users.list(&filter).await?;
        for user in &page {
            let state = match (user.is_active, user.is_banned) {
                (false, _) => "inactive",
                (true, true) => "banned",
                (true, false) => "active",
            };
            println!(
                "{:<38} {:<40} {:<10} {:<14} {state}",
                user.id.to_string(),
                user.email,
                user.role.as_str(),
                user.role_source.as_str(),
            );
        }
        filter.offset += filter.limit;
        if (page.len() as u64) < filter.limit {
            return Ok(());
        }
    }
}

async fn change_role(
    store: &Store,
    matches: &ArgMatches,
    plan: &ValidatedPortal,
) -> Result<(), Failure> {
    let text = |name: &str| {
        matches
            .get_one::<String>(name)
            .map(String::as_str)
            .unwrap_or_default()
    };
    let (email, role) = (text("email"), text("role"));
    let roles = &plan.roles;
    let role = roles.find(role).ok_or_else(|| {
        Failure::Usage(format!(
            "`{role}` is not a role of this portal; use one of {}",
            roles.names()
        ))
    })?;
    let admin_emails = AdminEmails::new(&plan.config.admin_emails);
    let users = Users::new(store.clone()).with_admin_emails(admin_emails);
    let found = users.find_by_email(email).await?;
    let user = match found.as_slice() {
        [user] => user,
        [] => {
            return Err(Failure::Failed(format!(
                "no user has the e-mail address `{email}`; users are created at their first sign-in"
            )));
        }
        _ => {
            return Err(Failure::Failed(format!(
                "several users have the e-mail address `{email}`; use the users page"
            )));
        }
    };
    let user = users
        .update_by(
            Actor::command_line(),
            user.id,
            &UserChange {
                role: Some(role),
                ..UserChange::default()
            },
        )
        .await?;
    println!("{} now has the role {}", user.email, user.role);
    Ok(())
}
