"""Situation: what the thread that runs a guest works with."""

import socket

import msgspec
import wasmtime
from wasmtime.component import Component

from runtime.wasm.guest.answering import GuestIo
from runtime.wasm.guest.bindings import Bindings, Http
from runtime.wasm.guest.requests import RequestSocket
from runtime.wasm.guest.turns import Turns
from runtime.wasm.launch import Launch
from runtime.wasm.wire import FromWorker, Ready, encode

STDOUT, STDERR = "/proc/self/fd/1", "/proc/self/fd/2"


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """Made by the main thread; `control` takes whole messages from any thread.

    `code_copy` is a descriptor: machine code for more engines, of guests that need several.
    """

    launch: Launch
    engine: wasmtime.Engine
    code: wasmtime.Module | Component
    code_copy: int | None
    bindings: Bindings
    turns: Turns
    requests: RequestSocket
    control: socket.socket
    ready: Ready

    @property
    def http(self) -> Http | None:
        """`fabric.http_request`, if it is granted."""
        return self.requests.http if self.launch.http_request else None

    def store(self) -> wasmtime.Store:
        """A Store as the launch says."""
        return self.io.store(self.engine, self.launch)

    @property
    def io(self) -> GuestIo:
        """How the guest reaches the world."""
        return GuestIo(stdout=STDOUT, stderr=STDERR, http=self.http)

    def say(self, message: FromWorker) -> None:
        """Tell the daemon."""
        self.control.sendall(encode(message))

    @property
    def module(self) -> wasmtime.Module:
        """The code of a guest that is no component."""
        if not isinstance(self.code, wasmtime.Module):
            raise TypeError("this ABI takes a core module")
        return self.code
