"""What a process offers to the runs that it trains: a messenger, an origin, the sweep above them."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ..record import provenance
from ..record.directory import RunDirectory
from ..settings.config import TrackingSettings
from ..tracking.courier import Courier, Messenger
from ..training.solo import Solo


class Above(Protocol):
    """A sweep, as far as a run that is one of its jobs has to know it."""

    @property
    def title(self) -> str:
        """What the sweep varies, for a tag."""

    @property
    def varied(self) -> Set[str]:
        """Keys of the settings that differ between its jobs."""

    @property
    def directory(self) -> RunDirectory:
        """Its folder."""

    @property
    def waits_for_jobs(self) -> bool:
        """Whether it waits for the delivery of all of its jobs at its end, so that none has to."""

    def begin(self, settings: TrackingSettings, messenger: Messenger) -> RunDirectory:
        """Return its directory; the first call has MLflow make its run."""


@dataclass
class Context:
    """What the runs of one process share.

    Attributes:
        above: the sweep that they are jobs of; ``None`` for a single run.
        given_origin: where the code comes from, where the process that started this one looked it up.
        trainer: builds and trains, in this process alone or as the first of several.
        rates: what range tests of this process found, by the settings that they depend on.
        given_messenger: brings runs to MLflow; ``None``: a courier is started when the first run needs one.
    """

    above: Above | None = None
    given_origin: provenance.Origin | None = None
    trainer: Solo = field(default_factory=Solo)
    rates: dict[str, Any] = field(default_factory=dict)
    given_messenger: Messenger | None = None

    @property
    def origin(self) -> provenance.Origin:
        """Where the runs come from."""
        return self.given_origin or provenance.look_up()

    def messenger(self, log: Path, patience: float) -> Messenger:
        """Return the messenger of this process: one for a run, or for all of a sweep.

        Args:
            log: file that takes what it complains of, where it is started now.
            patience: how long it goes on trying when this process is gone [seconds].
        """
        if self.given_messenger is None:
            self.given_messenger = Courier(log, patience)
        return self.given_messenger

    def close(self) -> None:
        """Announce that no more runs follow, to the messenger and to processes that train along."""
        if self.given_messenger is not None:
            self.given_messenger.close()
            self.given_messenger = None
        self.trainer.dismiss()
