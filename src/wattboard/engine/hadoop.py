"""What lies at addresses, by the file systems of Hadoop that Spark reads with.

They are Java's, and asked through Spark's session, which starts when the first question comes. Bytes
cross over in blocks.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from wattboard.engine import spark_session
from wattboard.engine.java_errors import last_reason, said
from wattboard.errors import InputError
from wattboard.remote import DeniedError, Kind, RemotePath, joined, split

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# For the first answer of a store. Hadoop's own limits are finite too, but count in quarters of an hour.
REACH_S = 60.0
BLOCK_BYTES = 4 << 20
HADOOP = "org.apache.hadoop"
# What is to be added for a scheme; those of Hadoop's come in the version of Hadoop.
PACKAGES = {
    "s3a": f"{HADOOP}:hadoop-aws",
    "abfs": f"{HADOOP}:hadoop-azure",
    "abfss": f"{HADOOP}:hadoop-azure",
    "wasb": f"{HADOOP}:hadoop-azure",
    "wasbs": f"{HADOOP}:hadoop-azure",
    "oss": f"{HADOOP}:hadoop-aliyun",
    "gs": "com.google.cloud.bigdataoss:gcs-connector",
}
# From 3.5 on Hadoop has one of its own.
GCS_OF_HADOOP = f"{HADOOP}.fs.gs."
OTHER_NAMES = {"s3": "s3a", "s3n": "s3a", "gcs": "gs", "adl": "abfss", "azure": "abfss"}
NO_CLASS = re.compile(r"ClassNotFoundException|NoClassDefFoundError|UnsupportedFileSystemException")
DENIED = re.compile(
    r"AccessControlException|AccessDeniedException|Permission denied|AuthenticationException"
    r"|NoA(?:ws|uth)\w*Exception|CredentialInitializationException|\b403\b|\b401\b"
)
MISSING = re.compile(
    r"^\S*(?:FileNotFoundException|NoSuchFileException|NotInMountpointException|UnknownStoreException)"
)
UNREACHED = re.compile(
    r"ConnectException|UnknownHostException|NoRouteToHost|SocketTimeout|ConnectTimeout"
    r"|Unable to execute HTTP request"
)
IN_DEFAULTS = "in spark-defaults.conf, in the folder SPARK_CONF_DIR"


class _MissingError(InputError):
    """Nothing is at the address."""


class HadoopStore:
    """Files at addresses, as the session of this master sees them."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._systems: dict[str, Any] = {}

    def at(self, address: str) -> RemotePath | None:
        """As :class:`wattboard.remote.Store` has it."""
        top, names = split(address)
        plain = joined(top, names)
        try:
            with self._translated(plain):
                status = self._status(top, plain)
                return self._told([status])[0]
        except _MissingError:
            return None

    def inside(self, folder: RemotePath) -> list[RemotePath]:
        """As :class:`wattboard.remote.Store` has it."""
        with self._translated(folder.address):
            return self._told(self._system(folder).listStatus(self._path(folder.address)))

    def stream(self, path: RemotePath) -> io.RawIOBase:
        """As :class:`wattboard.remote.Store` has it."""
        with self._translated(path.address):
            opened = self._system(path).open(self._path(path.address))
        return _Stream(opened, path.bytes, lambda: self._translated(path.address))

    # ------------------------------------------------------------------ Java

    @property
    def _spark(self) -> Any:
        return spark_session.session(self._url)

    def _path(self, address: str) -> Any:
        return self._spark._jvm.org.apache.hadoop.fs.Path(address)

    def _system(self, path: RemotePath) -> Any:
        top, _ = split(path.address)
        if top not in self._systems:
            self._status(top, path.address)
        return self._systems[top]

    def _status(self, top: str, address: str) -> Any:
        """The status of a file; who is asked for the first time has so long to answer."""
        path = self._path(address)
        if top in self._systems:
            return self._systems[top].getFileStatus(path)
        conf = self._spark.sparkContext._jsc.hadoopConfiguration()

        def first() -> tuple[Any, Any]:
            system = path.getFileSystem(conf)
            return system, system.getFileStatus(path)

        self._systems[top], status = _within(REACH_S, first, top)
        return status

    def _told(self, statuses: Any) -> list[RemotePath]:
        """Statuses of Java's as paths. Each field is a question to Java, so only what is needed."""
        from py4j.java_gateway import is_instance_of

        def is_a(status: Any, name: str) -> bool:
            return bool(is_instance_of(self._spark.sparkContext._gateway, status, name))

        found = []
        marks: tuple[str, ...] | None = None
        for status in statuses:
            address = str(status.getPath().toString())
            if status.isDirectory():
                found.append(RemotePath(address, self, "folder"))
                continue
            if marks is None:
                # Files of one listing are of one kind.
                known = (
                    (f"{HADOOP}.fs.EtagSource", "getEtag"),
                    (f"{HADOOP}.hdfs.protocol.HdfsFileStatus", "getFileId"),
                )
                marks = tuple(method for name, method in known if is_a(status, name))
            version = [status.getModificationTime(), *(getattr(status, m)() for m in marks)]
            kind: Kind = "file" if status.isFile() else "other"
            size = int(status.getLen())
            found.append(RemotePath(address, self, kind, size, "|".join(map(str, version))))
        return found

    @contextmanager
    def _translated(self, address: str) -> Iterator[None]:
        """Java's errors in our own words."""
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        try:
            yield
        except (PySparkException, Py4JError) as error:
            raise self._refusal(address, said(error)) from error

    def _refusal(self, address: str, told: str) -> InputError:
        scheme = address.partition("://")[0]
        reason = last_reason(told)
        if DENIED.search(told):
            return DeniedError(
                f"{address} may not be read: {reason}.",
                f"Check its rights, and the credentials {IN_DEFAULTS} (docs/scale.md shows how).",
            )
        if MISSING.match(told):
            return _MissingError(f"{address} does not exist.", "Check the address.")
        if NO_CLASS.search(told):
            return self._no_class(address, scheme, reason)
        if UNREACHED.search(told):
            return _unreached(split(address)[0], reason)
        return InputError(
            f"{address} cannot be read: {reason}.",
            f"Check the address, and what is said of {scheme}:// {IN_DEFAULTS}.",
        )

    def _no_class(self, address: str, scheme: str, reason: str) -> InputError:
        if scheme in OTHER_NAMES:
            return InputError(
                f"Spark knows no file system {scheme}:// ({address}).",
                f"Write {OTHER_NAMES[scheme]}:// in its place.",
            )
        package = PACKAGES.get(scheme)
        if GCS_OF_HADOOP in reason:
            package = f"{HADOOP}:hadoop-gcp"
        version = "VERSION"
        if package is not None and package.startswith(HADOOP):
            version = str(self._spark._jvm.org.apache.hadoop.util.VersionInfo.getVersion())
        hint = f"Add the line 'spark.jars.packages {package}:{version}' {IN_DEFAULTS}."
        if package is None:
            hint = (
                f"Name its package and its class {IN_DEFAULTS}: spark.jars.packages and "
                f"spark.hadoop.fs.{scheme}.impl."
            )
        return InputError(f"Spark cannot read {scheme}:// ({address}): {reason}.", hint)


