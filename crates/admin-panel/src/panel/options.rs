//! What the panel is told when it starts.

use std::net::IpAddr;
use std::time::Duration;

use url::Url;

/// How the panel behaves. Make one with [`PanelOptions::default`] and change what should differ.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PanelOptions {
    /// The address that people use, when a proxy stands in front: `https://panel.example/`.
    pub public_url: Option<Url>,
    /// Addresses of proxies whose `X-Forwarded-Proto` and `X-Forwarded-For` are believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// How long a session lasts without a page being opened. 8 h.
    pub session_idle: Duration,
    /// How long a session lasts in all. 24 h.
    pub session_whole: Duration,
    /// How often an open page refreshes its figures. 3 s.
    pub refresh: Duration,
}

impl Default for PanelOptions {
    fn default() -> Self {
        Self {
            public_url: None,
            trusted_proxies: Vec::new(),
            session_idle: Duration::from_secs(8 * 3600),
            session_whole: Duration::from_secs(24 * 3600),
            refresh: Duration::from_secs(3),
        }
    }
}
