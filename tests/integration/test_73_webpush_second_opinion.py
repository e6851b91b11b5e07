"""Web Push against the npm package web-push-testing, which checks the signature and decrypts by itself."""

import json
import time

import pytest

from coid import message
from pushd import PushService, push_settings, subscribe, validate

ID = "device-0001"


@pytest.fixture
def service():
    made = PushService(program="second.js")
    yield made
    made.close()


def messages(service, client):
    answer = service.call("POST", "/get-notifications", {"clientHash": client})
    return [json.loads(text) for text in answer["data"]["messages"]]


def wait(service, client, count):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        got = messages(service, client)
        if len(got) >= count:
            return got
        time.sleep(0.1)
    raise AssertionError(f"{len(got)} of {count} messages: {got}")


# WP-40, WP-41, WP-42
def test_another_implementation_accepts_and_decrypts_what_coid_sends(make_coid, service):
    coid = make_coid(settings=push_settings())
    alice = coid.add_user("alice@example.org")
    raw = coid.raw(alice)
    key = coid.ctl("vapid", "show").split()[-1]
    made = service.call("POST", "/subscribe", {"applicationServerKey": key})["data"]
    client = made["endpoint"].rsplit("/", 1)[1]
    subscribe(raw, ID, {"client": "c", "device": "d", "msgtype": "all",
                        "resource": {"endpoint": f"{service.origin}/notify/{client}", "keys": made["keys"]}})
    token = wait(service, client, 1)[0]["validation"]
    assert validate(raw, ID, token).startswith(b"OK")
    coid.deliver(alice, message("hello", "the body\r\n"))
    value = wait(service, client, 2)[1]
    assert value["subject"] == "hello" and value["content"] == "the body\r\n"
    service.call("POST", f"/expire-subscription/{client}")
    coid.deliver(alice, message("gone"))
    coid.wait_log("the push service does not know it")
