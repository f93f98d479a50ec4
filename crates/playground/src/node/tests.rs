//! Nodes with the real controllers around them, over pipes and under tokio's paused clock.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod cluster;
mod network;

use super::*;
use crate::api::Delete;
use crate::controllers::object::{list, name, text};
use crate::program::TERMINATED;
use cluster::*;
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

#[tokio::test(start_paused = true)]
async fn without_a_database_a_pod_crashes_again_and_again_until_there_is_one() {
    let cluster = Cluster::up().await;
    cluster.bare("app", json!({"containers": [app()]}));
    sleep(Duration::from_secs(1)).await;
    let pod = cluster.pod("app").unwrap();
    assert_eq!(pod["status"]["phase"], "Pending");
    assert_eq!(container(&pod)["state"], json!({"waiting": {"reason": "ContainerCreating"}}));
    sleep(Duration::from_secs(2)).await;
    let pod = cluster.pod("app").unwrap();
    assert!(container(&pod)["state"]["running"].is_object(), "{pod:#}");
    assert!(!ready(&pod));
    // It dials for 10 s, crashes, starts again at once, crashes again, and waits 10 s.
    sleep(Duration::from_secs(20)).await;
    let pod = cluster.pod("app").unwrap();
    let status = container(&pod);
    assert_eq!(status["restartCount"], 1);
    let whole = format!("app_{NS}({})", uid(&pod));
    let message = format!("back-off 10s restarting failed container=app pod={whole}");
    assert_eq!(status["state"]["waiting"], json!({"reason": "CrashLoopBackOff", "message": message}));
    assert_eq!(status["lastState"]["terminated"]["exitCode"], 2);
    assert_eq!(pod["status"]["phase"], "Running");
    assert!(cluster.log(&pod, "app", false).contains("panic: no reachable servers"));
    sleep(Duration::from_secs(10)).await;
    let pod = cluster.pod("app").unwrap();
    assert_eq!(container(&pod)["restartCount"], 2);
    assert!(container(&pod)["state"]["running"].is_object());
    assert_eq!(cluster.log(&pod, "app", false), "Starting the application\nConfiguring DB db");
    assert!(cluster.log(&pod, "app", true).contains("panic: no reachable servers"));
    cluster.database();
    let took = cluster.until(60, || ready(&cluster.pod("app").unwrap())).await;
    assert!(took < Duration::from_secs(40), "{took:?}");
    let pod = cluster.pod("app").unwrap();
    let events = cluster.events("app");
    for expected in [
        "Normal Pulled: Container image \"vfarcic/go-demo-8:0.0.1\" already present on machine".to_owned(),
        "Normal Created: Created container: app".to_owned(),
        "Normal Started: Started container app".to_owned(),
        format!("Warning BackOff: Back-off restarting failed container app in pod {whole}"),
        format!(
            "Warning Unhealthy: Readiness probe failed: Get \"http://{ip}:8080/\": dial tcp {ip}:8080: connect: connection refused",
            ip = text(&pod, "/status/podIP")
        ),
    ] {
        assert!(events.contains(&expected), "{expected}\nis not in {events:#?}");
    }
    cluster.down().await;
}

#[tokio::test(start_paused = true)]
async fn a_deleted_pod_is_gone_after_a_moment_and_its_replacement_ready_soon() {
    let cluster = Cluster::up().await;
    cluster.shop(1).await;
    let before = cluster.pods("app").remove(0);
    assert_eq!(cluster.get("shop.acme.com", "/").await, (200, "Version: 0.0.1; Release: unknown".to_owned()));
    cluster.delete(PODS, name(&before));
    sleep(Duration::from_millis(100)).await;
    assert_eq!(cluster.get("shop.acme.com", "/").await.0, 503, "its endpoint went at once");
    let pods = cluster.pods("app");
    assert_eq!(pods.len(), 2, "it is still there, and so is its replacement");
    let gone = cluster.until(5, || cluster.pod(name(&before)).is_none()).await + Duration::from_millis(100);
    assert!(gone >= times::POD_GONE && gone < times::POD_GONE + Duration::from_millis(50), "{gone:?}");
    let back = cluster.until(10, || ready(&cluster.pods("app")[0])).await + gone;
    assert!(back < Duration::from_secs(10), "{back:?}");
    sleep(Duration::from_millis(100)).await;
    assert_eq!(cluster.get("shop.acme.com", "/").await.0, 200, "endpoints follow readiness within 100 ms");
    let killing = "Normal Killing: Stopping container app".to_owned();
    assert!(cluster.events(name(&before)).contains(&killing));
    assert!(cluster.api.logs().of(uid(&before), "app", false).is_none());
    cluster.down().await;
}

