//! Reference portal with demo data.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::launch::{dies_with_us, free_port, launch};
use super::log::Log;
use crate::interrupt::Interrupt;
use crate::process::Process;

const ADMIN: &str = "ada@example.com";

/// Running reference portal on an empty database; stopped on drop.
pub(crate) struct Portal {
    url: String,
    program: PathBuf,
    directory: PathBuf,
    _process: Process,
}

impl Portal {
    /// Starts a program in a dedicated directory.
    pub(crate) fn start(program: &Path, directory: &Path, interrupt: &Interrupt) -> Result<Self> {
        let port = free_port()?;
        let url = format!("http://127.0.0.1:{port}");
        let mut command = dies_with_us(program, "TERM");
        command.env_clear().current_dir(directory);
        command
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("APP_ENV", "DEV")
            .env("PORT", port.to_string())
            .env("RATE_LIMITS", "off")
            .env("ADMIN_USER_EMAILS", ADMIN);
        let log = Log::of(&mut command, &directory.join("portal.log"))?;
        let ready = format!("{url}/readyz");
        let process = launch(
            "the reference portal",
            &mut command,
            Signal::TERM,
            &log,
            interrupt,
            || ureq::get(&ready).call().is_ok(),
        )?;
        Ok(Self {
            url,
            program: program.to_owned(),
            directory: directory.to_owned(),
            _process: process,
        })
    }

    /// Returns the URL of the portal.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Creates a session of the administrator and returns its token.
    pub(crate) fn sign_in(&self) -> Result<String> {
        self.sign_in_as(ADMIN, "Ada", "Lovelace")
    }

    /// Creates a session of a user who is not an administrator and returns its token.
    pub(crate) fn sign_in_as_user(&self) -> Result<String> {
        self.sign_in_as("alan@example.com", "Alan", "Turing")
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
        let home = format!("{}/", self.url);
        for _ in 0..600 {
            let asked = ureq::get(&home).config().http_status_as_error(false);
            if asked.build().call()?.status() == wanted {
                return Ok(());
            }
            sleep(Duration::from_millis(50));
        }
        bail!("{home} does not respond with {wanted} after 30 seconds");
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        // Set explicitly, because a release build defaults to production.
        command.env_clear().env("APP_ENV", "DEV");
        command.current_dir(&self.directory);
        command
    }

    fn sign_in_as(&self, email: &str, first: &str, last: &str) -> Result<String> {
        let person = json!({"email": email, "first_name": first, "last_name": last});
        let answer = self.post("/dev/token", None, &person)?;
        let token = answer["token"]
            .as_str()
            .context("sign-in returned no token")?;
        Ok(token.to_owned())
    }

    /// Adds demo data, waits until it is stored, and returns the id of a failed task.
    ///
    /// The data consists of people, rows, and completed and failed tasks of three months.
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
            let person = self.sign_in_as(email, first, last)?;
            self.send("/api/client-tokens", Some(&person), &json!({}))?;
        }
        // Without this, all data would be from today.
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
            let address = format!("{}{path}", self.url);
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
        let mut request = ureq::post(format!("{}{path}", self.url));
        if let Some(session) = session {
            request = request.header("authorization", format!("Bearer {session}"));
        }
        let answer = request.send_json(body).with_context(|| path.to_owned());
        Ok(answer?.into_body())
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
