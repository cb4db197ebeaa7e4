use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::Data,
};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::{
    app::{AsOf, GetOrder, Ports},
    domain::OrderId,
    http::{
        app_state::AppState,
        request::{
            caller::Caller,
            entity_tags::{ENTITY_TAGS, is_known},
            query::{Parameters, Query, QueryParameters, number_schema},
            text::TextValue,
        },
        response::{code::Code, problem::HttpResult},
        routing::doc::Doc,
    },
};

use super::{
    order_doc::{order_id_doc, order_response_doc},
    order_response::{etag, order_response},
    order_values::MAX_VERSION,
};

pub(crate) async fn get<P: Ports>(
    app: Data<AppState<P>>,
    caller: Caller,
    Query(GetQuery { as_of }): Query<GetQuery>,
    order_id: OrderId,
    request: HttpRequest,
) -> HttpResult {
    let order = GetOrder(app.ports()).execute(&caller.principal, order_id, as_of).await?;
    if is_known(&request, order.summary.version)? {
        return Ok(HttpResponse::NotModified().insert_header((header::ETAG, etag(&order))).finish());
    }
    Ok(order_response(StatusCode::OK, &order, app.ports().rules()))
}

pub(crate) fn get_doc() -> Doc {
    let tags = json!({"type": "string", "pattern": ENTITY_TAGS});
    let doc = Doc::new("Orders", "get_order", "Read one order with its items");
    order_id_doc(order_response_doc(doc, 200, "The order"))
        .query::<GetQuery>()
        .header("If-Match", &tags, "Answer 412 if the order is at none of these versions")
        .header("If-None-Match", &tags, "Answer 304 if the order is still at one of these versions")
        .other_response(304, "The order is at a version that the caller knows", None)
        .response_header(304, "ETag", &json!({"type": "string"}), "The version of the order, in quotes")
        .problems(&[Code::OrderNotFound, Code::PositionRetired, Code::StoreUnavailable, Code::NewerRelease])
}

/// Which state of the order.
pub(crate) struct GetQuery {
    as_of: Option<AsOf>,
}

impl QueryParameters for GetQuery {
    fn define(parameters: &mut impl Parameters) -> Self {
        let text =
            "The order as it was at this version or time, replayed from its events; 404 if it did not exist then";
        Self { as_of: parameters.optional("as_of", text) }
    }
}

/// A version or a time.
impl TextValue for AsOf {
    fn schema() -> Value {
        json!({"anyOf": [number_schema(&(0..=MAX_VERSION)), OffsetDateTime::schema()]})
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(version) if text.bytes().all(|b| b.is_ascii_digit()) && version <= MAX_VERSION => {
                Ok(Self::Version(version))
            }
            _ => <OffsetDateTime as TextValue>::parse(text).map(Self::Time).map_err(|_| {
                "The value is a version, e.g. 3, or a time in the form of RFC 3339, e.g. 2026-01-31T12:00:00Z."
                    .to_owned()
            }),
        }
    }
}
