//! A TCP stream whose end can be noticed while it lies in the pool.
//!
//! The driver owns the stream of its connection and shows it to nobody. So the stream is shared: the driver reads and
//! writes, and [`Pulse`] looks whether the other side has hung up, without a round trip.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::io::{AsyncRead, AsyncWrite};
use socket2::SockRef;
use tokio::net::TcpStream;

/// The driver's half of a shared stream.
#[derive(Debug)]
pub(crate) struct Wire(Arc<TcpStream>);

/// Our half of a shared stream.
#[derive(Debug)]
pub(crate) struct Pulse(Arc<TcpStream>);

impl Wire {
    /// Shares a stream.
    pub(crate) fn share(stream: TcpStream) -> (Self, Pulse) {
        let stream = Arc::new(stream);
        (Self(Arc::clone(&stream)), Pulse(stream))
    }
}

impl Pulse {
    /// Whether an idle connection is still open, as far as this machine knows. Bytes that nobody asked for (a closing
    /// message of TLS, an error the server sends before it hangs up) mean that it is not.
    ///
    /// The socket itself is asked: the runtime may not have looked at it since the connection lay down.
    pub(crate) fn beats(&self) -> bool {
        let looked = SockRef::from(&*self.0).peek(&mut [MaybeUninit::uninit()]);
        matches!(looked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_read_ready(cx))?;
            match self.0.try_read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(cx))?;
            match self.0.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Nothing to do: the stream closes when both halves are dropped.
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (Pulse, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (theirs, _) = listener.accept().await.unwrap();
        (Wire::share(ours).1, theirs)
    }

    async fn until_readable(pulse: &Pulse) {
        pulse.0.readable().await.unwrap();
    }

    #[tokio::test]
    async fn an_open_stream_beats() {
        let (pulse, _theirs) = pair().await;
        assert!(pulse.beats());
    }

    #[tokio::test]
    async fn a_stream_that_the_other_side_closed_does_not_beat() {
        let (pulse, theirs) = pair().await;
        drop(theirs);
        until_readable(&pulse).await;
        assert!(!pulse.beats());
    }

    #[tokio::test]
    async fn a_stream_with_unasked_bytes_does_not_beat() {
        let (pulse, mut theirs) = pair().await;
        theirs.write_all(b"bye").await.unwrap();
        until_readable(&pulse).await;
        assert!(!pulse.beats());
    }
}
