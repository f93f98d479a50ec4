//! Nodes with the real controllers around them, over pipes and under tokio's paused clock.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use crate::api::{Clock, Delete, Write};
use crate::controllers::Handles;
use crate::controllers::kinds::EVENTS;
use crate::controllers::object::{list, name, text};
use crate::program::http::exchange;
use crate::program::{Container, Figures, TERMINATED, demo_system};
use crate::resource::{Resource, of_kind};
use crate::store::Store;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::json;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

const NS: &str = "shop";

struct Cluster {
    api: Api,
    net: Net,
    metrics: Metrics,
    ingress: SocketAddr,
    stop: CancellationToken,
    tasks: Vec<JoinSet<()>>,
}

impl Cluster {
    async fn up() -> Cluster {
        let clock = Clock::starting("2026-11-20T09:00:00Z".parse().unwrap());
        let api = Api::new(Arc::new(Store::default()), clock);
        let (net, metrics, stop) = (Net::memory(), Metrics::default(), CancellationToken::new());
        let handles =
            Handles { metrics: metrics.clone(), root_ca: "PEM".to_owned(), stop: stop.clone(), seed: 7 };
        let mut programs = demo_system();
        programs.push(Arc::new(Ends));
        let config = Config {
            nodes: vec!["node-0".to_owned(), "node-1".to_owned()],
            range: PodRange::default(),
            net: net.clone(),
            programs,
            volumes: None,
            metrics: metrics.clone(),
            stop: stop.clone(),
        };
        let at = "127.0.0.1:80".parse().unwrap();
        let config_of_ingress =
            crate::ingress::Config { at, host: net.clone(), net: net.clone(), stop: stop.clone() };
        let (ingress, serving) = crate::ingress::run(api.clone(), config_of_ingress).await.unwrap();
        let tasks = vec![crate::controllers::run(api.clone(), handles), run(api.clone(), config), serving];
        let cluster = Cluster { api, net, metrics, ingress, stop, tasks };
        cluster.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NS}}));
        sleep(Duration::from_millis(10)).await;
        cluster
    }

    async fn down(self) {
        self.stop.cancel();
        for mut tasks in self.tasks {
            while let Some(ended) = tasks.join_next().await {
                ended.unwrap();
            }
        }
    }

    fn put(&self, object: Json) {
        let (group, _) = text(&object, "/apiVersion").split_once('/').unwrap_or(("", "v1"));
        let resource = of_kind(group, text(&object, "/kind")).unwrap();
        let namespace = if resource.namespaced { NS } else { "" };
        self.api.create(resource, namespace, object, &Write::by("test")).unwrap();
    }

    fn pod(&self, name: &str) -> Option<Arc<Json>> {
        self.api.get(PODS, NS, name).ok()
    }

    fn pods(&self, app: &str) -> Vec<Arc<Json>> {
        let mut pods = self.api.list(PODS, Some(NS)).0;
        pods.retain(|pod| pod["metadata"]["labels"]["app"] == app);
        pods
    }

    fn delete(&self, resource: &'static Resource, name: &str) {
        self.api.delete(resource, NS, name, &Delete::default()).unwrap();
    }

    fn database(&self) {
        let exec = |delay: u64| json!({"exec": {"command": ["mongo", "--eval", "db.adminCommand('ping')"]}, "initialDelaySeconds": delay, "timeoutSeconds": 5});
        let claim = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
        self.put(json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "db"}, "spec": claim}));
        self.service("db", json!({"port": 27017, "targetPort": "mongodb"}));
        self.deployment("db", 1, json!({
            "containers": [{
                "name": "db", "image": "docker.io/bitnami/mongodb:4.0.3", "ports": [{"name": "mongodb", "containerPort": 27017}],
                "livenessProbe": exec(30), "readinessProbe": exec(5), "volumeMounts": [{"name": "data", "mountPath": "/bitnami/mongodb"}],
            }],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "db"}}],
        }));
    }

    fn service(&self, name: &str, port: Json) {
        let spec = json!({"selector": {"app": name}, "ports": [port]});
        self.put(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}));
    }

    fn deployment(&self, name: &str, replicas: u64, pod: Json) {
        let labels = json!({"app": name});
        self.put(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
            "replicas": replicas, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        }}));
    }

    fn bare(&self, name: &str, spec: Json) {
        let metadata = json!({"name": name, "labels": {"app": name}});
        self.put(json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}));
    }

    fn front(&self) {
        self.service("app", json!({"port": 80, "targetPort": 8080, "name": "http"}));
        self.put(json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "app"}, "spec": {
            "ingressClassName": "nginx",
            "rules": [{"host": "shop.acme.com", "http": {"paths": [{
                "path": "/", "pathType": "ImplementationSpecific",
                "backend": {"service": {"name": "app", "port": {"number": 80}}},
            }]}}],
        }}));
    }

    /// The whole demo system, Ready.
    async fn shop(&self, replicas: u64) {
        self.database();
        self.front();
        self.deployment("app", replicas, json!({"containers": [app()]}));
        self.until(60, || {
            let ready = self.pods("app").iter().filter(|pod| ready(pod)).count();
            u64::try_from(ready).unwrap() == replicas
        })
        .await;
    }

    /// What a host's client gets through the ingress.
    async fn get(&self, host: &str, path: &str) -> (u16, String) {
        let stream = self.net.dial(None, self.ingress).await.unwrap();
        let request = Request::get(path).header("host", host).body(Full::<Bytes>::default()).unwrap();
        let (status, body) = exchange(stream, request).await.unwrap();
        (status.as_u16(), String::from_utf8_lossy(&body).trim_end().to_owned())
    }

    /// Waits until something is so; how long that took.
    async fn until(&self, seconds: u64, mut so: impl FnMut() -> bool) -> Duration {
        let began = Instant::now();
        while !so() {
            assert!(
                began.elapsed() < Duration::from_secs(seconds),
                "not within {seconds} s: {:#?}",
                self.api.list(PODS, None).0
            );
            sleep(Duration::from_millis(10)).await;
        }
        began.elapsed()
    }

    fn events(&self, of: &str) -> Vec<String> {
        let events = self.api.list(EVENTS, Some(NS)).0;
        let about = events.iter().filter(|event| text(event, "/involvedObject/name") == of);
        let about = about.filter(|event| text(event, "/source/component") == "kubelet");
        about
            .map(|event| {
                format!("{} {}: {}", text(event, "/type"), text(event, "/reason"), text(event, "/message"))
            })
            .collect()
    }

    fn log(&self, pod: &Json, container: &str, previous: bool) -> String {
        let log = self.api.logs().of(uid(pod), container, previous).unwrap();
        log.lines().iter().map(|(_, line)| line.to_string()).collect::<Vec<_>>().join("\n")
    }
}

