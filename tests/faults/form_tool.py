"""A form tool that behaves as real ones do: it posts each submission until it hears 200, some twice, some edited."""

from __future__ import annotations

import json
import random
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import requests
from standardwebhooks import Webhook

from integration.incident import IncidentType
from sandbox.form import QUESTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.rehearsal import HostName
    from tests.faults.world import FaultWorld

FORMS = ("form-jira", "form-github", "signed-jira", "signed-github")
_KINDS = {
    "Somebody broke the Code of Conduct": IncidentType.CONDUCT_ENFORCEMENT,
    "A disagreement we need help with": IncidentType.CONFLICT_RESOLUTION,
}
_PAUSE = 0.1  # seconds between two tries of the same delivery
_AWAY = 503


@dataclass
class Submission:
    """What one person sent with one form. ``versions`` are marks in the text: the first, and each edit, in order."""

    form: str
    token: str
    kind: str
    versions: list[str] = field(default_factory=list)

    @property
    def host(self) -> HostName:
        """Where its incident belongs."""
        return "jira" if self.form.endswith("jira") else "github"

    @property
    def type(self) -> IncidentType:
        """The type that the form's answer means."""
        return _KINDS[self.kind]


class FormTool:
    """All four forms at once, until :meth:`finish`.

    Args:
        world: where to post.
        seed: of all its choices.
        pace: the mean pause of each form in seconds.
        too_many: whether so much waits already that nobody should fill in a form now. Without it a server that is
            killed all the time would get further behind than can be caught up with at the end.
    """

    def __init__(
        self,
        world: FaultWorld,
        *,
        seed: int,
        pace: float,
        too_many: Callable[[int], bool] = lambda _sent: False,
    ) -> None:
        self._world = world
        self._pace = pace
        self._too_many = too_many
        self._over = threading.Event()
        self._lock = threading.Lock()
        self.submissions: list[Submission] = []
        self.acknowledged = 0
        self.tries = 0
        self.turned_away = 0
        self.refused: list[str] = []
        self._threads = [
            threading.Thread(target=self._fill_in, args=(form, random.Random(f"{seed} {form}")), daemon=True)
            for form in FORMS
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Begin nothing new; return when everything that was begun is acknowledged."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def submit(self, form: str, *, kind: str = "Somebody broke the Code of Conduct") -> Submission:
        """One submission, posted until it is acknowledged."""
        submission = Submission(form, secrets.token_hex(12), kind)
        with self._lock:
            self.submissions.append(submission)
        self._new_version(submission)
        return submission

    def try_once(self, form: str) -> int:
        """Post a submission once and forget it, unless it was acknowledged; the answer's code."""
        submission = Submission(form, secrets.token_hex(12), next(iter(_KINDS)), [_new_mark()])
        code = self._post_once(submission, submission.versions[0])
        if code == requests.codes.ok:
            self.submissions.append(submission)
        return code

    def _fill_in(self, form: str, chance: random.Random) -> None:
        while not self._over.is_set():
            submission = self.submit(form, kind=chance.choice(list(_KINDS)))
            if chance.random() < 0.3:
                self.post(submission, submission.versions[0])
            if chance.random() < 0.2:
                self._new_version(submission)
                self.post(submission, chance.choice(submission.versions))
            if chance.random() < 0.2:
                with ThreadPoolExecutor(2) as two:  # a tool that does not wait for its own first try
                    list(two.map(self.post, [submission] * 2, [submission.versions[-1]] * 2))
            self._over.wait(chance.uniform(0, 2 * self._pace))
            while not self._over.is_set() and self._too_many(len(self.submissions)):
                self._over.wait(self._pace)

    def _new_version(self, submission: Submission) -> None:
        mark = _new_mark()
        submission.versions.append(mark)
        self.post(submission, mark)

    def post(self, submission: Submission, mark: str) -> None:
        """Post one version until it is acknowledged. Any other answer than 200 and 503 is kept as a fault."""
        while (code := self._post_once(submission, mark)) != requests.codes.ok:
            if code not in {0, _AWAY}:
                with self._lock:
                    self.refused.append(f"{submission.form} answered {code}")
                return
            time.sleep(_PAUSE)

    def _post_once(self, submission: Submission, mark: str) -> int:
        """The answer's code; 0 if there was none."""
        prepare = self._typeform if submission.form.startswith("form-") else self._standard
        body, headers = prepare(submission, mark)
        with self._lock:
            self.tries += 1
            door = self._world.doors[self.tries % len(self._world.doors)]
        try:
            code = requests.post(
                f"{door}/in/{submission.form}",
                data=body,
                headers=dict(headers),
                timeout=(2, 30),
            ).status_code
        except requests.RequestException:
            return 0
        with self._lock:
            self.acknowledged += code == requests.codes.ok
            self.turned_away += code == _AWAY
        return code

    def answers(self, submission: Submission, mark: str) -> dict[str, str]:
        """A report with the canary in every free answer, and the version's mark in the account."""
        canary = self._world.canary
        fixed = {"what_is_it": submission.kind, "not_for": "No"}
        return {
            **{ref: canary.text("report") for ref in QUESTIONS},
            **fixed,
            "what_happened": f"{mark} {canary.text('report')}",
        }

    def _typeform(self, submission: Submission, mark: str) -> tuple[bytes, Mapping[str, str]]:
        return self._world.play.delivery(self.answers(submission, mark), token=submission.token)

    def _standard(self, submission: Submission, mark: str) -> tuple[bytes, Mapping[str, str]]:
        now = self._world.server_clock.now()
        event = {
            "type": "report.submitted",
            "timestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "data": {
                "submission_id": submission.token,
                "answers": [
                    {"id": ref, "question": QUESTIONS[ref][0], "answer": text}
                    for ref, text in self.answers(submission, mark).items()
                ],
            },
        }
        body = json.dumps(event, ensure_ascii=False)
        message = f"msg_{secrets.token_hex(8)}"
        signature = Webhook(self._world.standard_secret).sign(message, now, body)
        return body.encode(), {
            "Content-Type": "application/json",
            "webhook-id": message,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature,
        }


def _new_mark() -> str:
    return f"mark-{secrets.token_hex(12)}"
