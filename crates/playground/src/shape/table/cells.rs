//! What stands in the cells of a row, kind by kind.
//!
//! Invariant: as many cells as [`super::columns`] has columns; an object that lacks a field has `<none>`, `<unknown>` or
//! nothing there, as a real server writes it.

use super::{age, pod, since};
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

const NONE: &str = "<none>";

/// The cells of an object's row.
pub(super) fn cells(kind: &str, it: &Json, now: Timestamp) -> Vec<Json> {
    let name = it["metadata"]["name"].clone();
    let old = json!(since(&it["metadata"]["creationTimestamp"], now));
    let (spec, status) = (&it["spec"], &it["status"]);
    match kind {
        "Pod" => pod::cells(it, now),
        "Deployment" => {
            let ready = json!(format!("{}/{}", number(&status["readyReplicas"]), number(&spec["replicas"])));
            let (containers, images) = containers(&spec["template"]["spec"]);
            let updated = json!(number(&status["updatedReplicas"]));
            let available = json!(number(&status["availableReplicas"]));
            vec![name, ready, updated, available, old, containers, images, selector(&spec["selector"])]
        }
        "ReplicaSet" => {
            let (containers, images) = containers(&spec["template"]["spec"]);
            let counts = [&spec["replicas"], &status["replicas"], &status["readyReplicas"]]
                .map(|of| json!(number(of)));
            let [desired, current, ready] = counts;
            vec![name, desired, current, ready, old, containers, images, selector(&spec["selector"])]
        }
        "Service" => service(name, spec, status, old),
        "Endpoints" => vec![name, json!(endpoints(&it["subsets"])), old],
        "EndpointSlice" => {
            let ports = list(&it["ports"])
                .iter()
                .map(|port| port["port"].as_i64().map_or("*".to_owned(), |n| n.to_string()));
            let all = list(&it["endpoints"]).iter().flat_map(|one| list(&one["addresses"]));
            let addresses = all.filter_map(Json::as_str).map(str::to_owned);
            let unset = |text: String| if text.is_empty() { json!("<unset>") } else { json!(text) };
            vec![name, it["addressType"].clone(), unset(some(ports, 3)), unset(some(addresses, 3)), old]
        }
        "Node" => node(name, it, old),
        "HorizontalPodAutoscaler" => {
            let target = &spec["scaleTargetRef"];
            let reference = format!("{}/{}", text(&target["kind"]), text(&target["name"]));
            let smallest =
                spec["minReplicas"].as_i64().map_or("<unset>".to_owned(), |least| least.to_string());
            vec![
                name,
                json!(reference),
                json!(targets(spec, status)),
                json!(smallest),
                json!(number(&spec["maxReplicas"])),
                json!(number(&status["currentReplicas"])),
                old,
            ]
        }
        "Ingress" => {
            let hosts = list(&spec["rules"])
                .iter()
                .filter_map(|rule| rule["host"].as_str())
                .filter(|host| !host.is_empty());
            let hosts = some(hosts.map(str::to_owned), 3);
            let ports = if list(&spec["tls"]).is_empty() { "80" } else { "80, 443" };
            let annotation = &it["metadata"]["annotations"]["kubernetes.io/ingress.class"];
            let class = spec["ingressClassName"].as_str().or(annotation.as_str()).unwrap_or(NONE);
            let hosts = if hosts.is_empty() { "*".to_owned() } else { hosts };
            vec![name, json!(class), json!(hosts), json!(balancer(status)), json!(ports), old]
        }
        "IngressClass" => {
            let parameters = &spec["parameters"];
            let said = match (parameters["apiGroup"].as_str(), parameters["kind"].as_str()) {
                (_, None) => NONE.to_owned(),
                (Some(group), Some(kind)) => format!("{kind}.{group}/{}", text(&parameters["name"])),
                (None, Some(kind)) => format!("{kind}/{}", text(&parameters["name"])),
            };
            vec![name, spec["controller"].clone(), json!(said), old]
        }
        "NetworkPolicy" => vec![name, selector(&spec["podSelector"]), old],
        "PersistentVolumeClaim" => {
            let bound = !text(&spec["volumeName"]).is_empty();
            let (size, modes) = match bound {
                true => (text(&status["capacity"]["storage"]), modes(&status["accessModes"])),
                false => (String::new(), String::new()),
            };
            let phase = json!(ending(it).unwrap_or_else(|| text(&status["phase"])));
            let class = json!(text(&spec["storageClassName"]));
            let volume = json!(text(&spec["volumeName"]));
            let mode = unset(&spec["volumeMode"]);
            vec![
                name,
                phase,
                volume,
                json!(size),
                json!(modes),
                class,
                unset(&spec["volumeAttributesClassName"]),
                old,
                mode,
            ]
        }
        "PersistentVolume" => {
            let claim = &spec["claimRef"];
            let claim = match claim.is_object() {
                true => format!("{}/{}", text(&claim["namespace"]), text(&claim["name"])),
                false => String::new(),
            };
            vec![
                name,
                json!(text(&spec["capacity"]["storage"])),
                json!(modes(&spec["accessModes"])),
                json!(text(&spec["persistentVolumeReclaimPolicy"])),
                json!(ending(it).unwrap_or_else(|| text(&status["phase"]))),
                json!(claim),
                json!(text(&spec["storageClassName"])),
                unset(&spec["volumeAttributesClassName"]),
                json!(text(&status["reason"])),
                old,
                unset(&spec["volumeMode"]),
            ]
        }
        "Job" => job(name, it, old, now),
        "Namespace" => vec![name, json!(text(&status["phase"])), old],
        "ConfigMap" => vec![name, json!(size(&it["data"]) + size(&it["binaryData"])), old],
        "Secret" => vec![name, json!(text(&it["type"])), json!(size(&it["data"])), old],
        "ServiceAccount" => vec![name, json!(list(&it["secrets"]).len()), old],
        "PodDisruptionBudget" => {
            let said = |value: &Json| match value {
                Json::Null => json!("N/A"),
                Json::String(text) => json!(text),
                other => json!(other.to_string()),
            };
            let allowed = json!(number(&status["disruptionsAllowed"]));
            vec![name, said(&spec["minAvailable"]), said(&spec["maxUnavailable"]), allowed, old]
        }
        "Lease" => vec![name, json!(text(&spec["holderIdentity"])), old],
        "RoleBinding" | "ClusterRoleBinding" => {
            let role = format!("{}/{}", text(&it["roleRef"]["kind"]), text(&it["roleRef"]["name"]));
            let of = |kind: &str| {
                let these = list(&it["subjects"]).iter().filter(|subject| subject["kind"] == kind);
                let names: Vec<String> = these
                    .map(|subject| match subject["namespace"].as_str() {
                        Some(namespace) => format!("{namespace}/{}", text(&subject["name"])),
                        None => text(&subject["name"]),
                    })
                    .collect();
                json!(names.join(", "))
            };
            vec![name, json!(role), old, of("User"), of("Group"), of("ServiceAccount")]
        }
        "Role" | "ClusterRole" => vec![name, it["metadata"]["creationTimestamp"].clone()],
        "Event" => event(name, it, now),
        _ => vec![name, old],
    }
}

