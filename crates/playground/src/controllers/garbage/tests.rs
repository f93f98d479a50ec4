#![expect(clippy::unwrap_used, reason = "a test may panic")]
use crate::controllers::kinds::{
    DEPLOYMENTS, ENDPOINTS, EVENTS, PODS, REPLICA_SETS, SERVICES, SLICES, by_key,
};
use crate::controllers::object::list;
use crate::controllers::testing::{Cluster, deployment};
use crate::times::EVENT_TTL;
use serde_json::json;

fn left(cluster: &Cluster) -> (usize, usize, usize) {
    (cluster.all(DEPLOYMENTS).len(), cluster.all(REPLICA_SETS).len(), cluster.all(PODS).len())
}

async fn check(propagation: Option<&str>, at_once: (usize, usize, usize), at_last: (usize, usize, usize)) {
    let cluster = Cluster::with_nodes(1).await;
    cluster.put(deployment("web", 2, "web:1"));
    cluster.pass(3_000).await;
    cluster.delete(DEPLOYMENTS, "web", propagation);
    cluster.pass(100).await;
    assert_eq!(left(&cluster), at_once, "{propagation:?}, at once");
    cluster.pass(5_000).await;
    assert_eq!(left(&cluster), at_last, "{propagation:?}, at last");
    for set in cluster.all(REPLICA_SETS) {
        assert!(list(&set, "/metadata/ownerReferences").is_empty(), "an orphan names no owner");
    }
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn dependents_go_after_before_or_not_at_all() {
    check(None, (0, 0, 2), (0, 0, 0)).await;
    check(Some("Background"), (0, 0, 2), (0, 0, 0)).await;
    check(Some("Foreground"), (1, 1, 2), (0, 0, 0)).await;
    check(Some("Orphan"), (0, 1, 2), (0, 1, 2)).await;
}

#[tokio::test(start_paused = true)]
async fn who_names_an_owner_that_never_was_goes() {
    let cluster = Cluster::with_nodes(1).await;
    let owner = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "none"}]);
    cluster.put(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "ownerReferences": owner},
    }));
    cluster.put(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "t"}}));
    cluster.pass(10).await;
    let secrets = by_key("/secrets").map(|secrets| cluster.all(secrets).len());
    assert_eq!(secrets, Some(1));
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_ring_of_owners_goes_in_the_foreground() {
    let secrets = by_key("/secrets").unwrap();
    let check = async |length: usize, deleted: usize| {
        let cluster = Cluster::with_nodes(0).await;
        let name = |index: usize| format!("s{}", index % length);
        for index in 0..length {
            cluster.put(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name(index)}}));
        }
        for index in 0..length {
            let owner = cluster.get(secrets, &name(index));
            let reference = json!({
                "apiVersion": "v1", "kind": "Secret", "name": name(index), "uid": owner["metadata"]["uid"],
                "blockOwnerDeletion": true,
            });
            cluster.change(secrets, &name(index + 1), |object| {
                object["metadata"]["ownerReferences"] = json!([reference]);
            });
        }
        cluster.pass(100).await;
        assert_eq!(cluster.all(secrets).len(), length, "they keep each other");
        for index in 0..deleted {
            cluster.delete(secrets, &name(index), Some("Foreground"));
        }
        cluster.pass(1_000).await;
        assert_eq!(cluster.all(secrets).len(), 0, "{length}, of which {deleted} were deleted");
        cluster.end().await;
    };
    check(1, 1).await;
    check(2, 1).await;
    check(2, 2).await;
    check(3, 1).await;
    check(3, 3).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_takes_its_endpoints_and_slices_with_it() {
    let cluster = Cluster::with_nodes(1).await;
    cluster.put(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    }));
    cluster.pass(100).await;
    assert_eq!((cluster.all(ENDPOINTS).len(), cluster.all(SLICES).len()), (1, 1));
    cluster.delete(SERVICES, "web", None);
    cluster.pass(100).await;
    assert_eq!((cluster.all(ENDPOINTS).len(), cluster.all(SLICES).len()), (0, 0));
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn events_are_forgotten() {
    let cluster = Cluster::with_nodes(1).await;
    cluster.put(deployment("web", 1, "web:1"));
    cluster.pass(3_000).await;
    assert!(!cluster.all(EVENTS).is_empty());
    cluster.pass(u64::try_from(EVENT_TTL.as_millis()).unwrap_or(0)).await;
    assert!(cluster.all(EVENTS).is_empty());
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_lost_its_owner_goes_while_it_still_makes_more() {
    let cluster = Cluster::with_nodes(1).await;
    cluster.put(deployment("web", 2_000, "web:1"));
    while cluster.all(PODS).len() < 300 {
        tokio::task::yield_now().await;
    }
    cluster.delete(DEPLOYMENTS, "web", None);
    let mut most = 0;
    while !cluster.all(REPLICA_SETS).is_empty() {
        most = cluster.all(PODS).len();
        tokio::task::yield_now().await;
    }
    assert!(most < 1_000, "{most} were made");
    cluster.pass(60_000).await;
    assert_eq!(left(&cluster), (0, 0, 0));
    cluster.end().await;
}
