"""What an area is played with: raw HTTP and JSON to one of the two servers, and a record of what it answered.

A case is one call of `ask`, `eventually` or `value`: it has a name, says what must be true on *every* server, and leaves a
view of the answer that `compare` holds against the other server's.
"""
import copy
import http.client
import json
import re
import ssl
import threading
import time
import traceback
import urllib.parse

from lab import PATIENCE, Wrong

MERGE, JSON_PATCH, STRATEGIC, APPLY = (f"application/{kind}" for kind in (
    "merge-patch+json", "json-patch+json", "strategic-merge-patch+json", "apply-patch+yaml"))
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
PARTIAL = {"Accept": "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json"}
PARTIAL_LIST = {"Accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"}

# The versions that both servers have.
PLACES = {
    "": ("api/v1", "pods services endpoints configmaps secrets serviceaccounts persistentvolumeclaims events"),
    "apps": ("apis/apps/v1", "deployments replicasets"), "batch": ("apis/batch/v1", "jobs"),
    "autoscaling": ("apis/autoscaling/v1", "horizontalpodautoscalers"),
    "policy": ("apis/policy/v1beta1", "poddisruptionbudgets"),
    "networking": ("apis/networking.k8s.io/v1", "ingresses networkpolicies"),
    "rbac": ("apis/rbac.authorization.k8s.io/v1", "roles rolebindings"),
    "coordination": ("apis/coordination.k8s.io/v1", "leases"),
    "discovery": ("apis/discovery.k8s.io/v1beta1", "endpointslices"),
}
PREFIX = {plural: prefix for prefix, plurals in PLACES.values() for plural in plurals.split()}
PREFIX_CLUSTER = {
    "namespaces": "api/v1", "nodes": "api/v1", "persistentvolumes": "api/v1", "ingressclasses": "apis/networking.k8s.io/v1",
    "clusterroles": "apis/rbac.authorization.k8s.io/v1", "clusterrolebindings": "apis/rbac.authorization.k8s.io/v1"}


class Differs:
    """An expectation that is one thing on the real control plane and another on the playground."""

    def __init__(self, real, playground):
        self.real, self.playground = real, playground


class Server:
    """Where one of the two is: `name` is `real` or `playground`, `ca` the text of its certificate authority."""

    def __init__(self, name, url, token, ca):
        self.name, self.token = name, token
        self.url = urllib.parse.urlsplit(url)
        self.context = ssl.create_default_context(cadata=ca)

    def connect(self, timeout=40):
        return http.client.HTTPSConnection(self.url.hostname, self.url.port, context=self.context, timeout=timeout)


class Answer:
    """An HTTP answer: `code`, `body` (JSON where it is, else text), `headers` by lower-case name."""

    def __init__(self, code, raw, headers):
        self.code, self.headers = code, {name.lower(): value for name, value in headers}
        try:
            self.body = json.loads(raw)
        except ValueError:
            self.body = raw.decode("utf-8", "replace")

    def __str__(self):
        return f"{self.code} {json.dumps(self.body)[:600]}"


def at(value, path):
    """`spec.ports.0.port` of a value; None where there is nothing."""
    for part in path.split("."):
        if isinstance(value, list):
            value = value[int(part)] if part.isdigit() and int(part) < len(value) else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value


def holds(condition, seen):
    """Whether a condition holds; one that cannot be asked of what was seen (nothing, most often) does not."""
    try:
        return bool(condition(seen))
    except (TypeError, KeyError, IndexError, AttributeError):
        return False


