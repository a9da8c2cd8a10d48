"""Calibration: how fast this machine runs Python, so that absolute figures of two machines can be compared."""

import time

_ROUNDS = 7


def calibration() -> float:
    """Milliseconds for a fixed Python loop, the best of several."""
    best = float("inf")
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        total = 0
        table = {number: str(number) for number in range(1000)}
        for number in range(200_000):
            total += len(table[number % 1000])
        best = min(best, time.perf_counter() - began)
    return round(best * 1000, 3)
