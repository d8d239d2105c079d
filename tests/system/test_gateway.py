# SPDX-License-Identifier: Apache-2.0
"""outboxd gateway on a real Kafka (rows B7, B12): each client gets each message, whatever becomes
of it, of its connection, of the gateway or of the topic meanwhile."""
import asyncio
import json
import threading
import time

import pytest
import kafka_wire
from push_clients import (EventStream, Gateway, assert_each_once, close_code, nothing_comes,
                          numbers, produce, produce_text, receive, receive_json, receive_until)

CUT_SECONDS = 10
NO_MEMORY = {"gateway__recent_size": "0"}


@pytest.fixture
def servers(services):
    return services.kafka


@pytest.fixture
def gateway(outboxd, topic):
    return Gateway(outboxd, topic)


def test_all_clients_of_all_gateways_get_each_message_once_in_the_order_of_its_key(
        outboxd, topic, servers, gateway):
    other = Gateway(outboxd, topic)

    async def run():
        async with gateway.connect() as plain, other.connect() as elsewhere, \
                gateway.resume() as resumable:
            events = EventStream(gateway.port)
            await asyncio.to_thread(produce, servers, topic, range(300))
            for client in (plain, elsewhere):
                frames = await receive_json(client, 300)
                assert_each_once([frame["n"] for frame in frames], range(300))
            frames = await receive_json(resumable, 300)
            assert_each_once(numbers(frames), range(300))
            assert all(set(frame) == {"position", "key", "value"} for frame in frames)
            found = [json.loads(data)["n"] for _, data, _ in events.wait_for(300)]
            assert_each_once(found, range(300))
            events.close()
            for client in (plain, elsewhere, resumable):
                await nothing_comes(client)
    asyncio.run(run())


class Producing:
    """A thread that produces a few messages all the time, while the block runs."""

    def __init__(self, servers, topic):
        self.servers, self.topic, self.count = servers, topic, 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.ended.wait(0.05):
            produce(self.servers, self.topic, range(self.count, self.count + 20))
            self.count += 20

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


@pytest.mark.parametrize("settings", [{}, NO_MEMORY], ids=["memory", "no memory"])
def test_clients_cut_for_10_s_resume_without_a_gap_or_a_double(outboxd, topic, servers, settings):
    gateway = Gateway(outboxd, topic, **settings)

    async def run():
        with Producing(servers, topic) as producing:
            async with gateway.resume() as client:
                frames = await receive_json(client, 50)
            events = EventStream(gateway.port, last_event_id=frames[-1]["position"])
            seen_events = events.wait_for(20)
            events.close()
            seen_events = list(events.events)
            last_event_id = seen_events[-1][2]
            before = producing.count
            await asyncio.to_thread(time.sleep, CUT_SECONDS)  # What the issue names.
            assert producing.count > before + 100
            async with gateway.resume(frames[-1]["position"]) as client:
                events = EventStream(gateway.port, last_event_id=last_event_id)
                frames += await receive_json(client, producing.count - 50)
                await asyncio.to_thread(producing.__exit__)
                frames += await receive_json(client, producing.count - len(frames))
                await nothing_comes(client)
        found = numbers(frames)
        # The client began with what was new: the first messages may be from before.
        assert_each_once(found, range(producing.count))
        events.wait_for(producing.count - 50 - len(seen_events))
        events.close()
        found = found[:50] + [json.loads(data)["n"] for _, data, _ in seen_events + events.events]
        assert_each_once(found, range(producing.count))
    asyncio.run(run())


def test_a_client_resumes_on_a_restarted_gateway_and_on_another_one(outboxd, topic, servers,
                                                                    gateway):
    async def run():
        async with gateway.resume() as client:
            produce(servers, topic, range(100))
            frames = await receive_json(client, 100)
        assert gateway.stop() == 0
        produce(servers, topic, range(100, 200))
        again = Gateway(outboxd, topic, gateway__address=gateway.address)
        produce(servers, topic, range(200, 300))
        async with again.resume(frames[-1]["position"]) as client:
            frames += await receive_json(client, 200)
        produce(servers, topic, range(300, 400))
        other = Gateway(outboxd, topic)
        async with other.resume(frames[-1]["position"]) as client:
            frames += await receive_json(client, 100)
            produce(servers, topic, range(400, 410))
            frames += await receive_json(client, 10)
            await nothing_comes(client)
        assert_each_once(numbers(frames), range(410))
    asyncio.run(run())


def test_many_clients_that_come_back_at_once_all_get_what_they_missed(outboxd, topic, servers):
    gateway = Gateway(outboxd, topic, **NO_MEMORY)

    async def run():
        async with gateway.resume(query="&progress=1") as client:
            position = (await receive_json(client, 1))[0]["position"]
        produce(servers, topic, range(2000))

        async def follow(number):
            async with gateway.resume(position, f"&event_type=x,{number}" if number % 3 else ""
                                      ) as one:
                if number % 3:
                    return await nothing_comes(one, 5)
                assert_each_once(numbers(await receive_json(one, 2000)), range(2000))
                await nothing_comes(one)
        await asyncio.gather(*(follow(number) for number in range(60)))
    asyncio.run(run())


