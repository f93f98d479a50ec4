"""Tables: the columns and cells that kubectl prints."""
from parity.pieces import autoscaler, budget, claim, config_map, deployment, ingress, job, parked, pod, replica_set, service
from parity.player import TABLE


def table(seen):
    """Columns by name, type and priority, and the cells of each row; ages are 0s to a few seconds."""
    columns = [(one["name"], one["type"], one["format"], one["priority"]) for one in seen["columnDefinitions"]]
    ages = {number for number, one in enumerate(seen["columnDefinitions"]) if one["name"] in ("Age", "Last Seen", "First Seen", "Duration", "IP", "Node", "Cluster-IP")}
    rows = [["-" if number in ages else cell for number, cell in enumerate(row["cells"])] for row in seen["rows"]]
    return {"columns": [" ".join(map(str, one)) for one in columns], "rows": rows}


def play(on):
    made = [("configmaps", config_map("x", a="1", b="2")), ("pods", parked("p")), ("pods", pod("live")), ("services", service("s", {"a": "b"}, [{"port": 80}, {"name": "t", "port": 81, "protocol": "UDP"}][:1])),
            ("deployments", deployment("d")), ("replicasets", replica_set("r", 0)), ("jobs", job("j")), ("poddisruptionbudgets", budget("b", minAvailable=1)),
            ("horizontalpodautoscalers", autoscaler("h", "nowhere", minReplicas=2)), ("persistentvolumeclaims", claim("c", storageClassName="none")), ("ingresses", ingress("i")),
            ("secrets", {"metadata": {"name": "s"}, "data": {"a": "Yg=="}}), ("serviceaccounts", {"metadata": {"name": "sa"}}),
            ("roles", {"metadata": {"name": "ro"}, "rules": []}), ("rolebindings", {"metadata": {"name": "rb"}, "subjects": [{"kind": "User", "name": "u", "apiGroup": "rbac.authorization.k8s.io"}],
                                                                                    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "ro"}}),
            ("endpoints", {"metadata": {"name": "e"}, "subsets": [{"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 80}]}]}),
            ("networkpolicies", {"metadata": {"name": "np"}, "spec": {"podSelector": {"matchLabels": {"a": "b"}}}}),
            ("leases", {"metadata": {"name": "l"}, "spec": {"holderIdentity": "me"}})]
    for plural, body in made:
        on.do("POST", plural, body)
    on.eventually("a Pod runs", "pods/live", {"status.phase": "Running"})
    on.eventually("the Deployment is there", "deployments/d", {"status.readyReplicas": 1})
    on.eventually("the Job is over", "jobs/j", {"status": lambda seen: seen is not None}, 20)
    for plural in dict.fromkeys(plural for plural, _ in made):
        if plural == "jobs":
            continue  # its Pods end on the fake nodes and wait on the playground's
        name = "live" if plural == "pods" else next(body["metadata"]["name"] for other, body in made if other == plural)
        on.ask(f"the table of {plural}", "GET", f"{plural}?fieldSelector=metadata.name%3D{name}", headers=TABLE, has={"kind": "Table", "apiVersion": "meta.k8s.io/v1"}, see=table)
    on.ask("the columns of jobs", "GET", "jobs", headers=TABLE, see=lambda seen: table(seen)["columns"])
    on.ask("the table of one Pod that waits", "GET", "pods/p", headers=TABLE, see=table, has={"kind": "Table", "rows.0.object.kind": "PartialObjectMetadata"})
    on.ask("the table of a namespace", "GET", f"namespaces/{on.ns}", headers=TABLE, see=table)
    on.ask("the columns of nodes", "GET", "nodes", headers=TABLE, see=lambda seen: table(seen)["columns"])
    on.ask("the columns of persistentvolumes", "GET", "persistentvolumes", headers=TABLE, see=lambda seen: table(seen)["columns"])
    on.ask("the columns of events", "GET", "events", headers=TABLE, see=lambda seen: table(seen)["columns"])
    on.ask("an empty table", "GET", "configmaps?labelSelector=no%3Dbody", headers=TABLE, has={"rows": lambda rows: rows == []}, see=table)
    on.ask("a table with whole objects", "GET", "configmaps/x?includeObject=Object", headers=TABLE, has={"rows.0.object.kind": "ConfigMap", "rows.0.object.data.a": "1"}, see=table)
    on.ask("a table with nothing but cells", "GET", "configmaps/x?includeObject=None", headers=TABLE, has={"rows.0.object": None}, see=table)
    on.ask("what is not there is no table", "GET", "configmaps/nope", headers=TABLE, code=404, has={"kind": "Status"})
