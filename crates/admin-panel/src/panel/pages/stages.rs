//! The page of stages.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::html;

use super::super::desk::{Desk, Visit};
use super::super::layout::{Page, Place};

/// `GET /stages`.
pub(crate) async fn show(State(desk): State<Arc<Desk>>, visit: Visit) -> Response {
    Page::live(Place::Stages, html! {}).respond(&desk, &visit)
}
