#![expect(clippy::unwrap_used, reason = "a test may panic")]
use crate::controllers::kinds::{NODES, PODS};
use crate::controllers::object::{condition, list, name, ready, terminating, text};
use crate::controllers::testing::{Cluster, deployment};
use crate::resource::Resource;
use serde_json::{Value as Json, json};

fn state(cluster: &Cluster, resource: &'static Resource, name: &str) -> String {
    let object = cluster.get(resource, name);
    condition(&object, "Ready").map_or("", |ready| text(ready, "/status")).to_owned()
}

fn taints(node: &Json) -> Vec<String> {
    list(node, "/spec/taints")
        .iter()
        .map(|taint| format!("{}:{}", text(taint, "/key"), text(taint, "/effect")))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_lost_node_is_not_ready_after_40_seconds_and_its_pods_go_when_they_tolerate_it_no_longer() {
    let cluster = Cluster::with_nodes(2).await;
    let mut web = deployment("web", 2, "web:1");
    web["spec"]["template"]["spec"]["tolerations"] = json!([
        {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
    ]);
    cluster.put(web);
    cluster.pass(5_000).await;
    assert_eq!((cluster.pods_on("node-0"), cluster.pods_on("node-1")), (1, 1));
    cluster.dead.lock().unwrap().insert("node-0".to_owned());
    // Its last lease was renewed 5 s ago.
    cluster.pass(34_000).await;
    assert_eq!(state(&cluster, NODES, "node-0"), "True");
    cluster.pass(2_000).await;
    assert_eq!(state(&cluster, NODES, "node-0"), "Unknown");
    assert_eq!(
        taints(&cluster.get(NODES, "node-0")),
        ["node.kubernetes.io/unreachable:NoSchedule", "node.kubernetes.io/unreachable:NoExecute"]
    );
    let lost = |cluster: &Cluster| {
        let pods = cluster.all(PODS);
        pods.into_iter().find(|pod| text(pod, "/spec/nodeName") == "node-0").unwrap()
    };
    assert!(!ready(&lost(&cluster)) && !terminating(&lost(&cluster)));
    cluster.pass(301_000).await;
    assert!(terminating(&lost(&cluster)), "nobody there says that it is gone");
    assert_eq!(cluster.pods_on("node-1"), 2, "its replacement runs elsewhere");
    cluster.dead.lock().unwrap().remove("node-0");
    cluster.change_at(NODES, "node-0", Some("status"), |node| {
        let conditions = node["status"]["conditions"].as_array_mut().unwrap();
        conditions[0]["status"] = "True".into();
        conditions[0]["lastHeartbeatTime"] = "now".into();
    });
    cluster.pass(10).await;
    assert!(taints(&cluster.get(NODES, "node-0")).is_empty());
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_deleted_node_takes_its_pods_with_it_a_second_later() {
    let cluster = Cluster::with_nodes(2).await;
    cluster.put(deployment("web", 4, "web:1"));
    cluster.pass(5_000).await;
    cluster.delete(NODES, "node-0", None);
    cluster.pass(900).await;
    assert_eq!(cluster.pods_on("node-0"), 2);
    cluster.pass(200).await;
    assert_eq!((cluster.pods_on("node-0"), cluster.pods_on("node-1")), (0, 4));
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_cordoned_node_is_tainted_and_gets_nothing_new() {
    let cluster = Cluster::with_nodes(2).await;
    cluster.change(NODES, "node-1", |node| node["spec"]["unschedulable"] = true.into());
    cluster.put(deployment("web", 3, "web:1"));
    cluster.pass(10).await;
    assert_eq!((cluster.pods_on("node-0"), cluster.pods_on("node-1")), (3, 0));
    let node = cluster.get(NODES, "node-1");
    assert_eq!(
        (name(&node), taints(&node)),
        ("node-1", vec!["node.kubernetes.io/unschedulable:NoSchedule".to_owned()])
    );
    cluster.change(NODES, "node-1", |node| node["spec"]["unschedulable"] = false.into());
    cluster.pass(10).await;
    assert!(taints(&cluster.get(NODES, "node-1")).is_empty());
    cluster.end().await;
}
