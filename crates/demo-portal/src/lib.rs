//! demo-portal