#[tokio::test(start_paused = true)]
async fn with_two_replicas_nobody_notices_the_end_of_one() {
    let cluster = Cluster::up().await;
    cluster.shop(2).await;
    cluster.delete(PODS, name(&cluster.pods("app")[0]));
    for _ in 0..100 {
        sleep(Duration::from_millis(20)).await;
        assert_eq!(cluster.get("shop.acme.com", "/").await.0, 200);
    }
    cluster.down().await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_database_hangs_its_users_though_all_looks_healthy() {
    let cluster = Cluster::up().await;
    cluster.shop(2).await;
    assert_eq!(cluster.get("shop.acme.com", "/demo/person").await.0, 200);
    cluster.delete(PODS, name(&cluster.pods("db")[0]));
    sleep(Duration::from_secs(2)).await;
    let three = Duration::from_secs(3);
    assert!(timeout(three, cluster.get("shop.acme.com", "/demo/person")).await.is_err());
    cluster.until(60, || ready(&cluster.pods("db")[0])).await;
    assert!(
        timeout(three, cluster.get("shop.acme.com", "/demo/person")).await.is_err(),
        "it never reconnects"
    );
    assert_eq!(cluster.get("shop.acme.com", "/").await.0, 200);
    assert!(cluster.pods("app").iter().all(|pod| ready(pod)));
    for pod in cluster.pods("app") {
        cluster.delete(PODS, name(&pod));
    }
    sleep(Duration::from_secs(2)).await;
    cluster
        .until(20, || cluster.pods("app").len() == 2 && cluster.pods("app").iter().all(|pod| ready(pod)))
        .await;
    sleep(Duration::from_millis(100)).await;
    assert_eq!(cluster.get("shop.acme.com", "/demo/person").await.0, 200, "a restart mends it");
    cluster.down().await;
}

#[tokio::test(start_paused = true)]
async fn an_image_that_nothing_runs_is_not_pulled() {
    let cluster = Cluster::up().await;
    cluster.bare("web", json!({"containers": [{"name": "web", "image": "nginx:1.27"}]}));
    sleep(Duration::from_secs(3)).await;
    let reason = |pod: &Json| text(container(pod), "/state/waiting/reason").to_owned();
    let pod = cluster.pod("web").unwrap();
    assert_eq!(reason(&pod), "ErrImagePull");
    sleep(Duration::from_secs(3)).await;
    let pod = cluster.pod("web").unwrap();
    assert_eq!((reason(&pod), text(&pod, "/status/phase")), ("ImagePullBackOff".to_owned(), "Pending"));
    let message = text(container(&pod), "/state/waiting/message");
    assert!(message.starts_with("Back-off pulling image \"nginx:1.27\": ErrImagePull: "), "{message}");
    assert!(message.contains("vfarcic/go-demo-8:*"), "{message}");
    assert_eq!(container(&pod)["restartCount"], 0);
    cluster.down().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_container_needs_may_come_later() {
    let cluster = Cluster::up().await;
    let variable = json!({"name": "C", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "c"}}});
    let mut spec = ends(&["1000", "0"]);
    spec["env"] = json!([variable]);
    cluster.bare("p", json!({"containers": [spec]}));
    sleep(Duration::from_secs(3)).await;
    let waiting = container(&cluster.pod("p").unwrap())["state"]["waiting"].clone();
    let expected =
        json!({"reason": "CreateContainerConfigError", "message": "configmap \"settings\" not found"});
    assert_eq!(waiting, expected);
    cluster.put(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"c": "1"}}));
    cluster.until(15, || ready(&cluster.pod("p").unwrap())).await;
    assert_eq!(container(&cluster.pod("p").unwrap())["restartCount"], 0);
    cluster.down().await;
}

