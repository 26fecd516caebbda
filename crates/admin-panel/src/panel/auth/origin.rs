//! Where a request comes from: the host that it asks for, the page that it was sent by, and the address behind a proxy.

use std::net::IpAddr;

use axum::http::{HeaderMap, Uri, header};
use url::{Host, Url};

/// What is known of the ways to the panel.
#[derive(Debug, Clone)]
pub(crate) struct Ways {
    /// Whether only this machine reaches the address.
    pub(crate) loopback: bool,
    /// The address that people use, when it is another.
    pub(crate) public_url: Option<Url>,
    /// Proxies whose headers are believed.
    pub(crate) trusted_proxies: Vec<IpAddr>,
}

/// The connection's other side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

impl Ways {
    /// The host that a request asks for, with its port, when it is one that this panel answers for.
    ///
    /// A name that a stranger owns may be made to point to this machine, and a page under that name would then be of one origin
    /// with the panel. So a panel that only this machine reaches answers for this machine's own names alone.
    pub(crate) fn host(&self, headers: &HeaderMap, uri: &Uri) -> Option<String> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = match (hosts.next(), hosts.next()) {
            (Some(host), None) => host.to_str().ok()?.to_owned(),
            (None, _) => uri.authority()?.as_str().to_owned(),
            _ => return None,
        };
        let name = Url::parse(&format!("http://{host}/")).ok()?;
        if !name.username().is_empty() || name.path() != "/" {
            return None;
        }
        let public = self.public_url.as_ref();
        if public.is_some_and(|public| public.host() == name.host()) {
            return Some(host);
        }
        let answers = match name.host()? {
            Host::Domain(name) => is_local(name) || (!self.loopback && public.is_none()),
            Host::Ipv4(address) => address.is_loopback() || !self.loopback,
            Host::Ipv6(address) => address.is_loopback() || !self.loopback,
        };
        answers.then_some(host)
    }

    /// Whether the browser speaks TLS with whoever is in front of us.
    pub(crate) fn is_secure(&self, headers: &HeaderMap, host: &str, peer: Option<IpAddr>) -> bool {
        if self.trusts(peer) && last(headers, "x-forwarded-proto").is_some() {
            return last(headers, "x-forwarded-proto")
                .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
        }
        let asked = Url::parse(&format!("http://{host}/")).ok();
        self.public_url.as_ref().is_some_and(|public| {
            public.scheme() == "https" && asked.is_some_and(|asked| asked.host() == public.host())
        })
    }

    /// The address that a request comes from.
    pub(crate) fn client(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> IpAddr {
        let forwarded = || last(headers, "x-forwarded-for")?.parse::<IpAddr>().ok();
        let peer_or_nobody = peer.unwrap_or(IpAddr::from([0, 0, 0, 0]));
        match self.trusts(peer) {
            true => forwarded().unwrap_or(peer_or_nobody),
            false => peer_or_nobody,
        }
    }

    fn trusts(&self, peer: Option<IpAddr>) -> bool {
        peer.is_some_and(|peer| self.trusted_proxies.contains(&peer.to_canonical()))
    }
}

/// Whether a change was sent by a page of the panel itself, as far as the browser says.
pub(crate) fn is_own(headers: &HeaderMap, host: &str) -> bool {
    if let Some(origin) = headers.get(header::ORIGIN) {
        let origin = origin.to_str().ok().and_then(|origin| Url::parse(origin).ok());
        let own = |scheme: &str| Url::parse(&format!("{scheme}://{host}/")).ok();
        return origin
            .is_some_and(|origin| own(origin.scheme()).is_some_and(|own| own.origin() == origin.origin()));
    }
    match headers.get("sec-fetch-site").map(|site| site.as_bytes()) {
        None => true,
        Some(site) => site == b"same-origin" || site == b"none",
    }
}

fn is_local(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}

/// The last entry of a list header: what the nearest proxy has added.
fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    Some(value.rsplit(',').next()?.trim()).filter(|entry| !entry.is_empty())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn ways(loopback: bool, public: Option<&str>) -> Ways {
        Ways {
            loopback,
            public_url: public.map(|url| Url::parse(url).unwrap()),
            trusted_proxies: vec![IpAddr::from([10, 0, 0, 1])],
        }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_panel_of_this_machine_answers_for_this_machines_names_alone() {
        let answers = |ways: &Ways, host: &str| {
            ways.host(&headers(&[("host", host)]), &Uri::from_static("/"))
                .is_some()
        };
        let own = ways(true, None);
        for host in [
            "localhost",
            "localhost:8450",
            "127.0.0.1:8450",
            "[::1]:8450",
            "panel.localhost",
        ] {
            assert!(answers(&own, host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:8450",
            "192.0.2.1",
            "localhost.evil.example",
            "a@localhost",
            "",
        ] {
            assert!(!answers(&own, host), "{host}");
        }
        let public = ways(true, Some("https://panel.example/"));
        assert!(answers(&public, "panel.example") && answers(&public, "127.0.0.1"));
        assert!(!answers(&public, "evil.example"));
        let reachable = ways(false, None);
        assert!(answers(&reachable, "any.example") && answers(&reachable, "192.0.2.1:8450"));
        let named = ways(false, Some("https://panel.example/"));
        assert!(answers(&named, "panel.example") && answers(&named, "192.0.2.1:8450"));
        assert!(!answers(&named, "evil.example"));
        let two = headers(&[("host", "localhost"), ("host", "evil.example")]);
        assert_eq!(own.host(&two, &Uri::from_static("/")), None);
    }

    #[test]
    fn a_change_from_another_page_is_told_by_its_origin() {
        let own = |pairs: &[(&'static str, &str)]| is_own(&headers(pairs), "127.0.0.1:8450");
        assert!(own(&[]));
        assert!(own(&[("origin", "http://127.0.0.1:8450")]));
        assert!(own(&[("sec-fetch-site", "same-origin")]));
        assert!(own(&[("sec-fetch-site", "none")]));
        for origin in [
            "http://evil.example",
            "http://127.0.0.1:8451",
            "http://localhost:8450",
            "null",
            "x",
        ] {
            assert!(!own(&[("origin", origin)]), "{origin}");
        }
        assert!(!own(&[("sec-fetch-site", "cross-site")]));
        assert!(!own(&[("sec-fetch-site", "same-site")]));
        // Behind a proxy with TLS the browser's scheme is another than ours.
        assert!(is_own(
            &headers(&[("origin", "https://panel.example")]),
            "panel.example"
        ));
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let ways = ways(false, None);
        let forwarded = headers(&[
            ("x-forwarded-proto", "https"),
            ("x-forwarded-for", "192.0.2.66, 198.51.100.7"),
        ]);
        let proxy = Some(IpAddr::from([10, 0, 0, 1]));
        let stranger = Some(IpAddr::from([10, 0, 0, 2]));
        assert!(ways.is_secure(&forwarded, "x", proxy));
        assert!(!ways.is_secure(&forwarded, "x", stranger));
        assert_eq!(ways.client(&forwarded, proxy), IpAddr::from([198, 51, 100, 7]));
        assert_eq!(ways.client(&forwarded, stranger), IpAddr::from([10, 0, 0, 2]));
        assert_eq!(ways.client(&HeaderMap::new(), proxy), IpAddr::from([10, 0, 0, 1]));
        let public = Ways {
            public_url: Url::parse("https://panel.example/").ok(),
            ..ways
        };
        assert!(public.is_secure(&HeaderMap::new(), "panel.example", stranger));
        assert!(!public.is_secure(&HeaderMap::new(), "127.0.0.1:8450", stranger));
    }
}
