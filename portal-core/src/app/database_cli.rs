//! `db`: commands that manage the database.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::build_error::{BuildError, chain};
use super::cli::Failure;
use super::validate::ValidatedPortal;
use crate::auth::Actor;
use crate::store::{Store, StoreError, migrations};

/// Directory for new migrations of an application that does not have any.
const DIRECTORY: &str = "migrations";

pub(super) fn command() -> Command {
    let name = Arg::new("name").required(true).value_name("NAME");
    let directory = Arg::new("dir").long("dir").value_name("DIR");
    let yes = Arg::new("yes").long("yes").action(ArgAction::SetTrue);
    Command::new("db")
        .about("Manage the database")
        .subcommand_required(true)
        .subcommand(
            Command::new("init")
                .about("Create the database, apply migrations and add the default rows"),
        )
        .subcommand(
            Command::new("migrate")
                .about("Apply migrations and create or extend the tables of the models"),
        )
        .subcommand(
            Command::new("check")
                .about("Exit with code 1 if the database does not match this program"),
        )
        .subcommand(
            Command::new("diff")
                .about("Write a migration for the differences between the models and the database")
                .arg(name.help("Name of the migration, such as `rename_price`"))
                .arg(directory.help(
                    "Directory of the migrations [default: the one that the program embeds]",
                )),
        )
        .subcommand(
            Command::new("rollback")
                .about("Revert the last migration of the application")
                .arg(yes.help("Do not ask for confirmation")),
        )
        .subcommand(Command::new("seed").about("Add missing default rows"))
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Failed(chain(&error))
    }
}

pub(super) async fn run(plan: &ValidatedPortal, matches: &ArgMatches) -> Result<(), Failure> {
    let store = plan.connect().await?;
    match matches.subcommand() {
        Some(("check", _)) => check(plan, &store).await,
        Some(("seed", _)) => {
            let problems = plan.drift(&store).await?;
            if !problems.is_empty() {
                return Err(BuildError::NotMigrated(problems.join("; ")).into());
            }
            seed(plan, &store).await
        }
        Some(("init", _)) => {
            migrate(plan, &store).await?;
            seed(plan, &store).await
        }
        Some(("diff", matches)) => diff(plan, &store, matches).await,
        Some(("rollback", matches)) => rollback(plan, &store, matches.get_flag("yes")).await,
        _ => migrate(plan, &store).await,
    }
}

async fn check(plan: &ValidatedPortal, store: &Store) -> Result<(), Failure> {
    let problems = plan.drift(store).await?;
    if !problems.is_empty() {
        return Err(Failure::Failed(format!(
            "the database does not match this program\n  {}",
            problems.join("\n  ")
        )));
    }
    println!("the database is up to date");
    Ok(())
}

/// Applies migrations; fails if the database still does not meet the requirements of this program.
async fn migrate(plan: &ValidatedPortal, store: &Store) -> Result<(), Failure> {
    for name in plan.migrate(store).await? {
        println!("applied {name}");
    }
    let problems = plan.drift(store).await?;
    if !problems.is_empty() {
        return Err(Failure::Failed(format!(
            "all migrations are applied, but the database still differs\n  {}\nwrite a migration with `db diff NAME`, or change the models",
            problems.join("\n  ")
        )));
    }
    println!("the database is up to date");
    Ok(())
}

async fn diff(plan: &ValidatedPortal, store: &Store, matches: &ArgMatches) -> Result<(), Failure> {
    let text = |name: &str| matches.get_one::<String>(name).map(String::as_str);
    let own = plan.builder.migrations.as_ref();
    let embedded = own.and_then(|it| it.path()).map(PathBuf::from);
    let directory = match text("dir") {
        Some(given) => PathBuf::from(given),
        None => embedded.unwrap_or_else(|| PathBuf::from(DIRECTORY)),
    };
    let name = text("name").unwrap_or_default();
    let Some(written) = plan.write_migration(store, name, &directory).await? else {
        println!("the tables match the models; no migration is needed");
        return Ok(());
    };
    for sentence in &written.summary {
        println!("{sentence}");
    }
    for file in &written.files {
        println!("wrote {}", file.display());
    }
    println!("review the files, build the program again, and run `db migrate`");
    if own.is_none() {
        println!(
            "the builder needs `.migrations(portal_core::migrations!(\"{DIRECTORY}\"))` to embed them"
        );
    }
    Ok(())
}

async fn rollback(
    plan: &ValidatedPortal,
    store: &Store,
    is_confirmed: bool,
) -> Result<(), Failure> {
    let Some(own) = &plan.builder.migrations else {
        return Err(Failure::Failed(
            "the application has no migrations".to_owned(),
        ));
    };
    let problems = plan.portal_drift(store).await?;
    if !problems.is_empty() {
        return Err(BuildError::NotMigrated(problems.join("; ")).into());
    }
    let last = migrations::last_applied(store, &plan.migrations, own).await?;
    let Some(target) = last else {
        return Err(Failure::Failed(
            "no migration of the application is applied".to_owned(),
        ));
    };
    if !is_confirmed && !confirm(&target.name)? {
        return Err(Failure::Failed("nothing was changed".to_owned()));
    }
    migrations::rollback(store, &target).await?;
    println!("reverted {}", target.name);
    println!("this program applies it again at the next `db migrate`, or in DEV at the next start");
    Ok(())
}

/// Requests a confirmation on the terminal.
fn confirm(name: &str) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage(format!(
            "reverting `{name}` can delete data; confirm it with `--yes`"
        )));
    }
    print!("Revert {name}? This can delete data. [y/N] ");
    std::io::stdout().flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(["y", "yes"].contains(&line.trim().to_lowercase().as_str()))
}

async fn seed(plan: &ValidatedPortal, store: &Store) -> Result<(), Failure> {
    let added = plan
        .defaults
        .apply(store, &plan.models, &Actor::command_line())
        .await?;
    for (model, rows) in &added {
        println!("{model}: {rows} rows added");
    }
    if added.is_empty() {
        println!("this portal does not define default rows");
    }
    Ok(())
}
