//! A route as it is stated once: its `#[utoipa::path]` attribute gives path, method and description, the handler
//! answers, and the error codes say what can go wrong. Registration with actix-web, the Allow header and the OpenAPI
//! document are all derived from it.

pub mod errors;

use std::collections::BTreeMap;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::guard::{self, Guard};
use actix_web::http::Method;
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, ServiceConfig};
use actix_web::{FromRequest, Handler, Responder, ResponseError as _};
use utoipa::openapi::extensions::{Extensions, ExtensionsBuilder};
use utoipa::openapi::path::{HttpMethod, Operation, PathItem};
use utoipa::openapi::{Components, OpenApi};

use crate::api::auth::check_scope;
use crate::api::{Caller, Scope, problems};
use crate::error::ErrorCode;

/// The methods that routes use, in the order in which the Allow header names them.
const METHODS: [(Method, HttpMethod); 5] = [
    (Method::GET, HttpMethod::Get),
    (Method::POST, HttpMethod::Post),
    (Method::PUT, HttpMethod::Put),
    (Method::PATCH, HttpMethod::Patch),
    (Method::DELETE, HttpMethod::Delete),
];

/// Makes a [`Route`] of a handler with a `#[utoipa::path]` attribute: `route!(list)`, `route!(upload::create)`.
macro_rules! route {
    ($($handler:ident)::+) => {{
        #[derive(utoipa::OpenApi)]
        #[openapi(paths($($handler)::+))]
        struct Described;
        $crate::api::route::Route::described(<Described as utoipa::OpenApi>::openapi(), $($handler)::+)
    }};
}
pub(crate) use route;

/// One method of one path.
pub struct Route {
    path: String,
    method: Method,
    /// The handlers. The first handler whose guards let a request through answers the request.
    handlers: Vec<actix_web::Route>,
    /// The scope that a caller needs.
    scope: Scope,
    /// The description; none for a route that is not part of the API.
    description: Option<Description>,
}

struct Description {
    operation: Operation,
    /// The schemas that the operation refers to.
    components: Components,
    errors: Vec<ErrorCode>,
}

/// A row of the table of routes.
#[cfg(test)]
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    pub path: String,
    pub method: String,
    pub operation: String,
    pub scope: Scope,
}

impl Route {
    /// A route of the API. [`route!`] calls it with a document that describes this one handler.
    pub fn described<H, A>(document: OpenApi, handler: H) -> Self
    where
        H: Handler<A>,
        A: FromRequest + 'static,
        H::Output: Responder + 'static,
    {
        let (path, item) = document.paths.paths.into_iter().next().expect("the attribute names a path");
        let (method, operation) = operation(item).expect("the attribute names one of METHODS");
        let errors = errors::implied(&path, &operation);
        let components = document.components.unwrap_or_default();
        let handlers = vec![accepting(&method).to(handler)];
        let scope = if errors::needs_key(&operation) { default_scope(&method) } else { Scope::Search };
        Self { path, method, handlers, scope, description: Some(Description { operation, components, errors }) }
    }

    /// A route to read something that is not part of the API: documentation and the page.
    pub fn undocumented<H, A>(path: &str, handler: H) -> Self
    where
        H: Handler<A>,
        A: FromRequest + 'static,
        H::Output: Responder + 'static,
    {
        let method = Method::GET;
        let (handlers, scope) = (vec![accepting(&method).to(handler)], Scope::Search);
        Self { path: path.to_owned(), handlers, method, scope, description: None }
    }

    /// Lets the last handler take only the requests that the guard lets through.
    pub fn when(mut self, guard: impl Guard + 'static) -> Self {
        if let Some(handler) = self.handlers.pop() {
            self.handlers.push(handler.guard(guard));
        }
        self
    }

    /// Adds a handler for the requests that those before it do not take.
    pub fn otherwise<H, A>(mut self, handler: H) -> Self
    where
        H: Handler<A>,
        A: FromRequest + 'static,
        H::Output: Responder + 'static,
    {
        self.handlers.push(accepting(&self.method).to(handler));
        self
    }

