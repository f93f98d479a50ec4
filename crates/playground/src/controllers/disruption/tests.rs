use crate::api::Delete;
use crate::controllers::kinds::{BUDGETS, DEPLOYMENTS, PODS};
use crate::controllers::object::{int, name};
use crate::controllers::testing::{Cluster, conditions, deployment};
use serde_json::{Value as Json, json};

/// Allowed, healthy, desired, expected.
fn counts(cluster: &Cluster) -> [i64; 4] {
    let budget = cluster.get(BUDGETS, "web");
    ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"]
        .map(|field| int(&budget, &format!("/status/{field}")).unwrap_or(-1))
}

fn budget(field: &str, value: Json) -> Json {
    json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, field: value},
    })
}

async fn check(field: &str, value: Json, expected: [i64; 4]) {
    let cluster = Cluster::with_nodes(1).await;
    cluster.put(deployment("web", 4, "web:1"));
    cluster.put(budget(field, value.clone()));
    cluster.pass(3_000).await;
    assert_eq!(counts(&cluster), expected, "{field}: {value}");
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn numbers_and_percentages() {
    check("minAvailable", json!(1), [3, 4, 1, 4]).await;
    check("minAvailable", json!("60%"), [1, 4, 3, 4]).await;
    check("maxUnavailable", json!(1), [1, 4, 3, 4]).await;
    check("maxUnavailable", json!("30%"), [2, 4, 2, 4]).await;
    check("minAvailable", json!(4), [0, 4, 4, 4]).await;
}

#[tokio::test(start_paused = true)]
async fn an_eviction_uses_the_budget_until_a_replacement_is_ready() {
    let cluster = Cluster::with_nodes(1).await;
    cluster.put(deployment("web", 2, "web:1"));
    cluster.put(budget("minAvailable", json!(1)));
    cluster.pass(3_000).await;
    let pods = cluster.all(PODS);
    let evict = |pod: &Json| {
        cluster.api.evict(PODS, "n", name(pod), &Delete::default()).map_err(|status| status.code)
    };
    assert_eq!(evict(&pods[0]), Ok(()));
    cluster.pass(10).await;
    assert_eq!(counts(&cluster), [0, 1, 1, 3], "the one that goes, the one that stays, the one that comes");
    assert_eq!(evict(&pods[1]), Err(429));
    cluster.pass(3_000).await;
    assert_eq!(counts(&cluster), [1, 2, 1, 2]);
    assert_eq!(evict(&pods[1]), Ok(()));
    cluster.change(DEPLOYMENTS, "web", |web| web["spec"]["replicas"] = 1.into());
    cluster.pass(3_000).await;
    assert_eq!(counts(&cluster), [0, 1, 1, 1]);
    assert_eq!(conditions(&cluster.get(BUDGETS, "web")), "DisruptionAllowed=False(InsufficientPods)");
    cluster.end().await;
}
