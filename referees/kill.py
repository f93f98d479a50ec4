#!/usr/bin/env python3
"""SIGKILL at 200 random moments of a run, and `chaos recover --all` puts the cluster back every time.

The run scales a Deployment to zero and back (an action and a rollback). After each kill the Deployment must
have its replicas again, a second `recover --all` must change nothing, and what somebody else wrote into other
fields meanwhile must still be there.
"""
import random
import statistics
import threading
import time
import urllib.parse
from datetime import datetime

from lab import Api, Lab, Tally, all_heard, need, options, setting, until
from pieces import idle_deployment, scale

NS, NAME, REPLICAS = "kill", "target", 3
PATH = f"/apis/apps/v1/namespaces/{NS}/deployments"
DEPLOYMENT = idle_deployment(NAME, REPLICAS)
EXPERIMENT = {"title": "Nobody is there", "description": "A Deployment is scaled to zero and back.",
              "method": [scale("to-zero", NS, NAME, 0)], "rollbacks": [scale("and-back", NS, NAME, REPLICAS)]}

# When somebody else edits the Deployment; one kind a round, in turn.
NEVER, DURING_RUN, AFTER_KILL, DURING_RECOVERY = range(4)


class Rounds:
    """The rounds, and what was counted over them."""

    def __init__(self, lab, api, dice):
        self.lab, self.api, self.dice = lab, api, dice
        self.fell = {"before": 0, "between": 0, "after": 0}
        self.edits = self.restored = 0
        self.pace = 1.0
        self.port = urllib.parse.urlsplit(setting("K8S_URL")).port

    def now(self):
        return self.api.get(f"{PATH}/{NAME}")

    def measure(self):
        """Runs it undisturbed five times; returns (length, action, rollback) in seconds after the start."""
        spans = []
        for _ in range(5):
            begun = time.time()
            run = self.lab.chaos("run", "experiment.json")
            need(run.code == 0, f"an undisturbed run fails: {run}")
            journal = self.lab.journal()
            at = lambda text: datetime.fromisoformat(text).timestamp() - begun  # noqa: E731
            steps = [*journal["run"], *journal["rollbacks"]]
            need([s["status"] for s in steps] == ["succeeded"] * 2, f"an undisturbed run: {steps}")
            spans.append([run.seconds] + [at(s[end]) for s in steps for end in ("start", "end")])
        length, *middle = (statistics.median(column) for column in zip(*spans))
        return length, tuple(middle[:2]), tuple(middle[2:])

    def moment(self, length, action, rollback):
        """When to kill: anywhere in the run, or while one of the two changes is under way, or between them.

        A machine is not as quick at all times, so the measured times are stretched by `pace`, which follows where
        the kills fall: earlier after each that came too late, later after each that came too early.
        """
        middle = (sum(action) / 2, sum(rollback) / 2)
        low, high = self.dice.choice([(0, length), action, middle, rollback])
        return self.pace * self.dice.uniform(low, high)

    def edit(self, number):
        """Another client's edit of fields that the experiment does not touch."""
        self.edits += 1
        self.api_of_edits = getattr(self, "api_of_edits", None) or Api()
        self.api_of_edits.patch(f"{PATH}/{NAME}", {"metadata": {"annotations": {"example.com/edit": str(number)}},
                                                  "spec": {"minReadySeconds": number}})

    def play(self, number, moment):
        """One round: run, kill, recover, recover again. Raises Wrong if anything is not as it must be."""
        kind = number % 4
        editor = threading.Thread(target=self.edit, args=(number,))
        run = self.lab.start("run", "experiment.json", stdout=self.sink, stderr=self.sink)
        if kind == DURING_RUN:
            threading.Timer(moment * self.dice.random(), editor.start).start()
        time.sleep(moment)
        run.kill()
        ended_first = run.wait() == 0
        # What is already under way inside the API server is no longer the program's doing: let it arrive.
        all_heard(self.port)
        time.sleep(0.03)
        replicas = self.now()["spec"]["replicas"]
        started = ended_first or self.changed_since(number)
        fell = "between" if replicas == 0 else "after" if started else "before"
        self.fell[fell] += 1
        self.pace *= {"before": 1.04, "between": 1.0, "after": 0.97}[fell]

        if kind == AFTER_KILL:
            self.edit(number)
        if kind == DURING_RECOVERY:
            editor.start()
        recovery = self.lab.chaos("recover", "--all")
        if kind in (DURING_RUN, DURING_RECOVERY):
            until("the other client's edit", 5, lambda: editor.ident)
            editor.join()
        need(recovery.code == 0, f"{recovery}")
        back = self.now()
        need(back["spec"]["replicas"] == REPLICAS, f"{back['spec']['replicas']} replicas after {recovery}")
        if kind != NEVER:
            kept = (back["metadata"]["annotations"].get("example.com/edit"), back["spec"].get("minReadySeconds"))
            need(kept == (str(number), number), f"another client's edit {number} is now {kept}: {recovery}")
        again = self.lab.chaos("recover", "--all")
        twice = self.now()
        need(again.code == 0, f"the second time: {again}")
        need(twice["metadata"]["generation"] == back["metadata"]["generation"] and twice["spec"] == back["spec"],
             f"the second time changes something: {again}")
        self.generation = twice["metadata"]["generation"]
        self.restored += 1

    def changed_since(self, number):
        """Whether the run wrote before it died, although the replicas are as they were (edits count once)."""
        edited = 1 if number % 4 == DURING_RUN else 0
        return self.now()["metadata"]["generation"] - self.generation > edited

    def all(self, count):
        """Plays `count` rounds; every failing one is told, and the number of those is what decides."""
        span = self.measure()
        print(f"      a run takes {span[0] * 1000:.0f} ms: to zero from {span[1][0] * 1000:.0f} to {span[1][1] * 1000:.0f} ms, "
              f"back from {span[2][0] * 1000:.0f} to {span[2][1] * 1000:.0f} ms", flush=True)
        self.generation = self.now()["metadata"]["generation"]
        troubles = []
        with open(self.lab.path("console.txt"), "wb") as self.sink:
            for number in range(1, count + 1):
                moment = self.moment(*span)
                try:
                    self.play(number, moment)
                except Exception as trouble:  # noqa: BLE001
                    troubles.append(f"round {number}, killed after {moment * 1000:.1f} ms: {trouble}")
                    self.api.patch(f"{PATH}/{NAME}", {"spec": {"replicas": REPLICAS}})
                    self.generation = self.now()["metadata"]["generation"]
        fell = ", ".join(f"{n} {where}" for where, n in self.fell.items())
        print(f"      {self.restored} of {count} restored; kills {fell} the change; {self.edits} edits by another client", flush=True)
        need(not troubles, f"{len(troubles)} of {count} rounds went wrong\n" + "\n".join(troubles[:5]))
        # A referee that never hits the interesting moment would agree with anything.
        need(min(self.fell.values()) * 20 >= count, f"too few kills in one place: {fell}")

    def another_life(self):
        """A Deployment of the same name that is not the one that was changed stays as it is."""
        self.lab.write("one-way.json", {**EXPERIMENT, "rollbacks": []})
        run = self.lab.chaos("run", "one-way.json")
        need(run.code == 0 and self.now()["spec"]["replicas"] == 0, f"it does not stay at zero: {run}")
        self.api.call("DELETE", f"{PATH}/{NAME}")
        until("the end of the Deployment", 20, lambda: not self.now())
        self.api.call("POST", PATH, {**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "replicas": 0}})
        recovery = self.lab.chaos("recover", "--all")
        need(recovery.code == 0, f"{recovery}")
        need(self.now()["spec"]["replicas"] == 0, f"the other Deployment was changed: {recovery}")


def main():
    opts = options(rounds=(200, "how many kills"), seed=(3, "of the moments"))
    tally, api = Tally(), Api()
    api.fresh_namespace(NS)
    api.call("POST", PATH, DEPLOYMENT)
    with Lab(opts.chaos) as lab:
        lab.env["KUBECONFIG"] = setting("KUBECONFIG")
        lab.write("experiment.json", EXPERIMENT)
        rounds = Rounds(lab, api, random.Random(opts.seed))
        tally.check(f"SIGKILL at {opts.rounds} moments (seed {opts.seed})", rounds.all, opts.rounds)
        tally.check("a namesake is left alone", rounds.another_life)
    api.no_namespace(NS)
    fell = ", ".join(f"{n} {where}" for where, n in rounds.fell.items())
    tally.end(f"; {rounds.restored} of {opts.rounds} restored (kills: {fell} the change)")


if __name__ == "__main__":
    main()
