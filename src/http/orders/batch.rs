use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    app::{BatchResult, CreateOrders, CreateOrdersRequest, Ports},
    http::{
        app_state::AppState,
        request::{
            body::read_json,
            conditions::collection_conditions,
            fields::{read_envelope, read_object},
            parameters::no_query,
        },
        request_id::RequestId,
        response::{
            code::Code,
            problem::{Problem, ProblemBody},
        },
        routing::openapi::Doc,
    },
};

use super::{
    create::{idempotency_doc, mark_replayed},
    order_body::{OrderBody, order_example},
    order_request::{NewOrdersBody, new_order, new_order_example, new_orders},
};

pub(crate) async fn create<P: Ports>(
    app: Data<AppState<P>>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    no_query(&request)?;
    let body = read_json(&request, payload, app.bounds()).await?;
    let key = collection_conditions(&request, &body)?;
    let (bodies, policy) = read_envelope(body, new_orders)?;
    let mut orders = Vec::with_capacity(bodies.len());
    let mut results: Vec<(u32, Result<BatchResult, Problem>)> = Vec::with_capacity(bodies.len());
    for (index, body) in (0..).zip(bodies) {
        match read_object(body, new_order) {
            Ok(order) => orders.push((index, order)),
            Err(unreadable) => results.push((index, Err(unreadable))),
        }
    }
    let some_unreadable = !results.is_empty();
    let batch = CreateOrdersRequest { tenant: app.tenant(), orders, some_unreadable, policy, key };
    let taken = CreateOrders(app.ports()).execute(&batch).await?;
    results.extend(taken.into_iter().map(|(index, result)| (index, Ok(result))));
    results.sort_by_key(|(index, _)| *index);

    let replayed =
        results.iter().any(|(_, result)| matches!(result, Ok(BatchResult::Created(answered)) if answered.replayed));
    let id = RequestId::taken_up(&request);
    let results = results.into_iter().map(|(index, result)| ResultBody::new(index, result, &id)).collect();
    let mut response = HttpResponse::build(StatusCode::MULTI_STATUS).json(BatchBody { results });
    mark_replayed(&mut response, replayed);
    Ok(response)
}

pub(crate) fn create_doc() -> Doc {
    let example = json!({"orders": [new_order_example()], "error_policy": "partial"});
    let answer = json!({"results": [{"index": 0, "status": 201, "order": order_example()}]});
    let doc = Doc::new("Orders", "create_orders", "Take up to 100 orders")
        .describe(
            "Each order has a result of its own, with the status and the body that it would have had alone. Under `reject_all` \
             the orders are written in one transaction, or none is: then the good ones have status 424.",
        )
        .body::<NewOrdersBody>(&example)
        .answer::<BatchBody>(207, "What became of each order", &answer);
    idempotency_doc(doc, 207).problems(&[
        Code::PreconditionFailed,
        Code::LostRace,
        Code::StoreUnavailable,
        Code::PricingUnavailable,
    ])
}

/// What became of each order of a batch.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchResults)]
struct BatchBody {
    results: Vec<ResultBody>,
}

/// What became of one order: the order or the problem.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchResult)]
struct ResultBody {
    /// The place of the order in the request, from 0.
    index: u32,
    /// The status that the order would have been answered with alone; 424 where another one was refused.
    #[schema(minimum = 200, maximum = 599)]
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    order: Option<OrderBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    problem: Option<ProblemBody>,
}

impl ResultBody {
    fn new(index: u32, result: Result<BatchResult, Problem>, id: &RequestId) -> Self {
        let problem = match result {
            Ok(BatchResult::Created(answered)) => {
                let order = Some(OrderBody::from(&answered.order));
                return Self { index, status: StatusCode::CREATED.as_u16(), order, problem: None };
            }
            Ok(BatchResult::Refused(error)) => Problem::from(error),
            Ok(BatchResult::Rejected) => Problem::new(Code::BatchRejected, "Another order of the batch was refused."),
            Err(unreadable) => unreadable,
        };
        problem.log(id);
        let place = format!("/orders/{index}");
        let problem = problem.below(&place);
        // Which order of this request: a JSON pointer as a fragment (RFC 6901, section 6).
        let instance = format!("#{place}");
        Self {
            index,
            status: problem.code.status().as_u16(),
            order: None,
            problem: Some(problem.body(&instance, id.as_str())),
        }
    }
}
