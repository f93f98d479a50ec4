"""Lists: pages, label and field selectors, and lists as they were."""
import urllib.parse

from parity.pieces import config_map, deployment, parked, service
from parity.player import PARTIAL, PARTIAL_LIST, Differs


def names(seen):
    return [one["metadata"]["name"] for one in seen["items"]]


def play(on):
    for number in range(7):
        on.do("POST", "configmaps", config_map(f"c{number}", {"n": str(number), "parity": "even" if number % 2 == 0 else "odd", **({"low": ""} if number < 2 else {})}))
    on.do("POST", "pods", parked("p1", {"a": "b"}, nodeSelector={"x": "y"}))
    on.do("POST", "pods", parked("p2", {"a": "c"}))
    on.do("POST", "services", service("s", {"a": "b"}))
    pages(on)
    labels(on)
    fields(on)
    shapes(on)


def pages(on):
    wanted = [f"c{number}" for number in range(7)]
    first = on.ask("a first page", "GET", "configmaps?limit=3", see=lambda seen: (names(seen), "continue" in seen["metadata"], seen["metadata"].get("remainingItemCount")),
                   has={"metadata.continue": bool, "metadata.remainingItemCount": 5})
    on.do("POST", "configmaps", config_map("c9-late"))
    second = on.ask("a second page, of the same time", "GET", f"configmaps?limit=3&continue={first['metadata']['continue']}",
                    see=lambda seen: (names(seen), seen["metadata"].get("remainingItemCount")), has={"metadata.remainingItemCount": 2})
    third = on.ask("the last page", "GET", f"configmaps?limit=3&continue={second['metadata']['continue']}", see=names, has={"metadata.continue": None})
    on.value("the pages are the list", sorted(names(first) + names(second) + names(third)), wanted + ["kube-root-ca.crt"])
    on.value("all pages have one revision", len({page["metadata"]["resourceVersion"] for page in (first, second, third)}), 1)
    on.ask("a page with a selector does not count the rest", "GET", "configmaps?limit=2&labelSelector=parity%3Deven", see=names,
           has={"metadata.continue": bool, "metadata.remainingItemCount": None})
    on.ask("a token that is none", "GET", "configmaps?limit=2&continue=nonsense", code=400, has={"reason": "BadRequest"})
    on.ask("a token and a revision", "GET", f"configmaps?limit=2&resourceVersion=5&continue={first['metadata']['continue']}", code=400, has={"reason": "BadRequest"})
    on.ask("a limit that is no number", "GET", "configmaps?limit=many", code=400, has={"reason": "BadRequest"})
    on.ask("no limit is all", "GET", "configmaps?limit=0", see=lambda seen: len(seen["items"]), has={"metadata.continue": None})
    then = first["metadata"]["resourceVersion"]
    on.ask("a list as it was", "GET", f"configmaps?resourceVersion={then}&resourceVersionMatch=Exact", see=names, has={"metadata.resourceVersion": then, "items.8": None})
    on.ask("a list not older than", "GET", f"configmaps?resourceVersion={then}&resourceVersionMatch=NotOlderThan", see=lambda seen: sorted(names(seen)), has={"items.8.metadata.name": bool})
    on.ask("a match without a revision", "GET", "configmaps?resourceVersionMatch=Exact", code=422, has={"reason": "Invalid"})
    on.ask("a match that is none", "GET", "configmaps?resourceVersion=1&resourceVersionMatch=Nearly", code=422, has={"reason": "Invalid"})
    on.ask("a revision that is no number", "GET", "configmaps?resourceVersion=abc", code=Differs(real=500, playground=422), see=lambda seen: None)
    on.ask("a revision that is to come", "GET", "configmaps?resourceVersion=99999999", code=504, has={"reason": "Timeout", "details.causes.0.reason": "ResourceVersionTooLarge"},
           see=lambda seen: seen["reason"])
    on.do("DELETE", "configmaps/c9-late")


