use actix_web::{
    Error, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, header},
    middleware::Next,
};

use crate::http::response::{code::Code, problem::Problem};

const METHODS: &str = "GET, HEAD, OPTIONS";

/// Gives pages and files the methods of a route with `GET`: `HEAD` responds like `GET` without the body, `OPTIONS` lists
/// the methods, and any other one is a 405 (RFC 9110, sections 9.3.2, 9.3.7 and 15.5.6).
pub(crate) async fn respond_like_a_route(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let method = std::mem::replace(&mut request.head_mut().method, Method::GET);
    // The server sends no body to `HEAD`.
    let response = next.call(request).await?.map_into_boxed_body();
    if method == Method::GET || method == Method::HEAD || response.status() == StatusCode::NOT_FOUND {
        return Ok(response);
    }
    if method == Method::OPTIONS {
        return Ok(response.into_response(HttpResponse::NoContent().insert_header((header::ALLOW, METHODS)).finish()));
    }
    let problem = Problem::new(Code::MethodNotAllowed, format!("This path allows {METHODS}. Use one of them."));
    Err(Problem { allow: Some(METHODS.into()), ..problem }.into())
}
