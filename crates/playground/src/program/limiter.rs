//! The limiter of go-demo-8: a bucket of tokens, and a cool-down for whoever finds it empty.
//!
//! Invariant: during the cool-down everybody is refused, and no refusal prolongs it.

use std::time::Duration;
use tokio::time::Instant;

/// Tokens that come back in a second.
const RATE: f64 = 5.0;
/// Tokens that the bucket holds.
const BURST: f64 = 10.0;
/// How long everybody is refused after somebody found the bucket empty.
const COOL_DOWN: Duration = Duration::from_secs(15);

/// The bucket.
#[derive(Debug)]
pub(super) struct Limiter {
    tokens: f64,
    at: Instant,
    closed_until: Option<Instant>,
}

impl Limiter {
    /// A full bucket.
    pub(super) fn new() -> Limiter {
        Limiter { tokens: BURST, at: Instant::now(), closed_until: None }
    }

    /// Whether a request may pass now.
    pub(super) fn allow(&mut self) -> bool {
        let now = Instant::now();
        if self.closed_until.is_some_and(|until| now < until) {
            return false;
        }
        self.tokens = (self.tokens + RATE * (now - self.at).as_secs_f64()).min(BURST);
        self.at = now;
        if self.tokens < 1.0 {
            self.closed_until = Some(now + COOL_DOWN);
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn an_empty_bucket_closes_the_door_for_a_while() {
        let mut limiter = Limiter::new();
        assert_eq!((0..20).filter(|_| limiter.allow()).count(), 10);
        advance(Duration::from_secs(14)).await;
        assert!(!limiter.allow(), "the door is still closed");
        advance(Duration::from_secs(1)).await;
        assert!(limiter.allow(), "the refusal at 14 s did not prolong it");
    }

    #[tokio::test(start_paused = true)]
    async fn five_a_second_pass_for_ever() {
        let mut limiter = Limiter::new();
        for _ in 0..100 {
            assert!(limiter.allow());
            advance(Duration::from_millis(200)).await;
        }
    }
}
