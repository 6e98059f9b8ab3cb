//! The program as seen from outside: flags, variables, exit codes, commands other than `serve`.

use std::path::Path;
use std::process::Output;

use sqlx::Connection as _;
use tempfile::TempDir;

use crate::support::{Client, Database, ReferencePortal, TestResponse, command};

/// Variables that a portal requires in PROD; `pk_live_…` names the host `clerk.example.com`.
const PROD: [(&str, &str); 4] = [
    ("APP_ENV", "PROD"),
    (
        "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY",
        "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k",
    ),
    ("CLERK_SECRET_KEY", "sk_live_x0123456789abcdefghij"),
    ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
];

struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs a command until it exits.
async fn run(directory: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
    let mut command = command(directory);
    command.args(arguments).envs(variables.iter().copied());
    let output = command.output();
    let output = tokio::time::timeout(std::time::Duration::from_secs(60), output).await;
    let Output {
        status,
        stdout,
        stderr,
    } = output
        .unwrap_or_else(|_| panic!("{arguments:?} does not exit"))
        .expect("the binary runs");
    Run {
        code: status.code(),
        out: String::from_utf8_lossy(&stdout).into_owned(),
        err: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

fn directory() -> TempDir {
    tempfile::tempdir().expect("the directory can be created")
}

#[track_caller]
fn assert_misused(run: &Run, words: &[&str]) {
    assert_eq!(run.code, Some(2), "{} {}", run.out, run.err);
    for word in words {
        assert!(run.err.contains(word), "{word} in {}", run.err);
    }
}

#[track_caller]
fn assert_well(run: &Run) {
    assert_eq!(run.code, Some(0), "{} {}", run.out, run.err);
}

#[tokio::test]
async fn missing_production_variables_are_all_listed() {
    let directory = directory();
    let missing = run(directory.path(), &[("APP_ENV", "PROD")], &[]).await;
    let names = [
        "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY",
        "CLERK_SECRET_KEY",
        "DB_CONN_URI",
        "SECRET_KEY",
    ];
    assert_misused(&missing, &names);
    assert_eq!(missing.err.matches("error:").count(), 1, "one message");
    let wrong = [
        ("APP_ENV", "PROD"),
        (
            "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY",
            "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k",
        ),
        ("CLERK_SECRET_KEY", "sk_test_x"),
        ("DB_CONN_URI", "sqlite://portal.db"),
        ("SECRET_KEY", "short"),
        ("PORT", "many"),
        ("RATE_LIMITS", "off"),
        ("PUBLIC_URL", "not a url"),
        ("TRUSTED_PROXIES", "10.0.0.0/99"),
    ];
    let wrong = run(directory.path(), &wrong, &[]).await;
    let more = ["PORT", "RATE_LIMITS", "PUBLIC_URL", "TRUSTED_PROXIES"];
    assert_misused(&wrong, &names[1..]);
    assert_misused(&wrong, &more);
    assert!(
        !wrong.err.contains("sk_test_x"),
        "secrets are not printed: {}",
        wrong.err
    );
    let password = [
        ("APP_ENV", "PROD"),
        ("DB_CONN_URI", "postgres://a:{DB_PASSWORD}@b/c"),
    ];
    let password = run(directory.path(), &password, &["db", "check"]).await;
    assert_misused(&password, &["DB_PASSWORD"]);
}

#[tokio::test]
async fn wrong_usage_exits_with_2() {
    let directory = directory();
    let path = directory.path();
    let env = run(path, &[("APP_ENV", "STAGING")], &[]).await;
    assert_misused(&env, &["APP_ENV", "STAGING", "DEV", "PROD"]);
    assert_misused(&run(path, &[], &["--colour", "red"]).await, &["--colour"]);
    assert_misused(&run(path, &[], &["dance"]).await, &["dance"]);
    assert_misused(&run(path, &[], &["db"]).await, &["migrate"]);
    assert_misused(
        &run(path, &[], &["--port", "many"]).await,
        &["PORT", "many"],
    );
    assert_misused(&run(path, &[], &["--port"]).await, &["--port"]);
    assert_misused(
        &run(path, &[], &["users", "role", "a@b.example"]).await,
        &["ROLE"],
    );
    std::fs::write(path.join(".env"), "APP_NAME='open").expect("the data is written");
    assert_misused(&run(path, &[], &["config"]).await, &[".env"]);
}

#[tokio::test]
async fn help_lists_every_flag_with_its_default() {
    let directory = directory();
    let help = run(directory.path(), &[], &["--help"]).await;
    assert_well(&help);
    for word in [
        "--app-env",
        "--db-conn-uri",
        "--clerk-secret-key",
        "--port",
        "[default: 8000]",
        "[default: 127.0.0.1]",
        "[default: sqlite://portal.db]",
    ] {
        assert!(help.out.contains(word), "{word} in {}", help.out);
    }
    for command in ["serve", "db", "routes", "config", "users"] {
        assert!(help.out.contains(&format!("  {command} ")), "{command}");
    }
}

#[tokio::test]
async fn busy_port_is_reported_clearly() {
    let directory = directory();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = taken
        .local_addr()
        .expect("the listener is bound")
        .port()
        .to_string();
    let busy = run(directory.path(), &[("PORT", &port)], &["serve"]).await;
    assert_eq!(busy.code, Some(1), "{}", busy.err);
    assert!(
        busy.err
            .contains(&format!("cannot listen on 127.0.0.1:{port}")),
        "{}",
        busy.err
    );
    assert!(busy.err.contains("PORT"), "{}", busy.err);
}

#[tokio::test]
async fn stronger_source_wins_and_empty_variables_are_ignored() {
    let directory = directory();
    let path = directory.path();
    std::fs::write(
        path.join(".env"),
        "APP_NAME=from-file\nHOST=127.0.0.2\nPORT=8123\n",
    )
    .expect("the data is written");
    let shown = async |variables: &[(&str, &str)], arguments: &[&str], name: &str| {
        let config = run(path, variables, &[arguments, &["config"]].concat()).await;
        assert_well(&config);
        let line = config.out.lines().find(|line| line.starts_with(name));
        line.unwrap_or_default()
            .split_whitespace()
            .skip(1)
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(shown(&[], &[], "APP_NAME ").await, "from-file .env");
    let variable = [("APP_NAME", "from-variable")];
    assert_eq!(
        shown(&variable, &[], "APP_NAME ").await,
        "from-variable environment"
    );
    let flag = ["--app-name", "from-flag"];
    assert_eq!(shown(&variable, &flag, "APP_NAME ").await, "from-flag flag");
    assert_eq!(
        shown(&[("APP_NAME", "")], &[], "APP_NAME ").await,
        "from-file .env"
    );
    assert_eq!(
        shown(&[("APP_NAME", "  ")], &["--app-name", ""], "APP_NAME ").await,
        "from-file .env"
    );
    assert_eq!(shown(&[], &[], "RATE_LIMITS ").await, "on default");
    assert_eq!(shown(&[("APP_ENV", "")], &[], "APP_ENV ").await, "- unset");
    let other = [
        ("CLERK_PUBLISHABLE_KEY", "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k"),
        ("CLERK_SECRET_KEY", "sk_test_0123456789"),
    ];
    let key = shown(&other, &[], "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY ").await;
    assert!(key.starts_with("pk_test_"), "{key}");
}

#[tokio::test]
async fn env_template_lists_every_variable_without_a_value() {
    let template = include_str!("../../.env.template");
    let directory = directory();
    std::fs::write(directory.path().join(".env"), template).expect("the data is written");
    let config = run(directory.path(), &[], &["config"]).await;
    assert_well(&config);
    let (table, _) = config
        .out
        .split_once("\n\n")
        .expect("the output contains a table");
    for line in table.lines() {
        let name = line.split_whitespace().next().unwrap_or_default();
        assert!(
            template.contains(&format!("\n{name}=")),
            "{name} is missing"
        );
        assert!(
            line.ends_with("default") || line.ends_with("unset"),
            "{line}"
        );
    }
}

#[tokio::test]
async fn config_output_hides_secrets() {
    let directory = directory();
    let secrets = [
        ("APP_ENV", "PROD"),
        (
            "DB_CONN_URI",
            "postgres://portal:hunter2hunter2@db.example/portal",
        ),
        ("DB_PASSWORD", "swordfish-swordfish"),
        ("SECRET_KEY", "sesame-open-sesame-open-sesame-open"),
        ("CLERK_SECRET_KEY", "sk_live_verysecretverysecret"),
        (
            "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY",
            "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k",
        ),
        (
            "CLERK_WEBHOOK_SIGNING_SECRET",
            "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0",
        ),
    ];
    let config = run(directory.path(), &secrets, &["config"]).await;
    assert_well(&config);
    for secret in ["hunter2", "swordfish", "sesame", "verysecret", "c2VjcmV0"] {
        assert!(
            !config.out.contains(secret) && !config.err.contains(secret),
            "{secret}: {}",
            config.out
        );
    }
    assert!(config.out.contains("********"));
    assert!(
        config.out.contains("pk_live_Y2xlcmsuZXhhbXBsZS5jb20k"),
        "the publishable key is public"
    );
    let local = [(
        "DB_LOCAL_URI",
        "postgres://portal:hunter2hunter2@db.example/portal",
    )];
    let config = run(directory.path(), &local, &["config"]).await;
    assert!(!config.out.contains("hunter2"), "{}", config.out);
}

#[tokio::test]
async fn seeding_an_empty_database_suggests_migrate() {
    let directory = directory();
    let run = run(directory.path(), &[], &["db", "seed"]).await;
    assert_eq!(run.code, Some(1), "{} {}", run.out, run.err);
    assert!(run.err.contains("run `db migrate` first"), "{}", run.err);
    for word in ["request id", "statement", "no such table"] {
        assert!(!run.err.contains(word), "{word} in {}", run.err);
    }
}

#[tokio::test]
async fn database_is_checked_migrated_and_seeded_by_command() {
    let directory = directory();
    let path = directory.path();
    let before = run(path, &[], &["db", "check"]).await;
    assert_eq!(before.code, Some(1), "{} {}", before.out, before.err);
    assert!(before.err.contains("missing"), "{}", before.err);
    assert_well(&run(path, &[], &["db", "migrate"]).await);
    assert_well(&run(path, &[], &["db", "check"]).await);
    let first = run(path, &[], &["db", "seed"]).await;
    assert_well(&first);
    assert!(first.out.contains("rows added"), "{}", first.out);
    let second = run(path, &[], &["db", "seed"]).await;
    assert_well(&second);
    assert!(
        !second.out.contains("rows added") || second.out.contains(": 0 rows"),
        "{}",
        second.out
    );
    assert_well(&run(path, &[], &["db", "init"]).await);
    assert_well(&run(path, &[], &["db", "migrate"]).await);
    assert_well(&run(path, &[], &["db", "check"]).await);
}

#[tokio::test]
async fn migrate_fails_while_a_column_differs_from_its_model() {
    let directory = directory();
    let path = directory.path();
    assert_well(&run(path, &[], &["db", "init"]).await);
    let uri = format!("sqlite://{}", path.join("portal.db").display());
    let mut database = sqlx::SqliteConnection::connect(&uri).await.unwrap();
    let change = "ALTER TABLE subscription_feature DROP COLUMN monthly_limit; \
                  ALTER TABLE subscription_feature ADD COLUMN monthly_limit TEXT";
    sqlx::raw_sql(change).execute(&mut database).await.unwrap();
    database.close().await.unwrap();
    for command in [&["db", "migrate"][..], &["db", "check"], &["db", "init"]] {
        let differs = run(path, &[], command).await;
        assert_eq!(
            differs.code,
            Some(1),
            "{command:?} {} {}",
            differs.out,
            differs.err
        );
        assert!(!differs.out.contains("up to date"), "{}", differs.out);
        assert!(
            differs.err.contains("`subscription_feature.monthly_limit`"),
            "{}",
            differs.err
        );
    }
    // In DEV, the portal still starts.
    let started = run(path, &[("RUST_LOG", "warn")], &["users", "list"]).await;
    assert_well(&started);
    assert!(
        started.err.contains("subscription_feature.monthly_limit"),
        "{}",
        started.err
    );
}

#[tokio::test]
async fn migration_for_a_changed_column_is_written_by_command() {
    let directory = directory();
    let path = directory.path();
    let early = run(path, &[], &["db", "diff", "limit"]).await;
    assert_eq!(early.code, Some(1), "{} {}", early.out, early.err);
    assert!(
        early.err.contains("run `db migrate` first"),
        "{}",
        early.err
    );
    assert_well(&run(path, &[], &["db", "init"]).await);
    let same = run(path, &[], &["db", "diff", "limit"]).await;
    assert_well(&same);
    assert!(same.out.contains("no migration is needed"), "{}", same.out);

    let uri = format!("sqlite://{}", path.join("portal.db").display());
    let mut database = sqlx::SqliteConnection::connect(&uri).await.unwrap();
    let change = "ALTER TABLE subscription_feature DROP COLUMN monthly_limit; \
                  ALTER TABLE subscription_feature ADD COLUMN monthly_limit TEXT";
    sqlx::raw_sql(change).execute(&mut database).await.unwrap();
    database.close().await.unwrap();
    let written = run(path, &[], &["db", "diff", "limit"]).await;
    assert_well(&written);
    let change = "change the type of `subscription_feature.monthly_limit`";
    assert!(written.out.contains(change), "{}", written.out);
    for ending in [
        "sqlite.sql",
        "postgres.sql",
        "sqlite.down.sql",
        "postgres.down.sql",
    ] {
        let file = path.join(format!("migrations/0001_limit.{ending}"));
        assert!(file.exists(), "{}", file.display());
    }
    assert_misused(&run(path, &[], &["db", "diff"]).await, &["NAME"]);
    let invalid = run(path, &[], &["db", "diff", "Rename price"]).await;
    assert_eq!(invalid.code, Some(1), "{}", invalid.err);
    assert!(
        invalid.err.contains("invalid name of a migration"),
        "{}",
        invalid.err
    );
    let rollback = run(path, &[], &["db", "rollback"]).await;
    assert_eq!(rollback.code, Some(1), "{}", rollback.err);
    assert!(
        rollback.err.contains("the application has no migrations"),
        "{}",
        rollback.err
    );
}

#[tokio::test]
async fn log_in_a_file_is_plain_and_omits_existing_tables() {
    let directory = directory();
    let path = directory.path();
    let first = run(path, &[], &["users", "list"]).await;
    assert_well(&first);
    assert!(first.err.contains("table changed"), "{}", first.err);
    assert!(!first.err.contains('\u{1b}'), "{:?}", first.err);
    let again = run(path, &[], &["users", "list"]).await;
    assert_well(&again);
    assert!(
        !again.err.contains("table changed") && !again.err.contains("INDEX"),
        "{}",
        again.err
    );
}

#[tokio::test]
async fn init_prepares_a_new_database() {
    let directory = directory();
    let path = directory.path();
    assert_well(&run(path, &[], &["db", "init"]).await);
    assert_well(&run(path, &[], &["db", "check"]).await);
    assert!(path.join("portal.db").exists());
    let again = run(path, &[], &["db", "init"]).await;
    assert_well(&again);
}

#[tokio::test]
async fn unavailable_database_exits_with_1() {
    let directory = directory();
    let uri = [("DB_LOCAL_URI", "postgres://nobody:hunter2@127.0.0.1:1/none")];
    for arguments in [&["db", "check"][..], &["users", "list"], &["serve"]] {
        let away = run(directory.path(), &uri, arguments).await;
        assert_eq!(away.code, Some(1), "{arguments:?} {}", away.err);
        assert!(away.err.contains("database"), "{}", away.err);
        assert!(!away.err.contains("hunter2") && !away.out.contains("hunter2"));
    }
}

#[tokio::test]
async fn production_requires_migrations_and_has_no_dev_sign_in() {
    let directory = directory();
    let uri = Database::Postgres.create(&directory).await;
    let mut variables = PROD.to_vec();
    variables.push(("DB_CONN_URI", &uri));
    let early = run(directory.path(), &variables, &["serve"]).await;
    assert_eq!(early.code, Some(1), "{}", early.err);
    assert!(early.err.contains("db migrate"), "{}", early.err);
    let check = run(directory.path(), &variables, &["db", "check"]).await;
    assert_eq!(check.code, Some(1));
    assert_well(&run(directory.path(), &variables, &["db", "migrate"]).await);
    assert_well(&run(directory.path(), &variables, &["db", "check"]).await);

    let mut portal = ReferencePortal::start(&variables).await;
    let guest = portal.guest();
    let token = guest
        .post("/dev/token", &serde_json::json!({"email": "a@b.example"}))
        .await;
    token.problem(404, "not_found");
    let form = guest
        .request(reqwest::Method::POST, "/dev/sign-in")
        .header("origin", &portal.url);
    assert_eq!(TestResponse::of(form).await.status, 404);
    assert_eq!(guest.get("/.well-known/jwks.json").await.status, 404);
    assert_eq!(guest.get("/metrics").await.status, 404);
    let home = guest.page("/").await;
    assert_eq!(home.status, 200);
    assert!(!home.text.contains("Development"));
    let sign_in = guest.page("/sign-in").await;
    assert!(!sign_in.text.contains("/dev/"), "{}", sign_in.text);
    assert_eq!(guest.page("/protected/route").await.status, 303);
    assert_eq!(portal.terminate().await, Some(0));
}

#[tokio::test]
async fn development_token_is_rejected_in_production() {
    let directory = directory();
    let uri = Database::Postgres.create(&directory).await;
    let development = ReferencePortal::start(&[("DB_LOCAL_URI", &uri)]).await;
    let body = serde_json::json!({"email": "a@b.example"});
    let token = development.guest().post("/dev/token", &body).await.json();
    let token = token["token"].as_str().map(str::to_owned);
    let mut variables = PROD.to_vec();
    variables.push(("DB_CONN_URI", &uri));
    let portal = ReferencePortal::start(&variables).await;
    let response = Client::new(&portal.url, token).get("/api/auth/me").await;
    assert!(
        [401, 503].contains(&response.status.as_u16()),
        "{}",
        response.text
    );
}

#[tokio::test]
async fn sigterm_exits_cleanly_and_the_portal_starts_again() {
    let mut portal = ReferencePortal::start(&[]).await;
    assert_eq!(portal.guest().get("/healthz").await.status, 200);
    assert_eq!(portal.terminate().await, Some(0));
    portal.start_again().await;
    assert_eq!(portal.guest().page("/").await.status, 200);
    assert_eq!(portal.terminate().await, Some(0));
}

#[tokio::test]
async fn routes_command_lists_paths_with_their_access() {
    let directory = directory();
    let routes = run(directory.path(), &[], &["routes"]).await;
    assert_well(&routes);
    for (path, access) in [
        ("/admin/profile", "user"),
        ("/protected/route", "user"),
        ("/admin/tasks", "admin"),
        ("/admin/about", "public"),
        ("/api/admin/models/admin_config", "admin"),
        (
            "/api/example_task2/tasks/{client_token}/start/task2_with_args",
            "public",
        ),
    ] {
        let line = routes
            .out
            .lines()
            .find(|line| line.split_whitespace().any(|word| word == path));
        let line = line.unwrap_or_else(|| panic!("{path} in {}", routes.out));
        assert!(line.split_whitespace().any(|word| word == access), "{line}");
    }
    assert!(
        !directory.path().join("portal.db").exists(),
        "no database is needed"
    );
}

#[tokio::test]
async fn roles_can_be_assigned_by_command() {
    let mut portal = ReferencePortal::start(&[]).await;
    let body = serde_json::json!({"email": "Ann@example.com"});
    let token = portal.guest().post("/dev/token", &body).await.json();
    let ann = Client::new(&portal.url, token["token"].as_str().map(str::to_owned));
    assert_eq!(ann.get("/api/auth/me").await.status, 200);
    let path = portal.directory().to_owned();
    let users = async |arguments: &[&str]| run(&path, &[], &[&["users"], arguments].concat()).await;

    let list = users(&["list"]).await;
    assert_well(&list);
    assert!(
        list.out.contains("ann@example.com") && list.out.contains("USER"),
        "{}",
        list.out
    );
    let unknown = users(&["role", "bob@example.com", "ADMIN"]).await;
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.err.contains("bob@example.com"), "{}", unknown.err);
    assert_misused(
        &users(&["role", "ann@example.com", "KING"]).await,
        &["KING", "ADMIN"],
    );
    assert_well(&users(&["role", "ANN@example.com", "admin"]).await);
    assert!(users(&["list"]).await.out.contains("ADMIN"));
    let last = users(&["role", "ann@example.com", "USER"]).await;
    assert_eq!(last.code, Some(1));
    assert!(
        last.err.contains("last active administrator"),
        "{}",
        last.err
    );
    assert_eq!(portal.terminate().await, Some(0));
    portal.start_again().await;
    assert_eq!(ann.get("/api/auth/me").await.json()["user_type"], "ADMIN");
}
