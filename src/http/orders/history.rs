use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, ContentType},
    web::Data,
};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    app::{GetHistory, GetHistoryRequest, HistoryPage, Ports},
    http::{
        app_state::AppState,
        events::{
            event_body::{EventBody, event_example},
            feed::cloud_events,
        },
        request::parameters::{MAX_VERSION, Query, number, order_id},
        response::{code::Code, problem::Problem},
        routing::openapi::Doc,
    },
};

use super::create::order_id_doc;

pub(crate) async fn list<P: Ports>(app: Data<AppState<P>>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let mut query = Query::of(&request);
    let after = query.optional("after", number(0..=MAX_VERSION)).unwrap_or(0);
    let limit = query.optional("limit", number(1..=GetHistory::<P>::MAX_LIMIT));
    let limit = limit.unwrap_or(GetHistory::<P>::DEFAULT_LIMIT);
    query.finish()?;
    let asked = GetHistoryRequest { tenant: app.tenant(), order_id: order_id(&request)?, after, limit };
    let HistoryPage { events, next } = GetHistory(app.ports()).execute(&asked).await?;
    let mut response = HttpResponse::Ok();
    if let Some(next) = next {
        let link = format!("<{}?after={next}&limit={limit}>; rel=\"next\"", request.path());
        response.insert_header((header::LINK, link));
    }
    let next = next.map_or("null".to_owned(), |version| version.to_string());
    let body = format!(r#"{{"events":{},"next_after":{next}}}"#, cloud_events(&events));
    Ok(response.content_type(ContentType::json()).body(body))
}

pub(crate) fn list_doc() -> Doc {
    let example = json!({"events": [event_example()], "next_after": null});
    let doc = Doc::new("Orders", "get_history", "Read what happened to an order, oldest first");
    order_id_doc(doc)
        .parameter(
            "query",
            "after",
            &json!({"type": "integer", "minimum": 0, "maximum": MAX_VERSION, "default": 0}),
            "The last version of the page before",
        )
        .parameter(
            "query",
            "limit",
            &json!({"type": "integer", "minimum": 1, "maximum": 1000, "default": 200}),
            "How many events at the most",
        )
        .answer::<HistoryBody>(200, "The events", &example)
        .header(200, "Link", &json!({"type": "string"}), "The next page, where there is one (RFC 8288)")
        .problems(&[Code::OrderNotFound, Code::PositionRetired, Code::StoreUnavailable])
}

/// What happened to an order.
#[derive(ToSchema)]
#[schema(as = History)]
#[expect(dead_code, reason = "the schema of what `list` writes")]
struct HistoryBody {
    /// By version.
    events: Vec<EventBody>,
    /// For the next page; null on the last one.
    #[schema(required = true)]
    next_after: Option<u32>,
}
