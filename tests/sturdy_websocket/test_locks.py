"""What several threads share is read and changed with its lock only, whoever comes or goes."""

# The lesson runs with classes that look at the lock whenever something shared is touched:
# a lock that is missing shows at once, not only when two threads meet.
CHECKED = '''
class CheckedClass(type):
    def __setattr__(cls, name, value):
        assert cls.total_lock.locked(), f"Outgoing.{name} without its lock"
        super().__setattr__(name, value)

def look(outgoing, name):
    shared = name in ("open", "pieces", "sent", "waiting", "writer", "quick")
    if shared and outgoing.made:
        assert outgoing.lock.locked(), f"{name} without the lock"

class CheckedOutgoing(sturdy_websocket.Outgoing, metaclass=CheckedClass):
    made = False

    def __init__(self, connection):
        super().__init__(connection)
        self.made = True

    def __getattribute__(self, name):
        look(self, name)
        return super().__getattribute__(name)

    def __setattr__(self, name, value):
        look(self, name)
        super().__setattr__(name, value)

def guarded(kind, door, *names):
    """Returns an empty set or dictionary with methods that may be called with the door only."""
    def checked(name):
        def method(self, *words):
            assert door._is_owned(), f"{name} without the door"
            return getattr(kind, name)(self, *words)
        return method
    return type("Guarded", (kind,), {name: checked(name) for name in names})()

class CheckedServer(SturdyServer):
    made = False

    def __init__(self, **options):
        super().__init__(**options)
        self.connections = guarded(set, self.door, "add", "discard", "__iter__")
        self.overdue_at = guarded(dict, self.door, "__setitem__", "pop", "items")
        self.made = True

    def __setattr__(self, name, value):
        shared = name in ("clients", "send_to_all", "id_counter")
        assert not (shared and self.made) or self.door._is_owned(), f"{name} without the door"
        super().__setattr__(name, value)

sturdy_websocket.Outgoing = CheckedOutgoing
sturdy_websocket.MAX_BACKLOG = 8 * 1024 * 1024
sturdy_websocket.PING_AFTER = 1000
SturdyServer = CheckedServer
'''


def test_what_is_shared_is_touched_with_its_lock_only(lesson, join):
    """One leaves well, one is cut, one is slow, one is dropped: all is given back at the end."""
    server = lesson(CHECKED, after="print('left over', sturdy_websocket.Outgoing.total)")
    clients = [join(server) for _ in range(3)]
    clients += [join(server, receive_buffer=4096) for _ in range(2)]
    speaker, well, gone, slow, frozen = clients
    well.say("hello")
    assert [client.hear() for client in clients] == ["hello"] * 5
    well.close()
    server.expect("left 2 4")
    gone.vanish()
    server.expect("left 3 3")
    # One that is slow takes all of it in the end; one that never reads is dropped on the way.
    messages = [bytes([number]) * 2**20 for number in range(24)]
    for message in messages:
        speaker.say(message)
        assert speaker.hear() == message
        assert slow.hear() == message
    server.expect("left 5 2")
    # Two are still there when the server stops, and do not hang up: they are cut.
    assert server.stop() == 0
    server.expect("^left over 0$")
    assert server.errors == ""
