"""fares: a component whose functions are its WIT's; nothing in it knows of HTTP, of JSON or of Fabric."""

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import tickets

PRICES = {tickets.Zone.INNER: 210, tickets.Zone.OUTER: 160, tickets.Zone.AIRPORT: 480}
calls = 0


def counted():
    """Count a call."""
    global calls  # noqa: PLW0603 - the instance lives from call to call
    calls += 1


class Tickets(exports.Tickets):
    """The interface."""

    def quote(self, start, end, passengers, extras):
        """What a journey costs."""
        counted()
        if not any(each.age >= 6 for each in passengers):
            raise Err("nobody travels alone under six")
        zones = [start] if start == end else [start, end]
        full = sum(PRICES[each] for each in zones)
        cents = sum(full // 2 if each.age < 16 or each.card else full for each in passengers)
        if tickets.Extras.BICYCLE in extras:
            cents += 300
        return tickets.Fare(
            cents=cents, zones=zones, note="a dog travels free" if tickets.Extras.DOG in extras else None
        )

    def receipt(self, cents, payment):
        """What is printed."""
        counted()
        if not cents:
            raise ValueError("a receipt for nothing is a mistake of ours")
        how = f"card {payment.value}" if isinstance(payment, tickets.Payment_Card) else "cash"
        line = f"{cents / 100:.2f} by {how}"
        return line, line.encode()[::-1]


class Mirror(exports.Mirror):
    """One of everything."""

    def look(self, what):
        """The same."""
        return what

    def lose(self, what):
        """No JSON can tell what this is told."""
        return what is None


class WitWorld:
    """The world."""

    def count_calls(self):
        """How often it was called."""
        counted()
        return calls
