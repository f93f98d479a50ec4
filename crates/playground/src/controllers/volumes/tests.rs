use crate::controllers::kinds::{CLAIMS, PERSISTENT_VOLUMES, PODS};
use crate::controllers::object::{condition, name, text};
use crate::controllers::testing::Cluster;
use serde_json::{Value as Json, json};

fn claim(name: &str, size: &str, class: Json) -> Json {
    let mut claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}},
    });
    if !class.is_null() {
        claim["spec"]["storageClassName"] = class;
    }
    claim
}

fn volume(name: &str, size: &str) -> Json {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"},
            "persistentVolumeReclaimPolicy": "Retain",
        },
    })
}

fn phase(object: &Json) -> &str {
    text(object, "/status/phase")
}

#[tokio::test(start_paused = true)]
async fn a_claim_takes_the_smallest_volume_that_fits_else_one_is_made() {
    let cluster = Cluster::with_nodes(1).await;
    for (name, size) in [("small", "1Gi"), ("large", "20Gi"), ("fitting", "8Gi")] {
        cluster.put(volume(name, size));
    }
    cluster.put(claim("data", "8Gi", Json::Null));
    cluster.pass(10).await;
    let data = cluster.get(CLAIMS, "data");
    assert_eq!((phase(&data), text(&data, "/spec/volumeName")), ("Bound", "fitting"));
    assert_eq!(data["status"]["capacity"]["storage"], "8Gi");
    assert_eq!(phase(&cluster.get(PERSISTENT_VOLUMES, "small")), "Available");
    cluster.put(claim("made", "50Gi", Json::Null));
    cluster.put(claim("nowhere", "50Gi", "fast".into()));
    cluster.pass(10).await;
    let made = cluster.get(CLAIMS, "made");
    let volume = text(&made, "/spec/volumeName").to_owned();
    assert_eq!((phase(&made), text(&made, "/spec/storageClassName")), ("Bound", "standard"));
    assert_eq!(phase(&cluster.get(PERSISTENT_VOLUMES, &volume)), "Bound");
    assert_eq!(phase(&cluster.get(CLAIMS, "nowhere")), "Pending");
    let told = cluster.events("PersistentVolumeClaim");
    assert!(
        told.iter().any(|line| line.contains("storageclass.storage.k8s.io \"fast\" not found")),
        "{told:?}"
    );
    // What was made goes with its claim, what was there is kept.
    cluster.delete(CLAIMS, "made", None);
    cluster.delete(CLAIMS, "data", None);
    cluster.pass(10).await;
    assert!(cluster.api.get(PERSISTENT_VOLUMES, "", &volume).is_err());
    assert_eq!(phase(&cluster.get(PERSISTENT_VOLUMES, "fitting")), "Released");
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_waits_for_its_claim_and_a_claim_in_use_waits_for_its_pod() {
    let cluster = Cluster::with_nodes(1).await;
    cluster.put(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "db"},
        "spec": {
            "containers": [{"name": "c", "image": "db:1"}],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
        },
    }));
    cluster.pass(10).await;
    let why = |cluster: &Cluster| {
        let pod = cluster.get(PODS, "db");
        condition(&pod, "PodScheduled").map_or("", |known| text(known, "/message")).to_owned()
    };
    assert_eq!(
        why(&cluster),
        "0/1 nodes are available: persistentvolumeclaim \"data\" not found. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    );
    cluster.put(claim("data", "8Gi", Json::Null));
    cluster.pass(10).await;
    assert_eq!(text(&cluster.get(PODS, "db"), "/spec/nodeName"), "node-0");
    cluster.delete(CLAIMS, "data", None);
    cluster.pass(100).await;
    assert_eq!(name(&cluster.get(CLAIMS, "data")), "data", "it is in use");
    cluster.delete(PODS, "db", None);
    cluster.pass(2_000).await;
    assert!(cluster.all(CLAIMS).is_empty());
    cluster.end().await;
}
