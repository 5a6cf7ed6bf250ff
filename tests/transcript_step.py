"""One request of the transcript and how its replies are compared."""

import weir_process


class Step:
    """One request; replies are the same when their bytes are, or as `how` says."""

    def __init__(self, *words, how="bytes", raw=None):
        self.words, self.how, self.raw = words, how, raw

    def request(self):
        return self.raw if self.raw is not None else weir_process.encode(*self.words)

    def same(self, one, other):
        (value, raw), (other_value, other_raw) = one, other
        if self.how == "near":  # A remaining time, read a moment apart.
            return (isinstance(value, int) and isinstance(other_value, int)
                    and abs(value - other_value) < 5000 and (value < 0) == (other_value < 0))
        if self.how == "page":  # A page of SCAN: cursors and order are the server's own.
            return sorted(value[1]) == sorted(other_value[1])
        if self.how == "set":  # An array in the server's own order.
            return raw[:1] == other_raw[:1] and sorted(value) == sorted(other_value)
        return raw == other_raw


def s(line, **options):
    """A step from words that are free of blanks."""
    return Step(*line.split(), **options)