def test_a_position_older_than_retention_gets_a_gap_and_all_that_is_left(outboxd, topics, unique,
                                                                         servers):
    topic = topics.create(unique, partitions=1)
    gateway = Gateway(outboxd, topic, **NO_MEMORY)
    produce(servers, topic, range(100))
    kafka_wire.delete_records(servers, topic, 0, 60)

    async def run():
        async with gateway.resume("0:10") as client:
            frames = await receive_json(client, 41)
            assert frames[0] == {"gap": True, "from": "0:10", "to": "0:60"}
            assert numbers(frames) == list(range(60, 100))
            produce(servers, topic, [100])
            assert numbers(await receive_json(client, 1)) == [100]
        events = EventStream(gateway.port, last_event_id="0:10")
        found = events.wait_for(42)
        events.close()
        assert found[0][0] == "gap" and json.loads(found[0][1])["to"] == "0:60"
        assert [json.loads(data)["n"] for _, data, _ in found[1:]] == list(range(60, 101))
    asyncio.run(run())


def test_a_topic_made_anew_is_a_gap_to_who_was_there_and_to_who_comes_back(
        outboxd, topics, unique, servers):
    topic = topics.create(unique, partitions=1)
    gateway = Gateway(outboxd, topic)

    async def run():
        async with gateway.resume() as client:
            produce(servers, topic, range(100))
            await receive_json(client, 100)
            kafka_wire.delete_topic(servers, topic)
            gateway.running.wait_for_log("a topic is gone")
            topics.create(unique, partitions=1)
            produce(servers, topic, range(5))
            frames = await receive_until(client, lambda frame: frame.get("value") == {"n": 4})
            assert frames[0] == {"gap": True, "from": "0:100", "to": "0:0"}
            assert numbers(frames) == list(range(5))
        async with gateway.resume("0:100") as client:
            frames = await receive_until(client, lambda frame: frame.get("value") == {"n": 4})
            assert frames[0] == {"gap": True, "from": "0:100", "to": "0:0"}
            assert numbers(frames) == list(range(5))
    asyncio.run(run())


def test_a_partition_that_is_added_is_followed(outboxd, topics, unique, servers):
    topic = topics.create(unique, partitions=1)
    gateway = Gateway(outboxd, topic)

    async def run():
        async with gateway.resume() as client:
            kafka_wire.add_partitions(servers, topic, 2)
            gateway.running.wait_for_log("a partition is new", 30)
            produce(servers, topic, range(50))
            frames = await receive_json(client, 50)
            assert_each_once(numbers(frames), range(50))
            assert frames[-1]["position"].count(",") == 1
    asyncio.run(run())


def test_filters_choose_by_headers_and_by_the_envelope_and_move_the_position_on(
        topic, servers, gateway):
    order = ("event_type=ORDER_PAID", "aggregate_type=order", "aggregate_id=42")
    stock = ("event_type=RESTOCKED", "aggregate_type=stock", "aggregate_id=7")
    envelope = ('{"event_id": "x", "event_type": "ORDER_CANCELLED", "aggregate_type": "order", '
                '"aggregate_id": "43", "payload": {}}')

    async def run():
        async with gateway.connect("/ws?event_type=ORDER_PAID,ORDER_CANCELLED") as by_event, \
                gateway.connect("/ws?aggregate_type=stock&aggregate_type=x") as by_type, \
                gateway.resume(query="&aggregate_id=43") as by_id, \
                gateway.connect("/ws?aggregate_type=order&aggregate_id=7") as by_both:
            produce_text(servers, topic, "paid", order)
            produce_text(servers, topic, "restocked", stock)
            produce_text(servers, topic, envelope)
            assert await receive(by_event, 2) == ["paid", envelope]
            assert await receive(by_type, 1) == ["restocked"]
            frame, = await receive_json(by_id, 1)
            assert frame["value"] == json.loads(envelope)
            assert sum(int(part.split(":")[1]) for part in frame["position"].split(",")) == 3
            await nothing_comes(by_both)
    asyncio.run(run())


def test_values_that_are_no_json_arrive_too(topic, servers, gateway):
    async def run():
        async with gateway.connect() as plain, gateway.resume() as resumable:
            for text in ('{"price": 1.10}', "only text", "[" * 200000):
                produce_text(servers, topic, text)
                assert await receive(plain, 1) == [text]
                frame, = await receive(resumable, 1)
                value = text if text.startswith("{") else json.dumps(text)
                assert f'"value":{value}' in frame
    asyncio.run(run())


def test_clients_wait_while_the_brokers_are_away_and_then_get_everything(
        outboxd, topic, services, servers):
    gateway = Gateway(outboxd, topic)

    async def run():
        async with gateway.resume() as client:
            produce(servers, topic, range(50))
            frames = await receive_json(client, 50)
            services.command("kill", "kafka")
            try:
                gateway.running.wait_for_log("the brokers are away", 60)
                assert gateway.get("/health")[0] == 503
                late = gateway.resume(frames[9]["position"], "")
                async with late as other:
                    assert_each_once(numbers(frames[:10] + await receive_json(other, 40)),
                                     range(50))
            finally:
                services.up("kafka")
            produce(servers, topic, range(50, 100))
            frames += await receive_json(client, 50)
            assert_each_once(numbers(frames), range(100))
            gateway.running.wait_for_log("the brokers are back", 60)
            assert gateway.get("/health")[0] == 200
    asyncio.run(run())


def test_a_stop_sends_clients_away_with_1001_and_exits_with_0(gateway):
    async def run():
        async with gateway.connect() as client:
            events = EventStream(gateway.port)
            events.wait_for_id()
            code = asyncio.create_task(close_code(client))
            assert await asyncio.to_thread(gateway.stop) == 0
            assert await code == 1001
            events.thread.join(10)
            assert not events.thread.is_alive()
    asyncio.run(run())
