use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};
use serde::Serialize;
use serde_json::{json, value::RawValue};
use utoipa::ToSchema;

use crate::{
    app::{Audience, GetHistory, GetHistoryRequest, HistoryPage, Ports},
    domain::OrderId,
    http::{
        app_state::AppState,
        request::{
            caller::Caller,
            query::{Parameters, Query, QueryParameters},
        },
        response::{
            cloud_event::{CloudEvent, cloud_events, event_example},
            code::Code,
            problem::{HttpResult, Problem},
        },
        routing::doc::Doc,
    },
};

use super::{order_doc::order_id_doc, order_values::MAX_VERSION};

pub(crate) async fn list<P: Ports>(
    app: Data<AppState<P>>,
    caller: Caller,
    Query(HistoryQuery { after, limit }): Query<HistoryQuery>,
    order_id: OrderId,
    request: HttpRequest,
) -> HttpResult {
    let history = GetHistoryRequest { principal: caller.principal, order_id, after, limit };
    let HistoryPage { events, next } = GetHistory(app.ports()).execute(&history).await?;
    let mut response = HttpResponse::Ok();
    if let Some(next) = next {
        let link = format!("<{}?after={next}&limit={limit}>; rel=\"next\"", request.path());
        response.insert_header((header::LINK, link));
    }
    let events = RawValue::from_string(cloud_events(&events, Audience::Tenant)).map_err(Problem::internal)?;
    Ok(response.json(HistoryBody { events, next_after: next }))
}

pub(crate) fn list_doc() -> Doc {
    let example = json!({"events": [event_example()], "next_after": null});
    let doc = Doc::new("Orders", "get_history", "Read the events of an order, oldest first");
    order_id_doc(doc)
        .query::<HistoryQuery>()
        .response::<HistoryBody>(200, "The events", &example)
        .response_header(200, "Link", &json!({"type": "string"}), "The next page, if there is one (RFC 8288)")
        .problems(&[Code::OrderNotFound, Code::PositionRetired, Code::StoreUnavailable])
}

/// Which page of the history.
pub(crate) struct HistoryQuery {
    after: u32,
    limit: usize,
}

impl QueryParameters for HistoryQuery {
    fn define(parameters: &mut impl Parameters) -> Self {
        let (max, default) = (GetHistory::<()>::MAX_LIMIT, GetHistory::<()>::DEFAULT_LIMIT);
        Self {
            after: parameters.number("after", "The last version of the previous page", 0..=MAX_VERSION, 0),
            limit: parameters.number("limit", "The most events to return", 1..=max, default),
        }
    }
}

/// The events of an order.
#[derive(Serialize, ToSchema)]
#[schema(as = History)]
struct HistoryBody {
    /// By version.
    #[schema(value_type = Vec<CloudEvent>)]
    events: Box<RawValue>,
    /// The last version of this page, for the next one; null on the last page.
    #[schema(required = true)]
    next_after: Option<u32>,
}
