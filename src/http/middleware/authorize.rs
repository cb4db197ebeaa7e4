use std::{rc::Rc, time::Duration};

use actix_web::{
    HttpMessage, HttpRequest,
    http::header::{self, HeaderMap, HeaderName, HeaderValue},
    web::Data,
};

use crate::{
    app::{Authenticated, AuthenticationError, Authenticator, Clock, CredentialError, Ports, Quota, RateLimiter},
    domain::Scope,
    http::{
        app_state::AppState,
        request::caller::Caller,
        response::{
            code::Code,
            problem::{FieldError, Limited, Problem},
        },
    },
};

/// What a route demands of its callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// Everybody may use it, also without a credential.
    Public,
    /// Everybody with a credential that is accepted.
    AnyCaller,
    Scope(Scope),
}

impl From<Scope> for Demand {
    fn from(scope: Scope) -> Self {
        Self::Scope(scope)
    }
}

/// Finds out who sent a request, and whether the caller may do what the route does. Returns what is left of the caller's quota.
pub(crate) async fn authorize<P: Ports>(request: &HttpRequest, demand: Demand) -> Result<Option<Quota>, Problem> {
    if demand == Demand::Public {
        return Ok(None);
    }
    let app = request.app_data::<Data<AppState<P>>>();
    let app = app.ok_or_else(|| Problem::internal("the server has no state"))?;
    let access = app.ports().access();
    let caller = match access.anonymous() {
        Some(anonymous) => Caller { principal: anonymous.clone(), credential: None, expires_at: None },
        None => authenticate(app, request).await?,
    };
    let limits = app.ports().limits();
    let quota = if limits.is_limited() { limits.take(&whose_quota(app, &caller, request)).await } else { None };
    if let Some(quota) = quota.filter(|quota| quota.is_exceeded) {
        let seconds = whole_seconds(quota.reset);
        let detail =
            format!("The limit is {} requests in {}. Try again in {seconds} s.", quota.limit, text(quota.window));
        return Err(limited(seconds, Some(quota), detail));
    }
    if let Demand::Scope(scope) = demand {
        demand_scope(&caller, scope)?;
    }
    request.extensions_mut().insert(caller);
    Ok(quota)
}

pub(crate) fn demand_scope(caller: &Caller, scope: Scope) -> Result<(), Problem> {
    if caller.principal.may(scope) {
        return Ok(());
    }
    let detail = format!("This needs the scope {scope}, which the credential does not have.");
    Err(Problem { scope: Some(scope), ..Problem::new(Code::InsufficientScope, detail) })
}

/// Whose quota a request uses: the caller's, or the address's where nobody is authenticated.
fn whose_quota<P: Ports>(app: &AppState<P>, caller: &Caller, request: &HttpRequest) -> String {
    match caller.credential {
        Some(_) => format!("{}/{}", caller.principal.tenant, caller.principal.caller()),
        None => app.proxies().client_address(request).map_or_else(String::new, |address| address.to_string()),
    }
}

async fn authenticate<P: Ports>(app: &AppState<P>, request: &HttpRequest) -> Result<Caller, Problem> {
    let credential = credential(request.headers())?;
    let (access, limits) = (app.ports().access(), app.ports().limits());
    if let Some(known) = access.known(credential) {
        return Ok(caller(credential, known));
    }
    let address = app.proxies().client_address(request);
    let may_try = || address.map_or(Ok(()), |address| limits.may_try(address).map_err(too_many_failures));
    // Others go on, also behind the address of somebody who guesses: nobody can guess the signature of a token.
    if access.may_be_guess(credential) {
        may_try()?;
    }
    match access.authenticate(credential).await {
        Ok(authenticated) => Ok(caller(credential, authenticated)),
        Err(AuthenticationError::Refused(refused)) => {
            if refused.may_be_guess() {
                may_try()?;
                if let Some(address) = address {
                    limits.failed(address);
                }
            }
            Err(invalid(refused))
        }
        Err(AuthenticationError::NoSigningKeys) => Err(Problem::new(
            Code::IssuerUnavailable,
            "The identity provider does not answer, and the key of the token is not known. Try again in a moment.",
        )),
        Err(AuthenticationError::Store(error)) => Err(error.into()),
    }
}

