"""The objects that the areas make; plain dictionaries."""

# The one image that runs on both: the playground only waits in it, the fake kubelet takes any.
IMAGE = "pause"


def meta(name, labels=None, **more):
    return {"name": name, **({"labels": labels} if labels else {}), **more}


def config_map(name, labels=None, **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta(name, labels), "data": data}


def pod_spec(**more):
    return {"containers": [{"name": "app", "image": IMAGE}], "terminationGracePeriodSeconds": 1, **more}


def pod(name, labels=None, metadata=None, **spec):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta(name, labels, **(metadata or {})), "spec": pod_spec(**spec)}


def parked(name, labels=None, **spec):
    """A Pod that no scheduler ever takes."""
    return pod(name, labels, schedulerName="nobody", **spec)


def deployment(name, replicas=1, template=None, metadata=None, **spec):
    labels = {"app": name}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta(name, **(metadata or {})),
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels},
                     "template": {"metadata": {"labels": labels}, "spec": template or pod_spec()}, **spec}}


def idle_deployment(name, replicas=1, **spec):
    """One that its controller leaves alone, for it is paused, with Pods that nobody would schedule."""
    return deployment(name, replicas, pod_spec(schedulerName="nobody"), paused=True, **spec)


def replica_set(name, replicas=1, template=None, metadata=None, **spec):
    made = deployment(name, replicas, template, metadata, **spec)
    return {**made, "kind": "ReplicaSet"}


def service(name, selector=None, ports=None, **spec):
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta(name),
            "spec": {**({"selector": selector} if selector else {}), "ports": ports or [{"port": 80}], **spec}}


def budget(name, selector=None, **spec):
    return {"apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget", "metadata": meta(name),
            "spec": {"selector": {"matchLabels": selector or {"app": name}}, **spec}}


def job(name, **spec):
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta(name),
            "spec": {"template": {"spec": pod_spec(restartPolicy="Never")}, **spec}}


def autoscaler(name, target, **spec):
    return {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": meta(name),
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}, "maxReplicas": 3, **spec}}


def claim(name, size="1Gi", **spec):
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta(name),
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **spec}}


def ingress(name, host="parity.example", service="web", port=80):
    backend = {"service": {"name": service, "port": {"number": port}}}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta(name),
            "spec": {"rules": [{"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]}}
