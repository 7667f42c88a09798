"""Draw bytes for a codec: arbitrary ones, and valid ones with bytes replaced, removed, repeated or inserted."""

from hypothesis import strategies as st

from tests.fuzz.codecs import Codec


@st.composite
def spoilt(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 4))):
        at, size = draw(st.integers(0, len(data))), draw(st.sampled_from([0, 1, 2, 4, 40]))
        data[at : at + size] = draw(st.binary(max_size=6)) * draw(st.sampled_from([1, 1, 1, 50]))
    return bytes(data)


def bytes_for(codec: Codec) -> st.SearchStrategy[bytes]:
    return st.binary(max_size=300) | spoilt(codec.seeds)
