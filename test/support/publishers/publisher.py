"""Publishes what it is told to, one JSON line each on stdin, with the client from PyPI; answers one JSON line each."""
import asyncio
import base64
import json
import sys

import nats
from nats.errors import NoRespondersError, TimeoutError
from nats.js.errors import APIError, NoStreamResponseError


async def publish(nc, js, order):
    payload = base64.b64decode(order["data"])
    headers = order["headers"] or None
    if order["how"] == "core":
        await nc.publish(order["subject"], payload, headers=headers)
        return {"status": "unanswered", "code": "core", "message": "asked for no ack"}
    if order["how"] == "request":
        reply = await nc.request(order["subject"], payload, timeout=order["timeout"], headers=headers)
        ack = json.loads(reply.data)
        if "error" in ack:
            return refused(ack["error"]["err_code"], ack["error"]["description"])
        return {"status": "stored", "stream": ack["stream"], "seq": ack["seq"], "duplicate": ack.get("duplicate", False)}
    ack = await js.publish(order["subject"], payload, timeout=order["timeout"], headers=headers)
    return {"status": "stored", "stream": ack.stream, "seq": ack.seq, "duplicate": bool(ack.duplicate)}


def refused(code, message):
    return {"status": "refused", "code": f"js-{code}", "message": message}


async def answer(nc, js, order):
    try:
        outcome = await publish(nc, js, order)
    except APIError as error:
        outcome = refused(error.err_code, error.description)
    except (NoRespondersError, NoStreamResponseError):
        outcome = {"status": "refused", "code": "503", "message": "no responders"}
    except TimeoutError:
        outcome = {"status": "unanswered", "code": "timeout", "message": "no answer in time"}
    print(json.dumps({"id": order["id"], "outcome": outcome}), flush=True)


async def main():
    nc = await nats.connect(sys.argv[1], pending_size=64 * 1024 * 1024)
    js = nc.jetstream()
    print(json.dumps({"ready": nats.__name__}), flush=True)
    loop = asyncio.get_running_loop()
    working = set()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        task = asyncio.create_task(answer(nc, js, json.loads(line)))
        working.add(task)
        task.add_done_callback(working.discard)
    await asyncio.gather(*working)
    await nc.drain()


asyncio.run(main())
