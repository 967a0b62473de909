import asyncio

from lingpai.core.clock import End, SystemClock, VirtualClock, end_after


def test_an_end_survives_clock_steps_within_its_epoch() -> None:
    clock = VirtualClock()
    end = end_after(clock, 100)
    clock.step(3600)
    assert end.remaining(clock) == 100
    clock.step(-7200)
    clock.advance(40)
    assert end.remaining(clock) == 60


def test_who_does_not_share_the_steady_time_uses_the_wall() -> None:
    clock, other = VirtualClock(now=1000), VirtualClock(now=1000)
    end = end_after(clock, 100)
    other.advance(30)
    assert end.remaining(other) == 70
    other.step(30)
    assert end.remaining(other) == 40


def test_earlier() -> None:
    assert End(100, 50, "e").earlier(10) == End(90, 40, "e")


def test_processes_of_one_boot_share_the_steady_time() -> None:
    first, second = SystemClock(), SystemClock()
    assert first.epoch == second.epoch
    assert end_after(first, 10).remaining(second) <= 10
    assert abs(end_after(first, 10).remaining(second) - 10) < 1


async def test_advance_wakes_sleepers_in_order() -> None:
    clock = VirtualClock()
    woken: list[int] = []

    async def sleep(seconds: int) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    tasks = [asyncio.create_task(sleep(seconds)) for seconds in (3, 1, 2, 50)]
    await asyncio.sleep(0)
    clock.advance(2)
    await asyncio.gather(*tasks[1:3])
    assert woken == [1, 2]
    clock.advance(48)
    await asyncio.gather(*tasks)
    assert woken == [1, 2, 3, 50]
