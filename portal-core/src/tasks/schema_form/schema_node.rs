//! Subset of JSON Schema that forms support.

use serde_json::{Map, Value};

use super::choice::{Choice, Variant, branches};

/// Maximum number of variants in a select; a union with more variants is edited as JSON.
const MAX_VARIANTS: usize = 24;

/// A schema with its references resolved.
#[derive(Debug, Clone)]
pub(super) struct SchemaNode<'a> {
    root: &'a Value,
    /// The schema and the schemas it refers to; the first one that has a keyword takes precedence.
    chain: Vec<&'a Value>,
    /// References that were followed to reach this schema.
    references: Vec<&'a str>,
    /// `true` if `null` is allowed.
    pub(super) nullable: bool,
    /// `true` if the schema contains itself.
    recursive: bool,
    /// Alternatives, one of which has to match.
    branches: Vec<&'a Value>,
}

/// Control that represents a part of a value.
#[derive(Debug, Clone)]
pub(super) enum Shape<'a> {
    Object(Vec<Member<'a>>),
    List {
        items: Box<Part<'a>>,
    },
    Map {
        values: Box<Part<'a>>,
    },
    Choice(Vec<Choice<'a>>),
    Variants(Vec<Variant<'a>>),
    /// The only allowed value.
    Constant(&'a Value),
    Text,
    Number {
        whole: bool,
    },
    Boolean,
    /// Any part without its own control; it is edited as JSON.
    Json,
}

/// A field in an object.
#[derive(Debug, Clone)]
pub(super) struct Member<'a> {
    pub(super) name: &'a str,
    pub(super) part: Part<'a>,
}

/// A part of a value: its schema, its shape, and whether it is required.
#[derive(Debug, Clone)]
pub(super) struct Part<'a> {
    pub(super) node: SchemaNode<'a>,
    pub(super) shape: Shape<'a>,
    pub(super) required: bool,
}

impl<'a> Part<'a> {
    pub(super) fn root(schema: &'a Value) -> Self {
        Self::of(SchemaNode::new(schema, schema, &[]), true)
    }

    pub(super) fn of(node: SchemaNode<'a>, required: bool) -> Self {
        let shape = node.shape();
        Self {
            node,
            shape,
            required,
        }
    }

    /// Returns the default value, unless it is `null`.
    pub(super) fn default(&self) -> Option<&'a Value> {
        self.node.get("default").filter(|value| !value.is_null())
    }

    /// Returns `true` if the part may be omitted; a part with a default always has a value.
    pub(super) fn is_optional(&self) -> bool {
        self.node.nullable || (!self.required && self.default().is_none())
    }

    /// Returns `true` if a switch controls whether the part is present.
    pub(super) fn has_switch(&self) -> bool {
        let composite = matches!(
            self.shape,
            Shape::Object(_) | Shape::List { .. } | Shape::Map { .. } | Shape::Variants(_)
        );
        composite && self.is_optional()
    }

    /// Returns `true` if a boolean may be left unset.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.shape, Shape::Boolean) && self.is_optional()
    }

    /// Returns the value for empty input: `null` if the part is required and nullable.
    pub(super) fn nothing(&self) -> Option<Value> {
        (self.required && self.node.nullable).then_some(Value::Null)
    }
}

impl<'a> SchemaNode<'a> {
    pub(super) fn new(schema: &'a Value, root: &'a Value, references: &[&'a str]) -> Self {
        let mut node = Self {
            root,
            chain: Vec::new(),
            references: references.to_vec(),
            nullable: false,
            recursive: false,
            branches: Vec::new(),
        };
        node.follow(schema);
        node
    }

    fn follow(&mut self, mut schema: &'a Value) {
        loop {
            self.chain.push(schema);
            if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
                if self.references.contains(&reference) {
                    self.recursive = true;
                    return;
                }
                let target = reference
                    .strip_prefix('#')
                    .and_then(|pointer| self.root.pointer(pointer));
                let Some(target) = target else { return };
                self.references.push(reference);
                schema = target;
                continue;
            }
            if let Some([only]) = list(schema, "allOf") {
                schema = only;
                continue;
            }
            let Some(all) = list(schema, "oneOf").or_else(|| list(schema, "anyOf")) else {
                return;
            };
            let (nulls, others): (Vec<_>, Vec<_>) = all.iter().partition(|one| is_null(one));
            self.nullable |= !nulls.is_empty();
            match others[..] {
                [only] => schema = only,
                _ => {
                    self.branches = others;
                    return;
                }
            }
        }
    }

    /// Returns the node for a subschema.
    pub(super) fn below(&self, schema: &'a Value) -> Self {
        Self::new(schema, self.root, &self.references)
    }

