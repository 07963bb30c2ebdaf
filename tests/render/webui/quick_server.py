"""A server that ends as soon as it is told to."""

from __future__ import annotations

import asyncio
import socket

import uvicorn


class QuickServer(uvicorn.Server):
    """Uvicorn itself looks ten times a second whether it is to end, and then waits a tenth for answers under way: that
    is half the time of a test with a server of its own."""

    async def main_loop(self) -> None:
        """Serve until it is to end."""
        tick = 0  # at the first one, the answers get their date
        while not await self.on_tick(tick):
            await asyncio.sleep(0.01)
            tick = 1

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close every connection."""
        for server in self.servers:
            server.close()
        for listening in sockets or []:
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
