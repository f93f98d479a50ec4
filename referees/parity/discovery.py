"""Discovery: versions, groups and their resources, and OpenAPI, as far as both serve the same versions."""
VERSIONS = ["v1", "apps/v1", "batch/v1", "autoscaling/v1", "autoscaling/v2beta1", "autoscaling/v2beta2", "networking.k8s.io/v1", "networking.k8s.io/v1beta1", "policy/v1beta1",
            "rbac.authorization.k8s.io/v1", "coordination.k8s.io/v1", "discovery.k8s.io/v1beta1"]
# The kinds that the playground serves of each.
KINDS = """Binding Namespace Node PersistentVolume Pod Service Endpoints ConfigMap Secret ServiceAccount PersistentVolumeClaim Event Deployment ReplicaSet Job
HorizontalPodAutoscaler Ingress IngressClass NetworkPolicy PodDisruptionBudget Role RoleBinding ClusterRole ClusterRoleBinding Lease EndpointSlice""".split()
PLURALS = """namespaces nodes persistentvolumes pods services endpoints configmaps secrets serviceaccounts persistentvolumeclaims events deployments replicasets jobs horizontalpodautoscalers
ingresses ingressclasses networkpolicies poddisruptionbudgets roles rolebindings clusterroles clusterrolebindings leases endpointslices""".split()
SUBRESOURCES = {"status", "scale", "log", "eviction", "binding", "finalize"}


def resources(seen):
    """Name, kind, scope, verbs and short names of what both serve; subresources beside their objects."""
    return {one["name"]: {key: sorted(value) if isinstance(value, list) else value for key, value in one.items() if key not in ("storageVersionHash", "categories", "singularName")}
            for one in seen["resources"] if one["name"].split("/")[0] in PLURALS and set(one["name"].split("/")[1:]) <= SUBRESOURCES}


def play(on):
    for version in VERSIONS:
        place = f"/apis/{version}" if "/" in version else f"/api/{version}"
        on.ask(f"the resources of {version}", "GET", place, has={"kind": "APIResourceList", "groupVersion": version}, see=resources)
    on.ask("the versions of the core", "GET", "/api", has={"kind": "APIVersions", "versions": ["v1"]}, see=lambda seen: seen["versions"])
    on.ask("the groups", "GET", "/apis", has={"kind": "APIGroupList"}, see=lambda seen: sorted(
        {version["groupVersion"] for group in seen["groups"] for version in group["versions"]} & set(VERSIONS)))
    on.ask("one group", "GET", "/apis/apps", has={"kind": "APIGroup", "name": "apps", "preferredVersion.version": "v1"})
    on.ask("a group that is not there", "GET", "/apis/nothing.example", code=404, see=lambda seen: None)
    on.ask("the version of the server", "GET", "/version", has={"major": "1", "platform": bool}, see=lambda seen: sorted(seen))
    for place in ("/healthz", "/readyz", "/livez"):
        on.ask(f"{place} is ok", "GET", place, see=lambda seen: seen)
    on.ask("the roots of the API", "GET", "/", see=lambda seen: sorted(set(seen["paths"]) & {"/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "/healthz", "/version", "/openapi/v2"}))
    on.ask("what may I", "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {
        "resourceAttributes": {"verb": "delete", "resource": "pods", "namespace": on.ns}}}, code=201, has={"status.allowed": True}, see=lambda seen: seen["status"]["allowed"])
