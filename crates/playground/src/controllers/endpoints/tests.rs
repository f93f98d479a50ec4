use crate::controllers::kinds::{ENDPOINTS, PODS, SLICES};
use crate::controllers::object::{list, name, text};
use crate::controllers::testing::{Cluster, deployment};
use expect_test::{Expect, expect};
use serde_json::{Value as Json, json};

fn service(cluster: &Cluster, ports: Json) {
    cluster.put(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "labels": {"a": "b"}},
        "spec": {"selector": {"app": "web"}, "ports": ports},
    }));
}

/// The addresses of the Endpoints and of the slice, with their states.
fn shown(cluster: &Cluster) -> String {
    let mut lines = Vec::new();
    for subset in list(&cluster.get(ENDPOINTS, "web"), "/subsets") {
        let ips = |field: &str| {
            let addresses = list(subset, field).iter().map(|address| text(address, "/ip"));
            addresses.collect::<Vec<_>>().join(" ")
        };
        lines.push(format!(
            "ready [{}] not [{}] {}",
            ips("/addresses"),
            ips("/notReadyAddresses"),
            subset["ports"]
        ));
    }
    for slice in cluster.all(SLICES) {
        for endpoint in list(&slice, "/endpoints") {
            let on = |field: &str| endpoint["conditions"][field] == true;
            let states = ["ready", "serving", "terminating"].into_iter().filter(|field| on(field));
            let states = states.collect::<Vec<_>>().join(",");
            lines.push(format!("{} {} {states}", endpoint["addresses"], text(endpoint, "/nodeName")));
        }
    }
    lines.join("\n")
}

fn check(cluster: &Cluster, expected: &Expect) {
    expected.assert_eq(&shown(cluster));
}

#[tokio::test(start_paused = true)]
async fn readiness_moves_addresses_and_a_deletion_removes_them_at_once() {
    let cluster = Cluster::with_nodes(1).await;
    service(&cluster, json!([{"port": 80, "targetPort": 8080}]));
    cluster.put(deployment("web", 2, "web:1"));
    cluster.pass(2_100).await;
    check(
        &cluster,
        &expect![[r#"
        ready [127.1.0.1 127.1.0.2] not [] [{"port":8080,"protocol":"TCP"}]
        ["127.1.0.1"] node-0 ready,serving
        ["127.1.0.2"] node-0 ready,serving"#]],
    );
    let pods = cluster.all(PODS);
    cluster.change_at(PODS, name(&pods[0]), Some("status"), |pod| {
        pod["status"]["conditions"][0]["status"] = "False".into();
    });
    cluster.pass(100).await;
    check(
        &cluster,
        &expect![[r#"
        ready [127.1.0.2] not [127.1.0.1] [{"port":8080,"protocol":"TCP"}]
        ["127.1.0.1"] node-0 
        ["127.1.0.2"] node-0 ready,serving"#]],
    );
    cluster.delete(PODS, name(&pods[1]), None);
    cluster.pass(5).await;
    check(
        &cluster,
        &expect![[r#"
        ready [] not [127.1.0.1] [{"port":8080,"protocol":"TCP"}]
        ["127.1.0.1"] node-0 
        ["127.1.0.2"] node-0 serving,terminating"#]],
    );
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn named_ports_are_looked_up_in_the_pod() {
    let cluster = Cluster::with_nodes(1).await;
    service(
        &cluster,
        json!([{"name": "http", "port": 80, "targetPort": "web"}, {"name": "x", "port": 81, "targetPort": "x"}]),
    );
    let mut web = deployment("web", 1, "web:1");
    web["spec"]["template"]["spec"]["containers"][0]["ports"] =
        json!([{"name": "web", "containerPort": 8080}]);
    cluster.put(web);
    cluster.pass(2_100).await;
    check(
        &cluster,
        &expect![[r#"
        ready [127.1.0.1] not [] [{"name":"http","port":8080,"protocol":"TCP"}]
        ["127.1.0.1"] node-0 ready,serving"#]],
    );
    cluster.end().await;
}
