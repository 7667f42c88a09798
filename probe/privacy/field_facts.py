"""List what a measurement can reveal, and what is reduced or removed, for `probe share` and docs/privacy.md."""

from enum import StrEnum
from typing import NamedTuple

from probe.messages import mark


class Kept(StrEnum):
    """Name how much of a field is written."""

    YES = "yes"
    REDUCED = "reduced"
    NO = "no"


class FieldFact(NamedTuple):
    """Hold what some fields can reveal. `note` says why they are kept, or what is written in their place."""

    fields: str
    kept: Kept
    reveals: str
    note: str


NETWORK = mark("`probe_asn`, `probe_cc`, `probe_network_name`")
TIME = mark("`measurement_start_time`")

FIELD_FACTS = (
    FieldFact(
        NETWORK,
        Kept.YES,
        mark("the provider and the country"),
        mark("Verdicts are compared by network. `--asn AS0` and `--cc ZZ` withhold them."),
    ),
    FieldFact(TIME, Kept.YES, mark("when the user was online"), mark("Interference is compared by time.")),
    FieldFact(
        mark("addresses of services and of distant routers"),
        Kept.YES,
        mark("the region, because content networks answer with near servers"),
        mark("A verdict rests on addresses. Routers near the user are never written."),
    ),
    FieldFact(
        mark("round trips, `t0` and `t`"),
        Kept.YES,
        mark("the distance to known servers, the kind of access line"),
        mark("Rules about injected answers and queues need them."),
    ),
    FieldFact(
        mark("the time of the system resolver's answer"),
        Kept.YES,
        mark("whether the name was in the cache of the user's router, so that a person there used the service"),
        mark("It cannot be separated from the other times."),
    ),
    FieldFact(
        mark("`preflight.clock_skew`"),
        Kept.YES,
        mark("by itself nothing, because it is written in whole minutes and most computers have 0"),
        mark("A clock that is wrong by a day makes certificates look expired."),
    ),
    FieldFact(
        mark("`openssl`, `software_version`, `annotations`"),
        Kept.YES,
        mark("the age of the system and its version of Python"),
        mark("The client hello depends on them, and some censors act on it."),
    ),
    FieldFact(
        mark("`contributor_token` in `annotations`, only if you agreed to it"),
        Kept.YES,
        mark("that results of one month come from the same computer, on several networks too"),
        mark("Analysts count computers. Without it, many runs of one computer can look like those of many users."),
    ),
    FieldFact(
        mark("`ooni_run_link_id`"),
        Kept.YES,
        mark("which list of OONI Run was measured, so perhaps whom the user knows"),
        mark("The author of a list finds its measurements."),
    ),
    FieldFact(
        mark("`client_hello_length`, `tcp_timestamps`, `abilities`, `families`"),
        Kept.YES,
        mark("the kind of system"),
        mark("The client hello and the families decide what a censor sees."),
    ),
    FieldFact(
        mark("`preflight.mtu`"),
        Kept.YES,
        mark("that large packets are lost on this access line, often by a tunnel. Most have no such entry."),
        mark("The run then uses small packets."),
    ),
    FieldFact(
        mark("`x_in_hosts_file` of a lookup"),
        Kept.YES,
        mark("that the user's hosts file has this name of a service"),
        mark("Otherwise its address would be taken for a forged one. Other names in the file are not recorded."),
    ),
    FieldFact(
        mark("`name_filter`"),
        Kept.YES,
        mark("the filter of names that the user, or the home network, has"),
        mark("Otherwise it would be taken for a censor. It is asked for only after a name got a false answer."),
    ),
    FieldFact(
        mark("`preflight.resolver_class`, `proxy_environment`, `vpn`"),
        Kept.YES,
        mark("the set-up of the computer"),
        mark("They decide whether a measurement is valid."),
    ),
    FieldFact(
        mark("`x_packets`: TTL and IP-ID of servers' packets"),
        Kept.YES,
        mark("the number of hops to a server"),
        mark("They show that another device sent a reset."),
    ),
    FieldFact(
        mark("texts and names of servers, the helper's answer"),
        Kept.YES,
        mark("nothing beyond what the next section describes"),
        mark("They show which server or middlebox answered."),
    ),
    FieldFact(
        mark("addresses in DNS answers and in the helper's answer"),
        Kept.YES,
        mark("the user's address, if a false answer contains it and the probe does not know it"),
        mark("A verdict rests on addresses. A false one is evidence."),
    ),
    FieldFact(
        mark("time to live of the resolver's packets"),
        Kept.REDUCED,
        mark("The system resolver is often the user's router, and the value shows its system."),
        mark("64 stands in place of its usual value. Other answers keep their difference, which the rules need."),
    ),
    FieldFact(
        mark("time to live of the resolver's records"),
        Kept.REDUCED,
        mark("It shows when a name was last looked up behind this router."),
        mark(
            "No rule needs this value. It is null in `answers` and zero in `raw_response`. "
            "Answers of public resolvers keep it. So do 0.0.0.0 and loopback addresses, which filters and censors make "
            "up: it shows which of them wrote the answer."
        ),
    ),
    FieldFact(
        mark("the clock"),
        Kept.REDUCED,
        mark("The exact difference to true time identifies a computer for days."),
        mark("It is rounded to a minute."),
    ),
    FieldFact(
        mark("version of OpenSSL"),
        Kept.REDUCED,
        mark("Each distribution has its own date of the build."),
        mark("The date is left out."),
    ),
    FieldFact(
        mark("texts of servers that may contain an address"),
        Kept.REDUCED,
        mark("A block page may show its reader's address, in any encoding."),
        mark("Only their class and length are written."),
    ),
    FieldFact(
        mark("`x_packets`: IP-ID and payload of received resets"),
        Kept.NO,
        mark("Some censors compute the IP-ID from the user's address."),
        mark("Only the name of a known family of devices whose resets have such fields."),
    ),
    FieldFact(
        mark("addresses of this computer and of its gateways"),
        Kept.NO,
        mark("They identify the user."),
        mark("Every spelling that the program knows is replaced by `[scrubbed]`."),
    ),
    FieldFact(
        mark("host name, user name, home folder, hardware addresses, names of wireless networks"),
        Kept.NO,
        mark("They identify the user."),
        mark("They are replaced by `[scrubbed]`."),
    ),
    FieldFact(
        mark("routers near you"),
        Kept.NO,
        mark("They show where in a network the user is."),
        mark("Nothing is written, because no rule needs them."),
    ),
    FieldFact(
        mark("pages of servers"),
        Kept.NO,
        mark("A page may contain the user's address, and an address can be guessed from a digest."),
        mark("A digest remains, under a key that is new for each run and never written."),
    ),
)
