"""A DynamoDB that knows its answers by heart: what is left of a call's time is the client's.

    python -m benchmarks.null_server < answers.json

It runs in a process of its own, so that its processor time is not the client's. Standard input holds the answers by
operation, `{"BatchGetItem": {"headers": [["name", "value"]], "body": "text"}}`; the port goes to standard output; the
end of standard input is its end.
"""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from benchmarks.recording import Exchange

_TARGET = re.compile(rb"(?mi)^X-Amz-Target: \w+\.(\w+)")
_LENGTH = re.compile(rb"(?mi)^Content-Length: (\d+)")


@contextmanager
def null_server(exchanges: Sequence[Exchange]) -> Iterator[str]:
    """Serve the recorded answers; the endpoint URL."""
    answers = {
        exchange.operation: {"headers": exchange.answer_headers, "body": exchange.answer.decode()}
        for exchange in exchanges
    }
    command = [sys.executable, "-m", "benchmarks.null_server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdin is not None  # noqa: S101 - asked for above
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(json.dumps(answers) + "\n")
        process.stdin.flush()
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


def _rendered(headers: Sequence[Sequence[str]], body: str) -> bytes:
    content = body.encode()
    lines = [f"{name}: {value}" for name, value in [*headers, ("Content-Length", len(content))]]
    return "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode() + content


async def _answer(answers: Mapping[bytes, bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length, target = _LENGTH.search(head), _TARGET.search(head)
            if length is None or target is None:
                return
            await reader.readexactly(int(length[1]))
            writer.write(answers[target[1]])
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionResetError):
        return  # the client is done
    finally:
        writer.close()


async def _serve(answers: Mapping[bytes, bytes]) -> None:
    async with await asyncio.start_server(lambda r, w: _answer(answers, r, w), "127.0.0.1", 0) as server:
        sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
        server.close()


if __name__ == "__main__":
    given = json.loads(sys.stdin.readline())
    asyncio.run(_serve({name.encode(): _rendered(**answer) for name, answer in given.items()}))
