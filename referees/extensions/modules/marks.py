"""A control that leaves a mark in everything that it is given, at every turn and in every event."""


def mark(where, *given):
    for what in given:
        if isinstance(what, dict):
            what["seen by " + where] = True
            for key, value in what.items():
                if isinstance(value, dict) and key != "steady_states":
                    value["known to " + where] = len(value)
        elif isinstance(what, list):
            what.append({"added by": where})
            what[0]["first in " + where] = True


class Handler:
    # These are told before the controls of the hypothesis, and when the journal is written.
    not_here = {"hypothesis_before_completed", "hypothesis_after_completed", "finish"}

    def __getattr__(self, name):
        return lambda *given: name in self.not_here or mark(name, *given)


def configure_control(experiment, configuration, secrets, event_registry, events=False):
    mark("configure", experiment, configuration, secrets)
    if events:
        event_registry.register(Handler())


def hook(name):
    def called(context, experiment, configuration, secrets, extensions, state=None, events=False):
        mark(name, context, experiment, configuration, secrets, extensions, state)
        if name == "after_method_control":
            # A record that is another object, one that is gone, and one that is moved.
            state[1] = dict(state[1], copied=True)
            del state[2]
            state.reverse()
        if name == "after_hypothesis_control":
            state["probes"][0].pop("tolerance_met", None)
            state["steady_state_met"] = "it is"

    return called


for _turn in ("experiment", "hypothesis", "method", "rollback", "activity"):
    for _side in ("before", "after"):
        _name = f"{_side}_{_turn}_control"
        globals()[_name] = hook(_name)


def give(value=None):
    return {"value": value, "list": [1, 2]}


def one():
    return 1
