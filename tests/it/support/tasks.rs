//! A client for the task API.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Client, TestResponse};

/// Polls until there is a value; the time limit only serves to end tests that would hang.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..1800 {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not true after 90 seconds: {what}");
}

/// Client that authenticates only with a client token.
#[derive(Clone)]
pub(crate) struct TaskClient {
    pub(crate) http: Client,
    pub(crate) token: String,
}

impl TaskClient {
    /// Returns a client with a new client token for a user.
    pub(crate) async fn of(user: &Client) -> Self {
        Self {
            http: user.without_credentials(),
            token: user.client_token().await,
        }
    }

    pub(crate) fn path(&self, state: &str, rest: &str) -> String {
        format!("/api/{state}/tasks/{}/{rest}", self.token)
    }

    /// Requests the start of a task; the response may be a rejection.
    pub(crate) async fn ask(&self, state: &str, task: &str, body: &Value) -> TestResponse {
        let path = self.path(state, &format!("start/{task}"));
        self.http.post(&path, body).await
    }

    /// Requests the start of a task with an idempotency key.
    pub(crate) async fn ask_once(
        &self,
        key: &str,
        state: &str,
        task: &str,
        body: &Value,
    ) -> TestResponse {
        let path = self.path(state, &format!("start/{task}"));
        let request = self.http.request(Method::POST, &path).json(body);
        TestResponse::of(request.header("idempotency-key", key)).await
    }

    /// Starts a task and returns its id.
    pub(crate) async fn start_in(&self, state: &str, task: &str, body: &Value) -> String {
        let answer = self.ask(state, task, body).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        answer.json()["task_id"]
            .as_str()
            .expect("response has an id")
            .to_owned()
    }

    /// Starts one of the test application's tasks that take no arguments.
    pub(crate) async fn start(&self, task: &str) -> String {
        self.start_in("probe", task, &json!({})).await
    }

    pub(crate) async fn get(&self, state: &str, rest: &str) -> TestResponse {
        self.http.get(&self.path(state, rest)).await
    }

    pub(crate) async fn status_in(&self, state: &str, id: &str) -> Value {
        let answer = self.get(state, &format!("status/{id}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    pub(crate) async fn status(&self, id: &str) -> Value {
        self.status_in("probe", id).await
    }

    pub(crate) async fn cancel(&self, id: &str) -> TestResponse {
        let path = self.path("probe", &format!("cancel/{id}"));
        TestResponse::of(self.http.request(Method::POST, &path)).await
    }

    /// Waits until the task has the status, and returns the task.
    pub(crate) async fn until_in(&self, state: &str, id: &str, status: &str) -> Value {
        eventually(&format!("task {id} is {status}"), async || {
            let task = self.status_in(state, id).await;
            (task["status"] == status).then_some(task)
        })
        .await
    }

    pub(crate) async fn until(&self, id: &str, status: &str) -> Value {
        self.until_in("probe", id, status).await
    }

    /// Waits until the task has finished, and returns the task.
    pub(crate) async fn ended_in(&self, state: &str, id: &str) -> Value {
        eventually(&format!("task {id} is finished"), async || {
            let task = self.status_in(state, id).await;
            (task["active"] == false).then_some(task)
        })
        .await
    }

    pub(crate) async fn ended(&self, id: &str) -> Value {
        self.ended_in("probe", id).await
    }
}
