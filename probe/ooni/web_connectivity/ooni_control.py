"""Convert what our own helper saw of a web address into the answer that OONI's helper would have given."""

from typing import Any
from urllib.parse import urlsplit

from probe.formats import failures as f

Table = dict[str, Any]
FROM_PROBE, FROM_HELPER, BOGON, VALID = 1, 2, 4, 8  # flags of ip_info

# OONI's helper uses older failure strings, different for each part.
_DNS: dict[str, str | None] = {f.DNS_NXDOMAIN: "dns_name_error", f.DNS_NO_ANSWER: None}
_DNS |= dict.fromkeys((f.DNS_REFUSED, f.DNS_MISBEHAVING), "dns_server_failure")
_TCP = {f.TIMEOUT: f.TIMEOUT, f.TIMED_OUT: f.TIMEOUT, f.REFUSED: "connection_refused_error"}
_NOT_SENT = frozenset({"Location"})


def helper_answer(control: Table | None, endpoint_url: str, host: str) -> Table | None:
    """Read our x_control. Return None if no helper answered or the answer has no measurement of the address."""
    keys = _table((control or {}).get("test_keys"))
    if not control or control.get("failure") is not None or not _list(keys.get("x_transactions")):
        return None
    said = _Said(keys, endpoint_url, host)
    return {
        "tcp_connect": said.connects(),
        "tls_handshake": said.handshakes(),
        "quic_handshake": {},
        "http_request": said.page(),
        "http3_request": None,
        "dns": said.names(),
        "ip_info": said.networks(),
    }


class _Said:
    """Read the control's test keys, whichever list an entry is in."""

    def __init__(self, keys: Table, endpoint_url: str, host: str) -> None:
        self._keys, self._host = keys, host
        holders = (keys, _table(keys.get("x_endpoints")))
        self._lists = {
            name: [entry for holder in holders for entry in _list(holder.get(name))]
            for name in ("queries", "tcp_connect", "tls_handshakes", "requests")
        }
        mine = [t for t in _list(keys.get("x_transactions")) if t.get("endpoint") == endpoint_url]
        self._mine = {_number(t.get("transaction_id")): t for t in mine}

    def names(self) -> Table:
        """Return `addrs` in order of arrival, and a failure only if there are none."""
        asked = [q for q in self._lists["queries"] if q.get("hostname") == self._host]
        given = [a.get("ipv4") or a.get("ipv6") for q in asked for a in _list(q.get("answers"))]
        addresses = list(dict.fromkeys(ip for ip in given if isinstance(ip, str)))
        failed = [failure for q in asked if (failure := _failure(q.get("failure"))) is not None]
        said = None if addresses or not failed else _DNS.get(failed[0], "unknown_error")
        return {"failure": said, "addrs": addresses}

    def connects(self) -> Table:
        found = {}
        for entry in self._of_this("tcp_connect"):
            failure = _failure(_table(entry.get("status")).get("failure"))
            said = None if failure is None else _TCP.get(failure, "connect_error")
            found[_place(entry.get("ip"), entry.get("port"))] = {"status": failure is None, "failure": said}
        return found

    def handshakes(self) -> Table:
        return {
            _text(entry.get("address")): {
                "server_name": _text(entry.get("server_name")),
                "status": entry.get("failure") is None,
                "failure": _failure(entry.get("failure")),
            }
            for entry in self._of_this("tls_handshakes")
        }

    def networks(self) -> Table:
        queries = self._lists["queries"]
        answers = [answer for query in queries for answer in _list(query.get("answers"))]
        asns = {_text(a.get("ipv4") or a.get("ipv6")): max(0, _number(a.get("asn"))) for a in answers}
        valid = {_host_of(place) for place, said in self.handshakes().items() if said["status"]}
        found = {}
        for record in self._mine.values():
            ip, sources = _text(record.get("address")), _texts(record.get("address_sources"))
            flags = FROM_PROBE * ("probe" in sources) | FROM_HELPER * ("system" in sources) | VALID * (ip in valid)
            found[ip] = {"asn": asns.get(ip, 0), "flags": flags}
        return found

    def page(self) -> Table | None:
        """Return the chain's last answer with header names and kept values. None if it was not requested."""
        entries = _list(self._keys.get("requests"))  # the helper's own view of the chain, newest first
        last = entries[0] if entries else {}
        if not entries and self.names()["addrs"] and all(t.get("failure") is None for t in self._mine.values()):
            return None  # a control that ends with TLS
        if not last or last.get("failure") is not None:
            return _no_page(self._why(_failure(last.get("failure"))))
        response = _table(last.get("response"))
        names = dict.fromkeys(_texts(response.get("x_header_names")), "")
        headers = _table(response.get("headers"))
        kept = {name.lower(): _text(value) for name, value in headers.items() if name not in _NOT_SENT}
        return {
            "body_length": _number(response.get("x_body_length")),
            "discovered_h3_endpoint": "",
            "failure": None,
            "title": _text(response.get("x_title")),
            "headers": names | kept,
            "status_code": _number(response.get("code")),
        }

    def _why(self, failure: str | None) -> str:
        """Return the reason for a missing page in the helper's words."""
        if failure is None and self.names()["failure"] is not None:
            return "dns_lookup_error"
        if failure is None:
            failed = [_failure(t.get("failure")) for t in self._mine.values() if t.get("failure") is not None]
            failure = failed[0] if failed else None
        return _TCP.get(str(failure), "unknown_error")

    def _of_this(self, name: str) -> list[Table]:
        return [entry for entry in self._lists[name] if _number(entry.get("transaction_id")) in self._mine]


def _no_page(failure: str) -> Table:
    return {
        "body_length": -1, "discovered_h3_endpoint": "", "failure": failure,
        "title": "", "headers": {}, "status_code": -1,
    }  # fmt: skip


def _host_of(place: str) -> str | None:
    try:
        return urlsplit(f"//{place}").hostname
    except ValueError:
        return None


def _place(ip: Any, port: Any) -> str:
    return f"[{ip}]:{port}" if ":" in str(ip) else f"{ip}:{port}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _failure(value: Any) -> str | None:
    """Return a failure string, None for success. A value of another type is an unknown failure."""
    return None if value is None else _text(value) or f.UNKNOWN


def _number(value: Any) -> int:
    """Return the number. Other values give -1, which OONI's helper writes for unknown numbers."""
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


def _table(value: Any) -> Table:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Table]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
