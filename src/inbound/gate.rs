//! A tower layer of a plain function that looks at a request's head: it adds
//! what the layers below need, or refuses.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::{Either, Ready, ready};
use http::{Request, Response, request::Parts};
use tonic::body::Body;
use tower::{Layer, Service};

use crate::errors::Failure;

/// The layer; see the module's text.
pub struct GateLayer<F>(Arc<F>);

/// The function with what stands below it.
pub struct Gate<F, S> {
    check: Arc<F>,
    inner: S,
}

/// A layer that passes on what `check` lets through.
pub fn gate<F>(check: F) -> GateLayer<F>
where
    F: Fn(&mut Parts) -> Result<(), Failure>,
{
    GateLayer(Arc::new(check))
}

impl<F> Clone for GateLayer<F> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<F, S: Clone> Clone for Gate<F, S> {
    fn clone(&self) -> Self {
        Self { check: self.check.clone(), inner: self.inner.clone() }
    }
}

impl<F, S> Layer<S> for GateLayer<F> {
    type Service = Gate<F, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Gate { check: self.0.clone(), inner }
    }
}

impl<F, S> Service<Request<Body>> for Gate<F, S>
where
    F: Fn(&mut Parts) -> Result<(), Failure>,
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response<Body>, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        match (self.check)(&mut parts) {
            Ok(()) => Either::Left(self.inner.call(Request::from_parts(parts, body))),
            Err(failure) => Either::Right(ready(Ok(failure.to_status().into_http()))),
        }
    }
}
