use actix_web::{HttpResponse, http::StatusCode, web::Data};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    app::{BatchResult, CreateOrders, CreateOrdersRequest, NewOrder, Ports},
    domain::OrderRules,
    http::{
        app_state::AppState,
        request::read_body::read_body,
        request_id::RequestId,
        response::{
            base_path::BasePath,
            code::Code,
            problem::{HttpResult, MAX_ERRORS, Problem, ProblemBody},
        },
        routing::doc::Doc,
    },
};

use super::{
    order_body::OrderBody,
    order_doc::idempotency_doc,
    order_example::order_example,
    order_request::{MAX_BATCH, NewOrders, new_order_example},
    order_response::mark_replayed,
    order_write::OrderCreation,
};

pub(crate) async fn create<P: Ports>(
    app: Data<AppState<P>>,
    base: Data<BasePath>,
    id: RequestId,
    creation: OrderCreation<NewOrders>,
) -> HttpResult {
    let OrderCreation { principal, key, body: NewOrders { orders: bodies, policy } } = creation;
    let mut orders = Vec::with_capacity(bodies.len());
    let mut results: Vec<(u32, Result<BatchResult, Problem>)> = Vec::with_capacity(bodies.len());
    for (index, body) in (0..).zip(bodies) {
        match read_body::<NewOrder>(body) {
            Ok(order) => orders.push((index, order)),
            Err(unreadable) => results.push((index, Err(unreadable))),
        }
    }
    let some_unreadable = !results.is_empty();
    let batch = CreateOrdersRequest { principal, orders, some_unreadable, policy, key };
    let created = CreateOrders(app.ports()).execute(&batch).await?;
    results.extend(created.into_iter().map(|(index, result)| (index, Ok(result))));
    results.sort_by_key(|(index, _)| *index);

    let replayed =
        results.iter().any(|(_, result)| matches!(result, Ok(BatchResult::Created(answered)) if answered.replayed));
    let rules = app.ports().rules();
    let mut listed = 0;
    let results = results.into_iter().map(|(index, result)| {
        // One limit for the whole batch; each problem lists one error at least.
        let limit = MAX_ERRORS.saturating_sub(listed).max(1);
        let (body, errors) = ResultBody::new(index, result, limit, rules, base.as_str(), &id);
        listed += errors;
        body
    });
    let results = results.collect();
    let mut response = HttpResponse::build(StatusCode::MULTI_STATUS).json(BatchBody { results });
    mark_replayed(&mut response, replayed);
    Ok(response)
}

pub(crate) fn create_doc() -> Doc {
    let example = json!({"orders": [new_order_example()], "error_policy": "partial"});
    let results = json!({"results": [{"index": 0, "status": 201, "order": order_example()}]});
    let doc = Doc::new("Orders", "create_orders", &format!("Create up to {MAX_BATCH} orders"))
        .describe(
            "Each order has a result of its own, with the status and the body that a single request would have had. \
             Under `reject_all` all orders are written in one transaction, or none is: then the good ones have status 424.",
        )
        .body::<NewOrders>(&example)
        .response::<BatchBody>(207, "The result of each order", &results);
    idempotency_doc(doc, 207).problems(&[
        Code::PreconditionFailed,
        Code::LostRace,
        Code::StoreUnavailable,
        Code::NewerRelease,
        Code::PricingUnavailable,
    ])
}

/// The results of a batch.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchResults)]
struct BatchBody {
    results: Vec<ResultBody>,
}

/// The result of one order: the order or the problem.
#[derive(Serialize, ToSchema)]
#[schema(as = BatchResult)]
struct ResultBody {
    /// The index of the order in the request, from 0.
    index: u32,
    /// The status that a single request would have had; 424 if another order was refused.
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
    /// The body, and how many errors it lists.
    fn new(
        index: u32,
        result: Result<BatchResult, Problem>,
        max_errors: usize,
        rules: OrderRules,
        base: &str,
        id: &RequestId,
    ) -> (Self, usize) {
        let problem = match result {
            Ok(BatchResult::Created(answered)) => {
                let order = Some(OrderBody::new(&answered.order, rules));
                return (Self { index, status: StatusCode::CREATED.as_u16(), order, problem: None }, 0);
            }
            Ok(BatchResult::Refused(error)) => Problem::from(error),
            Ok(BatchResult::Rejected) => Problem::new(
                Code::BatchRejected,
                "Another order of the batch was refused, so this one was not created.",
            ),
            Err(unreadable) => unreadable,
        };
        problem.log(id, false);
        let part = format!("/orders/{index}");
        let problem = problem.with_at_most(max_errors).in_part(&part);
        // The order within this request: a JSON pointer as a fragment (RFC 6901, section 6).
        let instance = format!("#{part}");
        let body = Self {
            index,
            status: problem.code.status().as_u16(),
            order: None,
            problem: Some(problem.body(base, &instance, id.as_str())),
        };
        (body, problem.errors.len())
    }
}
