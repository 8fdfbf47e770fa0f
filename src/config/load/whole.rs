//! What concerns several sections: who could reach the port, and how.

use super::callers::CallersRead;
use super::server::ServerRead;
use super::source::Source;

/// Notes what is unsafe about serving these callers there.
pub(super) fn check(source: &Source<'_>, read: &ServerRead, callers: &CallersRead) {
    if !read.server.listen.is_network() {
        return;
    }
    if callers.is_empty {
        let problem = "anyone who can reach the port could import groups: \
                       configure [[callers]], or listen on loopback or a socket";
        source.fault(read.listen.clone(), "server.listen", problem);
    }
    if let Some((place, key)) = &callers.token
        && !read.has_tls
        && !read.server.plaintext
    {
        let problem = format!(
            "tokens would cross the network in the clear to {}: configure [server.tls], or set \
             `server.plaintext = true` where a mesh encrypts",
            read.server.listen
        );
        source.fault(place.clone(), key, problem);
    }
}
