//! Whether a request is let in: the name that it calls the server by, its key, its origin and its rate, in this order.

use std::net::IpAddr;

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::access::Scope;
use crate::api::auth::is_open;
use crate::api::metric_table::{KeyLabels, RefusedLabels};
use crate::api::throttle::RateState;
use crate::api::{Caller, Services};
use crate::error::ApiError;

/// The paths that probes ask. They tell nothing about the pictures, and a probe may use any name.
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// Names what a key may do, so that a program need not find out by being refused.
const X_KEY_SCOPE: HeaderName = HeaderName::from_static("x-key-scope");

/// The findings about a request at the gate.
pub struct Gate {
    /// The caller, as far as it is known.
    pub caller: Caller,
    rate: Option<RateState>,
}

impl Gate {
    /// A gate that has let nobody in yet.
    pub fn closed(address: IpAddr) -> Self {
        Self { caller: Caller { key: None, address, scope: Scope::Search }, rate: None }
    }

    /// Lets a request in, and counts one that stays out.
    ///
    /// # Errors
    /// The reason why the request stays out.
    pub fn admit(&mut self, services: &Services, request: &ServiceRequest) -> Result<(), ApiError> {
        self.check(services, request).inspect_err(|error| {
            let labels = RefusedLabels { reason: error.code().as_str() };
            services.metrics.refused.get_or_create(&labels).inc();
        })
    }

    fn check(&mut self, services: &Services, request: &ServiceRequest) -> Result<(), ApiError> {
        if !PROBES.contains(&request.path()) {
            services.hosts.check_name(request.request(), services.keys.has_keys())?;
        }
        self.caller = services.keys.check(request, self.caller.address)?;
        match &self.caller.key {
            None => services.hosts.check_origin(request.request())?,
            Some(name) => {
                let labels = KeyLabels { key: name.to_string() };
                services.metrics.key_requests.get_or_create(&labels).inc();
            }
        }
        if is_open(request.path()) {
            return Ok(());
        }
        let (outcome, rate) = services.rates.count(&self.caller.id());
        self.rate = rate;
        outcome
    }

    /// Writes what the caller may know into the headers of its answer.
    pub fn add_headers(&self, headers: &mut HeaderMap) {
        if self.caller.key.is_some() {
            headers.insert(X_KEY_SCOPE, HeaderValue::from_static(self.caller.scope.name()));
        }
        if let Some(rate) = self.rate {
            rate.write(headers);
        }
    }
}
