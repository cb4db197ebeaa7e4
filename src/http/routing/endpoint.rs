use actix_web::{
    FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, guard,
    http::{
        Method,
        header::{self, Accept, Header},
    },
    web,
};

use crate::http::response::{code::Code, problem::Problem};

use super::doc::Doc;

/// A path and its methods, each with its handler and its documentation. `HEAD` answers as `GET` does without the body.
/// `OPTIONS` lists the methods, and so does the 405 of any other method (RFC 9110, sections 9.3.2, 9.3.7 and 15.5.6).
pub(crate) struct Endpoint {
    pub(crate) path: &'static str,
    pub(crate) docs: Vec<(Method, Doc)>,
    resource: Resource,
    methods: Vec<Method>,
    produces: mime::Mime,
}

pub(crate) fn endpoint(path: &'static str) -> Endpoint {
    let produces = mime::APPLICATION_JSON;
    Endpoint { path, docs: Vec::new(), resource: web::resource(path), methods: Vec::new(), produces }
}

impl Endpoint {
    /// Answers in another media type than JSON. Call it before the methods are added.
    pub(crate) fn producing(self, produces: mime::Mime) -> Self {
        Self { produces, ..self }
    }

    pub(crate) fn get<F, Args>(self, handler: F, doc: Doc) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let mut with_get = self.on(Method::GET, handler, doc.problems(&[Code::PreconditionFailed]));
        with_get.methods.push(Method::HEAD);
        with_get
    }

    pub(crate) fn post<F, Args>(self, handler: F, doc: Doc) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::POST, handler, doc)
    }

    pub(crate) fn patch<F, Args>(self, handler: F, doc: Doc) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::PATCH, handler, doc)
    }

    pub(crate) fn delete<F, Args>(self, handler: F, doc: Doc) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::DELETE, handler, doc)
    }

    fn on<F, Args>(mut self, method: Method, handler: F, doc: Doc) -> Self
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
                && context.header::<Accept>().is_none_or(|accept| accepts(&accept, &produces))
        });
        self.resource = self.resource.route(web::route().guard(matches).to(handler));
        self.methods.push(method.clone());
        self.docs.push((method, doc));
        self
    }

    /// What the framework serves.
    pub(crate) fn into_resource(mut self) -> Resource {
        self.methods.push(Method::OPTIONS);
        let methods = self.methods;
        let allow = methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        let listed = allow.clone();
        let options = move || {
            let response = HttpResponse::NoContent().insert_header((header::ALLOW, listed.as_str())).finish();
            async move { response }
        };
        let produces = self.produces;
        let refuse = move |request: HttpRequest| {
            let problem = if methods.contains(request.method()) {
                Problem::new(Code::NotAcceptable, format!("This path answers with {produces}. Accept it."))
            } else {
                let detail = format!("This path allows {allow}. Use one of them.");
                Problem { allow: Some(allow.clone()), ..Problem::new(Code::MethodNotAllowed, detail) }
            };
            async move { Err::<HttpResponse, _>(problem) }
        };
        let resource = self.resource.route(web::method(Method::OPTIONS).to(options));
        resource.default_service(web::to(refuse))
    }
}

/// Whether the most specific range that matches allows the type (RFC 9110, section 12.5.1).
fn accepts(accept: &Accept, produced: &mime::Mime) -> bool {
    let specificity = |range: &mime::Mime| match (range.type_(), range.subtype()) {
        (mime::STAR, mime::STAR) => Some(0),
        (kind, mime::STAR) if kind == produced.type_() => Some(1),
        (kind, subtype) if kind == produced.type_() && subtype == produced.subtype() => Some(2),
        _ => None,
    };
    let matching = accept.iter().filter_map(|range| Some((specificity(&range.item)?, range.quality)));
    *produced == mime::STAR_STAR
        || accept.is_empty()
        || matching.max_by_key(|(specific, _)| *specific).is_some_and(|(_, quality)| quality > header::Quality::ZERO)
}

/// Whether the request has an `Accept` header that names this type.
pub(crate) fn prefers(request: &HttpRequest, wanted: &mime::Mime) -> bool {
    Accept::parse(request).is_ok_and(|accept| {
        accept
            .iter()
            .any(|range| range.item.essence_str() == wanted.essence_str() && range.quality > header::Quality::ZERO)
    })
}
