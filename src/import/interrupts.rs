//! Ctrl-C, and SIGTERM where there is one.

use tokio::sync::mpsc;

/// From now on signals come out here instead of ending the process.
#[cfg(unix)]
pub(super) fn listen() -> mpsc::Receiver<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (to, from) = mpsc::channel(1);
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        // Without a handler the signal ends the process, which the journal bears.
        let Ok(mut signals) = signal(kind) else { continue };
        let to = to.clone();
        tokio::spawn(async move { while signals.recv().await.is_some() && to.send(()).await.is_ok() {} });
    }
    from
}

/// From now on Ctrl-C comes out here instead of ending the process.
#[cfg(not(unix))]
pub(super) fn listen() -> mpsc::Receiver<()> {
    let (to, from) = mpsc::channel(1);
    tokio::spawn(async move { while tokio::signal::ctrl_c().await.is_ok() && to.send(()).await.is_ok() {} });
    from
}