fn app() -> Json {
    let get = json!({"httpGet": {"path": "/", "port": 8080}});
    json!({
        "name": "app", "image": "vfarcic/go-demo-8:0.0.1", "ports": [{"containerPort": 8080}],
        "env": [{"name": "DB", "value": "db"}, {"name": "VERSION", "value": "0.0.1"}],
        "livenessProbe": get, "readinessProbe": get,
        "resources": {"limits": {"cpu": "100m"}, "requests": {"cpu": "50m"}},
    })
}

fn ready(pod: &Json) -> bool {
    list(pod, "/status/conditions").iter().any(|known| known["type"] == "Ready" && known["status"] == "True")
}

fn container(pod: &Json) -> &Json {
    &pod["status"]["containerStatuses"][0]
}

/// A program that ends: after so many seconds, with a code; `deaf` to SIGTERM.
struct Ends;

impl Program for Ends {
    fn images(&self) -> &'static [&'static str] {
        &["test/ends:*"]
    }
    fn figures(&self) -> Figures {
        Figures::default()
    }
    fn run(&self, container: Container) -> Pin<Box<dyn Future<Output = i32> + Send>> {
        Box::pin(async move {
            let number = |at: usize| container.arguments.get(at).and_then(|word| word.parse().ok());
            let seconds = Duration::from_secs(number(0).unwrap_or(0));
            let deaf = container.arguments.get(2).is_some();
            tokio::select! {
                () = sleep(seconds) => i32::try_from(number(1).unwrap_or(0)).unwrap(),
                () = container.terminated.cancelled(), if !deaf => TERMINATED,
            }
        })
    }
    fn exec(
        &self,
        _container: Container,
        _command: Vec<String>,
    ) -> Pin<Box<dyn Future<Output = (i32, String)> + Send>> {
        Box::pin(async { (1, "no".to_owned()) })
    }
}

