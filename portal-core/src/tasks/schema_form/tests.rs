//! Round trips of values through forms for all supported schemas.

use schemars::JsonSchema;
use scraper::{Html, Selector};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{FormInput, RenderOptions, RowAction, SchemaForm};
use crate::error::FieldError;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Order {
    /// Name of the recipient
    name: String,
    note: Option<String>,
    #[schemars(range(min = 1, max = 9))]
    count: u8,
    ratio: f64,
    rush: bool,
    gift: Option<bool>,
    day: chrono::NaiveDate,
    at: chrono::DateTime<chrono::Utc>,
    id: uuid::Uuid,
    size: Size,
    speed: Option<Speed>,
    address: Address,
    billing: Option<Address>,
    tags: Vec<String>,
    lines: Vec<Line>,
    labels: std::collections::BTreeMap<String, i64>,
    channel: Channel,
    way: Way,
    tree: Tree,
    anything: Value,
    #[serde(default)]
    retries: u32,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum Size {
    Small,
    Large,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum Speed {
    /// At any time
    Slow,
    /// As soon as possible
    Fast,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Address {
    street: String,
    #[serde(rename = "zip/code")]
    zip: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Line {
    item: String,
    price: Option<f64>,
    parts: Vec<i32>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Channel {
    Email { to: String },
    Webhook { url: String, to: Option<String> },
    Nowhere,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum Way {
    Air,
    Sea,
    Land { wheels: u8 },
    Named(String),
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct Tree {
    name: String,
    children: Vec<Tree>,
}

fn schema() -> Value {
    schemars::schema_for!(Order).to_value()
}

/// Returns the input that a browser submits for an unchanged form.
fn browser(markup: &str) -> FormInput {
    let page = Html::parse_fragment(markup);
    let all = Selector::parse("input,select,textarea").unwrap();
    let chosen = Selector::parse("option[selected]").unwrap();
    let first = Selector::parse("option").unwrap();
    let mut sent = Vec::new();
    for field in page.select(&all) {
        let attribute = |name: &str| field.value().attr(name).map(str::to_owned);
        let Some(name) = attribute("name") else {
            continue;
        };
        let value = match field.value().name() {
            "select" => {
                let option = field.select(&chosen).next().or(field.select(&first).next());
                option.and_then(|option| option.value().attr("value").map(str::to_owned))
            }
            "textarea" => Some(field.text().collect()),
            _ if attribute("type").as_deref() == Some("checkbox") => {
                attribute("checked").and(attribute("value"))
            }
            _ => Some(attribute("value").unwrap_or_default()),
        };
        sent.extend(value.map(|value| (name, value)));
    }
    sent.into_iter().collect()
}

/// Passes a value through the form and the browser, and returns the decoded value.
fn round(schema: &Value, value: &Value) -> Value {
    let form = SchemaForm::new(schema, "args");
    let input = form.encode(value);
    let rendered = form.render(&input, &[], &RenderOptions::default());
    let reading = form.decode(&browser(&rendered.fields.0));
    assert_eq!(reading.errors, [], "{value}");
    reading.value
}

/// Generator of small numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % most
    }

    fn text(&mut self) -> String {
        let texts = [
            "bob",
            " a b ",
            "7",
            "true",
            "null",
            "<&\"'>",
            "Ä/~1?@",
            "two\nlines",
            "{}",
        ];
        texts[self.below(texts.len() as u64) as usize].to_owned()
    }

    fn maybe(&mut self, value: Value) -> Value {
        if self.below(2) == 0 {
            Value::Null
        } else {
            value
        }
    }

    fn many(&mut self, mut one: impl FnMut(&mut Self) -> Value) -> Value {
        (0..self.below(4)).map(|_| one(self)).collect()
    }

    fn address(&mut self) -> Value {
        let zip = json!(self.text());
        json!({"street": self.text(), "zip/code": self.maybe(zip)})
    }

    fn tree(&mut self, depth: u8) -> Value {
        let children = if depth == 0 {
            json!([])
        } else {
            self.many(|dice| dice.tree(depth - 1))
        };
        json!({"name": self.text(), "children": children})
    }

    fn order(&mut self) -> Value {
        let (note, billing, gift) = (json!(self.text()), self.address(), self.below(2) == 0);
        let channel = match self.below(3) {
            0 => json!({"kind": "email", "to": self.text()}),
            1 => json!({"kind": "webhook", "url": self.text(), "to": self.text()}),
            _ => json!({"kind": "nowhere"}),
        };
        let way = match self.below(4) {
            0 => json!("Air"),
            1 => json!("Sea"),
            2 => json!({"Land": {"wheels": self.below(9)}}),
            _ => json!({"Named": self.text()}),
        };
        let labels: serde_json::Map<_, _> = (0..self.below(3))
            .map(|index| {
                (
                    format!("{} {index}", self.text().replace('\n', "")),
                    json!(-5),
                )
            })
            .collect();
        let moments = [
            "2026-01-31T12:00:00Z",
            "2026-01-31T12:00:07Z",
            "2026-01-31T12:00:07.250Z",
            "2026-01-31T12:00:07.123456Z",
            "2026-01-31T12:00:00+02:00",
        ];
        json!({
            "name": self.text(),
            "note": self.maybe(note),
            "count": 1 + self.below(9),
            "ratio": ([0.5, -2.25, 1e21][self.below(3) as usize]),
            "rush": self.below(2) == 0,
            "gift": self.maybe(json!(gift)),
            "day": "2026-02-28",
            "at": (moments[self.below(5) as usize]),
            "id": "00000000-0000-4000-8000-000000000000",
            "size": (["Small", "Large"][self.below(2) as usize]),
            "speed": self.maybe(json!("Fast")),
            "address": self.address(),
            "billing": self.maybe(billing),
            "tags": self.many(|dice| json!(dice.text())),
            "lines": self.many(|dice| {
                let parts = dice.many(|dice| json!(dice.below(50)));
                let price = dice.maybe(json!(2.5));
                json!({"item": dice.text(), "price": price, "parts": parts})
            }),
            "labels": labels,
            "channel": channel,
            "way": way,
            "tree": self.tree(2),
            "anything": ([json!(5), json!("x"), json!([1, {"a": false}])][self.below(3) as usize].clone()),
            "retries": self.below(4),
        })
    }
}

/// Removes fields that are `null`, since optional fields may also be missing.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), without_nulls(value)))
            .collect(),
        Value::Array(values) => values.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

#[test]
fn values_survive_a_round_trip_through_the_form() {
    let (schema, mut dice) = (schema(), Dice(42));
    for _ in 0..300 {
        let value = dice.order();
        assert_eq!(
            without_nulls(&round(&schema, &value)),
            without_nulls(&value)
        );
        let back: Order = serde_json::from_value(round(&schema, &value)).expect("order is valid");
        drop(back);
    }
}

#[test]
fn unchanged_form_submits_defaults_and_examples() {
    let schema = json!({
        "type": "object",
        "required": ["name", "many"],
        "properties": {
            "name": {"type": "string", "examples": ["bob"]},
            "level": {"type": "integer", "default": 3},
            "on": {"type": "boolean", "default": true},
            "many": {"type": "array", "minItems": 2, "items": {"type": "string", "default": "x"}},
            "none": {"type": ["string", "null"]},
        },
    });
    let form = SchemaForm::new(&schema, "args");
    let rendered = form.render(&form.initial(), &[], &RenderOptions::default());
    let value = form.decode(&browser(&rendered.fields.0)).value;
    assert_eq!(
        value,
        json!({"name": "bob", "level": 3, "on": true, "many": ["x", "x"]})
    );
}

#[test]
fn submitted_text_becomes_values_of_the_schema_types() {
    let schema = json!({
        "type": "object",
        "required": ["name", "age"],
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer"},
            "on": {"type": "boolean", "default": false},
            "open": {"type": "boolean"},
            "note": {"type": ["string", "null"]},
            "tags": {"type": "array"},
        },
    });
    let input = [
        ("args.name", "7"),
        ("args.age", "6"),
        ("args.note", ""),
        ("args.tags", "[1]"),
    ];
    let read = |input: FormInput| SchemaForm::new(&schema, "args").decode(&input);
    assert_eq!(
        read(input.into_iter().collect()).value,
        json!({"name": "7", "age": 6, "on": false, "tags": [1]})
    );
    let input = [("args.age", "old"), ("args.tags", "[1")];
    let reading = read(input.into_iter().collect());
    assert_eq!(reading.value["age"], "old", "for the check to reject");
    assert_eq!(reading.errors[0].pointer, "/tags");
    assert_eq!(reading.errors[0].code, "invalid_json");
}

#[test]
fn errors_are_shown_next_to_fields_and_keep_the_text() {
    let schema = schema();
    let form = SchemaForm::new(&schema, "args");
    let mut value = Dice(7).order();
    value["lines"] = json!([{"item": "a", "price": 1.0, "parts": [1, 2]}, {"item": "b", "price": 1.0, "parts": [3, 4]}]);
    value["tree"] = json!({"name": "a", "children": [{"name": 5, "children": []}]});
    let mut input = form.encode(&value);
    input.set("args.lines/1/parts/1", "many");
    let errors = [
        FieldError::new("/lines/1/parts/1", "invalid_type", "is not a number"),
        FieldError::new("/tree/children/0/name", "missing", "this is required"),
        FieldError::new("/nowhere", "invalid_value", "is unknown"),
    ];
    let rendered = form.render(&input, &errors, &RenderOptions::default());
    assert_eq!(rendered.others, [errors[2].clone()]);
    let page = Html::parse_fragment(&rendered.fields.0);
    let wrong = Selector::parse("[aria-invalid=true]").unwrap();
    let wrong: Vec<_> = page
        .select(&wrong)
        .map(|field| field.value().clone())
        .collect();
    assert_eq!(wrong[0].attr("name"), Some("args.lines/1/parts/1"));
    assert_eq!(wrong[0].attr("value"), Some("many"));
    assert!(wrong[0].attr("autofocus").is_some() && wrong[1].attr("autofocus").is_none());
    assert_eq!(
        wrong[1].attr("name"),
        Some("args.tree/children/0"),
        "a recursive part is JSON"
    );
}

#[test]
fn rows_are_added_moved_and_removed() {
    let schema = schema();
    let form = SchemaForm::new(&schema, "args");
    let value = json!({"tags": ["a", "b"], "lines": [{"item": "x", "parts": [1]}]});
    let mut input = form.encode(&value);
    let mut change = |what: &str| {
        form.change(
            &mut input,
            &RowAction::parse(what).expect("action is valid"),
        );
        let value = form.decode(&input).value;
        (value["tags"].clone(), value["lines"][0]["parts"].clone())
    };
    assert_eq!(change("up args.tags 1"), (json!(["b", "a"]), json!([1])));
    assert_eq!(change("down args.tags 1"), (json!(["a", "b"]), json!([1])));
    assert_eq!(change("remove args.tags 0"), (json!(["b"]), json!([1])));
    assert_eq!(change("add args.tags").0, json!(["b", null]));
    assert_eq!(change("add args.lines/0/parts").1, json!([1, null]));
    assert_eq!(change("remove args.lines/0/parts 0").1, json!([null]));
    assert_eq!(change("remove args.nothing 0").1, json!([null]));
    assert_eq!(change("add args.name").0, json!(["b", null]), "not a list");
    assert_eq!(RowAction::parse("start"), None);
}

#[test]
fn row_submitted_twice_is_one_row() {
    let schema = schema();
    let form = SchemaForm::new(&schema, "args");
    let read = |sent: &str| form.decode(&FormInput::parse(sent.as_bytes())).value;
    let sent = "args.lines=0&args.lines=0&args.lines/0/parts=0&args.lines/0/parts=0\
        &args.lines/0/parts=1&args.lines/0/parts/0=7&args.lines/0/parts/1=7";
    let value = read(sent);
    assert_eq!(value["lines"].as_array().map(Vec::len), Some(1), "{value}");
    assert_eq!(value["lines"][0]["parts"], json!([7, 7]), "equal rows stay");
    // Keys that are not numbers could refer to the fields of other rows.
    let value = read(
        "args.tags=0%0A&args.tags=0%0D%0A&args.tags/0%0A=a&args.tags=1&args.tags/1=b\
         &args.lines=0&args.lines/0/parts=0&args.lines/0/parts/0=7&args.lines=0/parts/0&args.lines=",
    );
    assert_eq!(value["tags"], json!(["b"]));
    assert_eq!(value["lines"], json!([{"parts": [7]}]));
}

#[test]
fn duplicate_key_of_a_map_is_an_error() {
    let schema = schema();
    let form = SchemaForm::new(&schema, "args");
    let input = [
        ("args.labels", "0"),
        ("args.labels", "1"),
        ("args.labels/0/key", "x"),
        ("args.labels/0/value", "1"),
        ("args.labels/1/key", "x"),
        ("args.labels/1/value", "2"),
    ];
    let errors = form.decode(&input.into_iter().collect()).errors;
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0].pointer, "/labels/x");
}

#[test]
fn fields_have_the_constraints_of_the_schema() {
    let schema = json!({
        "type": "object",
        "required": ["mail"],
        "properties": {
            "mail": {"type": "string", "format": "email", "maxLength": 50, "description": "Recipient address"},
            "count": {"type": "integer", "exclusiveMinimum": 0, "maximum": 9, "multipleOf": 3},
            "code": {"type": "string", "pattern": "[A-Z]+"},
            "when": {"type": "string", "format": "date"},
            "hour": {"type": "string", "format": "time"},
            "site": {"type": "string", "format": "uri"},
            "long": {"type": "string", "maxLength": 5000},
            "pick": {"oneOf": [{"const": "a", "description": "the first"}, {"const": "b"}]},
        },
    });
    let form = SchemaForm::new(&schema, "args");
    let rendered = form
        .render(&FormInput::default(), &[], &RenderOptions::default())
        .fields
        .0;
    for part in [
        r#"type="email" id="f-args.mail" name="args.mail""#,
        r#"maxlength="50""#,
        ">Recipient address</p>",
        r#"min="1" max="9" step="3""#,
        r#"pattern="[A-Z]+""#,
        r#"type="date""#,
        r#"type="time""#,
        r#"type="url""#,
        "<textarea",
        "a – the first",
    ] {
        assert!(rendered.contains(part), "{part} is not in {rendered}");
    }
}
