//! What can be wrong with the portal's stages.

/// Something about pipelines or stages that only a person can put right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `portal.pipelines` names pipelines that the portal does not show.
    #[error(
        "the portal has no pipeline {}; it has {}. Correct portal.pipelines, or give the webhook's user the right to see it",
        join(.wanted),
        join(.there)
    )]
    UnknownPipelines {
        /// What was asked for.
        wanted: Vec<i64>,
        /// What the portal has.
        there: Vec<i64>,
    },
    /// The portal shows no pipeline at all: its user may see none.
    #[error("the portal shows no pipeline of deals; the webhook's user needs the right to read deals")]
    NoPipelines,
}

fn join(ids: &[i64]) -> String {
    ids.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}
