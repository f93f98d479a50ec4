use crate::controllers::kinds::{CONFIG_MAPS, NAMESPACES, SERVICE_ACCOUNTS};
use crate::controllers::object::name;
use crate::controllers::testing::{Cluster, deployment};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn a_namespace_is_furnished_and_goes_when_all_in_it_is_gone() {
    let cluster = Cluster::with_nodes(1).await;
    assert_eq!(name(&cluster.get(SERVICE_ACCOUNTS, "default")), "default");
    assert_eq!(cluster.get(CONFIG_MAPS, "kube-root-ca.crt")["data"]["ca.crt"], "PEM");
    cluster.delete(CONFIG_MAPS, "kube-root-ca.crt", None);
    cluster.pass(1).await;
    assert_eq!(cluster.all(CONFIG_MAPS).len(), 1, "what belongs to every namespace comes back");
    cluster.put(deployment("web", 2, "web:1"));
    cluster.put(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}));
    cluster.pass(3_000).await;
    cluster.delete(NAMESPACES, "n", None);
    cluster.pass(1_000).await;
    assert_eq!(cluster.get(NAMESPACES, "n")["status"]["phase"], "Terminating", "its Pods are still going");
    cluster.pass(1_000).await;
    assert!(cluster.api.get(NAMESPACES, "", "n").is_err());
    for resource in crate::resource::RESOURCES.iter().filter(|resource| resource.namespaced) {
        assert!(cluster.all(resource).is_empty(), "{} are left", resource.plural);
    }
    cluster.end().await;
}
