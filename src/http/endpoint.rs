use actix_web::{
    FromRequest, Handler, HttpResponse, Resource, Responder, guard,
    http::{Method, header},
    web::{self, ServiceConfig},
};

use super::{code::Code, problem::Problem};

/// A path and its methods. `HEAD` answers as `GET` does without the body, `OPTIONS` tells the methods,
/// and any other method is a 405 that tells them too (RFC 9110, sections 9.3.2, 9.3.7 and 15.5.6).
pub(super) struct Endpoint {
    resource: Resource,
    methods: Vec<Method>,
}

pub(super) fn endpoint(path: &str) -> Endpoint {
    Endpoint { resource: web::resource(path), methods: Vec::new() }
}

impl Endpoint {
    pub(super) fn get<F, Args>(mut self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let get_or_head = guard::Any(guard::Get()).or(guard::Head());
        self.methods.extend([Method::GET, Method::HEAD]);
        self.resource = self.resource.route(web::route().guard(get_or_head).to(handler));
        self
    }

    pub(super) fn post<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.on(Method::POST, handler)
    }

    fn on<F, Args>(mut self, method: Method, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.methods.push(method.clone());
        self.resource = self.resource.route(web::method(method).to(handler));
        self
    }

    pub(super) fn register(mut self, config: &mut ServiceConfig) {
        self.methods.push(Method::OPTIONS);
        let allow = self.methods.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        let tell = allow.clone();
        let options = move || {
            let response = HttpResponse::NoContent().insert_header((header::ALLOW, tell.as_str())).finish();
            async move { response }
        };
        let refuse = move || {
            let detail = format!("This path allows {allow}.");
            let problem = Problem { allow: Some(allow.clone()), ..Problem::new(Code::MethodNotAllowed, detail) };
            async move { Err::<HttpResponse, _>(problem) }
        };
        let resource = self.resource.route(web::method(Method::OPTIONS).to(options));
        config.service(resource.default_service(web::to(refuse)));
    }
}