fn ends(words: &[&str]) -> Json {
    json!({"name": "c", "image": "test/ends:1", "args": words})
}

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
async fn the_ingress_answers_for_what_is_not_there() {
    let cluster = Cluster::up().await;
    cluster.front();
    let (status, page) = cluster.get("nobody.acme.com", "/").await;
    assert_eq!((status, page.contains("<center>nginx</center>")), (404, true));
    let (status, page) = cluster.get("shop.acme.com", "/").await;
    assert_eq!((status, page.contains("503 Service Temporarily Unavailable")), (503, true));
    let ingress = cluster.api.list(of_kind("networking.k8s.io", "Ingress").unwrap(), Some(NS)).0.remove(0);
    assert_eq!(ingress["status"]["loadBalancer"]["ingress"], json!([{"ip": "127.0.0.1"}]));
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
async fn services_lead_to_whoever_is_ready() {
    let cluster = Cluster::up().await;
    let spec = json!({"type": "NodePort", "selector": {"app": "app"}, "ports": [{"port": 80, "targetPort": 8080, "nodePort": 30080}]});
    cluster.put(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "app"}, "spec": spec}));
    cluster.database();
    cluster.deployment("app", 2, json!({"containers": [app()]}));
    let service = cluster.api.get(crate::controllers::kinds::SERVICES, NS, "app").unwrap();
    let at: SocketAddr = (text(&service, "/spec/clusterIP").parse::<IpAddr>().unwrap(), 80).into();
    let node: SocketAddr = (PodRange::default().node(1), 30080).into();
    assert!(cluster.net.dial(None, at).await.is_err(), "nobody is ready yet");
    cluster.until(60, || cluster.pods("app").iter().filter(|pod| ready(pod)).count() == 2).await;
    sleep(Duration::from_millis(100)).await;
    for at in [at, node] {
        for _ in 0..10 {
            let stream = cluster.net.dial(None, at).await.unwrap();
            let request = Request::get("/").header("host", "app").body(Full::<Bytes>::default()).unwrap();
            assert_eq!(exchange(stream, request).await.unwrap().0.as_u16(), 200);
        }
    }
    cluster.api.delete(crate::controllers::kinds::SERVICES, NS, "app", &Delete::default()).unwrap();
    sleep(Duration::from_millis(100)).await;
    assert!(cluster.net.dial(None, at).await.is_err(), "the Service is gone");
    cluster.down().await;
}

/// The same seam over sockets: in real time, so without anything that waits.
#[tokio::test]
async fn services_and_ingress_over_sockets() {
    let api = Api::new(Arc::new(Store::default()), Clock::starting(jiff::Timestamp::UNIX_EPOCH));
    // An address block that no playground of a person is likely to have.
    let network = u8::try_from(std::process::id() % 100 + 100).unwrap();
    let (stop, ip) = (CancellationToken::new(), |last| IpAddr::V4([127, network, 9, last].into()));
    let mut listener = Net::Loopback.listen((ip(1), 0).into()).await.unwrap();
    let port = listener.address().unwrap().port();
    let config = crate::ingress::Config {
        at: (ip(2), 0).into(),
        host: Net::Loopback,
        net: Net::Loopback,
        stop: stop.clone(),
    };
    let (ingress, mut serving) = crate::ingress::run(api.clone(), config).await.unwrap();
    let proxy = tokio::spawn(proxy::run(api.clone(), Net::Loopback, Vec::new()));
    let put = |object: Json| {
        let (group, _) = text(&object, "/apiVersion").split_once('/').unwrap_or(("", "v1"));
        let resource = of_kind(group, text(&object, "/kind")).unwrap();
        api.create(resource, "default", object, &Write::by("test")).unwrap();
    };
    let backend = json!({"service": {"name": "web", "port": {"number": 8000}}});
    for object in [
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"clusterIP": ip(3).to_string(), "ports": [{"port": 8000}]}}),
        json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "web"}, "subsets": [{"addresses": [{"ip": ip(1).to_string()}], "ports": [{"port": port}]}]}),
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web"}, "spec": {"defaultBackend": backend}}),
    ] {
        put(object);
    }
    let ask = async |at: SocketAddr| {
        let mut stream = Net::Loopback.dial(None, at).await;
        // The proxy listens as soon as it has seen the endpoints.
        while stream.is_err() {
            tokio::task::yield_now().await;
            stream = Net::Loopback.dial(None, at).await;
        }
        let request = Request::get("/").header("host", "web").body(Full::<Bytes>::default()).unwrap();
        exchange(stream.unwrap(), request).await.unwrap().1
    };
    let answer = async {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = hyper::service::service_fn(|_| async {
                Ok::<_, std::convert::Infallible>(hyper::Response::new(Full::new(Bytes::from("here"))))
            });
            let io = hyper_util::rt::TokioIo::new(stream);
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
        }
    };
    let asks = async { (ask(ingress).await, ask((ip(3), 8000).into()).await) };
    let answers = tokio::select! {
        answers = asks => answers,
        () = answer => unreachable!("it answers for ever"),
    };
    assert_eq!(answers, (Bytes::from("here"), Bytes::from("here")));
    stop.cancel();
    while serving.join_next().await.is_some() {}
    proxy.abort();
    assert!(proxy.await.unwrap_err().is_cancelled());
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
