//! Code samples that start and monitor the selected task from a program.

use maud::{Markup, html};
use serde_json::Value;

use super::{NEW_TOKEN, PageScope, TOKENS};
use crate::pages::Href;
use crate::pages::components::{Button, Card, CodeBlock, segmented};
use crate::tasks::TaskDefinition;

/// Placeholder for the token, of which the portal stores only a hash.
const PLACEHOLDER: &str = "YOUR_CLIENT_TOKEN";

pub(super) fn card(scope: &PageScope, definition: &TaskDefinition) -> Markup {
    let call = CodeSample {
        origin: format!("{}{}", scope.config.public_url, scope.config.base_path),
        group: &definition.group,
        name: definition.name,
        token: PLACEHOLDER.to_owned(),
        args: definition.example(),
    };
    let languages = [
        ("curl", "curl"),
        ("wscat", "wscat"),
        ("python", "Python"),
        ("js", "JavaScript"),
    ];
    let blocks = |blocks: Vec<(&str, String)>| {
        html! {
            @for (title, code) in blocks { (CodeBlock::new(code).title(title)) }
        }
    };
    let body = html! {
        div class="pt-stack pt-calls" {
            div class="pt-row" {
                form method="post" action=(Href::from(NEW_TOKEN)) {
                    (Button::new("Create client token").size(1).icon("plus").submit())
                }
                span class="pt-push-end" { (Button::new("Manage tokens").size(1).ghost().icon("key-round").href(TOKENS)) }
            }
            (segmented("Language", "language", &languages, "curl"))
            div data-language="curl" {
                (blocks(vec![("Start", call.curl()), ("Check status", call.curl_status()), ("Monitor", call.curl_watch())]))
            }
            div data-language="wscat" {
                (blocks(vec![("Monitor all tasks of the token", call.wscat("")), ("Monitor one task", call.wscat("/TASK_ID"))]))
            }
            div data-language="python" { (blocks(vec![("pip install requests websockets", call.python())])) }
            div data-language="js" { (blocks(vec![("Browser or Node.js", call.javascript())])) }
        }
    };
    let card = Card::new()
        .title("Use the API")
        .description(format!("A client token identifies one client; only that token shows the tasks it started. Replace {PLACEHOLDER} with yours."))
        .body(body);
    html! { (card) }
}

/// Values from which the samples are generated.
struct CodeSample<'a> {
    /// Origin of the portal, including its base path.
    origin: String,
    group: &'a str,
    name: &'a str,
    token: String,
    args: Option<&'a Value>,
}

impl CodeSample<'_> {
    fn socket(&self) -> String {
        self.origin.replacen("http", "ws", 1)
    }

    fn start_url(&self) -> String {
        let Self {
            origin,
            group,
            token,
            name,
            ..
        } = self;
        format!("{origin}/api/{group}/tasks/{token}/start/{name}")
    }

    fn curl(&self) -> String {
        let body = self.args.map(|args| {
            // Escape the arguments for single quotes in a shell.
            let args = args.to_string().replace('\'', "'\\''");
            format!(" \\\n  -H 'Content-Type: application/json' \\\n  -d '{args}'")
        });
        format!(
            "curl -X POST {}{}",
            self.start_url(),
            body.unwrap_or_default()
        )
    }

    fn curl_status(&self) -> String {
        let Self {
            origin,
            group,
            token,
            ..
        } = self;
        format!("curl {origin}/api/{group}/tasks/{token}/status/TASK_ID")
    }

    fn curl_watch(&self) -> String {
        let Self { origin, token, .. } = self;
        format!("curl -N -H 'Accept: text/event-stream' {origin}/api/tasks/{token}/monitor")
    }

    fn wscat(&self, task: &str) -> String {
        format!(
            "wscat -c {}/api/tasks/{}{task}/monitor",
            self.socket(),
            self.token
        )
    }

    fn python(&self) -> String {
        let args = self
            .args
            .map(|args| format!(", json={}", python(args)))
            .unwrap_or_default();
        let lines = [
            "import asyncio".to_owned(),
            "import json".to_owned(),
            String::new(),
            "import requests".to_owned(),
            "import websockets".to_owned(),
            String::new(),
            format!("CLIENT_TOKEN = \"{}\"", self.token),
            String::new(),
            "def start_task(client_token):".to_owned(),
            format!(
                "    url = f\"{}/api/{}/tasks/{{client_token}}/start/{}\"",
                self.origin, self.group, self.name
            ),
            format!("    response = requests.post(url{args})"),
            "    response.raise_for_status()".to_owned(),
            "    return response.json()[\"task_id\"]".to_owned(),
            String::new(),
            "async def monitor_task(client_token, task_id=None):".to_owned(),
            format!(
                "    url = f\"{}/ws/{}/tasks/{{client_token}}\"",
                self.socket(),
                self.group
            ),
            "    if task_id:".to_owned(),
            "        url = f\"{url}/{task_id}\"".to_owned(),
            String::new(),
            "    async with websockets.connect(url) as ws:".to_owned(),
            "        while True:".to_owned(),
            "            state = json.loads(await ws.recv())".to_owned(),
            "            print(f\"Task update: {state}\")".to_owned(),
            "            if state[\"data\"][\"status\"] in [\"COMPLETED\", \"ERROR\"]:".to_owned(),
            "                break".to_owned(),
            String::new(),
            "asyncio.run(monitor_task(CLIENT_TOKEN, start_task(CLIENT_TOKEN)))".to_owned(),
        ];
        lines.join("\n")
    }

    fn javascript(&self) -> String {
        let body = self.args.map(|args| {
            format!("  headers: {{ \"content-type\": \"application/json\" }},\n  body: JSON.stringify({args}),\n")
        });
        let body = body.unwrap_or_default();
        format!(
            "const token = \"{token}\";\n\
             const started = await fetch(`{origin}/api/{group}/tasks/${{token}}/start/{name}`, {{\n  method: \"POST\",\n{body}}});\n\
             const {{ task_id }} = await started.json();\n\n\
             const socket = new WebSocket(`{socket}/api/tasks/${{token}}/${{task_id}}/monitor`);\n\
             socket.onmessage = ({{ data }}) => {{\n  const task = JSON.parse(data).data;\n  console.log(task.status, task.progress, task.message, task.result ?? task.error);\n}};",
            token = self.token,
            origin = self.origin,
            group = self.group,
            name = self.name,
            socket = self.socket(),
        )
    }
}

/// Formats JSON as a Python literal.
fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Array(values) => {
            let values: Vec<_> = values.iter().map(python).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Object(members) => {
            let members: Vec<_> = members
                .iter()
                .map(|(name, value)| format!("{}: {}", Value::from(name.as_str()), python(value)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
        // Numbers and strings: every JSON string is a valid Python string.
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_are_formatted_for_each_language() {
        let args = json!({"name": "O'Hara", "on": true, "list": [1, null]});
        let call = CodeSample {
            origin: "https://portal.example/x".to_owned(),
            group: "probe",
            name: "echo",
            token: "t".to_owned(),
            args: Some(&args),
        };
        assert!(
            call.curl().contains(r#""name":"O'\''Hara""#),
            "{}",
            call.curl()
        );
        assert!(
            call.python()
                .contains(r#"json={"name": "O'Hara", "on": True, "list": [1, None]}"#),
            "{}",
            call.python()
        );
        assert!(
            call.wscat("")
                .starts_with("wscat -c wss://portal.example/x/api")
        );
        assert!(
            call.javascript()
                .contains(r#"JSON.stringify({"name":"O'Hara""#)
        );
    }
}
