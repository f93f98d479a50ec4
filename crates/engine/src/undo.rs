//! How a change is put back, also by another process, tomorrow.
//!
//! Invariant: a call that changes the system demands a [`Permit`], and permits come only from [`crate::Act::arm`], which
//! writes the undo to disk first, or from the ledger while it restores.

use crate::activity::Look;
use crate::failure::Failure;
use futures_util::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use squall_experiment::event::{Reverted, UndoId};
use std::future::Future;
use std::ops::Deref;

/// A change that can be put back.
///
/// # Must
/// - be data: everything that it needs is in it, no secret is.
/// - be idempotent, tolerate that the change never happened, count a vanished target as done, check the target's identity
///   (UID) and restore only what was changed, never another's edit.
pub trait Undo: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its name in the log; never changed once released.
    const KIND: &'static str;
    /// What it restores, unique within everything we can change: `k8s Deployment shop/cart spec.replicas at https://…`. When
    /// several undos of a run have one key, only the oldest is played, for it knows the state before all of them.
    fn key(&self) -> String;
    /// For people, what restoring does: `scale Deployment shop/cart back to 3`.
    fn describe(&self) -> String;
    /// Whether everything is as before (or the target is gone). Looks only.
    fn is_back(&self, cx: &Look) -> impl Future<Output = Result<bool, Failure>> + Send;
    /// Puts it back.
    fn revert(&self, cx: &Restore) -> impl Future<Output = Result<Reverted, Failure>> + Send;
}

/// An [`Undo`] whose type was forgotten.
pub trait ErasedUndo: Send + Sync {
    /// [`Undo::key`].
    fn key(&self) -> String;
    /// [`Undo::describe`].
    fn describe(&self) -> String;
    /// [`Undo::is_back`].
    fn is_back<'a>(&'a self, cx: &'a Look) -> BoxFuture<'a, Result<bool, Failure>>;
    /// [`Undo::revert`].
    fn revert<'a>(&'a self, cx: &'a Restore) -> BoxFuture<'a, Result<Reverted, Failure>>;
}
impl<U: Undo> ErasedUndo for U {
    fn key(&self) -> String {
        Undo::key(self)
    }
    fn describe(&self) -> String {
        Undo::describe(self)
    }
    fn is_back<'a>(&'a self, cx: &'a Look) -> BoxFuture<'a, Result<bool, Failure>> {
        Box::pin(Undo::is_back(self, cx))
    }
    fn revert<'a>(&'a self, cx: &'a Restore) -> BoxFuture<'a, Result<Reverted, Failure>> {
        Box::pin(Undo::revert(self, cx))
    }
}

/// The proof that an undo is on disk, or that we are restoring. Only this crate makes one.
pub trait Permit: sealed::Sealed + Sync {}
mod sealed {
    /// Keeps [`super::Permit`] ours.
    pub trait Sealed {}
    impl Sealed for super::Armed<'_> {}
    impl Sealed for super::Restore {}
}
impl Permit for Armed<'_> {}
impl Permit for Restore {}

/// The permit of one change.
#[must_use = "a change that is never made leaves an undo behind"]
#[derive(Debug)]
pub struct Armed<'a> {
    pub(crate) undo: Option<UndoId>,
    pub(crate) _of: std::marker::PhantomData<&'a ()>,
}

impl Armed<'_> {
    /// The number of its undo in the log; none for what heals by itself.
    pub fn undo(&self) -> Option<UndoId> {
        self.undo
    }
}

/// What an undo works with. It hears the stop of the second degree only.
pub struct Restore {
    pub(crate) look: Look,
}
impl Deref for Restore {
    type Target = Look;
    fn deref(&self) -> &Look {
        &self.look
    }
}
