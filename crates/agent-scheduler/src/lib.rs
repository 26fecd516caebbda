//! agent-scheduler
