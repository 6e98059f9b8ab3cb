//! The reference portal with demo data.

use futures_util::future::join_all;
use portal_testkit::Person;
use serde_json::json;

use super::{Client, ReferencePortal, TaskClient, command, eventually};

/// Pages that redirect signed-in users, since they are sign-in pages or targets of forms.
const REDIRECTS: [&str; 6] = [
    "/sign-in",
    "/sign-up",
    "/admin/settings/defaults",
    "/admin/users/views/create",
    "/admin/notifications/read-all",
    "/admin/notifications/send",
];

/// A reference portal with users, rows, and tasks of several types.
pub(crate) struct DemoPortal {
    pub(crate) portal: ReferencePortal,
    pub(crate) admin: Client,
    /// Paths of the pages without parameters, with their access: `public`, `user` or `admin`.
    pub(crate) pages: Vec<(String, String)>,
}

impl DemoPortal {
    pub(crate) const ADMIN: &str = "root@example.com";

    pub(crate) async fn start() -> Self {
        let variables = [("ADMIN_USER_EMAILS", Self::ADMIN), ("RATE_LIMITS", "off")];
        let portal = ReferencePortal::start(&variables).await;
        let admin = sign_in(&portal, Self::ADMIN, "Ruth", "Root").await;
        for (email, first, last) in [
            ("ann@example.com", "Ann", "Able"),
            ("ben@example.com", "Ben", "Baker"),
            (
                "someone.with.a.long.address@a-long-domain.example",
                "Maximiliane",
                "von der Langenau",
            ),
        ] {
            sign_in(&portal, email, first, last).await;
        }
        let defaults = admin.post("/api/admin/defaults", &json!({})).await;
        assert_eq!(defaults.status, 200, "{}", defaults.text);
        let tasks = TaskClient::of(&admin).await;
        let person = json!({"name": "bob", "age": 6});
        let mut started = Vec::new();
        for (task, arguments) in [
            ("task2_with_args", &person),
            ("loaded_task", &person),
            ("failing_task", &json!({})),
        ] {
            started.push(tasks.start_in("example_task2", task, arguments).await);
        }
        let listed = command(portal.directory()).arg("routes").output().await;
        let listed = listed.expect("the binary runs");
        let listed = String::from_utf8(listed.stdout).expect("the output is text");
        let requests = listed.lines().filter_map(page).map(async |(path, access)| {
            let response = admin.page(&path).await;
            // Fragments requested by scripts are not pages; some pages redirect signed-in users.
            let is_page = response.status == 303 || response.text.starts_with("<!DOCTYPE html>");
            is_page.then_some((path, access))
        });
        let pages: Vec<_> = join_all(requests).await.into_iter().flatten().collect();
        assert!(pages.len() >= 13, "{listed}");
        for id in started {
            tasks.ended_in("example_task2", &id).await;
        }
        Self {
            portal,
            admin,
            pages,
        }
    }

    /// Returns a session token for the administrator.
    pub(crate) fn session(&self) -> &str {
        self.admin
            .token
            .as_deref()
            .expect("the administrator is signed in")
    }

    /// Returns the pages that an administrator or a guest may open.
    pub(crate) fn pages_of(&self, admin: bool) -> Vec<&str> {
        let mine = |(_, access): &&(String, String)| admin || access == "public";
        let pages = self.pages.iter().filter(mine);
        pages
            .map(|(path, _)| path.as_str())
            .filter(|path| !(admin && REDIRECTS.contains(path)))
            .collect()
    }

    /// Starts a task that runs for five seconds, so that the pages show a running task.
    pub(crate) async fn start_long_task(&self) {
        let tasks = TaskClient::of(&self.admin).await;
        let id = tasks.start_in("example_task", "task1", &json!({})).await;
        eventually("the task is running", async || {
            let task = tasks.status_in("example_task", &id).await;
            (task["status"] != "PENDING").then_some(())
        })
        .await;
    }
}

async fn sign_in(portal: &ReferencePortal, email: &str, first: &str, last: &str) -> Client {
    let token = Person::new(email, first, last).sign_in(&portal.url);
    Client::new(
        &portal.url,
        Some(token.expect("the portal accepts sign-in")),
    )
}

/// Returns the path and access of a page from a line printed by `routes`.
///
/// An example is `page   GET    /admin/about   public   reference_portal::pages::about::about`.
fn page(line: &str) -> Option<(String, String)> {
    let mut words = line.split_whitespace();
    let (kind, method) = (words.next()?, words.next()?);
    let (path, access) = (words.next()?, words.next()?);
    let is_page = kind == "page" && method == "GET" && !path.contains('{');
    is_page.then(|| (path.to_owned(), access.to_owned()))
}