    /// Adds error codes to those that [`errors::implied`] finds in the description.
    pub fn errors<const N: usize>(mut self, sets: [&[ErrorCode]; N]) -> Self {
        if let Some(description) = &mut self.description {
            description.errors.extend(sets.into_iter().flatten());
        }
        self
    }

    /// Sets the scope that a caller needs, in place of the one that follows from the method.
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Adds the route to a document.
    pub fn describe(self, document: &mut OpenApi) {
        let Some(Description { mut operation, components, mut errors }) = self.description else { return };
        if errors::needs_key(&operation) {
            operation.extensions.get_or_insert_default().merge(required_scope(self.scope));
            errors.extend(errors::refusals(&self.method, self.scope));
        }
        operation.responses.responses.extend(errors::responses(&errors));
        for (method, described) in METHODS {
            if method == self.method {
                document.paths.add_path_operation(&self.path, vec![described], operation.clone());
            }
        }
        document.components.get_or_insert_default().schemas.extend(components.schemas);
    }

    /// Describes the route in the table of routes.
    #[cfg(test)]
    pub fn row(&self) -> Row {
        let operation = self.description.as_ref().and_then(|description| description.operation.operation_id.clone());
        let (path, method) = (self.path.clone(), self.method.to_string());
        Row { path, method, operation: operation.unwrap_or_default(), scope: self.scope }
    }
}

/// The scope of a method of the API: reading for GET and HEAD, and writing for the others.
fn default_scope(method: &Method) -> Scope {
    if *method == Method::GET || *method == Method::HEAD { Scope::Read } else { Scope::Write }
}

/// The name of the scope that a key needs, as an extension of an operation. Roles of a security requirement would say
/// the same, and would make generated clients demand a key where the server has none.
fn required_scope(scope: Scope) -> Extensions {
    ExtensionsBuilder::new().add("x-scope", scope.name()).build()
}

/// The operation of a path item that has one.
fn operation(item: PathItem) -> Option<(Method, Operation)> {
    let operations = [item.get, item.post, item.put, item.patch, item.delete];
    METHODS.into_iter().zip(operations).find_map(|((method, _), operation)| Some((method, operation?)))
}

/// Accepts requests of a method. GET implies HEAD, as RFC 9110 (section 9.1) asks of every server; the framework leaves
/// the body of the answer out.
fn accepting(method: &Method) -> actix_web::Route {
    if *method == Method::GET {
        web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
    } else {
        web::method(method.clone())
    }
}

/// Registers routes. A path answers every other method with 405 and the Allow header that RFC 9110 (section 15.5.6)
/// asks for.
pub fn register(routes: impl Iterator<Item = Route>, config: &mut ServiceConfig) {
    // Sorting by path puts a parameter after all words in its place ('{' is greater than every letter), so that
    // /images/known is not taken for an image.
    let mut paths: BTreeMap<String, Vec<Route>> = BTreeMap::new();
    for route in routes {
        paths.entry(route.path.clone()).or_default().push(route);
    }
    for (path, routes) in paths {
        let allow = allow(&routes);
        let resource =
            web::resource(path).default_service(web::to(move || problems::method_not_allowed(allow.clone())));
        let handlers = routes.into_iter().flat_map(|route| {
            let scope = route.scope;
            route
                .handlers
                .into_iter()
                .map(move |handler| handler.wrap(from_fn(move |request, next| scoped(scope, request, next))))
        });
        config.service(handlers.fold(resource, actix_web::Resource::route));
    }
}

/// Lets a request reach a handler when its caller has the scope.
async fn scoped(
    scope: Scope,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    match check_scope(&Caller::of(request.request()), scope) {
        Ok(()) => next.call(request).await,
        Err(error) => Ok(request.into_response(error.error_response())),
    }
}

