"""Define the feature row of one host name."""

from dataclasses import dataclass

from probe.analysis.phenomena import in_order
from probe.analysis.sql.column import column, with_columns

PARTS_OF_NAMES = tuple(each.name_part for each in in_order() if each.name_part is not None)
"""The parts of phenomena that add columns to the row of a name."""


@with_columns([part.columns for part in PARTS_OF_NAMES])
@dataclass
class NameRow:
    """Hold what is known about the resolution of an endpoint's host name."""

    dns_needed: bool = column(False, "The host is a name and not an address.", "h.name IS NOT NULL")
    dns_attempts: int = column(0, "Queries to the system resolver.", "COALESCE(l.attempts, 0)")
    dns_local_faults: int = column(
        0, "Queries to the system resolver that failed because of this computer.", "COALESCE(l.local_faults, 0)"
    )
    interrupted: bool = column(False, "The run was interrupted.", "COALESCE(g.interrupted, FALSE)")
    network_unchecked: bool = column(
        False, "The lookup failed, and no check of the network is near in time to it.", "COALESCE(NOT c.checked, FALSE)"
    )
    network_lost: bool = column(
        False, "No neutral host answered a check near in time to the lookup.", "COALESCE(c.lost, FALSE)"
    )
    line_drops: bool = column(
        False,
        "The access line loses so many packets, or is so slow, that silence proves nothing.",
        "COALESCE(i.m IS NOT NULL OR g.slow, FALSE)",
    )
    dns_failure: str | None = column(None, "Failure of the system resolver, NULL if it gave an address.", "l.failure")
    dns_failure_kind: str = column(
        "",
        "Kind of that failure: nxdomain, no_answer, refused, servfail, timeout, other.",
        "COALESCE(l.failure_kind, '')",
    )
    dns_answers: int = column(
        0, "Addresses from the system resolver, of families that work here.", "COALESCE(t.answers, 0)"
    )
    dns_family_absent: bool = column(
        False,
        "The system resolver gave only addresses of a family that fails here.",
        "COALESCE(l.with_address > 0 AND COALESCE(t.answers, 0) = 0, FALSE)",
    )
    dns_genuine: int = column(
        0, "Answers that are verified by a certificate or given by a trusted source too.", "COALESCE(t.genuine, 0)"
    )
    dns_contested: int = column(
        0,
        "Answers that only the control supports, while addresses in other networks are proven here.",
        "COALESCE(t.contested, 0)",
    )
    dns_bogon: int = column(0, "Answers that no public service can have.", "COALESCE(t.bogons, 0)")
    dns_known_forged: int = column(
        0,
        "Answers that censors of the probe's country are known to give falsely.",
        "COALESCE(t.known_forgeries, 0)",
    )
    dns_blockpage: int = column(0, "Answers whose server showed a known block page.", "COALESCE(t.blockpages, 0)")
    dns_foreign: int = column(
        0,
        "Answers whose server showed a certificate that is not valid for the name.",
        "COALESCE(t.foreign_certificates, 0)",
    )
    dns_elsewhere: int = column(
        0, "Answers that were tried and are in no network (AS) of a trusted answer.", "COALESCE(t.elsewhere, 0)"
    )
    dns_refuted_at_control: int = column(
        0,
        "Answers that the control could not verify either and that are in no network of a trusted answer.",
        "COALESCE(t.refuted_at_control, 0)",
    )
    dns_neighbours: int = column(0, "Answers in the network (AS) of a trusted answer.", "COALESCE(t.neighbours, 0)")
    dns_reached: int = column(
        0, "Answers at which an endpoint of the name was answered, by any server.", "COALESCE(t.reached, 0)"
    )
    dns_trusted_reached: int = column(
        0, "Addresses from trusted sources only at which an endpoint was answered.", "COALESCE(t.trusted_reached, 0)"
    )
    dns_authenticated: int = column(0, "Addresses from encrypted resolvers (DoT, DoH).", "COALESCE(t.authenticated, 0)")
    dns_from_control: int = column(
        0, "Addresses from the control's resolver, near in time to the lookups here.", "COALESCE(k.addresses, 0)"
    )
    dns_proven_here: int = column(
        0, "Addresses from other sources only that a certificate proves here.", "COALESCE(t.proven_here, 0)"
    )
    dns_proven_authenticated: int = column(
        0,
        "Addresses from encrypted resolvers only that a certificate proves at the control.",
        "COALESCE(t.proven_authenticated, 0)",
    )
    dns_forged_first: int = column(
        0,
        "Queries to the system resolver whose first datagram is contradicted and forged.",
        "COALESCE(f.forged_first, 0)",
    )
    dns_own_genuine: int = column(
        0,
        "Queries of our own to the system resolver that got a verified address, and no forged answer beside it.",
        "COALESCE(f.system_genuine, 0)",
    )
    dns_forged_public: int = column(
        0,
        "Queries to public resolvers whose first datagram is contradicted and forged.",
        "COALESCE(f.forged_public, 0)",
    )
    dns_forged_late: int = column(
        0, "Queries whose forged datagram came too late to do harm.", "COALESCE(f.forged_late, 0)"
    )
    dns_doubled: int = column(
        0, "Queries whose answer came twice with different TTLs, so that it was copied.", "COALESCE(f.doubled, 0)"
    )
    dns_forged_bogon: bool = column(
        False,
        "All addresses in forged datagrams are bogons.",
        "COALESCE(f.with_address > 0 AND f.with_other_than_bogon = 0, FALSE)",
    )
    dns_forged_denial: bool = column(
        False, "The forged datagrams deny the name.", "COALESCE(f.messages > 0 AND f.with_address = 0, FALSE)"
    )
    dns_family_spared: bool = column(
        False, "The system resolver's answers of another family are verified here.", "s.m IS NOT NULL"
    )
    dns_public_genuine: int = column(
        0, "Queries to public resolvers over UDP that got a verified address.", "COALESCE(f.public_genuine, 0)"
    )
    dns_public_forged: int = column(
        0, "Queries to public resolvers over UDP that got a forged answer.", "COALESCE(f.public_forged, 0)"
    )
    dns_unlike: int = column(
        0,
        "Answers of the system resolver with another TTL or other flags than its usual ones.",
        "COALESCE(CASE WHEN COALESCE(p.timely, TRUE) THEN f.unlike END, 0)",
    )
    dns_too_fast: int = column(
        0, "Answers of public resolvers in less than half the time of a TCP connect to them.", "COALESCE(f.too_fast, 0)"
    )
    dns_intercepted: bool = column(
        False, "A non-resolver answers queries for innocuous names too.", "COALESCE(g.dark_answers = 1, FALSE)"
    )
    innocuous_connects_fail: bool = column(
        False,
        "Innocuous connects are refused or get no answer in this run at times, in networks without interference.",
        "COALESCE(g.connect_cut_off_needed + g.connect_silent_needed > 0, FALSE)",
    )
    dns_dark_silent: bool = column(
        False,
        "A non-resolver was silent when asked for an innocuous name.",
        "COALESCE(g.dark_answers <> 1 AND (d.m IS NOT NULL OR (g.dark_answers = 0 AND COALESCE(p.timely, TRUE))),"
        " FALSE)",
    )
    dns_dark_forged: int = column(
        0, "Forged answers from non-resolvers that are silent about innocuous names.", "COALESCE(f.dark_forged, 0)"
    )
    dns_dark_genuine: int = column(0, "Verified answers from non-resolvers.", "COALESCE(f.dark_genuine, 0)")
    dns_other_names_resolved: int = column(
        0,
        "Other names for which the system resolver answered at about the time when it failed for this one.",
        "COALESCE(CASE WHEN l.failure_kind = 'timeout' THEN b.names ELSE o.names END, 0)",
    )
    dns_others_lost: int = column(
        0,
        "Other names for which the system resolver answered one query and not another.",
        "COALESCE(w.names - CASE WHEN l.answers > 0 AND l.timeouts > 0 THEN 1 ELSE 0 END, 0)",
    )
    dns_compared: bool = column(
        False,
        "The system resolver gave usual addresses for another name then, or the measurement is OONI's.",
        "COALESCE(g.is_foreign OR o.usual, FALSE)",
    )
    dns_others_denied: int = column(
        0, "Answers of encrypted resolvers and the control that deny the name.", "COALESCE(k.denials, 0)"
    )
    control_attempts: int = column(0, "Queries for the name at the control.", "COALESCE(k.attempts, 0)")
    control_successes: int = column(
        0, "Queries for the name at the control that got an address.", "COALESCE(k.successes, 0)"
    )
