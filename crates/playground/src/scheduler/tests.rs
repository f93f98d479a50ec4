use crate::controllers::kinds::{NODES, PODS};
use crate::controllers::object::{condition, text};
use crate::controllers::testing::{Cluster, deployment};
use expect_test::{Expect, expect};
use serde_json::{Value as Json, json};

fn pod(spec: Json) -> Json {
    let mut pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"app": "p"}},
        "spec": {"containers": [{"name": "c", "image": "p:1"}]},
    });
    for (field, value) in spec.as_object().into_iter().flatten() {
        pod["spec"][field] = value.clone();
    }
    pod
}

fn asking(cpu: &str, memory: &str) -> Json {
    json!({"containers": [{"name": "c", "image": "p:1", "resources": {"requests": {"cpu": cpu, "memory": memory}}}]})
}

/// Where a Pod runs, or why nowhere; two nodes, the second tainted.
async fn check(spec: Json, expected: &Expect) {
    let cluster = Cluster::with_nodes(2).await;
    cluster.change(NODES, "node-1", |node| {
        node["spec"]["taints"] = json!([{"key": "only", "value": "batch", "effect": "NoSchedule"}]);
        node["metadata"]["labels"]["disk"] = "fast".into();
    });
    cluster.pass(1).await;
    cluster.put(pod(spec));
    cluster.pass(1).await;
    let pod = cluster.get(PODS, "p");
    let why = condition(&pod, "PodScheduled").map_or("", |known| text(known, "/message"));
    expected.assert_eq(&format!("{}{why}", text(&pod, "/spec/nodeName")));
    if !why.is_empty() {
        assert_eq!(cluster.events("Pod"), [format!("FailedScheduling x1: {why}")]);
    }
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn where_a_pod_runs_or_why_nowhere() {
    check(json!({}), &expect!["node-0"]).await;
    check(json!({"nodeSelector": {"disk": "fast"}}), &expect!["0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint {only: batch}. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."]).await;
    let tolerations = json!([{"key": "only", "operator": "Equal", "value": "batch", "effect": "NoSchedule"}]);
    check(json!({"nodeSelector": {"disk": "fast"}, "tolerations": tolerations}), &expect!["node-1"]).await;
    check(asking("7", "1Gi"), &expect!["node-0"]).await;
    check(asking("9", "17Gi"), &expect!["0/2 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, 1 node(s) had untolerated taint {only: batch}. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."]).await;
    let wanted = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "disk", "operator": "NotIn", "values": ["slow"]}]},
    ]}}});
    check(json!({"affinity": wanted}), &expect!["node-0"]).await;
    let alone = json!({"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"labelSelector": {"matchLabels": {"app": "other"}}, "topologyKey": "kubernetes.io/hostname"},
    ]}});
    check(json!({"affinity": alone}), &expect!["0/2 nodes are available: 1 node(s) didn't match pod affinity rules, 1 node(s) had untolerated taint {only: batch}. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."]).await;
}

#[tokio::test(start_paused = true)]
async fn siblings_are_spread_and_what_does_not_fit_waits_for_room() {
    let cluster = Cluster::with_nodes(3).await;
    let mut web = deployment("web", 6, "web:1");
    web["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "3".into();
    cluster.put(web.clone());
    cluster.pass(3_000).await;
    let spread = |cluster: &Cluster| ["node-0", "node-1", "node-2"].map(|node| cluster.pods_on(node));
    assert_eq!(spread(&cluster), [2, 2, 2]);
    cluster.put(pod(asking("3", "1Gi")));
    cluster.pass(10).await;
    let told = cluster.events("Pod");
    let told = told.iter().filter(|line| line.starts_with("FailedScheduling")).collect::<Vec<_>>();
    assert_eq!(
        told,
        [
            "FailedScheduling x1: 0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod."
        ]
    );
    web["spec"]["replicas"] = 5.into();
    cluster.put(web);
    cluster.pass(2_000).await;
    assert_ne!(text(&cluster.get(PODS, "p"), "/spec/nodeName"), "", "it takes the room that became free");
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn those_who_avoid_each_other_are_apart() {
    let cluster = Cluster::with_nodes(2).await;
    let mut web = deployment("web", 3, "web:1");
    web["spec"]["template"]["spec"]["affinity"] = json!({"podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/hostname"},
        ],
    }});
    cluster.put(web);
    cluster.pass(3_000).await;
    assert_eq!((cluster.pods_on("node-0"), cluster.pods_on("node-1"), cluster.pods_on("")), (1, 1, 1));
    let told = cluster.events("Pod").into_iter().filter(|line| line.starts_with("FailedScheduling"));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            "FailedScheduling x1: 0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules. preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod."
        ]
    );
    cluster.end().await;
}
