//! The reference portal with demo data.

use std::ops::Deref;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use portal_testkit::{Interrupt, Person, Portal, Program};
use serde_json::{Value, json};

const ADMIN: Person<'_> = Person {
    email: "ada@example.com",
    first_name: "Ada",
    last_name: "Lovelace",
};
const USER: Person<'_> = Person {
    email: "alan@example.com",
    first_name: "Alan",
    last_name: "Turing",
};

/// A running reference portal on an initially empty database; stopped on drop.
pub(crate) struct DemoPortal {
    portal: Portal,
}

impl Deref for DemoPortal {
    type Target = Portal;

    fn deref(&self) -> &Portal {
        &self.portal
    }
}

impl DemoPortal {
    /// Starts a program in a dedicated directory.
    pub(crate) fn start(program: &Path, directory: &Path, interrupt: &Interrupt) -> Result<Self> {
        let program = Program::new(program)
            .bound_to_thread()
            // This is set explicitly, because release builds default to production.
            .variable("APP_ENV", "DEV")
            .variable("RATE_LIMITS", "off")
            .variable("ADMIN_USER_EMAILS", ADMIN.email);
        let portal = Portal::start(program, directory, interrupt)?;
        Ok(Self { portal })
    }

    /// Creates a session for the administrator and returns its token.
    pub(crate) fn sign_in_as_admin(&self) -> Result<String> {
        self.sign_in(&ADMIN)
    }

    /// Creates a session for a user who is not an administrator and returns its token.
    pub(crate) fn sign_in_as_user(&self) -> Result<String> {
        self.sign_in(&USER)
    }

    /// Turns maintenance mode on or off and waits until it takes effect.
    pub(crate) fn maintain(&self, on: bool) -> Result<()> {
        let mut command = self.command();
        command.args(["maintenance", if on { "on" } else { "off" }]);
        if !command.output()?.status.success() {
            bail!("the `maintenance` command failed");
        }
        // The portal polls for changes written by other processes.
        let wanted = if on { 503 } else { 200 };
        let home = format!("{}/", self.url());
        for _ in 0..600 {
            let request = ureq::get(&home).config().http_status_as_error(false);
            if request.build().call()?.status() == wanted {
                return Ok(());
            }
            sleep(Duration::from_millis(50));
        }
        bail!("{home} does not respond with {wanted} after 30 seconds");
    }

    /// Adds demo data, waits until it is stored, and returns the id of a failed task.
    ///
    /// The data consists of people, rows, and completed and failed tasks from the last three
    /// months.
    pub(crate) fn fill(&self, session: &str) -> Result<String> {
        for (email, first, last) in [
            ("alan@example.com", "Alan", "Turing"),
            ("grace@example.com", "Grace", "Hopper"),
            ("edsger@example.com", "Edsger", "Dijkstra"),
            ("barbara@example.com", "Barbara", "Liskov"),
            ("donald@example.com", "Donald", "Knuth"),
            ("katherine@example.com", "Katherine", "Johnson"),
            ("john@example.com", "John", "von Neumann"),
            ("margaret@example.com", "Margaret", "Hamilton"),
        ] {
            let person = self.sign_in(&Person::new(email, first, last))?;
            self.send("/api/client-tokens", Some(&person), &json!({}))?;
        }
        // This request adds older data; otherwise, all data would be from today.
        self.send("/admin/overview/examples", Some(session), &json!({}))?;
        self.send("/api/admin/defaults", Some(session), &json!({}))?;
        let person = json!({"name": "Grace", "age": 37});
        let mut tasks = Vec::new();
        for _ in 0..4 {
            tasks.push(self.start_task(session, "example_task2", "task2_with_args", &person)?);
        }
        for (task, arguments) in [
            ("loaded_task", &person),
            ("task1", &json!({})),
            ("failing_task", &json!({})),
        ] {
            tasks.push(self.start_task(session, "example_task2", task, arguments)?);
        }
        for status in &tasks {
            self.wait_until(status, "a task has finished", |task| {
                task["active"] == false
            })?;
        }
        let failed = tasks.last().and_then(|status| status.rsplit('/').next());
        Ok(failed.context("no task was enqueued")?.to_owned())
    }

    /// Enqueues a task that takes some seconds, and waits until it has made progress.
    pub(crate) fn keep_busy(&self, session: &str) -> Result<()> {
        let status = self.start_task(session, "example_task", "task1", &json!({}))?;
        self.wait_until(&status, "a task is running", |task| {
            task["progress"]
                .as_u64()
                .is_some_and(|percent| percent >= 40)
        })
    }

    fn wait_until(&self, path: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Result<()> {
        for _ in 0..600 {
            let address = format!("{}{path}", self.url());
            let task: Value = ureq::get(&address).call()?.body_mut().read_json()?;
            if is_so(&task) {
                return Ok(());
            }
            sleep(Duration::from_millis(50));
        }
        bail!("timed out after 30 seconds; expected: {what}");
    }

    /// Enqueues a task and returns the path of its status.
    fn start_task(&self, session: &str, state: &str, task: &str, body: &Value) -> Result<String> {
        let token = self.post("/api/client-tokens", Some(session), &json!({}))?;
        let token = token["client_token"]
            .as_str()
            .context("the response has no client token")?;
        let tasks = format!("/api/{state}/tasks/{token}");
        let started = self.post(&format!("{tasks}/start/{task}"), None, body)?;
        let id = started["task_id"]
            .as_str()
            .context("the response has no task id")?;
        Ok(format!("{tasks}/status/{id}"))
    }

    fn post(&self, path: &str, session: Option<&str>, body: &Value) -> Result<Value> {
        Ok(self.send(path, session, body)?.read_json()?)
    }

    fn send(&self, path: &str, session: Option<&str>, body: &Value) -> Result<ureq::Body> {
        let mut request = ureq::post(format!("{}{path}", self.url()));
        if let Some(session) = session {
            request = request.header("authorization", format!("Bearer {session}"));
        }
        let response = request.send_json(body).with_context(|| path.to_owned());
        Ok(response?.into_body())
    }

    /// Returns the paths of all pages without path parameters.
    pub(crate) fn pages(&self) -> Result<Vec<String>> {
        let listed = self.command().arg("routes").output()?;
        if !listed.status.success() {
            bail!(
                "failed to list the routes: {}",
                String::from_utf8_lossy(&listed.stderr)
            );
        }
        let listed = String::from_utf8(listed.stdout)?;
        let pages = listed.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            let is_page = words.next()? == "page" && words.next()? == "GET";
            let path = words.next().filter(|path| !path.contains('{'))?;
            is_page.then(|| path.to_owned())
        });
        Ok(pages.collect())
    }
}