fn caller(credential: &str, authenticated: Authenticated) -> Caller {
    let Authenticated { principal, expires_at } = authenticated;
    Caller { principal, credential: Some(Rc::from(credential)), expires_at }
}

/// The bearer token of the request (RFC 6750, section 2.1).
fn credential(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION);
    let Some(value) = values.next() else {
        let detail = "Send an API key or a token: Authorization: Bearer <credential>.";
        return Err(Problem::new(Code::CredentialRequired, detail));
    };
    let malformed = |detail: &str| Problem::new(Code::MalformedCredential, detail);
    if values.next().is_some() {
        return Err(malformed("The request has more than one Authorization header. Send one."));
    }
    let text = value.to_str().map_err(|_| malformed("The Authorization header has characters that are not ASCII."))?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Problem::new(Code::CredentialRequired, "Send a credential of the scheme Bearer."));
    }
    let token = token.trim_matches(' ');
    let is_token = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
    if token.is_empty() || !token.bytes().all(is_token) {
        return Err(malformed("The credential is not a bearer token (RFC 6750, section 2.1)."));
    }
    Ok(token)
}

fn invalid(refused: CredentialError) -> Problem {
    let text = refused.to_string();
    let mut detail = format!("{text}.");
    if let Some(first) = detail.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let error = FieldError::at_parameter(header::AUTHORIZATION.as_str(), refused.code(), detail.clone());
    Problem::new(Code::InvalidCredential, detail).with_errors(vec![error])
}

fn too_many_failures(pause: Duration) -> Problem {
    let seconds = whole_seconds(pause);
    limited(seconds, None, format!("Too many wrong credentials came from this address. Try again in {seconds} s."))
}

fn limited(retry_after: u32, quota: Option<Quota>, detail: String) -> Problem {
    Problem { limited: Some(Limited { retry_after, quota }.into()), ..Problem::new(Code::RateLimited, detail) }
}

fn whole_seconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis().div_ceil(1000)).unwrap_or(u32::MAX).max(1)
}

fn text(window: Duration) -> String {
    match window.as_secs() {
        1 => "a second".to_owned(),
        60 => "a minute".to_owned(),
        3600 => "an hour".to_owned(),
        seconds => format!("{seconds} s"),
    }
}

pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Tells the caller its quota (draft-ietf-httpapi-ratelimit-headers-11).
pub(crate) fn add_quota(headers: &mut HeaderMap, quota: &Quota) {
    let Quota { limit, window, remaining, reset, .. } = *quota;
    let policy = format!("\"default\";q={limit};w={}", window.as_secs().max(1));
    let state = format!("\"default\";r={remaining};t={}", reset.as_millis().div_ceil(1000));
    for (name, value) in [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, state)] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
}

/// How often a request that lasts looks whether its caller may still do what it does.
const CHECK_EVERY: Duration = Duration::from_secs(2);

/// Resolves when the caller may no longer do this: its credential has expired, was revoked, or has other rights now.
pub(crate) async fn access_ends<P: Ports>(ports: P, caller: Caller, scope: Scope) {
    let Some(credential) = &caller.credential else { return std::future::pending().await };
    // A token is accepted for a moment after its end, because clocks differ. What begins then goes on for this moment.
    let end = caller.expires_at.filter(|end| *end > ports.clock().now());
    loop {
        let left = end.map(|end| Duration::try_from(end - ports.clock().now()).unwrap_or_default());
        tokio::time::sleep(left.unwrap_or(CHECK_EVERY).min(CHECK_EVERY)).await;
        if left.is_some_and(|left| left <= CHECK_EVERY) {
            return;
        }
        let now = match ports.access().known(credential) {
            Some(known) => Ok(known),
            None => ports.access().authenticate(credential).await,
        };
        match now {
            Ok(Authenticated { principal, .. }) if principal.may(scope) && is_same(&principal, &caller) => {}
            Ok(_) | Err(AuthenticationError::Refused(_)) => return,
            // Nobody can say so now. What follows from that for the stream, the store says itself.
            Err(AuthenticationError::Store(_) | AuthenticationError::NoSigningKeys) => {}
        }
    }
}

fn is_same(now: &crate::domain::Principal, before: &Caller) -> bool {
    now.tenant == before.principal.tenant && now.customer == before.principal.customer
}
