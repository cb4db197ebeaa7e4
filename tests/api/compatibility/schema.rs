use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::breaks::{Breaks, fields};

/// Which side has to accept what the other side sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Direction {
    /// The new service has to accept what an old client sends.
    Request,
    /// An old client has to accept what the new service sends.
    Response,
}

/// Two documents, and the breaks between them that were found so far.
pub(super) struct Comparison<'d> {
    old: &'d Value,
    new: &'d Value,
    found: Breaks,
    /// Pairs that were compared, or are being compared: schemas can contain themselves.
    compared: BTreeSet<(String, String, Direction)>,
}

/// A schema with its references resolved and its `allOf` joined.
#[derive(Default)]
struct Shape<'d> {
    /// Any type where there is none.
    types: Option<BTreeSet<&'d str>>,
    /// Any value where there is none.
    values: Option<BTreeSet<String>>,
    /// Each with the component that has it first, and all the schemas that it has to meet.
    properties: BTreeMap<&'d str, (String, Vec<&'d Value>)>,
    required: BTreeSet<&'d str>,
    /// No other properties are allowed.
    closed: bool,
    items: Vec<&'d Value>,
    /// The tightest of each keyword.
    minima: BTreeMap<&'d str, f64>,
    maxima: BTreeMap<&'d str, f64>,
    /// Patterns and formats: text that can only be compared for equality.
    patterns: BTreeSet<&'d str>,
    /// One of them has to be met.
    variants: Vec<&'d Value>,
}

impl<'d> Comparison<'d> {
    pub(super) fn new(old: &'d Value, new: &'d Value) -> Self {
        Self { old, new, found: Breaks::new(), compared: BTreeSet::new() }
    }

    pub(super) fn into_breaks(self) -> Breaks {
        self.found
    }

    pub(super) fn note(&mut self, name: String, reason: &str) {
        let reasons = self.found.entry(name).or_default();
        if !reasons.contains(reason) {
            reasons.push_str(if reasons.is_empty() { "" } else { "; " });
            reasons.push_str(reason);
        }
    }

    /// `name` is where the schemas stand, unless they are components, which have names of their own.
    pub(super) fn schemas(&mut self, name: &str, old: &'d Value, new: &'d Value, direction: Direction) {
        self.all_schemas(name, &[old], &[new], direction);
    }

    fn all_schemas(&mut self, name: &str, old: &[&'d Value], new: &[&'d Value], direction: Direction) {
        let name = match old {
            [only] => component(only).unwrap_or(name),
            _ => name,
        };
        let keys = [old, new].map(|schemas| serde_json::to_string(schemas).unwrap());
        // A schema without a name of its own is compared at each place.
        let [before, after] =
            keys.map(|schemas| if component_only(old) { schemas } else { format!("{name} {schemas}") });
        if !self.compared.insert((before, after, direction)) {
            return;
        }
        let (before, after) = (Shape::new(self.old, name, old), Shape::new(self.new, name, new));
        let reasons = match direction {
            Direction::Request => before.request_breaks(&after),
            Direction::Response => before.response_breaks(&after),
        };
        for reason in reasons {
            self.note(name.to_owned(), &reason);
        }
        self.properties(name, &before, &after, direction);
        if !before.items.is_empty() && !after.items.is_empty() {
            self.all_schemas(&format!("{name}[]"), &before.items, &after.items, direction);
        }
        self.variants(name, &before, &after, direction);
    }

    fn properties(&mut self, name: &str, before: &Shape<'d>, after: &Shape<'d>, direction: Direction) {
        for (property, (owner, old)) in &before.properties {
            let by_owner = format!("{owner}.{property}");
            let Some((_, new)) = after.properties.get(property) else {
                self.note(by_owner, "the field is gone");
                continue;
            };
            if direction == Direction::Response
                && before.required.contains(property)
                && !after.required.contains(property)
            {
                self.note(by_owner.clone(), "the field may be absent now");
            }
            let name = if old.len() == 1 { by_owner } else { format!("{name}.{property}") };
            self.all_schemas(&name, old, new, direction);
        }
        if direction == Direction::Request {
            for property in after.required.difference(&before.required) {
                let owner = after.properties.get(property).map_or(name, |(owner, _)| owner);
                self.note(format!("{owner}.{property}"), "the field is required now");
            }
        }
    }

    /// Each variant that can be sent has to fit one that is accepted.
    fn variants(&mut self, name: &str, before: &Shape<'d>, after: &Shape<'d>, direction: Direction) {
        let (old, new) = (&before.variants, &after.variants);
        let fits = match direction {
            Direction::Request if new.is_empty() => true,
            Direction::Request => {
                !old.is_empty() && old.iter().all(|old| new.iter().any(|new| self.fits(old, new, direction)))
            }
            Direction::Response if old.is_empty() => true,
            Direction::Response => {
                !new.is_empty() && new.iter().all(|new| old.iter().any(|old| self.fits(old, new, direction)))
            }
        };
        if !fits {
            self.note(name.to_owned(), "the variants changed");
        }
    }

