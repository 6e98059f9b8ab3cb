//! The clients in the seed document, unchanged except for the host, token and task id.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::{Client, ReferencePortal, TaskClient};

/// The WebSocket client from the seed document, verbatim.
const SCRIPT: &str = r#"
import websockets
import asyncio
import json

async def monitor_task(client_token, task_id=None):
    url = f"ws://localhost:8000/ws/example_task2/tasks/{client_token}"
    if task_id:
        url = f"{url}/{task_id}"
        
    async with websockets.connect(url) as ws:
        while True:
            msg = await ws.recv()
            state = json.loads(msg)
            print(f"Task update: {state}")
            
            if state["data"]["status"] in ["COMPLETED", "ERROR"]:
                break

# Usage
asyncio.run(monitor_task("your-client-token", "task-id"))
"#;

/// The command from the seed document that starts a task, verbatim.
const START: &str = r#"curl -X POST \
  -H "Content-Type: application/json" \
  http://localhost:8000/api/example_task2/tasks/{client_token}/start/loaded_task \
  -d '{"name": "bob", "age": 6}'"#;

/// The requests from the seed document, verbatim.
const LOOKS: [&str; 3] = [
    "GET /api/{state_name}/tasks/{client_token}/status/{task_id}",
    "GET /api/{state_name}/tasks/{client_token}/status",
    "GET /api/{state_name}/tasks/{client_token}/result/{task_id}",
];

async fn start() -> (ReferencePortal, TaskClient) {
    let portal = ReferencePortal::start(&[]).await;
    let guest = portal.guest();
    let body = json!({"email": "ann@example.com"});
    let response = guest.post("/dev/token", &body).await;
    let session = response.json()["token"]
        .as_str()
        .expect("response has a token")
        .to_owned();
    let client = TaskClient::of(&Client::new(&portal.url, Some(session))).await;
    (portal, client)
}

/// Runs a program until it exits.
async fn run(command: &mut Command, what: &str) -> Output {
    let output = command
        .output()
        .await
        .unwrap_or_else(|error| panic!("failed to run {what}: {error}; install it"));
    assert!(
        output.status.success(),
        "{what}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Runs a command from the seed document in a shell, with a portal's host and token.
async fn shell(portal: &ReferencePortal, client: &TaskClient, line: &str) -> Value {
    let line = line
        .replace("curl ", "curl --silent --show-error --fail ")
        .replace("http://localhost:8000", &portal.url)
        .replace("{client_token}", &client.token);
    let output = run(Command::new("sh").args(["-c", &line]), "curl").await;
    serde_json::from_slice(&output.stdout).expect("the output is JSON")
}

/// Returns the path of a Python with `websockets`: the system's Python if it has the package,
/// otherwise a virtual environment in the directory, with the package installed from PyPI.
async fn python(directory: &TempDir) -> PathBuf {
    let probe = Command::new("python3")
        .args(["-c", "import websockets"])
        .output()
        .await
        .expect("the WebSocket client from the seed document requires python3; install it");
    if probe.status.success() {
        return Path::new("python3").to_owned();
    }
    let environment = directory.path().join("venv");
    let mut make = Command::new("python3");
    make.args(["-m", "venv"]).arg(&environment);
    run(&mut make, "python3 -m venv (Debian: python3-venv)").await;
    let python = environment.join("bin/python3");
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "websockets"]);
    run(&mut install, "pip install websockets").await;
    python
}

/// Runs the script from the seed document and returns the lines it prints.
async fn watch(portal: &ReferencePortal, client: &TaskClient, id: Option<&str>) -> Vec<String> {
    let host = portal.url.replacen("http://", "", 1);
    let task = id.map_or("None".to_owned(), |id| format!("\"{id}\""));
    let script = SCRIPT
        .replace("localhost:8000", &host)
        .replace("your-client-token", &client.token)
        .replace("\"task-id\"", &task);
    let directory = tempfile::tempdir().expect("the directory can be created");
    let python = python(&directory).await;
    let output = run(Command::new(python).args(["-c", &script]), "the script").await;
    let text = String::from_utf8(output.stdout).expect("the output is text");
    text.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn seed_curl_commands_work() {
    let (portal, client) = start().await;
    let started = shell(&portal, &client, START).await;
    let id = started["task_id"]
        .as_str()
        .expect("response has an id")
        .to_owned();
    let task = client.ended_in("example_task2", &id).await;
    assert_eq!(task["status"], "COMPLETED", "{task}");
    let mut responses = Vec::new();
    for look in LOOKS {
        let path = look
            .trim_start_matches("GET ")
            .replace("{state_name}", "example_task2")
            .replace("{task_id}", &id);
        let line = format!("curl http://localhost:8000{path}");
        responses.push(shell(&portal, &client, &line).await);
    }
    assert_eq!(responses[0], task);
    assert_eq!(responses[1]["all_tasks"][&id], task);
    assert_eq!(responses[2], "Completed task for bob, age 6");
}

#[tokio::test]
async fn seed_websocket_client_follows_a_task_until_it_finishes() {
    let (portal, client) = start().await;
    let body = json!({"name": "bob", "age": 6});
    for single in [true, false] {
        let id = client.start_in("example_task2", "loaded_task", &body).await;
        let (portal, client) = (&portal, &client);
        // The monitor for all tasks may connect after this task has finished, so start more tasks
        // until it sees one.
        let feed = async {
            loop {
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                client.start_in("example_task2", "loaded_task", &body).await;
            }
        };
        let lines = tokio::select! {
            lines = watch(portal, client, single.then_some(&id)) => lines,
            () = feed, if !single => unreachable!("the loop does not end"),
        };
        let last = lines.last().expect("the output contains the line");
        assert!(last.starts_with("Task update: "), "{last}");
        assert!(last.contains("'status': 'COMPLETED'"), "{last}");
        assert!(last.contains("Completed task for bob, age 6"), "{last}");
    }
}