pub(super) fn list(value: &Json) -> &[Json] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(super) fn number(value: &Json) -> i64 {
    value.as_i64().unwrap_or_default()
}

fn size(value: &Json) -> usize {
    value.as_object().map_or(0, Map::len)
}

fn unset(value: &Json) -> Json {
    json!(value.as_str().unwrap_or("<unset>"))
}

/// `Terminating`, for what waits for its finalizers.
fn ending(it: &Json) -> Option<String> {
    it["metadata"]["deletionTimestamp"].is_string().then(|| "Terminating".to_owned())
}

/// The first few, and how many more there are.
fn some(items: impl Iterator<Item = String>, most: usize) -> String {
    let items: Vec<String> = items.collect();
    match items.len().checked_sub(most) {
        Some(more @ 1..) => format!("{} + {more} more...", items[..most].join(",")),
        _ => items.join(","),
    }
}

fn containers(spec: &Json) -> (Json, Json) {
    let all = |field: &str| {
        let values: Vec<String> = list(&spec["containers"]).iter().map(|one| text(&one[field])).collect();
        json!(values.join(","))
    };
    (all("name"), all("image"))
}

fn labels(map: &Json) -> Vec<String> {
    let mut all: Vec<String> =
        map.as_object().into_iter().flatten().map(|(key, value)| format!("{key}={}", text(value))).collect();
    all.sort();
    all
}

/// A label selector as people write it: `app=x,tier in (a,b)`.
pub(super) fn selector(selector: &Json) -> Json {
    let mut all = labels(&selector["matchLabels"]);
    for one in list(&selector["matchExpressions"]) {
        let key = text(&one["key"]);
        let mut values: Vec<String> = list(&one["values"]).iter().map(text).collect();
        values.sort();
        let values = values.join(",");
        all.push(match one["operator"].as_str() {
            Some("In") => format!("{key} in ({values})"),
            Some("NotIn") => format!("{key} notin ({values})"),
            Some("DoesNotExist") => format!("!{key}"),
            _ => key,
        });
    }
    if all.is_empty() { json!(NONE) } else { json!(all.join(",")) }
}

