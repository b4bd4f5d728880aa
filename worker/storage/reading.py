"""Open files of a storage: what one raises while it is read is what `failures.py` names."""

import io
import os
from typing import IO, Any

from worker.storage.failures import BlobMissing, classified


class _Read(io.RawIOBase):
    """A file of a storage, to be read and closed."""

    def __init__(self, key: str, file: IO[bytes]) -> None:
        super().__init__()
        self._key, self._file = key, file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        with classified():
            return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401, any buffer that can be written
        with classified():
            try:
                data = self._file.read(len(buffer))
            except FileNotFoundError as error:
                raise BlobMissing(self._key) from error
        buffer[: len(data)] = data
        return len(data)

    def fileno(self) -> int:
        """Return a local file's descriptor; of others raises `io.UnsupportedOperation`."""
        return self._file.fileno()

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._file.close()


def checked(key: str, file: IO[bytes], piece: int) -> IO[bytes]:
    """Return an open file whose reads raise `BlobMissing` and `StorageAway`.

    `piece`: bytes that are asked of the storage at once.
    """
    return io.BufferedReader(_Read(key, file), piece)
