"""Server-side apply: who owns what, conflicts, and what a manager's next word takes away."""
from parity.pieces import IMAGE
from parity.player import APPLY, MERGE, at


def owners(seen):
    """Who owns what, without times; operations of the same manager in a fixed order."""
    return sorted(([one["manager"], one["operation"], one["apiVersion"], one.get("subresource", ""), one["fieldsV1"]]
                   for one in seen["metadata"].get("managedFields", []) if one["manager"] != "kube-controller-manager"), key=str)


def both(seen):
    fields = seen if seen.get("kind") == "Status" else {key: value for key, value in seen.items() if key != "metadata"}
    # Those of controllers are theirs: what they write, and when, is what other areas are about.
    return {"fields": {key: value for key, value in fields.items() if key != "status" or seen.get("kind") == "Status"}, "labels": at(seen, "metadata.labels"), "owners": owners(seen)}


def cm(name="x", **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def deployment(containers, **spec):
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
            "spec": {**spec, "selector": {"matchLabels": {"a": "b"}}, "paused": True,
                     "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"schedulerName": "nobody", "containers": containers}}}}


def play(on):
    def apply(name, body, manager="one", place=None, code=200, force="", see=both, **more):
        place = place or f"configmaps/{body['metadata']['name']}"
        return on.ask(name, "PATCH", f"{place}?fieldManager={manager}{force}", body, APPLY, code=code, see=see, **more)

    apply("apply creates", cm(a="1", b="2"), code=201, has={"data": {"a": "1", "b": "2"}})
    apply("the same again changes nothing", cm(a="1", b="2"), has={"data.a": "1"})
    apply("what is no longer said is removed", cm(a="1"), has={"data": {"a": "1"}})
    apply("a value is changed", cm(a="2"), has={"data.a": "2"})
    apply("another manager, another value: a conflict", cm(a="3"), "two", code=409, see=lambda seen: seen,
          has={"reason": "Conflict", "details.causes.0.reason": "FieldManagerConflict", "details.causes.0.field": ".data.a"})
    apply("nothing was changed by it", cm(c="1"), "two", has={"data": {"a": "2", "c": "1"}})
    apply("the same value is shared", cm(a="2", c="1"), "two", has={"data": {"a": "2", "c": "1"}})
    apply("one of two sharers lets go", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}, "one", has={"data": {"a": "2", "c": "1"}})
    apply("force takes over", cm(c="9"), "three", force="&force=true", has={"data.c": "9"})
    apply("the other two lose it", cm(a="2"), "two", has={"data": {"a": "2", "c": "9"}})
    on.ask("an update owns what it changes", "PATCH", "configmaps/x?fieldManager=editor", {"data": {"a": "5", "n": "6"}}, MERGE, see=both, has={"data.a": "5"})
    apply("apply against an update: a conflict", cm(a="2"), "two", code=409, see=lambda seen: seen, has={"reason": "Conflict"})
    apply("two conflicts in one answer", cm(a="1", c="1"), "four", code=409, has={"details.causes.1.reason": "FieldManagerConflict"},
          see=lambda seen: (sorted(one["field"] + one["message"] for one in seen["details"]["causes"]), sorted(seen["message"].split("\n")[1:])))
    apply("a dry run of an apply", cm(d="1"), "five", force="&dryRun=All", has={"data.d": "1"})
    on.ask("leaves nothing behind", "GET", "configmaps/x", has={"data.d": None}, see=both)
    apply("an empty map", cm("empty"), code=201)
    on.ask("without a manager", "PATCH", "configmaps/x", cm(a="1"), APPLY, code=422, has={"reason": "Invalid"})
    on.ask("force is only for apply", "PATCH", "configmaps/x?force=true", {"data": {}}, MERGE, code=422, has={"reason": "Invalid"})
    apply("apply does not take managedFields", {**cm(a="1"), "metadata": {"name": "x", "managedFields": [{"manager": "m"}]}}, code=400, see=lambda seen: seen["reason"])
    apply("another name than the path's", cm("other", a="1"), place="configmaps/x", force="&force=true", code=400, see=lambda seen: seen["reason"])
    apply("without apiVersion and kind", {"metadata": {"name": "x"}}, code=400, see=lambda seen: seen["reason"])

    app = {"name": "app", "image": IMAGE, "ports": [{"containerPort": 80, "protocol": "TCP"}], "env": [{"name": "A", "value": "1"}]}
    apply("a Deployment", deployment([app], replicas=2), place="deployments/d", code=201, has={"spec.replicas": 2})
    apply("a second manager adds a container", deployment([{"name": "side", "image": IMAGE}]), "two", "deployments/d",
          has={"spec.template.spec.containers.1.name": "side", "spec.replicas": 2})
    apply("a variable is added by its name", deployment([{**app, "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}], replicas=2), place="deployments/d")
    apply("replicas are let go", deployment([app]), place="deployments/d", has={"spec.replicas": 1})
    on.do("PUT", "deployments/d/scale", {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "d", "namespace": on.ns}, "spec": {"replicas": 4}})
    on.ask("scale leaves the templates' owners alone", "GET", "deployments/d", has={"spec.replicas": 4},
           see=lambda seen: [one[:2] + ["f:template" in one[4].get("f:spec", {})] for one in owners(seen)])
    apply("the image of another: a conflict", deployment([{"name": "app", "image": "i:2"}]), "three", "deployments/d", code=409, see=lambda seen: seen,
          has={"details.causes.0.field": '.spec.template.spec.containers[name="app"].image'})
    apply("the second manager's container goes with its word", deployment([], replicas=4) | {"spec": {"replicas": 4}}, "two", "deployments/d", force="&force=true",
          has={"spec.template.spec.containers.1": None})
    apply("the status is applied apart", {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "status": {"observedGeneration": 1}}, "six",
          "deployments/d/status", force="&force=true", see=lambda seen: at(seen, "status.observedGeneration") is not None)
