"""Jobs: work that is asked for, polled until it is done, and fetched in parts. They belong to the vendor, not to a client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from headwater.simulate.message import Reply, Request
from headwater.simulate.place import put
from headwater.simulate.rows import Refusal, Rows
from headwater.simulate.shape import JsonLines, Shape
from headwater.simulate.simulation import Route

__all__ = ["Jobs"]

State = Literal["queued", "running", "done", "failed", "expired"]


@dataclass
class _Job:
    found: Sequence[int]
    made: datetime
    fails: bool
    polls: int = 0


@dataclass
class Jobs:
    """`POST path` makes a job over what the request selects, `GET path/{job}` tells its state, `DELETE` ends it.

    A job is queued at its first look, running until look `polls`, then done and lists its parts of `part` records as links; with
    `seconds` it goes by the server's clock instead. `failing` are the jobs that fail, counted from 1, and `at_once` how many
    may be unfinished at the same time (429 above). Files are there for `keeps` seconds after the job was made. `id_at`,
    `state_at` and `parts_at` are paths in the body, `names` the vendor's own words for states. `origin` is another host that
    has the files.
    """

    source: Rows
    path: str = "/jobs"
    polls: int = 2
    seconds: float | None = None
    part: int = 1000
    keeps: float = 86_400.0
    failing: frozenset[int] = frozenset()
    at_once: int | None = None
    shape: Shape = field(default_factory=JsonLines)
    id_at: str = "id"
    state_at: str = "status"
    parts_at: str = "files"
    names: Mapping[str, str] = field(default_factory=dict)
    origin: str = ""

    def __post_init__(self) -> None:
        self._jobs: dict[str, _Job] = {}
        self._made = 0

    @property
    def alive(self) -> int:
        """How many jobs nobody has deleted."""
        return len(self._jobs)

    def routes(self) -> tuple[Route, ...]:
        """Return the routes: make, look, end, fetch."""
        return (
            Route("POST", self.path, self._create),
            Route("GET", f"{self.path}/{{job}}", self._look),
            Route("DELETE", f"{self.path}/{{job}}", self._delete),
            Route("GET", f"{self.path}/{{job}}/parts/{{part}}", self._fetch),
        )

    def _create(self, request: Request) -> Reply:
        running = [job for job in self._jobs.values() if self._state(job, request) in {"queued", "running"}]
        if self.at_once is not None and len(running) >= self.at_once:
            return Reply.error(429, "Too many jobs are unfinished.")
        try:
            found = self.source.find(request)[:]
        except Refusal as refusal:
            return Reply.error(refusal.status, str(refusal))
        self._made += 1
        self._jobs[str(self._made)] = _Job(found, request.at, self._made in self.failing)
        return self._shown(request, str(self._made), 202)

    def _look(self, request: Request) -> Reply:
        job = self._jobs.get(request.captured["job"])
        if job is None:
            return Reply.error(404, "There is no such job.")
        job.polls += 1
        return self._shown(request, request.captured["job"], 200)

    def _delete(self, request: Request) -> Reply:
        if self._jobs.pop(request.captured["job"], None) is None:
            return Reply.error(404, "There is no such job.")
        return Reply(204)

    def _fetch(self, request: Request) -> Reply:
        job, number = self._jobs.get(request.captured["job"]), request.captured["part"]
        state = self._state(job, request) if job else None
        if job is None or not number.isdigit() or not 1 <= int(number) <= self._parts(job):
            return Reply.error(404, "There is no such file.")
        if state != "done":
            return Reply.error(410 if state == "expired" else 409, f"The job is {state}.")
        indices = job.found[(int(number) - 1) * self.part : int(number) * self.part]
        body = b"".join(self.shape.chunks((self.source.record(one) for one in indices), {}))
        return Reply(200, body, {"Content-Type": self.shape.content_type}, records=len(indices))

    def _shown(self, request: Request, name: str, status: int) -> Reply:
        job = self._jobs[name]
        state = self._state(job, request)
        body: dict[str, Any] = {}
        put(body, self.id_at, name)
        put(body, self.state_at, self.names.get(state, state))
        if state == "done":
            urls = [
                f"{self.origin or request.origin}{self.path}/{name}/parts/{part + 1}"
                for part in range(self._parts(job))
            ]
            put(body, self.parts_at, urls)
        return Reply.json(body, status=status)

    def _state(self, job: _Job, request: Request) -> State:
        age = request.at - job.made
        if age >= timedelta(seconds=self.keeps):
            return "expired"
        finished = job.polls >= self.polls if self.seconds is None else age >= timedelta(seconds=self.seconds)
        if not finished:
            return "running" if job.polls else "queued"
        return "failed" if job.fails else "done"

    def _parts(self, job: _Job) -> int:
        return max(1, -(-len(job.found) // self.part))
