use crate::controllers::kinds::{PODS, REPLICA_SETS};
use crate::controllers::object::{controller, name, terminating};
use crate::controllers::testing::{Cluster, conditions};
use expect_test::expect;
use serde_json::{Value as Json, json};

fn set(replicas: i64) -> Json {
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "web:1"}]},
            },
        },
    })
}

fn pod(name: &str) -> Json {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "web:1"}]},
    })
}

#[tokio::test(start_paused = true)]
async fn orphans_are_adopted_and_what_is_relabelled_is_let_go() {
    let cluster = Cluster::with_nodes(1).await;
    cluster.put(pod("orphan"));
    cluster.put(set(2));
    cluster.pass(3_000).await;
    let owned = |cluster: &Cluster| cluster.all(PODS).iter().filter(|pod| controller(pod).is_some()).count();
    assert_eq!((cluster.all(PODS).len(), owned(&cluster)), (2, 2));
    cluster.change(PODS, "orphan", |pod| pod["metadata"]["labels"]["app"] = "other".into());
    cluster.pass(5).await;
    assert_eq!((cluster.all(PODS).len(), owned(&cluster)), (3, 2), "it is replaced, and is nobody's");
    // An orphan too many: the one that does least goes, which is that which just came.
    cluster.put(pod("late"));
    cluster.pass(5).await;
    assert!(cluster.all(PODS).iter().all(|pod| name(pod) != "late" || terminating(pod)));
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn the_least_useful_pods_go_first() {
    let cluster = Cluster::with_nodes(2).await;
    cluster.put(set(4));
    cluster.pass(3_000).await;
    let first = name(&cluster.all(PODS)[0]).to_owned();
    cluster.change_at(PODS, &first, Some("status"), |pod| {
        pod["status"]["conditions"][0]["status"] = "False".into();
    });
    cluster.change(REPLICA_SETS, "web", |set| set["spec"]["replicas"] = 3.into());
    cluster.pass(5).await;
    let going: Vec<String> =
        cluster.all(PODS).iter().filter(|pod| terminating(pod)).map(|pod| name(pod).to_owned()).collect();
    assert_eq!(going, [first]);
    // Of two that share a node one goes, so that both nodes keep one.
    cluster.change(REPLICA_SETS, "web", |set| set["spec"]["replicas"] = 2.into());
    cluster.pass(3_000).await;
    assert_eq!((cluster.pods_on("node-0"), cluster.pods_on("node-1")), (1, 1));
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn minutes_of_readiness_count_and_events_say_what_was_done() {
    let cluster = Cluster::with_nodes(1).await;
    let mut web = set(1);
    web["spec"]["minReadySeconds"] = 10.into();
    cluster.put(web);
    cluster.pass(5_000).await;
    let counts =
        |set: &Json| (set["status"]["readyReplicas"].clone(), set["status"]["availableReplicas"].clone());
    assert_eq!(counts(&cluster.get(REPLICA_SETS, "web")), (json!(1), Json::Null));
    cluster.pass(10_000).await;
    let web = cluster.get(REPLICA_SETS, "web");
    assert_eq!((counts(&web), conditions(&web).as_str()), ((json!(1), json!(1)), ""));
    let pod = name(&cluster.all(PODS)[0]).to_owned();
    cluster.change(REPLICA_SETS, "web", |set| set["spec"]["replicas"] = 0.into());
    cluster.pass(5).await;
    let events = cluster.events("ReplicaSet").join("\n").replace(&pod, "POD");
    expect![[r#"
        SuccessfulCreate x1: Created pod: POD
        SuccessfulDelete x1: Deleted pod: POD"#]]
    .assert_eq(&events);
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn one_whose_pods_would_not_be_its_own_makes_none() {
    let cluster = Cluster::with_nodes(1).await;
    let mut web = set(2);
    web["spec"]["selector"] =
        json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]});
    let write = crate::api::Write::by("kubectl");
    // The server may well refuse it; if it does not, nothing must come of it.
    let _ = cluster.api.create(REPLICA_SETS, "n", web, &write);
    cluster.pass(1_000).await;
    assert!(cluster.all(PODS).is_empty());
    cluster.end().await;
}
