"""Endpoints and EndpointSlices of Services: who is in them, and who is not ready."""
from parity.pieces import pod, service
from parity.player import MERGE, Differs, at


def addresses(seen):
    """Per subset: the Pods that are ready, those that are not, the ports."""
    names = lambda subset, key: sorted(one["targetRef"]["name"] for one in subset.get(key, []))
    ports = lambda subset: sorted((one.get("name"), one["port"], one["protocol"]) for one in subset.get("ports", []))
    return [(names(one, "addresses"), names(one, "notReadyAddresses"), ports(one)) for one in seen.get("subsets") or []]


def slices(seen):
    return [(sorted((at(one, "targetRef.name"), at(one, "conditions.ready")) for one in each["endpoints"] or []),
             sorted((one["name"], one["port"], one["protocol"]) for one in each["ports"] or []), each["addressType"]) for each in seen["items"]]


def play(on):
    slice_of = lambda name: f"endpointslices?labelSelector=kubernetes.io%2Fservice-name%3D{name}"
    on.do("POST", "services", service("s", {"app": "s"}, [{"name": "http", "port": 80, "targetPort": "web"}, {"name": "raw", "port": 81, "targetPort": 9000}]))
    on.eventually("a Service without Pods has empty Endpoints", "endpoints/s", {"subsets": None}, see=lambda seen: seen["metadata"].get("labels"))
    ports = [{"name": "web", "containerPort": 8080}]
    container = [{"name": "app", "image": "pause", "ports": ports}]
    on.do("POST", "pods", pod("one", {"app": "s"}, containers=container))
    on.do("POST", "pods", pod("two", {"app": "s"}, containers=container))
    on.do("POST", "pods", pod("waits", {"app": "s"}, containers=container, schedulerName="nobody"))
    on.do("POST", "pods", pod("other", {"app": "t"}, containers=container))
    wanted = [(["one", "two"], [], [("http", 8080, "TCP"), ("raw", 9000, "TCP")])]
    on.eventually("Pods that are ready come in, with ports by name", "endpoints/s", {"subsets": lambda subsets: addresses({"subsets": subsets}) == wanted}, see=addresses)
    on.eventually("and in a slice", slice_of("s"), {"items": lambda items: len(items) == 1 and len(items[0]["endpoints"] or []) == 2}, see=slices)
    found = on.do("GET", slice_of("s"))["items"][0]
    on.value("the slice is the Service's", (at(found, "metadata.ownerReferences.0.kind"), at(found, "metadata.generateName"), found["metadata"]["labels"]),
             ("Service", "s-", {"kubernetes.io/service-name": "s", "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}))
    address = on.get("endpoints/s")["subsets"][0]["addresses"][0]
    on.value("an address says whose it is", (address["targetRef"]["kind"], address["targetRef"]["namespace"], bool(address["nodeName"]), address["ip"] == on.get("pods/" + address["targetRef"]["name"])["status"]["podIP"]),
             ("Pod", on.ns, True, True))

    on.do("DELETE", "pods/two")
    on.eventually("a Pod that goes leaves", "endpoints/s", {"subsets": lambda subsets: addresses({"subsets": subsets}) == [(["one"], [], wanted[0][2])]}, see=addresses)
    on.do("PATCH", "pods/other", {"metadata": {"labels": {"app": "s"}}}, MERGE)
    on.eventually("a Pod that gets the label comes in", "endpoints/s", {"subsets": lambda subsets: addresses({"subsets": subsets})[0][0] == ["one", "other"]}, see=addresses)
    on.do("PATCH", "services/s", {"spec": {"selector": {"app": "nobody"}}}, MERGE)
    on.eventually("another selector empties them", "endpoints/s", {"subsets": None})
    on.eventually("and the slice", slice_of("s"), {"items": lambda items: not any(one["endpoints"] for one in items)})
    on.do("PATCH", "services/s", {"spec": {"selector": {"app": "s"}}}, MERGE)
    on.eventually("and back", "endpoints/s", {"subsets": lambda subsets: addresses({"subsets": subsets or []}) == [(["one", "other"], [], wanted[0][2])]}, see=addresses)

    on.do("POST", "services", service("headless", {"app": "s"}, [{"port": 80, "targetPort": 8080}], clusterIP="None"))
    on.eventually("a headless Service has them too", "endpoints/headless", {"subsets.0.addresses": lambda all: len(all) == 2}, see=lambda seen: (addresses(seen), seen["metadata"].get("labels")))
    on.do("POST", "services", service("manual", None, [{"port": 80}]))
    on.do("POST", "endpoints", {"metadata": {"name": "manual"}, "subsets": [{"addresses": [{"ip": "192.0.2.7"}], "ports": [{"port": 80}]}]})
    on.eventually("Endpoints that a person wrote stay", "endpoints/manual", {"subsets.0.addresses.0.ip": "192.0.2.7"})
    on.eventually("and are mirrored in a slice", slice_of("manual"), {"items": lambda items: bool(items) == on.mine(Differs(real=True, playground=False))},
                  see=lambda seen: len(seen["items"]))
    on.do("DELETE", "services/s")
    on.gone("a Service takes its Endpoints along", "endpoints/s")
    on.eventually("and its slice", slice_of("s"), {"items": []})
