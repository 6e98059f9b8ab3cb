//! Revocation: lost access takes effect immediately, on every replica and on open connections.

use portal_core::prelude::*;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Client, CookieClient, Database, EventStream, Socket, TaskClient, TestResponse, TestServer,
    eventually, on_both,
};

on_both!(
    permitted_monitor_stays_open_when_its_user_changes,
    token_of_a_deactivated_owner_is_rejected,
    token_of_a_banned_owner_is_rejected,
    token_of_a_deleted_owner_is_unknown,
    deactivation_closes_open_connections,
    deletion_closes_open_connections,
    ended_session_closes_its_connections,
    ended_session_opens_no_connection,
    session_of_a_deactivated_user_opens_no_connection,
    demoted_owner_does_not_see_privileged_tasks,
    demotion_closes_monitors_of_privileged_tasks,
    change_by_another_process_takes_effect,
);

/// Waits, for administrators
#[monitored_background_task(group = "rights", requires_admin)]
async fn guarded(task: TaskContext) -> Result<(), TaskError> {
    task.cancelled().await;
    Err(TaskError::new("cancellation requested"))
}

/// Waits, for everyone
#[monitored_background_task(group = "rights")]
async fn unguarded(task: TaskContext) -> Result<(), TaskError> {
    task.cancelled().await;
    Err(TaskError::new("cancellation requested"))
}

/// Two replicas on PostgreSQL; with SQLite, one replica serves as both.
struct Portals {
    here: TestServer,
    other: Option<TestServer>,
    database: Database,
    admin: Client,
}

impl Portals {
    async fn start(database: Database) -> Self {
        let here = TestServer::start(database).await;
        let other = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(here.replica_of_sessions().await),
        };
        let admin = here.admin().await;
        Self {
            here,
            other,
            database,
            admin,
        }
    }

    /// Returns the URL of the replica to connect to; changes are made on the other replica.
    fn there(&self) -> &str {
        &self.other.as_ref().unwrap_or(&self.here).url
    }

    /// Signs in a user; returns the user's client and id, and a task client for the other replica.
    async fn user(&self) -> (Client, String, TaskClient) {
        let user = self.here.user().await;
        let me = user.get("/api/auth/me").await.json();
        let id = me["id"].as_str().expect("response has an id").to_owned();
        let client = TaskClient {
            http: Client::new(self.there(), None),
            token: user.client_token().await,
        };
        (user, id, client)
    }

    async fn change(&self, id: &str, change: Value) {
        let path = format!("/api/users/{id}");
        let response = self.admin.patch(&path, &change).await;
        assert_eq!(response.status, 200, "{}", response.text);
    }

    /// Changes a user as another process would.
    ///
    /// On SQLite, this only writes; on PostgreSQL, it also publishes an event.
    async fn change_from_outside(&self, id: &str, change: &str) {
        let id: uuid::Uuid = id.parse().expect("id is a UUID");
        let condition = match self.database {
            Database::Sqlite => format!("id = X'{}'", id.simple()),
            Database::Postgres => format!("id = '{id}'"),
        };
        let update = format!("UPDATE portal_users SET {change} WHERE {condition}");
        assert_eq!(self.here.sql(update).await, 1);
        if self.database == Database::Postgres {
            let hint = json!({
                "from": uuid::Uuid::new_v4(),
                "notification": {"kind": "user", "id": id},
            });
            self.here
                .sql(format!("SELECT pg_notify('portal', '{hint}')"))
                .await;
        }
    }
}

fn monitor(client: &TaskClient, id: &str) -> String {
    format!("/api/tasks/{}/{id}/monitor", client.token)
}

fn monitor_of_all(client: &TaskClient) -> String {
    format!("/api/tasks/{}/monitor", client.token)
}