    /// Returns a keyword of the schema, or of a schema that it refers to.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.chain.iter().find_map(|schema| schema.get(key))
    }

    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        self.get(key).and_then(Value::as_str)
    }

    pub(super) fn count(&self, key: &str) -> Option<usize> {
        self.get(key)
            .and_then(Value::as_u64)
            .and_then(|count| usize::try_from(count).ok())
    }

    /// Returns the first example.
    pub(super) fn example(&self) -> Option<&'a Value> {
        self.get("examples")?.get(0)
    }

    pub(super) fn format(&self) -> &'a str {
        self.text("format").unwrap_or_default()
    }

    /// Returns the only type other than `null`.
    fn kind(&self) -> Option<&'a str> {
        match self.get("type")? {
            Value::String(kind) => Some(kind),
            Value::Array(kinds) => {
                let mut kinds = kinds.iter().filter_map(Value::as_str);
                let mut others = kinds.by_ref().filter(|kind| *kind != "null");
                others.next().filter(|_| others.next().is_none())
            }
            _ => None,
        }
    }

    fn shape(&self) -> Shape<'a> {
        if self.recursive {
            return Shape::Json;
        }
        if let Some(value) = self.get("const") {
            return Shape::Constant(value);
        }
        if let Some(values) = self.get("enum").and_then(Value::as_array) {
            return Choice::of_values(values).map_or(Shape::Json, Shape::Choice);
        }
        if !self.branches.is_empty() {
            return self.union();
        }
        match self.kind() {
            Some("object") => self.object(),
            Some("array") => match self.get("items") {
                Some(items) if items.is_object() && self.get("prefixItems").is_none() => {
                    let items = Box::new(Part::of(self.below(items), true));
                    Shape::List { items }
                }
                _ => Shape::Json,
            },
            Some("string") => Shape::Text,
            Some("integer") => Shape::Number { whole: true },
            Some("number") => Shape::Number { whole: false },
            Some("boolean") => Shape::Boolean,
            _ => Shape::Json,
        }
    }

    fn union(&self) -> Shape<'a> {
        // Properties next to the branches apply to every variant.
        if self.get("properties").is_some() {
            return Shape::Json;
        }
        if let Some(choices) = Choice::of_branches(&self.branches) {
            return Shape::Choice(choices);
        }
        let variants = branches(self, &self.branches);
        if variants.len() > MAX_VARIANTS {
            return Shape::Json;
        }
        Shape::Variants(variants)
    }

    fn object(&self) -> Shape<'a> {
        let others = self.get("additionalProperties");
        let is_open =
            others.is_some_and(|others| others.is_object() || *others == Value::Bool(true));
        let members = self.get("properties").and_then(Value::as_object);
        match members {
            _ if self.get("patternProperties").is_some() => Shape::Json,
            Some(members) if !members.is_empty() && is_open => Shape::Json,
            Some(members) => Shape::Object(self.members(members)),
            None if is_open => {
                let values = others.map(|others| Part::of(self.below(others), true));
                values.map_or(Shape::Json, |values| Shape::Map {
                    values: Box::new(values),
                })
            }
            // A schema that does not mention any fields allows all fields.
            None if others.is_none() => Shape::Json,
            None => Shape::Object(Vec::new()),
        }
    }

    fn members(&self, members: &'a Map<String, Value>) -> Vec<Member<'a>> {
        let required = self.get("required").and_then(Value::as_array);
        let is_required = |name: &str| {
            required.is_some_and(|names| names.iter().any(|one| one.as_str() == Some(name)))
        };
        members
            .iter()
            .map(|(name, schema)| Member {
                name,
                part: Part::of(self.below(schema), is_required(name)),
            })
            .collect()
    }

    /// Returns `true` if a value roughly matches the schema; exact validation happens elsewhere.
    pub(super) fn fits(&self, value: &Value) -> bool {
        if value.is_null() && self.nullable {
            return true;
        }
        if self.recursive {
            return true;
        }
        if let Some(constant) = self.get("const") {
            return value == constant;
        }
        if let Some(values) = self.get("enum").and_then(Value::as_array) {
            return values.contains(value);
        }
        if !self.branches.is_empty() {
            return self
                .branches
                .iter()
                .any(|branch| self.below(branch).fits(value));
        }
        let is_number = value.is_number();
        match self.kind() {
            None => true,
            Some("object") => value
                .as_object()
                .is_some_and(|value| self.fits_members(value)),
            Some("array") => value.as_array().is_some_and(|values| {
                let items = self.get("items").filter(|items| items.is_object());
                items.is_none_or(|items| {
                    let items = self.below(items);
                    values.iter().all(|value| items.fits(value))
                })
            }),
            Some("string") => value.is_string(),
            Some("integer") => is_number && !value.is_f64(),
            Some("number") => is_number,
            Some("boolean") => value.is_boolean(),
            Some(_) => false,
        }
    }

    fn fits_members(&self, value: &Map<String, Value>) -> bool {
        let required = self.get("required").and_then(Value::as_array);
        let is_there = |name: &Value| name.as_str().is_some_and(|name| value.contains_key(name));
        if !required.is_none_or(|names| names.iter().all(is_there)) {
            return false;
        }
        let members = self.get("properties").and_then(Value::as_object);
        let is_closed = self.get("additionalProperties") == Some(&Value::Bool(false));
        value.iter().all(
            |(name, value)| match members.and_then(|members| members.get(name)) {
                Some(schema) => self.below(schema).fits(value),
                None => !is_closed,
            },
        )
    }
}

fn list<'a>(schema: &'a Value, key: &str) -> Option<&'a [Value]> {
    schema.get(key)?.as_array().map(Vec::as_slice)
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("null")
        || schema.get("const") == Some(&Value::Null)
}
