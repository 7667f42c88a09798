"""Serve as the test helper that measures the same targets from outside (`probe helper`)."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from probe.cli.listen_addresses import listen_address, networks
from probe.cli.options import new_app, opt, targets_folder
from probe.cli.screen import UsageError
from probe.messages import tr
from probe.platforms.installation import command_for

app = new_app()


@app.command()
def helper(
    listen: Annotated[str, opt("--listen", help="ADDRESS:PORT to listen on (port 0: a free one).")],
    targets: Annotated[Path | None, opt("--targets", help="Folder of target files instead of the bundled.")] = None,
    echo: Annotated[
        str | None, opt("--echo", help="UDP ports that echo, such as 3478,5060, at the address that probes use.")
    ] = None,
    media: Annotated[
        str | None, opt("--media", help="UDP port that reflects media flows of calls, such as 50000.")
    ] = None,
    sip: Annotated[
        str | None, opt("--sip", help="UDP port that answers calls, such as 5060. Voice is at the port two above.")
    ] = None,
    dtls: Annotated[str | None, opt("--dtls", help="UDP port that answers DTLS hellos, such as 4433.")] = None,
    webrtc: Annotated[bool, opt("--webrtc", help="Take part in WebRTC calls. It needs censorprobe[calls].")] = False,
    transfer: Annotated[
        str | None, opt("--transfer", help="TCP port that sends random bytes over TLS, such as 8443.")
    ] = None,
    transfer_http: Annotated[
        str | None, opt("--transfer-http", help="TCP port that sends the same over HTTP without TLS, such as 80.")
    ] = None,
    trusted_proxy: Annotated[
        list[str] | None,
        opt("--trusted-proxy", help="Address or CIDR of a reverse proxy that names its clients. Repeatable."),
    ] = None,
    own_address: Annotated[
        list[str] | None,
        opt(
            "--own-address",
            help="Public address or CIDR that leads to this machine, if no interface has it (NAT, container). "
            "Repeatable.",
        ),
    ] = None,
    lab: Annotated[bool, opt("--lab", help="Allow private addresses in questions.")] = False,
) -> None:
    """Serve as the test helper that measures from outside.

    It prints `listening on URL`, then answers GET /health, POST /v1/measure and OONI's probe at POST / until SIGTERM.
    It keeps no log of its clients, and no error message contains their addresses or requests.
    For https, use a reverse proxy on the same address as the UDP echo.
    With --trusted-proxy it reads the client's address from Forwarded or X-Forwarded-For of that proxy, and of no other.
    It connects to no address of this machine. --own-address names those that no interface has: behind NAT, or outside a
    container.
    With --echo it returns UDP datagrams unchanged if they have a token from an answer of the last minute.
    With --media it reflects packets of calls to clients with such a token, with limits per client and in all.
    With --sip it answers a call over SIP to such a token, and reflects the voice packets of the caller.
    With --webrtc it does the same over WebRTC, at UDP ports that the system chooses.
    With --transfer it sends 384 kB in 6 s over TLS to clients with such a token, whatever server name they send.
    With --transfer-http it sends the same to a request over HTTP without TLS, whatever Host header it has.
    With --dtls it asks each DTLS hello for a cookie, and completes no handshake.
    """
    options = {
        "lab": lab,
        "public_roots": os.environ.get("PROBE_PUBLIC_ROOTS"),
        "echo_ports": echo_ports(echo),
        "media_port": one_port("--media", media, "50000"),
        "sip_port": one_port("--sip", sip, "5060", most=65533),  # voice is at the port two above
        "dtls_port": one_port("--dtls", dtls, "4433"),
        "webrtc": webrtc,
        "transfer_port": one_port("--transfer", transfer, "8443"),
        "transfer_http_port": one_port("--transfer-http", transfer_http, "80"),
        "trusted": networks("--trusted-proxy", trusted_proxy or []),
        "own": networks("--own-address", own_address or []),
    }
    if transfer_http is not None and transfer is None:
        raise UsageError(tr("--transfer-http needs --transfer too."), 2)
    raise typer.Exit(_serve(listen, targets_folder(targets), options))


def _serve(listen: str, targets: Path, options: dict[str, Any]) -> int:
    """Load the state of the helper, and serve until SIGTERM. Return the exit code. Raises UsageError (2)."""
    from probe.asn.table import TableError
    from probe.helper import load_state, serve
    from probe.http_server.bug_reports import silence
    from probe.platforms import event_loop
    from probe.session.classify import LocalFailure
    from probe.targets.target_error import TargetError

    host, port = listen_address(listen)
    try:
        state = load_state(targets, **options)
        if not options["lab"] and not state.machine.knows_public():
            _warn_about_nat()
        silence()
        return event_loop.run(serve(state, host, port, _announce))
    except LocalFailure:
        raise UsageError(
            tr(
                "--webrtc needs a part of this program that is missing. This command installs it: {command}",
                command=command_for("calls"),
            ),
            2,
        ) from None
    except (TargetError, TableError) as error:
        raise UsageError(str(error), 2) from None
    except OSError as error:
        sentence = tr("The helper cannot listen on {listen}: {reason}", listen=listen, reason=error.strerror or error)
        raise UsageError(sentence, 2) from None


def _warn_about_nat() -> None:
    print(
        tr(
            "probe: No public address of this machine is known, as behind NAT or in a container. Name it with "
            "--own-address, so that no client can make the helper connect to this machine."
        ),
        file=sys.stderr,
        flush=True,
    )


def _announce(url: str) -> None:
    print(f"listening on {url}", file=sys.stdout, flush=True)


def echo_ports(text: str | None) -> list[int]:
    """Split PORT,PORT,…. None gives an empty list. Raises UsageError (2)."""
    words = [word.strip() for word in text.split(",")] if text is not None else []
    for word in words:
        if not word.isascii() or not word.isdigit() or not 0 < int(word[:6]) < 65536:
            sentence = tr("--echo: {word} is no port. Use ports such as 3478,5060.", word=repr(word))
            raise UsageError(sentence, 2)
    return list(dict.fromkeys(map(int, words)))


def one_port(option: str, text: str | None, example: str, *, most: int = 65535) -> int | None:
    """Parse the port of an option, at most `most`. None stays None. Raises UsageError (2) with a port as example."""
    if text is None:
        return None
    word = text.strip()
    if not word.isascii() or not word.isdigit() or not 0 < int(word[:6]) <= most:
        sentence = tr(
            "{option}: {word} is no port. Use a port such as {example}.",
            option=option,
            word=repr(word),
            example=example,
        )
        raise UsageError(sentence, 2)
    return int(word)
