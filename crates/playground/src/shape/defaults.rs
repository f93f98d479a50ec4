//! What a server puts into an object that does not say: strategies, policies, periods, protocols.
//!
//! Invariant: only what is missing is set, so that defaulting twice changes nothing more. Objects are in their preferred
//! version. Not here: what needs another object or a choice (cluster IPs, node ports, service account tokens): that is
//! [`crate::api`]'s.

use super::members::{Members, each, if_there, set, within};
use crate::resource::Resource;
use serde_json::{Value as Json, json};

/// Puts the defaults into an object of a resource.
pub fn defaults(resource: &Resource, object: &mut Json) {
    let Some(map) = object.as_object_mut() else { return };
    match resource.kind {
        "Pod" => {
            within(map, "spec", |spec| {
                pod(spec);
                for list in ["containers", "initContainers"] {
                    each(spec, list, requests);
                }
                admitted(spec);
            });
            let class = quality(&map["spec"]);
            within(map, "status", |status| {
                set(status, "phase", json!("Pending"));
                set(status, "qosClass", json!(class));
            });
        }
        "Deployment" => deployment(map),
        "ReplicaSet" => {
            set(map, "status", json!({}));
            within(map, "spec", |spec| {
                set(spec, "replicas", json!(1));
                template(spec);
            });
        }
        "Job" => {
            let metadata = map.get("metadata").cloned().unwrap_or_default();
            within(map, "spec", |spec| job(spec, &metadata["uid"], &metadata["name"]));
            let labels = map["spec"]["template"]["metadata"]["labels"].clone();
            if labels.is_object() {
                within(map, "metadata", |metadata| set(metadata, "labels", labels));
            }
            set(map, "status", json!({}));
        }
        "Service" => {
            within(map, "spec", service);
            set(map, "status", json!({"loadBalancer": {}}));
        }
        "Secret" => {
            set(map, "type", json!("Opaque"));
            if let Some(Json::Object(plain)) = map.shift_remove("stringData") {
                secret_data(map, plain);
            }
        }
        "Endpoints" => {
            each(map, "subsets", |subset| each(subset, "ports", |port| set(port, "protocol", json!("TCP"))))
        }
        "EndpointSlice" => {
            each(map, "endpoints", |endpoint| set(endpoint, "conditions", json!({})));
            each(map, "ports", |port| {
                set(port, "name", json!(""));
                set(port, "protocol", json!("TCP"));
            });
        }
        "HorizontalPodAutoscaler" => {
            within(map, "spec", autoscaler);
            set(map, "status", json!({"currentReplicas": 0, "desiredReplicas": 0}));
        }
        "Ingress" => set(map, "status", json!({"loadBalancer": {}})),
        "PodDisruptionBudget" => set(
            map,
            "status",
            json!({"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}),
        ),
        "NetworkPolicy" => within(map, "spec", network_policy),
        "PersistentVolume" => {
            within(map, "spec", |spec| {
                set(spec, "persistentVolumeReclaimPolicy", json!("Retain"));
                set(spec, "volumeMode", json!("Filesystem"));
                if let Some(Json::Object(path)) = spec.get_mut("hostPath") {
                    set(path, "type", json!(""));
                }
            });
            if !map.contains_key("status") {
                map.insert("status".to_owned(), json!({"phase": "Pending"}));
            }
        }
        "PersistentVolumeClaim" => {
            within(map, "spec", |spec| set(spec, "volumeMode", json!("Filesystem")));
            within(map, "status", |status| set(status, "phase", json!("Pending")));
        }
        "Namespace" => {
            within(map, "spec", |spec| set(spec, "finalizers", json!(["kubernetes"])));
            within(map, "status", |status| set(status, "phase", json!("Active")));
        }
        "Node" => within(map, "status", |status| {
            if let Some(capacity) = status.get("capacity").cloned() {
                set(status, "allocatable", capacity);
            }
        }),
        "RoleBinding" | "ClusterRoleBinding" => binding(map),
        "Role" | "ClusterRole" => set(map, "rules", Json::Null),
        _ => {}
    }
}

fn deployment(map: &mut Members) {
    set(map, "status", json!({}));
    within(map, "spec", |spec| {
        set(spec, "replicas", json!(1));
        set(spec, "revisionHistoryLimit", json!(10));
        set(spec, "progressDeadlineSeconds", json!(600));
        within(spec, "strategy", |strategy| {
            set(strategy, "type", json!("RollingUpdate"));
            if strategy["type"] == "RollingUpdate" {
                within(strategy, "rollingUpdate", |rolling| {
                    set(rolling, "maxUnavailable", json!("25%"));
                    set(rolling, "maxSurge", json!("25%"));
                });
            }
        });
        template(spec);
    });
}

/// A Job's Pods are known by its UID, once it has one, unless it says how to know them.
fn job(spec: &mut Members, uid: &Json, name: &Json) {
    set(spec, "completionMode", json!("NonIndexed"));
    if !spec.contains_key("completions") && !spec.contains_key("parallelism") {
        set(spec, "completions", json!(1));
    }
    set(spec, "parallelism", json!(1));
    set(spec, "backoffLimit", json!(6));
    set(spec, "suspend", json!(false));
    set(spec, "podReplacementPolicy", json!("TerminatingOrFailed"));
    template(spec);
    const MARK: &str = "batch.kubernetes.io/controller-uid";
    let known = spec.get("selector").is_some_and(|selector| selector["matchLabels"][MARK].is_string());
    if !uid.is_string() || known || spec.get("manualSelector") == Some(&json!(true)) {
        return;
    }
    within(spec, "selector", |selector| {
        within(selector, "matchLabels", |labels| set(labels, MARK, uid.clone()));
    });
    within(spec, "template", |template| {
        within(template, "metadata", |metadata| {
            within(metadata, "labels", |labels| {
                for prefix in ["", "batch.kubernetes.io/"] {
                    labels.insert(format!("{prefix}controller-uid"), uid.clone());
                    labels.insert(format!("{prefix}job-name"), name.clone());
                }
            });
        });
    });
}

fn template(spec: &mut Members) {
    within(spec, "template", |template| {
        within(template, "metadata", |_| {});
        within(template, "spec", pod);
    });
}

fn pod(spec: &mut Members) {
    set(spec, "restartPolicy", json!("Always"));
    set(spec, "terminationGracePeriodSeconds", json!(30));
    set(spec, "dnsPolicy", json!("ClusterFirst"));
    set(spec, "securityContext", json!({}));
    set(spec, "schedulerName", json!("default-scheduler"));
    if let Some(name) = spec.get("serviceAccount").cloned() {
        set(spec, "serviceAccountName", name);
    }
    if let Some(name) = spec.get("serviceAccountName").cloned() {
        set(spec, "serviceAccount", name);
    }
    let host_network = spec.get("hostNetwork") == Some(&Json::Bool(true));
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        each(spec, list, |one| container(one, host_network));
    }
    each(spec, "volumes", volume);
}

/// What admission adds to every Pod: account, priority, and patience with nodes that do not answer.
fn admitted(spec: &mut Members) {
    set(spec, "serviceAccountName", json!("default"));
    let account = spec.get("serviceAccountName").cloned().unwrap_or_default();
    set(spec, "serviceAccount", account);
    set(spec, "enableServiceLinks", json!(true));
    set(spec, "priority", json!(0));
    set(spec, "preemptionPolicy", json!("PreemptLowerPriority"));
    set(spec, "tolerations", json!([]));
    let Some(Json::Array(tolerations)) = spec.get_mut("tolerations") else { return };
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let tolerated = tolerations.iter().any(|one| {
            let of = |name: &str| one[name].as_str().unwrap_or_default();
            matches!(of("key"), "") && of("operator") == "Exists"
                || of("key") == key && matches!(of("effect"), "" | "NoExecute")
        });
        if !tolerated {
            tolerations.push(
                json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}),
            );
        }
    }
}

