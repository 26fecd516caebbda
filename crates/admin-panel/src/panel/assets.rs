//! The stylesheet, the script and the icon: built in, served under names that change with their content.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

/// A file of the panel.
pub(crate) struct Asset {
    stem: &'static str,
    extension: &'static str,
    kind: &'static str,
    content: &'static str,
}

pub(crate) static STYLE: Asset = Asset {
    stem: "style",
    extension: "css",
    kind: "text/css; charset=utf-8",
    content: include_str!("assets/style.css"),
};
pub(crate) static CHARTS: Asset = Asset {
    stem: "charts",
    extension: "css",
    kind: "text/css; charset=utf-8",
    content: include_str!("assets/charts.css"),
};
pub(crate) static SCRIPT: Asset = Asset {
    stem: "script",
    extension: "js",
    kind: "text/javascript; charset=utf-8",
    content: include_str!("assets/script.js"),
};
pub(crate) static ICON: Asset = Asset {
    stem: "icon",
    extension: "svg",
    kind: "image/svg+xml",
    content: include_str!("assets/icon.svg"),
};

static NAMES: LazyLock<[(String, &'static Asset); 4]> =
    LazyLock::new(|| [&STYLE, &CHARTS, &SCRIPT, &ICON].map(|asset| (asset.name(), asset)));

impl Asset {
    fn name(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.content.hash(&mut hasher);
        format!("{}-{:016x}.{}", self.stem, hasher.finish(), self.extension)
    }

    /// Where it is.
    pub(crate) fn path(&'static self) -> String {
        let name = NAMES.iter().find(|(_, asset)| std::ptr::eq(*asset, self));
        format!("/static/{}", name.map_or("", |(name, _)| name))
    }
}

/// `GET /static/{name}`.
pub(crate) async fn serve(Path(name): Path<String>) -> Response {
    let Some((_, asset)) = NAMES.iter().find(|(known, _)| *known == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut response = Response::new(Body::from(asset.content));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=31536000, immutable"),
    );
    response
}
