//! A cluster of nodes and controllers over pipes, with what tests ask of it.

use super::super::*;
use crate::api::{Clock, Delete, Write};
use crate::controllers::Handles;
use crate::controllers::kinds::EVENTS;
use crate::controllers::object::{list, text};
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
use tokio::time::{Instant, sleep};

pub(super) const NS: &str = "shop";

pub(super) struct Cluster {
    pub(super) api: Api,
    pub(super) net: Net,
    pub(super) metrics: Metrics,
    pub(super) ingress: SocketAddr,
    pub(super) stop: CancellationToken,
    pub(super) tasks: Vec<JoinSet<()>>,
}

impl Cluster {
    pub(super) async fn up() -> Cluster {
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

    pub(super) async fn down(self) {
        self.stop.cancel();
        for mut tasks in self.tasks {
            while let Some(ended) = tasks.join_next().await {
                ended.unwrap();
            }
        }
    }

    pub(super) fn put(&self, object: Json) {
        let (group, _) = text(&object, "/apiVersion").split_once('/').unwrap_or(("", "v1"));
        let resource = of_kind(group, text(&object, "/kind")).unwrap();
        let namespace = if resource.namespaced { NS } else { "" };
        self.api.create(resource, namespace, object, &Write::by("test")).unwrap();
    }

    pub(super) fn pod(&self, name: &str) -> Option<Arc<Json>> {
        self.api.get(PODS, NS, name).ok()
    }

    pub(super) fn pods(&self, app: &str) -> Vec<Arc<Json>> {
        let mut pods = self.api.list(PODS, Some(NS)).0;
        pods.retain(|pod| pod["metadata"]["labels"]["app"] == app);
        pods
    }

    pub(super) fn delete(&self, resource: &'static Resource, name: &str) {
        self.api.delete(resource, NS, name, &Delete::default()).unwrap();
    }

    pub(super) fn database(&self) {
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

    pub(super) fn service(&self, name: &str, port: Json) {
        let spec = json!({"selector": {"app": name}, "ports": [port]});
        self.put(json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}));
    }

    pub(super) fn deployment(&self, name: &str, replicas: u64, pod: Json) {
        let labels = json!({"app": name});
        self.put(json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
            "replicas": replicas, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        }}));
    }

    pub(super) fn bare(&self, name: &str, spec: Json) {
        let metadata = json!({"name": name, "labels": {"app": name}});
        self.put(json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}));
    }

    pub(super) fn front(&self) {
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
    pub(super) async fn shop(&self, replicas: u64) {
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
    pub(super) async fn get(&self, host: &str, path: &str) -> (u16, String) {
        let stream = self.net.dial(None, self.ingress).await.unwrap();
        let request = Request::get(path).header("host", host).body(Full::<Bytes>::default()).unwrap();
        let (status, body) = exchange(stream, request).await.unwrap();
        (status.as_u16(), String::from_utf8_lossy(&body).trim_end().to_owned())
    }

    /// Waits until something is so; how long that took.
    pub(super) async fn until(&self, seconds: u64, mut so: impl FnMut() -> bool) -> Duration {
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

    pub(super) fn events(&self, of: &str) -> Vec<String> {
        let events = self.api.list(EVENTS, Some(NS)).0;
        let about = events.iter().filter(|event| text(event, "/involvedObject/name") == of);
        let about = about.filter(|event| text(event, "/source/component") == "kubelet");
        about
            .map(|event| {
                format!("{} {}: {}", text(event, "/type"), text(event, "/reason"), text(event, "/message"))
            })
            .collect()
    }

    pub(super) fn log(&self, pod: &Json, container: &str, previous: bool) -> String {
        let log = self.api.logs().of(uid(pod), container, previous).unwrap();
        log.lines().iter().map(|(_, line)| line.to_string()).collect::<Vec<_>>().join("\n")
    }
}

pub(super) fn app() -> Json {
    let get = json!({"httpGet": {"path": "/", "port": 8080}});
    json!({
        "name": "app", "image": "vfarcic/go-demo-8:0.0.1", "ports": [{"containerPort": 8080}],
        "env": [{"name": "DB", "value": "db"}, {"name": "VERSION", "value": "0.0.1"}],
        "livenessProbe": get, "readinessProbe": get,
        "resources": {"limits": {"cpu": "100m"}, "requests": {"cpu": "50m"}},
    })
}

pub(super) fn ready(pod: &Json) -> bool {
    list(pod, "/status/conditions").iter().any(|known| known["type"] == "Ready" && known["status"] == "True")
}

pub(super) fn container(pod: &Json) -> &Json {
    &pod["status"]["containerStatuses"][0]
}

/// A program that ends: after so many seconds, with a code; `deaf` to SIGTERM.
pub(super) struct Ends;

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

pub(super) fn ends(words: &[&str]) -> Json {
    json!({"name": "c", "image": "test/ends:1", "args": words})
}