    fn fits(&self, old: &'d Value, new: &'d Value, direction: Direction) -> bool {
        let mut trial = Self { compared: self.compared.clone(), ..Self::new(self.old, self.new) };
        trial.schemas("", old, new, direction);
        trial.found.is_empty()
    }
}

impl<'d> Shape<'d> {
    fn new(document: &'d Value, owner: &str, schemas: &[&'d Value]) -> Self {
        let mut shape = Self::default();
        for schema in schemas {
            shape.absorb(document, owner, schema);
        }
        shape
    }

    fn absorb(&mut self, document: &'d Value, owner: &str, schema: &'d Value) {
        if let Some(name) = component(schema) {
            self.absorb(document, name, &document["components"]["schemas"][name]);
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.absorb(document, owner, part);
        }
        narrow(&mut self.types, strings(&schema["type"]));
        let values = schema.get("const").map(|value| BTreeSet::from([value.to_string()]));
        // The known values of an open set count like those of a closed one: a client can rely on each.
        let listed = schema.get("enum").or_else(|| schema.get("x-extensible-enum"));
        let values = values.or_else(|| Some(listed?.as_array()?.iter().map(Value::to_string).collect()));
        narrow(&mut self.values, values);
        for (property, schema) in fields(&schema["properties"]) {
            self.properties.entry(property).or_insert_with(|| (owner.to_owned(), vec![])).1.push(schema);
        }
        self.required.extend(strings(&schema["required"]).unwrap_or_default());
        self.closed |= schema["additionalProperties"] == false;
        self.items.extend(schema.get("items"));
        for (keyword, value) in fields(schema) {
            let Some(value) = value.as_f64() else { continue };
            if keyword.starts_with("min") || keyword == "exclusiveMinimum" {
                let bound = self.minima.entry(keyword).or_insert(value);
                *bound = bound.max(value);
            } else if keyword.starts_with("max") || keyword == "exclusiveMaximum" {
                let bound = self.maxima.entry(keyword).or_insert(value);
                *bound = bound.min(value);
            }
        }
        self.patterns.extend([&schema["pattern"], &schema["format"]].into_iter().filter_map(Value::as_str));
        for keyword in ["anyOf", "oneOf"] {
            self.variants.extend(schema[keyword].as_array().into_iter().flatten());
        }
    }

    /// Why the new schema of a request refuses what this one accepts.
    fn request_breaks(&self, new: &Self) -> Vec<String> {
        let mut reasons = self.lost_values(new);
        if let Some(types) = &new.types
            && !self.types.as_ref().is_some_and(|old| old.iter().all(|kind| has_type(types, kind)))
        {
            reasons.push("fewer types are accepted".into());
        }
        if self.values.is_none() && new.values.is_some() {
            reasons.push("only some values are accepted now".into());
        }
        if new.closed && !self.closed {
            reasons.push("other fields are refused now".into());
        }
        let raised = new.minima.iter().filter(|(keyword, now)| self.minima.get(*keyword).is_none_or(|old| old < now));
        let lowered = new.maxima.iter().filter(|(keyword, now)| self.maxima.get(*keyword).is_none_or(|old| old > now));
        reasons.extend(raised.chain(lowered).map(|(keyword, now)| format!("{keyword} is {now} now")));
        if !new.patterns.is_subset(&self.patterns) {
            reasons.push("the pattern or format changed".into());
        }
        reasons
    }

    /// Why the new schema of a response allows what this one did not.
    fn response_breaks(&self, new: &Self) -> Vec<String> {
        let mut reasons = self.lost_values(new);
        if let Some(types) = &self.types
            && !new.types.as_ref().is_some_and(|new| new.iter().all(|kind| has_type(types, kind)))
        {
            reasons.push("it may be of another type now".into());
        }
        if !self.patterns.is_subset(&new.patterns) {
            reasons.push("the pattern or format changed".into());
        }
        reasons
    }

    fn lost_values(&self, new: &Self) -> Vec<String> {
        let (Some(old), Some(new)) = (&self.values, &new.values) else { return vec![] };
        old.difference(new).map(|value| format!("the value {value} is gone")).collect()
    }
}

/// The name of the component that a schema refers to.
fn component(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/components/schemas/")
}

fn component_only(schemas: &[&Value]) -> bool {
    matches!(schemas, [only] if component(only).is_some())
}

/// One string or several.
fn strings(value: &Value) -> Option<BTreeSet<&str>> {
    match value {
        Value::String(one) => Some(BTreeSet::from([one.as_str()])),
        Value::Array(several) => Some(several.iter().filter_map(Value::as_str).collect()),
        _ => None,
    }
}

/// What meets both: nothing limits what has no set.
fn narrow<T: Ord>(set: &mut Option<BTreeSet<T>>, other: Option<BTreeSet<T>>) {
    let Some(other) = other else { return };
    match set {
        Some(set) => set.retain(|member| other.contains(member)),
        None => *set = Some(other),
    }
}

fn has_type(types: &BTreeSet<&str>, kind: &str) -> bool {
    types.contains(kind) || (kind == "integer" && types.contains("number"))
}
