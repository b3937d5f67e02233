"""Any pieces, any bytes: whatever comes, the right messages come out, or only its sender goes."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wire import BINARY, CONT, PING, PONG, TEXT, Wire, frame

FEW = settings(
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


PAYLOADS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
    st.binary(max_size=200),
    st.integers(0, 70_000).map(lambda size: "é" * size),
)


@st.composite
def traffic(draw):
    """Draws messages, cut into frames, with pings between them: (bytes, what must come back)."""
    sent, wanted = b"", []
    for message in draw(st.lists(PAYLOADS, min_size=1, max_size=5)):
        data = message.encode() if isinstance(message, str) else message
        cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=4)))
        pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)])]
        for number, piece in enumerate(pieces):
            opcode = CONT if number else TEXT if isinstance(message, str) else BINARY
            sent += frame(opcode, piece, number == len(pieces) - 1)
            if draw(st.booleans()):
                sent += frame(PING, str(number))
                wanted.append((PONG, str(number).encode()))
        wanted.append((TEXT if isinstance(message, str) else BINARY, data))
    return sent, ordered(wanted)


def ordered(frames):
    """A ping inside a message is answered before the message is whole: both keep their order."""
    return [each for each in frames if each[0] == PONG], [
        each for each in frames if each[0] != PONG
    ]


@FEW
@given(traffic(), st.lists(st.integers(0, 1 << 20), max_size=12), st.integers(0, 40))
def test_valid_traffic_in_any_pieces(echo_server, drawn, cuts, singles):
    """However the network cuts the bytes, the same messages come out."""
    sent, wanted = drawn
    places = sorted({cut % (len(sent) + 1) for cut in cuts} | set(range(min(singles, len(sent)))))
    with Wire(echo_server.port) as client:
        for a, b in zip([0, *places], [*places, len(sent)]):
            client.send(sent[a:b])
        assert ordered(client.sync()) == wanted


HEADS = st.sampled_from(
    [b"", b"\x81", b"\x82\xff", b"\x01\x80\0\0\0\0", b"\x89\xfe", b"\x88\x82", b"\x81\xfe\xff\xff"]
)


@FEW
@given(HEADS, st.binary(max_size=300))
def test_any_bytes_instead_of_frames(echo_server, head, rubbish):
    """The server answers or closes, and a healthy client beside never notices."""
    with Wire(echo_server.port) as healthy, Wire(echo_server.port) as client:
        client.send(head + rubbish)
        client.socket.shutdown(1)
        client.ending()
        healthy.say("healthy")
        assert healthy.hear_until("healthy")
