//! Stopping, in ordered degrees.
//!
//! First request: nothing more is injected, what was changed is put back, with grace. Second: it is put back once, briefly.
//! Third: the process ends and prints the command that restores. Invariant: a degree only ever rises.

use tokio::sync::watch;

/// What a run hears: how urgently it shall stop.
#[derive(Clone, Debug)]
pub struct Stopping {
    degree: watch::Receiver<u8>,
    /// From which degree on this listener stops.
    from: u8,
}

/// What asks a run to stop: cli's signal handler, or the engine itself.
#[derive(Clone, Debug)]
pub struct Stopper {
    degree: watch::Sender<u8>,
}

impl Default for Stopper {
    fn default() -> Stopper {
        Stopper { degree: watch::Sender::new(0) }
    }
}

impl Stopper {
    /// Asks once more; returns the degree that this makes.
    pub fn request(&self) -> u8 {
        let mut now = 0;
        self.degree.send_modify(|degree| {
            *degree = degree.saturating_add(1);
            now = *degree;
        });
        now
    }

    /// What hears it at the first request.
    pub fn listen(&self) -> Stopping {
        Stopping { degree: self.degree.subscribe(), from: 1 }
    }
}

impl Stopping {
    /// The listener that hears only the `degree`th request: restoring goes on through the first.
    #[must_use]
    pub fn from_degree(&self, degree: u8) -> Stopping {
        Stopping { degree: self.degree.clone(), from: degree }
    }

    /// Whether it was requested.
    pub fn is_requested(&self) -> bool {
        *self.degree.borrow() >= self.from
    }

    /// Completes once it is requested.
    pub async fn requested(&self) {
        let mut degree = self.degree.clone();
        // An error means that nobody can ask any more.
        if degree.wait_for(|degree| *degree >= self.from).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
