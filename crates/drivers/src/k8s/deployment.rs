//! Deployments: scaling them.

pub(crate) mod scale;
