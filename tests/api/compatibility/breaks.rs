use std::collections::BTreeMap;

use serde_json::Value;

use super::schema::{Comparison, Direction};

/// The reason of each break, by its name.
pub(super) type Breaks = BTreeMap<String, String>;

/// What breaks a client of the old API that meets the new one.
pub(super) fn breaks(old: &Value, new: &Value) -> Breaks {
    let mut comparison = Comparison::new(old, new);
    for (path, item) in fields(&old["paths"]) {
        for (method, operation) in fields(item) {
            let name = format!("{} {path}", method.to_uppercase());
            match new["paths"][path].get(method) {
                Some(new) => comparison.operation(&name, operation, new),
                None => comparison.note(name, "the route is gone"),
            }
        }
    }
    comparison.into_breaks()
}

/// Every operation of a document.
pub(super) fn operations(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let paths = document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    paths.filter_map(Value::as_object_mut).flat_map(|methods| methods.values_mut())
}

impl<'d> Comparison<'d> {
    fn operation(&mut self, name: &str, old: &'d Value, new: &'d Value) {
        self.parameters(name, old, new);
        self.request_body(name, &old["requestBody"], &new["requestBody"]);
        for (status, response) in fields(&old["responses"]) {
            let name = format!("{name} {status}");
            match new["responses"].get(status) {
                Some(new) => self.response(&name, response, new),
                None => self.note(name, "the status is gone"),
            }
        }
    }

    fn parameters(&mut self, name: &str, old: &'d Value, new: &'d Value) {
        let (old, new) = (parameters(old), parameters(new));
        for ((place, parameter), before) in &old {
            let name = format!("{name} {parameter}");
            match new.get(&(*place, *parameter)) {
                Some(now) => {
                    if now["required"] == true && before["required"] != true {
                        self.note(name.clone(), "the parameter is required now");
                    }
                    self.schemas(&name, &before["schema"], &now["schema"], Direction::Request);
                }
                None => self.note(name, "the parameter is gone"),
            }
        }
        for ((_, parameter), now) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
            if now["required"] == true {
                self.note(format!("{name} {parameter}"), "a new parameter is required");
            }
        }
    }

    fn request_body(&mut self, name: &str, old: &'d Value, new: &'d Value) {
        if new["required"] == true && old["required"] != true {
            self.note(format!("{name} body"), "a body is required now");
        }
        for (media_type, before) in fields(&old["content"]) {
            match new["content"].get(media_type) {
                Some(now) => self.schemas(name, &before["schema"], &now["schema"], Direction::Request),
                None => self.note(format!("{name} {media_type}"), "a request cannot have this media type any more"),
            }
        }
    }

    fn response(&mut self, name: &str, old: &'d Value, new: &'d Value) {
        for (header, before) in fields(&old["headers"]) {
            let name = format!("{name} {header}");
            match new["headers"].get(header) {
                Some(now) => self.schemas(&name, &before["schema"], &now["schema"], Direction::Response),
                None => self.note(name, "the header is gone"),
            }
        }
        for (media_type, before) in fields(&old["content"]) {
            match new["content"].get(media_type) {
                Some(now) => self.schemas(name, &before["schema"], &now["schema"], Direction::Response),
                None => self.note(format!("{name} {media_type}"), "no response has this media type any more"),
            }
        }
    }
}

/// Where it is, its name.
fn parameters(operation: &Value) -> BTreeMap<(&str, &str), &Value> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters.map(|parameter| ((text(&parameter["in"]), text(&parameter["name"])), parameter)).collect()
}

pub(super) fn fields(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
