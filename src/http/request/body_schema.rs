use std::fmt::Display;

use serde_json::{Map, Value, json};

use super::fields::{Body, FieldValue, Fields, ListLimit};

/// The schema of the body and of every body within it, by name.
pub(crate) fn schemas<B: Body>() -> Map<String, Value> {
    let mut describer = Describer::default();
    B::define(&mut describer);
    let Describer { properties, required, mut schemas } = describer;
    let mut schema = json!({"type": "object", "description": B::TEXT, "additionalProperties": false});
    if let Some(schema) = schema.as_object_mut() {
        let parts = [
            ("properties", !properties.is_empty(), Value::from(properties)),
            ("required", !required.is_empty(), required.into()),
        ];
        schema.extend(parts.into_iter().filter(|(_, any, _)| *any).map(|(name, _, part)| (name.to_owned(), part)));
    }
    schemas.insert(B::NAME.to_owned(), schema);
    schemas
}

/// Records the fields of one object. It never returns a value.
#[derive(Default)]
struct Describer {
    properties: Map<String, Value>,
    required: Vec<&'static str>,
    /// Of the bodies within it.
    schemas: Map<String, Value>,
}

impl Fields for Describer {
    fn required<T: FieldValue>(&mut self, name: &'static str, text: &str) -> Option<T> {
        self.required.push(name);
        self.property(name, text, T::schema())
    }

    fn optional<T: FieldValue>(&mut self, name: &'static str, text: &str) -> Option<Option<T>> {
        self.property(name, text, T::schema())
    }

    fn with_default<T: FieldValue + Display>(&mut self, name: &'static str, text: &str, default: T) -> Option<T> {
        self.property(name, text, with(T::schema(), "default", default.to_string()))
    }

    fn list<T: Body>(&mut self, name: &'static str, text: &str, limit: ListLimit) -> Option<Vec<T>> {
        self.schemas.extend(schemas::<T>());
        let element = json!({"$ref": format!("#/components/schemas/{}", T::NAME)});
        self.property(name, text, json!({"type": "array", "items": element, "maxItems": limit.max}))
    }
}

impl Describer {
    fn property<T>(&mut self, name: &str, text: &str, schema: Value) -> Option<T> {
        self.properties.insert(name.to_owned(), with(schema, "description", text.to_owned()));
        None
    }
}

/// The schema with one more keyword.
fn with(mut schema: Value, keyword: &str, value: String) -> Value {
    if let Some(schema) = schema.as_object_mut() {
        schema.insert(keyword.to_owned(), value.into());
    }
    schema
}
