use crate::controllers::Usage;
use crate::controllers::kinds::{AUTOSCALERS, DEPLOYMENTS, PODS};
use crate::controllers::object::{int, name};
use crate::controllers::testing::{Cluster, conditions, deployment};
use serde_json::json;

/// A Deployment of so many, each asking for 100m, and its autoscaler from 2 to 6 at 80 %.
async fn scaled(replicas: i64) -> Cluster {
    let cluster = Cluster::with_nodes(1).await;
    cluster.put(deployment("web", replicas, "web:1"));
    cluster.pass(5_000).await;
    cluster.put(json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 2, "maxReplicas": 6,
            "metrics": [{"type": "Resource", "resource": {
                "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}],
        },
    }));
    cluster
}

fn size(cluster: &Cluster) -> i64 {
    int(&cluster.get(DEPLOYMENTS, "web"), "/spec/replicas").unwrap_or(-1)
}

fn uses(cluster: &Cluster, millicores: u64) {
    for pod in cluster.all(PODS) {
        cluster.metrics.set("n", name(&pod), Some(Usage { millicores, bytes: 0 }));
    }
}

#[tokio::test(start_paused = true)]
async fn the_minimum_and_the_maximum_hold_from_the_first_look() {
    for (replicas, expected, why) in [
        (1, 2, "Current number of replicas below Spec.MinReplicas"),
        (9, 6, "Current number of replicas above Spec.MaxReplicas"),
    ] {
        let cluster = scaled(replicas).await;
        cluster.pass(14_000).await;
        assert_eq!(size(&cluster), replicas, "nobody looked yet");
        cluster.pass(1_000).await;
        assert_eq!(size(&cluster), expected);
        let told = format!("SuccessfulRescale x1: New size: {expected}; reason: {why}");
        assert_eq!(cluster.events("HorizontalPodAutoscaler"), [told]);
        assert_eq!(conditions(&cluster.get(AUTOSCALERS, "web")), "AbleToScale=True(SucceededRescale)");
        cluster.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn more_use_means_more_pods_at_once_and_less_use_fewer_later() {
    let cluster = scaled(2).await;
    uses(&cluster, 160);
    cluster.pass(15_000).await;
    assert_eq!(size(&cluster), 4, "twice the target, twice the Pods");
    let scaler = cluster.get(AUTOSCALERS, "web");
    assert_eq!(scaler["status"]["currentMetrics"][0]["resource"]["current"]["averageUtilization"], 160);
    uses(&cluster, 10);
    cluster.pass(60_000).await;
    assert_eq!(size(&cluster), 4, "for five minutes the highest recommendation counts");
    uses(&cluster, 10);
    cluster.pass(300_000).await;
    assert_eq!(size(&cluster), 2);
    assert_eq!(
        conditions(&cluster.get(AUTOSCALERS, "web")),
        "AbleToScale=True(ReadyForNewScale) ScalingActive=True(ValidMetricFound) ScalingLimited=True(TooFewReplicas)"
    );
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn without_figures_it_says_so_and_changes_nothing() {
    let cluster = scaled(3).await;
    cluster.pass(40_000).await;
    assert_eq!(size(&cluster), 3);
    let told = cluster.events("HorizontalPodAutoscaler");
    assert!(told[0].starts_with("FailedGetResourceMetric x2: failed to get cpu utilization"), "{told:?}");
    let scaler = cluster.get(AUTOSCALERS, "web");
    assert!(conditions(&scaler).contains("ScalingActive=False(FailedGetResourceMetric)"));
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_is_new_takes_nothing_away() {
    let cluster = scaled(4).await;
    for _ in 0..5 {
        uses(&cluster, 10);
        cluster.pass(55_000).await;
        assert_eq!(size(&cluster), 4, "what there was at its first look counts for five minutes");
    }
    cluster.pass(60_000).await;
    assert_eq!(size(&cluster), 2);
    cluster.end().await;
}
