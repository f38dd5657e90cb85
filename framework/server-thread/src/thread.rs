//! A thread that serves.

use std::convert::Infallible;
use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};
use tracing::error;

/// A server in a thread of its own, which takes rules `R` by which requests fail; it ends when this is
/// dropped.
#[derive(Debug)]
pub struct ServerThread<R> {
    name: &'static str,
    stop: Option<oneshot::Sender<()>>,
    orders: mpsc::UnboundedSender<Ordered<R>>,
    /// Nothing is ever sent: the other end goes when the thread does.
    ended: mpsc::Receiver<Infallible>,
    thread: Option<JoinHandle<()>>,
}

/// The other end of a [`ServerThread`].
#[derive(Debug)]
pub struct Handle<R> {
    /// Comes when the server is to end.
    pub stopped: oneshot::Receiver<()>,
    /// What tests order.
    pub orders: mpsc::UnboundedReceiver<Ordered<R>>,
}

/// What a test orders.
#[derive(Debug)]
pub enum Order<R> {
    /// Let requests fail by a rule.
    Inject(R),
    /// Forget all rules.
    ClearFaults,
}

/// An order that somebody waits for.
#[derive(Debug)]
pub struct Ordered<R> {
    order: Order<R>,
    done: SyncSender<()>,
}

impl<R> Ordered<R> {
    /// Carries the order out, and says so.
    pub fn carry_out(self, how: impl FnOnce(Order<R>)) {
        how(self.order);
        // An error only says that nobody waits for it.
        let _ = self.done.send(());
    }
}

impl<R: Send + 'static> ServerThread<R> {
    /// Runs what serves, on a runtime in a new thread of this name.
    ///
    /// # Errors
    ///
    /// If the thread or the runtime cannot be started.
    pub fn start<S: Future<Output = io::Result<()>>>(
        name: &'static str,
        serve: impl FnOnce(Handle<R>) -> S + Send + 'static,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let (orders, ordered) = mpsc::unbounded_channel();
        let handle = Handle { stopped, orders: ordered };
        let (runs, ended) = mpsc::channel(1);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Dropped however this ends, by a panic too.
            let _runs = runs;
            if let Err(e) = runtime.block_on(serve(handle)) {
                error!("{name} stopped: {e}");
            }
        })?;
        Ok(Self { name, stop: Some(stop), orders, ended, thread: Some(thread) })
    }
}

impl<R> ServerThread<R> {
    /// Returns whether it still serves.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Waits until it serves no more.
    pub async fn ended(&mut self) {
        // Nothing can be received, so this returns once the thread is gone.
        let _ = self.ended.recv().await;
    }

    /// Gives an order, which is carried out when this returns. On a server that has ended it does
    /// nothing.
    pub fn order(&self, order: Order<R>) {
        let (done, is_done) = sync_channel(1);
        if self.orders.send(Ordered { order, done }).is_ok() {
            // An error only says that the server has ended.
            let _ = is_done.recv();
        }
    }

    /// Ends it at once, and waits for that.
    pub fn end(&mut self) {
        if let Some(stop) = self.stop.take() {
            // An error only says that the thread has ended already.
            let _ = stop.send(());
        }
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            error!("the thread of {} panicked", self.name);
        }
    }
}

impl<R> Drop for ServerThread<R> {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(future)
    }

    fn start<S: Future<Output = io::Result<()>>>(
        serve: impl FnOnce(Handle<u32>) -> S + Send + 'static,
    ) -> ServerThread<u32> {
        ServerThread::start("for-a-test", serve).unwrap()
    }

    #[test]
    fn the_end_of_the_thread_is_seen_however_it_ends() {
        let mut failed = start(|_| async { Err(io::Error::other("for a test")) });
        let mut panicked = start(|_| async { panic!("for a test") });
        for server in [&mut failed, &mut panicked] {
            block_on(server.ended());
            // Once more is no harm.
            block_on(server.ended());
        }
        // The thread says so as the last thing it does, and is about to end.
        while failed.is_running() || panicked.is_running() {
            std::thread::yield_now();
        }
        failed.order(Order::ClearFaults);
    }

    #[test]
    fn one_that_serves_is_running_and_carries_out_orders() {
        let (told, tells) = std::sync::mpsc::channel();
        let mut server = start(move |mut handle| async move {
            loop {
                tokio::select! {
                    _ = &mut handle.stopped => return Ok(()),
                    Some(ordered) = handle.orders.recv() => ordered.carry_out(|order| {
                        told.send(format!("{order:?}")).unwrap();
                    }),
                }
            }
        });
        block_on(async {
            let moment = Duration::from_millis(20);
            tokio::time::timeout(moment, server.ended()).await.unwrap_err();
        });
        assert!(server.is_running());
        server.order(Order::Inject(7));
        server.order(Order::ClearFaults);
        assert_eq!(tells.try_iter().collect::<Vec<_>>(), ["Inject(7)", "ClearFaults"]);
        server.end();
        assert!(!server.is_running());
    }
}
