//! How many calls may be under way, all together and for each who calls.
//!
//! Memory is what a call costs however long it waits, so there are only so
//! many places; a stream's items take some too, all but one of them. No caller
//! takes more of them than it leaves free: one alone has half, two that want
//! all have a third each, and whoever comes next finds room, whatever the
//! others do. Calls that need no caller (health,
//! reflection) are bounded on each connection instead, so that strangers take
//! no caller's place and none another stranger's.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use tonic::{Status, body::Body};
use tower::{Layer, Service};

use super::{entry::Entry, peer::Peer, tell_refused};
use crate::{
    callers::Caller,
    errors::{CallError, Failure, Limit, NotSent, Reason},
    telemetry::Metrics,
};

/// Health and reflection on one connection. A client needs one or two; a proxy
/// brings those of many clients on one.
pub const OPEN_CALLS: usize = 64;
/// Until then some calls have ended in all likelihood.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The layer.
#[derive(Clone)]
pub struct PlacesLayer {
    places: Arc<Places>,
    metrics: Arc<Metrics>,
}

/// The layer over a service.
#[derive(Clone)]
pub struct Placed<S> {
    layer: PlacesLayer,
    inner: S,
}

impl PlacesLayer {
    /// So many places for callers; refusals are counted in `metrics`.
    pub fn new(most: usize, metrics: Arc<Metrics>) -> Self {
        Self { places: Arc::new(Places { most, taken: Mutex::default() }), metrics }
    }

    /// A place for a request, or why there is none.
    fn place(&self, request: &Request<Body>) -> Result<Option<Place>, Failure> {
        let caller = request.extensions().get::<Arc<Caller>>();
        let who = match (caller, request.extensions().get::<Peer>()) {
            (Some(caller), _) => Who::Caller(caller.name.clone()),
            (None, Some(peer)) => Who::Connection(Arc::as_ptr(&peer.activity).addr()),
            (None, None) => return Ok(None),
        };
        if let Some(place) = self.places.take(who) {
            return Ok(Some(place));
        }
        let cause = NotSent::RateLimited { retry_after: RETRY_AFTER, limit: Limit::Places };
        let failure = Failure::early(Reason::Call(CallError::NotSent(cause)));
        if let Some(caller) = caller {
            let entry = request.extensions().get::<Arc<Entry>>();
            tell_refused(&self.metrics, entry.map(|entry| &**entry), &caller.label, &failure);
        }
        Err(failure)
    }
}

impl<S> Layer<S> for PlacesLayer {
    type Service = Placed<S>;

    fn layer(&self, inner: S) -> Placed<S> {
        Placed { layer: self.clone(), inner }
    }
}

impl<S> Service<Request<Body>> for Placed<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let place = match self.layer.place(&request) {
            Ok(place) => place,
            Err(failure) => return Box::pin(std::future::ready(Ok(failure.to_status().into_http()))),
        };
        if let Some(place) = &place {
            request.extensions_mut().insert(More { places: place.places.clone(), who: place.who.clone() });
        }
        let answering = self.inner.call(request);
        // A call is under way until its answer is read, or nobody wants it any more.
        Box::pin(async move { Ok(answering.await?.map(|body| Body::new(Held { body, _place: place }))) })
    }
}

/// Who takes a place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    /// A caller, by name.
    Caller(Arc<str>),
    /// Somebody on this connection: the address of what calls on it share.
    Connection(usize),
}

/// The places.
struct Places {
    most: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    by_callers: usize,
    by: HashMap<Who, usize>,
}

/// A place, until this is dropped.
pub struct Place {
    places: Arc<Places>,
    who: Who,
}

/// Where one who has a place takes more of them.
#[derive(Clone)]
pub struct More {
    places: Arc<Places>,
    who: Who,
}

impl More {
    /// Another place, if there is one.
    pub fn take(&self) -> Option<Place> {
        self.places.take(self.who.clone())
    }
}

impl Places {
    fn take(self: &Arc<Self>, who: Who) -> Option<Place> {
        let mut taken = self.taken();
        let own = taken.by.get(&who).copied().unwrap_or(0);
        let most = match &who {
            Who::Caller(_) => self.most - taken.by_callers,
            Who::Connection(_) => OPEN_CALLS,
        };
        if own >= most {
            return None;
        }
        taken.by_callers += usize::from(matches!(who, Who::Caller(_)));
        taken.by.insert(who.clone(), own + 1);
        Some(Place { places: self.clone(), who })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.by_callers -= usize::from(matches!(self.who, Who::Caller(_)));
        match taken.by.get_mut(&self.who) {
            Some(own) if *own > 1 => *own -= 1,
            // Nobody who is gone is remembered.
            _ => drop(taken.by.remove(&self.who)),
        }
    }
}

/// An answer with the place of its call.
struct Held {
    body: Body,
    _place: Option<Place>,
}

impl http_body::Body for Held {
    type Data = bytes::Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Status>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(most: usize) -> Arc<Places> {
        Arc::new(Places { most, taken: Mutex::default() })
    }

    fn caller(name: &str) -> Who {
        Who::Caller(name.into())
    }

    /// Takes until there is none left.
    fn take_all(places: &Arc<Places>, who: &Who) -> Vec<Place> {
        std::iter::from_fn(|| places.take(who.clone())).collect()
    }

    #[test]
    fn whoever_takes_all_it_can_get_leaves_as_much_to_others() {
        let places = places(96);
        let first = take_all(&places, &caller("a"));
        assert_eq!(first.len(), 48);
        let second = take_all(&places, &caller("b"));
        assert_eq!(second.len(), 24);
        assert_eq!(take_all(&places, &caller("c")).len(), 12);
        drop(first);
        // What one gives back the others may share.
        let more = take_all(&places, &caller("b"));
        assert_eq!(second.len() + more.len(), 48);
    }

    #[test]
    fn two_that_want_all_come_to_a_third_each() {
        let places = places(90);
        let mut held: [Vec<Place>; 2] = Default::default();
        for round in 0..1_000 {
            let own = &mut held[round % 2];
            own.extend(places.take(caller(["a", "b"][round % 2])));
        }
        assert_eq!(held.map(|own| own.len()), [30, 30]);
    }

    #[test]
    fn strangers_are_bounded_on_each_connection_and_take_no_caller_s_place() {
        let places = places(10);
        let held: Vec<_> = (0..20).map(|connection| take_all(&places, &Who::Connection(connection))).collect();
        assert!(held.iter().all(|held| held.len() == OPEN_CALLS));
        assert_eq!(take_all(&places, &caller("a")).len(), 5);
    }

    #[test]
    fn nobody_who_is_gone_is_remembered() {
        let places = places(10);
        drop((take_all(&places, &caller("a")), take_all(&places, &Who::Connection(1))));
        let taken = places.taken();
        assert!(taken.by.is_empty() && taken.by_callers == 0);
    }
}