/// `Guaranteed` when every container gets what it is limited to, `BestEffort` when none asks for anything.
fn quality(spec: &Json) -> &'static str {
    let all = ["containers", "initContainers"]
        .into_iter()
        .flat_map(|list| spec[list].as_array().into_iter().flatten());
    let (mut some, mut full) = (false, true);
    for resources in all.map(|one| &one["resources"]) {
        for name in ["cpu", "memory"] {
            let (limit, request) = (&resources["limits"][name], &resources["requests"][name]);
            some |= !limit.is_null() || !request.is_null();
            full &= !limit.is_null() && (request.is_null() || limit == request);
        }
    }
    match (some, full) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

/// An image without a tag, or with `latest`, is pulled each time.
fn pull_policy(image: &str) -> &'static str {
    let name = image.rsplit('/').next().unwrap_or(image);
    let latest = !image.contains('@') && (!name.contains(':') || name.ends_with(":latest"));
    if latest { "Always" } else { "IfNotPresent" }
}

fn container(one: &mut Members, host_network: bool) {
    let policy = pull_policy(one.get("image").and_then(Json::as_str).unwrap_or_default());
    set(one, "imagePullPolicy", json!(policy));
    set(one, "resources", json!({}));
    set(one, "terminationMessagePath", json!("/dev/termination-log"));
    set(one, "terminationMessagePolicy", json!("File"));
    each(one, "ports", |port| {
        set(port, "protocol", json!("TCP"));
        if host_network {
            let same = port.get("containerPort").cloned().unwrap_or_default();
            set(port, "hostPort", same);
        }
    });
    each(one, "env", |variable| {
        if_there(variable, "valueFrom", |from| {
            if_there(from, "fieldRef", |field| set(field, "apiVersion", json!("v1")));
            if_there(from, "resourceFieldRef", |field| set(field, "divisor", json!("0")));
        });
    });
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if_there(one, name, |probe| {
            handler(probe);
            if_there(probe, "grpc", |grpc| set(grpc, "service", json!("")));
            for (field, value) in [
                ("timeoutSeconds", 1),
                ("periodSeconds", 10),
                ("successThreshold", 1),
                ("failureThreshold", 3),
            ] {
                if probe.get(field) == Some(&json!(0)) {
                    probe.shift_remove(field);
                }
                set(probe, field, json!(value));
            }
        });
    }
    if_there(one, "lifecycle", |lifecycle| {
        if_there(lifecycle, "postStart", handler);
        if_there(lifecycle, "preStop", handler);
    });
}