/// Makes every call for which a client token is sufficient.
async fn uses(client: &TaskClient, task: &str) -> Vec<(String, TestResponse)> {
    let mut responses = Vec::new();
    for rest in ["status", "status/{}", "{}", "result/{}", "history/{}"] {
        let rest = rest.replace("{}", task);
        responses.push((rest.clone(), client.get("rights", &rest).await));
    }
    let list = format!("/api/rights/tasks/{}", client.token);
    responses.push((list.clone(), client.http.get(&list).await));
    for path in [monitor_of_all(client), monitor(client, task)] {
        responses.push((path.clone(), client.http.get(&path).await));
        let stream = client.http.request(Method::GET, &path);
        let stream = stream.header("accept", "text/event-stream");
        let response = TestResponse::of(stream.timeout(std::time::Duration::from_secs(30))).await;
        responses.push((format!("stream {path}"), response));
    }
    let start = client.ask("rights", "unguarded", &json!({})).await;
    responses.push(("start".to_owned(), start));
    let path = client.path("rights", &format!("cancel/{task}"));
    let cancel = client.http.request(Method::POST, &path);
    responses.push(("cancel".to_owned(), TestResponse::of(cancel).await));
    responses
}

async fn assert_refused(client: &TaskClient, task: &str, status: u16, code: &str) {
    for (what, response) in uses(client, task).await {
        assert_eq!(response.status, status, "{what}: {}", response.text);
        assert_eq!(response.json()["code"], code, "{what}");
    }
    for path in [monitor_of_all(client), monitor(client, task)] {
        let address = client.http.url();
        let refusal = Socket::ask(address, &path, None).await.err();
        let refusal = refusal.expect("the upgrade is rejected");
        assert_eq!(
            (refusal.status, &refusal.problem["code"]),
            (status, &json!(code))
        );
    }
}

async fn token_of_a_deactivated_owner_is_rejected(database: Database) {
    let portals = Portals::start(database).await;
    let (_, id, client) = portals.user().await;
    let task = client.start_in("rights", "unguarded", &json!({})).await;
    portals.change(&id, json!({"is_active": false})).await;
    eventually("the other replica has received the change", async || {
        (client.get("rights", "status").await.status == 403).then_some(())
    })
    .await;
    assert_refused(&client, &task, 403, "deactivated").await;
    portals.change(&id, json!({"is_active": true})).await;
    eventually("the user is active again", async || {
        (client.get("rights", "status").await.status == 200).then_some(())
    })
    .await;
    let record = client.status_in("rights", &task).await;
    assert_eq!(record["active"], true, "a running task continues");
}

async fn token_of_a_banned_owner_is_rejected(database: Database) {
    let portals = Portals::start(database).await;
    let (_, id, client) = portals.user().await;
    let task = client.start_in("rights", "unguarded", &json!({})).await;
    portals.change_from_outside(&id, "is_banned = true").await;
    eventually("the change is received", async || {
        (client.get("rights", "status").await.status == 403).then_some(())
    })
    .await;
    assert_refused(&client, &task, 403, "deactivated").await;
}

async fn token_of_a_deleted_owner_is_unknown(database: Database) {
    let portals = Portals::start(database).await;
    let (_, id, client) = portals.user().await;
    let task = client.start_in("rights", "unguarded", &json!({})).await;
    portals
        .change_from_outside(&id, "deleted_at = CURRENT_TIMESTAMP")
        .await;
    eventually("the change is received", async || {
        (client.get("rights", "status").await.status == 404).then_some(())
    })
    .await;
    assert_refused(&client, &task, 404, "client_token_unknown").await;
}

/// One open connection of each kind that a client can have.
struct Opened {
    sockets: Vec<Socket>,
    streams: Vec<EventStream>,
}

