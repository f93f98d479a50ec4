#!/usr/bin/env python3
"""A kubeconfig whose user is an exec credential plugin, with a token that expires during the run.

The plugin hands out tokens of service accounts, a new account's at each call; the first is said to expire after
a few seconds, and its account is deleted meanwhile, so that whoever still uses it gets 401. Also: a plugin that
is not installed, one that fails, and one that says nonsense.
"""
import os
import time

from lab import Api, Lab, Tally, need, options, setting, until
from pieces import count, kubeconfig

NS = "exec-plugin"
ACCOUNTS = f"/api/v1/namespaces/{NS}/serviceaccounts"
LIFE = 4  # seconds that the first token lives
# The API server itself believes in a token that it has seen for 10 s more.
PAUSE = 12

# Calls are counted in a file; the n-th call hands out the n-th token. The last token is good for an hour.
PLUGIN = """#!/bin/sh
set -e
n=$(($(cat "$CALLS" 2>/dev/null || echo 0) + 1))
echo $n >"$CALLS"
echo "$KUBERNETES_EXEC_INFO" >>"$CALLS.info"
[ -e "$TOKENS/$n" ] || n=last
[ "$n" = 1 ] && ends=$(date -u -d "+LIFE seconds" +%Y-%m-%dT%H:%M:%SZ) || ends=$(date -u -d "+1 hour" +%Y-%m-%dT%H:%M:%SZ)
cat <<J
{"apiVersion": "VERSION", "kind": "ExecCredential", "status": {"token": "$(cat "$TOKENS/$n")", "expirationTimestamp": "$ends"}}
J
"""


def experiment(pause):
    return {"title": "A token's life", "description": "It ends in between.",
            "steady-state-hypothesis": {"title": "Nobody", "probes": [count("nobody", NS, tolerance=0)]},
            "method": [count("before", NS), count("after", NS, pauses={"before": pause})]}


