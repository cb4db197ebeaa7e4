use std::marker::PhantomData;

use actix_web::{
    FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, guard,
    http::{
        Method,
        header::{self, Accept, Header, HeaderName},
    },
    web,
};

use crate::{
    app::Ports,
    http::{
        middleware::authorize::{Demand, add_quota, authorize},
        response::{code::Code, problem::Problem},
    },
};

use super::doc::Doc;

/// A path and its methods, each with its handler and its documentation. `HEAD` answers as `GET` does without the body.
/// `OPTIONS` lists the methods, and so does the 405 of any other method (RFC 9110, sections 9.3.2, 9.3.7 and 15.5.6).
pub(crate) struct Endpoint<P> {
    pub(crate) path: &'static str,
    pub(crate) docs: Vec<(Method, Demand, Doc)>,
    resource: Resource,
    methods: Vec<Method>,
    /// The media types of its responses. The first one is preferred.
    produces: Vec<mime::Mime>,
    ports: PhantomData<P>,
}

/// The pattern of the path of an endpoint, for whoever has a request of it.
#[derive(Debug)]
pub(crate) struct RoutePath(pub(crate) &'static str);

pub(crate) fn endpoint<P: Ports>(path: &'static str) -> Endpoint<P> {
    let produces = vec![mime::APPLICATION_JSON];
    let resource = web::resource(path).app_data(RoutePath(path));
    Endpoint { path, docs: Vec::new(), resource, methods: Vec::new(), produces, ports: PhantomData }
}

impl<P: Ports> Endpoint<P> {
    /// Answers in other media types than JSON alone, the preferred one first. Call it before the methods are added.
    pub(crate) fn producing<const N: usize>(self, produces: [mime::Mime; N]) -> Self {
        Self { produces: produces.into(), ..self }
    }

    pub(crate) fn get<F, Args>(self, demand: impl Into<Demand>, handler: F, doc: Doc) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let mut with_get = self.on(Method::GET, demand.into(), handler, doc.problems(&[Code::PreconditionFailed]));
        with_get.methods.push(Method::HEAD);
        with_get
    }

    pub(crate) fn post<F, Args>(self, demand: impl Into<Demand>, handler: F, doc: Doc) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::POST, demand.into(), handler, doc)
    }

    pub(crate) fn patch<F, Args>(self, demand: impl Into<Demand>, handler: F, doc: Doc) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::PATCH, demand.into(), handler, doc)
    }

    pub(crate) fn delete<F, Args>(self, demand: impl Into<Demand>, handler: F, doc: Doc) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::DELETE, demand.into(), handler, doc)
    }

    fn on<F, Args>(mut self, method: Method, demand: Demand, handler: F, doc: Doc) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let produces = self.produces.clone();
        let wanted = method.clone();
        let matches = guard::fn_guard(move |context| {
            let head = context.head();
            (head.method == wanted || (wanted == Method::GET && head.method == Method::HEAD))
                && context.header::<Accept>().is_none_or(|accept| best(&accept, &produces).is_some())
        });
        // Nothing of a request is read before its caller is known.
        let authorized = move |request: HttpRequest, payload: web::Payload| {
            let handler = handler.clone();
            async move {
                let quota = authorize::<P>(&request, demand).await?;
                let arguments = Args::from_request(&request, &mut payload.into_inner()).await.map_err(Into::into)?;
                let mut response = handler.call(arguments).await.respond_to(&request).map_into_boxed_body();
                if let Some(quota) = quota {
                    add_quota(response.headers_mut(), &quota);
                }
                Ok::<_, actix_web::Error>(response)
            }
        };
        self.resource = self.resource.route(web::route().guard(matches).to(authorized));
        self.methods.push(method.clone());
        self.docs.push((method, demand, doc));
        self
    }

    /// What the framework serves.
    pub(crate) fn into_resource(mut self) -> Resource {
        self.methods.push(Method::OPTIONS);
        let methods = self.methods;
        let allow = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        let listed = allow.clone();
        let accepted: Vec<HeaderName> = methods.iter().filter_map(accepted_type_header).collect();
        let options = move || {
            let mut response = HttpResponse::NoContent();
            response.insert_header((header::ALLOW, listed.as_str()));
            for name in &accepted {
                response.insert_header((name.clone(), mime::APPLICATION_JSON.as_ref()));
            }
            let response = response.finish();
            async move { response }
        };
        let produces = self.produces.iter().map(mime::Mime::essence_str).collect::<Vec<_>>().join(" or ");
        let refuse = move |request: HttpRequest| {
            let problem = if methods.contains(request.method()) {
                Problem::new(Code::NotAcceptable, format!("This path answers with {produces}. Accept it."))
            } else {
                let detail = format!("This path allows {allow}. Use one of them.");
                Problem { allow: Some(allow.as_str().into()), ..Problem::new(Code::MethodNotAllowed, detail) }
            };
            async move { Err::<HttpResponse, _>(problem) }
        };
        let resource = self.resource.route(web::method(Method::OPTIONS).to(options));
        resource.default_service(web::to(refuse))
    }
}

pub(crate) const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
pub(crate) const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

/// The header that names the type of the bodies that a method takes: `Accept-Post` (Linked Data Platform, section 7.1)
/// or `Accept-Patch` (RFC 5789, section 3.1).
pub(crate) fn accepted_type_header(method: &Method) -> Option<HeaderName> {
    if *method == Method::POST {
        Some(ACCEPT_POST)
    } else if *method == Method::PATCH {
        Some(ACCEPT_PATCH)
    } else {
        None
    }
}

/// The type for this response: of those that the request accepts, the one that it prefers, or else the first.
pub(crate) fn negotiated<'t>(request: &HttpRequest, produced: &'t [mime::Mime]) -> Option<&'t mime::Mime> {
    match Accept::parse(request) {
        Ok(accept) => best(&accept, produced),
        Err(_) => produced.first(),
    }
}

fn best<'t>(accept: &Accept, produced: &'t [mime::Mime]) -> Option<&'t mime::Mime> {
    // Of equals, `max_by_key` takes the last one.
    let accepted = produced.iter().rev().map(|produced| (quality(accept, produced), produced));
    accepted
        .filter(|(quality, _)| *quality > header::Quality::ZERO)
        .max_by_key(|(quality, _)| *quality)
        .map(|(_, produced)| produced)
}

/// The quality of the most specific range that matches the type (RFC 9110, section 12.5.1).
fn quality(accept: &Accept, produced: &mime::Mime) -> header::Quality {
    let specificity = |range: &mime::Mime| match (range.type_(), range.subtype()) {
        (mime::STAR, mime::STAR) => Some(0),
        (kind, mime::STAR) if kind == produced.type_() => Some(1),
        (kind, subtype) if kind == produced.type_() && subtype == produced.subtype() => Some(2),
        _ => None,
    };
    let matching = accept.iter().filter_map(|range| Some((specificity(&range.item)?, range.quality)));
    if *produced == mime::STAR_STAR || accept.is_empty() {
        return header::Quality::MAX;
    }
    matching.max_by_key(|(specific, _)| *specific).map_or(header::Quality::ZERO, |(_, quality)| quality)
}

/// Whether the request has an `Accept` header that names this type.
pub(crate) fn prefers(request: &HttpRequest, wanted: &mime::Mime) -> bool {
    Accept::parse(request).is_ok_and(|accept| {
        accept
            .iter()
            .any(|range| range.item.essence_str() == wanted.essence_str() && range.quality > header::Quality::ZERO)
    })
}
