//! The URLs of one app. A URL is read once a signature, which lives for hours; a request's own is a copy of it, with
//! a fresh `random` at its end.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use reqwest::Url;
use zeroize::{Zeroize as _, Zeroizing};

use crate::{credentials::Signed, outbound::call::Command};

pub(super) struct Urls {
    base_url: Box<str>,
    /// The one used last: nearly all requests are one command's.
    last: ArcSwapOption<Known>,
}

struct Known {
    command: &'static Command,
    signature: Arc<Signed>,
    /// There until it is dropped.
    url: Option<Url>,
}

impl Urls {
    pub(super) fn new(base_url: &str) -> Self {
        Self { base_url: base_url.into(), last: ArcSwapOption::empty() }
    }

    /// The URL of one request; none if the base URL is no URL, which a checked configuration rules out.
    pub(super) fn fresh(&self, command: &'static Command, signature: &Arc<Signed>) -> Option<Url> {
        let mut url = self.signed(command, signature)?;
        let random = rand::random::<u32>();
        url.query_pairs_mut().append_pair("random", itoa::Buffer::new().format(random));
        Some(url)
    }

    fn signed(&self, command: &'static Command, signature: &Arc<Signed>) -> Option<Url> {
        let last = self.last.load();
        match &*last {
            Some(last) if last.is_of(command, signature) => last.url.clone(),
            _ => {
                let parts = [&*self.base_url, "/v4/", command.service, "/", command.name, "?", signature.query()];
                // In one allocation, of the length that it has in the end: growing would leave copies of the UserSig.
                let url = Url::parse(&Zeroizing::new(parts.concat())).ok()?;
                let known = Known { command, signature: signature.clone(), url: Some(url.clone()) };
                self.last.store(Some(Arc::new(known)));
                Some(url)
            }
        }
    }
}

impl Known {
    fn is_of(&self, command: &'static Command, signature: &Arc<Signed>) -> bool {
        std::ptr::eq(self.command, command) && Arc::ptr_eq(&self.signature, signature)
    }
}

impl Drop for Known {
    /// The UserSig is in it.
    fn drop(&mut self) {
        if let Some(url) = self.url.take() {
            String::from(url).zeroize();
        }
    }
}
