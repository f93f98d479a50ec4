//! What an activity leaves to the one that follows it at once: an open connection, say.
//!
//! Invariant: what is left was made while nothing else was under way, and nothing has begun since. Whatever begins takes it or
//! closes it before it does anything, so nothing is kept open beside something else, and who takes it knows that nothing was
//! done to the system meanwhile, as far as this run could. Nobody has to watch it: between two steps a run does not wait.
//!
//! Not here: for how long it may be used, which is its driver's affair.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is left, whatever it is.
type Left = Box<dyn Any + Send>;

/// The steps of a run, and what one of them left.
#[derive(Default)]
pub(crate) struct Handover(Mutex<State>);

#[derive(Default)]
struct State {
    /// How many steps have begun.
    begun: u64,
    /// How many of them are not over.
    under_way: usize,
    left: Option<Left>,
}

/// Something that a run does or waits for: an activity, a control, a pause. It is over when this is dropped.
pub(crate) struct Step {
    handover: Arc<Handover>,
    number: u64,
    /// Whether nothing else was under way when it began.
    alone: bool,
    inherited: Mutex<Option<Left>>,
}

impl Handover {
    /// A step that may take what was left to it. If it does not, [`Step::close`] it before anything is done.
    pub(crate) fn begin(self: &Arc<Self>) -> Step {
        let mut state = self.state();
        state.begun += 1;
        state.under_way += 1;
        let (number, alone) = (state.begun, state.under_way == 1);
        let left = state.left.take();
        drop(state);
        Step { handover: self.clone(), number, alone, inherited: Mutex::new(left.filter(|_| alone)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Step {
    /// Closes what was left to it.
    pub(crate) fn close(self) -> Step {
        self.inherited();
        self
    }

    /// Takes what was left to it.
    pub(crate) fn inherited(&self) -> Option<Left> {
        self.inherited.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Leaves something to the next step, unless something else was under way or has begun since this one began.
    pub(crate) fn leave(&self, what: Left) {
        let mut state = self.handover.state();
        if self.alone && state.begun == self.number {
            state.left = Some(what);
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.handover.state().under_way -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays `between` a step that leaves something and one that would take it; whether it got that.
    fn check(expected: bool, between: impl FnOnce(&Arc<Handover>, Step)) {
        let handover = Arc::<Handover>::default();
        let giver = handover.begin();
        assert!(giver.inherited().is_none());
        between(&handover, giver);
        assert_eq!(handover.begin().inherited().is_some(), expected);
    }

    #[test]
    fn only_the_next_step_gets_it() {
        check(true, |_, giver| giver.leave(Box::new(1)));
        check(false, |_, giver| drop(giver));
        check(false, |handover, giver| {
            giver.leave(Box::new(1));
            drop(giver);
            drop(handover.begin());
        });
        check(true, |handover, giver| {
            giver.leave(Box::new(1));
            drop(giver);
            let next = handover.begin();
            assert!(next.inherited().is_some_and(|left| left.is::<i32>()));
            next.leave(Box::new(2));
        });
    }

    #[test]
    fn nothing_is_left_where_something_else_was() {
        check(false, |handover, giver| {
            drop(handover.begin());
            giver.leave(Box::new(1));
        });
        check(false, |handover, giver| {
            giver.leave(Box::new(1));
            // It began beside the giver, which goes on, and closes it nevertheless.
            let beside = handover.begin();
            assert!(beside.inherited().is_none());
        });
        let handover = Arc::<Handover>::default();
        let background = handover.begin();
        let giver = handover.begin();
        drop(background);
        giver.leave(Box::new(1));
        drop(giver);
        assert!(handover.begin().inherited().is_none(), "what was under way may have changed something");
    }

    #[test]
    fn what_is_not_wanted_is_closed_at_once() {
        let handover = Arc::<Handover>::default();
        let left = Arc::new(());
        let giver = handover.begin();
        giver.leave(Box::new(left.clone()));
        drop(giver);
        let _step = handover.begin().close();
        assert_eq!(Arc::strong_count(&left), 1);
    }
}
