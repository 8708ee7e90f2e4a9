"""python-socketio as a peer: python_client.py URL TRANSPORT. See run.mjs for what it has to do."""

import sys
import threading

import socketio

url, transport = sys.argv[1:]
PATIENCE = 30


class Box:
    """Something that another thread brings."""

    def __init__(self):
        self._ready = threading.Event()
        self.value = None

    def put(self, *value):
        self.value = list(value)
        self._ready.set()

    def get(self):
        assert self._ready.wait(PATIENCE), "nothing came"
        self._ready.clear()
        return self.value


def check(name, found, wanted):
    assert found == wanted, f"{name}: {found!r}, not {wanted!r}"
    print("ok", name, flush=True)


def connected(**options):
    client = socketio.Client(reconnection_delay=0.1, reconnection_delay_max=0.1, **options)
    client.boxes = {}
    for event in ("echo", "news", "direct"):
        client.boxes[event] = Box()
        client.on(event, client.boxes[event].put)
    client.connect(url, transports=[transport])
    return client


one = connected()
check("connect", one.transport(), transport)

one.emit("echo", (1, "zwei", {"drei": [4, None, True]}, 5.5))
check("event", one.boxes["echo"].get(), [1, "zwei", {"drei": [4, None, True]}, 5.5])
text = "x" * 100_000 + "ÄÖÜ €, 😀"
one.emit("echo", text)
check("long text", one.boxes["echo"].get(), [text])

check("acknowledgement", one.call("echo", ("a", 2), timeout=PATIENCE), ("a", 2))

blob = bytes(range(256)) * 40
one.emit("echo", {"name": "blob", "data": blob, "more": [b"", b"x"]})
check("binary", one.boxes["echo"].get(), [{"name": "blob", "data": blob, "more": [b"", b"x"]}])
check("binary acknowledgement", one.call("echo", blob, timeout=PATIENCE), blob)

two = connected()
rooms = two.call("join", "room", timeout=PATIENCE)
check("join", sorted(rooms), sorted([two.get_sid(), "room"]))
one.emit("to", ("room", "news", 7))
check("room", two.boxes["news"].get(), [7])
one.emit("all", ("direct", "everybody"))
check("broadcast", [client.boxes["direct"].get() for client in (one, two)], [["everybody"]] * 2)
two.disconnect()

back = Box()
one.on("connect", back.put)
print("restart", flush=True)  # the server goes and comes back
back.get()
check("reconnect", one.call("echo", "again", timeout=PATIENCE), "again")
one.disconnect()
print("done", flush=True)
