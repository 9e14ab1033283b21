"""Opens recordings of topics: MCAP files, and ROS 2's bags of them or of SQLite. Nothing of ROS is needed.

A message is read by the definition that is recorded with it (`mcap-ros2-support`, an extra), or as JSON. Neither makes
code of what a file says. Other encodings are refused by their name.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Set
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skills.errors import ENVIRONMENT, SkillsError
from skills.files import GET_AGAIN
from skills.memory import check_memory
from skills.troubles import DamagedError, reading

SUFFIXES = (".mcap", ".db3")
_ROS, _JSON = "ros2msg", "json"
_AGAIN = f"{GET_AGAIN} What is left of a recording that was cut off: mcap recover FILE"


@dataclass(frozen=True)
class Message:
    """topic: as ROS writes it, "/joint_states".   time: ns, when it was logged.   value: what was said."""

    topic: str
    time: int
    value: Any


def is_bag(path: Path) -> bool:
    """Whether it is a recording, or a folder of some."""
    return path.suffix in SUFFIXES if path.is_file() else bool(path.is_dir() and _files(path))


def recordings(path: Path) -> list[list[Path]]:
    """The files of each recording: those of a folder with ROS 2's metadata.yaml are one, any other is one each."""
    if path.is_file():
        return [[path]]
    found: dict[Path, list[Path]] = {}
    for file in _files(path):
        whole = (file.parent / "metadata.yaml").is_file()
        found.setdefault(file.parent if whole else file, []).append(file)
    return list(found.values())


def topics(file: Path) -> list[str]:
    """What is recorded in a file. Raises: SkillsError where it cannot be read."""
    with reading(file, _AGAIN):
        if file.suffix == ".db3":
            with closing(_database(file)) as database:
                return sorted(name for (name,) in database.execute("SELECT name FROM topics"))
        make_reader, _, _ = _mcap()
        with file.open("rb") as stream:
            summary = make_reader(stream).get_summary()
            if summary is not None:
                return sorted(channel.topic for channel in summary.channels.values())
            stream.seek(0)
            return sorted({channel.topic for _, channel, _ in make_reader(stream).iter_messages()})


def messages(file: Path, wanted: Set[str]) -> Iterator[Message]:
    """The messages of some topics of a file, in the order of their times.

    Raises: SkillsError where they cannot be read, or are in an encoding that is not known here.
    """
    with reading(file, _AGAIN):
        yield from _rows(file, wanted) if file.suffix == ".db3" else _records(file, wanted)


def _files(folder: Path) -> list[Path]:
    """Those of a folder and of the folders in it."""
    return sorted(file for pattern in ("*", "*/*") for file in folder.glob(pattern) if file.suffix in SUFFIXES)


def _records(file: Path, wanted: Set[str]) -> Iterator[Message]:
    make_reader, decoders, _ = _mcap()
    factory = decoders()
    with file.open("rb") as stream:
        reader = make_reader(stream)
        summary = reader.get_summary()
        for chunk in () if summary is None else summary.chunk_indexes:
            check_memory(chunk.uncompressed_size, f"A chunk of {file}")
        for schema, channel, message in reader.iter_messages(topics=list(wanted)):
            read = _decoder(factory, channel.message_encoding, schema, channel.topic, file)
            yield Message(channel.topic, message.log_time, read(message.data))


def _rows(file: Path, wanted: Set[str]) -> Iterator[Message]:
    _, decoders, schemas = _mcap()
    factory = decoders()
    with closing(_database(file)) as database:
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "message_definitions" not in names:
            raise SkillsError(
                f"{file} does not say what its messages are: ROS 2 has written that into bags of SQLite since Iron.",
                "Turn it into MCAP where it was recorded: ros2 bag convert",
            )
        said = "SELECT topic_type, encoding, encoded_message_definition FROM message_definitions"
        definitions = {kind: (encoding, text) for kind, encoding, text in database.execute(said)}
        about = {
            number: rest
            for number, *rest in database.execute("SELECT id, name, type, serialization_format FROM topics")
        }
        readers: dict[int, Callable[[bytes], Any]] = {}
        for number, (topic, kind, encoded) in about.items():
            if topic in wanted:
                encoding, text = definitions.get(kind, ("none", ""))
                schema = schemas(id=number, name=kind, encoding=encoding, data=text.encode())
                readers[number] = _decoder(factory, encoded, schema, topic, file)
        chosen = ",".join(map(str, readers))
        query = f"SELECT topic_id, timestamp, data FROM messages WHERE topic_id IN ({chosen}) ORDER BY timestamp"
        for number, time, data in database.execute(query):
            yield Message(about[number][0], time, readers[number](data))


def _database(file: Path) -> sqlite3.Connection:
    database = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    database.execute("PRAGMA trusted_schema = OFF")
    return database


def _decoder(factory: Any, encoding: str, schema: Any, topic: str, file: Path) -> Callable[[bytes], Any]:
    """What reads the messages of a topic. Raises: SkillsError where nothing here does."""
    if encoding == _JSON:
        return json.loads
    read: Callable[[bytes], Any] | None = factory.decoder_for(encoding, schema)
    if read is None:
        said = f"{encoding}, defined in {schema.encoding if schema else 'nothing'}"
        raise SkillsError(
            f"The messages of {topic} in {file} are in an encoding that is not read here: {said}.",
            f"Read are ROS 2's (cdr, defined in {_ROS}) and {_JSON}. Write the columns into an .npz",
        )

    def decoded(data: bytes) -> Any:
        try:
            return read(data)
        except Exception as error:  # whatever damage provokes in it
            raise DamagedError(f"a message of {topic} is not as it is defined ({type(error).__name__})") from error

    return decoded


def _mcap() -> tuple[Any, Any, Any]:
    """(what opens a file, what makes decoders, what a definition is). Raises: SkillsError where they are missing."""
    try:
        from mcap.reader import make_reader
        from mcap.records import Schema
        from mcap_ros2.decoder import DecoderFactory
    except ModuleNotFoundError as error:
        raise SkillsError(
            "Reading MCAP files and ROS 2's bags needs mcap and mcap-ros2-support.",
            "Install them: pip install 'skills[mcap]'",
            ENVIRONMENT,
        ) from error
    return make_reader, DecoderFactory, Schema
