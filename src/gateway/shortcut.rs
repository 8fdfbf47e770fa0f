//! The way of the gateway's own service past tonic's router, which looks every path up in a tree, and boxes each future
//! and body once more. The router's own futures are large, and boxed here, so that no call of ours keeps room for one.

use std::task::{Context, Poll};

use futures_util::future::{BoxFuture, Either};
use http::Request;
use tonic::{body::Body, server::NamedService};
use tower::{Layer, Service};

/// The layer; what stands below it serves all that is not `service`'s.
#[derive(Clone)]
pub(super) struct ShortcutLayer<T> {
    service: T,
}

impl<T> ShortcutLayer<T> {
    pub(super) fn new(service: T) -> Self {
        Self { service }
    }
}

/// See [`ShortcutLayer`].
#[derive(Clone)]
pub(super) struct Shortcut<T, S> {
    service: T,
    others: S,
}

impl<T: Clone, S> Layer<S> for ShortcutLayer<T> {
    type Service = Shortcut<T, S>;

    fn layer(&self, others: S) -> Shortcut<T, S> {
        Shortcut { service: self.service.clone(), others }
    }
}

impl<T, S> Service<Request<Body>> for Shortcut<T, S>
where
    T: Service<Request<Body>> + NamedService,
    S: Service<Request<Body>, Response = T::Response, Error = T::Error>,
    S::Future: Send + 'static,
{
    type Response = T::Response;
    type Error = T::Error;
    type Future = Either<T::Future, BoxFuture<'static, Result<S::Response, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), T::Error>> {
        match self.service.poll_ready(cx) {
            Poll::Ready(Ok(())) => self.others.poll_ready(cx),
            not_ready => not_ready,
        }
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if is_of(T::NAME, request.uri().path()) {
            Either::Left(self.service.call(request))
        } else {
            Either::Right(Box::pin(self.others.call(request)))
        }
    }
}

/// Whether a path is `/` and the service's name, `/`, and a method.
fn is_of(service: &str, path: &str) -> bool {
    path.strip_prefix('/')
        .and_then(|path| path.strip_prefix(service))
        .and_then(|rest| rest.strip_prefix('/'))
        .is_some_and(|method| !method.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_services_own_methods_take_the_shortcut() {
        let name = "groupimport.v1.GroupImport";
        assert!(is_of(name, "/groupimport.v1.GroupImport/ImportGroup"));
        for other in [
            "/",
            "/groupimport.v1.GroupImport",
            "/groupimport.v1.GroupImport/",
            "/groupimport.v1.GroupImporter/ImportGroup",
            "groupimport.v1.GroupImport/ImportGroup",
            "/grpc.health.v1.Health/Check",
        ] {
            assert!(!is_of(name, other), "{other}");
        }
    }
}
