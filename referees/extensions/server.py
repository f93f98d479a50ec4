"""A server on the loopback that speaks just enough of toxiproxy, wiremock, Spring's Chaos Monkey and OTLP, and records requests."""
import collections
import http.server
import json
import re
import threading


class Server:
    """One for each run: what it is told it remembers."""

    def __init__(self):
        self.requests, self.spans = [], []
        self.proxies, self.mappings, self.awake = {}, {}, False
        self.counts = collections.Counter()
        self.lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with outer.lock:
                    status, answer = outer.answer(self.command, self.path, self.headers, body)
                content = b"" if answer is None else answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/plain" if isinstance(answer, str) else "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = serve

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, method, path, headers, body):
        """`(status, text or JSON or None)`."""
        if path == "/v1/traces":
            # Batches are cut by the clock: what counts is what is in them.
            self.spans.append(body)
            return 200, None
        told = json.loads(body) if body else None
        if not path.startswith("/guard/"):
            # How often a safeguard looks depends on the clock.
            kept = {name: headers[name] for name in ("Authorization", "Accept", "Content-Type") if headers[name]}
            self.requests.append([method, path, kept, told])
        for pattern, serve in ((r"/guard/(\w+)", self.guard), (r"/actuator/chaosmonkey/(\w+)(?:\?.*)?", self.monkey),
                               (r"/__admin/(\w+)(?:/(.+))?", self.wiremock), (r"/(reset)", self.toxiproxy),
                               (r"/proxies(?:/(\w+))?(?:/toxics(?:/(\w+))?)?", self.toxiproxy)):
            found = re.fullmatch(pattern, path)
            if found:
                return serve(method, path, told, *found.groups())
        return 404, f"nothing at {path}"

    def guard(self, method, path, told, name):
        self.counts[name] += 1
        return 200, "fine" if name == "first" or self.counts[name] < 3 else "broken"

    def monkey(self, method, path, told, what):
        if what == "status":
            return (200, "Ready to be evil!") if self.awake else (503, "You switched me off!")
        if what in ("enable", "disable"):
            self.awake = what == "enable"
            return 200, f"Chaos Monkey is {what}d"
        if what == "assaults" and method == "POST":
            return 200, "Assault config has changed"
        return 200, {"level": 5, "latencyActive": True, "of": what}

    def wiremock(self, method, path, told, what, identity):
        if what != "mappings":
            return 200, {}
        if method == "POST":
            identity = f"mapping-{len(self.mappings)}"
            self.mappings[identity] = dict(told, id=identity)
            return 201, self.mappings[identity]
        if method == "PUT":
            self.mappings[identity] = told
            return 200, told
        if method == "DELETE":
            return (200, {}) if self.mappings.pop(identity, None) else (404, {})
        return 200, {"mappings": list(self.mappings.values())}

    def toxiproxy(self, method, path, told, name=None, toxic=None):
        if path == "/reset":
            return 204, None
        if name is None:
            self.proxies[told["name"]] = dict(told, toxics=[])
            return 201, self.proxies[told["name"]]
        proxy = self.proxies.get(name)
        if proxy is None:
            return 404, {"error": "proxy not found", "status": 404}
        if "/toxics" in path:
            if method == "POST":
                proxy["toxics"].append(told)
                return 200, told
            proxy["toxics"] = [one for one in proxy["toxics"] if one["name"] != toxic]
            return 204, None
        if method == "DELETE":
            del self.proxies[name]
            return 204, None
        if method == "POST":
            proxy.update(told)
        return 200, proxy
