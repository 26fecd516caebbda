//! What the planner promises.
