"""Watches: from a revision on, with bookmarks and selectors, and how they end."""
from parity.pieces import config_map, parked
from parity.player import MERGE, PARTIAL, TABLE, Differs


def play(on):
    begin = on.do("GET", "configmaps")["metadata"]["resourceVersion"]
    following(on, begin)
    selecting(on)
    refused(on)
    pods(on)


def following(on, begin):
    live = on.watch("configmaps", 60, resourceVersion=begin)
    on.do("POST", "configmaps", config_map("a", v="1"))
    on.do("PATCH", "configmaps/a", {"data": {"v": "2"}}, MERGE)
    middle = on.get("configmaps/a")["metadata"]["resourceVersion"]
    on.do("PATCH", "configmaps/a", {"data": {"v": "2"}}, MERGE)
    on.do("POST", "configmaps", config_map("b"))
    on.do("DELETE", "configmaps/a")
    story = ["ADDED a", "MODIFIED a", "ADDED b", "DELETED a"]
    on.value("a live watch tells every change once", live.told(count=4), story)
    on.value("its objects are as they were", [live.events[n][1]["data"]["v"] for n in (0, 1, 3)], ["1", "2", "2"])
    on.value("a deletion has a revision of its own", int(live.events[3][1]["metadata"]["resourceVersion"]) > int(live.events[2][1]["metadata"]["resourceVersion"]), True)
    on.value("its objects say what they are", [live.events[0][1].get("kind"), live.events[0][1].get("apiVersion")], ["ConfigMap", "v1"])
    on.value("from a revision on it is told again", on.watch("configmaps", 10, resourceVersion=begin).told(count=4), story)
    on.value("from the middle on only the rest", on.watch("configmaps", 10, resourceVersion=middle).told(count=2), story[2:])
    on.value("without a revision it begins with what is there", sorted(on.watch("configmaps", 10).told(count=2)), ["ADDED b", "ADDED kube-root-ca.crt"])
    on.value("revision 0 as well", sorted(on.watch("configmaps", 10, resourceVersion="0").told(count=2)), ["ADDED b", "ADDED kube-root-ca.crt"])
    marked = on.watch("configmaps", 5, resourceVersion=begin, allowWatchBookmarks="true")
    kinds = marked.told() and [kind for kind, _ in marked.events]
    on.value("bookmarks come to those who ask", "BOOKMARK" in kinds, True)
    mark = next((seen for kind, seen in marked.events if kind == "BOOKMARK"), {})
    on.value("a bookmark is an object with a revision", [mark.get("kind"), int(mark.get("metadata", {}).get("resourceVersion", 0)) >= int(middle)], ["ConfigMap", True])
    plain = on.watch("configmaps", 1, resourceVersion=begin)
    on.value("and to nobody else", [kind for kind, _ in plain.events if plain.told() and kind == "BOOKMARK"], [])
    on.value("a watch ends after its time", plain.told() is not None and not plain.thread.is_alive(), True)
    on.value("the old way to watch", on.watch("/api/v1/watch/namespaces/{ns}/configmaps", 10, resourceVersion=begin).told(count=4), story)


def selecting(on):
    begin = on.do("GET", "configmaps")["metadata"]["resourceVersion"]
    red = on.watch("configmaps", 10, resourceVersion=begin, labelSelector="color=red")
    named = on.watch("configmaps", 10, resourceVersion=begin, fieldSelector="metadata.name=c2")
    alone = on.watch("/api/v1/watch/namespaces/{ns}/configmaps/c1", 10, resourceVersion=begin)
    table = on.watch_with(TABLE, "configmaps", 10, resourceVersion=begin)
    slim = on.watch_with(PARTIAL, "configmaps", 10, resourceVersion=begin)
    on.do("POST", "configmaps", config_map("c1", {"color": "red"}))
    on.do("POST", "configmaps", config_map("c2", {"color": "blue"}))
    on.do("PATCH", "configmaps/c2", {"metadata": {"labels": {"color": "red"}}}, MERGE)
    on.do("PATCH", "configmaps/c1", {"metadata": {"labels": {"color": "blue"}}}, MERGE)
    on.do("PATCH", "configmaps/c1", {"data": {"x": "y"}}, MERGE)
    on.do("DELETE", "configmaps/c2")
    on.value("what begins to fit is added, what no longer fits is deleted", red.told(), ["ADDED c1", "ADDED c2", "DELETED c1", "DELETED c2"])
    on.value("by a field", named.told(), ["ADDED c2", "MODIFIED c2", "DELETED c2"])
    on.value("one object by its old path", alone.told(), ["ADDED c1", "MODIFIED c1", "MODIFIED c1"])
    table.told()
    rows = [(kind, seen["kind"], len(seen["rows"]), bool(seen.get("columnDefinitions"))) for kind, seen in table.events]
    on.value("as tables, the columns only once", rows, [("ADDED", "Table", 1, True)] + [(kind, "Table", 1, False) for kind in ("ADDED", "MODIFIED", "MODIFIED", "MODIFIED", "DELETED")])
    slim.told()
    on.value("as metadata alone", [(kind, seen["kind"], "data" in seen) for kind, seen in slim.events[:2]], [("ADDED", "PartialObjectMetadata", False)] * 2)


def refused(on):
    on.ask("a revision that is no number", "GET", "configmaps?watch=1&resourceVersion=abc", code=Differs(real=500, playground=422))
    ahead = on.watch("configmaps", 1, resourceVersion="999999999")
    ahead.told()
    on.value("a revision that is to come: no events", [kind for kind, _ in ahead.events if kind in ("ADDED", "MODIFIED", "DELETED")], [])
    on.ask("a selector that is none", "GET", "configmaps?watch=1&labelSelector=a%3D%3D%3Db", code=400, has={"reason": "BadRequest"})
    on.ask("a field that nobody selects by", "GET", "configmaps?watch=1&fieldSelector=data.x%3Dy", code=400, has={"reason": "BadRequest"})
    on.ask("a single object is not watched by its path", "GET", "configmaps/c1?watch=1&timeoutSeconds=1", has={"kind": "ConfigMap", "metadata.name": "c1"})
    on.ask("a watch of what is not there", "GET", "/api/v1/namespaces/{ns}/nothings?watch=1", code=404, see=lambda seen: None)


def pods(on):
    begin = on.do("GET", "pods")["metadata"]["resourceVersion"]
    live = on.watch("pods", 10, resourceVersion=begin)
    on.do("POST", "pods", parked("p"))
    on.do("PATCH", "pods/p/status", {"status": {"message": "hello"}}, MERGE)
    on.do("DELETE", "pods/p")
    on.value("a Pod that runs nowhere", live.told(), ["ADDED p", "MODIFIED p", "MODIFIED p", "DELETED p"])
