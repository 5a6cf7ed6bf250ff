"""Is a history of reads and writes of one register linearizable?

Sound and complete when every value is written once (Gibbons and Korach, "Testing Shared Memories",
1997, section 4). All operations on one value make its zone: from the earliest return among them to
the latest call. A zone is forward when that return comes before that call: then the register must
have held the value all that time. A history is linearizable if and only if no read returns before
the write of its value is called, no two forward zones overlap, and no backward zone lies inside a
forward one. Cost: O(n log n).
"""

import bisect
from dataclasses import dataclass

WRITE, READ = "write", "read"
FOREVER = float("inf")


@dataclass(frozen=True)
class Operation:
    """`called` and `returned` are moments of one clock; FOREVER when no reply came."""

    kind: str
    value: object
    called: float
    returned: float


def violation(operations, initial=None):
    """Returns what is wrong with the history of a register that held `initial`, or None.

    A write without a reply counts only if its value was read.
    """
    read_values = {op.value for op in operations if op.kind == READ}
    by_value = {initial: [Operation(WRITE, initial, -FOREVER, -FOREVER)]}
    for op in operations:
        if op.kind == READ or op.returned != FOREVER or op.value in read_values:
            by_value.setdefault(op.value, []).append(op)
    forward, backward = [], []
    for value, group in by_value.items():
        writes = [op for op in group if op.kind == WRITE]
        if len(writes) != 1:
            return f"{value!r} was read, and written {len(writes)} times"
        for op in group:
            if op.returned < writes[0].called:
                return f"{value!r} was read before its write was called: {op}"
        first_return = min(op.returned for op in group)
        last_call = max(op.called for op in group)
        if first_return < last_call:
            forward.append((first_return, last_call, value))
        else:
            backward.append((last_call, first_return, value))
    return _overlap(sorted(forward, key=lambda zone: zone[:2]), backward)


def _overlap(forward, backward):
    for one, other in zip(forward, forward[1:]):
        if other[0] < one[1]:
            return (f"{one[2]!r} was current from {one[0]} to {one[1]} and {other[2]!r} from "
                    f"{other[0]} to {other[1]}")
    starts = [zone[0] for zone in forward]
    for first, last, value in backward:
        at = bisect.bisect_left(starts, first) - 1  # The last zone that starts before `first`.
        if at >= 0 and last < forward[at][1]:
            return (f"{value!r} can have been current only from {first} to {last}, within the time "
                    f"of {forward[at][2]!r}, {forward[at][0]} to {forward[at][1]}")
    return None
