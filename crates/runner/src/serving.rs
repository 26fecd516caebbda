//! The HTTP side as it is configured: where it listens, and with which panel.

use std::sync::Arc;

use admin_panel::{PanelOptions, WebOptions};

use crate::config::{Config, ConfigFailure};
use crate::panel::PanelDesk;

/// Where to listen and what to bear.
pub(crate) fn web_options(config: &Config) -> Result<WebOptions, ConfigFailure> {
    let address = |key: &str, text: &str| {
        text.parse().map_err(|_| {
            config.wrong(
                key,
                format!("{text:?} is no address to listen on; write one like 127.0.0.1:8450"),
            )
        })
    };
    let mut options = WebOptions::new(address("web.listen", &config.web.listen)?);
    options.application_token = config.web.application_token.clone();
    if let Some(text) = &config.web.metrics_listen {
        options.metrics_listen = Some(address("web.metrics_listen", text)?);
    }
    Ok(options)
}

/// How the panel behaves.
pub(crate) fn panel_options(config: &Config) -> Result<PanelOptions, ConfigFailure> {
    let mut options = PanelOptions::default();
    if let Some(text) = &config.web.public_url {
        options
            .set_public_url(text)
            .map_err(|error| config.wrong("web.public_url", error.to_string()))?;
    }
    options.trusted_proxies.clone_from(&config.web.trusted_proxies);
    Ok(options)
}

/// Refuses to serve a panel without a password where others than this machine reach it.
pub(crate) async fn check_password(
    config: &Config,
    options: &WebOptions,
    desk: &Arc<PanelDesk>,
) -> anyhow::Result<()> {
    if options.is_loopback() || desk.password_hash().await?.is_some() {
        return Ok(());
    }
    Err(config
        .wrong(
            "web.listen",
            format!(
                "others than this machine reach {}, and the admin panel has no password. Set one with `stage-exchange panel \
                 set-password` (or web.admin_password), listen on 127.0.0.1, or switch the panel off with web.panel = false",
                options.listen
            ),
        )
        .into())
}
