"""The run as controls see it: objects that stay the same from one call to the next, so that what one changes the others see.

What happens in the run arrives as news, in its order, and is applied here; what a control changes is found by comparing what was
with what is.
"""

import logging

from chaos_bridge.main import written

logger = logging.getLogger("chaostoolkit")

LISTS = {"before": None, "after": None, "during": None, "method": "run", "rollbacks": "rollbacks"}


class EventHandlerRegistry:
    """Where controls register objects that are told of events."""

    def __init__(self):
        self.handlers = []

    def register(self, handler):
        self.handlers.append(handler)

    def tell(self, name, *arguments):
        for handler in self.handlers:
            try:
                getattr(handler, name)(*arguments)
            except Exception:
                logger.debug("Handler %s failed" % type(handler).__name__, exc_info=True)


class Live:
    def __init__(self):
        self.experiment = {}
        self.configuration = {}
        self.secrets = {}
        self.settings = None
        self.journal = {}
        # Records of activities by their numbers; activities by the numbers of their plays.
        self.records = {}
        self.activities = {}
        self.told = {}
        self.during = []
        self.registry = EventHandlerRegistry()

    def apply(self, news):
        """A handler that has to be interrupted is the last one that is told of these; what happened is known nevertheless."""
        interrupted = None
        for kind, value in news:
            if interrupted is not None and kind == "event":
                continue
            try:
                getattr(self, "on_" + kind)(value)
            except KeyboardInterrupt as raised:
                interrupted = raised
        if interrupted is not None:
            raise interrupted

    def on_experiment(self, value):
        refresh(self.experiment, value)

    def on_configuration(self, value):
        refresh(self.configuration, value)

    def on_secrets(self, value):
        refresh(self.secrets, value)

    def on_settings(self, value):
        self.settings = value

    def on_run(self, header):
        self.journal.clear()
        self.journal.update(header)
        # As the Toolkit's: another object, of the same parts.
        self.journal["experiment"] = self.experiment.copy()
        self.journal.update({
            "start": header["start"], "status": None, "deviated": False,
            "steady_states": {"before": None, "after": None, "during": self.during}, "run": [], "rollbacks": [],
        })

    def on_record(self, value):
        number, place, record = value
        known = self.records.get(number)
        if known is not None:
            return refresh(known, record)
        self.records[number] = record
        key = LISTS[place]
        if key is not None:
            self.journal.setdefault(key, []).append(record)

    def on_state(self, value):
        phase, met, numbers = value
        state = {"steady_state_met": met, "probes": [self.records[number] for number in numbers]}
        if phase == "during":
            self.during.append(state)
        else:
            self.journal["steady_states"][phase] = state

    def on_dropped(self, phase):
        if phase == "during":
            self.during.pop()
        else:
            self.journal["steady_states"][phase] = None

    def on_end(self, members):
        self.journal.update(members)

    def on_event(self, value):
        name, arguments = value
        self.registry.tell(name, *[self.argument(argument) for argument in arguments])

    def argument(self, argument):
        kind, value = argument
        if kind == "value":
            return value
        if kind == "record":
            return self.records.get(value)
        if kind == "activity":
            return self.activity_of_record(value)
        if kind == "runs":
            return self.journal.get(value)
        if kind == "state":
            return self.state(value)
        return getattr(self, kind)

    def activity_of_record(self, number):
        """The activity of a record: one object for both events, whatever a handler writes into it."""
        record = self.records.get(number) or {}
        if "end" in record and number in self.told:
            return self.told.pop(number)
        declared = record.get("activity")
        if number not in self.told:
            self.told[number] = next((one for one in self.all_activities() if one == declared), declared)
        return self.told[number]

    def state(self, phase):
        if phase == "during":
            return self.during[-1] if self.during else None
        return self.journal.get("steady_states", {}).get(phase)

    def all_activities(self):
        hypothesis = self.experiment.get("steady-state-hypothesis") or {}
        for entries in (self.experiment.get("method"), hypothesis.get("probes"), self.experiment.get("rollbacks")):
            if isinstance(entries, list):
                yield from entries

    def activity(self, subject):
        """The activity that a control is called about: one object before it and after it."""
        play = subject["play"]
        if play in self.activities:
            return self.activities[play]
        declared = subject["activity"]
        entries = self.entries(subject["list"])
        index = subject["index"]
        if index < len(entries) and entries[index] == declared:
            found = entries[index]
        else:
            found = next((one for one in self.all_activities() if one == declared), declared)
        self.activities[play] = found
        return found

    def entries(self, name):
        holder = self.experiment
        if name == "probes":
            holder = holder.get("steady-state-hypothesis") or {}
        entries = holder.get(name)
        return entries if isinstance(entries, list) else []


def refresh(old, new):
    """Makes an object what another one is; parts of both stay the same objects."""
    for key in [key for key in old if key not in new]:
        del old[key]
    for key, value in new.items():
        if key in old:
            value = refreshed(old[key], value)
        old[key] = value


def refreshed(old, new):
    if isinstance(old, dict) and isinstance(new, dict):
        refresh(old, new)
        return old
    if isinstance(old, list) and isinstance(new, list):
        old[:] = [refreshed(old[i], item) if i < len(old) else item for i, item in enumerate(new)]
        return old
    return new


class Watch:
    """What the objects of a call were before it, and which of them are something else afterwards."""

    def __init__(self, live, activity=None, records=(), state=None, journal=False):
        self.live = live
        self.activity = activity
        self.records = {number: live.records[number] for number in records if number in live.records}
        self.state = state
        self.journal = journal
        self.before = self.texts()

    def texts(self):
        live = self.live
        texts = {"experiment": written(live.experiment), "configuration": written(live.configuration),
                 "secrets": written(live.secrets)}
        if self.activity is not None:
            texts["activity"] = written(self.activity)
        for number, record in self.records.items():
            texts[number] = written(record)
        if self.state is not None:
            texts["met"] = written(self.state.get("steady_state_met"))
        if self.journal:
            for key, value in live.journal.items():
                texts["journal", key] = written(value)
        return texts

    def changed(self):
        live, before, now = self.live, self.before, self.texts()
        differs = {key for key in now if before.get(key) != now[key]}
        changed = {}
        for key in ("experiment", "configuration", "secrets"):
            if key in differs:
                changed[key] = getattr(live, key)
        if "activity" in differs:
            changed["activity"] = self.activity
        records = [[number, record] for number, record in self.records.items() if number in differs]
        if records:
            changed["records"] = records
        if "met" in differs:
            changed["met"] = bool(self.state.get("steady_state_met"))
        members = {key[1]: live.journal[key[1]] for key in differs if isinstance(key, tuple)}
        removed = [key[1] for key in before if isinstance(key, tuple) and key not in now]
        if members or removed:
            # In the order of the journal.
            members = {key: value for key, value in live.journal.items() if key in members}
            changed["journal"] = {"members": members, "removed": removed}
        return changed
