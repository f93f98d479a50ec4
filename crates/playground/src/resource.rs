//! The kinds of object that the cluster serves: one line each.
//!
//! Invariant: an object is stored once, whatever version it was written in; `versions` lists what is served, the preferred
//! one first. What discovery, routing, tables and kubectl's short names need is here, and nowhere else.

/// A kind of object.
#[derive(Debug, PartialEq, Eq)]
pub struct Resource {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Versions that are served, the preferred one first.
    pub versions: &'static [&'static str],
    /// `Deployment`.
    pub kind: &'static str,
    /// `deployments`.
    pub plural: &'static str,
    /// `deployment`.
    pub singular: &'static str,
    /// kubectl's short names.
    pub short: &'static [&'static str],
    /// Whether it lives in a namespace.
    pub namespaced: bool,
    /// `status`, `scale`, `eviction`, `log`, `binding`.
    pub subresources: &'static [&'static str],
    /// Whether `kubectl get all` shows it.
    pub all: bool,
    /// What it is stored under: group and plural.
    pub key: &'static str,
}

const fn kind(
    key: &'static str,
    group: &'static str,
    versions: &'static [&'static str],
    kind: &'static str,
    plural: &'static str,
    singular: &'static str,
    short: &'static [&'static str],
) -> Resource {
    Resource {
        group,
        versions,
        kind,
        plural,
        singular,
        short,
        namespaced: true,
        subresources: &[],
        all: false,
        key,
    }
}

impl Resource {
    /// `apps/v1`, `v1`: a version as objects name it.
    pub fn api_version(&self, version: &str) -> String {
        if self.group.is_empty() { version.to_owned() } else { format!("{}/{version}", self.group) }
    }
    const fn cluster(mut self) -> Resource {
        self.namespaced = false;
        self
    }
    const fn sub(mut self, subresources: &'static [&'static str]) -> Resource {
        self.subresources = subresources;
        self
    }
    const fn all(mut self) -> Resource {
        self.all = true;
        self
    }
}

/// Everything that is served: of today and of the book's time.
pub static RESOURCES: &[Resource] = &[
    kind("/namespaces", "", &["v1"], "Namespace", "namespaces", "namespace", &["ns"])
        .cluster()
        .sub(&["status", "finalize"]),
    kind("/nodes", "", &["v1"], "Node", "nodes", "node", &["no"]).cluster().sub(&["status"]),
    kind(
        "/persistentvolumes",
        "",
        &["v1"],
        "PersistentVolume",
        "persistentvolumes",
        "persistentvolume",
        &["pv"],
    )
    .cluster()
    .sub(&["status"]),
    kind("/pods", "", &["v1"], "Pod", "pods", "pod", &["po"])
        .sub(&["status", "log", "eviction", "binding"])
        .all(),
    kind("/services", "", &["v1"], "Service", "services", "service", &["svc"]).sub(&["status"]).all(),
    kind("/endpoints", "", &["v1"], "Endpoints", "endpoints", "endpoints", &["ep"]),
    kind("/configmaps", "", &["v1"], "ConfigMap", "configmaps", "configmap", &["cm"]),
    kind("/secrets", "", &["v1"], "Secret", "secrets", "secret", &[]),
    kind("/serviceaccounts", "", &["v1"], "ServiceAccount", "serviceaccounts", "serviceaccount", &["sa"]),
    kind(
        "/persistentvolumeclaims",
        "",
        &["v1"],
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        "persistentvolumeclaim",
        &["pvc"],
    )
    .sub(&["status"]),
    kind("/events", "", &["v1"], "Event", "events", "event", &["ev"]),
    kind("apps/deployments", "apps", &["v1"], "Deployment", "deployments", "deployment", &["deploy"])
        .sub(&["status", "scale"])
        .all(),
    kind("apps/replicasets", "apps", &["v1"], "ReplicaSet", "replicasets", "replicaset", &["rs"])
        .sub(&["status", "scale"])
        .all(),
    kind("batch/jobs", "batch", &["v1"], "Job", "jobs", "job", &[]).sub(&["status"]).all(),
    kind(
        "autoscaling/horizontalpodautoscalers",
        "autoscaling",
        &["v2", "v1", "v2beta2", "v2beta1"],
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        "horizontalpodautoscaler",
        &["hpa"],
    )
    .sub(&["status"])
    .all(),
    kind(
        "networking.k8s.io/ingresses",
        "networking.k8s.io",
        &["v1", "v1beta1"],
        "Ingress",
        "ingresses",
        "ingress",
        &["ing"],
    )
    .sub(&["status"]),
    kind(
        "networking.k8s.io/ingressclasses",
        "networking.k8s.io",
        &["v1"],
        "IngressClass",
        "ingressclasses",
        "ingressclass",
        &[],
    )
    .cluster(),
    kind(
        "networking.k8s.io/networkpolicies",
        "networking.k8s.io",
        &["v1"],
        "NetworkPolicy",
        "networkpolicies",
        "networkpolicy",
        &["netpol"],
    ),
    kind(
        "policy/poddisruptionbudgets",
        "policy",
        &["v1", "v1beta1"],
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        "poddisruptionbudget",
        &["pdb"],
    )
    .sub(&["status"]),
    kind("rbac/roles", "rbac.authorization.k8s.io", &["v1", "v1beta1"], "Role", "roles", "role", &[]),
    kind(
        "rbac/rolebindings",
        "rbac.authorization.k8s.io",
        &["v1", "v1beta1"],
        "RoleBinding",
        "rolebindings",
        "rolebinding",
        &[],
    ),
    kind(
        "rbac/clusterroles",
        "rbac.authorization.k8s.io",
        &["v1", "v1beta1"],
        "ClusterRole",
        "clusterroles",
        "clusterrole",
        &[],
    )
    .cluster(),
    kind(
        "rbac/clusterrolebindings",
        "rbac.authorization.k8s.io",
        &["v1", "v1beta1"],
        "ClusterRoleBinding",
        "clusterrolebindings",
        "clusterrolebinding",
        &[],
    )
    .cluster(),
    kind("coordination/leases", "coordination.k8s.io", &["v1"], "Lease", "leases", "lease", &[]),
    kind(
        "discovery/endpointslices",
        "discovery.k8s.io",
        &["v1", "v1beta1"],
        "EndpointSlice",
        "endpointslices",
        "endpointslice",
        &[],
    ),
];

/// The resource of a group and plural.
pub fn find(group: &str, plural: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|resource| resource.group == group && resource.plural == plural)
}

/// The resource of a group and kind.
pub fn of_kind(group: &str, kind: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|resource| resource.group == group && resource.kind == kind)
}
