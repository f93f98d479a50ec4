"""Pieces that several referees build their experiments and kubeconfigs from; plain dictionaries."""


def python(kind, name, module, func, /, **arguments):
    """An activity of the Toolkit's Kubernetes plugin: `chaosk8s.MODULE.FUNC(**arguments)`."""
    return {"type": kind, "name": name,
            "provider": {"type": "python", "module": f"chaosk8s.{module}", "func": func, "arguments": arguments}}


def scale(title, namespace, name, replicas):
    """An action that gives a Deployment so many replicas."""
    return python("action", title, "deployment.actions", "scale_deployment", name=name, replicas=replicas, ns=namespace)


def count(title, namespace, **more):
    """A probe that counts the Pods of nobody: it reads, and sees 0 in any namespace."""
    return {**python("probe", title, "pod.probes", "count_pods", label_selector="app=nobody", ns=namespace), **more}


def idle_deployment(name, replicas):
    """A Deployment whose Pods stay Pending (no node suits them), so that scaling it costs a cluster next to nothing."""
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
                     "template": {"metadata": {"labels": {"app": name}},
                                  "spec": {"nodeSelector": {"nowhere": "to-be-found"},
                                           "containers": [{"name": "app", "image": "example.com/app:1"}]}}}}


def kubeconfig(server, user, ca=None):
    """A kubeconfig with one context; `user` as its entry has it, `ca` a file, needed for https."""
    cluster = {"server": server, **({"certificate-authority": ca} if ca else {})}
    return {"apiVersion": "v1", "kind": "Config", "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": cluster}], "users": [{"name": "u", "user": user}]}
