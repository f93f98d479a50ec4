"""Namespaces: what is in them from the start, and their end with all that they hold."""
from parity.pieces import config_map, deployment, service
from parity.player import MERGE, at

NAME = "parity-doomed"


def conditions(seen):
    return sorted((one["type"], one["status"], one["reason"]) for one in at(seen, "status.conditions") or [])


def play(on):
    inside = lambda plural, group="api/v1": f"/{group}/namespaces/{NAME}/{plural}"
    if on.send("DELETE", f"namespaces/{NAME}").code != 404:
        on.do("PATCH", inside("configmaps/held"), {"metadata": {"finalizers": None}}, MERGE) if on.get(inside("configmaps/held")) else None
        on.until("the end of an earlier run's namespace", lambda: not on.get(f"namespaces/{NAME}"), 60)
    on.ask("a namespace is created", "POST", "namespaces", {"metadata": {"name": NAME, "labels": {"a": "b"}}}, code=201, has={"status.phase": "Active", "spec.finalizers": ["kubernetes"]})
    on.ask("a second one of that name", "POST", "namespaces", {"metadata": {"name": NAME}}, code=409, has={"reason": "AlreadyExists"})
    on.eventually("it gets a service account", inside("serviceaccounts/default"), {"metadata.name": "default"})
    on.eventually("and the certificate of the API server", inside("configmaps/kube-root-ca.crt"), {"data": lambda data: data["ca.crt"].startswith("-----BEGIN CERTIFICATE-----")})
    on.do("DELETE", inside("serviceaccounts/default"))
    on.eventually("a service account that goes comes back", inside("serviceaccounts/default"), {"metadata.name": "default"})
    on.do("POST", inside("deployments", "apis/apps/v1"), deployment("d", 2))
    on.do("POST", inside("services"), service("s", {"app": "d"}))
    on.do("POST", inside("configmaps"), {**config_map("held"), "metadata": {"name": "held", "finalizers": ["a.example/b"]}})
    on.until("its Pods run", lambda: at(on.get(inside("deployments/d", "apis/apps/v1")), "status.readyReplicas") == 2)

    on.ask("it is deleted", "DELETE", f"namespaces/{NAME}", has={"status.phase": "Terminating", "metadata.deletionTimestamp": bool, "metadata.deletionGracePeriodSeconds": None})
    on.ask("nothing new comes in", "POST", inside("configmaps"), config_map("late"), code=403, has={"reason": "Forbidden", "details.causes.0.reason": "NamespaceTerminating"})
    on.ask("it is not created again", "POST", "namespaces", {"metadata": {"name": NAME}}, code=409, see=lambda seen: seen["reason"])
    on.eventually("its Pods go", inside("pods"), {"items": []}, 30)
    on.eventually("its Deployment goes", inside("deployments", "apis/apps/v1"), {"items": []}, 30)
    on.eventually("what is held stays", inside("configmaps/held"), {"metadata.deletionTimestamp": bool})
    on.eventually("it says what holds it", f"namespaces/{NAME}", {"status.conditions": lambda all: any(
        one["type"] == "NamespaceFinalizersRemaining" and one["status"] == "True" and "a.example/b in 1 resource instances" in one["message"] for one in all)}, 40,
                  see=lambda seen: [one for one in conditions(seen) if one[0].endswith("Remaining")])
    on.ask("what is held can be changed", "PATCH", inside("configmaps/held"), {"metadata": {"finalizers": None}}, MERGE, see=lambda seen: seen["kind"])
    on.gone("then it is gone", f"namespaces/{NAME}", 60)
    on.ask("and nothing in it", "GET", inside("configmaps"), has={"items": []})
    on.ask("finalize is for finalizers", "PUT", f"namespaces/{on.ns}/finalize", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": on.ns}, "spec": {"finalizers": ["kubernetes"]}},
           has={"spec.finalizers": ["kubernetes"]}, see=lambda seen: seen["spec"])
