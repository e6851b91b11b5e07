"""A Node program of this folder at work: requests and answers as JSON lines (wire.mjs), events on the side."""

import base64
import json
import os
import pathlib
import queue
import subprocess
import threading
import time

FOLDER = pathlib.Path(__file__).parent
ANSWER_SECONDS = 120


class ClientError(Exception):
    """An error that the client threw; `fields` are its properties."""

    def __init__(self, fields):
        super().__init__(json.dumps(fields))
        self.fields = fields


def pack(value):
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, (list, tuple)):
        return [pack(item) for item in value]
    if isinstance(value, dict):
        return {key: pack(item) for key, item in value.items()}
    return value


def unpack(value):
    if isinstance(value, list):
        return [unpack(item) for item in value]
    if isinstance(value, dict):
        if "$bytes" in value:
            return base64.b64decode(value["$bytes"])
        if "$date" in value:
            return value["$date"]
        return {key: unpack(item) for key, item in value.items()}
    return value


class Bridge:
    def __init__(self, program, *args, env=None, log=None):
        if not (FOLDER / "node_modules").is_dir():
            raise AssertionError(f"the clients are not installed: run npm ci in {FOLDER}")
        self.log = log
        self.events = []
        self.changed = threading.Condition()
        self.answers = {}
        self.serial = 0
        self.process = subprocess.Popen(
            [os.environ.get("COID_NODE", "node"), str(FOLDER / program), *map(str, args)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.log, env={**os.environ, **(env or {})})
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join(5)
        self.process.stdout.close()

    def read(self):
        for line in self.process.stdout:
            message = unpack(json.loads(line))
            with self.changed:
                if "event" in message:
                    self.events.append(message)
                else:
                    self.answers[message["id"]].put(message)
                self.changed.notify_all()
        with self.changed:
            for answer in self.answers.values():
                answer.put({"error": {"message": "the client's process ended"}})
            self.changed.notify_all()

    def begin(self, call, *args, conn=None):
        """Sends a request and does not wait; `finish` takes what is returned."""
        with self.changed:
            self.serial += 1
            request = self.serial
            self.answers[request] = queue.Queue()
        line = json.dumps({"id": request, "conn": conn, "call": call, "args": pack(list(args))})
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        return request

    def finish(self, request, seconds=ANSWER_SECONDS):
        try:
            answer = self.answers[request].get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"no answer in {seconds} s; events: {self.events[-20:]}") from None
        finally:
            with self.changed:
                del self.answers[request]
        if "error" in answer:
            raise ClientError(answer["error"])
        return answer["result"]

    def call(self, call, *args, conn=None, seconds=ANSWER_SECONDS):
        return self.finish(self.begin(call, *args, conn=conn), seconds)

    def wait_event(self, name, conn=None, match=lambda data: True, seconds=ANSWER_SECONDS):
        """The data of the first event of that name that is not yet taken; takes it."""
        end = time.monotonic() + seconds
        with self.changed:
            while True:
                for i, event in enumerate(self.events):
                    if event["event"] == name and conn in (None, event["conn"]) and match(event["data"]):
                        del self.events[i]
                        return event["data"]
                left = end - time.monotonic()
                if left <= 0 or not self.changed.wait(left):
                    raise AssertionError(f"no event {name} in {seconds} s; events: {self.events[-20:]}")

    def drop_events(self):
        with self.changed:
            self.events.clear()
