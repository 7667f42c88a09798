"""Define the feature rows about apps: one per need of an app, and one per app."""

from dataclasses import dataclass

from probe.analysis.features.column import column


def _services(state: str) -> str:
    return f"count(*) FILTER (WHERE s.state = '{state}')"


def _essential(state: str) -> str:
    return f"count(*) FILTER (WHERE v.essential AND v.state = '{state}')"


def _needs(state: str) -> str:
    return f"count(*) FILTER (WHERE v.state = '{state}')"


@dataclass
class NeedRow:
    """Count the states of the services that serve one need of an app."""

    services: int = column(0, "Services that serve the need, in valid measurements.", "count(*)")
    blocked: int = column(0, "Services with the state blocked.", _services("blocked"))
    likely_blocked: int = column(0, "Services with the state likely_blocked.", _services("likely_blocked"))
    degraded: int = column(0, "Services with the state degraded.", _services("degraded"))
    impaired: int = column(0, "Services with the state impaired.", _services("impaired"))
    down: int = column(0, "Services with the state down.", _services("down"))
    insufficient: int = column(0, "Services with the state insufficient.", _services("insufficient"))
    ok: int = column(0, "Services with the state ok.", _services("ok"))


@dataclass
class AppRow:
    """Count the states of an app's needs, and of those needs without which the app is of no use."""

    essential: int = column(0, "Essential needs.", "count(*) FILTER (WHERE v.essential)")
    essential_blocked: int = column(0, "Essential needs with the state blocked.", _essential("blocked"))
    essential_likely_blocked: int = column(
        0, "Essential needs with the state likely_blocked.", _essential("likely_blocked")
    )
    essential_degraded: int = column(0, "Essential needs with the state degraded.", _essential("degraded"))
    essential_impaired: int = column(0, "Essential needs with the state impaired.", _essential("impaired"))
    essential_down: int = column(0, "Essential needs with the state down.", _essential("down"))
    essential_insufficient: int = column(0, "Essential needs with the state insufficient.", _essential("insufficient"))
    essential_ok: int = column(0, "Essential needs with the state ok.", _essential("ok"))
    blocked: int = column(0, "Needs with the state blocked.", _needs("blocked"))
    likely_blocked: int = column(0, "Needs with the state likely_blocked.", _needs("likely_blocked"))
    degraded: int = column(0, "Needs with the state degraded.", _needs("degraded"))
    impaired: int = column(0, "Needs with the state impaired.", _needs("impaired"))
