#![expect(clippy::unwrap_used, reason = "a test may panic")]
use crate::controllers::kinds::{DEPLOYMENTS, PODS, REPLICA_SETS};
use crate::controllers::object::{name, terminating};
use crate::controllers::testing::{Cluster, deployment};
use expect_test::{Expect, expect};
use serde_json::json;

fn check(cluster: &Cluster, expected: &Expect) {
    expected.assert_eq(&cluster.rollout("web"));
}

/// The events of the Deployment's scaling, with its ReplicaSets' names as numbers in the order of their appearance.
fn scaling(cluster: &Cluster) -> String {
    let mut names: Vec<String> = Vec::new();
    let lines = cluster.events("Deployment").into_iter().map(|line| {
        let hashed = line.split(' ').find(|word| word.starts_with("web-")).unwrap_or_default().to_owned();
        if !names.contains(&hashed) {
            names.push(hashed.clone());
        }
        let number = names.iter().position(|known| *known == hashed).unwrap();
        line.replace(&hashed, &format!("#{number}"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test(start_paused = true)]
async fn a_rolling_update_keeps_enough_available_and_a_rollback_is_a_template_that_was_there() {
    let cluster = Cluster::with_nodes(2).await;
    cluster.put(deployment("web", 3, "web:1"));
    cluster.pass(0).await;
    check(
        &cluster,
        &expect![[r#"
            revision 1: 3 replicas, 3 updated, 0 ready, 0 available, 3 unavailable; Available=False(MinimumReplicasUnavailable) Progressing=True(ReplicaSetUpdated)
              1: 3 of 3, 0 ready"#]],
    );
    cluster.pass(2_000).await;
    check(
        &cluster,
        &expect![[r#"
            revision 1: 3 replicas, 3 updated, 3 ready, 3 available, 0 unavailable; Available=True(MinimumReplicasAvailable) Progressing=True(NewReplicaSetAvailable)
              1: 3 of 3, 3 ready"#]],
    );
    let image = |image: &'static str| {
        move |object: &mut serde_json::Value| {
            object["spec"]["template"]["spec"]["containers"][0]["image"] = image.into();
        }
    };
    cluster.change(DEPLOYMENTS, "web", image("web:2"));
    cluster.pass(1_000).await;
    check(
        &cluster,
        &expect![[r#"
            revision 2: 4 replicas, 1 updated, 3 ready, 3 available, 1 unavailable; Available=True(MinimumReplicasAvailable) Progressing=True(ReplicaSetUpdated)
              1: 3 of 3, 3 ready
              2: 1 of 1, 0 ready"#]],
    );
    cluster.pass(20_000).await;
    check(
        &cluster,
        &expect![[r#"
            revision 2: 3 replicas, 3 updated, 3 ready, 3 available, 0 unavailable; Available=True(MinimumReplicasAvailable) Progressing=True(NewReplicaSetAvailable)
              1: 0 of 0, 0 ready
              2: 3 of 3, 3 ready"#]],
    );
    cluster.change(DEPLOYMENTS, "web", image("web:1"));
    cluster.pass(20_000).await;
    check(
        &cluster,
        &expect![[r#"
            revision 3: 3 replicas, 3 updated, 3 ready, 3 available, 0 unavailable; Available=True(MinimumReplicasAvailable) Progressing=True(NewReplicaSetAvailable)
              2: 0 of 0, 0 ready
              3: 3 of 3, 3 ready"#]],
    );
    expect![[r#"
        ScalingReplicaSet x1: Scaled up replica set #0 from 0 to 3
        ScalingReplicaSet x1: Scaled up replica set #1 from 0 to 1
        ScalingReplicaSet x1: Scaled down replica set #0 from 3 to 2
        ScalingReplicaSet x1: Scaled up replica set #1 from 1 to 2
        ScalingReplicaSet x1: Scaled down replica set #0 from 2 to 1
        ScalingReplicaSet x1: Scaled up replica set #1 from 2 to 3
        ScalingReplicaSet x1: Scaled down replica set #0 from 1 to 0
        ScalingReplicaSet x1: Scaled up replica set #0 from 0 to 1
        ScalingReplicaSet x1: Scaled down replica set #1 from 3 to 2
        ScalingReplicaSet x4: (combined from similar events): Scaled down replica set #1 from 1 to 0"#]]
    .assert_eq(&scaling(&cluster));
    let sets = cluster.all(REPLICA_SETS);
    let history = |set: &serde_json::Value| {
        set["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"].clone()
    };
    let history: Vec<_> = sets.iter().map(|set| history(set)).filter(|history| !history.is_null()).collect();
    assert_eq!(history, [json!("1")]);
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn recreate_waits_for_the_last_old_pod() {
    let cluster = Cluster::with_nodes(1).await;
    let mut web = deployment("web", 2, "web:1");
    web["spec"]["strategy"] = json!({"type": "Recreate"});
    cluster.put(web.clone());
    cluster.pass(3_000).await;
    cluster.change(DEPLOYMENTS, "web", |web| {
        web["spec"]["template"]["spec"]["containers"][0]["image"] = "web:2".into();
    });
    cluster.pass(1_400).await;
    check(
        &cluster,
        &expect![[r#"
        revision 1: 0 replicas, 0 updated, 0 ready, 0 available, 0 unavailable; Progressing=True(NewReplicaSetAvailable) Available=False(MinimumReplicasUnavailable)
          1: 0 of 0, 0 ready"#]],
    );
    assert!(cluster.all(PODS).iter().all(|pod| terminating(pod)), "old Pods go before new ones come");
    cluster.pass(4_000).await;
    check(
        &cluster,
        &expect![[r#"
            revision 2: 2 replicas, 2 updated, 2 ready, 2 available, 0 unavailable; Available=True(MinimumReplicasAvailable) Progressing=True(NewReplicaSetAvailable)
              1: 0 of 0, 0 ready
              2: 2 of 2, 2 ready"#]],
    );
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_does_not_get_ready_is_said_after_the_deadline_and_the_old_pods_stay() {
    let cluster = Cluster::with_nodes(1).await;
    let mut web = deployment("web", 4, "web:1");
    web["spec"]["progressDeadlineSeconds"] = 30.into();
    cluster.put(web);
    cluster.pass(5_000).await;
    cluster.change(DEPLOYMENTS, "web", |web| {
        web["spec"]["template"]["metadata"]["annotations"] = json!({"test/unready": "yes"});
    });
    cluster.pass(29_000).await;
    check(
        &cluster,
        &expect![[r#"
            revision 2: 5 replicas, 2 updated, 3 ready, 3 available, 2 unavailable; Available=True(MinimumReplicasAvailable) Progressing=True(ReplicaSetUpdated)
              1: 3 of 3, 3 ready
              2: 2 of 2, 0 ready"#]],
    );
    cluster.pass(3_000).await;
    check(
        &cluster,
        &expect![[r#"
            revision 2: 5 replicas, 2 updated, 3 ready, 3 available, 2 unavailable; Available=True(MinimumReplicasAvailable) Progressing=False(ProgressDeadlineExceeded)
              1: 3 of 3, 3 ready
              2: 2 of 2, 0 ready"#]],
    );
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_paused_deployment_scales_and_does_not_roll() {
    let cluster = Cluster::with_nodes(1).await;
    cluster.put(deployment("web", 2, "web:1"));
    cluster.pass(5_000).await;
    cluster.change(DEPLOYMENTS, "web", |web| {
        web["spec"]["paused"] = true.into();
        web["spec"]["replicas"] = 3.into();
        web["spec"]["template"]["spec"]["containers"][0]["image"] = "web:2".into();
    });
    cluster.pass(5_000).await;
    check(
        &cluster,
        &expect![[r#"
        revision 1: 3 replicas, 0 updated, 3 ready, 3 available, 0 unavailable; Progressing=Unknown(DeploymentPaused) Available=True(MinimumReplicasAvailable)
          1: 3 of 3, 3 ready"#]],
    );
    cluster.change(DEPLOYMENTS, "web", |web| web["spec"]["paused"] = false.into());
    cluster.pass(20_000).await;
    check(
        &cluster,
        &expect![[r#"
            revision 2: 3 replicas, 3 updated, 3 ready, 3 available, 0 unavailable; Available=True(MinimumReplicasAvailable) Progressing=True(NewReplicaSetAvailable)
              1: 0 of 0, 0 ready
              2: 3 of 3, 3 ready"#]],
    );
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn scaling_a_rollout_that_is_under_way_is_proportional() {
    let cluster = Cluster::with_nodes(1).await;
    cluster.put(deployment("web", 10, "web:1"));
    cluster.pass(5_000).await;
    cluster.change(DEPLOYMENTS, "web", |web| {
        web["spec"]["template"]["metadata"]["annotations"] = json!({"test/unready": "yes"});
    });
    cluster.pass(5_000).await;
    check(
        &cluster,
        &expect![[r#"
            revision 2: 13 replicas, 5 updated, 8 ready, 8 available, 5 unavailable; Available=True(MinimumReplicasAvailable) Progressing=True(ReplicaSetUpdated)
              1: 8 of 8, 8 ready
              2: 5 of 5, 0 ready"#]],
    );
    cluster.change(DEPLOYMENTS, "web", |web| web["spec"]["replicas"] = 20.into());
    cluster.pass(5_000).await;
    check(
        &cluster,
        &expect![[r#"
            revision 2: 25 replicas, 10 updated, 15 ready, 15 available, 10 unavailable; Available=True(MinimumReplicasAvailable) Progressing=True(ReplicaSetUpdated)
              1: 15 of 15, 15 ready
              2: 10 of 10, 0 ready"#]],
    );
    cluster.end().await;
}

#[tokio::test(start_paused = true)]
async fn old_replica_sets_beyond_the_limit_are_deleted() {
    let cluster = Cluster::with_nodes(1).await;
    let mut web = deployment("web", 1, "web:1");
    web["spec"]["revisionHistoryLimit"] = 1.into();
    cluster.put(web);
    for image in ["web:2", "web:3", "web:4"] {
        cluster.pass(20_000).await;
        cluster.change(DEPLOYMENTS, "web", |web| {
            web["spec"]["template"]["spec"]["containers"][0]["image"] = image.into();
        });
    }
    cluster.pass(20_000).await;
    check(
        &cluster,
        &expect![[r#"
            revision 4: 1 replicas, 1 updated, 1 ready, 1 available, 0 unavailable; Available=True(MinimumReplicasAvailable) Progressing=True(NewReplicaSetAvailable)
              3: 0 of 0, 0 ready
              4: 1 of 1, 1 ready"#]],
    );
    let before = cluster.all(PODS);
    cluster.delete(PODS, name(&before[0]), None);
    cluster.pass(5).await;
    assert_eq!(cluster.all(PODS).len(), 2, "the lost Pod is replaced within 5 ms, while it is still going");
    cluster.end().await;
}
