//! An optional ceiling for one caller, `max_calls_per_second`, kept by
//! `tower_governor`.
//!
//! It guards against a caller that runs wild; it never shapes an app's rate.
//! Its limiter (GCRA) lets bursts through and refuses instead of queueing, so
//! it could not: see [`crate::admission`]. Unary calls over the ceiling are
//! refused here; a stream's items wait for the same limiter where they are read.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use arc_swap::ArcSwap;
use futures_util::future::Either;
use governor::middleware::NoOpMiddleware;
use http::{Request, Response};
use tonic::body::Body;
use tower::{Layer, Service};
use tower_governor::{
    GovernorError, GovernorLayer,
    governor::{Governor, GovernorConfig, GovernorConfigBuilder},
    key_extractor::KeyExtractor,
};

use super::{Access, entry::Entry, tell_refused};
use crate::{
    callers::{Caller, Callers},
    errors::{CallError, Failure, Limit, NotSent, Reason},
    telemetry::Metrics,
};

/// How much of a second's calls may come at once.
const BURST_SHARE: u32 = 5;

type Config = GovernorConfig<ByCaller, NoOpMiddleware>;
type Guarded<S> = Governor<ByCaller, NoOpMiddleware, S, Body>;

/// The limiters of those callers that have a ceiling.
#[derive(Default)]
pub struct Guards(HashMap<Arc<str>, Guard>);

struct Guard {
    config: Arc<Config>,
    period: Duration,
    label: Arc<str>,
    metrics: Arc<Metrics>,
}

/// A governor key: the caller's name, whatever address it calls from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByCaller;

impl KeyExtractor for ByCaller {
    type Key = Arc<str>;

    fn extract<T>(&self, request: &Request<T>) -> Result<Arc<str>, GovernorError> {
        let caller = request.extensions().get::<Arc<Caller>>();
        caller.map(|caller| caller.name.clone()).ok_or(GovernorError::UnableToExtractKey)
    }
}

impl Guards {
    /// A limiter for each caller with a ceiling.
    pub fn new(callers: &Callers, metrics: &Arc<Metrics>) -> Self {
        let guard = |(caller, limit): (Arc<Caller>, NonZeroU32)| {
            let (name, label, metrics) = (caller.name.clone(), caller.label.clone(), metrics.clone());
            Some((name, Guard::new(limit, label, metrics)?))
        };
        Self(callers.ceilings().filter_map(guard).collect())
    }

    /// Waits until a caller's ceiling has room for one stream item.
    pub async fn wait(access: &ArcSwap<Access>, caller: &Caller) {
        let limiter = access.load().guards.0.get(&caller.name).map(|guard| guard.config.limiter().clone());
        if let Some(limiter) = limiter {
            limiter.until_key_ready(&caller.name).await;
        }
    }
}

impl Guard {
    fn new(limit: NonZeroU32, label: Arc<str>, metrics: Arc<Metrics>) -> Option<Self> {
        let period = Duration::from_secs(1) / limit.get();
        let config = GovernorConfigBuilder::default()
            .key_extractor(ByCaller)
            .period(period)
            .burst_size((limit.get() / BURST_SHARE).max(1))
            .finish()?;
        Some(Self { config: Arc::new(config), period, label, metrics })
    }

    fn layer(&self, entry: Option<Arc<Entry>>) -> GovernorLayer<ByCaller, NoOpMiddleware, Body> {
        // GCRA lets one call through each period, so that is when to come back;
        // the layer's own figure is in whole seconds.
        let retry_after = self.period;
        let (label, metrics) = (self.label.clone(), self.metrics.clone());
        GovernorLayer::new(self.config.clone()).error_handler(move |_| {
            let cause = NotSent::RateLimited { retry_after, limit: Limit::Guard };
            let failure = Failure::early(Reason::Call(CallError::NotSent(cause)));
            tell_refused(&metrics, entry.as_deref(), &label, &failure);
            failure.to_status().into_http()
        })
    }
}

/// Puts each caller with a ceiling behind its governor layer. Calls of
/// `streams`, a path, pass: their items are charged one by one.
#[derive(Clone)]
pub struct GuardLayer {
    access: Arc<ArcSwap<Access>>,
    streams: &'static str,
}

impl GuardLayer {
    /// See [`GuardLayer`].
    pub fn new(access: Arc<ArcSwap<Access>>, streams: &'static str) -> Self {
        Self { access, streams }
    }
}

/// What [`GuardLayer`] makes.
#[derive(Clone)]
pub struct GuardService<S> {
    layer: GuardLayer,
    inner: S,
}

impl<S> Layer<S> for GuardLayer {
    type Service = GuardService<S>;

    fn layer(&self, inner: S) -> GuardService<S> {
        GuardService { layer: self.clone(), inner }
    }
}

impl<S> Service<Request<Body>> for GuardService<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<S::Future, <Guarded<S> as Service<Request<Body>>>::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx) // tonic's routes are always ready, and so are their clones
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let access = self.layer.access.load();
        let caller = request.extensions().get::<Arc<Caller>>();
        let guard = caller.and_then(|caller| access.guards.0.get(&caller.name));
        match guard {
            Some(guard) if request.uri().path() != self.layer.streams => {
                let entry = request.extensions().get::<Arc<Entry>>().cloned();
                Either::Right(guard.layer(entry).layer(self.inner.clone()).call(request))
            }
            _ => Either::Left(self.inner.call(request)),
        }
    }
}
