"""Serve the invoke endpoint of AWS's Runtime Interface Emulator, for tools that already speak to it."""

import asyncio
import re
from typing import Any

from emulator.cloud import LocalLambda
from emulator.model.events import encode
from emulator.model.http1 import Request, Response, Server

_PATH = re.compile(r"/2015-03-31/functions/[^/]+/invocations")


async def serve(cloud: LocalLambda, *, host: str, port: int) -> int:
    """Listen, and return the port. A handler error is HTTP 200, as in AWS's emulator."""
    background: set[asyncio.Task[object]] = set()

    async def handle(request: Request) -> Response:
        if request.method != "POST" or not _PATH.fullmatch(request.path):
            return Response(404, b"404 page not found\n", content_type="text/plain; charset=utf-8")
        life = cloud.running_lifecycle
        trace_id = request.headers.get("x-amzn-trace-id")
        request_id = request.headers.get("x-amzn-requestid")
        invocation = life.make(request.body or b"{}", trace_id, request_id)
        task: asyncio.Task[object] = asyncio.ensure_future(life.invoke(invocation))
        background.add(task)
        task.add_done_callback(background.discard)
        first: set[asyncio.Future[Any]] = {invocation.response, task}
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if not invocation.response.done():
            return Response(500, encode({"errorMessage": str(task.exception())}))
        posted = invocation.response.result()
        headers = {"X-Amzn-RequestId": invocation.request_id}
        if posted.function_error is not None:
            headers["X-Amz-Function-Error"] = posted.function_error
        return Response(200, posted.body, headers)

    server = Server(handle)
    await server.start(host=host, port=port)
    return server.port
