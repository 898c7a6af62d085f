"""The helper process that explains counts and counts again: work of seconds, on its own core.

A count comes once and stays for the next questions about it. All of it is public: ballots are
counted only once voting is closed.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from cahier_budget.adapters.helper import serve
from cahier_kernel.errors import DomainError
from cahier_record.budget.count import Countable, Counted
from cahier_record.budget.explanation import Explanation, explain
from cahier_record.budget.what_if import Change, OtherOutcome, what_if

FRAME_BYTES_MAX = 256 << 20
KEPT_MAX = 2


class Question(msgspec.Struct, array_like=True):
    """About the count that goes by `key`. counted: what it follows from, when it is new here.

    change: what would be different; None asks for the explanation.
    """

    key: str
    counted: bytes
    change: Change | None


class Refusal(msgspec.Struct, array_like=True):
    """A DomainError on its way through the pipe."""

    kind: str
    code: str
    rule: str
    field: str
    params: dict[str, str]


class Reply(msgspec.Struct, array_like=True):
    """One of these; none of them: the count is not known here and must be sent along."""

    explanation: Explanation | None = None
    outcome: OtherOutcome | None = None
    refusal: Refusal | None = None


encode = msgspec.msgpack.Encoder().encode
decode_reply = msgspec.msgpack.Decoder(Reply).decode
_decode_question = msgspec.msgpack.Decoder(Question).decode
_decode_countable = msgspec.msgpack.Decoder(Countable).decode


class Desk:
    """Answers questions; keeps the last few counts."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Counted] = OrderedDict()

    def answer(self, body: bytes) -> bytes:
        """Both sides encoded."""
        question = _decode_question(body)
        counted = self._counted(question)
        return encode(Reply() if counted is None else _reply(counted, question.change))

    def _counted(self, question: Question) -> Counted | None:
        if question.counted:
            self._kept[question.key] = _decode_countable(question.counted).counted()
            while len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        if question.key in self._kept:
            self._kept.move_to_end(question.key)
        return self._kept.get(question.key)


def _reply(counted: Counted, change: Change | None) -> Reply:
    try:
        if change is None:
            return Reply(explanation=explain(counted))
        return Reply(outcome=what_if(counted, change))
    except DomainError as error:
        return Reply(
            refusal=Refusal(error.kind.value, error.code, error.rule, error.field, error.params)
        )


if __name__ == "__main__":
    serve(Desk().answer)
