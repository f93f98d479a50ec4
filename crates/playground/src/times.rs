//! How fast things happen: every figure once.
//!
//! Invariant: whoever waits in this crate waits for a constant of this file, on tokio's clock, so that tests can pause it.

use std::time::Duration;

/// From a Pod's binding to a node to its containers running; `ContainerCreating` meanwhile. Images need no pull.
pub const CONTAINER_START: Duration = Duration::from_secs(2);
/// From a container's start to its first probe, unless `initialDelaySeconds` is later.
pub const FIRST_PROBE: Duration = Duration::from_secs(1);
/// From a Pod's DELETE to its end in the API, when its programs end at once on SIGTERM.
pub const POD_GONE: Duration = Duration::from_millis(1500);
/// A container whose hook took all of its grace has so long after it.
pub const LAST_GRACE: Duration = Duration::from_secs(2);
/// No hook of a start takes longer: it was forgotten, and its container runs.
pub const POST_START: Duration = Duration::from_secs(3600);
/// The second restart of a container waits so long, each later one twice as long as the one before.
pub const RESTART_BACKOFF: Duration = Duration::from_secs(10);
/// No restart waits longer.
pub const RESTART_BACKOFF_MAX: Duration = Duration::from_secs(300);
/// A container that ran so long starts again with the shortest back-off.
pub const RESTART_FORGOTTEN: Duration = Duration::from_secs(600);
/// A node tells that it lives.
pub const LEASE_PERIOD: Duration = Duration::from_secs(10);
/// A node writes its status so often, if nothing in it changes.
pub const NODE_STATUS_PERIOD: Duration = Duration::from_secs(300);
/// A node that did not tell for so long is NotReady.
pub const NODE_GRACE: Duration = Duration::from_secs(40);
/// From a node's deletion to that of its Pods.
pub const ORPHANED_PODS: Duration = Duration::from_secs(1);
/// An autoscaler looks so often, and the first time so long after its creation.
pub const AUTOSCALER_PERIOD: Duration = Duration::from_secs(15);
/// An autoscaler scales down to the highest of its recommendations of so long.
pub const AUTOSCALER_STABILIZATION: Duration = Duration::from_secs(300);
/// Who counts Pods counts them again so long after the last time, if nothing but their readiness changed: so a rollout of a
/// thousand Pods is not a thousand counts of a thousand.
pub const PODS_BATCH: Duration = Duration::from_millis(50);
/// Endpoints of many Pods that just changed wait so long for each hundred of them before they are written again.
pub const ENDPOINTS_BATCH: Duration = Duration::from_millis(20);
/// A Job's first failure is retried after so long, each later one after twice as long as the one before.
pub const JOB_BACKOFF: Duration = Duration::from_secs(10);
/// No retry of a Job waits longer.
pub const JOB_BACKOFF_MAX: Duration = Duration::from_secs(600);
/// What a controller could not do is tried again after so long, then twice as long.
pub const RETRY: Duration = Duration::from_millis(5);
/// No retry of a controller waits longer.
pub const RETRY_MAX: Duration = Duration::from_secs(60);
/// A Pod that fits nowhere is told so again after so long.
pub const UNSCHEDULABLE_AGAIN: Duration = Duration::from_secs(300);
/// Events are forgotten after so long.
pub const EVENT_TTL: Duration = Duration::from_secs(3600);
/// What a Pod uses is looked at so often.
pub const METRICS_PERIOD: Duration = Duration::from_secs(5);
/// A status that could not be written is written again after so long.
pub const STATUS_AGAIN: Duration = Duration::from_secs(1);

/// A span of seconds that somebody wrote; none if negative, a hundred years at most, for clocks cannot be put on by more
/// than they hold.
pub(crate) fn written(seconds: i64) -> Duration {
    const EVER: u64 = 100 * 365 * 86_400;
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0).min(EVER))
}