/// What is limited is requested, unless it says otherwise. A template is left as it is: its Pods get this.
fn requests(one: &mut Members) {
    if_there(one, "resources", |resources| {
        let limits = resources.get("limits").and_then(Json::as_object).cloned().unwrap_or_default();
        if !limits.is_empty() {
            within(resources, "requests", |requests| {
                for (name, limit) in limits {
                    set(requests, &name, limit);
                }
            });
        }
    });
}

fn handler(handler: &mut Members) {
    if_there(handler, "httpGet", |get| {
        set(get, "path", json!("/"));
        set(get, "scheme", json!("HTTP"));
    });
}

fn volume(volume: &mut Members) {
    if volume.len() == 1 {
        set(volume, "emptyDir", json!({}));
    }
    for name in ["configMap", "secret", "downwardAPI", "projected"] {
        if_there(volume, name, |source| set(source, "defaultMode", json!(420)));
    }
    if_there(volume, "hostPath", |path| set(path, "type", json!("")));
    if_there(volume, "downwardAPI", |source| {
        each(source, "items", |item| {
            if_there(item, "fieldRef", |field| set(field, "apiVersion", json!("v1")));
        });
    });
    if_there(volume, "projected", |projected| {
        each(projected, "sources", |source| {
            if_there(source, "serviceAccountToken", |token| set(token, "expirationSeconds", json!(3600)));
            if_there(source, "downwardAPI", |source| {
                each(source, "items", |item| {
                    if_there(item, "fieldRef", |field| set(field, "apiVersion", json!("v1")));
                });
            });
        });
    });
}

