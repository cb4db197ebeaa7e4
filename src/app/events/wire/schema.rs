use serde::{Serialize, Serializer};

/// The data of one kind of event, and how its JSON Schema describes it.
pub(super) trait DescribedData: Serialize {
    const DESCRIPTION: &'static str;

    /// By name, in the order in which they are written.
    fn fields() -> Vec<(&'static str, Field)>;

    fn examples() -> Vec<Self>
    where
        Self: Sized;
}

/// One field of the data. The members are in the order in which the schema shows them.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Field {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_length: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_length: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum: Option<u32>,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'static str,
    #[serde(skip)]
    is_required: bool,
}

impl Field {
    pub(super) fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    pub(super) fn described(self, description: &'static str) -> Self {
        Self { description: description.trim_ascii(), ..self }
    }
}

pub(super) fn text(max_chars: usize) -> Field {
    Field { r#type: "string", min_length: Some(1), max_length: Some(max_chars), ..Field::default() }
}

pub(super) fn pattern(pattern: impl Into<String>) -> Field {
    Field { r#type: "string", pattern: Some(pattern.into()), ..Field::default() }
}

pub(super) fn integer(minimum: u32, maximum: impl Into<Option<u32>>) -> Field {
    Field { r#type: "integer", minimum: Some(minimum), maximum: maximum.into(), ..Field::default() }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Schema<D> {
    #[serde(rename = "$schema")]
    dialect: &'static str,
    title: &'static str,
    description: &'static str,
    r#type: &'static str,
    #[serde(serialize_with = "in_order")]
    properties: Vec<(&'static str, Field)>,
    required: Vec<&'static str>,
    additional_properties: bool,
    examples: Vec<D>,
}

fn in_order<S: Serializer>(fields: &[(&'static str, Field)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fields.iter().map(|(name, field)| (name, field)))
}

/// The schema as a file has it.
pub(super) fn schema_text<D: DescribedData>(event_type: &'static str) -> String {
    let properties = D::fields();
    let required = properties.iter().filter(|(_, field)| field.is_required).map(|(name, _)| *name).collect();
    let schema = Schema {
        dialect: "https://json-schema.org/draft/2020-12/schema",
        title: event_type,
        description: D::DESCRIPTION,
        r#type: "object",
        properties,
        required,
        additional_properties: false,
        examples: D::examples(),
    };
    // Strings and numbers always serialize.
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}