/// The value of the Allow header of a path with these routes.
fn allow(routes: &[Route]) -> String {
    let mut names = Vec::new();
    for (method, _) in METHODS.iter().filter(|(method, _)| routes.iter().any(|route| route.method == *method)) {
        names.push(method.as_str());
        if *method == Method::GET {
            names.push("HEAD");
        }
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use actix_web::{App, HttpMessage as _, HttpResponse, test};

    use super::*;

    #[utoipa::path(get, path = "/things/{thing_id}", operation_id = "get_thing", responses((status = 200)))]
    async fn get() -> HttpResponse {
        HttpResponse::Ok().body("a thing")
    }

    #[utoipa::path(patch, path = "/things/{thing_id}", operation_id = "change_thing", responses((status = 200)))]
    async fn patch() -> HttpResponse {
        HttpResponse::Ok().body("plain")
    }

    async fn patch_otherwise() -> HttpResponse {
        HttpResponse::Ok().body("otherwise")
    }

    #[utoipa::path(get, path = "/things/newest", operation_id = "newest_thing", responses((status = 200)))]
    async fn newest() -> HttpResponse {
        HttpResponse::Ok().body("the newest")
    }

    fn routes() -> Vec<Route> {
        let guard = guard::Header("content-type", "text/plain");
        vec![route!(get), route!(patch).when(guard).otherwise(patch_otherwise), route!(newest)]
    }

    async fn answer(method: Method, path: &str, content_type: &str) -> (u16, String, String) {
        answer_to(Caller::without_key(None), method, path, content_type).await
    }

    async fn answer_to(caller: Caller, method: Method, path: &str, content_type: &str) -> (u16, String, String) {
        let app = test::init_service(App::new().configure(|config| register(routes().into_iter(), config))).await;
        let request = test::TestRequest::with_uri(path).method(method).insert_header(("content-type", content_type));
        let request = request.to_request();
        request.extensions_mut().insert(caller);
        let response = test::call_service(&app, request).await;
        let allow = response.headers().get("allow").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        let status = response.status().as_u16();
        let body = test::read_body(response).await;
        (status, allow, String::from_utf8_lossy(&body).into_owned())
    }

    #[actix_web::test]
    async fn a_word_in_a_path_goes_before_a_parameter() {
        assert_eq!(answer(Method::GET, "/things/newest", "").await.2, "the newest");
        assert_eq!(answer(Method::GET, "/things/7", "").await.2, "a thing");
    }

    #[actix_web::test]
    async fn the_first_handler_that_takes_a_request_answers_it() {
        assert_eq!(answer(Method::PATCH, "/things/7", "text/plain").await.2, "plain");
        assert_eq!(answer(Method::PATCH, "/things/7", "text/csv").await.2, "otherwise");
    }

    #[actix_web::test]
    async fn another_method_is_answered_with_those_that_the_path_takes() {
        let (status, allow, body) = answer(Method::DELETE, "/things/7", "").await;
        assert_eq!((status, allow.as_str()), (405, "GET, HEAD, PATCH"));
        assert!(body.contains("GET, HEAD, PATCH"), "{body}");
        assert_eq!(answer(Method::PATCH, "/things/newest", "").await.1, "GET, HEAD");
    }

    #[actix_web::test]
    async fn the_scope_of_a_route_follows_from_its_method_unless_it_is_set() {
        assert_eq!(route!(get).scope, Scope::Read);
        assert_eq!(route!(patch).scope, Scope::Write);
        assert_eq!(route!(get).scope(Scope::Search).scope, Scope::Search);
    }

    #[actix_web::test]
    async fn a_caller_without_the_scope_reaches_no_handler() {
        for (scope, method, status) in [
            (Scope::Search, Method::GET, 403),
            (Scope::Read, Method::GET, 200),
            (Scope::Read, Method::HEAD, 200),
            (Scope::Read, Method::PATCH, 403),
            (Scope::Write, Method::PATCH, 200),
            (Scope::Search, Method::DELETE, 405),
        ] {
            let caller = Caller { scope, ..Caller::without_key(None) };
            let found = answer_to(caller, method.clone(), "/things/7", "text/plain").await.0;
            assert_eq!(found, status, "{scope} {method}");
        }
    }

    #[actix_web::test]
    async fn head_is_answered_wherever_get_is() {
        assert_eq!(answer(Method::HEAD, "/things/7", "").await.0, 200);
    }
}
