use std::time::Duration;

use actix_web::{HttpResponse, http::header, web::Data};
use serde_json::{Value, json};

use crate::{
    app::{Ports, RotateKey},
    domain::KeyId,
    http::{
        app_state::AppState,
        request::{
            caller::Caller,
            fields::{Body, FieldValue, Fields, Wrong},
            plain_body::PlainBody,
            query::NoQuery,
        },
        response::problem::HttpResult,
        routing::doc::Doc,
    },
};

use super::{
    key_body::{NewKeyBody, new_key_example},
    keys::key_id_doc,
};

pub(crate) async fn rotate<P: Ports>(
    app: Data<AppState<P>>,
    caller: Caller,
    _: NoQuery,
    key_id: KeyId,
    PlainBody(Rotation(overlap)): PlainBody<Rotation>,
) -> HttpResult {
    let overlap = overlap.map_or(RotateKey::<P>::DEFAULT_OVERLAP, |Overlap(overlap)| overlap);
    let rotated = RotateKey(app.ports()).execute(&caller.principal, &key_id, overlap).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    Ok(response.json(NewKeyBody::from(rotated)))
}

pub(crate) fn rotate_doc() -> Doc {
    key_id_doc(Doc::new("Access", "rotate_key", "Give an API key another secret"))
        .describe("The key keeps its id. The secret before stays valid for a while, so that callers can change over. Nobody gets the secret of a key with more scopes than their own.")
        .body::<Rotation>(&json!({"overlap_seconds": 3600}))
        .response::<NewKeyBody>(200, "The key with its new secret, which no other response has", &new_key_example())
}

pub(crate) struct Rotation(Option<Overlap>);

impl Body for Rotation {
    const NAME: &'static str = "Rotation";
    const TEXT: &'static str = "How to rotate a key.";
    const IS_OPTIONAL: bool = true;

    fn define(fields: &mut impl Fields) -> Option<Self> {
        let overlap = fields.optional(
            "overlap_seconds",
            "For how long the secret before stays valid, in seconds; 86400 without it. 0 ends it at once.",
        );
        overlap.map(Self)
    }
}

struct Overlap(Duration);

const MAX_SECONDS: u64 = RotateKey::<()>::MAX_OVERLAP.as_secs();

impl FieldValue for Overlap {
    fn schema() -> Value {
        json!({"type": "integer", "minimum": 0, "maximum": MAX_SECONDS})
    }

    fn read(value: Value) -> Result<Self, Wrong> {
        let is_number = value.is_number();
        let seconds = value.as_u64().filter(|seconds| *seconds <= MAX_SECONDS);
        seconds.map(|seconds| Self(Duration::from_secs(seconds))).ok_or_else(|| {
            if is_number {
                Wrong::Value(format!("The value is a whole number from 0 to {MAX_SECONDS}."))
            } else {
                Wrong::Type("a whole number")
            }
        })
    }
}
