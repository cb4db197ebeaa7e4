use actix_web::dev::ServiceRequest;

use crate::{
    app::Ports,
    http::{app_state::AppState, response::problem::Problem},
};

/// What is answered while the service starts: everything here works without the store.
const PATHS: [&str; 4] = ["/", "/metrics", "/openapi.json", "/problems"];
/// The pages of the console and of the documentation.
const DIRECTORIES: [&str; 4] = ["/app/", "/docs/", "/health/", "/problems/"];

/// Why a request is refused that needs the store while the service starts.
pub(crate) fn refusal<P: Ports>(app: &AppState<P>, request: &ServiceRequest) -> Option<Problem> {
    app.starting().filter(|_| needs_store(request.path()))
}

fn needs_store(path: &str) -> bool {
    !PATHS.contains(&path) && !DIRECTORIES.iter().any(|directory| path.starts_with(directory))
}
