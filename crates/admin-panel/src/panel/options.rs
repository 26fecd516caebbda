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

/// Why an address cannot be the panel's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "write the address by which people open the panel, such as https://stage-exchange.example.com/, without a path of its own"
)]
pub struct NoPublicUrl;

impl PanelOptions {
    /// Takes the address that people use.
    ///
    /// # Errors
    /// When it is no `http` or `https` address of a host alone.
    pub fn set_public_url(&mut self, text: &str) -> Result<(), NoPublicUrl> {
        let url = Url::parse(text).map_err(|_| NoPublicUrl)?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.host().is_some()
            && url.username().is_empty()
            && url.password().is_none()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none();
        if !plain {
            return Err(NoPublicUrl);
        }
        self.public_url = Some(url);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_address_of_a_host_is_taken() {
        let mut options = PanelOptions::default();
        for wrong in [
            "",
            "panel.example",
            "ftp://panel.example/",
            "https://panel.example/path",
            "https://a:b@panel.example/",
            "https://panel.example/?x",
        ] {
            assert_eq!(options.set_public_url(wrong), Err(NoPublicUrl), "{wrong}");
        }
        for right in ["https://panel.example", "http://192.0.2.1:8450/"] {
            options.set_public_url(right).unwrap();
        }
    }
}
