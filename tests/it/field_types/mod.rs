//! Field types of admin models: a model with a field of every type, including one that the test
//! application defines.

mod browser;
mod forms;
mod rest;

use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use portal_core::FieldError;
use portal_core::admin::{
    AdminField, ControlSpec, Document, Email, FieldKind, FieldType, Markdown, Operator, Storage,
};
use portal_core::pages::components::Field;
use portal_core::prelude::*;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use url::Url;
use uuid::Uuid;

use crate::support::Client;

/// Degree of completion
#[derive(Debug, Clone, Copy, PartialEq, Eq, AdminChoice)]
pub(crate) enum Stage {
    Draft,
    InReview,
    #[admin(value = "live", label = "Published")]
    Published,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Size {
    width: u32,
    height: u32,
}

/// A type of the application: a weight, stored in grams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Weight(i64);

impl AdminField for Weight {
    const KIND: FieldKind = FieldKind::new(&WeightType);

    fn to_value(&self) -> Value {
        json!(format!("{} g", self.0))
    }

    fn from_value(value: Value) -> Result<Self, FieldError> {
        let number = value.as_str().and_then(|text| text.strip_suffix('g'));
        let grams = number.and_then(|number| number.trim().parse().ok());
        grams
            .map(Self)
            .ok_or_else(|| FieldError::new("", "invalid_value", "must be a weight such as 250 g"))
    }
}

#[derive(Debug)]
struct WeightType;

impl FieldType for WeightType {
    fn name(&self) -> &'static str {
        "weight"
    }

    fn storage(&self) -> Storage {
        Storage::BigInt
    }

    fn parse(&self, text: &str) -> Result<Value, FieldError> {
        Weight::from_value(json!(text.trim())).map(|weight| weight.to_value())
    }

    fn encode(&self, value: &Value) -> Option<Value> {
        let weight = Weight::from_value(value.clone());
        weight.ok().map(|Weight(grams)| json!(grams))
    }

    fn decode(&self, stored: Value) -> Value {
        stored
            .as_i64()
            .map_or(Value::Null, |grams| Weight(grams).to_value())
    }

    fn control(&self, spec: ControlSpec<'_>) -> Field {
        Field::text(spec.name, spec.title).placeholder("250 g")
    }

    fn filter_operators(&self) -> &'static [(Operator, &'static str)] {
        &[(Operator::GreaterOrEqual, "is at least")]
    }

    fn json_schema(&self) -> Map<String, Value> {
        Map::from_iter([("type".to_owned(), json!("string"))])
    }
}

/// One field of every type
#[admin_model(
    list(name, stage, price, took, tags, weight, total, is_large),
    search(name, email),
    order_by = name,
    computed(total, is_large, next_stage)
)]
pub(crate) struct Specimen {
    id: i64,
    #[admin(unique)]
    name: String,
    #[admin(default = "draft")]
    stage: Stage,
    #[admin(unique)]
    price: Decimal,
    discount: Option<Decimal>,
    #[admin(default = "1h 30m")]
    took: Duration,
    shift: Option<TimeDelta>,
    email: Email,
    website: Option<Url>,
    notes: Markdown,
    tags: Vec<String>,
    ratings: Option<Vec<i64>>,
    stages: Vec<Stage>,
    size: Document<Size>,
    weight: Option<Weight>,
    #[admin(default = 1)]
    tiny: i8,
    #[admin(default = 2)]
    small: u8,
    #[admin(default = 3)]
    big: u64,
    #[admin(default = 0.1)]
    ratio: f32,
    #[admin(default = 0.2)]
    share: f64,
    active: Option<bool>,
    day: Option<NaiveDate>,
    at: Option<DateTime<Utc>>,
    token: Option<Uuid>,
    data: Option<Value>,
}

impl Specimen {
    fn total(&self) -> Decimal {
        self.price - self.discount.unwrap_or_default()
    }

    fn is_large(&self) -> bool {
        self.size.width * self.size.height > 100
    }

    fn next_stage(&self) -> Option<Stage> {
        match self.stage {
            Stage::Draft => Some(Stage::InReview),
            Stage::InReview => Some(Stage::Published),
            Stage::Published => None,
        }
    }
}

const PATH: &str = "/api/admin/models/specimen";

fn specimen(name: &str, price: &str) -> Value {
    json!({
        "name": name,
        "stage": "in_review",
        "price": price,
        "discount": "0.10",
        "took": "1h 30m",
        "shift": "-15m",
        "email": "ada@example.com",
        "website": "https://example.com/a?b=c",
        "notes": "*new*",
        "tags": ["red", "Éclair, \"x\""],
        "ratings": [5, 3],
        "stages": ["draft", "live"],
        "size": {"width": 20, "height": 30},
        "weight": "250 g",
        "tiny": -128,
        "small": 255,
        "big": 9_223_372_036_854_775_807_u64,
        "ratio": 0.1,
        "share": 1e-7,
        "active": true,
        "day": "2026-05-01",
        "at": "2026-05-01T12:30:00Z",
        "token": "0190a5c2-7c3b-7d4e-8f00-000000000000",
        "data": {"a": [1]},
    })
}

async fn add(admin: &Client, row: &Value) -> Value {
    let response = admin.post(PATH, row).await;
    assert_eq!(response.status, 201, "{}", response.text);
    response.json()
}
