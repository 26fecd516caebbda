//! stage-list-exchange
