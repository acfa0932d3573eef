"""Several processes at one file of features: some are killed, all start at once."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from sktransfer._utils.store_file import FileStore

from .rows import assert_right, get_silently

_KILLED_WRITERS = """
import os, random, signal, sys, time, warnings
from tests._utils.rows import rows_of, assert_right
from sktransfer._utils.store_file import FileStore

path, n_kills = sys.argv[1], int(sys.argv[2])
warnings.simplefilter("error")
chance = random.Random(0)


def write_for_ever(numbers):
    try:
        while True:
            start = random.choice(numbers)
            with FileStore(path) as store:
                for start in range(start, start + 40, 8):
                    rows = rows_of(range(start, start + 8))
                    assert_right(store.get(rows))
                    store.put(rows)
    except BaseException as error:
        print(repr(error), flush=True)
    os._exit(1)


def started(numbers):
    child = os.fork()
    if not child:
        write_for_ever(numbers)
    return child


survivor = started(range(2000))
for kill in range(n_kills):
    victim = started(range(1000, 3000))
    time.sleep(chance.uniform(0, 0.04))
    os.kill(victim, signal.SIGKILL)
    assert os.WIFSIGNALED(os.waitpid(victim, 0)[1]), "it ended by itself"
    with FileStore(path) as store:
        assert_right(store.get(rows_of(range(3100))))
assert os.waitpid(survivor, os.WNOHANG) == (0, 0), "the other process ended"
os.kill(survivor, signal.SIGKILL)
os.waitpid(survivor, 0)
"""

_CREATORS = """
import os, sys, time, warnings
from tests._utils.rows import rows_of
from sktransfer._utils.store_file import FileStore

warnings.simplefilter("error")
for attempt in range(10):
    path, start = f"{sys.argv[1]}{attempt}", time.time() + 0.03
    children = []
    for number in range(6):
        children.append(os.fork())
        if not children[-1]:
            time.sleep(max(0, start - time.time()))
            with FileStore(path) as store:
                store.put(rows_of([number]))
            os._exit(0)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 6
    with FileStore(path) as store:
        assert len(store.get(rows_of(range(6)))) == 6
"""


def _run(script, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stdout


def test_writers_that_are_killed(path):
    _run(_KILLED_WRITERS, path, 50)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert FileStore(path).info().n_rows > 100
    assert_right(get_silently(path, range(3100)))


def test_processes_that_create_the_file_at_once(path):
    _run(_CREATORS, path)
