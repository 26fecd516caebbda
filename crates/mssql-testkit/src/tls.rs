//! Encryption: a self-signed certificate, and TLS whose handshake travels inside PRELOGIN packets.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::codec::packet::{HEADER, header, kind};
use crate::error::{Error, ErrorKind};

/// The server's certificate and how it shakes hands.
pub(crate) struct Handshake {
    acceptor: TlsAcceptor,
    pem: String,
}

impl Handshake {
    /// Makes a self-signed certificate for localhost and 127.0.0.1.
    pub(crate) fn new() -> Result<Self, Error> {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let failed =
            |source: Box<dyn std::error::Error + Send + Sync>| Error::new(ErrorKind::Certificate, source);
        let made = rcgen::generate_simple_self_signed(names).map_err(|e| failed(e.into()))?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        // SQL Server up to 2019 speaks TLS 1.2 at most inside TDS 7.
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS12])
            .and_then(|builder| {
                builder
                    .with_no_client_auth()
                    .with_single_cert(vec![made.cert.der().clone()], key)
            })
            .map_err(|e| failed(e.into()))?;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            pem: made.cert.pem(),
        })
    }

    /// The certificate, for a client that is to trust it.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// Turns a plain stream into an encrypted one.
    pub(crate) async fn encrypt(&self, stream: &mut Stream) -> io::Result<()> {
        let Stream::Plain(mut inner) = std::mem::replace(stream, Stream::Gone) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        inner.wrapped = true;
        let mut tls = self.acceptor.accept(inner).await?;
        tls.get_mut().0.wrapped = false;
        *stream = Stream::Tls(Box::new(tls));
        Ok(())
    }
}

/// A connection, encrypted or not.
pub(crate) enum Stream {
    Plain(Wrapped),
    Tls(Box<TlsStream<Wrapped>>),
    /// Between the two.
    Gone,
}

impl Stream {
    pub(crate) fn plain(socket: TcpStream) -> Self {
        Self::Plain(Wrapped {
            socket,
            wrapped: false,
            head: Vec::new(),
            payload: 0,
            out: Vec::new(),
            sequence: 0,
        })
    }

    /// Leaves the encryption after the login, as clients and servers that encrypt only that do.
    pub(crate) fn decrypt(&mut self) {
        if let Self::Tls(tls) = std::mem::replace(self, Self::Gone) {
            *self = Self::Plain(tls.into_inner().0);
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(inner) => Pin::new(inner).poll_read(cx, buf),
            Self::Tls(inner) => Pin::new(inner).poll_read(cx, buf),
            Self::Gone => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(inner) => Pin::new(inner).poll_write(cx, data),
            Self::Tls(inner) => Pin::new(inner).poll_write(cx, data),
            Self::Gone => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(inner) => Pin::new(inner).poll_flush(cx),
            Self::Tls(inner) => Pin::new(inner).poll_flush(cx),
            Self::Gone => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(inner) => Pin::new(inner).poll_shutdown(cx),
            Self::Tls(inner) => Pin::new(inner).poll_shutdown(cx),
            Self::Gone => Poll::Ready(Ok(())),
        }
    }
}

/// A socket that, during the handshake, takes packet headers off what it reads and puts them on what it writes.
pub(crate) struct Wrapped {
    socket: TcpStream,
    wrapped: bool,
    /// Bytes of a header that came so far.
    head: Vec<u8>,
    /// Bytes of the current packet's payload that are still to come.
    payload: usize,
    out: Vec<u8>,
    sequence: u8,
}

impl AsyncRead for Wrapped {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.wrapped {
            return Pin::new(&mut this.socket).poll_read(cx, buf);
        }
        while this.payload == 0 {
            let mut space = [0u8; HEADER];
            let missing = HEADER - this.head.len();
            let mut part = ReadBuf::new(&mut space[..missing]);
            ready!(Pin::new(&mut this.socket).poll_read(cx, &mut part))?;
            if part.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.head.extend_from_slice(part.filled());
            if let [_, _, high, low, ..] = this.head[..]
                && this.head.len() == HEADER
            {
                this.payload = usize::from(u16::from_be_bytes([high, low])).saturating_sub(HEADER);
                this.head.clear();
            }
        }
        let room = this.payload.min(buf.remaining());
        let mut part = buf.take(room);
        ready!(Pin::new(&mut this.socket).poll_read(cx, &mut part))?;
        let filled = part.filled().len();
        buf.advance(filled);
        this.payload -= filled;
        Poll::Ready(Ok(()))
    }
}

impl Wrapped {
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            let sent = ready!(Pin::new(&mut self.socket).poll_write(cx, &self.out))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.out.drain(..sent);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wrapped {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        if !this.wrapped {
            return Pin::new(&mut this.socket).poll_write(cx, data);
        }
        let part = data.len().min(4096 - HEADER);
        this.sequence = this.sequence.wrapping_add(1);
        this.out
            .extend(header(kind::PRELOGIN, true, part, 0, this.sequence));
        this.out.extend(&data[..part]);
        Poll::Ready(Ok(part))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.socket).poll_shutdown(cx)
    }
}