def labels(on):
    for name, selector, wanted in (
            ("equal", "parity=odd", "c1 c3 c5"), ("equal, twice the sign", "parity==odd", "c1 c3 c5"),
            ("not equal, or not there", "parity!=odd", "c0 c2 c4 c6 kube-root-ca.crt"), ("one of", "n in (1,2,9)", "c1 c2"), ("none of", "n notin (1, 2, 3)", "c0 c4 c5 c6 kube-root-ca.crt"),
            ("is there", "low", "c0 c1"), ("is not there", "!n", "kube-root-ca.crt"), ("both", "parity=odd,low", "c1"), ("empty value", "low=", "c0 c1"),
            ("greater", "n>4", "c5 c6"), ("less", "n<2", "c0 c1"), ("none", "n=77", "")):
        on.ask(f"labels: {name}", "GET", "configmaps?labelSelector=" + urllib.parse.quote(selector), see=names, has={"items": lambda items, wanted=wanted: " ".join(
            one["metadata"]["name"] for one in items) == wanted})
    for name, selector in (("three signs", "a===b"), ("an open bracket", "a in (b"), ("a key that is none", "a b=c"), ("a value that is none", "a=b c"), ("a comma too many", "a=b,"),
                           ("no list", "a in b"), ("greater than a word", "a>b")):
        on.ask(f"labels: {name}", "GET", "configmaps?labelSelector=" + urllib.parse.quote(selector), code=400, has={"reason": "BadRequest"})


def fields(on):
    for name, place, selector, wanted in (
            ("a name", "configmaps", "metadata.name=c1", "c1"), ("another name", "pods", "metadata.name!=p1", "p2"), ("a namespace", "configmaps", "metadata.namespace=elsewhere", ""),
            ("a phase", "pods", "status.phase=Pending", "p1 p2"), ("not that phase", "pods", "status.phase!=Pending", ""), ("no node", "pods", "spec.nodeName=", "p1 p2"),
            ("a scheduler", "pods", "spec.schedulerName=nobody", "p1 p2"), ("a restart policy", "pods", "spec.restartPolicy=Always", "p1 p2"),
            ("two of them", "pods", "status.phase=Pending,metadata.name=p2", "p2"), ("the type of a Secret", "secrets", "type=Opaque", "")):
        on.ask(f"fields: {name}", "GET", f"{place}?fieldSelector=" + urllib.parse.quote(selector), see=names,
               has={"items": lambda items, wanted=wanted: " ".join(one["metadata"]["name"] for one in items) == wanted})
    for name, place, selector in (("one that is not selected by", "pods", "spec.foo=x"), ("one of another kind", "configmaps", "status.phase=x"),
                                  ("no operator", "pods", "metadata.name"), ("a Deployment's replicas", "deployments", "spec.replicas=1")):
        on.ask(f"fields: {name}", "GET", f"{place}?fieldSelector=" + urllib.parse.quote(selector), code=400, has={"reason": "BadRequest"})


def shapes(on):
    on.ask("metadata alone", "GET", "configmaps/c1", headers=PARTIAL, has={"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "data": None, "metadata.name": "c1"})
    on.ask("a list of metadata alone", "GET", "configmaps?labelSelector=low", headers=PARTIAL_LIST,
           has={"kind": "PartialObjectMetadataList", "items.0.metadata.name": "c0", "items.0.data": None})
    on.ask("nothing is an empty list", "GET", "jobs", has={"items": [], "kind": "JobList"})
    on.ask("a list of everywhere", "GET", "/api/v1/configmaps?labelSelector=low", has={"items.0.metadata.namespace": on.ns}, see=names)
    on.do("POST", "deployments", deployment("d", 0))
    on.ask("a list in another version", "GET", "/apis/apps/v1/namespaces/{ns}/deployments", has={"apiVersion": "apps/v1", "kind": "DeploymentList"}, see=lambda seen: names(seen))
