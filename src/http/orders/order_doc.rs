//! The documentation that order routes share.

use serde_json::json;

use crate::{
    domain::OrderId,
    http::{
        request::{entity_tags::ENTITY_TAGS, idempotency_key::KEY, text::TextValue},
        response::code::Code,
        routing::doc::Doc,
    },
};

use super::{order_body::OrderBody, order_example::order_example};

/// A route that changes one order and answers with it.
pub(super) fn change_doc(doc: Doc, status: u16, text: &str) -> Doc {
    let tags = json!({"type": "string", "pattern": ENTITY_TAGS});
    idempotency_doc(order_id_doc(order_response_doc(doc, status, text)), status)
        .header("If-Match", &tags, "Change the order only if it is at one of these versions; else 412")
        .header("If-None-Match", &tags, "Change the order only if it is at none of these versions; else 412")
        .problems(&[
            Code::OrderNotFound,
            Code::LostRace,
            Code::PreconditionFailed,
            Code::StoreUnavailable,
            Code::NewerRelease,
        ])
}

pub(super) fn order_id_doc(doc: Doc) -> Doc {
    doc.path("order_id", &OrderId::schema(), "The order")
}

/// A response that is one order.
pub(super) fn order_response_doc(doc: Doc, status: u16, text: &str) -> Doc {
    let tag = json!({"type": "string", "pattern": "^\"[0-9]+\"$"});
    doc.response::<OrderBody>(status, text, &order_example()).response_header(
        status,
        "ETag",
        &tag,
        "The version of the order, in quotes",
    )
}

/// The response that creates an order, or an item of it.
pub(super) fn location_doc(doc: Doc) -> Doc {
    doc.response_header(201, "Location", &json!({"type": "string"}), "The path of the order")
}

/// A write with this status that takes an idempotency key.
pub(super) fn idempotency_doc(doc: Doc, status: u16) -> Doc {
    let key = json!({"type": "string", "pattern": KEY});
    let text =
        "Names the request. If it is sent again within 24 hours, nothing more changes and the response is the same";
    doc.header("Idempotency-Key", &key, text)
        .response_header(
            status,
            "Idempotent-Replayed",
            &json!({"const": "true"}),
            "Only in the response to a repeated request",
        )
        .problems(&[Code::IdempotencyKeyReused])
}
