//! The settings of a client.

use std::time::Duration;

use crate::retry::RetryPolicy;
use crate::webhook::WebhookUrl;

/// Where the portal is and how it may be called. The defaults are the limits of a portal in the vendor's cloud.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// The incoming webhook.
    pub webhook: WebhookUrl,
    /// How many requests a second the portal's bucket drains: 2, or 5 with the Enterprise plan. 0 stands for no
    /// limit, as on most self-hosted portals; else 0.001 to 1,000,000.
    pub requests_per_second: f64,
    /// How many requests fill the portal's bucket: 50, or 250 with the Enterprise plan. 1 to 1,000,000.
    pub burst: u32,
    /// How many seconds a method may run within ten minutes: 480 in the cloud. `None` or 0 stands for no limit.
    pub operating_limit_seconds: Option<f64>,
    /// How often and after which delays a call is tried again.
    pub retry: RetryPolicy,
    /// How long a connection may take to come up.
    pub connect_timeout: Duration,
    /// How long one request may take; the portal itself ends a request after 60 s.
    pub request_timeout: Duration,
    /// The largest answer taken, in bytes.
    pub max_body_bytes: usize,
    /// How many requests may be under way at the same time, at least 1. `None` stands for 16 where requests are limited, since
    /// the limit itself spares the portal, and for 4 where they are not.
    pub max_in_flight: Option<usize>,
    /// What the random parts of delays follow from; `None` takes the system's generator. For simulations, in which the
    /// same seed must lead to the same delays.
    pub jitter_seed: Option<u64>,
}

impl ClientConfig {
    /// The settings for a portal in the vendor's cloud.
    #[must_use]
    pub fn new(webhook: WebhookUrl) -> Self {
        Self {
            webhook,
            requests_per_second: 2.0,
            burst: 50,
            operating_limit_seconds: Some(480.0),
            retry: RetryPolicy::default(),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(70),
            max_body_bytes: 64 << 20,
            max_in_flight: None,
            jitter_seed: None,
        }
    }
}
