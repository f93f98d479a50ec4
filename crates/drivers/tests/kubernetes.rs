//! The Kubernetes functions against a stand-in of an API server: what the Toolkit was recorded to do, what an undo restores,
//! what happens when a server is slow, full, away or secured.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "kubernetes/connect.rs"]
mod connect;
#[path = "kubernetes/patience.rs"]
mod patience;
#[path = "kubernetes/play.rs"]
mod play;
#[path = "kubernetes/signatures.rs"]
mod signatures;
#[path = "kubernetes/stand_in.rs"]
mod stand_in;
#[path = "kubernetes/transcripts.rs"]
mod transcripts;
#[path = "kubernetes/undo.rs"]
mod undo;
