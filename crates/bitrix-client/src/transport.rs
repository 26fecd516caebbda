//! The way to the portal: one POST, one answer.
//!
//! [`Transport`] is a seam: the client's limits and retries are above it, so a simulation can take the place of
//! [`HttpTransport`] and see exactly what a portal would.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use secrecy::{ExposeSecret, SecretString};

use crate::webhook::WebhookUrl;

/// Sends one request and brings its answer, whatever the status.
///
/// # Contract
/// - One call is one request at most: no retries, no following of redirects.
/// - `Ok` means that status and the whole body arrived; a body that ends early is an error.
/// - A dropped future may or may not have reached the portal.
/// - Nothing the implementation prints or returns holds the URL's secret.
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Posts the request's JSON body to its URL.
    ///
    /// # Errors
    /// When no complete answer came.
    async fn post(&self, request: TransportRequest) -> Result<TransportResponse, TransportError>;
}

/// One request to the portal.
#[derive(Clone)]
pub struct TransportRequest {
    /// Where the portal is.
    pub webhook: WebhookUrl,
    /// The REST method, for example `batch`.
    pub method: String,
    /// The parameters, as JSON.
    pub body: Bytes,
}

impl TransportRequest {
    /// The whole URL: a credential.
    #[must_use]
    pub fn url(&self) -> SecretString {
        self.webhook.method_url(&self.method)
    }
}

/// Shows the size of the body, not its contents: parameters may be credentials.
impl fmt::Debug for TransportRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportRequest")
            .field("webhook", &self.webhook)
            .field("method", &self.method)
            .field("bytes", &self.body.len())
            .finish()
    }
}

/// A complete answer.
#[derive(Clone)]
pub struct TransportResponse {
    /// The HTTP status.
    pub status: u16,
    /// The `Retry-After` header, as sent.
    pub retry_after: Option<String>,
    /// The body, decompressed.
    pub body: Bytes,
}

impl TransportResponse {
    /// An answer of a status and a body, without headers.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            retry_after: None,
            body: body.into(),
        }
    }
}

/// Shows the size of the body, not its contents.
impl fmt::Debug for TransportResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportResponse")
            .field("status", &self.status)
            .field("retry_after", &self.retry_after)
            .field("bytes", &self.body.len())
            .finish()
    }
}

/// Why no complete answer came.
#[derive(Debug, thiserror::Error)]
#[error("{}", kind.describe())]
pub struct TransportError {
    kind: TransportErrorKind,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The ways of getting no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// No connection: name not found, refused, no trust in the certificate.
    Connect,
    /// The answer took longer than the time-out.
    Timeout,
    /// The connection broke before the answer was complete.
    Broken,
    /// The body is larger than allowed.
    TooLarge,
}

impl TransportErrorKind {
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Connect => "no connection to the portal (name, port, network, certificate)",
            Self::Timeout => "the portal did not answer in time",
            Self::Broken => "the connection broke before the answer was complete",
            Self::TooLarge => "the answer is larger than allowed",
        }
    }
}

impl TransportError {
    /// An error of a kind without a cause of its own.
    #[must_use]
    pub fn new(kind: TransportErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> TransportErrorKind {
        self.kind
    }

    pub(crate) fn into_source(self) -> Option<Box<dyn std::error::Error + Send + Sync>> {
        self.source
    }

    fn from_reqwest(error: reqwest::Error) -> Self {
        let kind = if error.is_timeout() {
            TransportErrorKind::Timeout
        } else if error.is_connect() {
            TransportErrorKind::Connect
        } else {
            TransportErrorKind::Broken
        };
        // The URL is a credential, and reqwest prints it.
        Self {
            kind,
            source: Some(Box::new(error.without_url())),
        }
    }
}

/// An answer of 50 full pages has about half as many bytes.
const USUAL_BYTES: usize = 1 << 20;

/// Settings of [`HttpTransport`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HttpOptions {
    /// How long a connection may take to come up. 10 s by default.
    pub connect_timeout: Duration,
    /// How long a request may take in all. 70 s by default: the portal itself ends a request after 60 s.
    pub request_timeout: Duration,
    /// The largest body taken, in bytes after decompression. 64 MiB by default.
    pub max_body_bytes: usize,
    /// Whether the proxy of the environment (`HTTPS_PROXY` and its kin) is used. On by default.
    pub use_environment_proxy: bool,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(70),
            max_body_bytes: 64 << 20,
            use_environment_proxy: true,
        }
    }
}

/// HTTP over reqwest: kept-alive connections, gzip, TLS with the system's roots.
#[derive(Clone)]
pub struct HttpTransport {
    http: reqwest::Client,
    max_body_bytes: usize,
}

impl HttpTransport {
    /// Builds the transport.
    ///
    /// # Errors
    /// When TLS cannot be set up on this machine.
    pub fn new(options: &HttpOptions) -> Result<Self, TransportError> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(options.connect_timeout)
            .timeout(options.request_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .gzip(true)
            .user_agent(concat!("stage-exchange/", env!("CARGO_PKG_VERSION")));
        if !options.use_environment_proxy {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(TransportError::from_reqwest)?;
        Ok(Self {
            http,
            max_body_bytes: options.max_body_bytes,
        })
    }
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport")
            .field("max_body_bytes", &self.max_body_bytes)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn post(&self, request: TransportRequest) -> Result<TransportResponse, TransportError> {
        let mut response = self
            .http
            .post(request.url().expose_secret())
            .header(reqwest::header::CONTENT_TYPE, "application/json")
            .header(reqwest::header::ACCEPT, "application/json")
            .body(request.body)
            .send()
            .await
            .map_err(TransportError::from_reqwest)?;
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(reqwest::header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);

        // What is announced may be a lie: no more than a usual answer is made room for.
        let announced = response.content_length().and_then(|bytes| bytes.try_into().ok());
        let mut body = BytesMut::with_capacity(announced.unwrap_or(0).min(USUAL_BYTES));
        while let Some(chunk) = response.chunk().await.map_err(TransportError::from_reqwest)? {
            // Counted here and not by Content-Length: that one is of the compressed body, and may lie.
            if body.len().saturating_add(chunk.len()) > self.max_body_bytes {
                return Err(TransportError::new(TransportErrorKind::TooLarge));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(TransportResponse {
            status,
            retry_after,
            body: body.freeze(),
        })
    }
}
