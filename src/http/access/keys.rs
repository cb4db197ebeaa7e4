//! The API keys of the caller's tenant: create, list, revoke.

use actix_web::{HttpResponse, http::header, web::Data};
use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::{
    app::{CreateKey, CreateKeyRequest, ListKeys, Ports, RevokeKey},
    domain::{CustomerId, KeyId, KeyName, Scopes},
    http::{
        app_state::AppState,
        request::{
            caller::Caller,
            fields::{Body, Fields},
            plain_body::PlainBody,
            query::NoQuery,
            text::TextValue,
        },
        response::{code::Code, problem::HttpResult},
        routing::doc::Doc,
    },
};

use super::key_body::{KeyBody, NewKeyBody, key_example, new_key_example};

pub(crate) async fn list<P: Ports>(app: Data<AppState<P>>, caller: Caller, _: NoQuery) -> HttpResult {
    let keys = ListKeys(app.ports()).execute(&caller.principal).await?;
    Ok(HttpResponse::Ok().json(KeysBody { keys: keys.into_iter().map(KeyBody::from).collect() }))
}

pub(crate) fn list_doc() -> Doc {
    Doc::new("Access", "list_keys", "List the API keys of the tenant, newest first")
        .describe("A credential of one customer sees the keys of this customer.")
        .response::<KeysBody>(200, "The keys, without their secrets", &json!({"keys": [key_example()]}))
}

pub(crate) async fn create<P: Ports>(
    app: Data<AppState<P>>,
    caller: Caller,
    _: NoQuery,
    PlainBody(NewKey { name, scopes, customer, expires_at }): PlainBody<NewKey>,
) -> HttpResult {
    let tenant = caller.principal.tenant.clone();
    let request = CreateKeyRequest { tenant, name, scopes, customer, expires_at };
    let created = CreateKey(app.ports()).execute(&caller.principal, request).await?;
    let mut response = HttpResponse::Created();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    response.insert_header((header::LOCATION, format!("/keys/{}", created.key.id)));
    Ok(response.json(NewKeyBody::from(created)))
}

pub(crate) fn create_doc() -> Doc {
    Doc::new("Access", "create_key", "Create an API key")
        .describe("The response has the secret, and no other response has it. A key has no scope that its maker lacks.")
        .body::<NewKey>(&json!({"name": "shop", "scopes": ["orders:read", "orders:write"]}))
        .response::<NewKeyBody>(201, "The new key", &new_key_example())
        .response_header(201, "Location", &json!({"type": "string"}), "The path of the key")
        .problems(&[Code::OtherCustomer])
}

pub(crate) async fn revoke<P: Ports>(app: Data<AppState<P>>, caller: Caller, _: NoQuery, key_id: KeyId) -> HttpResult {
    RevokeKey(app.ports()).execute(&caller.principal, &key_id).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(crate) fn revoke_doc() -> Doc {
    key_id_doc(Doc::new("Access", "revoke_key", "Revoke an API key"))
        .describe("Every instance refuses the key within five seconds. To revoke it again changes nothing.")
        .other_response(204, "The key is revoked", None)
}

pub(super) fn key_id_doc(doc: Doc) -> Doc {
    doc.path("key_id", &KeyId::schema(), "The key").problems(&[Code::KeyNotFound])
}

pub(crate) struct NewKey {
    name: KeyName,
    scopes: Scopes,
    customer: Option<CustomerId>,
    expires_at: Option<OffsetDateTime>,
}

impl Body for NewKey {
    const NAME: &'static str = "NewKey";
    const TEXT: &'static str = "A new API key.";

    fn define(fields: &mut impl Fields) -> Option<Self> {
        let name = fields.required("name", "What people call the key. White space at both ends is removed.");
        let scopes = fields.required("scopes", "What the key allows: at most what its maker may do.");
        let customer =
            fields.optional("customer_id", "The only customer whose orders the key sees; all customers without it.");
        let expires_at = fields.optional("expires_at", "From then on the key is not accepted; no end without it.");
        Some(Self { name: name?, scopes: scopes?, customer: customer?, expires_at: expires_at? })
    }
}

/// The keys of a tenant.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKeys)]
struct KeysBody {
    keys: Vec<KeyBody>,
}
