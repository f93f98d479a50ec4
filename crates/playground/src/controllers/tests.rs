#![expect(clippy::unwrap_used, reason = "a test may panic")]
use super::kinds::{CONFIG_MAPS, DEPLOYMENTS, ENDPOINTS, PODS, SERVICES, SLICES};
use super::object::int;
use super::testing::{Cluster, deployment};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn controllers_that_were_too_slow_begin_again_from_what_is() {
    let cluster = Cluster::with_nodes(1).await;
    cluster.put(deployment("gone", 1, "web:1"));
    cluster.put(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "gone"},
        "spec": {"selector": {"app": "gone"}, "ports": [{"port": 80}]}}));
    cluster.pass(3_000).await;
    // Nobody runs between this and the next await: more changes than are remembered.
    cluster.put(deployment("web", 2, "web:1"));
    cluster.delete(DEPLOYMENTS, "gone", None);
    cluster.delete(SERVICES, "gone", None);
    let key = crate::api::key(CONFIG_MAPS, "n", "noise");
    cluster
        .api
        .store()
        .create(key.clone(), json!({"metadata": {"name": "noise", "namespace": "n"}}))
        .unwrap();
    for _ in 0..20_100 {
        let noise = json!({"metadata": {"name": "noise", "namespace": "n"}});
        cluster.api.store().update(&key, None, noise).unwrap();
    }
    cluster.pass(5_000).await;
    assert_eq!(int(&cluster.get(DEPLOYMENTS, "web"), "/status/availableReplicas"), Some(2));
    assert!(cluster.all(ENDPOINTS).is_empty() && cluster.all(SLICES).is_empty());
    assert_eq!(cluster.all(PODS).len(), 2, "what lost its owner meanwhile went, too");
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn all_come_to_rest() {
    let cluster = Cluster::with_nodes(2).await;
    cluster.put(deployment("web", 3, "web:1"));
    cluster.put(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}));
    cluster
        .put(json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "minAvailable": 1}}));
    cluster.pass(5_000).await;
    let before = cluster.api.store().revision();
    cluster.pass(4_000).await;
    assert_eq!(cluster.api.store().revision(), before, "nothing is written while nothing happens");
    cluster.end().await;
}