fn service(spec: &mut Members) {
    set(spec, "sessionAffinity", json!("None"));
    set(spec, "type", json!("ClusterIP"));
    if spec["sessionAffinity"] == "ClientIP" {
        within(spec, "sessionAffinityConfig", |config| {
            within(config, "clientIP", |ip| set(ip, "timeoutSeconds", json!(10800)));
        });
    }
    if matches!(spec["type"].as_str(), Some("NodePort" | "LoadBalancer")) {
        set(spec, "externalTrafficPolicy", json!("Cluster"));
    }
    if spec["type"] == "LoadBalancer" {
        set(spec, "allocateLoadBalancerNodePorts", json!(true));
    }
    if spec["type"] != "ExternalName" {
        set(spec, "internalTrafficPolicy", json!("Cluster"));
        set(spec, "ipFamilies", json!(["IPv4"]));
        set(spec, "ipFamilyPolicy", json!("SingleStack"));
    }
    each(spec, "ports", |port| {
        set(port, "protocol", json!("TCP"));
        let same = port.get("port").cloned().unwrap_or_default();
        match port.get("targetPort") {
            None => set(port, "targetPort", same),
            Some(target) if *target == json!(0) || *target == json!("") => {
                port.insert("targetPort".to_owned(), same);
            }
            Some(_) => {}
        }
    });
}

fn secret_data(map: &mut Members, plain: Members) {
    use base64::Engine as _;
    within(map, "data", |data| {
        for (name, value) in plain {
            let encoded =
                base64::engine::general_purpose::STANDARD.encode(value.as_str().unwrap_or_default());
            data.insert(name, encoded.into());
        }
    });
}

fn autoscaler(spec: &mut Members) {
    set(spec, "minReplicas", json!(1));
    let none = spec.get("metrics").and_then(Json::as_array).is_none_or(Vec::is_empty);
    if none {
        spec.insert(
            "metrics".to_owned(),
            json!([{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]),
        );
    }
    if_there(spec, "behavior", |behavior| {
        let fallbacks = [
            (
                "scaleUp",
                json!(0),
                json!([{"type": "Pods", "value": 4, "periodSeconds": 15}, {"type": "Percent", "value": 100, "periodSeconds": 15}]),
            ),
            ("scaleDown", Json::Null, json!([{"type": "Percent", "value": 100, "periodSeconds": 15}])),
        ];
        for (name, window, policies) in fallbacks {
            within(behavior, name, |rules| {
                if !window.is_null() {
                    set(rules, "stabilizationWindowSeconds", window);
                }
                set(rules, "selectPolicy", json!("Max"));
                set(rules, "policies", policies);
            });
        }
    });
}

fn network_policy(spec: &mut Members) {
    let egress = spec.contains_key("egress");
    set(spec, "policyTypes", if egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) });
    for direction in ["ingress", "egress"] {
        each(spec, direction, |rule| each(rule, "ports", |port| set(port, "protocol", json!("TCP"))));
    }
}

fn binding(map: &mut Members) {
    if_there(map, "roleRef", |role| set(role, "apiGroup", json!("rbac.authorization.k8s.io")));
    each(map, "subjects", |subject| {
        let group = subject.get("kind").and_then(Json::as_str).is_some_and(|kind| kind != "ServiceAccount");
        if group {
            set(subject, "apiGroup", json!("rbac.authorization.k8s.io"));
        }
    });
}
