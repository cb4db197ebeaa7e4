use actix_web::HttpResponse;
use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::{
    domain::{PrincipalKind, Scope},
    http::{
        request::{caller::Caller, query::NoQuery},
        response::{problem::HttpResult, timestamp},
        routing::doc::Doc,
    },
};

/// Who the caller is, for programs that show it, or that offer only what the caller may do.
pub(crate) async fn show(caller: Caller, _: NoQuery) -> HttpResult {
    let principal = &caller.principal;
    Ok(HttpResponse::Ok().json(CallerBody {
        kind: match principal.kind {
            PrincipalKind::Key(_) => "key",
            PrincipalKind::User(_) => "user",
            PrincipalKind::Anonymous => "anonymous",
        },
        tenant: principal.tenant.to_string(),
        subject: principal.subject().map(str::to_owned),
        scopes: principal.scopes.iter().map(Scope::as_str).collect(),
        customer_id: principal.customer.as_ref().map(ToString::to_string),
        expires_at: caller.expires_at.map(|at: OffsetDateTime| timestamp::text(at)),
    }))
}

pub(crate) fn show_doc() -> Doc {
    let example = json!({
        "kind": "key", "tenant": "default", "subject": "0123456789abcdef", "scopes": ["orders:read", "orders:write"],
        "customer_id": null, "expires_at": null,
    });
    Doc::new("Access", "get_caller", "Read who the caller is")
        .describe("Any credential that is accepted will do. Without access control everybody is anonymous.")
        .response::<CallerBody>(200, "The caller", &example)
}

/// The caller.
#[derive(Serialize, ToSchema)]
#[schema(as = Caller)]
struct CallerBody {
    /// How the caller is known: key, user or anonymous.
    kind: &'static str,
    tenant: String,
    /// The id of the API key, or the subject of the token; null for anonymous callers.
    #[schema(required = true)]
    subject: Option<String>,
    scopes: Vec<&'static str>,
    /// The only customer whose orders the caller sees; null for all customers of the tenant.
    #[schema(required = true)]
    customer_id: Option<String>,
    /// When the credential ends, if it says so.
    #[schema(required = true, format = DateTime)]
    expires_at: Option<String>,
}