class Player:
    """Plays one area in a namespace of its own on one server."""

    def __init__(self, server, area):
        self.server, self.area, self.ns = server, area, f"parity-{area}"
        self.connection = server.connect()
        self.records = {}

    # ---- requests -------------------------------------------------------------------------------------------------
    def path(self, place):
        """`pods/web/log` in this area's namespace, `nodes/n`; what begins with a slash is taken as it is."""
        if place.startswith("/"):
            return place.replace("{ns}", self.ns)
        plural = re.split(r"[/?]", place, maxsplit=1)[0]
        if plural in PREFIX:
            return f"/{PREFIX[plural]}/namespaces/{self.ns}/{place}"
        return f"/{PREFIX_CLUSTER[plural]}/{place}"

    def send(self, method, place, body=None, kind=None, headers=None):
        """One request and its answer, whatever it is."""
        full = {"Authorization": "Bearer " + self.server.token, "Accept": "application/json", "User-Agent": "parity/1"}
        if body is not None:
            full["Content-Type"] = kind or "application/json"
        full.update(headers or {})
        full = {name: value for name, value in full.items() if value is not None}
        raw = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
        for last in (False, True):
            try:
                self.connection.request(method, self.path(place), raw, full)
                answer = self.connection.getresponse()
                return Answer(answer.status, answer.read(), answer.getheaders())
            except (http.client.HTTPException, OSError):  # servers close idle connections
                self.connection.close()
                if last:
                    raise

    def do(self, method, place, body=None, kind=None, headers=None):
        """A request that only prepares the next case: it must work. Returns the body."""
        answer = self.send(method, place, body, kind, headers)
        if answer.code >= 400:
            raise Wrong(f"{method} {place}: {answer}")
        return answer.body

    def get(self, place):
        """The object there, or None."""
        answer = self.send("GET", place)
        return answer.body if answer.code < 300 else None

    def watch(self, place, seconds=5, **query):
        """Watches in the background; the `Watch` collects its events."""
        return self.watch_with({}, place, seconds, **query)

    def watch_with(self, headers, place, seconds, **query):
        """The same with headers."""
        query = {"watch": "1", "timeoutSeconds": str(seconds), **query}
        return Watch(self, place + ("&" if "?" in place else "?") + urllib.parse.urlencode(query), headers)

    # ---- cases ----------------------------------------------------------------------------------------------------
    def ask(self, name, method, place, body=None, kind=None, headers=None, code=200, has=None, see=None):
        """A case: one request, the code and the values that its answer must have. Returns the body.

        `has` maps paths (`spec.replicas`) to values, None where nothing must be, or a function that must hold.
        `see` makes what is compared with the other server out of the body; by default the whole body.
        """
        answer = self.send(method, place, body, kind, headers)
        trouble = self.wrong(f"{method} {place}", answer, code, has or {})
        view = None
        try:
            view = {"code": answer.code, "body": (see or (lambda seen: seen))(copy.deepcopy(answer.body))}
        except Exception:  # the answer was of another shape: the case fails, the area goes on
            trouble = trouble or f"{answer}\n{traceback.format_exc()}"
        self.record(name, view, trouble)
        return answer.body

    def wrong(self, what, answer, code, has):
        code = self.mine(code)
        if answer.code != code:
            return f"{what}: {code} expected: {answer}"
        for path, expected in has.items():
            expected, seen = self.mine(expected), at(answer.body, path)
            if not (holds(expected, seen) if callable(expected) else seen == expected):
                wanted = "what must hold" if callable(expected) else json.dumps(expected)
                return f"{what}: {path}: {wanted} expected, {json.dumps(seen)} seen"
        return None

    def mine(self, expected):
        return getattr(expected, self.server.name) if isinstance(expected, Differs) else expected

    def value(self, name, seen, expected):
        """A case: a value that was worked out from answers."""
        expected = self.mine(expected)
        self.record(name, seen, None if seen == expected else f"{expected!r} expected, {seen!r} seen")

    def eventually(self, name, place, has, seconds=20, see=None):
        """A case: what is at `place` has these values before so many seconds have passed. Returns the body.

        Only `has` and what `see` makes of the body are compared with the other server, for the rest may be on its way.
        """
        seconds *= PATIENCE
        end = time.monotonic() + seconds
        while True:
            answer = self.send("GET", place)
            trouble = self.wrong(f"GET {place}", answer, 200, has)
            if trouble is None or time.monotonic() > end:
                break
            time.sleep(0.1)
        view = {path: at(answer.body, path) if not callable(expected) else "holds" for path, expected in has.items()}
        if see and trouble is None:
            view["seen"] = see(copy.deepcopy(answer.body))
        self.record(name, view, trouble and f"after {seconds} s: {trouble}")
        return answer.body

    def gone(self, name, place, seconds=20):
        """A case: there is nothing at `place` before so many seconds have passed."""
        seconds *= PATIENCE
        end = time.monotonic() + seconds
        while (answer := self.send("GET", place)).code != 404 and time.monotonic() < end:
            time.sleep(0.1)
        self.record(name, answer.code, None if answer.code == 404 else f"after {seconds} s there is still {answer}")

    def until(self, what, condition, seconds=20):
        """Waits for what the next case needs; not a case."""
        seconds *= PATIENCE
        end = time.monotonic() + seconds
        while not (result := condition()):
            if time.monotonic() > end:
                raise Wrong(f"waited {seconds} s in vain for {what}")
            time.sleep(0.1)
        return result

    def record(self, name, view, trouble):
        if name in self.records:
            trouble = "two cases have this name"
        self.records[name] = (view, trouble)

    # ---- the area as a whole --------------------------------------------------------------------------------------
    def play(self, run):
        """Plays an area; what ends it early is a case of its own that failed."""
        try:
            self.empty()
            self.do("POST", "namespaces", {"metadata": {"name": self.ns}})
            probe = {"metadata": {"name": "probe"}, "spec": {"containers": [{"name": "a", "image": "pause"}]}}
            self.until("a service account that Pods can have", lambda: self.get("configmaps/kube-root-ca.crt")
                       and self.get("serviceaccounts/default") and self.send("POST", "pods?dryRun=All", probe).code == 201)
            run(self)
        except Exception as error:
            text = str(error) if isinstance(error, Wrong) else traceback.format_exc()
            self.record("the area is played to its end", None, text)
        finally:
            try:
                self.send("DELETE", f"namespaces/{self.ns}")
            finally:
                self.connection.close()

    def empty(self):
        """Removes a namespace that an earlier run left."""
        if self.send("DELETE", f"namespaces/{self.ns}").code != 404:
            self.until(f"the end of namespace {self.ns}", lambda: not self.get(f"namespaces/{self.ns}"), 60)


class Watch:
    """A watch in the background. `events` are (type, object) as they came; `answer` is there when it was refused."""

    def __init__(self, player, place, headers):
        self.events, self.answer, self.thread = [], None, None
        self.connection = player.server.connect()
        self.connection.request("GET", player.path(place), headers={
            "Authorization": "Bearer " + player.server.token, "Accept": "application/json", **headers})
        self.response = self.connection.getresponse()
        if self.response.status != 200:
            self.answer = Answer(self.response.status, self.response.read(), [])
            return
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        try:
            for line in self.response:
                if line.strip():
                    event = json.loads(line)
                    self.events.append((event["type"], event["object"]))
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            pass  # what came until then is what there is

    def told(self, seconds=30, count=None):
        """What happened, as `ADDED x`: all until the watch ends, or the first `count` events."""
        if self.answer:
            return [f"refused with {self.answer.code}"]
        end = time.monotonic() + seconds
        while self.thread.is_alive() and time.monotonic() < end and (count is None or len(self.events) < count):
            time.sleep(0.02)
        return [f"{kind} {at(seen, 'metadata.name')}" for kind, seen in self.events[:count]]
