"""Which windows make a trailing reference: quarantine, suspicion and acceptance, for one unit."""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.errors import DAMAGE, StoreError
from monitor.protocols import State


@dataclass(frozen=True)
class RingRules:
    """How long a ring is, and what a window must live through to join it."""

    size: int
    quarantine: int
    min_windows: int
    clear_after: int = 1
    accept_after: int | None = None


@dataclass
class Ring:
    """The windows of one unit, by their serial numbers; knows nothing of what is in them.

    A window in control waits until `quarantine` more were judged. If the unit is suspect then (its last window at
    warning or worse lies fewer than `clear_after` windows in control behind), the window is left out: a fault that
    grew unnoticed before it was found does not become the norm. While suspect the members do not change.
    After `accept_after` windows in a row at warning or worse those are the members.
    """

    rules: RingRules
    members: list[int] = field(default_factory=list)
    waiting: list[tuple[int, int]] = field(default_factory=list)
    """Serial number, and how many windows were judged since."""
    accused: list[int] = field(default_factory=list)
    """The last windows at warning or worse in a row, kept only where they may be accepted."""
    breaches: int = 0
    calm: int = 0
    """Windows in control since the last one at warning or worse, up to `clear_after`."""

    def __post_init__(self) -> None:
        """Begin without suspicion."""
        self.calm = self.rules.clear_after

    @property
    def suspect(self) -> bool:
        """Whether the members are frozen."""
        return self.calm < self.rules.clear_after

    @property
    def learning(self) -> bool:
        """Whether there are too few members to compare with."""
        return len(self.members) < self.rules.min_windows

    @property
    def held(self) -> set[int]:
        """The windows that are still of use."""
        return {*self.members, *self.accused, *(serial for serial, _ in self.waiting)}

    def hear(self, serial: int, *, breach: bool) -> bool:
        """Take a judged window; return whether the breaches have just been accepted as the norm."""
        rules = self.rules
        self.breaches = self.breaches + 1 if breach else 0
        self.calm = 0 if breach else min(self.calm + 1, rules.clear_after)
        self._release()
        if not breach:
            self.accused = []
            self.waiting.append((serial, 0))
            return False
        if rules.accept_after is None:
            return False
        self.accused = [*self.accused, serial][-rules.size :]
        if self.breaches < rules.accept_after:
            return False
        self.members, self.accused, self.waiting = self.accused, [], []
        self.breaches, self.calm = 0, rules.clear_after
        return True

    def _release(self) -> None:
        """Let go the windows whose quarantine is over: to the members, or out where the unit is suspect."""
        older = [(serial, waited + 1) for serial, waited in self.waiting]
        done = [serial for serial, waited in older if waited >= self.rules.quarantine]
        self.waiting = older[len(done) :]
        if done and not self.suspect:
            self.members = [*self.members, *done][-self.rules.size :]

    def drop(self, lost: set[int]) -> None:
        """Forget windows whose statistics are gone."""
        self.members = [serial for serial in self.members if serial not in lost]
        self.accused = [serial for serial in self.accused if serial not in lost]
        self.waiting = [(serial, waited) for serial, waited in self.waiting if serial not in lost]

    def state(self) -> State:
        """Return everything needed to continue, as JSON-able values."""
        return {
            "members": list(self.members),
            "waiting": [list(entry) for entry in self.waiting],
            "accused": list(self.accused),
            "breaches": self.breaches,
            "calm": self.calm,
        }

    def load(self, state: State) -> None:
        """Continue from `state`, by rules that may have changed; raises StoreError on damage."""
        try:
            self.members = [int(serial) for serial in state["members"]][-self.rules.size :]
            self.waiting = [(int(serial), int(waited)) for serial, waited in state["waiting"]]
            self.accused = [int(serial) for serial in state["accused"]] if self.rules.accept_after else []
            self.breaches = int(state["breaches"])
            self.calm = min(int(state["calm"]), self.rules.clear_after)
        except DAMAGE as error:
            raise StoreError(f"the stored trailing baseline is damaged ({error}); reset the checkpoint") from error