class Plugin:
    """The cluster's side (accounts with tokens) and the user's side (plugin and kubeconfig)."""

    def __init__(self, lab, api):
        self.lab, self.api = lab, api
        self.tokens, self.calls = lab.path("tokens"), lab.path("calls")
        os.mkdir(self.tokens)

    def account(self, name):
        self.api.call("POST", ACCOUNTS, {"metadata": {"name": name}})
        self.api.call("POST", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NS}/rolebindings", {
            "metadata": {"name": name}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": NS}]})
        answer = self.api.call("POST", f"{ACCOUNTS}/{name}/token", {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                                                                   "spec": {"expirationSeconds": 3600}})
        return answer["status"]["token"]

    def hand_out(self, *tokens):
        for number, token in enumerate(tokens, 1):
            for name in (str(number), "last"):
                self.lab.write(f"tokens/{name}", token)
        for name in (self.calls, self.calls + ".info"):
            if os.path.exists(name):
                os.remove(name)

    def kubeconfig(self, command, version, **more):
        user = {"exec": {
            "apiVersion": version, "command": command, "args": ["get-token", "--cluster", "c"], "interactiveMode": "Never",
            "env": [{"name": "CALLS", "value": self.calls}, {"name": "TOKENS", "value": self.tokens}], **more}}
        config = self.lab.write("kubeconfig.json", kubeconfig(setting("K8S_URL"), user, setting("K8S_CA")))
        self.lab.env["KUBECONFIG"] = config

    def write(self, text, version):
        path = self.lab.write("acme-login", text.replace("LIFE", str(LIFE)).replace("VERSION", version))
        os.chmod(path, 0o755)
        return path

    def called(self):
        return int(open(self.calls, encoding="utf-8").read()) if os.path.exists(self.calls) else 0

    def fine(self, version):
        """One run whose token lives long enough: the plugin is asked once, not once a request."""
        self.hand_out(self.account("long-" + version.rpartition("/")[2]))
        os.rename(os.path.join(self.tokens, "1"), os.path.join(self.tokens, "0"))  # the first call gets `last`, too
        self.kubeconfig(self.write(PLUGIN, version), version)
        self.lab.write("e.json", experiment(0))
        run = self.lab.chaos("run", "e.json", timeout=60)
        need(run.code == 0, f"{run}")
        need(self.called() <= 2, f"the plugin was called {self.called()} times for one token")

    def expires(self, version):
        """The token of the first call expires during a pause, and the account behind it is gone."""
        first, second = self.account("first"), self.account("second")
        self.hand_out(first, second)
        self.kubeconfig(self.write(PLUGIN, version), version)
        self.lab.write("e.json", experiment(PAUSE))
        started = time.monotonic()
        p = self.lab.start("run", "e.json")
        until("the first call of the plugin", 10, self.called)
        time.sleep(1)
        early = self.called()
        self.api.call("DELETE", f"{ACCOUNTS}/first")
        out, err = p.communicate(timeout=60)
        said = err.decode()
        need(time.monotonic() - started >= PAUSE, f"the run did not pause: {said}")
        need(p.returncode == 0, f"exit {p.returncode}: {said}")
        need(" ERROR]" not in said and "401" not in said, f"an error on the way: {said}")
        journal = self.lab.journal()
        need([step["output"] for step in journal["run"]] == [0, 0], f"the probes saw {journal['run']}")
        need(early >= 1 and 2 <= self.called() <= early + 3, f"the plugin was called {early} times at first, {self.called()} in all")
        # The token must really have been worth nothing, else this proves nothing.
        self.api.token, admin = first, self.api.token
        try:
            self.api.get(f"/api/v1/namespaces/{NS}/pods")
        except Exception as refused:  # noqa: BLE001
            need("401" in str(refused), f"the first token is refused otherwise: {refused}")
        else:
            need(False, "the first token is still good")
        finally:
            self.api.token = admin

    def broken(self, command, *says, hint="", **more):
        """A plugin that does not do its work: the run fails soon, and says which program, and why.

        On a pipe the console holds the Toolkit's lines only; a hint is in the log file beside it.
        """
        self.kubeconfig(command, "client.authentication.k8s.io/v1", **more)
        self.lab.write("e.json", experiment(0))
        run = self.lab.chaos("run", "e.json", timeout=60)
        with open(self.lab.path("chaostoolkit.log"), encoding="utf-8") as log:
            logged = log.read()
        said = run.out + run.err
        need(run.code == 1 and "panicked at" not in said, f"{run}")
        for text in says:
            need(text in said, f"does not say {text!r}: {run}")
        need(hint in logged, f"no hint {hint!r} in the log file: {logged[-2000:]}")


def main():
    opts, tally, api = options(), Tally(), Api()
    api.fresh_namespace(NS)
    with Lab(opts.chaos) as lab:
        plugin = Plugin(lab, api)
        for version in ("v1beta1", "v1"):
            tally.check(f"one call for a token that lives ({version})", plugin.fine, f"client.authentication.k8s.io/{version}")
        tally.check("a token that expires during the run", plugin.expires, "client.authentication.k8s.io/v1beta1")
        tally.check("a plugin that is not installed", plugin.broken, "acme-not-installed", "acme-not-installed",
                    hint="hint: get it from https://example.com/acme", installHint="get it from https://example.com/acme")
        fails = plugin.write("#!/bin/sh\necho 'your session is over: acme login' >&2\nexit 3\n", "")
        tally.check("a plugin that fails", plugin.broken, fails, "acme-login", "your session is over: acme login")
        lab.write("acme-nonsense", "#!/bin/sh\necho 'Welcome to Acme!'\n")
        os.chmod(lab.path("acme-nonsense"), 0o755)
        tally.check("a plugin that says nonsense", plugin.broken, lab.path("acme-nonsense"), "acme-nonsense")
    api.no_namespace(NS)
    tally.end()


if __name__ == "__main__":
    main()
