//! A runtime of its own on a thread of its own, so that a test's paused clock or blocked thread does not stop the
//! server it talks to.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::error::{Error, ErrorKind};

/// How long a stop waits for connections that are busy; the listener is closed when it returns.
const LONGEST_STOP: Duration = Duration::from_secs(5);

/// A runtime that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Background {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    pub(crate) fn start(name: &str) -> Result<Self, Error> {
        let failed = |e: io::Error| Error::new(ErrorKind::Runtime, e);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name(name)
            .enable_all()
            .build()
            .map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                // Either a message or a dropped sender ends the runtime, and with it all its connections.
                let _ended = runtime.block_on(stopped);
                runtime.shutdown_timeout(LONGEST_STOP);
            })
            .map_err(failed)?;
        Ok(Self {
            handle,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the background thread of the test kit panicked");
        }
    }
}

/// A listener on 127.0.0.1, ready for tokio.
pub(crate) fn listen(port: u16) -> Result<(TcpListener, SocketAddr), Error> {
    let failed = |e: io::Error| Error::new(ErrorKind::Listen, e);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}
