//! Makes a tower layer of a plain function `(request, next) -> future`.
//!
//! Below the layer the stack is shared, not copied, so that a request costs
//! one allocation a step, however deep the stack. Steps are functions that
//! return an `async move` block rather than `async fn`s: such a one keeps a
//! second copy of its arguments for as long as it runs, and a call waits in
//! all of them at once.

use std::{
    future::Future,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tower::{Layer, Service};

use super::call::Answer;
use crate::errors::CallError;

/// How a request to the stack ends.
pub type Outcome = Result<Answer, CallError>;

/// A request on its way down, boxed: a step keeps a pointer to what stands below it.
pub type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

type Run<R> = dyn Fn(R) -> Running + Send + Sync;

/// What stands below a step.
pub struct Next<R>(Arc<Run<R>>);

impl<R> Clone for Next<R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<R> Next<R> {
    /// The service that a stack begins with.
    pub fn new<S>(service: S) -> Self
    where
        S: Service<R, Response = Answer, Error = CallError> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        // No service here has a readiness of its own: what must wait, waits in `call`.
        Self(Arc::new(move |request| Box::pin(service.clone().call(request))))
    }

    /// Passes a request on.
    pub fn run(&self, request: R) -> Running {
        (self.0)(request)
    }
}

/// A layer that runs `step` for each request; see the module's text.
pub fn step<F, In, Out, Fut>(step: F) -> StepLayer<F, In, Out>
where
    F: Fn(In, Next<Out>) -> Fut,
    Fut: Future<Output = Outcome>,
{
    StepLayer { step: Arc::new(step), requests: PhantomData }
}

/// See [`step`].
pub struct StepLayer<F, In, Out> {
    step: Arc<F>,
    requests: PhantomData<fn(In) -> Out>,
}

/// A step with what stands below it.
pub struct Step<F, In, Out> {
    step: Arc<F>,
    next: Next<Out>,
    requests: PhantomData<fn(In)>,
}

impl<F, In, Out> Clone for StepLayer<F, In, Out> {
    fn clone(&self) -> Self {
        Self { step: self.step.clone(), requests: PhantomData }
    }
}

impl<F, In, Out> Clone for Step<F, In, Out> {
    fn clone(&self) -> Self {
        Self { step: self.step.clone(), next: self.next.clone(), requests: PhantomData }
    }
}

impl<S, F, In, Out> Layer<S> for StepLayer<F, In, Out>
where
    S: Service<Out, Response = Answer, Error = CallError> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    type Service = Step<F, In, Out>;

    fn layer(&self, inner: S) -> Self::Service {
        Step { step: self.step.clone(), next: Next::new(inner), requests: PhantomData }
    }
}

impl<F, In, Out, Fut> Service<In> for Step<F, In, Out>
where
    F: Fn(In, Next<Out>) -> Fut,
    Fut: Future<Output = Outcome>,
{
    type Response = Answer;
    type Error = CallError;
    type Future = Fut;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: In) -> Fut {
        (self.step)(request, self.next.clone())
    }
}
