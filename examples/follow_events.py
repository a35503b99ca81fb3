"""Follows the bookings service's events durably: the broker knows under a name how far this program has come, so that it
goes on there when it is started again. Needs nats-py (pip install nats-py).

    python3 examples/follow_events.py my-reports                   # goes on, or else starts at the first event
    python3 examples/follow_events.py fresh new                    # ... with what happens from now on
    python3 examples/follow_events.py late 2030-01-31T20:00:00Z
    python3 examples/follow_events.py part 1000                    # ... with the event of this sequence

The environment variable MARQUEE_NATS_CONTEXT names the file that says where the broker is and who signs in: script/up
writes it for subscribers.
"""

import asyncio
import json
import os
import sys
from datetime import datetime

import nats
from nats.errors import TimeoutError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

CONTEXT = ".marquee/cli/nats/context/marquee-subscriber.json"


def start(where):
    """Where a new name starts. One that the broker knows goes on where it was."""
    if where == "all":
        return {"deliver_policy": DeliverPolicy.ALL}
    if where == "new":
        return {"deliver_policy": DeliverPolicy.NEW}
    if where.isdigit():
        return {"deliver_policy": DeliverPolicy.BY_START_SEQUENCE, "opt_start_seq": int(where)}
    time = datetime.fromisoformat(where.replace("Z", "+00:00"))
    return {"deliver_policy": DeliverPolicy.BY_START_TIME, "opt_start_time": time}


def handle(message):
    """Whatever is to be done with an event. It may come twice; its sequence and its ce-id are the same then."""
    event = json.loads(message.data)
    print(message.metadata.sequence.stream, message.headers["ce-type"], event, flush=True)


async def main(name, where="all"):
    with open(os.environ.get("MARQUEE_NATS_CONTEXT", CONTEXT)) as file:
        broker = json.load(file)
    connection = await nats.connect(
        broker["url"],
        user=broker["user"],
        password=broker["password"],
        inbox_prefix=broker["inbox_prefix"].encode(),
    )
    jetstream = connection.jetstream(prefix=broker["jetstream_api_prefix"])
    # One at a time: then they come in order, also when one has to be delivered again, which is 5 s after a program died
    # over it.
    config = ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, max_ack_pending=1, ack_wait=5, **start(where))
    events = await jetstream.pull_subscribe(
        "cinema.evt.bookings.>",
        durable=name,
        stream="BOOKINGS_EVENTS",
        config=config,
    )
    while True:
        try:
            messages = await events.fetch(1, timeout=30)
        except TimeoutError:
            continue  # nothing has happened
        for message in messages:
            handle(message)
            # After the work is done: what breaks off before is delivered again.
            await message.ack()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("say under which name to follow")
    try:
        asyncio.run(main(*sys.argv[1:3]))
    except KeyboardInterrupt:
        pass
