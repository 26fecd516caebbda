//! The page of switches.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::html;

use super::super::desk::{Desk, Visit};
use super::super::layout::{Page, Place};

/// `GET /switches`.
pub(crate) async fn show(State(desk): State<Arc<Desk>>, visit: Visit) -> Response {
    Page::live(Place::Switches, html! {}).respond(&desk, &visit)
}
