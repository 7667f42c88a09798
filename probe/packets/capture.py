"""Start the sniffer process, read its reports, and give each measurement the packets of its own flows."""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from probe.formats.entries import BinaryData
from probe.formats.exchanges.recorded_packets import Flow, PacketRecord
from probe.messages import tr
from probe.privacy.redact import KnownIdentifiers
from probe.signatures.device_prints import ReceivedReset, family_of

READY_WITHIN, ANSWER_WITHIN = 8.0, 10.0  # seconds. The preflight takes up to 8.
WRITTEN_WITHIN = 120.0  # seconds for --pcap. On a busy computer the sniffer may wait long for its turn.
MOST_PENDING = 20_000  # packets of all flows that no measurement has asked for. The oldest are dropped
LONGEST_LINE = 64 * 1024
MOST_OWN = 3  # addresses that helpers saw us come from and that resets are compared with. More make chance matches

Key = tuple[Any, ...]  # protocol, local port, peer address, peer port


class Capture:
    """Control a running sniffer. Only packets of flows that a measurement names leave this class.

    `ours` returns the addresses that helpers saw us come from, for the comparison of resets.
    """

    def __init__(self, process: asyncio.subprocess.Process, *, keep: bool) -> None:
        self._process, self._remembers = process, keep
        self._pending: dict[Key, list[dict[str, Any]]] = {}  # by flow, in the order of first packets
        self._waiting = 0  # packets in `_pending`
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._asking = asyncio.Lock()
        self._number = 0
        self._reader = asyncio.create_task(self._read())
        self.flows: list[Flow] = []  # of all measurements, for the pcapng file
        self.ours: Callable[[], Iterable[str]] = tuple

    @classmethod
    async def start(cls, *, keep: bool = False) -> "Capture | None":
        """Start a sniffer. None if it does not start in time. `keep` keeps packets for `write`, and waits longer."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "probe.packets.sniffer", *(["keep"] if keep else [])),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
            start_new_session=True,  # Ctrl-C at the terminal must only reach the parent
        )
        capture = cls(process, keep=keep)
        if "ready" in await capture._answer(WRITTEN_WITHIN if keep else READY_WITHIN):
            return capture
        await capture.close()
        return None

    async def packets(self, flows: Iterable[Flow], zero: float) -> list[PacketRecord]:
        """Return the packets of these flows so far, ordered by time. `zero` is their time 0 on the monotonic clock."""
        wanted = list(flows)
        self.flows += wanted if self._remembers else []
        await self._send_order({"flush": True}, ANSWER_WITHIN)
        by_key: dict[Key, list[Flow]] = {}
        for flow in wanted:
            by_key.setdefault((flow.protocol, flow.local_port, flow.address, flow.port), []).append(flow)
        found = [(packet, flow) for key, flows in by_key.items() for packet, flow in self._take(key, flows)]
        found = [(packet, flow) for packet, flow in found if not flow.hidden]
        found.sort(key=lambda pair: float(pair[0]["t"]))
        ours = list(self.ours())[:MOST_OWN]
        return [_record(packet, flow, zero, ours) for packet, flow in found]

    def _take(self, key: Key, flows: list[Flow]) -> list[tuple[dict[str, Any], Flow]]:
        """Return and remove the packets of one key that belong to these flows. Those of an earlier flow stay."""
        packets = self._pending.pop(key, [])
        owned = [(packet, _owner(flows, packet["t"])) for packet in packets]
        left = [packet for packet, owner in owned if owner is None]
        if left:
            self._pending[key] = left
        self._waiting -= len(packets) - len(left)
        return [(packet, owner) for packet, owner in owned if owner is not None]

    def _keep(self, packet: dict[str, Any]) -> None:
        """Keep a packet until a measurement asks for it. Beyond the limit, drop the flows that were seen first."""
        self._pending.setdefault(tuple(packet["key"]), []).append(packet)
        self._waiting += 1
        while self._waiting > MOST_PENDING:
            self._waiting -= len(self._pending.pop(next(iter(self._pending))))

    async def write(self, path: str, known: KnownIdentifiers) -> str | None:
        """Write a pcapng file of all flows named so far, without what is known of the user.

        Return a sentence about the error, None if it worked.
        The sniffer gives the file its name when it is complete. So a file with this name is complete, even if the
        sniffer's answer comes too late.
        """
        flows = [[flow.protocol, flow.local_port, flow.address, flow.port] for flow in self.flows]
        order = {"pcap": path, "flows": flows, "known": [sorted(kind) for kind in known.kinds()]}
        answer = await self._send_order(order, WRITTEN_WITHIN)
        if "problem" in answer:
            return tr("The packets could not be written: {problem}", problem=answer["problem"])
        if "written" in answer:
            return None
        await self._kill()  # it must not finish the file after this
        if await asyncio.to_thread(os.path.exists, path):
            return None
        return tr("The packets could not be written, because the packet recorder does not answer.")

    async def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                await self._process.wait()
        except TimeoutError:
            await self._kill()
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)

    async def _kill(self) -> None:
        with suppress(ProcessLookupError):  # it has ended
            self._process.kill()
        await self._process.wait()

    async def _send_order(self, order: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Send an order with a number of its own, and return its answer. An earlier order's late answer is dropped."""
        async with self._asking:
            self._number += 1
            assert self._process.stdin is not None
            with suppress(OSError):  # it has ended. The missing answer is reported
                self._process.stdin.write(json.dumps({**order, "number": self._number}).encode() + b"\n")
                await self._process.stdin.drain()
            return await self._answer(seconds, self._number)

    async def _answer(self, seconds: float, number: int = 0) -> dict[str, Any]:
        """Return the answer to the order of this number, {} if none comes in time or the sniffer has ended."""
        if self._reader.done() and self._answers.empty():
            return {}
        try:
            async with asyncio.timeout(seconds):
                while (answer := await self._answers.get()) and answer.get("number", 0) != number:
                    pass
                return answer
        except TimeoutError:
            return {}

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            message = json.loads(line)
            if "key" in message:
                self._keep(message)
            else:
                self._answers.put_nowait(message)
        self._answers.put_nowait({})


def _owner(flows: list[Flow], when: float) -> Flow | None:
    """Return the flow that had these ports at a time: the last one opened before it. A port may be used again."""
    opened = [flow for flow in flows if flow.since <= when + 0.05]  # connect() returns after its SYN was sent
    return max(opened, key=lambda flow: flow.since, default=None)


def _record(packet: dict[str, Any], flow: Flow, zero: float, ours: list[str]) -> PacketRecord:
    fields = dict(packet["fields"])
    if "quoted" in fields:
        fields["quoted"] = BinaryData.of(bytes.fromhex(fields["quoted"]))
    if "hidden" in packet:
        fields["device_print"] = _print_of(fields, packet["hidden"], flow.address, ours)
    t = round(max(0.0, packet["t"] - zero), 6)
    return PacketRecord(t=t, transaction_id=flow.transaction_id, address=flow.address, port=flow.port, **fields)


def _print_of(fields: dict[str, Any], hidden: dict[str, Any], server: str, ours: list[str]) -> str | None:
    """Return the family of devices that a received reset looks like, None for none and over IPv6."""
    if hidden["ipid"] is None:
        return None
    payload = bytes.fromhex(hidden["payload"])
    reset = ReceivedReset(fields["window"], hidden["ipid"], fields["flags"], fields["dont_fragment"], payload)
    return family_of(reset, server, [hidden["destination"], *ours])
