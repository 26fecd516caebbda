//! The admin panel: pages for the people who run the program.
//!
//! [`facts`] is what pages show, [`PanelSource`] and [`Steering`] are the ports behind which the program stands, `desk` lets people
//! in, `layout` is the frame of every page, `pages` has a module a page. The pages work without JavaScript; the script only keeps
//! them fresh.
//!
//! # Rules
//!
//! * **Nothing is changed but by POST**, with a token of the page, from a page of ours.
//! * **Everything shown is escaped** by the templates; nothing is loaded from another host, and no style or script stands in a page.
//! * **Both languages stand side by side** where a text is used.

mod assets;
pub mod auth;
mod desk;
pub mod facts;
pub mod format;
mod known;
mod language;
mod layout;
mod options;
mod pages;
mod ports;
mod respond;
mod standing;

use std::sync::Arc;

use axum::Router;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};

use desk::{Desk, Visit};
use pages::{agents, figures, overview, sign_in, stages, switches, tables};
use respond::see_other;

pub use language::Language;
pub use options::PanelOptions;
pub use ports::{NotChanged, PanelSource, Steering};

pub(crate) use auth::origin::Peer;

/// A panel that is ready to be served.
pub struct Panel {
    /// How it behaves.
    pub options: PanelOptions,
    /// Who knows what it shows.
    pub source: Arc<dyn PanelSource>,
    /// Who does what it is asked for.
    pub steering: Arc<dyn Steering>,
}

impl std::fmt::Debug for Panel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Panel")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// The routes of the panel. `loopback`: only this machine reaches them.
pub(crate) fn routes(panel: Panel, loopback: bool) -> Router {
    let desk = Desk::new(&panel.options, loopback, panel.source, panel.steering);
    Router::new()
        .route("/", get(overview::show))
        .route("/switches", get(switches::show))
        .route("/switches/{key}", post(switches::set).get(to_switches))
        .route(
            "/uploads/{exchange}",
            post(switches::start_upload).get(to_switches),
        )
        .route("/agents", get(agents::show))
        .route("/agents/{name}", get(agents::detail))
        .route("/agents/{name}/{action}", post(agents::steer).get(to_agents))
        .route("/tables", get(tables::show))
        .route("/tables/{exchange}/verify", post(tables::verify).get(to_tables))
        .route("/stages", get(stages::show))
        .route("/analysis", get(figures::show))
        .route("/analysis/{file}", get(figures::download))
        .route("/sign-in", get(sign_in::show).post(sign_in::enter))
        .route("/sign-out", post(sign_in::leave))
        .route("/language", post(sign_in::language))
        .route("/static/{name}", get(assets::serve))
        .with_state(Arc::new(desk))
        .layer(map_response(respond::secured))
}

// A page that asks once more, or says that nothing was changed, stands under the address of its change. Whoever reloads it by its
// address, signs in again or chooses another language there is brought to the page that the change belongs to.

async fn to_switches(_: Visit) -> Response {
    see_other("/switches", Vec::new())
}

async fn to_agents(_: Visit) -> Response {
    see_other("/agents", Vec::new())
}

async fn to_tables(_: Visit) -> Response {
    see_other("/tables", Vec::new())
}
