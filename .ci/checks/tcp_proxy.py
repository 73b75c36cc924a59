"""A proxy that passes bytes on and asks /readyz whom to pass them to: for machines that can install no other."""

import contextlib
import socket
import threading

from checks.server import status

PAUSE = 0.5  # between two looks at /readyz


class TcpProxy:
    """New connections go in turn to the instances that say that they are ready; running ones stay where they are."""

    def __init__(self, ports):
        self.ports, self.ready, self.turn = ports, list(ports), 0
        self.stop = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.look, daemon=True).start()
        threading.Thread(target=self.accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.listener.close()

    def look(self):
        while not self.stop.wait(PAUSE):
            self.ready = [port for port in self.ports if status(f"http://127.0.0.1:{port}/readyz") == 200]

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client:
            ready = self.ready
            self.turn += 1
            for attempt in range(len(ready)):
                with contextlib.suppress(OSError):
                    instance = socket.create_connection(("127.0.0.1", ready[(self.turn + attempt) % len(ready)]))
                    with instance:
                        back = threading.Thread(target=pass_on, args=(instance, client), daemon=True)
                        back.start()
                        pass_on(client, instance)
                        back.join()
                    return


def pass_on(source, target):
    """Until the source ends; then the target is told so."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
