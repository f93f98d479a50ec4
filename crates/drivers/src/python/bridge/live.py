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
        self.numbers = {}
        self.sharing = set()
        self.members = set()
        # What the run knows of all this, as marks of texts; of a list, what stands in it.
        self.known = {key: mark({}) for key in ("experiment", "configuration", "secrets")}
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
        self.known["experiment"] = mark(self.experiment)

    def on_configuration(self, value):
        refresh(self.configuration, value)
        # As in the Toolkit: what is declared as it is, is that object.
        declared = self.experiment.get("configuration")
        for key, item in self.configuration.items():
            if isinstance(declared, dict) and isinstance(item, (dict, list)) and declared.get(key) == item:
                self.configuration[key] = declared[key]
        self.known["configuration"] = mark(self.configuration)

    def on_secrets(self, value):
        refresh(self.secrets, value)
        self.known["secrets"] = mark(self.secrets)

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
        self.members = set(self.journal)
        self.known.update({("runs", "method"): [], ("runs", "rollbacks"): []})

    def on_again(self, value):
        """All of a run that another interpreter knew."""
        journal, numbers, over = value
        self.on_run(dict(journal or {}, start=(journal or {}).get("start")))
        self.journal.update({key: value for key, value in (journal or {}).items() if key != "experiment"})
        if not over:
            self.journal["status"] = None
        states = self.journal.get("steady_states")
        self.during = states.get("during") if isinstance(states, dict) else []
        for place, key in LISTS.items():
            found = self.journal.get(key) if key is not None else (self.state(place) or {}).get("probes")
            for number, record in zip(numbers[place], found or ()):
                if number is not None:
                    self.records[number] = record
                    self.numbers[id(record)] = number
        # That is what the run knows.
        self.news_of_ours(self.records, LISTS)
        self.members = set(self.journal)
        logger.warning("Python's interpreter was replaced: what the modules of controls kept in memory is lost, and they are not "
                       "configured again")

    def on_record(self, value):
        number, place, record = value
        known = self.records.get(number)
        if known is not None:
            if number in self.sharing and "activity" in known:
                # Told without secrets, while this one is what is played.
                record["activity"] = known["activity"]
            refresh(known, record)
        else:
            known = self.records[number] = record
            self.numbers[id(record)] = number
            key = LISTS[place]
            if key is not None:
                self.journal.setdefault(key, []).append(record)
                self.known.setdefault(("runs", place), []).append(number)
        self.known["record", number] = mark(known)

    def on_state(self, value):
        phase, met, numbers = value
        state = {"steady_state_met": met, "probes": [self.records[number] for number in numbers]}
        if phase == "during":
            self.during.append(state)
        else:
            self.journal["steady_states"][phase] = state
        self.known["runs", phase] = list(numbers)
        self.known["look", phase] = mark(look_of(state))

    def on_dropped(self, phase):
        if phase == "during":
            self.during.pop()
        else:
            self.journal["steady_states"][phase] = None

    def on_end(self, members):
        self.journal.update(members)
        self.members.update(members)

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
            self.record(number, self.told[number])
        return self.told[number]

    def state(self, phase):
        if phase == "during":
            return self.during[-1] if self.during else None
        return self.journal.get("steady_states", {}).get(phase)

    def news_of_ours(self, numbers, lists):
        """What the run does not know yet, of what all hooks are given and of these records and lists. Then it does."""
        news = {key: getattr(self, key) for key in ("experiment", "configuration", "secrets")
                if self.is_news(key, mark(getattr(self, key)))}
        records = [[number, self.records[number]] for number in numbers
                   if number in self.records and self.is_news(("record", number), mark(self.records[number]))]
        looks, runs = [], []
        for place in lists:
            found = self.state(place) if LISTS[place] is None else self.journal.get(LISTS[place])
            if LISTS[place] is None:
                if not isinstance(found, dict):
                    continue
                look = look_of(found)
                if self.is_news(("look", place), mark(look)):
                    looks.append([place, look])
                found = found.get("probes")
            if isinstance(found, list):
                listed = [self.numbers.get(id(run)) for run in found]
                marks = [mark(run) if number is None else number for number, run in zip(listed, found)]
                if self.is_news(("runs", place), marks):
                    runs.append([place, [["added", run] if number is None else ["played", number]
                                         for number, run in zip(listed, found)]])
        news.update({key: value for key, value in (("records", records), ("looks", looks), ("runs", runs)) if value})
        return news

    def listed(self, place):
        """The numbers of the records that the run knows in a list."""
        return [number for number in self.known.get(("runs", place), ()) if number in self.records]

    def is_news(self, key, now):
        before, self.known[key] = self.known.get(key), now
        return before != now

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

    def record(self, number, activity):
        """The record of an activity. Its `activity` is another object, of the same parts, as in the Toolkit."""
        record = self.records.get(number)
        if record is not None and number not in self.sharing and record.get("activity") == activity:
            record["activity"] = dict(activity)
            self.sharing.add(number)
        return record

    def entries(self, name):
        holder = self.experiment
        if name == "probes":
            holder = holder.get("steady-state-hypothesis") or {}
        entries = holder.get(name)
        return entries if isinstance(entries, list) else []


def mark(value):
    """What differs when the JSON text of a value does."""
    return hash(written(value))


def look_of(state):
    """What a state says, without its records."""
    members = {key: value for key, value in state.items()
               if not (key == "steady_state_met" and isinstance(value, bool) or key == "probes" and isinstance(value, list))}
    return {"met": bool(state.get("steady_state_met")), "members": members,
            "removed": [key for key in ("steady_state_met", "probes") if key not in state]}


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
    """What a call changes of its subject, beside what it was told, and of the journal."""

    def __init__(self, live, activity=None, numbers=(), lists=(), journal=False):
        self.live = live
        self.activity = activity
        self.numbers = numbers
        self.lists = lists
        self.journal = journal
        if journal:
            # What was changed elsewhere, by whoever kept an object, is told by record; what the call itself changes, by member.
            self.elsewhere = live.news_of_ours(live.records, LISTS)
        self.before = self.texts()
        if journal:
            # So was what the run does not know of.
            self.before = {key: text for key, text in self.before.items() if key[1] in live.members}

    def texts(self):
        texts = {}
        if self.activity is not None:
            texts["activity"] = written(self.activity)
        if self.journal:
            for key, value in self.live.journal.items():
                texts["journal", key] = written(value)
        return texts

    def changed(self):
        live, before, now = self.live, self.before, self.texts()
        differs = {key for key in now if before.get(key) != now[key]}
        removed = [key[1] for key in before if isinstance(key, tuple) and key not in now]
        if self.journal:
            changed = dict(self.elsewhere, **live.news_of_ours((), ()))
            if differs or removed:
                # Told by member, so it is no news.
                live.news_of_ours(live.records, LISTS)
            live.members = set(live.journal)
        else:
            changed = live.news_of_ours(self.numbers, self.lists)
        if "activity" in differs:
            changed["activity"] = self.activity
        members = {key[1]: live.journal[key[1]] for key in differs if isinstance(key, tuple)}
        if members or removed:
            # In the order of the journal.
            members = {key: value for key, value in live.journal.items() if key in members}
            changed["journal"] = {"members": members, "removed": removed}
        return changed