#[tokio::test(start_paused = true)]
async fn restart_policies_and_init_containers() {
    let cluster = Cluster::up().await;
    let check = async |name: &str, policy: &str, init: Json, words: &[&str], phase: &str, restarts: u64| {
        let spec = json!({"restartPolicy": policy, "initContainers": init, "containers": [ends(words)]});
        cluster.bare(name, spec);
        sleep(Duration::from_secs(5)).await;
        let pod = cluster.pod(name).unwrap();
        assert_eq!(pod["status"]["phase"], phase, "{name}: {pod:#}");
        assert_eq!(container(&pod)["restartCount"], restarts, "{name}");
    };
    let none = json!([]);
    check("done", "Never", none.clone(), &["1", "0"], "Succeeded", 0).await;
    check("failed", "Never", none.clone(), &["1", "3"], "Failed", 0).await;
    check("again", "OnFailure", none.clone(), &["1", "3"], "Running", 1).await;
    check("always", "Always", none, &["1", "0"], "Running", 1).await;
    let mut first = ends(&["1", "0"]);
    first["name"] = "first".into();
    check("init", "Never", json!([first]), &["1", "0"], "Succeeded", 0).await;
    first["args"] = json!(["0", "1"]);
    check("init-failed", "Never", json!([first]), &["1", "0"], "Failed", 0).await;
    let pod = cluster.pod("init-failed").unwrap();
    assert_eq!(container(&pod)["state"]["waiting"]["reason"], "PodInitializing");
    let done = cluster.pod("done").unwrap();
    assert_eq!(container(&done)["state"]["terminated"]["reason"], "Completed");
    cluster.delete(PODS, "done");
    assert!(cluster.pod("done").is_none(), "what has ended needs no grace");
    cluster.down().await;
}

#[tokio::test(start_paused = true)]
async fn a_program_that_ignores_sigterm_is_killed_at_the_end_of_its_grace() {
    let cluster = Cluster::up().await;
    let spec = json!({"terminationGracePeriodSeconds": 7, "containers": [ends(&["1000", "0", "deaf"])]});
    cluster.bare("deaf", spec.clone());
    cluster.bare("hastened", spec);
    sleep(Duration::from_secs(3)).await;
    cluster.delete(PODS, "deaf");
    cluster.delete(PODS, "hastened");
    let hasten = Delete { grace_period: Some(2), ..Delete::default() };
    cluster.api.delete(PODS, NS, "hastened", &hasten).unwrap();
    let began = Instant::now();
    cluster.until(3, || cluster.pod("hastened").is_none()).await;
    assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    cluster.until(8, || cluster.pod("deaf").is_none()).await;
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(7) && took < Duration::from_millis(7100), "{took:?}");
    cluster.bare("forced", json!({"containers": [ends(&["1000", "0", "deaf"])]}));
    sleep(Duration::from_secs(3)).await;
    let force = Delete { grace_period: Some(0), ..Delete::default() };
    cluster.api.delete(PODS, NS, "forced", &force).unwrap();
    assert!(cluster.pod("forced").is_none());
    cluster.down().await;
}

#[tokio::test(start_paused = true)]
async fn a_container_that_fails_its_liveness_probe_is_restarted() {
    let cluster = Cluster::up().await;
    let mut sick = ends(&["1000", "0"]);
    sick["livenessProbe"] = json!({"exec": {"command": ["true"]}, "periodSeconds": 2, "failureThreshold": 3});
    cluster.bare("sick", json!({"containers": [sick]}));
    cluster.until(10, || container(&cluster.pod("sick").unwrap())["restartCount"] == 1).await;
    let pod = cluster.pod("sick").unwrap();
    assert_eq!(container(&pod)["lastState"]["terminated"]["exitCode"], TERMINATED);
    let events = cluster.events("sick");
    assert!(events.contains(&"Warning Unhealthy: Liveness probe failed: no".to_owned()), "{events:#?}");
    let killing = "Normal Killing: Container c failed liveness probe, will be restarted".to_owned();
    assert!(events.contains(&killing), "{events:#?}");
    let mut slow = ends(&["1000", "0"]);
    slow["startupProbe"] = json!({"tcpSocket": {"port": 9}, "periodSeconds": 1, "failureThreshold": 5});
    cluster.bare("slow", json!({"containers": [slow]}));
    sleep(Duration::from_secs(5)).await;
    assert_eq!(container(&cluster.pod("slow").unwrap())["started"], false);
    cluster.until(5, || container(&cluster.pod("slow").unwrap())["restartCount"] == 1).await;
    cluster.down().await;
}