def _unreached(top: str, reason: str) -> InputError:
    return InputError(
        f"{top} does not answer: {reason}.",
        "Check its name and port, and that this machine may reach it.",
    )


def _within(seconds: float, ask: Callable[[], Any], top: str) -> Any:
    """What ``ask`` gives, or raises, in so much time.

    It goes on in a thread that nobody waits for: a call into Java cannot be ended from here.

    Raises:
        InputError: there is no answer in time.
    """
    told: list[tuple[Any, Exception | None]] = []

    def asking() -> None:
        try:
            told.append((ask(), None))
        except Exception as error:  # noqa: BLE001  # raised below, where the answer is waited for
            told.append((None, error))

    thread = threading.Thread(target=asking, daemon=True)
    thread.start()
    thread.join(seconds)
    if not told:
        raise _unreached(top, f"nothing in {seconds:g} s")
    answer, error = told[0]
    if error is not None:
        raise error
    return answer


class _Stream(io.RawIOBase):
    """A stream of Java's as one of Python's."""

    def __init__(
        self, opened: Any, size: int, translated: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._opened = opened
        self._size = size
        self._translated = translated
        # Where we are to read, and where Java is.
        self._place = self._there = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(start + offset, 0)
        return self._place

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self._block(len(view))
        view[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        blocks = []
        while block := self._block(BLOCK_BYTES):
            blocks.append(block)
        return b"".join(blocks)

    def _block(self, wanted: int) -> bytes:
        """Fewer bytes than are wanted at the end of the file alone."""
        # A store may refuse to go beyond the end.
        wanted = min(wanted, self._size - self._place)
        if wanted <= 0:
            return b""
        with self._translated():
            if self._there != self._place:
                self._opened.seek(self._place)
            data = bytes(self._opened.readNBytes(wanted))
        self._place += len(data)
        self._there = self._place
        return data

    def close(self) -> None:
        if not self.closed:
            with self._translated():
                self._opened.close()
        super().close()