fn service(name: Json, spec: &Json, status: &Json, old: Json) -> Vec<Json> {
    let kind = text(&spec["type"]);
    let address = match spec["clusterIP"].as_str() {
        None | Some("") => NONE.to_owned(),
        Some(address) => address.to_owned(),
    };
    let own: Vec<String> = list(&spec["externalIPs"]).iter().map(text).collect();
    let outside = match kind.as_str() {
        "ExternalName" => text(&spec["externalName"]),
        "LoadBalancer" => match (balancer(status), own.join(",")) {
            (balancer, own) if balancer.is_empty() && own.is_empty() => "<pending>".to_owned(),
            (balancer, own) if balancer.is_empty() || own.is_empty() => balancer + &own,
            (balancer, own) => format!("{balancer},{own}"),
        },
        _ if own.is_empty() => NONE.to_owned(),
        _ => own.join(","),
    };
    let ports: Vec<String> = list(&spec["ports"])
        .iter()
        .map(|port| match number(&port["nodePort"]) {
            0 => format!("{}/{}", number(&port["port"]), text(&port["protocol"])),
            node => format!("{}:{node}/{}", number(&port["port"]), text(&port["protocol"])),
        })
        .collect();
    let ports = if ports.is_empty() { NONE.to_owned() } else { ports.join(",") };
    let selects = labels(&spec["selector"]);
    let selects = if selects.is_empty() { NONE.to_owned() } else { selects.join(",") };
    vec![name, json!(kind), json!(address), json!(outside), json!(ports), old, json!(selects)]
}

fn balancer(status: &Json) -> String {
    let all = list(&status["loadBalancer"]["ingress"]).iter();
    let all: Vec<&str> = all.filter_map(|one| one["ip"].as_str().or(one["hostname"].as_str())).collect();
    all.join(",")
}

/// `10.0.0.1:80,10.0.0.2:80 + 3 more...`
pub(super) fn endpoints(subsets: &Json) -> String {
    let all = list(subsets).iter().flat_map(|subset| {
        let (addresses, ports) = (list(&subset["addresses"]), list(&subset["ports"]));
        if ports.is_empty() {
            return addresses.iter().map(|address| text(&address["ip"])).collect::<Vec<_>>();
        }
        let pairs = ports.iter().flat_map(|port| addresses.iter().map(move |address| (address, port)));
        pairs.map(|(address, port)| format!("{}:{}", text(&address["ip"]), number(&port["port"]))).collect()
    });
    let all = some(all, 3);
    if all.is_empty() { NONE.to_owned() } else { all }
}

fn node(name: Json, it: &Json, old: Json) -> Vec<Json> {
    let status = &it["status"];
    let ready = list(&status["conditions"]).iter().find(|condition| condition["type"] == "Ready");
    let mut said = match ready.map(|condition| &condition["status"]) {
        None => "Unknown",
        Some(status) if *status == "True" => "Ready",
        Some(_) => "NotReady",
    }
    .to_owned();
    if it["spec"]["unschedulable"] == true {
        said.push_str(",SchedulingDisabled");
    }
    let labels = it["metadata"]["labels"].as_object();
    let mut roles: Vec<String> = labels
        .into_iter()
        .flatten()
        .filter_map(|(label, value)| match label.strip_prefix("node-role.kubernetes.io/") {
            Some(role) => Some(role.to_owned()),
            None => (label == "kubernetes.io/role").then(|| text(value)),
        })
        .filter(|role| !role.is_empty())
        .collect();
    roles.sort();
    let roles = if roles.is_empty() { NONE.to_owned() } else { roles.join(",") };
    let address = |kind: &str| {
        let found = list(&status["addresses"]).iter().find(|address| address["type"] == kind);
        json!(found.map_or(NONE.to_owned(), |address| text(&address["address"])))
    };
    let info = |field: &str| {
        json!(status["nodeInfo"][field].as_str().filter(|text| !text.is_empty()).unwrap_or("<unknown>"))
    };
    let version = json!(text(&status["nodeInfo"]["kubeletVersion"]));
    vec![
        name,
        json!(said),
        json!(roles),
        old,
        version,
        address("InternalIP"),
        address("ExternalIP"),
        info("osImage"),
        info("kernelVersion"),
        info("containerRuntimeVersion"),
    ]
}