#[tokio::test(start_paused = true)]
async fn spans_beyond_all_clocks_harm_nobody() {
    let cluster = Cluster::up().await;
    let spec = json!({
        "activeDeadlineSeconds": i32::MAX, "terminationGracePeriodSeconds": i64::MAX,
        "containers": [ends(&["1000", "0"])],
    });
    cluster.bare("long", spec);
    sleep(Duration::from_secs(4)).await;
    assert_eq!(text(&cluster.pod("long").unwrap(), "/status/phase"), "Running");
    cluster.delete(PODS, "long");
    cluster.until(4, || cluster.pod("long").is_none()).await;
    cluster.down().await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_is_active_no_longer_than_its_deadline() {
    let cluster = Cluster::up().await;
    cluster.bare("late", json!({"activeDeadlineSeconds": 10, "containers": [ends(&["1000", "0"])]}));
    cluster.bare(
        "done",
        json!({"activeDeadlineSeconds": 10, "restartPolicy": "Never", "containers": [ends(&["1", "0"])]}),
    );
    sleep(Duration::from_secs(9)).await;
    assert_eq!(text(&cluster.pod("late").unwrap(), "/status/phase"), "Running");
    sleep(Duration::from_secs(3)).await;
    let late = cluster.pod("late").unwrap();
    assert_eq!((text(&late, "/status/phase"), text(&late, "/status/reason")), ("Failed", "DeadlineExceeded"));
    sleep(Duration::from_secs(20)).await;
    let late = cluster.pod("late").unwrap();
    assert_eq!(container(&late)["state"]["terminated"]["exitCode"], TERMINATED);
    assert_eq!(container(&late)["restartCount"], 0);
    let told =
        "Normal DeadlineExceeded: Pod was active on the node longer than the specified deadline".to_owned();
    assert!(cluster.events("late").contains(&told), "{:#?}", cluster.events("late"));
    assert_eq!(text(&cluster.pod("done").unwrap(), "/status/phase"), "Succeeded");
    cluster.delete(PODS, "late");
    cluster.until(2, || cluster.pod("late").is_none()).await;
    cluster.down().await;
}

#[tokio::test(start_paused = true)]
async fn hooks_come_after_the_start_and_before_the_end() {
    let cluster = Cluster::up().await;
    let with = |name: &str, grace: u64, hooks: Json| {
        let mut container = ends(&["1000", "0"]);
        container["lifecycle"] = hooks;
        cluster.bare(name, json!({"terminationGracePeriodSeconds": grace, "containers": [container]}));
    };
    let failing = || json!({"exec": {"command": ["anything"]}});
    with("slept", 30, json!({"preStop": {"sleep": {"seconds": 5}}}));
    with("short", 3, json!({"preStop": {"sleep": {"seconds": 60}}}));
    with("failed", 30, json!({"preStop": failing()}));
    with("unstarted", 30, json!({"postStart": failing()}));
    sleep(Duration::from_secs(4)).await;
    assert_eq!(container(&cluster.pod("unstarted").unwrap())["restartCount"], 1);
    let told = "Warning FailedPostStartHook: PostStartHook failed".to_owned();
    assert!(cluster.events("unstarted").contains(&told), "{:#?}", cluster.events("unstarted"));
    for (name, seconds) in [("slept", 5), ("short", 3), ("failed", 1)] {
        let began = Instant::now();
        cluster.delete(PODS, name);
        cluster.until(30, || cluster.pod(name).is_none()).await;
        assert_eq!(began.elapsed().as_secs(), seconds, "{name}");
    }
    for name in ["failed", "short"] {
        let told = "Warning FailedPreStopHook: PreStopHook failed".to_owned();
        assert!(cluster.events(name).contains(&told), "{name}: {:#?}", cluster.events(name));
    }
    cluster.down().await;
}

#[tokio::test(start_paused = true)]
async fn what_pods_use_is_known() {
    let cluster = Cluster::up().await;
    cluster.shop(1).await;
    sleep(Duration::from_secs(10)).await;
    let pod = cluster.pods("app").remove(0);
    let idle = cluster.metrics.get(NS, name(&pod)).unwrap();
    assert_eq!((idle.millicores, idle.bytes), (2, 8 << 20));
    let hello = timeout(Duration::from_secs(10), cluster.get("shop.acme.com", "/demo/hello?delay=60000"));
    assert!(hello.await.is_err());
    cluster.delete(PODS, name(&pod));
    sleep(Duration::from_secs(3)).await;
    assert!(cluster.metrics.get(NS, name(&pod)).is_none());
    cluster.down().await;
}

#[tokio::test(start_paused = true)]
async fn nodes_that_start_again_run_their_pods_again() {
    let cluster = Cluster::up().await;
    cluster.bare("p", json!({"containers": [ends(&["1000", "0"])]}));
    cluster.until(5, || ready(&cluster.pod("p").unwrap())).await;
    let (api, before) = (cluster.api.clone(), cluster.pod("p").unwrap());
    cluster.down().await;
    let stop = CancellationToken::new();
    let config = Config {
        nodes: vec!["node-0".to_owned(), "node-1".to_owned()],
        range: PodRange::default(),
        net: Net::memory(),
        programs: vec![Arc::new(Ends)],
        volumes: None,
        metrics: Metrics::default(),
        stop: stop.clone(),
    };
    let mut nodes = run(api.clone(), config);
    let pod = || api.get(PODS, NS, "p").unwrap();
    sleep(Duration::from_secs(1)).await;
    assert!(!ready(&pod()));
    sleep(Duration::from_secs(2)).await;
    assert!(ready(&pod()));
    assert_eq!(
        (container(&pod())["restartCount"].clone(), uid(&pod()).to_owned()),
        (json!(1), uid(&before).to_owned())
    );
    stop.cancel();
    while nodes.join_next().await.is_some() {}
}

#[tokio::test(start_paused = true)]
async fn nodes_show_that_they_live() {
    use crate::controllers::kinds::{LEASES, NODES};
    let cluster = Cluster::up().await;
    let node = || cluster.api.get(NODES, "", "node-0").unwrap();
    let ready = |node: &Json| {
        list(node, "/status/conditions").iter().find(|known| known["type"] == "Ready").cloned().unwrap()
    };
    let registered = node();
    sleep(Duration::from_secs(305)).await;
    let lease = cluster.api.get(LEASES, "kube-node-lease", "node-0").unwrap();
    assert_eq!(lease["spec"]["renewTime"], "2026-11-20T09:05:00.000000Z");
    assert_eq!(ready(&node())["lastHeartbeatTime"], "2026-11-20T09:05:00Z");
    assert_eq!(ready(&node())["lastTransitionTime"], "2026-11-20T09:00:00Z");
    assert_eq!(node()["status"]["nodeInfo"], registered["status"]["nodeInfo"]);
    cluster.api.delete(NODES, "", "node-0", &Delete::default()).unwrap();
    sleep(Duration::from_secs(30)).await;
    assert!(cluster.api.get(NODES, "", "node-0").is_err(), "who deletes a node wants it gone");
    cluster.down().await;
}

#[tokio::test(start_paused = true)]
async fn everything_ends_with_its_owner() {
    let cluster = Cluster::up().await;
    cluster.shop(1).await;
    let pod = cluster.pods("app").remove(0);
    let (net, ingress) = (cluster.net.clone(), cluster.ingress);
    let listens: SocketAddr = (text(&pod, "/status/podIP").parse::<IpAddr>().unwrap(), 8080).into();
    assert!(net.dial(None, listens).await.is_ok());
    let service = cluster.api.get(crate::controllers::kinds::SERVICES, NS, "db").unwrap();
    let service: SocketAddr = (text(&service, "/spec/clusterIP").parse::<IpAddr>().unwrap(), 27017).into();
    assert!(net.dial(None, service).await.is_ok());
    cluster.down().await;
    for at in [listens, service, ingress] {
        assert!(net.dial(None, at).await.is_err(), "{at}");
    }
}
