use actix_web::{
    Error,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    web::Data,
};

use crate::{app::Ports, http::app_state::AppState};

/// What is answered while the service starts: everything here works without the store.
const PATHS: [&str; 4] = ["/", "/metrics", "/openapi.json", "/problems"];
/// The pages of the console and of the documentation.
const DIRECTORIES: [&str; 4] = ["/app/", "/docs/", "/health/", "/problems/"];

/// Refuses what needs the store until the store is there.
pub(crate) async fn refuse_until_started<P: Ports, B: MessageBody>(
    app: Data<AppState<P>>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match app.starting() {
        Some(problem) if needs_store(request.path()) => Ok(request.error_response(problem).map_into_right_body()),
        _ => Ok(next.call(request).await?.map_into_left_body()),
    }
}

fn needs_store(path: &str) -> bool {
    !PATHS.contains(&path) && !DIRECTORIES.iter().any(|directory| path.starts_with(directory))
}