/// `cpu: 12%/80%`, of each metric the first two.
fn targets(spec: &Json, status: &Json) -> String {
    let current = list(&status["currentMetrics"]);
    let all: Vec<String> = list(&spec["metrics"])
        .iter()
        .enumerate()
        .map(|(index, metric)| {
            let source = match metric["type"].as_str().unwrap_or_default() {
                "Resource" => "resource",
                "ContainerResource" => "containerResource",
                "Pods" => "pods",
                "Object" => "object",
                "External" => "external",
                _ => return "<unknown type>".to_owned(),
            };
            let target = &metric[source]["target"];
            let now = current.get(index).map_or(&Json::Null, |metric| &metric[source]["current"]);
            let label = match source {
                "resource" | "containerResource" => format!("{}: ", text(&metric[source]["name"])),
                _ => String::new(),
            };
            let pair = |field: &str, unit: &str, note: &str| {
                let show = |value: &Json| match value {
                    Json::String(text) => Some(text.clone()),
                    Json::Number(number) => Some(number.to_string()),
                    _ => None,
                };
                let current = show(&now[field]).map_or("<unknown>".to_owned(), |value| value + unit);
                format!("{label}{current}/{}{unit}{note}", show(&target[field]).unwrap_or_default())
            };
            let average = if matches!(source, "object" | "external") { " (avg)" } else { "" };
            match target["type"].as_str() {
                Some("Utilization") => pair("averageUtilization", "%", ""),
                Some("Value") => pair("value", "", ""),
                Some("AverageValue") => pair("averageValue", "", average),
                _ if !target["averageUtilization"].is_null() => pair("averageUtilization", "%", ""),
                _ => "<auto>".to_owned(),
            }
        })
        .collect();
    match all.len() {
        0 => NONE.to_owned(),
        1 | 2 => all.join(", "),
        many => format!("{} + {} more...", all[..2].join(", "), many - 2),
    }
}

fn modes(value: &Json) -> String {
    let short = |mode: &Json| match mode.as_str() {
        Some("ReadWriteOnce") => "RWO",
        Some("ReadOnlyMany") => "ROX",
        Some("ReadWriteMany") => "RWX",
        Some("ReadWriteOncePod") => "RWOP",
        _ => "",
    };
    let has: Vec<&str> = list(value).iter().map(short).collect();
    ["RWO", "ROX", "RWX", "RWOP"].into_iter().filter(|mode| has.contains(mode)).collect::<Vec<_>>().join(",")
}

fn job(name: Json, it: &Json, old: Json, now: Timestamp) -> Vec<Json> {
    let (spec, status) = (&it["spec"], &it["status"]);
    let succeeded = number(&status["succeeded"]);
    let completions = match (spec["completions"].as_i64(), number(&spec["parallelism"])) {
        (Some(wanted), _) => format!("{succeeded}/{wanted}"),
        (None, parallelism @ 2..) => format!("{succeeded}/1 of {parallelism}"),
        (None, _) => format!("{succeeded}/1"),
    };
    let moment = |field: &str| status[field].as_str().and_then(|stamp| stamp.parse::<Timestamp>().ok());
    let duration = moment("startTime").map_or(String::new(), |start| {
        age(moment("completionTime").unwrap_or(now).duration_since(start).as_secs())
    });
    let has = |kind: &str| {
        list(&status["conditions"])
            .iter()
            .any(|condition| condition["type"] == kind && condition["status"] == "True")
    };
    let said = if has("Complete") {
        "Complete"
    } else if has("Failed") {
        "Failed"
    } else if it["metadata"]["deletionTimestamp"].is_string() {
        "Terminating"
    } else if has("Suspended") {
        "Suspended"
    } else if has("FailureTarget") {
        "FailureTarget"
    } else if has("SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    };
    let (containers, images) = containers(&spec["template"]["spec"]);
    vec![
        name,
        json!(said),
        json!(completions),
        json!(duration),
        old,
        containers,
        images,
        selector(&spec["selector"]),
    ]
}

fn event(name: Json, it: &Json, now: Timestamp) -> Vec<Json> {
    let of = if it["involvedObject"].is_object() { &it["involvedObject"] } else { &it["regarding"] };
    let object = format!("{}/{}", text(&of["kind"]).to_lowercase(), text(&of["name"]));
    let first = if it["firstTimestamp"].is_string() { &it["firstTimestamp"] } else { &it["eventTime"] };
    let last =
        [&it["series"]["lastObservedTime"], &it["lastTimestamp"]].into_iter().find(|stamp| stamp.is_string());
    let count =
        it["series"]["count"].as_i64().or(it["count"].as_i64()).filter(|count| *count > 0).unwrap_or(1);
    let part = |field: &str, other: &str| {
        it["source"][field]
            .as_str()
            .filter(|text| !text.is_empty())
            .or(it[other].as_str())
            .unwrap_or_default()
            .to_owned()
    };
    let source: Vec<String> = [part("component", "reportingComponent"), part("host", "reportingInstance")]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    vec![
        json!(since(last.unwrap_or(first), now)),
        json!(text(&it["type"])),
        json!(text(&it["reason"])),
        json!(object),
        json!(text(&of["fieldPath"])),
        json!(source.join(", ")),
        json!(text(&it["message"]).trim()),
        json!(since(first, now)),
        json!(count),
        name,
    ]
}