impl Opened {
    async fn of(client: &TaskClient, task: &str, headers: &[(&'static str, &str)]) -> Self {
        let mut opened = Self {
            sockets: Vec::new(),
            streams: Vec::new(),
        };
        for path in [monitor_of_all(client), monitor(client, task)] {
            let socket = Socket::ask_with(client.http.url(), &path, headers).await;
            let mut socket = socket.unwrap_or_else(|refusal| panic!("{path}: {refusal:?}"));
            socket.update().await;
            opened.sockets.push(socket);
            let stream = EventStream::ask(&client.http, &path, headers).await;
            let mut stream = stream.unwrap_or_else(|response| panic!("{path}: {response:?}"));
            stream.next().await.expect("an event arrives");
            opened.streams.push(stream);
        }
        opened
    }

    /// Asserts that every connection closes with `code`.
    async fn assert_closed(self, code: u16) {
        // A connection that stays open sends pings or comments forever.
        let limit = std::time::Duration::from_secs(60);
        let closed = tokio::time::timeout(limit, self.all_closed(code)).await;
        closed.expect("every connection closes");
    }

    async fn all_closed(self, code: u16) {
        for socket in self.sockets {
            assert_eq!(socket.rest().await.1, code);
        }
        for mut stream in self.streams {
            while stream.next().await.is_some() {}
            let closed = stream.closed.expect("the stream ends with a reason");
            assert_eq!(closed["code"], code);
            assert!(closed["reason"].is_string());
        }
    }
}

async fn deactivation_closes_open_connections(database: Database) {
    let portals = Portals::start(database).await;
    let (_, id, client) = portals.user().await;
    let task = client.start_in("rights", "unguarded", &json!({})).await;
    let opened = Opened::of(&client, &task, &[]).await;
    let eve = portals.here.sign_in("eve@example.com").await;
    let theirs = TaskClient {
        http: client.http.clone(),
        token: eve.client_token().await,
    };
    let other = theirs.start_in("rights", "unguarded", &json!({})).await;
    let mut untouched = Socket::open(portals.there(), &monitor(&theirs, &other)).await;
    portals.change(&id, json!({"is_active": false})).await;
    opened.assert_closed(4403).await;
    let path = theirs.path("rights", &format!("cancel/{other}"));
    TestResponse::of(theirs.http.request(Method::POST, &path)).await;
    untouched
        .until(|message| message["data"]["active"] == false)
        .await;
    assert_eq!(
        untouched.rest().await.1,
        1000,
        "another user's connection stays open"
    );
}

async fn deletion_closes_open_connections(database: Database) {
    let portals = Portals::start(database).await;
    let (_, id, client) = portals.user().await;
    let task = client.start_in("rights", "unguarded", &json!({})).await;
    let opened = Opened::of(&client, &task, &[]).await;
    portals
        .change_from_outside(&id, "deleted_at = CURRENT_TIMESTAMP")
        .await;
    opened.assert_closed(4401).await;
}

/// Header that a browser sends with requests from the portal's own pages.
const OWN_PAGE: (&str, &str) = ("sec-fetch-site", "same-origin");

/// Returns the two headers that can carry a session.
fn credentials(user: &Client) -> [(&'static str, String); 2] {
    let token = user.token.as_deref().expect("client has a token");
    [
        ("authorization", format!("Bearer {token}")),
        ("cookie", format!("__session={token}")),
    ]
}

async fn sign_out(portals: &Portals, user: &Client) {
    let mut browser = CookieClient::of(&portals.here.url, user);
    let response = browser.submit("/sign-out", &[]).await;
    assert_eq!(response.status, 303, "{}", response.text);
}

async fn ended_session_closes_its_connections(database: Database) {
    let portals = Portals::start(database).await;
    let (user, _, client) = portals.user().await;
    let task = client.start_in("rights", "unguarded", &json!({})).await;
    let same_user = portals.here.user().await;
    let [bearer, cookie] = credentials(&user);
    let [other_session, _] = credentials(&same_user);
    let mut opened = Vec::new();
    for (name, value) in [&bearer, &cookie] {
        opened.push(Opened::of(&client, &task, &[(*name, value.as_str()), OWN_PAGE]).await);
    }
    let without = Opened::of(&client, &task, &[]).await;
    let another = Opened::of(&client, &task, &[(other_session.0, &other_session.1)]).await;
    sign_out(&portals, &user).await;
    for opened in opened {
        opened.assert_closed(4401).await;
    }
    // The token itself and the other session of the same user are still valid.
    let path = client.path("rights", &format!("cancel/{task}"));
    TestResponse::of(client.http.request(Method::POST, &path)).await;
    for mut opened in [without, another] {
        for socket in &mut opened.sockets {
            socket
                .until(|message| message["data"]["active"] == false)
                .await;
        }
    }
}

async fn permitted_monitor_stays_open_when_its_user_changes(database: Database) {
    let portals = Portals::start(database).await;
    let (user, id, client) = portals.user().await;
    portals.change(&id, json!({"user_type": "EDITOR"})).await;
    // This monitor covers all task types that the user may use, some of them because of their role.
    let mut all = Socket::open(portals.there(), &monitor_of_all(&client)).await;
    for round in 0..3 {
        let preference = json!({"preferences": {"rows": round}});
        assert_eq!(user.patch("/api/auth/me", &preference).await.status, 200);
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let task = client.start_in("rights", "unguarded", &json!({})).await;
        all.until(|message| message["data"]["task_id"] == task.as_str())
            .await;
    }
}

async fn ended_session_opens_no_connection(database: Database) {
    let portals = Portals::start(database).await;
    let (user, _, client) = portals.user().await;
    let task = client.start_in("rights", "unguarded", &json!({})).await;
    let signed_out = Client::new(portals.there(), user.token.clone());
    assert_eq!(signed_out.get("/api/auth/me").await.status, 200);
    sign_out(&portals, &user).await;
    eventually("the other replica has received the change", async || {
        (signed_out.get("/api/auth/me").await.status == 401).then_some(())
    })
    .await;
    for (name, value) in credentials(&user) {
        let headers = [(name, value.as_str()), OWN_PAGE];
        for path in [monitor_of_all(&client), monitor(&client, &task)] {
            let refusal = Socket::ask_with(portals.there(), &path, &headers).await;
            let refusal = refusal.err().expect("the upgrade is rejected");
            assert_eq!(refusal.status, 401, "{name}");
            let refusal = EventStream::ask(&client.http, &path, &headers).await;
            let refusal = refusal.err().expect("the request is rejected");
            refusal.problem(401, "unauthorized");
        }
    }
    // An invalid session is ignored: the token is a sufficient credential.
    let path = monitor(&client, &task);
    let nonsense = [("cookie", "__session=nonsense"), OWN_PAGE];
    let socket = Socket::ask_with(portals.there(), &path, &nonsense).await;
    assert!(socket.is_ok(), "{:?}", socket.err());
}

async fn session_of_a_deactivated_user_opens_no_connection(database: Database) {
    let portals = Portals::start(database).await;
    let (_, _, client) = portals.user().await;
    let task = client.start_in("rights", "unguarded", &json!({})).await;
    let eve = portals.here.sign_in("eve@example.com").await;
    let me = eve.get("/api/auth/me").await.json();
    let [bearer, _] = credentials(&eve);
    let headers = [(bearer.0, bearer.1.as_str())];
    let opened = Opened::of(&client, &task, &headers).await;
    let id = me["id"].as_str().expect("response has an id");
    portals.change(id, json!({"is_active": false})).await;
    opened.assert_closed(4403).await;
    let refusal = Socket::ask_with(portals.there(), &monitor(&client, &task), &headers).await;
    let refusal = refusal.err().expect("the upgrade is rejected");
    assert_eq!(
        (refusal.status, &refusal.problem["code"]),
        (403, &json!("deactivated"))
    );
}

async fn demoted_owner_does_not_see_privileged_tasks(database: Database) {
    let portals = Portals::start(database).await;
    let (_, id, client) = portals.user().await;
    portals.change(&id, json!({"user_type": "ADMIN"})).await;
    let above = eventually("the user is an administrator", async || {
        let response = client.ask("rights", "guarded", &json!({})).await;
        (response.status == 202).then(|| response.json()["task_id"].clone())
    })
    .await;
    let above = above.as_str().expect("response has an id");
    let below = client.start_in("rights", "unguarded", &json!({})).await;
    let listed = async || {
        let list = client.get("rights", "status").await.json();
        let tasks = list["all_tasks"]
            .as_object()
            .expect("value is an object")
            .clone();
        tasks.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(listed().await.len(), 2);
    portals.change(&id, json!({"user_type": "USER"})).await;
    eventually("the other replica has received the change", async || {
        (listed().await == [below.clone()]).then_some(())
    })
    .await;
    for rest in ["status/{}", "{}", "result/{}", "history/{}"] {
        let rest = rest.replace("{}", above);
        client.get("rights", &rest).await.problem(403, "forbidden");
    }
    let path = client.path("rights", &format!("cancel/{above}"));
    let cancel = TestResponse::of(client.http.request(Method::POST, &path)).await;
    cancel.problem(403, "forbidden");
    let refusal = Socket::ask(portals.there(), &monitor(&client, above), None).await;
    assert_eq!(refusal.err().expect("the request is rejected").status, 403);
    // A monitor for all tasks shows only tasks that the user may still see, including later
    // changes.
    let mut socket = Socket::open(portals.there(), &monitor_of_all(&client)).await;
    assert_eq!(socket.update().await["data"]["task_id"], below.as_str());
    portals.admin_cancels(above).await;
    let path = client.path("rights", &format!("cancel/{below}"));
    TestResponse::of(client.http.request(Method::POST, &path)).await;
    let seen = socket
        .until(|message| {
            assert_eq!(message["data"]["task_id"], below.as_str());
            message["data"]["active"] == false
        })
        .await;
    assert_eq!(seen["data"]["task_id"], below.as_str());
}

impl Portals {
    /// Cancels a task as an administrator and waits until it has finished.
    async fn admin_cancels(&self, id: &str) {
        let tasks = self.here.state.get::<portal_core::Tasks>();
        let tasks = tasks.expect("the service exists");
        let id: uuid::Uuid = id.parse().expect("id is a UUID");
        tasks.cancel(id).await.expect("the task is cancelled");
        eventually("the task has finished", async || {
            let task = tasks.get(id).await.expect("the database responds");
            task.is_some_and(|task| task.status.is_final())
                .then_some(())
        })
        .await;
    }
}

async fn demotion_closes_monitors_of_privileged_tasks(database: Database) {
    let portals = Portals::start(database).await;
    let (_, id, client) = portals.user().await;
    portals.change(&id, json!({"user_type": "ADMIN"})).await;
    let above = eventually("the user is an administrator", async || {
        let response = client.ask("rights", "guarded", &json!({})).await;
        (response.status == 202).then(|| response.json()["task_id"].clone())
    })
    .await;
    let above = above.as_str().expect("response has an id");
    let below = client.start_in("rights", "unguarded", &json!({})).await;
    let opened = Opened::of(&client, above, &[]).await;
    let mut allowed = Socket::open(portals.there(), &monitor(&client, &below)).await;
    portals.change(&id, json!({"user_type": "USER"})).await;
    opened.assert_closed(4403).await;
    let path = client.path("rights", &format!("cancel/{below}"));
    TestResponse::of(client.http.request(Method::POST, &path)).await;
    allowed
        .until(|message| message["data"]["active"] == false)
        .await;
    assert_eq!(
        allowed.rest().await.1,
        1000,
        "the user may still see this task"
    );
}

/// On SQLite, no event is published; the portal instead detects that the file was written to.
async fn change_by_another_process_takes_effect(database: Database) {
    let portals = Portals::start(database).await;
    let (user, id, client) = portals.user().await;
    let task = client.start_in("rights", "unguarded", &json!({})).await;
    let opened = Opened::of(&client, &task, &[]).await;
    assert_eq!(user.page("/secret").await.status, 403);
    portals
        .change_from_outside(&id, "user_type = 'ADMIN'")
        .await;
    eventually("the user is an administrator", async || {
        (user.page("/secret").await.status == 200).then_some(())
    })
    .await;
    portals.change_from_outside(&id, "is_active = false").await;
    opened.assert_closed(4403).await;
    eventually("the user is rejected", async || {
        (user.page("/members").await.status == 403).then_some(())
    })
    .await;
}
